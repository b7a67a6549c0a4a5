//! `push-server serve`, as a user starts it: nothing configured, or little.

mod support;

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use support::Client;
use tokio::net::TcpStream;

/// A child that is ended if the test fails.
struct Serving(Child, SocketAddr);

impl Serving {
    fn start() -> Self {
        Self::with(&[], &[])
    }

    fn with(options: &[&str], environment: &[(&str, &str)]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_push-server"))
            .args(["serve", "--listen", "127.0.0.1:0"])
            .args(options)
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.as_mut().unwrap()).lines();
        let line =
            lines.find(|line| line.as_ref().is_ok_and(|line| line.contains("http://"))).unwrap().unwrap();
        let address = line.split_once("http://").unwrap().1.split_once('/').unwrap().0.parse().unwrap();
        Self(child, address)
    }

    async fn ask(&self, request: &str) -> Client {
        let mut client = Client::new(TcpStream::connect(self.1).await.unwrap());
        client.send(request.as_bytes()).await;
        client
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test]
async fn it_serves_publishes_answers_the_policy_and_ends_in_order() {
    let mut server = Serving::start();
    let mut reader = server.ask("GET /streams/news/sse HTTP/1.0\r\n\r\n").await;
    reader.head().await;
    reader.until(b"\n\n").await;
    let publish = "POST /streams/news/messages HTTP/1.0\r\nContent-Type: application/json\r\n\
        Content-Length: 7\r\n\r\n\"hello\"";
    let told = server.ask(publish).await.rest_text().await;
    assert!(told.contains(":1\",\"receivers\":1}\n"), "{told}");
    let position = told.split('"').find(|text| text.ends_with(":1")).unwrap().to_owned();
    reader.until(b"data: \"hello\"\n\n").await;

    let policy = server.ask("<policy-file-request/>\0").await.until(b"\0").await;
    let own_port = format!("<allow-access-from domain=\"*\" to-ports=\"{}\"/>", server.1.port());
    assert!(String::from_utf8(policy).unwrap().contains(&own_port));
    let file = server.ask("GET /crossdomain.xml HTTP/1.0\r\n\r\n").await.rest_text().await;
    assert!(
        file.contains("<allow-access-from domain=\"*\"") && file.contains("text/x-cross-domain-policy"),
        "{file}"
    );
    let help = server.ask("GET / HTTP/1.0\r\n\r\n").await.rest_text().await;
    assert!(help.starts_with("HTTP/1.0 200 ") && help.contains("/streams/news/messages"), "{help}");

    let sent = Command::new("kill").args(["-s", "INT", &server.0.id().to_string()]).status().unwrap();
    assert!(sent.success());
    assert_eq!(reader.rest_text().await, format!("event: rotate\ndata: {position}\n\n"));
    let status = loop {
        match server.0.try_wait().unwrap() {
            Some(status) => break status,
            None => tokio::time::sleep(std::time::Duration::from_millis(5)).await,
        }
    };
    assert_eq!(status.code(), Some(0));
}

#[tokio::test]
async fn the_bridge_and_the_pages_that_may_connect_are_the_operator_s() {
    let other = "https://www.example.com";
    for (server, has_bridge, admits) in [
        (Serving::start(), true, false),
        (
            Serving::with(&["--no-bridge", "--origin", "http://x.example:81", "--origin", other], &[]),
            false,
            true,
        ),
        (
            Serving::with(&[], &[("PUSH_SERVER_LIMITS_BRIDGES", "0"), ("PUSH_SERVER_ACCESS_ORIGINS", other)]),
            false,
            true,
        ),
        (
            Serving::with(&[], &[("PUSH_SERVER_LIMITS_BRIDGES", "7"), ("PUSH_SERVER_ACCESS_ORIGINS", "")]),
            true,
            false,
        ),
        // Blanks and a comma more than needed.
        (
            Serving::with(&[], &[("PUSH_SERVER_ACCESS_ORIGINS", &format!("http://x.example, {other},"))]),
            true,
            true,
        ),
    ] {
        let own = format!("http://{}", server.1);
        for (path, origin, status) in [
            ("/ruffle", own.as_str(), if has_bridge { 101 } else { 404 }),
            ("/streams/news/ws", &own, 101),
            ("/streams/news/ws", other, if admits { 101 } else { 403 }),
            ("/streams/news/ws", "https://www.example.com:444", 403),
        ] {
            let handshake = format!(
                "GET {path} HTTP/1.1\r\nHost: {}\r\nOrigin: {origin}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                 Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
                server.1
            );
            let head = server.ask(&handshake).await.until(b"\r\n").await;
            assert!(
                head.starts_with(format!("HTTP/1.1 {status} ").as_bytes()),
                "{path} {origin} {}",
                head.escape_ascii()
            );
        }
    }
}
