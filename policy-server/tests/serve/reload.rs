//! Another policy while serving.

use std::{
    fs,
    io::Write as _,
    net::TcpListener,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
    thread,
};

use nix::sys::signal::Signal;

use crate::harness::{Folder, Server, connect, exchange, get, policy_of, policy_text, read_exactly};

fn start(folder: &Folder, more: &[&str]) -> Server {
    let file = folder.text("policy.xml");
    Server::start(&[&["--listen", "127.0.0.1:0", "--policy", &file][..], more].concat())
}

#[test]
fn a_signal_reloads_the_socket_policy_and_the_url_policy() {
    let folder = Folder::new();
    folder.write("policy.xml", &policy_text("old.example.com"));
    let server = start(&folder, &["--policy-only", "127.0.0.1:0"]);
    let (address, dedicated) = (server.address("listen"), server.address("policy-only"));
    assert!(policy_of(address).contains("old.example.com"));
    folder.write("policy.xml", &policy_text("new.example.com"));
    server.signal(Signal::SIGHUP);
    server.expect_log("policy reloaded");
    assert!(policy_of(address).contains("new.example.com"));
    assert!(policy_of(dedicated).contains("new.example.com"));
    assert!(get(address, "/crossdomain.xml").1.contains("new.example.com"));
}

#[test]
fn a_change_of_the_file_is_seen_by_itself_however_it_is_made() {
    let folder = Folder::new();
    folder.write("policy.xml", &policy_text("a.example.com"));
    let server = start(&folder, &[]);
    let address = server.address("listen");
    folder.write("policy.xml", &policy_text("b.example.com"));
    server.expect_logs("policy reloaded", 1);
    assert!(policy_of(address).contains("b.example.com"));
    // Renamed over, as careful editors do; with the same size.
    folder.write("new.xml", &policy_text("c.example.com"));
    fs::rename(folder.path("new.xml"), folder.path("policy.xml")).unwrap();
    server.expect_logs("policy reloaded", 2);
    assert!(policy_of(address).contains("c.example.com"));
    // Gone, which is told, and back.
    fs::remove_file(folder.path("policy.xml")).unwrap();
    server.expect_log("cannot be read: No such file");
    assert!(policy_of(address).contains("c.example.com"));
    folder.write("policy.xml", &policy_text("d.example.com"));
    server.expect_logs("policy reloaded", 3);
    assert!(policy_of(address).contains("d.example.com"));
}

#[test]
fn a_bad_file_keeps_the_old_policy_and_says_why() {
    let folder = Folder::new();
    let file = folder.write("policy.xml", &policy_text("a.example.com"));
    let server = start(&folder, &[]);
    let address = server.address("listen");
    folder
        .write("policy.xml", "<cross-domain-policy>\n<allow-access-from domain='x'\n</cross-domain-policy>");
    server.expect_log(&format!("policy not reloaded, the old one is kept: {file}: line "));
    assert!(server.log().contains("correct the file; no player reads anything from it"), "{}", server.log());
    assert!(policy_of(address).contains("a.example.com"));
    assert!(get(address, "/crossdomain.xml").1.contains("a.example.com"));
    let metric =
        |result| server.metric(&format!(r#"policy_server_policy_reloads_total{{result="{result}"}}"#));
    assert_eq!((metric("replaced"), metric("refused")), (Some(0), Some(1)));
    // A bad file is read once, not at every look.
    folder.write("policy.xml", &policy_text("b.example.com"));
    server.expect_log("policy reloaded");
    assert_eq!(server.log().matches("policy not reloaded").count(), 1);
}

#[test]
fn a_file_that_grants_nothing_by_mistake_keeps_the_old_policy() {
    let folder = Folder::new();
    folder.write("policy.xml", &policy_text("a.example.com"));
    let server = start(&folder, &[]);
    let address = server.address("listen");
    let reload = |text: &str| {
        folder.write("policy.xml", text);
        server.signal(Signal::SIGHUP);
    };
    reload("<cross-domain-policy>\n<allow-access-from domain=\"b.example.com\"/>\n</cross-domain-policy>");
    server.expect_log("policy.xml: line 2: nobody may connect to anything: the entry grants nothing, it has no `to-ports`; add");
    assert!(policy_of(address).contains("a.example.com"));
    assert_eq!(server.metric("policy_server_policy_lint_errors"), Some(0));
    // An error beside what is granted is served, and counted.
    let mixed = policy_text("c.example.com").replace('>', ">\n").replacen(
        "\n<",
        "\n<allow-access-from domain=\"x.com\"/>\n<",
        1,
    );
    reload(&mixed);
    server.expect_log("policy reloaded");
    assert!(policy_of(address).contains("c.example.com"));
    assert_eq!(server.metric("policy_server_policy_lint_errors"), Some(1));
    // Who means it writes no entries.
    reload("<cross-domain-policy/>");
    server.expect_log("policy reloaded entries=0");
    assert!(!policy_of(address).contains("allow-access-from"));
}

#[test]
fn what_a_player_would_read_differently_is_logged_at_the_start_and_on_reload() {
    let folder = Folder::new();
    let entry = "<cross-domain-policy>\n<allow-access-from domain=\"a.com\"/>\n</cross-domain-policy>";
    folder.write("policy.xml", entry);
    let server = start(&folder, &["--log-format", "json"]);
    server.expect_log("\"line\":2");
    let log = server.log();
    let finding = log.lines().find(|line| line.contains("policy does not do what it says")).unwrap();
    for part in ["\"level\":\"ERROR\"", "it has no `to-ports`", "\"remedy\":\"add to-ports", "policy.xml"] {
        assert!(finding.contains(part), "{part} in {finding}");
    }
    folder.write("policy.xml", &policy_text("*"));
    server.signal(Signal::SIGHUP);
    server.expect_log("name the hosts of your SWFs");
}

#[test]
fn reloading_under_load_loses_no_request() {
    let folder = Folder::new();
    folder.write("policy.xml", &policy_text("a.example.com"));
    let behind = TcpListener::bind("127.0.0.1:0").unwrap();
    let upstream = behind.local_addr().unwrap().to_string();
    let server = start(&folder, &["--upstream", &upstream, "--admin", "127.0.0.1:0", "--threads", "2"]);
    let address = server.address("listen");
    let valid = ["a", "b"].map(|name| {
        let file: policy_server::PolicyFile = policy_text(&format!("{name}.example.com")).parse().unwrap();
        file.to_wire()
    });
    thread::spawn(move || {
        for stream in behind.incoming() {
            let Ok(mut stream) = stream else { return };
            thread::spawn(move || {
                read_exactly(&mut stream, 4);
                stream.write_all(b"pong").unwrap();
            });
        }
    });

    let (done, asked, carried) = (AtomicBool::new(false), AtomicUsize::new(0), AtomicUsize::new(0));
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while !done.load(Relaxed) {
                    let answer = exchange(connect(address), crate::harness::REQUEST);
                    assert!(valid.iter().any(|wire| *wire == answer), "{answer:?}");
                    asked.fetch_add(1, Relaxed);
                }
            });
            scope.spawn(|| {
                while !done.load(Relaxed) {
                    assert_eq!(exchange(connect(address), b"ping"), b"pong");
                    carried.fetch_add(1, Relaxed);
                }
            });
        }
        // Good, bad and good again, as fast as it takes them.
        for round in 1..=30 {
            let text = match round % 3 {
                0 => "<broken".to_owned(),
                1 => policy_text("b.example.com"),
                _ => policy_text("a.example.com"),
            };
            folder.write("new.xml", &text);
            fs::rename(folder.path("new.xml"), folder.path("policy.xml")).unwrap();
            let seen = server.log().matches("reloaded").count();
            server.signal(Signal::SIGHUP);
            server.expect_logs("reloaded", seen + 1);
        }
        done.store(true, Relaxed);
    });
    let (asked, carried) = (asked.into_inner() as u64, carried.into_inner() as u64);
    // The last answer may be there before it is counted.
    for (reason, count) in [("policy_served", asked), ("handed_on", carried)] {
        let line = format!(r#"policy_server_connections_total{{listener="{address}",reason="{reason}"}}"#);
        server.expect_metric(&line, count);
    }
    assert!(asked > 30 && carried > 30, "{asked} answers, {carried} carried");
    assert!(server.metric(r#"policy_server_policy_reloads_total{result="replaced"}"#) >= Some(20));
    assert!(server.metric(r#"policy_server_policy_reloads_total{result="refused"}"#) >= Some(10));
}
