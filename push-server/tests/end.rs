//! How the server ends, and how it does not begin.

mod support;

use std::io::{BufRead, BufReader, Read};
use std::net::{SocketAddr, TcpListener};
use std::process::{Child, Command, ExitStatus, Output, Stdio};

use push_server::{Limits, PublishError, Start, Transport};
use support::{Client, TestServer, attach, wait_for};
use tokio::net::TcpStream;
use tokio::time::Instant;

#[tokio::test]
async fn every_reader_gets_what_is_due_and_then_its_farewell() {
    let server = TestServer::start().await;
    let mut clients = Vec::new();
    for (path, version, farewell) in [
        ("/comet", "1.0", ""),
        ("/comet", "1.1", "0\r\n\r\n"),
        ("/comet/sse", "1.0", "event: rotate\ndata: ab:1\n\n"),
        ("/comet/sse", "1.1", "1a\r\nevent: rotate\ndata: ab:1\n\n\r\n0\r\n\r\n"),
        ("/comet/script", "1.0", "\"comet_end\", \"rotate\", \"ab:1\");</script>\n</body></html>\n"),
        ("/comet/script", "1.1", "</body></html>\n\r\n0\r\n\r\n"),
    ] {
        let mut client = server.ask(&format!("GET {path} HTTP/{version}\r\nHost: x\r\n\r\n")).await;
        client.head().await;
        clients.push((client, farewell));
    }
    wait_for(|| server.stream.readers() == 6).await;
    server.publish("the last").await;
    let stream = server.stream.clone();
    server.stop().await;
    for (client, farewell) in clients {
        let text = String::from_utf8_lossy(&client.rest().await).into_owned();
        assert!(
            text.contains("the last") && text.ends_with(farewell),
            "{text:?} does not end with {farewell:?}"
        );
    }
    assert!(matches!(stream.publish("too late").await, Err(PublishError::Ended)));
}

/// A server that stops sends its clients to the one that takes its place, which tells them that it has another history.
#[tokio::test]
async fn who_is_sent_away_comes_back_to_the_next_server_and_is_told_its_epoch() {
    let websocket = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
                     Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    let forms = [
        ("hessian", "", ""),
        ("sse", "", "event: rotate\ndata: ab:1\n\n"),
        ("xhr?rotate=0", "", "{\"event\":\"rotate\",\"position\":\"ab:1\"}\n"),
        ("multipart", "", "{\"event\":\"rotate\",\"position\":\"ab:1\"}"),
        ("script", "", "\"comet_end\", \"rotate\", \"ab:1\""),
        ("longpoll?since=ab:1", "", "\"position\":\"ab:1\",\"next\":0}"),
        ("ws", websocket, "{\"event\":\"rotate\",\"position\":\"ab:1\"}"),
    ];
    let ask =
        |path: &str, fields: &str| format!("GET /streams/comet/{path} HTTP/1.1\r\nHost: x\r\n{fields}\r\n");
    let first = TestServer::start().await;
    first.publish("old").await;
    let mut clients = Vec::new();
    for (path, fields, farewell) in forms {
        clients.push((first.ask(&ask(path, fields)).await, path, farewell));
    }
    wait_for(|| first.stream.readers() == forms.len()).await;
    let stop = tokio::spawn(first.stop());
    for (mut client, path, farewell) in clients {
        if path == "ws" {
            // It answers the close frame.
            client.until(b"\x03\xf4rotate").await;
            client.send(b"\x88\x80\0\0\0\0").await;
        } else {
            let text = String::from_utf8_lossy(&client.rest().await).into_owned();
            assert!(text.contains(farewell), "{path}: {text}");
        }
    }
    stop.await.unwrap();
    let second = TestServer::open(Limits::default(), push_server::Epoch::new(0xac)).await;
    second.publish("new").await;
    for (path, fields, _) in forms {
        let (transport, _) = path.split_once('?').unwrap_or((path, ""));
        let mut client = second.ask(&ask(&format!("{transport}?since=ab:1"), fields)).await;
        let head = String::from_utf8(client.until(b"\r\n\r\n").await).unwrap();
        assert!(head.contains("push-resume: epoch-changed\r\n"), "{head}");
        assert!(head.contains("push-position: ac:0\r\n"), "{head}");
        client.until(b"new").await;
    }
    second.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_reader_who_does_not_read_holds_the_end_up_for_no_longer_than_the_drain_time() {
    let hub = push_server::Hub::start(support::EPOCH, Limits::default(), 2);
    let stream = push_server::demo::open(&hub).unwrap();
    let head = "x".repeat(32 << 20);
    let _stalled = attach(&stream, Transport::Sse, Start::Live, false, &head).await;
    let mut healthy = attach(&stream, Transport::Sse, Start::Live, false, "head").await;
    healthy.until(b"head").await;
    wait_for(|| stream.readers() == 2).await;
    let begin = Instant::now();
    hub.end().await;
    assert!(begin.elapsed() >= Limits::default().drain && begin.elapsed() < Limits::default().drain * 2);
    assert_eq!(healthy.rest_text().await, "event: rotate\ndata: ab:0\n\n");
    assert_eq!(stream.readers(), 0);
}

#[tokio::test]
async fn subscribing_and_publishing_are_refused_after_the_end() {
    let server = TestServer::start().await;
    let (hub, stream) = (server.hub.clone(), server.stream.clone());
    hub.end().await;
    let answer = server.answer("GET /comet HTTP/1.0\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.0 503 "), "{answer}");
    assert!(matches!(stream.publish(&1).await, Err(PublishError::Ended)));
    server.stop().await;
}

fn demo(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_push-server"));
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn run(arguments: &[&str]) -> (Option<i32>, String) {
    let Output { status, stderr, .. } = demo(arguments).output().unwrap();
    (status.code(), String::from_utf8(stderr).unwrap())
}

#[test]
fn a_taken_port_is_one_clear_line_and_exit_2() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let (code, stderr) = run(&["demo", "--listen", &address]);
    assert_eq!(code, Some(2), "{stderr}");
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    assert!(stderr.contains(&address) && stderr.contains("--listen"), "{stderr}");
}

#[test]
fn wrong_arguments_are_exit_2() {
    for arguments in [&["demo", "--listen", "nowhere"][..], &["demo", "--port", "1"], &["dmeo"], &[]] {
        let (code, stderr) = run(arguments);
        assert_eq!(code, Some(2), "{arguments:?}: {stderr}");
    }
}

/// A child that is ended if the test fails.
struct Running(Child, SocketAddr);

impl Running {
    fn start() -> Self {
        Self::start_on("127.0.0.1:0")
    }

    fn start_on(address: &str) -> Self {
        let mut child = demo(&["demo", "--listen", address]).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.as_mut().unwrap()).lines();
        let line =
            lines.find(|line| line.as_ref().is_ok_and(|line| line.contains("Browser"))).unwrap().unwrap();
        let url = line.split_once("http://").unwrap().1;
        let address = url.trim_end_matches('/').parse().unwrap();
        Self(child, address)
    }

    fn signal(&self, name: &str) {
        let sent = Command::new("kill").args(["-s", name, &self.0.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    async fn ended(mut self) -> (ExitStatus, String) {
        let status = loop {
            if let Some(status) = self.0.try_wait().unwrap() {
                break status;
            }
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        };
        let mut stderr = String::new();
        self.0.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
        (status, stderr)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test]
async fn ctrl_c_and_sigterm_tell_the_streams_and_exit_0() {
    for signal in ["INT", "TERM"] {
        let demo = Running::start();
        let mut client = Client::new(TcpStream::connect(demo.1).await.unwrap());
        client.send(b"GET /comet HTTP/1.1\r\nHost: x\r\n\r\n").await;
        client.head().await;
        // The first line comes at once.
        let line = String::from_utf8_lossy(&client.until(b"\r\n").await).into_owned();
        let first = client.until(b"\r\n").await;
        assert_eq!(usize::from_str_radix(line.trim_end(), 16).unwrap(), first.len() - 2);
        assert!(
            first.starts_with(b"\x05\x4dC\x11example.AddString\x91\x05value\x60"),
            "{}",
            first.escape_ascii()
        );
        demo.signal(signal);
        assert_eq!(client.rest_text().await, "0\r\n\r\n", "{signal}");
        let (status, stderr) = demo.ended().await;
        assert_eq!(status.code(), Some(0), "{stderr}");
        assert_eq!(stderr, "");
    }
}

/// As with `| head -1`, and from the beginning, as with `> /dev/full`.
#[tokio::test]
async fn a_closed_stdout_takes_no_farewell_from_the_streams() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    // Nobody is told the port, so it has to be known before.
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let child = demo(&["demo", "--listen", &address.to_string()]).stdout(writer).spawn().unwrap();
    let untold = Running(child, address);
    let mut told = Running::start();
    drop(told.0.stdout.take());
    for mut demo in [untold, told] {
        let socket = loop {
            match TcpStream::connect(demo.1).await {
                Ok(socket) => break socket,
                Err(error) => assert!(demo.0.try_wait().unwrap().is_none(), "it ended: {error}"),
            }
        };
        let mut client = Client::new(socket);
        client.send(b"GET /comet HTTP/1.1\r\nHost: x\r\n\r\n").await;
        client.until(b"AddString").await;
        demo.signal("INT");
        let rest = client.rest().await;
        assert!(rest.ends_with(b"\r\n0\r\n\r\n"), "{}", rest.escape_ascii());
        let (status, stderr) = demo.ended().await;
        assert_eq!((status.code(), stderr.as_str()), (Some(0), ""));
    }
}

#[tokio::test]
async fn a_name_may_be_given_to_listen_on() {
    let mut demo = Running::start_on("localhost:0");
    assert!(demo.1.ip().is_loopback());
    TcpStream::connect(demo.1).await.unwrap();
    demo.0.kill().unwrap();
    let (code, stderr) = run(&["demo", "--listen", "localhost"]);
    assert_eq!(code, Some(2));
    assert!(stderr.contains("cannot listen on localhost: ") && stderr.contains("HOST:PORT"), "{stderr}");
}
