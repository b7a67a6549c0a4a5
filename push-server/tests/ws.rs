//! WebSockets: byte by byte, and with a client library that is not ours.

mod support;

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use push_server::lifecycle::Close;
use push_server::web::{self, Origins};
use push_server::{Hub, Limits, Overflow, Start, Stream, StreamConfig, Transport, demo};
use support::{Client, EPOCH, TestServer, attach, join, wait_for};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::{HeaderValue, StatusCode};
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

/// Key and answer of RFC 6455, 1.3.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

const PATIENCE: Duration = Duration::from_secs(10);

/// A handshake with some more header lines.
fn handshake(path: &str, more: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\n{more}\r\n"
    )
}

/// A frame of a server, of fewer than 126 bytes.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    [&[first, u8::try_from(payload.len()).unwrap()], payload].concat()
}

fn text(text: &str) -> Vec<u8> {
    frame(0x81, text.as_bytes())
}

/// A frame of a client.
fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    let mask = [0x37, 0xfa, 0x21, 0x3d];
    let mut out = vec![first];
    match payload.len() {
        length @ 0..126 => out.push(0x80 | u8::try_from(length).unwrap()),
        length => {
            out.push(0x80 | 127);
            out.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    out.extend_from_slice(&mask);
    out.extend(payload.iter().zip(0..).map(|(byte, at)| byte ^ mask[at % 4]));
    out
}

fn begin(position: &str, resume: &str) -> String {
    format!(r#"{{"event":"begin","position":"{position}","resume":"{resume}","heartbeat":15,"rotate":null}}"#)
}

type Socket = WebSocketStream<TcpStream>;

/// A client of tungstenite's, or the status by which it is refused.
async fn open(
    server: &TestServer,
    path: &str,
    fields: &[(&'static str, &str)],
) -> Result<Socket, StatusCode> {
    let mut request = format!("ws://{}{path}", server.address).into_client_request().unwrap();
    for (name, value) in fields {
        request.headers_mut().append(*name, HeaderValue::from_str(value).unwrap());
    }
    let stream = TcpStream::connect(server.address).await.unwrap();
    match timeout(PATIENCE, client_async(request, stream)).await.expect("an answer") {
        Ok((socket, _)) => Ok(socket),
        Err(Error::Http(response)) => Err(response.status()),
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

/// A raw client of `/comet/ws` that has read the first message.
async fn raw(server: &TestServer, more: &str) -> Client {
    let mut client = server.ask(&handshake("/comet/ws", more)).await;
    client.until(b"\r\n\r\n").await;
    let first = text(&begin(&server.stream.position().to_string(), "fresh"));
    assert_eq!(client.take(first.len()).await, first);
    client
}

#[tokio::test]
async fn the_json_form_byte_by_byte() {
    let server = TestServer::start().await;
    let mut client = server.ask(&handshake("/comet/ws", "")).await;
    let head = format!(
        "HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\
         sec-websocket-accept: {ACCEPT}\r\npush-position: ab:0\r\n\r\n"
    );
    assert_eq!(String::from_utf8(client.until(b"\r\n\r\n").await).unwrap(), head);
    let first = text(&begin("ab:0", "fresh"));
    assert_eq!(client.take(first.len()).await, first);
    server.publish_to(1, "hello").await;
    let message = text(r#"{"position":"ab:1","data":{"value":"hello"}}"#);
    assert_eq!(client.take(message.len()).await, message);
    let long = "x".repeat(200);
    server.publish(&long).await;
    let json = format!(r#"{{"position":"ab:2","data":{{"value":"{long}"}}}}"#);
    let message =
        [b"\x81\x7e\x00".as_slice(), &[u8::try_from(json.len()).unwrap()], json.as_bytes()].concat();
    assert_eq!(client.take(message.len()).await, message);
    // Said while the server ends: the client answers the close frame, and the connection is over.
    let stop = tokio::spawn(server.stop());
    let end = [text(r#"{"event":"rotate","position":"ab:2"}"#), frame(0x88, b"\x03\xf4rotate")].concat();
    assert_eq!(client.take(end.len()).await, end);
    client.send(&masked(0x88, b"\x03\xe8")).await;
    assert_eq!(client.rest().await, b"");
    stop.await.unwrap();
}

#[tokio::test]
async fn the_hessian_form_byte_by_byte() {
    let server = TestServer::start().await;
    let mut client = server
        .ask(&handshake("/comet/ws?client=ann", "Sec-WebSocket-Protocol: chat, push.hessian\r\n"))
        .await;
    let head = String::from_utf8(client.until(b"\r\n\r\n").await).unwrap();
    assert!(head.contains("\r\nsec-websocket-protocol: push.hessian\r\n"), "{head}");
    let first = text(&begin("ab:0", "fresh"));
    assert_eq!(client.take(first.len()).await, first);
    server.publish_to(1, "hello").await;
    let value = frame(0x82, b"C\x11example.AddString\x91\x05value\x60\x05hello");
    assert_eq!(client.take(value.len()).await, value);
    // The definition is not repeated; a direct message is announced.
    server.publish("world").await;
    let line = demo::AddString { value: "you".to_owned() };
    server.stream.send_to(&"ann".parse().unwrap(), &line).unwrap();
    let rest =
        [frame(0x82, b"\x60\x05world"), text(r#"{"event":"direct"}"#), frame(0x82, b"\x60\x03you")].concat();
    assert_eq!(client.take(rest.len()).await, rest);
    drop(client);
    server.stop().await;
}

#[tokio::test]
async fn a_client_library_reads_both_forms_and_closes_in_order() {
    let server = TestServer::start().await;
    let mut json = open(&server, "/comet/ws", &[("sec-websocket-protocol", "push.json")]).await.unwrap();
    let mut hessian =
        open(&server, "/comet/ws", &[("sec-websocket-protocol", "push.hessian")]).await.unwrap();
    assert_eq!(next_text(&mut json).await, begin("ab:0", "fresh"));
    assert_eq!(next_text(&mut hessian).await, begin("ab:0", "fresh"));
    // Through all three lengths of a frame's header.
    for (number, length) in [(1, 5), (2, 300), (3, 70_000)] {
        let value = "y".repeat(length);
        server.publish_to(2, &value).await;
        let expected = format!(r#"{{"position":"ab:{number}","data":{{"value":"{value}"}}}}"#);
        assert_eq!(next_text(&mut json).await, expected);
        let Message::Binary(bytes) = next(&mut hessian).await else { panic!("no binary message") };
        let head: &[u8] = if number == 1 { b"C\x11example.AddString\x91\x05value\x60" } else { b"\x60" };
        assert!(bytes.starts_with(head), "{}", bytes.escape_ascii());
    }
    // One leaves by itself, the other is told.
    hessian.close(None).await.unwrap();
    while timeout(PATIENCE, hessian.next()).await.expect("an end").is_some() {}
    wait_for(|| server.stream.readers() == 1).await;
    assert_eq!(server.hub.stats().closed[Close::Peer as usize], 1);
    let hub = server.hub.clone();
    let stop = tokio::spawn(server.stop());
    assert_eq!(next_text(&mut json).await, r#"{"event":"rotate","position":"ab:3"}"#);
    assert_eq!(closed(&mut json).await, (1012, "rotate".to_owned()));
    assert!(timeout(PATIENCE, json.next()).await.expect("an end").is_none());
    stop.await.unwrap();
    assert_eq!(hub.stats().closed[Close::Complete as usize], 1);
}

#[tokio::test]
async fn a_handshake_that_is_none_is_refused() {
    let server = TestServer::start().await;
    let good = handshake("/comet/ws", "");
    for (request, status, says) in [
        ("GET /comet/ws HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(), 426, "upgrade: websocket\r\n"),
        (good.replace("Upgrade: websocket", "Content-Length: 5\r\nUpgrade: websocket"), 400, "has no body"),
        (good.replace("Upgrade: websocket", "Upgrade: h2c"), 426, "connection: Upgrade\r\n"),
        (good.replace("Version: 13", "Version: 8"), 426, "sec-websocket-version: 13\r\n"),
        (good.replace("Version: 13", "Version: 13, 8"), 426, "sec-websocket-version: 13\r\n"),
        (handshake("/comet/ws", "Sec-WebSocket-Version: 8\r\n"), 426, "sec-websocket-version: 13\r\n"),
        (handshake("/comet/ws", "Sec-WebSocket-Version: 13\r\n"), 426, "sec-websocket-version: 13\r\n"),
        (good.replace("Connection: Upgrade", "Connection: keep-alive"), 426, "connection: Upgrade\r\n"),
        (good.replace("Connection: Upgrade", "Connection: Upgraded"), 426, "upgrade: websocket\r\n"),
        (good.replace("Sec-WebSocket-Version: 13\r\n", ""), 426, "sec-websocket-version: 13\r\n"),
        (good.replace(KEY, "dGhl"), 400, "16 bytes in base64"),
        (good.replace(KEY, "?"), 400, "16 bytes in base64"),
        (good.replace(&format!("Sec-WebSocket-Key: {KEY}\r\n"), ""), 400, "16 bytes in base64"),
        (handshake("/comet/ws", &format!("Sec-WebSocket-Key: {KEY}\r\n")), 400, "16 bytes in base64"),
        (handshake("/comet/ws", "Sec-WebSocket-Protocol: chat\r\n"), 400, "push.json, push.hessian"),
        (handshake("/comet/ws?since=x", ""), 400, "epoch:sequence"),
        (handshake("/comet/ws?client=%20", ""), 400, "client id"),
        (handshake("/comet/ws?rotate=x", ""), 400, "rotate"),
        (handshake("/streams/none/ws", ""), 404, "No such stream"),
        (good.replace("GET", "POST"), 405, "method"),
    ] {
        // hyper keeps the connection for another request: the end of the client's direction ends it.
        let mut client = server.ask(&request).await;
        tokio::io::AsyncWriteExt::shutdown(&mut client.socket).await.unwrap();
        let answer = client.rest_text().await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{request}{answer}");
        assert!(answer.contains(says), "{request}{answer}");
    }
    // Bytes that come with the handshake would be lost on the way to the shard.
    let mut early = good.into_bytes();
    early.extend_from_slice(&masked(0x81, b"hello"));
    let mut client = server.ask("").await;
    client.send(&early).await;
    let answer = client.rest_text().await;
    assert!(answer.starts_with("HTTP/1.1 400 ") && answer.contains("before it speaks"), "{answer}");
    server.stop().await;
}

/// Both fields are lists, on one line or on several.
#[tokio::test]
async fn a_handshake_may_list_other_things_as_well() {
    let server = TestServer::start().await;
    for path in ["/comet/ws", "/streams/comet"] {
        let good = handshake(path, "");
        for request in [
            good.replace("Connection: Upgrade", "Connection: keep-alive, upgrade"),
            good.replace("Connection: Upgrade", "Connection: keep-alive\r\nConnection: Upgrade"),
            good.replace("Connection: Upgrade", "Connection: Upgrade\r\nConnection: keep-alive"),
            good.replace("Upgrade: websocket", "Upgrade: h2c, WebSocket"),
            good.replace("Upgrade: websocket", "Upgrade: h2c\r\nUpgrade: websocket"),
        ] {
            assert_ne!(request, good);
            let mut client = server.ask(&request).await;
            let head = client.until(b"\r\n\r\n").await;
            assert!(head.starts_with(b"HTTP/1.1 101 "), "{request}{}", head.escape_ascii());
        }
    }
    server.stop().await;
}

/// Where `Accept` decides, `Upgrade` comes first.
#[tokio::test]
async fn the_address_of_the_stream_itself_upgrades() {
    let server = TestServer::start().await;
    let mut socket = open(&server, "/streams/comet", &[("accept", "text/event-stream")]).await.unwrap();
    assert_eq!(next_text(&mut socket).await, begin("ab:0", "fresh"));
    drop(socket);
    let fields = [("origin", "http://evil.example")];
    assert_eq!(open(&server, "/streams/comet", &fields).await.err(), Some(StatusCode::FORBIDDEN));
    server.stop().await;
}

#[tokio::test]
async fn other_origins_are_named_with_an_extension() {
    let hub = Hub::start(EPOCH, Limits::default(), 1);
    let stream = stream(&hub);
    let origins = Origins::same_host().and("https://app.example.com");
    let router = web::router(hub.clone()).layer(axum::Extension(origins));
    let server = TestServer::of(hub, stream, router);
    for (origin, refused) in
        [("https://app.example.com", None), ("https://example.com", Some(StatusCode::FORBIDDEN))]
    {
        let fields = [("origin", origin)];
        assert_eq!(open(&server, "/streams/comet/ws", &fields).await.err(), refused, "{origin}");
    }
    server.stop().await;
}

#[tokio::test]
async fn pages_of_this_host_may_read_and_others_may_not() {
    let server = TestServer::start().await;
    let host = format!("http://{}", server.address);
    for (origins, admitted) in [
        (vec![], true),
        (vec![host.as_str()], true),
        (vec!["http://evil.example"], false),
        (vec!["null"], false),
        (vec![""], false),
        (vec![host.as_str(), "http://evil.example"], false),
        (vec![host.as_str(), host.as_str()], false),
    ] {
        let fields: Vec<_> = origins.iter().map(|origin| ("origin", *origin)).collect();
        let refused = open(&server, "/comet/ws", &fields).await.err();
        assert_eq!(refused, (!admitted).then_some(StatusCode::FORBIDDEN), "{origins:?}");
    }
    server.stop().await;
}

#[tokio::test]
async fn what_a_client_says_is_taken_apart_wherever_it_is_cut() {
    let server = TestServer::start().await;
    let mut client = raw(&server, "").await;
    client.socket.set_nodelay(true).unwrap();
    let said = [
        masked(0x81, b"hello"),
        masked(0x01, b"in "),
        masked(0x89, b"ping"),
        masked(0x80, b"pieces"),
        masked(0x8a, b""),
        masked(0x82, &[7; 300]),
        masked(0x89, b""),
    ]
    .concat();
    for byte in &said {
        client.send(&[*byte]).await;
        tokio::task::yield_now().await;
    }
    // The latest ping is answered, and the first one unless the latest came before that; and each message is refused, as
    // nobody handles it here.
    let refused =
        text(r#"{"event":"refused","id":null,"status":403,"message":"clients send no messages here"}"#);
    let mut pongs = client.until(b"\x8a\x00").await;
    let mut messages = 0;
    while let Some(at) = pongs.windows(refused.len()).position(|window| window == refused) {
        pongs.drain(at..at + refused.len());
        messages += 1;
    }
    for _ in messages..3 {
        assert_eq!(client.take(refused.len()).await, refused);
    }
    assert!(pongs == b"\x8a\x04ping\x8a\x00" || pongs == b"\x8a\x00", "{}", pongs.escape_ascii());
    server.publish("still here").await;
    client.until(b"still here").await;
    server.stream.publish(&1).await.unwrap();
    client.until(b"1}").await;
    // The client closes: its code comes back.
    client.send(&masked(0x88, b"\x0f\xa0bye")).await;
    assert_eq!(client.rest().await, b"\x88\x02\x0f\xa0");
    wait_for(|| server.stream.readers() == 0).await;
    assert_eq!(server.hub.stats().closed[Close::Peer as usize], 1);
    server.stop().await;
}

#[tokio::test]
async fn a_client_that_breaks_the_protocol_is_told_how() {
    let mut limits = Limits::default();
    (limits.ws_message, limits.ws_input) = (1_000, 5_000);
    // Its end ends the wait for its answer.
    limits.ws_close = Duration::from_secs(3_600);
    let server = TestServer::with(limits).await;
    let cases: [(Vec<u8>, u16, &str); 9] = [
        (b"\x81\x05hello".to_vec(), 1002, "a client masks its frames"),
        (masked(0xc1, b"x"), 1002, "a reserved bit is set"),
        (masked(0x83, b"x"), 1002, "an unknown opcode"),
        (masked(0x09, b"x"), 1002, "a control frame is whole and at most 125 bytes"),
        (masked(0x80, b"x"), 1002, "a continuation of nothing"),
        ([masked(0x01, b"x"), masked(0x81, b"x")].concat(), 1002, "a message inside another one"),
        (masked(0x88, b"\x00"), 1002, "a close frame that is none"),
        (masked(0x82, &[0; 1_001])[..14].to_vec(), 1009, "ws_message"),
        (masked(0x82, &[0; 1_000]).repeat(5), 1008, "ws_input"),
    ];
    for (number, (said, code, reason)) in cases.into_iter().enumerate() {
        let mut client = raw(&server, "").await;
        client.send(&said).await;
        let close = frame(0x88, &[&code.to_be_bytes(), reason.as_bytes()].concat());
        assert_eq!(client.take(close.len()).await, close, "{reason}");
        // It answers, or goes; what it says beside that is not heard.
        client.send(&masked(0x89, b"?")).await;
        drop(client);
        wait_for(|| server.hub.stats().closed[Close::Failed as usize] == number as u64 + 1).await;
    }
    server.stop().await;
}

#[tokio::test]
async fn the_bounds_hold_exactly_and_input_counts_anew_with_each_heartbeat() {
    let mut limits = Limits::default();
    limits.ws_message = 1_000;
    limits.ws_input = 2 * masked(0x82, &[0; 1_000]).len();
    limits.heartbeat = Duration::from_millis(300);
    let server = TestServer::with(limits).await;
    let mut client = server.ask(&handshake("/comet/ws", "")).await;
    client.until(b"null}").await;
    for _ in 0..3 {
        client.send(&masked(0x82, &[0; 1_000]).repeat(2)).await;
        // A ping says that an interval is over.
        client.until(b"\x89\x00").await;
    }
    server.publish("still here").await;
    client.until(b"still here").await;
    drop(client);
    server.stop().await;
}

/// No half-closed WebSockets: its end is the end.
#[tokio::test]
async fn a_client_that_ends_its_direction_is_gone() {
    let server = TestServer::start().await;
    let mut client = raw(&server, "").await;
    client.send(&masked(0x81, b"half a message")[..9]).await;
    tokio::io::AsyncWriteExt::shutdown(&mut client.socket).await.unwrap();
    assert_eq!(client.rest().await, b"");
    wait_for(|| server.stream.readers() == 0).await;
    assert_eq!(server.hub.stats().closed[Close::Peer as usize], 1);
    server.stop().await;
}

#[tokio::test]
async fn a_client_that_comes_back_is_told_what_it_missed() {
    let mut limits = Limits::default();
    limits.log_messages = 2;
    let server = TestServer::with(limits).await;
    for line in ["one", "two", "three", "four"] {
        server.publish(line).await;
    }
    let message =
        |number: u64, line: &str| format!(r#"{{"position":"ab:{number}","data":{{"value":"{line}"}}}}"#);
    for (since, position, resume) in [
        ("since=ab:2", "ab:2", "complete"),
        ("since=ab:1", "ab:2", "gap 2-2"),
        ("since=aa:9", "ab:2", "epoch-changed"),
        ("last=9", "ab:2", "fresh"),
    ] {
        let mut socket = open(&server, &format!("/comet/ws?{since}"), &[]).await.unwrap();
        assert_eq!(next_text(&mut socket).await, begin(position, resume));
        assert_eq!(next_text(&mut socket).await, message(3, "three"));
        assert_eq!(next_text(&mut socket).await, message(4, "four"));
    }
    // Cut in the middle of everything, it goes on where it was.
    let mut socket = open(&server, "/comet/ws?since=ab:4", &[]).await.unwrap();
    assert_eq!(next_text(&mut socket).await, begin("ab:4", "complete"));
    server.publish("five").await;
    assert_eq!(next_text(&mut socket).await, message(5, "five"));
    drop(socket);
    server.publish("six").await;
    let mut socket = open(&server, "/comet/ws?since=ab:5", &[]).await.unwrap();
    assert_eq!(next_text(&mut socket).await, begin("ab:5", "complete"));
    assert_eq!(next_text(&mut socket).await, message(6, "six"));
    socket.send(Message::text("ignored")).await.unwrap();
    // Both forms count alike: a binary message is the position after the one before.
    let fields = [("sec-websocket-protocol", "push.hessian")];
    let mut socket = open(&server, "/comet/ws?since=ab:5", &fields).await.unwrap();
    assert_eq!(next_text(&mut socket).await, begin("ab:5", "complete"));
    assert!(matches!(next(&mut socket).await, Message::Binary(value) if value.ends_with(b"\x03six")));
    server.stop().await;
}

fn stream(hub: &Hub) -> Stream {
    demo::open(hub).unwrap()
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_is_pinged_and_costs_no_answer() {
    let hub = Hub::start(EPOCH, Limits::default(), 1);
    let stream = stream(&hub);
    let mut clients = Vec::new();
    for transport in [Transport::WsJson, Transport::WsHessian] {
        let mut client = attach(&stream, transport, Start::Live, false, "HEAD").await;
        client.until(b"HEAD").await;
        for _ in 0..50 {
            sleep(Limits::default().heartbeat).await;
            assert_eq!(client.take(2).await, b"\x89\x00");
            client.send(&masked(0x8a, b"")).await;
        }
        clients.push(client);
    }
    assert!(hub.stats().closed.iter().all(|count| *count == 0));
}

#[tokio::test(start_paused = true)]
async fn a_rotation_is_told_and_waits_for_the_answer_a_set_time() {
    for answers in [true, false] {
        let hub = Hub::start(EPOCH, Limits::default(), 1);
        let stream = stream(&hub);
        let begin = Instant::now();
        let rotate = stream.subscribe(Transport::WsJson, Start::Live).rotate_after(Duration::from_secs(5));
        let mut client = join(rotate, false, "").await;
        wait_for(|| stream.readers() == 1).await;
        stream.publish(&1).await.unwrap();
        let all = [
            text(r#"{"position":"ab:1","data":1}"#),
            text(r#"{"event":"rotate","position":"ab:1"}"#),
            frame(0x88, b"\x03\xf4rotate"),
        ]
        .concat();
        assert_eq!(client.take(all.len()).await, all);
        // Nothing follows a close frame.
        stream.publish(&2).await.unwrap();
        if answers {
            client.send(&masked(0x88, b"\x03\xf4")).await;
        }
        assert_eq!(client.rest().await, b"");
        let took = begin.elapsed();
        let least = Duration::from_secs(if answers { 5 } else { 8 });
        assert!(took >= least && took < least + Duration::from_millis(500), "{took:?}");
        let stats = hub.stats();
        assert_eq!((stats.rotated, stats.closed[Close::Complete as usize]), (1, 1));
    }
}

/// The answer to a ping, and to a close frame, comes between two messages, never inside one.
#[tokio::test(start_paused = true)]
async fn answers_wait_until_a_message_is_whole() {
    let hub = Hub::start(EPOCH, Limits::default(), 1);
    let stream = stream(&hub);
    let head = "x".repeat(16 << 20);
    let mut client = attach(&stream, Transport::WsJson, Start::Live, false, &head).await;
    wait_for(|| stream.readers() == 1).await;
    stream.publish(&1).await.unwrap();
    // The socket is full of the head.
    for payload in [b"a", b"b", b"c"] {
        client.send(&masked(0x89, payload)).await;
        sleep(Duration::from_secs(1)).await;
    }
    let message = text(r#"{"position":"ab:1","data":1}"#);
    client.take(head.len()).await;
    assert_eq!(client.take(3).await, b"\x8a\x01c");
    assert_eq!(client.take(message.len()).await, message);
    client.send(&masked(0x88, b"")).await;
    assert_eq!(client.rest().await, b"\x88\x00");
}

#[tokio::test(start_paused = true)]
async fn a_close_of_a_client_with_a_full_socket_is_answered_after_the_message() {
    let hub = Hub::start(EPOCH, Limits::default(), 1);
    let stream = stream(&hub);
    let head = "x".repeat(16 << 20);
    let mut client = attach(&stream, Transport::WsJson, Start::Live, false, &head).await;
    wait_for(|| stream.readers() == 1).await;
    client.send(&masked(0x88, b"\x03\xe9")).await;
    sleep(Duration::from_secs(1)).await;
    stream.publish(&1).await.unwrap();
    client.take(head.len()).await;
    assert_eq!(client.rest().await, b"\x88\x02\x03\xe9");
    assert_eq!(hub.stats().closed[Close::Peer as usize], 1);
}

#[tokio::test(start_paused = true)]
async fn a_stalled_reader_is_cut_or_told_what_it_missed() {
    let hub = Hub::start(EPOCH, Limits::default(), 1);
    let config = StreamConfig::new(&Limits::default()).overflow(Overflow::Latest);
    let stream = hub.open_with(&"latest".parse().unwrap(), &config).unwrap();
    let head = "x".repeat(16 << 20);
    for (transport, value) in [(Transport::WsJson, &b"9}"[..]), (Transport::WsHessian, b"\x82\x01\x99")] {
        let mut client = attach(&stream, transport, Start::Live, false, &head).await;
        wait_for(|| stream.readers() == 1).await;
        let first = stream.position().sequence + 1;
        for number in 1..=9 {
            stream.publish(&number).await.unwrap();
            sleep(Duration::from_millis(1)).await;
        }
        client.take(head.len()).await;
        let last = first + 7;
        let gap = text(&format!(r#"{{"event":"gap","from":{first},"to":{last},"position":"ab:{last}"}}"#));
        assert_eq!(client.take(gap.len()).await, gap);
        assert!(client.until(value).await.ends_with(value));
        drop(client);
        stream.publish(&0).await.unwrap();
        wait_for(|| stream.readers() == 0).await;
    }
    // One that takes nothing at all is gone after `stall`, checked with the heartbeat.
    let mut client = attach(&stream, Transport::WsJson, Start::Live, false, &head).await;
    wait_for(|| stream.readers() == 1).await;
    sleep(Limits::default().stall + Limits::default().heartbeat).await;
    assert_eq!(stream.readers(), 0);
    assert_eq!(hub.stats().closed[Close::Timeout as usize], 1);
    client.received.clear();
}

/// The frames that have come whole: the first byte of each, and what it carries. The last one may be cut.
fn frames(mut bytes: &[u8]) -> Vec<(u8, Vec<u8>)> {
    let mut frames = Vec::new();
    while let [first, length, ..] = *bytes {
        let (start, length) = match (length, bytes.get(2..4)) {
            (126, Some(long)) => (4, usize::from(u16::from_be_bytes([long[0], long[1]]))),
            (126, None) => break,
            (length, _) => (2, usize::from(length)),
        };
        let Some(payload) = bytes.get(start..start + length) else { break };
        frames.push((first, payload.to_vec()));
        bytes = &bytes[start + length..];
    }
    frames
}

/// What one client has got on many connections, and where it is.
struct Back {
    position: String,
    numbers: Vec<i64>,
}

impl Back {
    fn got(&mut self, frames: &[(u8, Vec<u8>)]) {
        for (first, payload) in frames {
            match first {
                0x81 => {
                    let object: serde_json::Value = serde_json::from_slice(payload).unwrap();
                    if object["event"] == "begin" {
                        assert_eq!(
                            (&object["resume"], &object["position"]),
                            (&"complete".into(), &self.position.clone().into())
                        );
                    }
                    self.position = object["position"].as_str().expect("each has one").to_owned();
                    self.numbers.extend(object.get("data").map(|data| data.as_i64().unwrap()));
                }
                0x82 => {
                    self.numbers.push(hessian::from_slice(payload).unwrap());
                    let (epoch, sequence) = self.position.split_once(':').unwrap();
                    self.position = format!("{epoch}:{}", sequence.parse::<u64>().unwrap() + 1);
                }
                0x88 => assert_eq!(payload, b"\x03\xf4rotate"),
                other => panic!("{other:x}"),
            }
        }
    }
}

/// Cut after another number of bytes each time, within the head of a frame, a notice, a value; or rotated.
#[tokio::test(start_paused = true)]
async fn nothing_is_lost_and_nothing_comes_twice_across_cuts_at_any_byte_and_rotations() {
    const MESSAGES: usize = 120;
    for (protocol, rotates) in
        [("push.json", false), ("push.json", true), ("push.hessian", false), ("push.hessian", true)]
    {
        let server = TestServer::open(Limits::default(), EPOCH).await;
        let stream = server.stream.clone();
        let pace = Duration::from_millis(if rotates { 100 } else { 7 });
        let publisher = tokio::spawn(async move {
            for number in 1..=MESSAGES {
                stream.publish(&number).await.unwrap();
                sleep(pace).await;
            }
        });
        let mut back = Back { position: "ab:0".to_owned(), numbers: Vec::new() };
        let mut connections = 0_usize;
        while back.numbers.len() < MESSAGES {
            connections += 1;
            assert!(connections < 5_000, "{protocol} goes on for ever");
            let rotate = if rotates { "&rotate=1" } else { "" };
            let path = format!("/streams/comet/ws?since={}{rotate}", back.position);
            let mut client =
                server.ask(&handshake(&path, &format!("Sec-WebSocket-Protocol: {protocol}\r\n"))).await;
            let head = String::from_utf8(client.until(b"\r\n\r\n").await).unwrap();
            assert!(head.contains("push-resume: complete\r\n"), "{head}");
            // Past the first notice.
            let at_most = if rotates { usize::MAX } else { 90 + connections % 137 };
            let mut body = std::mem::take(&mut client.received);
            while body.len() < at_most && frames(&body).iter().all(|(first, _)| *first != 0x88) {
                match timeout(Duration::from_millis(1_500), client.socket.read_buf(&mut body)).await {
                    Ok(Ok(1..)) => {}
                    _ => break,
                }
            }
            body.truncate(at_most);
            back.got(&frames(&body));
            drop(client);
            sleep(Duration::from_millis(1)).await;
        }
        let expected: Vec<_> = (1..=MESSAGES as i64).collect();
        assert_eq!(back.numbers, expected, "{protocol}");
        assert!(connections >= 10, "{protocol}: {connections} connections");
        publisher.await.unwrap();
        server.stop().await;
    }
}
