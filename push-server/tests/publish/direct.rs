//! A message to one client.

use push_server::Limits;
use serde_json::json;

use crate::support::{EPOCH, TestServer, wait_for};
use crate::{HESSIAN, JSON, LINES, answer, assert_refused, body};

#[tokio::test]
async fn a_message_to_one_client_reaches_it_alone_or_waits_for_it() {
    let server = TestServer::open(Limits::default(), EPOCH).await;
    let mut ann = server.ask("GET /streams/comet/sse?client=ann HTTP/1.0\r\n\r\n").await;
    ann.head().await;
    let mut bob = server.ask("GET /streams/comet/sse?client=b@c HTTP/1.0\r\n\r\n").await;
    bob.head().await;
    wait_for(|| server.stream.readers() == 2).await;
    let told = body(&answer(&server, "comet/clients/ann/messages", JSON, b"{\"n\": 1}").await);
    assert_eq!(told, json!({"receivers": 1, "waits": false}));
    ann.until(b"data: {\"n\": 1}\n\n").await;
    let told = body(&answer(&server, "comet/clients/b%40c/messages", HESSIAN, b"\x7a\x91\x92").await);
    assert_eq!(told, json!({"receivers": 1, "waits": false}));
    bob.until(b"data: [1,2]\n\n").await;
    // Between two connections.
    drop(ann);
    wait_for(|| server.stream.readers() == 1).await;
    let told = body(&answer(&server, "comet/clients/ann/messages", JSON, b"2").await);
    assert_eq!(told, json!({"receivers": 0, "waits": true}));
    let mut ann = server.ask("GET /streams/comet/sse?client=ann HTTP/1.0\r\n\r\n").await;
    ann.until(b"data: 2\n\n").await;
    assert_eq!(server.stream.position().sequence, 0, "a direct message has no position");
    server.stop().await;
}

#[tokio::test]
async fn a_message_that_cannot_be_sent_is_refused_with_the_reason() {
    let mut limits = Limits::default();
    (limits.message_bytes, limits.direct_messages, limits.direct_bytes) = (64, 2, 80);
    let server = TestServer::open(limits, EPOCH).await;
    for name in ["ann", "cid"] {
        server.answer(&format!("GET /streams/comet/poll?client={name} HTTP/1.0\r\n\r\n")).await;
    }
    let long = format!("\"{}\"", "x".repeat(50));
    for (path, fields, content, status, why) in [
        ("comet/clients/bob/messages", JSON, "1", 404, "client bob is not present."),
        ("none/clients/ann/messages", JSON, "1", 404, "No such stream is open"),
        (".x/clients/ann/messages", JSON, "1", 400, "stream: "),
        ("comet/clients/a%20b/messages", JSON, "1", 400, "client: a client id is"),
        ("comet/clients/%ff/messages", JSON, "1", 400, ""),
        ("comet/clients/ann/messages", JSON, "{", 400, "no JSON that can be published"),
        ("comet/clients/ann/messages", LINES, "1", 415, "several messages"),
        ("comet/clients/ann/messages", HESSIAN, "Z", 400, "at byte 0"),
        ("comet/clients/ann/messages", JSON, &long, 413, "direct_bytes = 80"),
    ] {
        assert_refused(&answer(&server, path, fields, content.as_bytes()).await, status, why);
    }
    // A stream is not opened for a client that cannot be in it.
    assert!(server.hub.get("none").is_none());
    for _ in 0..2 {
        body(&answer(&server, "comet/clients/ann/messages", JSON, b"1").await);
    }
    let refused = answer(&server, "comet/clients/ann/messages", JSON, b"1").await;
    assert_refused(&refused, 429, "direct_messages = 2");
    body(
        &answer(&server, "comet/clients/cid/messages", JSON, format!("\"{}\"", "x".repeat(30)).as_bytes())
            .await,
    );
    let refused =
        answer(&server, "comet/clients/cid/messages", JSON, format!("\"{}\"", "x".repeat(30)).as_bytes())
            .await;
    assert_refused(&refused, 429, "direct_bytes = 80");
    let get = server.answer("GET /streams/comet/clients/ann/messages HTTP/1.0\r\n\r\n").await;
    assert!(get.starts_with("HTTP/1.0 405 "), "{get}");
    server.stop().await;
}

/// Where it is the server that is full, all publishers are to come back later.
#[tokio::test]
async fn all_that_waits_for_clients_is_bounded_together() {
    let mut limits = Limits::default();
    (limits.direct_bytes, limits.direct_bytes_in_all) = (100, 100);
    let server = TestServer::open(limits, EPOCH).await;
    for name in ["ann", "bob"] {
        server.answer(&format!("GET /streams/comet/poll?client={name} HTTP/1.0\r\n\r\n")).await;
    }
    let text = format!("\"{}\"", "x".repeat(40));
    body(&answer(&server, "comet/clients/ann/messages", JSON, text.as_bytes()).await);
    let refused = answer(&server, "comet/clients/bob/messages", JSON, text.as_bytes()).await;
    assert_refused(&refused, 503, "direct_bytes_in_all = 100");
    server.stop().await;
}

/// By default a server lets nobody publish.
#[tokio::test]
async fn an_application_decides_who_sends() {
    let server = TestServer::start().await;
    server.answer("GET /streams/comet/poll?client=ann HTTP/1.0\r\n\r\n").await;
    for path in ["comet/clients/ann/messages", "comet/batch"] {
        let refused = answer(&server, path, JSON, b"[1]").await;
        assert!(refused.starts_with("HTTP/1.0 404 "), "{refused}");
    }
    server.stop().await;
}
