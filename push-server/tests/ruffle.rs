//! Sockets of Flash movies in Ruffle: WebSockets whose binary messages are bytes of a connection.

mod support;

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use push_server::Limits;
use support::{EPOCH, POLICY, TestServer, wait_for};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::{HeaderValue, StatusCode};
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

const PATIENCE: Duration = Duration::from_secs(10);

type Page = WebSocketStream<TcpStream>;

/// A page of this origin, its own host's if none is named, or the status by which it is refused.
async fn open(server: &TestServer, path: &str, origin: Option<&str>) -> Result<Page, StatusCode> {
    let mut request = format!("ws://{}{path}", server.address).into_client_request().unwrap();
    let own = format!("http://{}", server.address);
    let origin = origin.unwrap_or(&own);
    if !origin.is_empty() {
        request.headers_mut().insert("origin", HeaderValue::from_str(origin).unwrap());
    }
    let stream = TcpStream::connect(server.address).await.unwrap();
    match timeout(PATIENCE, client_async(request, stream)).await.expect("an answer") {
        Ok((page, _)) => Ok(page),
        Err(Error::Http(response)) => Err(response.status()),
        Err(error) => panic!("{error}"),
    }
}

/// The next bytes, or how the connection is closed.
async fn next(page: &mut Page) -> Result<Vec<u8>, (u16, String)> {
    loop {
        match timeout(PATIENCE, page.next()).await.expect("something comes") {
            Some(Ok(Message::Binary(bytes))) => return Ok(bytes.to_vec()),
            Some(Ok(Message::Close(Some(frame)))) => {
                return Err((frame.code.into(), frame.reason.to_string()));
            }
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
            other => panic!("{other:?} is neither bytes nor a close frame"),
        }
    }
}

/// Bytes until `end`, in any messages.
async fn until(page: &mut Page, end: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    while !bytes.ends_with(end) {
        bytes.append(&mut next(page).await.expect("more"));
    }
    bytes
}

async fn send(page: &mut Page, bytes: &[u8]) {
    page.send(Message::binary(bytes.to_vec())).await.unwrap();
}

/// What the client of 2008 gets that never says a word: a head that it skips, and packets.
#[tokio::test]
async fn the_eager_form_speaks_first() {
    let server = TestServer::start().await;
    for (query, first, second) in [
        ("", &b"P\x00\x1fO\x11example.AddString\x91\x05valueo\x90\x02hi"[..], &b"P\x00\x05o\x90\x02yo"[..]),
        (
            "?framing=varint",
            b"\x1fO\x11example.AddString\x91\x05valueo\x90\x02hi\x00",
            b"\x05o\x90\x02yo\x00",
        ),
        (
            "?grammar=draft",
            b"P\x00\x1fO\x11example.AddString\x91\x05valueo\x90\x02hi",
            b"P\x00\x05o\x90\x02yo",
        ),
        ("?grammar=final", b"P\x00\x1eC\x11example.AddString\x91\x05value\x60\x02hi", b"P\x00\x04\x60\x02yo"),
        (
            "?framing=ws&grammar=final",
            b"\x05\x1eC\x11example.AddString\x91\x05value\x60\x02hi",
            b"\x05\x04\x60\x02yo",
        ),
    ] {
        let position = server.stream.position();
        let mut page = open(&server, &format!("/streams/comet/ruffle{query}"), None).await.unwrap();
        let place = format!("push-position: {position}\r\n");
        assert_eq!(head(&mut page).await, place, "{query}");
        server.publish_to(1, "hi").await;
        assert_eq!(next(&mut page).await.unwrap(), first, "{query}");
        // A movie that does flush says what nobody needs to hear.
        send(&mut page, b"GET /comet HTTP/1.0\r\n\r\n").await;
        server.publish("yo").await;
        assert_eq!(next(&mut page).await.unwrap(), second, "{query}");
        drop(page);
        wait_for(|| server.stream.readers() == 0).await;
    }
    // At the demo's own address a newcomer gets the newest line at once. The end of the server is a close frame.
    let mut page = open(&server, "/comet/ruffle", None).await.unwrap();
    next(&mut page).await.unwrap();
    assert!(next(&mut page).await.unwrap().ends_with(b"\x02yo"));
    let stop = tokio::spawn(server.stop());
    assert_eq!(next(&mut page).await, Err((1012, "rotate".to_owned())));
    assert!(timeout(PATIENCE, page.next()).await.expect("an end").is_none());
    stop.await.unwrap();
}

/// The fields of the head that the movie reads, but for those that every such head has.
async fn head(page: &mut Page) -> String {
    let head = String::from_utf8(next(page).await.unwrap()).unwrap();
    let fields = head
        .strip_prefix("HTTP/1.0 200 OK\r\ncontent-type: application/x-hessian\r\n")
        .and_then(|head| head.strip_suffix("connection: close\r\n\r\n"))
        .unwrap_or_else(|| panic!("{head}"));
    fields.split_inclusive("\r\n").filter(|line| !line.starts_with("date: ")).collect()
}

/// A movie that comes back, by a page that has kept its place, is told what every reader is told.
#[tokio::test]
async fn a_movie_is_told_the_verdict_and_what_it_may_count_and_how_long_it_stays() {
    let mut limits = Limits::default();
    limits.log_messages = 2;
    let server = TestServer::open(limits, EPOCH).await;
    for number in 1..=5 {
        server.stream.publish(&number).await.unwrap();
    }
    for (query, fields) in [
        ("last=1", "push-position: ab:4\r\n"),
        ("since=ab:4", "push-position: ab:4\r\npush-resume: complete\r\n"),
        ("since=ab:1", "push-position: ab:3\r\npush-resume: gap 2-3\r\n"),
        ("since=cd:4", "push-position: ab:3\r\npush-resume: epoch-changed\r\n"),
        ("since=ab:5&client=ann", "push-position: ab:5\r\npush-counting: none\r\npush-resume: complete\r\n"),
        ("rotate=0", "push-position: ab:5\r\n"),
        ("rotate=1", "push-position: ab:5\r\npush-rotate: 1\r\n"),
    ] {
        let mut page = open(&server, &format!("/streams/comet/ruffle?{query}"), None).await.unwrap();
        assert_eq!(head(&mut page).await, fields, "{query}");
        if query == "since=ab:1" {
            assert_eq!(until(&mut page, b"\x95").await, b"P\0\x01\x94P\0\x01\x95");
        }
        if query == "rotate=1" {
            assert_eq!(next(&mut page).await, Err((1012, "rotate".to_owned())));
        }
    }
    for query in ["rotate=-1", "rotate=86401", "since=x"] {
        let refused = open(&server, &format!("/streams/comet/ruffle?{query}"), None).await;
        assert_eq!(refused.err(), Some(StatusCode::BAD_REQUEST), "{query}");
    }
    server.stop().await;
}

#[tokio::test]
async fn only_pages_of_admitted_origins_have_a_bridge() {
    let server = TestServer::start().await;
    for path in ["/ruffle", "/streams/comet/ruffle"] {
        for (origin, status) in [
            (None, None),
            (Some(""), Some(StatusCode::FORBIDDEN)),
            (Some("null"), Some(StatusCode::FORBIDDEN)),
            (Some("http://evil.example"), Some(StatusCode::FORBIDDEN)),
        ] {
            assert_eq!(open(&server, path, origin).await.err(), status, "{path} {origin:?}");
        }
    }
    for (path, status) in [
        ("/streams/none/ruffle", StatusCode::NOT_FOUND),
        ("/streams/comet/ruffle?framing=x", StatusCode::BAD_REQUEST),
        ("/streams/comet/ruffle?grammar=x", StatusCode::BAD_REQUEST),
    ] {
        assert_eq!(open(&server, path, None).await.err(), Some(status), "{path}");
    }
    server.stop().await;
}

/// The policy, a page and a stream: whatever this port serves, in the movie's own bytes.
#[tokio::test]
async fn a_bridge_is_a_connection_to_this_port() {
    let server = TestServer::start().await;
    let mut page = open(&server, "/ruffle", None).await.unwrap();
    send(&mut page, b"<policy-file-").await;
    send(&mut page, b"request/>\0").await;
    let policy = until(&mut page, b"\0").await;
    assert!(String::from_utf8(policy).unwrap().contains(POLICY));
    assert_eq!(next(&mut page).await, Err((1000, String::new())));
    assert!(timeout(PATIENCE, page.next()).await.expect("an end").is_none());

    let mut page = open(&server, "/ruffle", None).await.unwrap();
    send(&mut page, b"GET /comet?framing=p&grammar=tutorial HTTP/1.0\r\nHost: old.example:80\r\n\r\n").await;
    let head = until(&mut page, b"\r\n\r\n").await;
    assert!(head.starts_with(b"HTTP/1.0 200 OK\r\n"), "{}", head.escape_ascii());
    server.publish_to(1, "hi").await;
    let packet = b"P\x00\x1fO\x11example.AddString\x91\x05valueo\x90\x02hi";
    assert_eq!(until(&mut page, b"hi").await, packet);
    // The page goes, and the connection with it.
    page.close(None).await.unwrap();
    wait_for(|| server.stream.readers() == 0).await;

    // A bridge within the bridge would be one of the server's own address.
    let mut page = open(&server, "/ruffle", None).await.unwrap();
    let host = server.address;
    let handshake = format!(
        "GET /ruffle HTTP/1.1\r\nHost: {host}\r\nOrigin: http://{host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    send(&mut page, handshake.as_bytes()).await;
    let refused = until(&mut page, b"inside of it.\n").await;
    assert!(refused.starts_with(b"HTTP/1.1 403 "), "{}", refused.escape_ascii());
    // Streams for movies are no bridges.
    send(&mut page, handshake.replace("/ruffle", "/streams/comet/ruffle").as_bytes()).await;
    assert!(until(&mut page, b"\r\n\r\n").await.starts_with(b"HTTP/1.1 101 "));
    drop(page);
    server.stop().await;
}

#[tokio::test]
async fn each_bound_of_a_bridge_ends_it_with_its_name() {
    let mut limits = Limits::default();
    limits.bridge_message = 1_000;
    limits.bridge_idle = Duration::from_millis(200);
    let server = TestServer::with(limits).await;
    for (message, close) in [
        (Some(Message::binary(vec![b'x'; 1_001])), (1009, "bridge_message")),
        (Some(Message::text("GET / HTTP/1.0")), (1003, "bytes only")),
        (None, (1001, "bridge_idle")),
    ] {
        let mut page = open(&server, "/ruffle", None).await.unwrap();
        if let Some(message) = message {
            page.send(message).await.unwrap();
        }
        assert_eq!(next(&mut page).await, Err((close.0, close.1.to_owned())));
    }
    server.stop().await;
}

#[tokio::test]
async fn without_places_there_is_no_bridge() {
    let mut limits = Limits::default();
    limits.bridges = 0;
    let server = TestServer::with(limits).await;
    assert_eq!(open(&server, "/ruffle", None).await.err(), Some(StatusCode::NOT_FOUND));
    assert!(open(&server, "/comet/ruffle", None).await.is_ok());
    server.stop().await;
}

#[tokio::test]
async fn places_are_bounded_and_given_back() {
    for (limit, bound) in [("bridges", 2), ("bridges_per_address", 1)] {
        let mut limits = Limits::default();
        match limit {
            "bridges" => limits.bridges = bound,
            _ => limits.bridges_per_address = bound,
        }
        let server = TestServer::with(limits).await;
        let mut pages = Vec::new();
        for _ in 0..bound {
            pages.push(open(&server, "/ruffle", None).await.unwrap());
        }
        assert_eq!(
            open(&server, "/ruffle", None).await.err(),
            Some(StatusCode::SERVICE_UNAVAILABLE),
            "{limit}"
        );
        // The eager form is a stream like any other.
        assert!(open(&server, "/comet/ruffle", None).await.is_ok());
        pages.clear();
        let again = async { while open(&server, "/ruffle", None).await.is_err() {} };
        timeout(PATIENCE, again).await.expect("a place is given back");
        server.stop().await;
    }
}
