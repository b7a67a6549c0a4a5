//! Controllers on WebSockets: what they read, what they answer, how it ends.

mod support;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use push_server::controller::{self, Context, Controller, Error, Flow, Form, Handle, Input, Reason, Result};
use push_server::{Limits, Start, Stream};
use support::{Client, TestServer, wait_for};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::{HeaderValue, StatusCode};
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

const PATIENCE: Duration = Duration::from_secs(10);

/// What a controller was told, and its handle.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>, Arc<Mutex<Option<Handle>>>);

impl Log {
    fn add(&self, what: impl Into<String>) {
        self.0.lock().unwrap().push(what.into());
    }

    fn all(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }

    async fn until(&self, what: &str) {
        wait_for(|| self.all().iter().any(|told| told == what)).await;
    }

    fn handle(&self) -> Handle {
        self.1.lock().unwrap().clone().expect("it has begun")
    }
}

/// Answers what it reads; joins the stream that it was made with.
struct Chat(Log, Option<Stream>);

impl Controller for Chat {
    async fn begin(&mut self, cx: &mut Context) -> Result {
        *self.0.1.lock().unwrap() = Some(cx.handle().clone());
        if let Some(stream) = &self.1 {
            cx.join(stream.subscribe(cx.form().transport(), Start::Latest(9)));
        }
        self.0.add("begin");
        Ok(Flow::Suspend)
    }

    async fn read(&mut self, cx: &mut Context, input: Input) -> Result {
        let Input::Message { is_text, data } = input else { panic!("{input:?} on a WebSocket") };
        self.0.add(format!("read {is_text} {}", data.escape_ascii()));
        match &data[..] {
            b"bytes" => cx.write(b"raw")?,
            b"bye" => return Ok(Flow::Complete),
            b"fail" => return Err("as asked".into()),
            _ => cx.send(&data.len())?,
        }
        Ok(Flow::Suspend)
    }

    async fn error(&mut self, _: &mut Context, error: &Error) {
        self.0.add(format!("error: {error}"));
    }

    fn close(&mut self, reason: Reason) {
        self.0.add(format!("close {reason:?}"));
    }
}

async fn server(limits: Limits, joins: bool) -> (TestServer, Log) {
    let log = Log::default();
    let own = log.clone();
    let server = TestServer::serving_also(limits, |stream| {
        let stream = joins.then(|| stream.clone());
        controller::router("/chat", Form::WsJson, move |_| Chat(own.clone(), stream.clone()))
    })
    .await;
    (server, log)
}

type Socket = WebSocketStream<TcpStream>;

async fn open(
    server: &TestServer,
    path: &str,
    fields: &[(&'static str, &str)],
) -> std::result::Result<Socket, StatusCode> {
    let mut request = format!("ws://{}{path}", server.address).into_client_request().unwrap();
    for (name, value) in fields {
        request.headers_mut().append(*name, HeaderValue::from_str(value).unwrap());
    }
    let stream = TcpStream::connect(server.address).await.unwrap();
    match timeout(PATIENCE, client_async(request, stream)).await.expect("an answer") {
        Ok((socket, _)) => Ok(socket),
        Err(tungstenite::Error::Http(response)) => Err(response.status()),
        Err(error) => panic!("{error}"),
    }
}

async fn next(socket: &mut Socket) -> Message {
    timeout(PATIENCE, socket.next()).await.expect("a message").expect("no end").unwrap()
}

async fn next_text(socket: &mut Socket) -> String {
    match next(socket).await {
        Message::Text(text) => text.to_string(),
        other => panic!("{other:?} is no text"),
    }
}

async fn closed(socket: &mut Socket) -> (u16, String) {
    match next(socket).await {
        Message::Close(Some(frame)) => (frame.code.into(), frame.reason.to_string()),
        other => panic!("{other:?} is no close frame"),
    }
}

async fn ended(socket: &mut Socket) {
    assert!(timeout(PATIENCE, socket.next()).await.expect("an end").is_none());
}

#[tokio::test]
async fn a_controller_reads_whole_messages_and_answers_in_messages() {
    let (server, log) = server(Limits::default(), false).await;
    let mut socket = open(&server, "/chat", &[]).await.unwrap();
    for (message, answer) in [
        (Message::text("hello"), Message::text(r#"{"data":5}"#)),
        (Message::binary(vec![0, 255]), Message::text(r#"{"data":2}"#)),
        (Message::text(""), Message::text(r#"{"data":0}"#)),
        // Longer than one read.
        (Message::text("x".repeat(20_000)), Message::text(r#"{"data":20000}"#)),
        (Message::text("bytes"), Message::binary(&b"raw"[..])),
        (Message::Ping("are you there".into()), Message::Pong("are you there".into())),
    ] {
        socket.send(message).await.unwrap();
        assert_eq!(next(&mut socket).await, answer);
    }
    // The client goes in good order: it is answered, and that is no failure.
    socket.close(None).await.unwrap();
    while let Some(Ok(message)) = timeout(PATIENCE, socket.next()).await.expect("an end") {
        assert!(matches!(message, Message::Close(_)), "{message:?}");
    }
    log.until("close Peer").await;
    let told = log.all();
    assert_eq!(told[..4], ["begin", "read true hello", "read false \\x00\\xff", "read true "]);
    assert_eq!(told.len(), 7);
    // The controller ends it.
    let mut socket = open(&server, "/chat/ws", &[]).await.unwrap();
    socket.send(Message::text("bye")).await.unwrap();
    assert_eq!(closed(&mut socket).await, (1000, "complete".to_owned()));
    ended(&mut socket).await;
    log.until("close Complete").await;
    // It fails, and the client learns that it did.
    let mut socket = open(&server, "/chat/ws", &[]).await.unwrap();
    socket.send(Message::text("fail")).await.unwrap();
    assert_eq!(closed(&mut socket).await, (1011, "this address failed".to_owned()));
    ended(&mut socket).await;
    log.until("close Failed").await;
    wait_for(|| server.hub.stats().controllers == 0).await;
    assert_eq!(server.hub.stats().controllers_opened, 3);
    server.stop().await;
}

#[tokio::test]
async fn a_joined_stream_and_what_the_client_says_share_the_socket() {
    let (server, log) = server(Limits::default(), true).await;
    server.publish("before").await;
    let mut socket = open(&server, "/chat/ws", &[("sec-websocket-protocol", "push.json")]).await.unwrap();
    let begin = r#"{"event":"begin","position":"ab:0","resume":"fresh","heartbeat":15,"rotate":null}"#;
    assert_eq!(next_text(&mut socket).await, begin);
    assert_eq!(next_text(&mut socket).await, r#"{"position":"ab:1","data":{"value":"before"}}"#);
    socket.send(Message::text("hello")).await.unwrap();
    assert_eq!(next_text(&mut socket).await, r#"{"data":5}"#);
    server.publish_to(1, "after").await;
    assert_eq!(next_text(&mut socket).await, r#"{"position":"ab:2","data":{"value":"after"}}"#);
    // Classes are defined once on each connection.
    let mut hessian = open(&server, "/chat/ws", &[("sec-websocket-protocol", "push.hessian")]).await.unwrap();
    assert_eq!(next_text(&mut hessian).await, begin);
    let first = next(&mut hessian).await.into_data();
    assert!(first.starts_with(b"C\x11example.AddString\x91\x05value\x60"), "{}", first.escape_ascii());
    assert!(next(&mut hessian).await.into_data().starts_with(b"\x60\x05after"));
    hessian.send(Message::text("hello")).await.unwrap();
    assert_eq!(next(&mut hessian).await, Message::binary(&b"\xe5"[..]));
    // The server ends: both are to come back, to where they were.
    let stop = tokio::spawn(server.stop());
    for socket in [&mut socket, &mut hessian] {
        assert_eq!(next_text(socket).await, r#"{"event":"rotate","position":"ab:2"}"#);
        assert_eq!(closed(socket).await, (1012, "rotate".to_owned()));
        ended(socket).await;
    }
    stop.await.unwrap();
    log.until("close Shutdown").await;
}

/// A frame of a client.
fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    let mask = [0x37, 0xfa, 0x21, 0x3d];
    let mut out = vec![first, 0x80 | u8::try_from(payload.len()).unwrap()];
    out.extend_from_slice(&mask);
    out.extend(payload.iter().zip(0..).map(|(byte, at)| byte ^ mask[at % 4]));
    out
}

fn handshake(path: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
}

async fn raw(server: &TestServer) -> Client {
    let mut client = server.ask(&handshake("/chat/ws")).await;
    let head = client.until(b"\r\n\r\n").await;
    assert!(head.starts_with(b"HTTP/1.1 101 Switching Protocols\r\n"), "{}", head.escape_ascii());
    client
}

/// Each bound and rule is told by its close code, after what came before it.
#[tokio::test]
async fn who_breaks_the_rules_is_told_which() {
    let mut limits = Limits::default();
    limits.ws_message = 10;
    let (server, log) = server(limits, false).await;
    for (frames, code, reason) in [
        (masked(0x81, b"0123456789a"), 1009_u16, "ws_message"),
        ([masked(0x01, b"01234567"), masked(0x80, b"890")].concat(), 1009, "ws_message"),
        (masked(0x81, b"\xff"), 1007, "a text is UTF-8"),
        (b"\x81\x01x".to_vec(), 1002, "a client masks its frames"),
        (masked(0x83, b"x"), 1002, "an unknown opcode"),
    ] {
        let mut client = raw(&server).await;
        client.send(&[masked(0x81, b"first"), frames].concat()).await;
        assert_eq!(client.take(12).await, b"\x81\x0a{\"data\":5}");
        let close =
            [&[0x88, u8::try_from(2 + reason.len()).unwrap()], &code.to_be_bytes()[..], reason.as_bytes()]
                .concat();
        assert_eq!(client.take(close.len()).await, close, "{reason}");
        client.send(&masked(0x88, &code.to_be_bytes())).await;
        client.end().await;
        assert_eq!(client.rest().await, b"");
        let error =
            format!("error: the client has broken the rules of WebSocket: {reason} (close code {code})");
        log.until(&error).await;
    }
    // A message in pieces, a ping between them, and the answers in order.
    let mut client = raw(&server).await;
    let pieces =
        [masked(0x01, b"01\xc3"), masked(0x89, b"p"), masked(0x80, b"\xa4"), masked(0x81, b"")].concat();
    for byte in pieces {
        client.send(&[byte]).await;
    }
    assert_eq!(client.take(3).await, b"\x8a\x01p");
    assert_eq!(client.take(24).await, b"\x81\x0a{\"data\":4}\x81\x0a{\"data\":0}");
    // A cut is the client's going.
    drop(client);
    log.until("close Peer").await;
    server.stop().await;
}

#[tokio::test]
async fn what_is_no_handshake_begins_no_controller() {
    let (server, log) = server(Limits::default(), false).await;
    let good = handshake("/chat/ws");
    for (request, status, says) in [
        ("GET /chat HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(), 426, "upgrade: websocket\r\n"),
        (good.replace("Version: 13", "Version: 8"), 426, "sec-websocket-version: 13\r\n"),
        (good.replace("Host: x\r\n", "Host: x\r\nOrigin: http://evil.example\r\n"), 403, "that origin"),
        (good.clone() + "early", 400, "before it speaks"),
    ] {
        let mut client = server.ask(&request).await;
        client.end().await;
        let answer = client.rest_text().await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{request}{answer}");
        assert!(answer.contains(says), "{request}{answer}");
    }
    assert!(log.all().is_empty(), "{:?}", log.all());
    // Other forms of the same controller are as they were.
    let mut sse = server.ask("GET /chat/sse HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert!(sse.head().await.starts_with("HTTP/1.1 200 OK\r\n"));
    server.stop().await;
}

/// Idle ones get pings; a client that says nothing after a close frame is not waited for.
#[tokio::test(start_paused = true)]
async fn silence_is_broken_by_pings_and_no_answer_is_waited_for_without_end() {
    let limits = Limits::default();
    let (server, log) = server(limits.clone(), false).await;
    let mut client = raw(&server).await;
    for _ in 0..2 {
        tokio::time::sleep(limits.heartbeat).await;
        assert_eq!(client.take(2).await, b"\x89\x00");
    }
    let begin = tokio::time::Instant::now();
    log.handle().complete();
    assert_eq!(client.take(12).await, b"\x88\x0a\x03\xe8complete");
    wait_for(|| log.all().len() == 2).await;
    assert_eq!(log.all(), ["begin", "close Complete"]);
    assert_eq!(client.rest().await, b"");
    assert!(begin.elapsed() >= limits.ws_close && begin.elapsed() < limits.ws_close * 2);
    server.stop().await;
}
