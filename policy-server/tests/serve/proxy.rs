//! In front of an unmodified server.

use std::{
    io::{ErrorKind, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    os::unix::net::{UnixListener, UnixStream},
    thread,
};

use crate::harness::{
    Folder, PATIENCE, Server, end_direction, exchange, policy_of, policy_of_unix, read_exactly, read_to_end,
};

/// A server behind one in front; connections to it are taken by hand.
struct Pair {
    server: Server,
    behind: TcpListener,
}

impl Pair {
    fn start(more: &[&str]) -> Self {
        let behind = TcpListener::bind("127.0.0.1:0").unwrap();
        let upstream = behind.local_addr().unwrap().to_string();
        let args = [
            "--listen",
            "127.0.0.1:0",
            "--admin",
            "127.0.0.1:0",
            "--allow",
            "a.com:8080",
            "--upstream",
            &upstream,
        ];
        Self { server: Server::start(&[&args[..], more].concat()), behind }
    }

    /// A client that has sent `first`, and what the upstream sees of it.
    fn connect(&self, first: &[u8]) -> (TcpStream, TcpStream) {
        let mut client = self.server.connect();
        client.write_all(first).unwrap();
        (client, accept(&self.behind))
    }

    fn expect_result(&self, result: &str, count: u64) {
        let listener = self.server.address("listen");
        let line =
            format!(r#"policy_server_upstream_connections_total{{listener="{listener}",result="{result}"}}"#);
        self.server.expect_metric(&line, count);
    }
}

fn accept(listener: &TcpListener) -> TcpStream {
    let (stream, _) = listener.accept().unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    stream
}

#[test]
fn the_policy_is_answered_and_the_rest_goes_through_from_its_first_byte() {
    let pair = Pair::start(&[]);
    assert!(policy_of(pair.server.address("listen")).contains("a.com"));
    for first in [&b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"[..], b"\x16\x03\x01", b"PROXY ", b"\0", b"x"] {
        let (mut client, mut upstream) = pair.connect(first);
        assert_eq!(read_exactly(&mut upstream, first.len()), first);
        upstream.write_all(b"answer").unwrap();
        assert_eq!(read_exactly(&mut client, 6), b"answer");
    }
    pair.expect_result("done", 5);
}

#[test]
fn either_side_may_end_first_and_the_other_goes_on() {
    let pair = Pair::start(&[]);
    let (mut client, mut upstream) = pair.connect(b"question");
    end_direction(&client);
    assert_eq!(read_to_end(&mut upstream), b"question");
    upstream.write_all(b"a long answer").unwrap();
    assert_eq!(read_exactly(&mut client, 13), b"a long answer");
    upstream.write_all(b", and its end").unwrap();
    drop(upstream);
    assert_eq!(read_to_end(&mut client), b", and its end");

    let (mut client, mut upstream) = pair.connect(b"first");
    upstream.write_all(b"greeting").unwrap();
    end_direction(&upstream);
    assert_eq!(read_to_end(&mut client), b"greeting");
    client.write_all(b" and more").unwrap();
    client.write_all(b" and still more").unwrap();
    end_direction(&client);
    assert_eq!(read_to_end(&mut upstream), b"first and more and still more");
    pair.expect_result("done", 2);
}

#[test]
fn megabytes_go_both_ways_at_once_and_arrive_as_sent() {
    let pair = Pair::start(&["--threads", "2"]);
    let data: Vec<u8> = (0..8_000_000u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let (client, upstream) = pair.connect(b"!");
    thread::scope(|scope| {
        for stream in [&client, &upstream] {
            let (mut writer, mut reader) = (stream, stream);
            let data = &data;
            scope.spawn(move || {
                writer.write_all(data).unwrap();
                end_direction(writer);
            });
            scope.spawn(move || {
                let received = read_to_end(&mut reader);
                let received = received.strip_prefix(b"!").unwrap_or(&received);
                assert!(received == data, "{} of {} bytes", received.len(), data.len());
            });
        }
    });
    pair.expect_result("done", 1);
    let listener = pair.server.address("listen");
    for (direction, bytes) in [("to_upstream", 8_000_001), ("to_client", 8_000_000)] {
        let line =
            format!(r#"policy_server_upstream_bytes_total{{listener="{listener}",direction="{direction}"}}"#);
        pair.server.expect_metric(&line, bytes);
    }
}

#[test]
fn a_connection_is_counted_while_it_lives() {
    let pair = Pair::start(&[]);
    let listener = pair.server.address("listen");
    let open = format!(r#"policy_server_upstream_connections_open{{listener="{listener}"}}"#);
    let bytes = |direction: &str| {
        format!(r#"policy_server_upstream_bytes_total{{listener="{listener}",direction="{direction}"}}"#)
    };
    pair.server.expect_metric(&open, 0);
    let (mut client, mut upstream) = pair.connect(b"ping");
    upstream.write_all(b"a pong").unwrap();
    assert_eq!(read_exactly(&mut client, 6), b"a pong");
    pair.server.expect_metric(&open, 1);
    pair.server.expect_metric(&bytes("to_upstream"), 4);
    pair.server.expect_metric(&bytes("to_client"), 6);
    drop((client, upstream));
    pair.server.expect_metric(&open, 0);
}

#[test]
fn a_reset_stays_a_reset() {
    let pair = Pair::start(&[]);
    let reset = |stream: TcpStream| {
        socket2::SockRef::from(&stream).set_linger(Some(std::time::Duration::ZERO)).unwrap()
    };
    let (mut client, mut upstream) = pair.connect(b"GET");
    upstream.write_all(b"half of an ans").unwrap();
    assert_eq!(read_exactly(&mut client, 14), b"half of an ans");
    reset(upstream);
    assert_eq!(client.read(&mut [0; 64]).unwrap_err().kind(), ErrorKind::ConnectionReset);
    pair.expect_result("upstream_failed", 1);

    let (client, mut upstream) = pair.connect(b"POST");
    assert_eq!(read_exactly(&mut upstream, 4), b"POST");
    reset(client);
    assert_eq!(upstream.read(&mut [0; 64]).unwrap_err().kind(), ErrorKind::ConnectionReset);
    pair.expect_result("client_failed", 1);
}

#[test]
fn the_last_answer_arrives_though_the_client_still_sends() {
    let pair = Pair::start(&[]);
    let (mut client, mut upstream) = pair.connect(b"PUT /large HTTP/1.1\r\n\r\n");
    read_exactly(&mut upstream, 23);
    upstream.write_all(b"HTTP/1.1 413 Content Too Large\r\n\r\n").unwrap();
    end_direction(&upstream);
    drop(upstream);
    // What is sent now nobody takes. The answer must survive it.
    for _ in 0..10 {
        if client.write_all(&[b'x'; 1000]).is_err() {
            break;
        }
    }
    assert_eq!(read_exactly(&mut client, 34), b"HTTP/1.1 413 Content Too Large\r\n\r\n");
}

#[test]
fn an_upstream_that_is_down_closes_the_client_and_is_told_once() {
    let Pair { server, behind } = Pair::start(&[]);
    let upstream = behind.local_addr().unwrap();
    drop(behind);
    for _ in 0..5 {
        let mut client = server.connect();
        client.write_all(b"G").unwrap();
        assert_eq!(client.read(&mut [0]).unwrap_or(0), 0, "closed");
    }
    let listener = server.address("listen");
    let line = format!(
        r#"policy_server_upstream_connections_total{{listener="{listener}",result="connect_failed"}}"#
    );
    server.expect_metric(&line, 5);
    server.expect_log("cannot connect to the upstream, closing the client");
    assert!(server.log().contains("Connection refused"), "{}", server.log());
    assert!(policy_of(listener).contains("a.com"), "the policy does not need it");

    // It comes back.
    let behind = TcpListener::bind(upstream).unwrap();
    let mut client = server.connect();
    client.write_all(b"GET").unwrap();
    assert_eq!(read_exactly(&mut accept(&behind), 3), b"GET");
}

#[test]
fn an_idle_connection_ends() {
    let pair = Pair::start(&["--upstream-idle", "200ms"]);
    let (mut client, mut upstream) = pair.connect(b"x");
    assert_eq!(read_exactly(&mut upstream, 1), b"x");
    // A reset, as nothing was ended by anybody.
    assert_eq!(client.read(&mut [0]).unwrap_err().kind(), ErrorKind::ConnectionReset);
    pair.expect_result("idle", 1);
}

#[test]
fn the_proxy_protocol_tells_the_client() {
    for version in ["v1", "v2"] {
        let pair = Pair::start(&["--proxy-protocol", version]);
        let (client, mut upstream) = pair.connect(b"GET /");
        let (from, to) = (client.local_addr().unwrap(), pair.server.address("listen"));
        let expected = if version == "v1" {
            format!("PROXY TCP4 127.0.0.1 127.0.0.1 {} {}\r\n", from.port(), to.port()).into_bytes()
        } else {
            let mut bytes = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\x7f\0\0\x01\x7f\0\0\x01".to_vec();
            bytes.extend([from.port().to_be_bytes(), to.port().to_be_bytes()].concat());
            bytes
        };
        assert_eq!(read_exactly(&mut upstream, expected.len() + 5), [&expected[..], b"GET /"].concat());
    }
}

#[test]
fn unix_sockets_on_both_sides() {
    let folder = Folder::new();
    let behind = UnixListener::bind(folder.path("b.sock")).unwrap();
    let (listen, upstream) =
        (format!("unix:{}", folder.text("f.sock")), format!("unix:{}", folder.text("b.sock")));
    let server = Server::start(&[
        "--listen",
        &listen,
        "--upstream",
        &upstream,
        "--policy-only",
        "127.0.0.1:0",
        "--allow",
        "a.com:8080",
        "--proxy-protocol",
        "v1",
    ]);
    assert_eq!(policy_of_unix(&folder.path("f.sock")), policy_of(server.address("policy-only")));
    let mut client = UnixStream::connect(folder.path("f.sock")).unwrap();
    // More than is read to see what it is.
    let request = [b'Q'; 100];
    client.write_all(&request).unwrap();
    client.shutdown(std::net::Shutdown::Write).unwrap();
    let mut upstream = behind.accept().unwrap().0;
    assert_eq!(read_to_end(&mut upstream), [&b"PROXY UNKNOWN\r\n"[..], &request].concat());
    upstream.write_all(b"answer").unwrap();
    drop(upstream);
    assert_eq!(read_to_end(&mut client), b"answer");
}

#[test]
fn policy_tls_silent_and_http_clients_share_the_port() {
    let pair = Pair::start(&[]);
    let silent: Vec<_> = (0..50).map(|_| pair.server.connect()).collect();
    let (_tls, mut tls_upstream) = pair.connect(b"\x16\x03\x01\0");
    let (mut http, mut http_upstream) = pair.connect(b"GET / HTTP/1.1\r\n\r\n");
    for _ in 0..50 {
        assert!(policy_of(pair.server.address("listen")).contains("a.com"));
    }
    let mut half = pair.server.connect();
    half.write_all(b"<policy-file-").unwrap();
    assert_eq!(read_exactly(&mut tls_upstream, 4), b"\x16\x03\x01\0");
    read_exactly(&mut http_upstream, 18);
    http_upstream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
    assert_eq!(read_exactly(&mut http, 19), b"HTTP/1.1 200 OK\r\n\r\n");
    let answer = exchange(half, b"request/>\0");
    assert_eq!(answer.last(), Some(&0));
    drop(silent);
}
