//! Tokens, rates and rules of single streams, as operators set them.

use crate::harness::{Answer, Folder, Server, ask, get, serve};

const READ: &str = "token-to-read-payroll";
const OLD: &str = "token-to-publish-old";
const NEW: &str = "token-to-publish-new";

fn publish(server: &Server, stream: &str, token: &str) -> Answer {
    let request = format!(
        "POST /streams/{stream}/messages HTTP/1.0\r\nContent-Type: application/json\r\nContent-Length: 1\r\n\
         Authorization: Bearer {token}\r\n\r\n1"
    );
    ask(server.clients(), &request)
}

/// A file of settings with everything that protects, and the files of tokens that it names.
fn settings(folder: &Folder) -> String {
    let (publish, read) = (folder.path("publish"), folder.path("payroll"));
    folder.write("publish", &format!("# who publishes\n{OLD}\n"));
    folder.write("payroll", READ);
    folder.write(
        "push.toml",
        &format!(
            "listen = ['127.0.0.1:0']\n\
             admin.listen = ['127.0.0.1:0']\n\
             [access]\npublish_token_file = {publish:?}\n\
             [log]\nfilter = 'trace'\n\
             [[streams]]\nname = 'payroll-*'\nsubscribe_token_file = {read:?}\n\
             [[streams]]\nname = 'short'\nlog_messages = 2\noverflow = 'latest'\npublishes = 1\npublishes_burst = 4\n"
        ),
    )
}

#[test]
fn tokens_of_files_are_asked_for_read_again_at_a_reload_and_never_logged() {
    let folder = Folder::new();
    let file = settings(&folder);
    let server = Server::start_command(serve(&["--config", &file]));
    assert_eq!(publish(&server, "news", "x").status, 401);
    assert_eq!(publish(&server, "news", OLD).status, 200);
    assert_eq!(publish(&server, "news", READ).status, 403);
    let refused = server.get("/streams/payroll-1/poll");
    assert!(refused.status == 401 && refused.head.contains("www-authenticate: bearer"), "{refused:?}");
    assert_eq!(server.get(&format!("/streams/payroll-1/poll?token={READ}")).status, 200);
    let mut reader = server.read(&format!("/streams/payroll-1/sse?token={READ}"));
    assert_eq!(publish(&server, "payroll-1", OLD).status, 200);
    reader.until("data: 1");

    // Another token, for publishing and for reading: who reads stays.
    folder.write("publish", NEW);
    folder.write("payroll", "token-to-read-payroll-2");
    server.signal("HUP");
    server.expect_log("settings reloaded", 1);
    assert_eq!(publish(&server, "payroll-1", OLD).status, 401);
    assert_eq!(publish(&server, "payroll-1", NEW).status, 200);
    reader.until("data: 1");
    assert_eq!(server.get(&format!("/streams/payroll-1/poll?token={READ}")).status, 401);
    // A file that is empty for a moment lets nobody in.
    folder.write("publish", "");
    server.signal("HUP");
    server.expect_log("there is no token in it", 1);
    assert_eq!(publish(&server, "payroll-1", OLD).status, 401);
    assert_eq!(publish(&server, "payroll-1", NEW).status, 200);

    let metrics = get(server.address("admin"), "/metrics").body;
    for (reason, count) in [("token_missing", 1), ("token_wrong", 4), ("token_scope", 1)] {
        let line = format!("push_server_refusals_total{{reason=\"{reason}\"}} {count}\n");
        assert!(metrics.contains(&line), "{line}{metrics}");
    }
    let shown = server.log() + &metrics + &get(server.address("admin"), "/console/status").body;
    for token in [READ, OLD, NEW, "Bearer", "token="] {
        assert!(!shown.contains(token), "{token}: {shown}");
    }
    assert!(shown.contains("/streams/payroll-1/poll"), "requests are logged: {shown}");
}

#[test]
fn sections_of_streams_have_bounds_and_rates_of_their_own() {
    let folder = Folder::new();
    let file = settings(&folder);
    let server = Server::start_command(serve(&["--config", &file]));
    for _ in 0..4 {
        assert_eq!(publish(&server, "short", OLD).status, 200);
        assert_eq!(publish(&server, "news", OLD).status, 200);
    }
    let refused = publish(&server, "short", OLD);
    assert!(refused.status == 429 && refused.head.contains("retry-after: 1"), "{refused:?}");
    assert_eq!(publish(&server, "news", OLD).status, 200);
    let held =
        |stream: &str| server.get(&format!("/streams/{stream}/poll?last=9")).body.matches("data").count();
    assert_eq!((held("short"), held("news")), (2, 5));
    let head = server.get("/streams/short/hessian?rotate=1").head;
    assert!(head.contains("push-counting: none"), "it may skip: {head}");
}

#[test]
fn what_is_printed_gives_no_token_away_and_starts_the_same_server() {
    let folder = Folder::new();
    let first = folder.write(
        "first.toml",
        &format!(
            "listen = ['127.0.0.1:0']\n[access]\npublish_tokens = ['{OLD}']\n[rates]\npublishes = 1\npublishes_burst = 2\n\
             [[streams]]\nname = 'payroll-*'\nsubscribe_tokens = ['{READ}']\n"
        ),
    );
    let printed = serve(&["--config", &first, "--print-config"])
        .env("PUSH_SERVER_ACCESS_SEND_TOKENS", NEW)
        .output()
        .unwrap();
    let printed = String::from_utf8(printed.stdout).unwrap();
    for token in [OLD, READ, NEW] {
        assert!(!printed.contains(token), "{printed}");
    }
    assert_eq!(printed.matches("sha256:").count(), 5, "three digests, and help for two keys: {printed}");
    let second = folder.write("second.toml", &printed);
    let server = Server::start_command(serve(&["--config", &second]));
    assert_eq!(publish(&server, "payroll-1", READ).status, 403);
    assert_eq!([(); 3].map(|()| publish(&server, "payroll-1", OLD).status), [200, 200, 429]);
    assert_eq!(server.get("/streams/payroll-1/poll").status, 401);
    assert_eq!(server.get(&format!("/streams/payroll-1/poll?token={READ}")).status, 200);
}

#[test]
fn wrong_tokens_are_told_without_being_shown() {
    let folder = Folder::new();
    let tokens = folder.write("tokens", "# one\nhunter2\n");
    let file = folder.write(
        "push.toml",
        &format!("[access]\npublish_token_file = {tokens:?}\n[[streams]]\nname = 'a'\nsubscribe_token_file = '/nowhere'\n"),
    );
    let output = serve(&["--config", &file, "--check-config"]).output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(
        stderr.contains(&format!("access.publish_token_file: {tokens}: line 2: a token has 16")),
        "{stderr}"
    );
    assert!(stderr.contains("[[streams]] \"a\", subscribe_token_file: /nowhere: cannot be read"), "{stderr}");
    let output =
        serve(&["--check-config"]).env("PUSH_SERVER_ACCESS_PUBLISH_TOKENS", "hunter2").output().unwrap();
    let more = String::from_utf8(output.stderr).unwrap();
    assert!(more.contains("access.publish_tokens: found no token: a token has 16"), "{more}");
    assert!(!(stderr + &more).contains("hunter2"));
}

/// What a client sends goes to all readers: a token for publishing is asked for there too, unless it is said otherwise.
#[test]
fn a_token_for_publishing_is_asked_of_clients_that_send() {
    let folder = Folder::new();
    let with = |more: &str| {
        let text = format!(
            "listen = ['127.0.0.1:0']\n[access]\npublish_tokens = ['{OLD}']\n{more}\n\
             [[streams]]\nname = 'payroll'\nsubscribe_tokens = ['{READ}']\n"
        );
        folder.write("push.toml", &text)
    };
    let server = Server::start_command(serve(&["--config", &with("")]));
    let send = |token: &str| {
        let request = format!(
            "POST /streams/payroll/send?token={token} HTTP/1.0\r\nContent-Type: application/json\r\n\
             Content-Length: 1\r\n\r\n1"
        );
        ask(server.clients(), &request).status
    };
    assert_eq!([READ, OLD, NEW].map(send), [403, 200, 401]);
    with(&format!("send_tokens = ['{NEW}']"));
    server.signal("HUP");
    server.expect_log("settings reloaded", 1);
    assert_eq!([READ, OLD, NEW].map(send), [403, 403, 200]);
    with("anybody_sends = true");
    server.signal("HUP");
    server.expect_log("settings reloaded", 2);
    server.expect_log("everybody publishes or sends to them", 1);
    assert_eq!([READ, OLD, NEW].map(send), [200; 3]);
}
