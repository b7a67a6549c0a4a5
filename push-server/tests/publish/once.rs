//! Idempotency keys: what is published with one is published once.

use std::time::Duration;

use push_server::{Limits, demo};
use serde_json::json;
use tokio::time::sleep;

use crate::support::{EPOCH, TestServer, wait_for};
use crate::{HESSIAN, JSON, LINES, answer, assert_refused, body, head};

fn with_key(fields: &str, key: &str) -> String {
    format!("{fields}Idempotency-Key: {key}\r\n")
}

/// What stands behind the head, and whether it is one that was given before.
fn told(answer: &str) -> (serde_json::Value, bool) {
    (body(answer), answer.contains("idempotent-replayed: true\r\n"))
}

#[tokio::test]
async fn a_retried_request_publishes_once_and_is_answered_as_before() {
    let server = TestServer::open(Limits::default(), EPOCH).await;
    let mut xhr = server.ask("GET /streams/comet/xhr?rotate=0&client=ann HTTP/1.0\r\n\r\n").await;
    xhr.head().await;
    wait_for(|| server.stream.readers() == 1).await;
    for (path, fields, content, first) in [
        ("comet/messages", JSON, &b"1"[..], json!({"position": "ab:1", "receivers": 1})),
        ("comet/messages", HESSIAN, b"\x92", json!({"position": "ab:2", "receivers": 1})),
        (
            "comet/batch",
            LINES,
            b"3\n4",
            json!({"position": "ab:4", "first": "ab:3", "messages": 2, "receivers": 1}),
        ),
        ("comet/clients/ann/messages", JSON, b"5", json!({"receivers": 1, "waits": false})),
    ] {
        let key = format!("{path}{}", content.len() + fields.len()).replace('/', "-");
        for again in [false, true, true] {
            let quoted = if again { format!("\"{key}\"") } else { key.clone() };
            let answered = answer(&server, path, &with_key(fields, &quoted), content).await;
            assert_eq!(told(&answered), (first.clone(), again), "{path}");
        }
    }
    server.stream.publish("last").await.unwrap();
    let got = String::from_utf8(xhr.until(b"\"last\"}\n").await).unwrap();
    let got: Vec<_> = got.lines().filter(|line| line.contains("\"data\"")).collect();
    assert_eq!(got.len(), 6, "{got:?}");
    assert_eq!(server.stream.position().sequence, 5);
    assert_eq!(server.hub.stats().idempotency_keys, 4);
    server.stop().await;
}

#[tokio::test]
async fn a_key_stands_for_one_request_on_one_stream() {
    let server = TestServer::open(Limits::default(), EPOCH).await;
    server.answer("GET /streams/comet/poll?client=ann HTTP/1.0\r\n\r\n").await;
    let fields = with_key(JSON, "k");
    body(&answer(&server, "comet/messages", &fields, b"[1]").await);
    let types = with_key("Content-Type: application/x-hessian\r\n", "k");
    for (path, fields, content) in [
        ("comet/messages", &fields, &b"[2]"[..]),
        ("comet/messages", &types, b"[1]"),
        ("comet/batch", &fields, b"[1]"),
        ("comet/clients/ann/messages", &fields, b"[1]"),
    ] {
        let refused = answer(&server, path, fields, content).await;
        assert_refused(&refused, 422, "idempotency key was used on this stream for something else");
    }
    assert_eq!(server.stream.position().sequence, 1);
    // Another stream has keys of its own, and so has the next one of the same name.
    assert_eq!(told(&answer(&server, "other/messages", &fields, b"[2]").await).0["position"], "ab:1");
    assert!(server.hub.close_stream(&"other".parse().unwrap()));
    let (answered, again) = told(&answer(&server, "other/messages", &fields, b"[3]").await);
    let position = answered["position"].as_str().unwrap();
    assert!(!again && position.ends_with(":1") && position != "ab:1", "{position}");
    for key in ["", "a b", "\"a", "a, b\""] {
        let refused = answer(&server, "comet/messages", &with_key(JSON, key), b"1").await;
        assert_refused(&refused, 400, "An Idempotency-Key is 1 to 255 visible ASCII characters");
    }
    server.stop().await;
}

/// A refusal has published nothing, so the key is free for another try.
#[tokio::test]
async fn what_was_refused_can_be_tried_again_with_its_key() {
    let mut limits = Limits::default();
    limits.direct_messages = 1;
    let server = TestServer::open(limits, EPOCH).await;
    let fields = with_key(JSON, "k");
    assert_refused(&answer(&server, "comet/messages", &fields, b"{").await, 400, "no JSON");
    let told_ = told(&answer(&server, "comet/messages", &fields, b"1").await);
    assert_eq!(told_, (json!({"position": "ab:1", "receivers": 0}), false));
    let fields = with_key(JSON, "d");
    assert_refused(&answer(&server, "comet/clients/ann/messages", &fields, b"1").await, 404, "not present");
    server.answer("GET /streams/comet/poll?client=ann HTTP/1.0\r\n\r\n").await;
    assert!(!told(&answer(&server, "comet/clients/ann/messages", &fields, b"1").await).1);
    let full = with_key(JSON, "e");
    assert_refused(&answer(&server, "comet/clients/ann/messages", &full, b"2").await, 429, "direct_messages");
    server.answer("GET /streams/comet/poll?client=ann HTTP/1.0\r\n\r\n").await;
    assert!(!told(&answer(&server, "comet/clients/ann/messages", &full, b"2").await).1);
    server.stop().await;
}

/// However many come at the same moment, over as many connections.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_requests_that_race_one_publishes_and_all_get_its_answer() {
    let server = TestServer::open(Limits::default(), EPOCH).await;
    for round in 1..=20 {
        let fields = with_key(JSON, &format!("round-{round}"));
        let mut clients = Vec::new();
        for _ in 0..12 {
            clients.push(server.ask(&head("comet/messages", &fields, 2)).await);
        }
        for client in &mut clients {
            client.send(b"[").await;
        }
        let answers = clients.into_iter().map(|mut client| {
            tokio::spawn(async move {
                client.send(b"]").await;
                told(&client.rest_text().await)
            })
        });
        let answers: Vec<_> = answers.collect();
        let mut firsts = 0;
        for answer in answers {
            let (answer, is_again) = answer.await.unwrap();
            assert_eq!(answer, json!({"position": format!("ab:{round}"), "receivers": 0}));
            firsts += usize::from(!is_again);
        }
        assert_eq!(firsts, 1, "round {round}");
    }
    assert_eq!(server.stream.position().sequence, 20);
    server.stop().await;
}

/// The first request's client is gone before it was answered, while the server was behind: the second one publishes.
#[test]
fn a_request_that_was_given_up_leaves_its_key_to_the_next() {
    use push_server::guard::{Rate, Rules};
    use push_server::web::{self, Access};
    use push_server::{Hub, Start, Transport};
    use tower_service::Service as _;

    use crate::support::attach;

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
    // Rates go by the clock, and here are two.
    let mut rules = Rules::default();
    (rules.rates.publishes, rules.rates.stream_publishes) = (Rate::UNLIMITED, Rate::UNLIMITED);
    hub.guard().replace(rules);
    let publish = async |key: &'static str| {
        let mut router = web::router_with(hub.clone(), Access::ALL);
        let request = http::Request::post("/streams/comet/messages")
            .header("content-type", "application/json")
            .header("idempotency-key", key)
            .body(axum::body::Body::from("1"));
        let answer = router.call(request.unwrap()).await.unwrap();
        (answer.status().as_u16(), answer.headers().contains_key("retry-after"))
    };
    let (stuck, sequence) = runtime().unwrap().block_on(async {
        let mut keys = ["a", "b", "c", "d", "e", "f"].into_iter();
        // Until it has to wait for the shard, and says so; that key is free.
        let stuck = loop {
            let key = keys.next().expect("the hub stands still");
            match publish(key).await {
                (503, true) => break key,
                status => assert_eq!(status.0, 200),
            }
        };
        let sequence = stream.position().sequence;
        // Two with the same key: the first is given up by its client.
        let mut first = Box::pin(publish(stuck));
        let second = publish(stuck);
        tokio::select! {
            biased;
            _ = &mut first => panic!("the hub stands still"),
            () = sleep(Duration::from_millis(10)) => {}
        }
        let mut second = Box::pin(second);
        tokio::select! {
            biased;
            _ = &mut second => panic!("the first is under way"),
            () = sleep(Duration::from_millis(10)) => {}
        }
        drop(first);
        assert_eq!(second.await, (503, true), "the hub stands still");
        assert_eq!(stream.position().sequence, sequence);
        (stuck, sequence)
    });
    asleep.block_on(async {
        sleep(Duration::from_millis(100)).await;
        // Neither has published: its key is free.
        assert_eq!(publish(stuck).await.0, 200);
    });
    assert_eq!(stream.position().sequence, sequence + 1);
}

#[tokio::test(start_paused = true)]
async fn keys_are_remembered_for_a_time() {
    let mut limits = Limits::default();
    (limits.idempotency_age, limits.idempotency_keys) = (Duration::from_secs(60), 3);
    let server = TestServer::open(limits, EPOCH).await;
    let publish =
        async |key: &str| told(&answer(&server, "comet/messages", &with_key(JSON, key), b"1").await).1;
    assert!(!publish("a").await && publish("a").await);
    sleep(Duration::from_secs(61)).await;
    assert!(!publish("a").await);
    assert_eq!((server.hub.stats().idempotency_keys, server.hub.stats().idempotency_forgotten), (1, 0));
    // And as long as there are not too many newer ones, which is counted.
    for key in ["b", "c", "d"] {
        assert!(!publish(key).await);
    }
    assert!(publish("b").await && !publish("a").await);
    assert_eq!((server.hub.stats().idempotency_keys, server.hub.stats().idempotency_forgotten), (3, 2));
    server.stop().await;
}
