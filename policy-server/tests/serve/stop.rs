//! The end.

use std::{
    io::{ErrorKind, Read as _, Write as _},
    net::TcpListener,
    thread,
    time::Duration,
};

use nix::sys::signal::Signal;

use crate::harness::{Server, get, read_exactly, read_to_end};

#[test]
fn nothing_open_ends_at_once_with_either_signal() {
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let server = Server::start(&[
            "--listen",
            "127.0.0.1:0",
            "--allow",
            "a.com:8080",
            "--threads",
            "2",
            "--stop",
            "1h",
        ]);
        server.signal(signal);
        let (status, log) = server.wait();
        assert_eq!(status.code(), Some(0), "{log}");
        assert!(log.contains("stopped"), "{log}");
    }
}

#[test]
fn idle_and_silent_connections_do_not_hold_it_up() {
    let server = Server::start(&[
        "--listen",
        "127.0.0.1:0",
        "--allow",
        "a.com:8080",
        "--stop",
        "1h",
        "--first-byte",
        "1h",
        "--http-header",
        "1h",
    ]);
    let mut silent = server.connect();
    let mut kept = server.connect();
    kept.write_all(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"ok\n") {
        answer.extend(read_exactly(&mut kept, 1));
    }
    assert_eq!(server.stop().0.code(), Some(0));
    assert_eq!((read_to_end(&mut silent), read_to_end(&mut kept)), (vec![], vec![]));
}

fn behind() -> (TcpListener, String) {
    let behind = TcpListener::bind("127.0.0.1:0").unwrap();
    let upstream = behind.local_addr().unwrap().to_string();
    (behind, upstream)
}

#[test]
fn an_open_connection_may_end_and_nobody_new_is_let_in() {
    let (behind, upstream) = behind();
    let args = ["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--allow", "a.com:8080", "--stop", "1h"];
    let server = Server::start(&[&args[..], &["--upstream", &upstream]].concat());
    let (address, admin) = (server.address("listen"), server.address("admin"));
    let mut client = server.connect();
    client.write_all(b"GET").unwrap();
    let mut upstream = behind.accept().unwrap().0;
    assert_eq!(read_exactly(&mut upstream, 3), b"GET");

    server.signal(Signal::SIGTERM);
    server.expect_log("stopping; another signal stops at once");
    // Not listening from some moment on.
    while std::net::TcpStream::connect(address).is_ok() {
        thread::sleep(Duration::from_millis(1));
    }
    assert!(get(admin, "/healthz").0.starts_with("HTTP/1.1 503 "), "who balances the load is told");
    upstream.write_all(b"the whole answer").unwrap();
    assert_eq!(read_exactly(&mut client, 16), b"the whole answer");
    client.write_all(b" and thanks").unwrap();
    drop(client);
    assert_eq!(read_to_end(&mut upstream), b" and thanks");
    drop(upstream);
    let (status, log) = server.wait();
    assert_eq!(status.code(), Some(0));
    assert!(log.trim_end().ends_with("stopped"), "{log}");
}

#[test]
fn the_time_to_end_is_bounded_and_a_second_signal_cuts_it_short() {
    for (time, signals) in [("200ms", 1), ("1h", 2)] {
        let (behind, upstream) = behind();
        let args = ["--listen", "127.0.0.1:0", "--allow", "a.com:8080", "--threads", "2", "--stop", time];
        let server = Server::start(&[&args[..], &["--upstream", &upstream]].concat());
        let mut client = server.connect();
        client.write_all(b"GET").unwrap();
        let mut upstream = behind.accept().unwrap().0;
        read_exactly(&mut upstream, 3);
        upstream.write_all(b"half of").unwrap();
        assert_eq!(read_exactly(&mut client, 7), b"half of");
        for sent in 0..signals {
            server.signal(Signal::SIGTERM);
            if sent == 0 {
                server.expect_log("stopping; another signal stops at once");
            }
        }
        let (status, log) = server.wait();
        assert_eq!(status.code(), Some(0), "{log}");
        assert!(log.contains("connections that were still open are cut"), "{log}");
        // An end would make what was cut look complete.
        for mut side in [client, upstream] {
            assert_eq!(side.read(&mut [0]).unwrap_err().kind(), ErrorKind::ConnectionReset);
        }
    }
}
