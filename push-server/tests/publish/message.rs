//! A message, and streams that are opened by their first use.

use std::time::Duration;

use push_server::web::{self, Access};
use push_server::{Hub, Limits, Start, Transport, demo};
use serde_json::json;
use tokio::time::{Instant, sleep};
use tower_service::Service as _;

use crate::support::{Client, EPOCH, TestServer, attach, wait_for};
use crate::{JSON, body, post};

#[tokio::test]
async fn what_is_published_reaches_the_readers_and_the_publisher_learns_where_it_stands() {
    let server = TestServer::open(Limits::default(), EPOCH).await;
    // Nobody has opened it: this does.
    let mut sse = server.ask("GET /streams/news/sse HTTP/1.0\r\n\r\n").await;
    sse.head().await;
    let mut hessian = server.ask("GET /streams/news/hessian HTTP/1.0\r\n\r\n").await;
    hessian.head().await;
    let stream = server.hub.get("news").unwrap();
    wait_for(|| stream.readers() == 2).await;
    for (sequence, fields) in [(1, JSON), (2, "Content-Type: Application/JSON ; charset=UTF-8\r\n")] {
        let answer = body(&server.answer(&post("news/messages", fields, " {\"n\":\n1} ")).await);
        assert_eq!(answer, json!({"position": format!("ab:{sequence}"), "receivers": 2}));
    }
    sse.until(b"id: ab:2\ndata: {\"n\":\ndata: 1}\n\n").await;
    hessian.until(b"\x05\x05H\x01n\x91Z").await;
    // A publication opens a stream as well.
    let answer = body(&server.answer(&post("quiet/messages", JSON, "null")).await);
    assert_eq!(answer["receivers"], 0);
    assert_eq!(server.hub.get("quiet").unwrap().position().sequence, 1);
    server.stop().await;
}

#[tokio::test]
async fn what_cannot_be_published_is_refused_with_the_reason() {
    let mut limits = Limits::default();
    limits.message_bytes = 64;
    let server = TestServer::open(limits, EPOCH).await;
    let long = format!("\"{}\"", "x".repeat(63));
    let deep = "[".repeat(30) + &"]".repeat(30);
    let many = format!("[{}1]", "1,".repeat(24));
    for (fields, content, status, what) in [
        ("", "1", 415, "application/json"),
        ("Content-Type: application/x-www-form-urlencoded\r\n", "1", 415, "Content-Type: application/json"),
        ("Content-Type: text/plain\r\n", "1", 415, "Content-Type: application/json"),
        ("Content-Type: application/json; charset=latin1\r\n", "1", 415, "UTF-8"),
        ("Content-Type: application/json\r\nContent-Encoding: gzip\r\n", "1", 415, "Content-Encoding"),
        (JSON, "", 400, "no JSON that can be published: EOF"),
        (JSON, "{\"n\":}", 400, "line 1 column 6"),
        (JSON, "1 2", 400, "trailing"),
        (JSON, "\u{c}1", 400, "no JSON that can be published: "),
        (JSON, "\u{fffd}", 400, "no JSON"),
        (JSON, "18446744073709551615", 400, "no JSON that can be published: "),
        (JSON, &long, 413, "message_bytes = 64"),
        (JSON, &deep, 200, "position"),
        (JSON, &many, 200, "position"),
    ] {
        let answer = server.answer(&post("comet/messages", fields, content)).await;
        assert!(answer.starts_with(&format!("HTTP/1.0 {status} ")), "{fields}{content}: {answer}");
        assert!(answer.contains(what) && answer.ends_with('\n'), "{fields}{content}: {answer}");
    }
    assert_eq!(server.stream.position().sequence, 2);
    for (request, status) in [
        ("GET /streams/comet/messages HTTP/1.0\r\n\r\n".to_owned(), 405),
        (post("no%20name/messages", JSON, "1"), 400),
        (post(".x/messages", JSON, "1"), 400),
        (post("%ff/messages", JSON, "1"), 400),
        (post("comet/messages?since=7", JSON, "1"), 400),
    ] {
        let answer = server.answer(&request).await;
        assert!(answer.starts_with(&format!("HTTP/1.0 {status} ")), "{request}: {answer}");
    }
    assert_eq!(server.stream.position().sequence, 2, "a request that is refused has done nothing");
    server.stop().await;
}

/// Also without a length, where only reading tells.
#[tokio::test]
async fn a_body_is_bounded_however_it_comes() {
    let mut limits = Limits::default();
    limits.message_bytes = 100;
    let server = TestServer::open(limits, EPOCH).await;
    for (length, status) in [(98, 200), (99, 413), (100_000, 413)] {
        let text = format!("\"{}\"", "x".repeat(length));
        let (one, other) = text.split_at(length / 2);
        let request = format!(
            "POST /streams/comet/messages HTTP/1.1\r\nHost: x\r\n{JSON}Transfer-Encoding: chunked\r\n\r\n\
             {:x}\r\n{one}\r\n{:x}\r\n{other}\r\n0\r\n\r\n",
            one.len(),
            other.len()
        );
        let answer = server.ask(&request).await.head().await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{length}: {answer}");
    }
    server.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_body_that_does_not_come_is_not_waited_for() {
    let limits = Limits::default();
    let server = TestServer::open(limits.clone(), EPOCH).await;
    let begin = Instant::now();
    let mut client = server
        .ask(&format!("POST /streams/comet/messages HTTP/1.0\r\n{JSON}Content-Length: 9\r\n\r\n[1"))
        .await;
    sleep(limits.body_read).await;
    let head = client.head().await;
    assert!(head.starts_with("HTTP/1.0 408 "), "{head}");
    let took = begin.elapsed();
    assert!(took >= limits.body_read && took < limits.body_read + Duration::from_secs(1), "{took:?}");
    server.stop().await;
}

/// A publisher faster than the server waits; a request does so for a bounded time only.
#[test]
fn a_server_that_is_behind_says_so_and_has_published_nothing() {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
    let mut limits = Limits::default();
    limits.log_messages = 1;
    // A hub that stands still: its runtime runs only while it is asked to.
    let asleep = runtime().unwrap();
    let (hub, stream, _reader) = asleep.block_on(async {
        let hub = Hub::start(EPOCH, limits.clone(), 1);
        let stream = demo::open(&hub).unwrap();
        let reader = attach(&stream, Transport::Xhr, Start::Live, false, "").await;
        wait_for(|| stream.readers() == 1).await;
        (hub, stream, reader)
    });
    runtime().unwrap().block_on(async {
        let mut router = web::router_with(hub.clone(), Access::ALL);
        let mut publish = async || {
            let request = http::Request::post("/streams/comet/messages")
                .header("content-type", "application/json")
                .body(axum::body::Body::from("1"));
            router.call(request.unwrap()).await.unwrap()
        };
        let begin = Instant::now();
        // A lone message to few readers is sent without the shard; those that follow on it wait.
        let mut published = 0;
        let refused = loop {
            let answer = publish().await;
            if answer.status() != 200 {
                break answer;
            }
            published += 1;
            assert!(published < 10, "the hub stands still");
        };
        assert_eq!(
            (refused.status().as_u16(), &refused.headers()["retry-after"]),
            (503, &"1".parse().unwrap())
        );
        assert!(begin.elapsed() >= limits.publish_wait, "{:?}", begin.elapsed());
        assert_eq!(stream.position().sequence, published);
    });
}

/// What has gathered comes along with the answer to a publication.
#[tokio::test]
async fn a_publication_takes_along_what_has_gathered() {
    let server = TestServer::open(Limits::default(), EPOCH).await;
    server.stream.publish(&1).await.unwrap();
    server.answer("GET /streams/comet/poll?client=ann&last=0 HTTP/1.0\r\n\r\n").await;
    server.stream.send_to(&"ann".parse().unwrap(), "psst").unwrap();
    let answer = body(&server.answer(&post("comet/messages?since=ab:0&client=ann", JSON, "2")).await);
    let expected = json!({
        "position": "ab:2", "receivers": 0,
        "poll": {
            "resume": "complete", "from": "ab:0",
            "messages": [
                {"position": "ab:1", "data": 1}, {"data": "psst"}, {"position": "ab:2", "data": 2},
            ],
            "position": "ab:2", "next": 5,
        },
    });
    assert_eq!(answer, expected);
    let answer = body(&server.answer(&post("comet/messages?since=aa:9", JSON, "3")).await);
    assert_eq!(answer["poll"]["resume"], "epoch-changed");
    server.stop().await;
}

/// By default a server lets clients neither open streams nor publish.
#[tokio::test]
async fn an_application_decides_who_opens_and_publishes() {
    let server = TestServer::start().await;
    let answer = server.answer(&post("comet/messages", JSON, "1")).await;
    assert!(answer.starts_with("HTTP/1.0 404 "), "{answer}");
    let answer = server.answer("GET /streams/other/sse HTTP/1.0\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.0 404 "), "{answer}");
    assert_eq!((server.hub.stats().streams, server.stream.position().sequence), (1, 0));
    server.stop().await;
}

#[tokio::test]
async fn streams_that_clients_open_are_bounded_and_unused_ones_make_room() {
    let mut limits = Limits::default();
    limits.streams = 4;
    let server = TestServer::open(limits, EPOCH).await;
    let poll = |name: &str| format!("GET /streams/{name}/poll HTTP/1.0\r\n\r\n");
    // What is no transport opens nothing.
    server.answer("GET /streams/x/pigeon HTTP/1.0\r\n\r\n").await;
    assert!(server.hub.get("x").is_none());
    server.stream.publish(&1).await.unwrap();
    let mut reader: Client = server.ask("GET /streams/read/xhr HTTP/1.0\r\n\r\n").await;
    reader.head().await;
    let read = server.hub.get("read").unwrap();
    wait_for(|| read.readers() == 1).await;
    body(&server.answer(&post("written/messages", JSON, "1")).await);
    for name in ["a", "b", "c"] {
        body(&server.answer(&poll(name)).await);
        assert!(server.hub.get(name).is_some() && server.hub.stats().streams <= 4, "{name}");
    }
    body(&server.answer(&post("c/messages", JSON, "1")).await);
    let refused = server.answer(&poll("d")).await;
    assert!(refused.starts_with("HTTP/1.0 503 ") && refused.contains("retry-after: 30\r\n"), "{refused}");
    assert!(refused.contains("streams = 4"), "{refused}");
    for name in ["comet", "read", "written", "c"] {
        assert!(server.hub.get(name).is_some(), "{name}");
    }
    server.stop().await;
}

/// A name that was published to gives its place back once nobody is there and its messages are too old.
#[tokio::test(start_paused = true)]
async fn streams_whose_messages_are_too_old_make_room() {
    let mut limits = Limits::default();
    (limits.streams, limits.log_age) = (3, Duration::from_secs(60));
    let server = TestServer::open(limits.clone(), EPOCH).await;
    for name in ["a", "b"] {
        body(&server.answer(&post(&format!("{name}/messages"), JSON, "1")).await);
    }
    let mut reader: Client = server.ask("GET /streams/a/xhr?client=ann&rotate=0 HTTP/1.0\r\n\r\n").await;
    reader.head().await;
    let refused = server.answer(&post("c/messages", JSON, "1")).await;
    assert!(refused.starts_with("HTTP/1.0 503 "), "{refused}");
    sleep(limits.log_age + Duration::from_secs(1)).await;
    body(&server.answer(&post("c/messages", JSON, "1")).await);
    assert!(server.hub.get("a").is_some() && server.hub.get("b").is_none(), "one of them is read");
    let refused = server.answer(&post("d/messages", JSON, "1")).await;
    assert!(refused.starts_with("HTTP/1.0 503 "), "{refused}");
    // Its client lingers, and is then no longer there either.
    drop(reader);
    sleep(limits.client_linger + Duration::from_secs(5)).await;
    body(&server.answer(&post("d/messages", JSON, "1")).await);
    assert!(server.hub.get("a").is_none());
    server.stop().await;
}

/// What one stream may hold, many may not hold together.
#[tokio::test(start_paused = true)]
async fn all_logs_together_are_bounded() {
    let mut limits = Limits::default();
    limits.log_bytes_in_all = 64 << 10;
    let server = TestServer::open(limits.clone(), EPOCH).await;
    let long = format!("\"{}\"", "x".repeat(10_000));
    for name in ["a", "b"] {
        for _ in 0..9 {
            let answer = server.answer(&post(&format!("{name}/messages"), JSON, &long)).await;
            if name == "a" {
                body(&answer);
            } else if answer.starts_with("HTTP/1.0 503 ") {
                assert!(answer.contains("retry-after: 30\r\n"), "{answer}");
                assert!(answer.contains("log_bytes_in_all = 65536"), "{answer}");
            }
            assert!(server.hub.stats().log_bytes <= limits.log_bytes_in_all);
        }
    }
    // The first has all that fits, its newest; the second came when nothing was left.
    let (a, b) = (server.hub.get("a").unwrap().stats(), server.hub.get("b").unwrap().stats());
    assert_eq!((a.published, a.held.0, b.published), (9, 3, 0));
    // What is refused changes nothing.
    let refused = server.answer(&post("a/messages", JSON, &format!("\"{}\"", "x".repeat(40_000)))).await;
    assert!(refused.starts_with("HTTP/1.0 503 "), "{refused}");
    assert_eq!(server.hub.get("a").unwrap().stats().held, a.held);
    // What a stream that is closed has held is free within a minute, not when it would have been too old.
    assert!(server.hub.close_stream(&"a".parse().unwrap()));
    sleep(Duration::from_secs(60)).await;
    body(&server.answer(&post("b/messages", JSON, &long)).await);
    server.stop().await;
}

/// Many bodies that come slowly are bounded together, not only each.
#[tokio::test]
async fn bodies_under_way_are_bounded_in_all() {
    let mut limits = Limits::default();
    limits.bodies_in_all = 1_000;
    let server = TestServer::open(limits, EPOCH).await;
    let slow = format!("POST /streams/comet/messages HTTP/1.0\r\n{JSON}Content-Length: 902\r\n\r\n\"");
    let mut one = server.ask(&slow).await;
    one.send(&[b'x'; 500]).await;
    // What is announced is not counted, what has come is.
    let mut other = server.ask(&slow).await;
    other.send(&[b'x'; 600]).await;
    let refused = other.rest_text().await;
    assert!(refused.starts_with("HTTP/1.0 503 ") && refused.contains("retry-after: 1\r\n"), "{refused}");
    assert!(refused.contains("bodies_in_all = 1000"), "{refused}");
    one.send(&[b'x'; 400]).await;
    one.send(b"\"").await;
    body(&one.rest_text().await);
    // It is given back, by both.
    let long = format!("\"{}\"", "x".repeat(990));
    body(&server.answer(&post("comet/messages", JSON, &long)).await);
    server.stop().await;
}
