//! Long polls and interval polls, byte by byte.

mod support;

use std::time::Duration;

use push_server::demo::AddString;
use push_server::{Limits, Overflow, StreamConfig};
use serde_json::{Value, json};
use support::{Client, EPOCH, TestServer, wait_for};
use tokio::time::{Instant, sleep};

async fn server() -> TestServer {
    TestServer::open(Limits::default(), EPOCH).await
}

fn get(path: &str) -> String {
    format!("GET /streams/comet/{path} HTTP/1.1\r\nHost: x\r\n\r\n")
}

/// One answer on a connection that stays: its head without the date, and its body.
async fn answer(client: &mut Client) -> (String, Vec<u8>) {
    let head = client.head().await;
    let (_, length) = head.split_once("content-length: ").unwrap_or_else(|| panic!("{head}"));
    let length = length.split_once("\r\n").unwrap().0.parse().unwrap();
    let body = client.take(length).await;
    (head, body)
}

async fn json(client: &mut Client) -> Value {
    serde_json::from_slice(&answer(client).await.1).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_long_poll_is_answered_when_there_is_a_message() {
    let server = server().await;
    let mut client = server.ask(&get("longpoll?wait=60")).await;
    wait_for(|| server.stream.readers() == 1).await;
    let begin = Instant::now();
    sleep(Duration::from_secs(9)).await;
    server.publish("hello").await;
    let (head, body) = answer(&mut client).await;
    assert!(begin.elapsed() < Duration::from_secs(10), "{:?}", begin.elapsed());
    let expected = "HTTP/1.1 200 OK\r\ncache-control: no-store\r\nx-content-type-options: nosniff\r\n\
        x-accel-buffering: no\r\npush-position: ab:0\r\ncontent-type: application/json\r\nvary: accept\r\n\
        push-next-position: ab:1\r\npush-next: 0\r\ncontent-length: 119\r\n\r\n";
    assert_eq!(head, expected);
    let expected = "{\"resume\":\"fresh\",\"from\":\"ab:0\",\"messages\":[\
        {\"position\":\"ab:1\",\"data\":{\"value\":\"hello\"}}\n],\"position\":\"ab:1\",\"next\":0}\n";
    assert_eq!(String::from_utf8(body).unwrap(), expected);
    assert_eq!(server.stream.readers(), 0);

    // The connection stays, and the next poll goes on.
    client.send(get("longpoll?since=ab:1").as_bytes()).await;
    wait_for(|| server.stream.readers() == 1).await;
    server.publish("world").await;
    let expected = json!({
        "resume": "complete", "from": "ab:1",
        "messages": [{"position": "ab:2", "data": {"value": "world"}}], "position": "ab:2", "next": 0,
    });
    assert_eq!(json(&mut client).await, expected);
    server.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_long_poll_waits_for_so_long_and_is_then_answered_empty() {
    let server = server().await;
    for (query, seconds) in [("", 25), ("?wait=3", 3), ("?wait=60", 60), ("?wait=0", 0)] {
        let begin = Instant::now();
        let mut client = server.ask(&get(&format!("longpoll{query}"))).await;
        wait_for(|| seconds == 0 || server.stream.readers() == 1).await;
        // The client's own patience is shorter.
        sleep(Duration::from_secs(seconds)).await;
        let empty = json!({"resume": "fresh", "from": "ab:0", "messages": [], "position": "ab:0", "next": 0});
        assert_eq!(json(&mut client).await, empty);
        let took = begin.elapsed().as_secs_f64();
        assert!((seconds as f64..seconds as f64 + 0.1).contains(&took), "{query}: {took}");
    }
    server.stop().await;
}

/// A verdict that matters is not kept back until there is a message.
#[tokio::test(start_paused = true)]
async fn who_has_lost_something_is_told_at_once() {
    let server = server().await;
    let begin = Instant::now();
    let mut client = server.ask(&get("longpoll?since=aa:7")).await;
    let told = json(&mut client).await;
    assert_eq!((&told["resume"], &told["position"]), (&json!("epoch-changed"), &json!("ab:0")));
    assert!(begin.elapsed() < Duration::from_secs(1));
    server.stop().await;
}

#[tokio::test(start_paused = true)]
async fn an_interval_poll_is_answered_at_once_and_says_when_to_come_back() {
    let mut limits = Limits::default();
    limits.poll_messages = 3;
    let server = TestServer::open(limits, EPOCH).await;
    let begin = Instant::now();
    let mut client = server.ask(&get("poll")).await;
    let empty = json!({"resume": "fresh", "from": "ab:0", "messages": [], "position": "ab:0", "next": 5});
    assert_eq!(json(&mut client).await, empty);
    for number in 1..=7 {
        server.stream.publish(&number).await.unwrap();
    }
    let mut numbers = Vec::new();
    let mut position = "ab:0".to_owned();
    for (count, next) in [(3, 0), (3, 0), (1, 5), (0, 5)] {
        client.send(get(&format!("poll?since={position}")).as_bytes()).await;
        let told = json(&mut client).await;
        assert_eq!((&told["resume"], &told["next"]), (&json!("complete"), &json!(next)));
        let messages = told["messages"].as_array().unwrap();
        assert_eq!(messages.len(), count);
        numbers.extend(messages.iter().map(|message| message["data"].as_u64().unwrap()));
        position = told["position"].as_str().unwrap().to_owned();
    }
    assert_eq!(numbers, (1..=7).collect::<Vec<_>>());
    assert!(begin.elapsed() < Duration::from_secs(1));
    server.stop().await;
}

/// Messages, and bytes of their bodies, one message at least.
#[tokio::test(start_paused = true)]
async fn an_answer_is_bounded_in_bytes() {
    let mut limits = Limits::default();
    limits.poll_bytes = 10;
    let server = TestServer::open(limits, EPOCH).await;
    for text in ["x".repeat(100), "123".to_owned(), "123".to_owned(), "123".to_owned()] {
        server.stream.publish(&text).await.unwrap();
    }
    let mut client = server.ask("").await;
    for (since, until) in [(0, 1), (1, 3), (3, 4)] {
        client.send(get(&format!("longpoll?since=ab:{since}")).as_bytes()).await;
        assert_eq!(json(&mut client).await["position"], json!(format!("ab:{until}")));
    }
    server.stop().await;
}

#[tokio::test(start_paused = true)]
async fn hessian_readers_get_packets_and_the_rest_in_the_head() {
    let server = server().await;
    for value in ["hello", "wörld"] {
        server.stream.publish(&AddString { value: value.to_owned() }).await.unwrap();
    }
    let value = b"\x05\x21C\x11example.AddString\x91\x05value\x60\x05hello\x05\x08\x60\x05w\xc3\xb6rld";
    for (query, accept) in
        [("&format=hessian", ""), ("", "Accept: application/x-hessian, application/json;q=0.9\r\n")]
    {
        let mut client =
            server.ask(&format!("GET /streams/comet/longpoll?last=2{query} HTTP/1.0\r\n{accept}\r\n")).await;
        let (head, body) = answer(&mut client).await;
        let expected = "content-type: application/x-hessian\r\nvary: accept\r\n\
            push-next-position: ab:2\r\npush-next: 0\r\ncontent-length: 45\r\n";
        assert!(head.starts_with("HTTP/1.0 200 OK\r\n") && head.contains(expected), "{head}");
        assert_eq!(body.escape_ascii().to_string(), value.escape_ascii().to_string());
    }
    // Each answer is a stream of its own: the definition comes again.
    let mut client = server.ask(&get("poll?since=ab:1&format=hessian&framing=varint")).await;
    let (_, body) = answer(&mut client).await;
    assert!(
        body.starts_with(b"\x22C\x11example.AddString") && body.ends_with(b"rld\x00"),
        "{}",
        body.escape_ascii()
    );
    client.send(get("poll?since=ab:2&format=hessian").as_bytes()).await;
    let (head, body) = answer(&mut client).await;
    assert!(head.contains("push-next: 5\r\ncontent-length: 0\r\n") && body.is_empty(), "{head}");
    let refused = server
        .answer("GET /streams/comet/poll HTTP/1.0\r\nAccept: text/html, application/json;q=0\r\n\r\n")
        .await;
    assert!(refused.starts_with("HTTP/1.0 406 ") && refused.contains("application/x-hessian"), "{refused}");
    server.stop().await;
}

/// They wait between two polls, come once, and have no position.
#[tokio::test(start_paused = true)]
async fn messages_to_one_client_wait_for_its_next_poll() {
    let server = server().await;
    let mut client = server.ask(&get("poll?client=ann")).await;
    assert_eq!(json(&mut client).await["messages"], json!([]));
    let ann = "ann".parse().unwrap();
    assert_eq!(server.stream.clients(), [ann]);
    server.stream.publish(&1).await.unwrap();
    server.stream.send_to(&server.stream.clients()[0], "only you").unwrap();
    server.stream.publish(&2).await.unwrap();
    sleep(Limits::default().poll_interval).await;
    // The head only: nothing is taken away.
    let head = server.answer("HEAD /streams/comet/poll?since=ab:0&client=ann HTTP/1.0\r\n\r\n").await;
    assert!(head.starts_with("HTTP/1.0 200 OK\r\n") && head.ends_with("\r\n\r\n"), "{head}");
    client.send(get("poll?client=ann&since=ab:0").as_bytes()).await;
    let expected =
        json!([{"position": "ab:1", "data": 1}, {"data": "only you"}, {"position": "ab:2", "data": 2}]);
    assert_eq!(json(&mut client).await["messages"], expected);
    client.send(get("poll?client=ann&since=ab:2").as_bytes()).await;
    assert_eq!(json(&mut client).await["messages"], json!([]));

    // A long poll is woken by one.
    client.send(get("longpoll?client=ann&since=ab:2").as_bytes()).await;
    wait_for(|| server.stream.readers() == 1).await;
    server.stream.send_to(&server.stream.clients()[0], "again").unwrap();
    let told = json(&mut client).await;
    assert_eq!((&told["messages"], &told["position"]), (&json!([{"data": "again"}]), &json!("ab:2")));
    server.stop().await;
}

/// What a stream of latest values has skipped comes before the messages.
#[tokio::test(start_paused = true)]
async fn what_was_skipped_is_told() {
    let mut limits = Limits::default();
    limits.poll_messages = 2;
    let config = StreamConfig::new(&limits).overflow(Overflow::Latest);
    let server = TestServer::open(limits, EPOCH).await;
    let stream = server.hub.open_with(&"latest".parse().unwrap(), &config).unwrap();
    let requests = ["longpoll", "longpoll?format=hessian"];
    let mut clients = Vec::new();
    for path in requests {
        clients.push(server.ask(&format!("GET /streams/latest/{path} HTTP/1.1\r\nHost: x\r\n\r\n")).await);
    }
    wait_for(|| stream.readers() == 2).await;
    // Without a pause in which the polls could be woken.
    for number in 1..=5 {
        let mut publish = std::pin::pin!(stream.publish(&number));
        let waker = std::task::Waker::noop();
        assert!(publish.as_mut().poll(&mut std::task::Context::from_waker(waker)).is_ready());
    }
    let told = json(&mut clients[0]).await;
    let expected = json!([
        {"event": "gap", "from": 1, "to": 4, "position": "ab:4"}, {"position": "ab:5", "data": 5},
    ]);
    assert_eq!((&told["messages"], &told["position"]), (&expected, &json!("ab:5")));
    let (head, body) = answer(&mut clients[1]).await;
    assert!(head.contains("push-counting: none\r\n") && head.contains("push-gap: 1-4\r\n"), "{head}");
    assert_eq!(body, b"\x05\x01\x95");
    server.stop().await;
}

/// A burst beyond what a live reader may be behind costs a long poll one empty answer and no message.
#[tokio::test(start_paused = true)]
async fn a_burst_is_not_lost_to_a_poll_that_waits() {
    let mut limits = Limits::default();
    limits.lag_messages = 4;
    let server = TestServer::open(limits, EPOCH).await;
    let mut client = server.ask(&get("longpoll")).await;
    wait_for(|| server.stream.readers() == 1).await;
    for number in 1..=20 {
        let mut publish = std::pin::pin!(server.stream.publish(&number));
        let waker = std::task::Waker::noop();
        assert!(publish.as_mut().poll(&mut std::task::Context::from_waker(waker)).is_ready());
    }
    let told = json(&mut client).await;
    let empty = json!({"resume": "fresh", "from": "ab:0", "messages": [], "position": "ab:0", "next": 0});
    assert_eq!(told, empty);
    client.send(get("longpoll?since=ab:0").as_bytes()).await;
    let told = json(&mut client).await;
    assert_eq!((&told["resume"], &told["position"]), (&json!("complete"), &json!("ab:20")));
    assert_eq!(told["messages"].as_array().unwrap().len(), 20);
    server.stop().await;
}

/// Where the stream ends, a waiting poll is told, and the next finds a namesake if anything.
#[tokio::test(start_paused = true)]
async fn a_waiting_poll_is_told_the_end() {
    let server = server().await;
    let mut client = server.ask(&get("longpoll")).await;
    wait_for(|| server.stream.readers() == 1).await;
    assert!(server.hub.close_stream(server.stream.name()));
    let expected = json!({
        "resume": "fresh", "from": "ab:0", "messages": [{"event": "end", "position": "ab:0"}],
        "position": "ab:0", "next": null,
    });
    assert_eq!(json(&mut client).await, expected);
    client.send(get("longpoll?since=ab:0").as_bytes()).await;
    let head = client.head().await;
    assert!(head.starts_with("HTTP/1.1 200 ") && head.contains("push-resume: epoch-changed\r\n"), "{head}");
    server.stop().await;
}

/// Where the server ends, it is told to come back: the stream goes on.
#[tokio::test(start_paused = true)]
async fn a_waiting_poll_is_sent_to_the_next_server() {
    let server = server().await;
    let mut client = server.ask(&get("longpoll?since=ab:0")).await;
    wait_for(|| server.stream.readers() == 1).await;
    server.hub.end().await;
    let expected = json!({
        "resume": "complete", "from": "ab:0", "messages": [], "position": "ab:0", "next": 0,
    });
    assert_eq!(json(&mut client).await, expected);
    client.send(get("longpoll?since=ab:0").as_bytes()).await;
    let head = client.head().await;
    assert!(head.starts_with("HTTP/1.1 503 ") && head.contains("retry-after: 1\r\n"), "{head}");
    server.stop().await;
}

/// A page that is served on a connection stays usable for polls, and a poll for a stream.
#[tokio::test]
async fn polls_and_a_stream_share_a_connection() {
    let server = server().await;
    server.stream.publish(&1).await.unwrap();
    let mut client = server.ask(&(get("poll?last=1") + &get("longpoll?last=1") + &get("xhr?last=1"))).await;
    for next in [5, 0] {
        let told = json(&mut client).await;
        assert_eq!((&told["position"], &told["next"]), (&json!("ab:1"), &json!(next)));
    }
    assert!(client.head().await.contains("content-type: application/x-ndjson"));
    client.until(b"{\"position\":\"ab:1\",\"data\":1}\n").await;
    server.stop().await;
}
