//! `hessian listen` against small servers.

use crate::support::{Connection, Running, STREAM, Server, file, http, run};
use hessian::packet::Framing;
use std::process::Command;

fn comet() -> Vec<u8> {
    std::fs::read(file("recorded/comet.bin")).unwrap()
}

/// A stream that begins with these bytes, and ends when the listener does.
fn open(bytes: Vec<u8>) -> Server {
    Server::start(vec![Box::new(move |mut connection: Connection| {
        connection.request();
        connection.send(STREAM);
        connection.send(&bytes);
        connection.wait_for_end();
    })])
}

#[test]
fn packets_are_lines_while_the_stream_is_open() {
    let server = open(comet());
    let mut running = Running::start(&["listen", &server.url("/comet")]);
    assert_eq!(
        running.line(),
        "{\"$class\":\"example.AddString\",\"value\":\"Sed ut perspiciatis, unde omnis iste natus error\"}\n"
    );
    for _ in 1..6 {
        assert!(running.line().starts_with("{\"$class\":\"example.AddString\""));
    }
    // Ctrl-C.
    let pid = running.child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    let ended = running.end();
    assert_eq!(ended.code, Some(130));
    assert!(ended.err.contains(": connected (fresh)"), "{}", ended.err);
    server.join();
}

#[test]
fn so_many_packets_and_no_more() {
    for (options, expected) in [
        (&["--dump"][..], run(&["dump"], &comet()[..133]).ok().out),
        (&["--raw"], comet()[..133].to_vec()),
        (&[], run(&["json"], &comet()[..133]).ok().out),
    ] {
        let server = open(comet());
        let ended =
            run(&[&["listen", &server.url("/"), "--count", "2", "--quiet"], options].concat(), b"").ok();
        assert!(ended.out == expected, "{options:?}: {}", String::from_utf8_lossy(&ended.out));
        server.join();
    }
}

#[test]
fn framings_grammars_and_what_is_sent_are_chosen() {
    let mut stream = Vec::new();
    Framing::Varint.frame(&[b"M\x01a\x91z"], &mut stream);
    let server = Server::start(vec![Box::new(move |mut connection: Connection| {
        let request = connection.request();
        assert!(request.head.starts_with("GET /s?a=b HTTP/1.1\r\n"), "{}", request.head);
        assert_eq!(request.header("authorization"), Some("Bearer tok"));
        assert_eq!(request.header("x-trace"), Some("1"));
        assert_eq!(request.header("last-event-id"), Some("19a:42"));
        connection.send(STREAM);
        connection.send(&stream);
    })]);
    let options = [
        "--framing",
        "varint",
        "--grammar",
        "draft",
        "--bearer",
        "tok",
        "-H",
        "X-Trace: 1",
        "--since",
        "19a:42",
    ];
    let ended = run(&[&["listen", &server.url("/s?a=b"), "--no-reconnect"], &options[..]].concat(), b"");
    server.join();
    assert_eq!((ended.code, ended.text()), (Some(0), "{\"a\":1}\n"), "{}", ended.err);
    assert!(ended.err.contains("the server has ended the stream"), "{}", ended.err);
}

/// A connection that ends is made again, and what the server says of the place is told.
#[test]
fn lost_connections_are_made_again() {
    let head = |position: &str| {
        let fields = format!("\r\npush-position: {position}\r\nConnection:");
        String::from_utf8(STREAM.to_vec()).unwrap().replace("\r\nConnection:", &fields)
    };
    let (first, second) = (head("19a:7"), head("19a:8"));
    let server = Server::start(vec![
        Box::new(move |mut connection: Connection| {
            connection.request();
            connection.send(first.as_bytes());
            connection.send(b"\x05\x01\x91");
        }),
        Box::new(move |mut connection: Connection| {
            let request = connection.request();
            assert_eq!(request.header("last-event-id"), Some("19a:8"));
            connection.send(second.as_bytes());
            connection.send(b"\x05\x01\x92");
            connection.wait_for_end();
        }),
    ]);
    let ended = run(&["listen", &server.url("/"), "-n", "2"], b"");
    assert_eq!((ended.code, ended.text()), (Some(0), "1\n2\n"), "{}", ended.err);
    let lines: Vec<_> = ended.err.lines().map(|line| line.rsplit("/: ").next().unwrap()).collect();
    assert_eq!(lines[0], "connected (fresh), at 19a:7");
    assert!(lines[1].starts_with("the server has ended the connection; another connection in "), "{lines:?}");
    assert_eq!(lines[2..], ["connected (complete), at 19a:8", "hessian: --since 19a:9 goes on from here"]);
    server.join();
}

#[test]
fn what_is_no_stream_has_code_3() {
    for (answer, words) in [
        (http("404 Not Found", "text/plain", b"No such stream."), &["404 Not Found", "No such stream."][..]),
        (http("200 OK", "text/html", b"<html></html>"), &["text/html"]),
        ([STREAM, b"\x05\x02\x91\x40"].concat(), &["0x40"]),
        ([STREAM, b"\x05\x7f\xff\xff\xff\xff\xff\xff\xff\xff"].concat(), &["max_packet"]),
    ] {
        let server = Server::answering(move |_| answer);
        let ended = run(&["listen", &server.url("/"), "--quiet", "--no-reconnect"], b"");
        server.join();
        ended.told(3, words);
    }
    let url = {
        let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}/", gone.local_addr().unwrap())
    };
    run(&["listen", &url], b"").told(3, &["refused"]);
    run(&["listen", "gopher://localhost/"], b"").told(2, &["gopher"]);
}

#[test]
fn who_reads_no_more_ends_it_at_the_next_packet() {
    let server = Server::start(vec![Box::new(move |mut connection: Connection| {
        connection.request();
        connection.send(STREAM);
        for _ in 0..200_000 {
            connection.send(b"\x05\x01\x91");
        }
        connection.wait_for_end();
    })]);
    let mut running = Running::start(&["listen", &server.url("/"), "--quiet"]);
    assert_eq!(running.line(), "1\n");
    let ended = running.close_output().wait_with_output().unwrap();
    assert_eq!((ended.status.code(), ended.stderr.as_slice()), (Some(0), &b""[..]));
    server.join();
}
