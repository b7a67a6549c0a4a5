//! Hessian bodies: what `Hessian2Output` of Java writes.

use push_server::{Limits, PublishError};
use serde::Serialize;
use serde_json::json;

use crate::support::{EPOCH, TestServer, wait_for};
use crate::{HESSIAN, answer, assert_refused, body};

#[derive(Serialize)]
#[serde(rename = "com.example.Tick")]
struct Tick {
    symbol: &'static str,
    price: f64,
}

/// Bytes of an object with its class definition, as Java 4.0.38 writes them.
const TICK: &[u8] = b"C\x10com.example.Tick\x92\x06symbol\x05price\x60\x04ACME\x5f\x00\x00\x30\xd4";

#[tokio::test]
async fn an_object_reaches_every_transport() {
    assert_eq!(hessian::to_vec(&Tick { symbol: "ACME", price: 12.5 }).unwrap(), TICK);
    let server = TestServer::open(Limits::default(), EPOCH).await;
    let mut sse = server.ask("GET /streams/ticks/sse HTTP/1.0\r\n\r\n").await;
    sse.head().await;
    let mut packets = server.ask("GET /streams/ticks/hessian HTTP/1.0\r\n\r\n").await;
    packets.head().await;
    let stream = server.hub.get("ticks").unwrap();
    wait_for(|| stream.readers() == 2).await;
    let types =
        [HESSIAN, "Content-Type: x-application/hessian\r\n", "Content-Type: Application/X-Hessian; x=y\r\n"];
    for (sequence, fields) in types.into_iter().enumerate() {
        let sequence = sequence + 1;
        let told = body(&answer(&server, "ticks/messages", fields, TICK).await);
        assert_eq!(told, json!({"position": format!("ab:{sequence}"), "receivers": 2}));
        let event = format!("id: ab:{sequence}\ndata: {{\"symbol\":\"ACME\",\"price\":12.5}}\n\n");
        sse.until(event.as_bytes()).await;
    }
    // Each body defines its class; readers get the definition once.
    let mut expected = vec![0x05, u8::try_from(TICK.len()).unwrap()];
    expected.extend_from_slice(TICK);
    let object = &TICK[TICK.len() - 11..];
    for _ in 0..2 {
        expected.extend([0x05, 11]);
        expected.extend_from_slice(object);
    }
    let got = packets.take(expected.len()).await;
    assert_eq!(got.escape_ascii().to_string(), expected.escape_ascii().to_string());
    server.stop().await;
}

#[tokio::test]
async fn what_is_not_exactly_one_value_is_refused_with_the_byte_and_the_reason() {
    let mut limits = Limits::default();
    limits.message_bytes = 1_000;
    let server = TestServer::open(limits, EPOCH).await;
    let mut two = TICK.to_vec();
    two.push(b'N');
    let mut deep = vec![b'W'; 200];
    deep.resize(400, b'Z');
    let lone = [0x01, 0xed, 0xa0, 0x80];
    for (bytes, status, why) in [
        (&b""[..], 400, "input ends inside a value, at least 1 more bytes expected at byte 0"),
        (b"\x91\x92", 400, "1 bytes follow the value at byte 1"),
        (&two, 400, "1 bytes follow the value at byte 43"),
        (&TICK[..30], 400, "The body is no Hessian 2.0 value that can be published: input ends inside"),
        (b"\x60", 400, "object of class number 0, but 0 classes are defined at byte 1"),
        (b"\x51\x90", 400, "reference to container number 0, but 0 were started"),
        (b"Z", 400, "at byte 0"),
        // A packet of a stream, and a call: other things than a value.
        (b"\x05\x01\x91", 400, "no Hessian 2.0 value"),
        (b"H\x02\x00C\x04ping\x90", 400, "no Hessian 2.0 value"),
        (&deep, 413, "limit max_depth = 128 reached"),
        (&[b'N'; 1_001], 413, "message_bytes = 1000"),
        // Values that Hessian has, and JSON has not: a cycle, a key that is no text, half of a surrogate pair.
        (b"\x79\x51\x90", 422, "cannot be written as JSON"),
        (b"H\x79\x90\x91Z", 422, "cannot be written as JSON"),
        (&lone, 422, "cannot be written as JSON"),
    ] {
        let shown = bytes.escape_ascii().to_string();
        println!("{shown}");
        assert_refused(&answer(&server, "comet/messages", HESSIAN, bytes).await, status, why);
    }
    let answered = answer(
        &server,
        "comet/messages",
        "Content-Encoding: deflate\r\nContent-Type: application/x-hessian\r\n",
        TICK,
    );
    assert_refused(&answered.await, 415, "Content-Encoding");
    assert_eq!(server.stream.position().sequence, 0, "a request that is refused has done nothing");
    server.stop().await;
}

/// One byte may be one value: what is read of a body is bounded by more than its length.
#[tokio::test]
async fn the_parts_of_a_value_are_bounded() {
    let server = TestServer::open(Limits::default(), EPOCH).await;
    let list = |zeros: usize| [&b"W"[..], &vec![0x90; zeros], b"Z"].concat();
    body(&answer(&server, "comet/messages", HESSIAN, &list((1 << 18) - 10)).await);
    assert_refused(
        &answer(&server, "comet/messages", HESSIAN, &list(1 << 18)).await,
        413,
        "limit max_values = 262144 reached",
    );
    server.stop().await;
}

/// The library's own way, without HTTP.
#[tokio::test]
async fn an_application_publishes_and_sends_bytes_of_hessian() {
    let server = TestServer::open(Limits::default(), EPOCH).await;
    let published = server.stream.publish_hessian(TICK).await.unwrap();
    assert_eq!(published.position.sequence, 1);
    assert_eq!(&server.stream.latest().unwrap().json()[..], br#"{"symbol":"ACME","price":12.5}"#);
    let error = server.stream.publish_hessian(b"\x91\x92").await.unwrap_err();
    assert!(matches!(error, PublishError::NotHessian(_)), "{error}");
    server.answer("GET /streams/comet/poll?client=ann HTTP/1.0\r\n\r\n").await;
    let ann = "ann".parse().unwrap();
    assert!(!server.stream.send_hessian_to(&ann, TICK).unwrap().is_connected);
    server.stop().await;
}
