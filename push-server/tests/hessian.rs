//! Hessian streams over HTTP/1.1 and HTTP/1.0, byte by byte.

mod support;

use hessian::packet::{Framing, Packet};
use hessian::{Limits, StreamDecoder};
use push_server::demo::AddString;
use support::TestServer;

/// The first object of a connection: definition and instance, as Java writes it.
const FIRST: &[u8] = b"\x05\x21C\x11example.AddString\x91\x05value\x60\x05hello";
/// The next: the definition is not repeated.
const NEXT: &[u8] = b"\x05\x08\x60\x05w\xc3\xb6rld";

const FIELDS: &str = "content-type: application/x-hessian\r\n\
    cache-control: no-store\r\n\
    x-content-type-options: nosniff\r\n\
    x-accel-buffering: no\r\n\
    push-position: ab:0\r\n\
    push-heartbeat: 15\r\n";

#[tokio::test]
async fn http_1_1_gets_chunks() {
    let server = TestServer::start().await;
    let mut client = server.ask("GET /comet HTTP/1.1\r\nHost: x\r\n\r\n").await;
    let head = format!("HTTP/1.1 200 OK\r\n{FIELDS}connection: close\r\ntransfer-encoding: chunked\r\n\r\n");
    assert_eq!(client.head().await, head);
    server.publish_to(1, "hello").await;
    assert_eq!(client.take(4 + 35 + 2).await, [b"23\r\n", FIRST, b"\r\n"].concat());
    server.publish("wörld").await;
    assert_eq!(client.take(3 + 10 + 2).await, [b"a\r\n", NEXT, b"\r\n"].concat());
    server.stop().await;
    assert_eq!(client.rest().await, b"0\r\n\r\n");
}

#[tokio::test]
async fn http_1_0_gets_a_body_that_ends_with_the_connection_also_without_host() {
    // The second is what the 2008 Flash client writes, but for its three segments.
    for request in
        ["GET /comet HTTP/1.0\r\n\r\n", "GET /comet HTTP/1.0\r\nHost: www.example.com:8080\r\n\r\n"]
    {
        let server = TestServer::start().await;
        let mut client = server.ask(request).await;
        assert_eq!(client.head().await, format!("HTTP/1.0 200 OK\r\n{FIELDS}connection: close\r\n\r\n"));
        server.publish_to(1, "hello").await;
        server.publish("wörld").await;
        assert_eq!(client.take(45).await, [FIRST, NEXT].concat());
        server.stop().await;
        assert_eq!(client.rest().await, b"");
    }
}

#[tokio::test]
async fn the_request_may_come_in_any_segments_and_by_post() {
    let server = TestServer::start().await;
    server.publish("hello").await;
    for request in [
        "GET /comet HTTP/1.0\r\nHost: www.example.com:80\r\n\r\n",
        "POST /comet HTTP/1.0\r\nContent-Length: 0\r\n\r\n",
        "POST /comet/hessian HTTP/1.0\r\nContent-Type: binary/octet-stream\r\nContent-Length: 3\r\n\r\nabc",
        "GET /streams/comet/hessian?last=1 HTTP/1.0\r\n\r\n",
    ] {
        let mut client = server.ask("").await;
        client.socket.set_nodelay(true).unwrap();
        for byte in request.bytes() {
            client.send(&[byte]).await;
            tokio::task::yield_now().await;
        }
        assert!(client.head().await.starts_with("HTTP/1.0 200 OK\r\n"), "{request}");
        assert_eq!(client.take(FIRST.len()).await, FIRST, "{request}");
    }
    server.stop().await;
}

/// As Java's `HttpURLConnection` posts: the body is passed over, however it is framed, and the answer is a stream.
#[tokio::test]
async fn a_post_over_http_1_1_gets_chunks() {
    let server = TestServer::start().await;
    server.publish("hello").await;
    for (fields, body) in [
        ("Content-Length: 0\r\n", ""),
        ("Content-Length: 3\r\n", "abc"),
        ("Transfer-Encoding: chunked\r\n", "3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nTrailer: x\r\n\r\n"),
    ] {
        let request = format!("POST /comet HTTP/1.1\r\nHost: x\r\n{fields}\r\n{body}");
        let mut client = server.ask(&request).await;
        let head = client.head().await;
        assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
        assert!(head.ends_with("connection: close\r\ntransfer-encoding: chunked\r\n\r\n"), "{head}");
        assert_eq!(client.take(4 + 35 + 2).await, [b"23\r\n", FIRST, b"\r\n"].concat(), "{fields}");
    }
    server.stop().await;
}

#[tokio::test]
async fn a_client_that_ends_its_direction_still_reads() {
    let server = TestServer::start().await;
    server.publish("hello").await;
    let mut client = server.ask("GET /comet HTTP/1.0\r\n\r\n").await;
    tokio::io::AsyncWriteExt::shutdown(&mut client.socket).await.unwrap();
    client.head().await;
    assert_eq!(client.take(FIRST.len()).await, FIRST);
    server.publish("wörld").await;
    server.stop().await;
    // Between the two a heartbeat may have asked whether anybody is there.
    let rest = client.rest().await;
    assert_eq!(rest.strip_prefix(b"\x05\x00").unwrap_or(&rest), NEXT);
}

#[tokio::test]
async fn a_new_reader_gets_the_newest_line_at_once_and_then_what_follows() {
    let server = TestServer::start().await;
    for line in ["one", "two", "three"] {
        server.publish(line).await;
    }
    let mut client = server.ask("GET /comet HTTP/1.0\r\n\r\n").await;
    assert!(client.head().await.contains("push-position: ab:2\r\n"));
    let newest = client.until(b"three").await;
    assert_eq!(newest, b"\x05\x21C\x11example.AddString\x91\x05value\x60\x05three");
    server.publish("hello").await;
    assert_eq!(client.take(9).await, b"\x05\x07\x60\x05hello");
    // By name the stream begins live, unless asked.
    let mut live = server.ask("GET /streams/comet/hessian HTTP/1.0\r\n\r\n").await;
    assert!(live.head().await.contains("push-position: ab:4\r\n"));
    let mut last = server.ask("GET /streams/comet/hessian?last=2 HTTP/1.0\r\n\r\n").await;
    assert!(last.head().await.contains("push-position: ab:2\r\n"));
    server.stop().await;
}

#[derive(serde::Serialize)]
#[serde(rename = "example.Tick")]
struct Tick {
    n: i32,
}

/// The case in which a server that encodes per connection, or once for all, fails: several classes, and
/// readers who have not met the same ones.
#[tokio::test]
async fn each_reader_gets_the_definitions_it_has_not_met() {
    let server = TestServer::start().await;
    let mut early = server.ask("GET /streams/comet/hessian HTTP/1.0\r\n\r\n").await;
    early.head().await;
    server.publish_to(1, "hello").await;
    assert_eq!(early.take(FIRST.len()).await, FIRST);

    let mut late = server.ask("GET /streams/comet/hessian HTTP/1.0\r\n\r\n").await;
    late.head().await;
    support::wait_for(|| server.stream.readers() == 2).await;
    server.stream.publish(&Tick { n: 1 }).await.unwrap();
    // Class 1 for both. The late one has not met class 0 either, and gets both in their order.
    let tick: &[u8] = b"C\x0cexample.Tick\x91\x01n";
    assert_eq!(early.take(21).await, [b"\x05\x13", tick, b"\x61\x91"].concat());
    assert_eq!(
        late.take(47).await,
        [b"\x05\x2dC\x11example.AddString\x91\x05value", tick, b"\x61\x91"].concat()
    );
    // From here on the bytes are the same.
    server.stream.publish(&AddString { value: "x".into() }).await.unwrap();
    for client in [&mut early, &mut late] {
        assert_eq!(client.take(5).await, b"\x05\x03\x60\x01x");
    }
    server.stream.publish(&Tick { n: 2 }).await.unwrap();
    for client in [&mut early, &mut late] {
        assert_eq!(client.take(4).await, b"\x05\x02\x61\x92");
    }
    server.stop().await;
}

#[tokio::test]
async fn every_framing_carries_the_same_values() {
    let server = TestServer::start().await;
    server.publish("hi").await;
    let value = b"C\x11example.AddString\x91\x05value\x60\x02hi";
    for (framing, before, after) in [
        ("ws", &b"\x05\x1e"[..], &b""[..]),
        ("p", b"P\x00\x1e", b""),
        ("varint", b"\x1e", b"\x00"),
        ("marked", b"\x80\x1e", b"\x80\x00"),
    ] {
        let mut client = server.ask(&format!("GET /comet?framing={framing} HTTP/1.0\r\n\r\n")).await;
        client.head().await;
        let packet = [before, value, after].concat();
        assert_eq!(client.take(packet.len()).await, packet, "{framing}");
    }
    let refused = server.answer("GET /comet?framing=x HTTP/1.0\r\n\r\n").await;
    assert!(
        refused.starts_with("HTTP/1.0 400 ") && refused.contains("one of ws, p, varint, marked"),
        "{refused}"
    );
    server.stop().await;
}

/// The demo's lines, more than once through the text, as a client decodes them.
#[tokio::test]
async fn a_decoder_reads_the_demo_typed() {
    let server = TestServer::start().await;
    let mut client = server.ask("GET /comet HTTP/1.0\r\n\r\n").await;
    client.head().await;
    support::wait_for(|| server.stream.readers() == 1).await;
    let stream = server.stream.clone();
    let pace = std::time::Duration::from_millis(1);
    let publisher = tokio::spawn(async move { push_server::demo::publish(&stream, pace).await });
    let mut decoder: StreamDecoder = StreamDecoder::new(Some(Framing::Ws), Limits::default());
    for line in push_server::demo::lines().cycle().take(100) {
        let packet = loop {
            if let Some(packet) = decoder.next_packet().unwrap() {
                break packet;
            }
            decoder.push(&client.take(1).await);
        };
        let Packet::Data(data) = packet else { panic!("no heartbeat is due: {packet:?}") };
        assert_eq!(decoder.decode::<AddString>(&data).unwrap(), AddString { value: line.to_owned() });
    }
    server.stop().await;
    assert!(publisher.await.unwrap().is_err(), "the publisher ends with the hub");
}
