//! Settings read anew while clients are connected.

use crate::harness::{Folder, Server, policy_of, serve};

fn start(file: &str) -> Server {
    Server::start_command(serve(&["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--config", file]))
}

#[test]
fn a_reload_keeps_every_connection_and_puts_in_place_what_it_can() {
    let folder = Folder::new();
    let file = folder.write("push.toml", "[access]\npublishes = true\n");
    let server = start(&file);
    let mut reader = server.read("/streams/news/sse");
    assert_eq!(server.publish("news", "1").status, 200);
    reader.until("data: 1");

    folder.write(
        "push.toml",
        "[access]\npublishes = false\n[limits]\nstall = '5s'\n[policy]\nallow = ['a.example']\n",
    );
    server.signal("HUP");
    server.expect_log("settings reloaded", 1);
    let log = server.log();
    assert!(log.contains("limits.stall") && log.contains("needs a restart"), "{log}");
    assert!(log.contains("access.publishes") && log.contains("policy.allow"), "{log}");
    assert_eq!(server.publish("news", "2").status, 404, "nobody publishes any more");
    assert!(policy_of(server.clients()).contains("domain=\"a.example\""));
    assert!(server.get("/crossdomain.xml").body.contains("domain=\"a.example\""));

    folder.write("push.toml", "[access]\npublishes = true\n");
    server.signal("HUP");
    server.expect_log("settings reloaded", 2);
    assert_eq!(server.publish("news", "3").status, 200);
    reader.until("data: 3");
}

#[test]
fn something_wrong_anywhere_changes_nothing_and_is_told() {
    let folder = Folder::new();
    let file = folder.write("push.toml", "");
    let server = start(&file);
    let mut reader = server.read("/streams/news/sse");
    folder.write("push.toml", "[access]\npublishes = false\nopen = 1\n");
    server.signal("HUP");
    server.expect_log("settings not reloaded", 1);
    let log = server.log();
    assert!(
        log.contains("line 3: there is no key \\\"access.open\\\"")
            || log.contains("line 3: there is no key \"access.open\""),
        "{log}"
    );
    // The policy is read before anything is put in place.
    folder.write("push.toml", "policy.file = '/nowhere/policy.xml'\naccess.publishes = false\n");
    server.signal("HUP");
    server.expect_log("settings not reloaded", 2);
    assert_eq!(server.publish("news", "1").status, 200);
    reader.until("data: 1");
    let metrics = crate::harness::get(server.address("admin"), "/metrics").body;
    assert!(metrics.contains("push_server_reloads_total{result=\"refused\"} 2\n"), "{metrics}");
}

#[test]
fn a_file_that_hangs_holds_up_nobody_who_comes_and_no_signal_to_end() {
    let folder = Folder::new();
    let file = folder.write("push.toml", "drain.window = '0s'\n");
    let mut server = start(&file);
    std::fs::remove_file(&file).unwrap();
    // Opened for reading it waits for a writer, who never comes.
    assert!(std::process::Command::new("mkfifo").arg(&file).status().unwrap().success());
    let mut reader = server.read("/streams/news/sse");
    server.signal("HUP");
    // Served all the while.
    assert_eq!(server.publish("news", "1").status, 200);
    reader.until("data: 1");
    server.signal("TERM");
    assert_eq!(server.status().code(), Some(0), "{}", server.log());
    let log = server.log();
    assert!(log.contains("ended") && !log.contains("could not be read within"), "{log}");
}
