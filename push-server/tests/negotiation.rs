//! `GET /streams/{stream}`: the form that the client likes best.

mod support;

use push_server::Limits;
use support::{EPOCH, TestServer};

#[tokio::test]
async fn the_form_that_is_liked_best() {
    let server = TestServer::open(Limits::default(), EPOCH).await;
    for (accept, media_type) in [
        ("", "text/event-stream"),
        ("Accept: */*\r\n", "text/event-stream"),
        ("Accept: text/event-stream\r\n", "text/event-stream"),
        ("Accept: application/x-hessian\r\n", "application/x-hessian"),
        ("Accept: application/json\r\n", "application/json"),
        ("Accept: application/x-ndjson, application/json;q=0.5\r\n", "application/x-ndjson; charset=utf-8"),
        ("Accept: multipart/x-mixed-replace\r\n", "multipart/x-mixed-replace; boundary=push-server-part"),
        // Chromium, opening an address.
        (
            "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8\r\n",
            "text/html; charset=utf-8",
        ),
        ("Accept: text/*;q=0.2\r\nAccept: application/*;q=0.3\r\n", "application/x-hessian"),
    ] {
        for method in ["GET", "POST"] {
            let request = format!("{method} /streams/comet?wait=0 HTTP/1.0\r\n{accept}\r\n");
            let head = server.ask(&request).await.head().await;
            assert!(head.starts_with("HTTP/1.0 200 OK\r\n"), "{accept}: {head}");
            assert!(head.contains(&format!("content-type: {media_type}\r\n")), "{accept}: {head}");
            assert!(head.contains("vary: accept\r\n"), "{accept}: {head}");
        }
    }
    server.stop().await;
}

/// The parameters mean what they mean at the other address.
#[tokio::test]
async fn what_is_asked_for_goes_along() {
    let server = TestServer::open(Limits::default(), EPOCH).await;
    server.stream.publish(&1).await.unwrap();
    server.stream.publish(&2).await.unwrap();
    let request = "GET /streams/comet?since=ab:1 HTTP/1.0\r\nAccept: application/json\r\n\r\n";
    let answer = server.answer(request).await;
    assert!(answer.contains("push-resume: complete\r\n"), "{answer}");
    assert!(answer.contains("\"messages\":[{\"position\":\"ab:2\",\"data\":2}\n]"), "{answer}");
    let request =
        "GET /streams/comet?framing=varint&last=1 HTTP/1.0\r\nAccept: application/x-hessian\r\n\r\n";
    let mut client = server.ask(request).await;
    client.head().await;
    assert_eq!(client.take(3).await, b"\x01\x92\x00");
    server.stop().await;
}

#[tokio::test]
async fn what_nobody_serves_and_what_makes_no_sense_is_refused() {
    let server = TestServer::open(Limits::default(), EPOCH).await;
    for (request, status, what) in [
        (
            "GET /streams/comet HTTP/1.0\r\nAccept: image/png\r\n\r\n",
            406,
            "A stream is one of text/event-stream, ",
        ),
        (
            "GET /streams/comet HTTP/1.0\r\nAccept: */*;q=0\r\n\r\n",
            406,
            "multipart/x-mixed-replace, text/html.",
        ),
        ("GET /streams/comet?since=x HTTP/1.0\r\n\r\n", 400, "since: "),
        ("DELETE /streams/comet HTTP/1.0\r\n\r\n", 405, "does not know this method"),
    ] {
        let answer = server.answer(request).await;
        assert!(answer.starts_with(&format!("HTTP/1.0 {status} ")), "{request}: {answer}");
        assert!(answer.contains(what), "{request}: {answer}");
        assert_eq!(answer.contains("vary: accept\r\n"), status != 405, "{answer}");
    }
    // A stream of our choice, where clients open none: no other is negotiated about.
    let closed = TestServer::start().await;
    let answer = closed.answer("GET /streams/other HTTP/1.0\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.0 404 ") && answer.ends_with("No such stream.\n"), "{answer}");
    closed.stop().await;
    server.stop().await;
}
