//! Publishing by Hessian calls, as a Java program does it.

mod support;

use hessian::rpc::{Arguments, Form, Outcome, read_reply, write_call};
use push_server::Limits;
use push_server::guard::{Rate, Reason, Rules};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use support::{EPOCH, TestServer, wait_for};
use tokio::io::AsyncReadExt as _;

#[derive(Serialize)]
#[serde(rename = "com.example.Tick")]
struct Tick {
    symbol: &'static str,
    price: f64,
}

fn call_of(form: Form, method: &str, arguments: &impl Arguments) -> Vec<u8> {
    let mut call = Vec::new();
    write_call(form, method, arguments, &mut call).unwrap();
    call
}

/// What is answered to this body: the head, and the body.
async fn post(server: &TestServer, fields: &str, body: &[u8]) -> (String, Vec<u8>) {
    let head = format!("POST /hessian HTTP/1.0\r\nContent-Length: {}\r\n{fields}\r\n", body.len());
    let mut client = server.ask(&head).await;
    client.send(body).await;
    let mut answer = Vec::new();
    client.socket.read_to_end(&mut answer).await.unwrap();
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 4;
    let body = answer.split_off(end);
    (String::from_utf8(answer).unwrap(), body)
}

const HESSIAN: &str = "Content-Type: x-application/hessian\r\n";

async fn call<T: DeserializeOwned>(
    server: &TestServer,
    form: Form,
    method: &str,
    arguments: &impl Arguments,
) -> Outcome<T> {
    let (head, body) = post(server, HESSIAN, &call_of(form, method, arguments)).await;
    assert!(head.starts_with("HTTP/1.0 200 OK\r\n"), "{head}");
    read_reply(&body, &hessian::Limits::new()).unwrap().0
}

/// The exception's class and message.
async fn thrown(server: &TestServer, method: &str, arguments: &impl Arguments) -> String {
    call::<()>(server, Form::Two, method, arguments).await.unwrap_err().exception.unwrap().to_string()
}

#[tokio::test]
async fn an_object_of_any_class_reaches_every_transport() {
    let server = TestServer::open(Limits::default(), EPOCH).await;
    let mut sse = server.ask("GET /streams/ticks/sse HTTP/1.0\r\n\r\n").await;
    sse.head().await;
    let mut packets = server.ask("GET /streams/ticks/hessian HTTP/1.0\r\n\r\n").await;
    packets.head().await;
    let stream = server.hub.get("ticks").unwrap();
    wait_for(|| stream.readers() == 2).await;
    for (sequence, form) in [(1, Form::One), (2, Form::Two)] {
        let tick = Tick { symbol: "ACME", price: 12.5 };
        let receipt: Value = call(&server, form, "publish", &("ticks", tick)).await.unwrap();
        assert_eq!(receipt, json!({"position": format!("ab:{sequence}"), "receivers": 2}));
        let event = format!("id: ab:{sequence}\ndata: {{\"symbol\":\"ACME\",\"price\":12.5}}\n\n");
        sse.until(event.as_bytes()).await;
    }
    // An object of Hessian 1 is a map whose type is the class: both arrive as objects of one class, defined once.
    packets.until(b"C\x10com.example.Tick\x92\x06symbol\x05price\x60\x04ACME\x5f\x00\x00\x30\xd4").await;
    packets.until(b"\x60\x04ACME\x5f\x00\x00\x30\xd4").await;
    server.stop().await;
}

#[tokio::test]
async fn a_message_to_one_client() {
    let server = TestServer::open(Limits::default(), EPOCH).await;
    let mut ann = server.ask("GET /streams/comet/sse?client=ann HTTP/1.0\r\n\r\n").await;
    ann.head().await;
    wait_for(|| server.stream.client_count() == 1 && server.stream.readers() == 1).await;
    assert_eq!(call(&server, Form::Two, "send", &("comet", "ann", [1, 2])).await, Ok(true));
    ann.until(b"data: [1,2]\n\n").await;
    assert_eq!(
        thrown(&server, "send", &("comet", "bob", 1)).await,
        "java.util.NoSuchElementException: client bob is not present."
    );
    assert_eq!(
        thrown(&server, "send", &("none", "ann", 1)).await,
        "java.util.NoSuchElementException: No such stream is open: no client is present in it."
    );
    assert!(
        thrown(&server, "send", &("comet", "a b", 1))
            .await
            .starts_with("java.lang.IllegalArgumentException: client: ")
    );
    server.stop().await;
}

#[tokio::test]
async fn what_cannot_be_published_throws() {
    let mut limits = Limits::default();
    (limits.message_bytes, limits.batch_bytes) = (64, 64);
    limits.streams = 1;
    let server = TestServer::open(limits, EPOCH).await;
    for (stream, value, exception) in [
        (".comet", json!(1), "java.lang.IllegalArgumentException: stream: "),
        (
            "another",
            json!(1),
            "java.lang.IllegalStateException: cannot open stream another: there are streams = 1",
        ),
        ("comet", json!("x".repeat(64)), "java.lang.IllegalArgumentException: the message has "),
    ] {
        server.stream.publish(&0).await.unwrap(); // `comet` is in use
        let thrown = thrown(&server, "publish", &(stream, value)).await;
        assert!(thrown.starts_with(exception), "{thrown}");
    }
    // A list in itself: Hessian has it, JSON does not.
    let cycle = b"H\x02\0C\x07publish\x92\x05comet\x79\x51\x90";
    let (_, body) = post(&server, HESSIAN, cycle).await;
    let fault = read_reply::<()>(&body, &hessian::Limits::new()).unwrap().0.unwrap_err();
    assert_eq!(&*fault.exception.unwrap().class, "java.lang.IllegalArgumentException");
    assert_eq!(server.stream.position().sequence, 3);
    let (head, _) =
        post(&server, HESSIAN, &call_of(Form::Two, "publish", &("comet", "x".repeat(2000)))).await;
    assert!(head.starts_with("HTTP/1.0 413 "), "{head}");
    server.stop().await;
}

/// A batch, and keys, by calls.
#[tokio::test]
async fn batches_and_keys() {
    let server = TestServer::open(Limits::default(), EPOCH).await;
    server.answer("GET /streams/comet/poll?client=ann HTTP/1.0\r\n\r\n").await;
    let tick = |symbol| Tick { symbol, price: 12.5 };
    for form in [Form::One, Form::Two] {
        let first = server.stream.position().sequence + 1;
        let ticks = vec![tick("A"), tick("B"), tick("C")];
        let receipt: Value = call(&server, form, "publishAll", &("comet", ticks)).await.unwrap();
        let expected = json!({
            "position": format!("ab:{}", first + 2), "first": format!("ab:{first}"), "messages": 3, "receivers": 0,
        });
        assert_eq!(receipt, expected);
        assert_eq!(&server.stream.latest().unwrap().json()[..], br#"{"symbol":"C","price":12.5}"#);
    }
    for _ in 0..2 {
        let receipt: Value =
            call(&server, Form::Two, "publishOnce", &("comet", tick("D"), "d")).await.unwrap();
        assert_eq!(receipt["position"], "ab:7");
    }
    // In the older form it is the same object.
    let receipt: Value = call(&server, Form::One, "publishOnce", &("comet", tick("D"), "d")).await.unwrap();
    assert_eq!(receipt["position"], "ab:7");
    for _ in 0..2 {
        let receipt: Value =
            call(&server, Form::Two, "publishAllOnce", &("comet", [8, 9], "e")).await.unwrap();
        assert_eq!((&receipt["first"], &receipt["position"]), (&json!("ab:8"), &json!("ab:9")));
        let is_connected: bool =
            call(&server, Form::Two, "sendOnce", &("comet", "ann", tick("F"), "f")).await.unwrap();
        assert!(!is_connected);
    }
    let poll = server.answer("GET /streams/comet/poll?client=ann HTTP/1.0\r\n\r\n").await;
    assert_eq!(poll.matches(r#""symbol":"F""#).count(), 1, "{poll}");
    for (method, arguments, exception) in [
        (
            "publishOnce",
            ("comet", json!(1), "d"),
            "java.lang.IllegalArgumentException: key: this idempotency key",
        ),
        (
            "publishOnce",
            ("comet", json!(1), "a b"),
            "java.lang.IllegalArgumentException: key: an idempotency key is",
        ),
        (
            "publishAllOnce",
            ("comet", json!([1]), ""),
            "java.lang.IllegalArgumentException: key: an idempotency key is",
        ),
        (
            "publishAllOnce",
            ("comet", json!(1), "g"),
            "java.lang.IllegalArgumentException: values: a batch is a list",
        ),
        (
            "publishAllOnce",
            ("comet", json!([]), "g"),
            "java.lang.IllegalArgumentException: a batch has one message",
        ),
        (
            "publishAllOnce",
            ("comet", json!(vec![0; 257]), "g"),
            "java.lang.IllegalArgumentException: the batch has more messages than batch_messages = 256.",
        ),
    ] {
        let thrown = thrown(&server, method, &arguments).await;
        assert!(thrown.starts_with(exception), "{thrown}");
    }
    assert_eq!(server.stream.position().sequence, 9);
    // Each is counted by its reason, though HTTP answers 200.
    let refused = server.hub.stats().refusals;
    let counted = [Reason::Unprocessable, Reason::Malformed, Reason::TooLong].map(|why| refused.get(why));
    assert_eq!((counted, refused.total()), ([1, 4, 1], 6));
    server.stop().await;
}

/// A retried batch is no more load than what is published: it counts as a request does.
#[tokio::test(start_paused = true)]
async fn a_batch_that_comes_again_with_its_key_counts_once() {
    let server = TestServer::open(Limits::default(), EPOCH).await;
    let mut rules = Rules::default();
    rules.rates.publishes = Rate::new(1, 100);
    server.hub.guard().replace(rules);
    for _ in 0..40 {
        let receipt: Value =
            call(&server, Form::Two, "publishAllOnce", &("comet", vec![0; 50], "k")).await.unwrap();
        assert_eq!(receipt["position"], "ab:50");
    }
    server.stop().await;
}

/// A page of another site cannot give the type without asking; nobody answers it that it may.
#[tokio::test]
async fn what_a_page_of_another_site_posts_is_no_call() {
    let server = TestServer::open(Limits::default(), EPOCH).await;
    let bytes = call_of(Form::Two, "publish", &("comet", 1));
    for fields in ["", "Content-Type: text/plain\r\n", "Content-Type: application/x-www-form-urlencoded\r\n"]
    {
        let (head, _) = post(&server, fields, &bytes).await;
        assert!(head.starts_with("HTTP/1.0 415 "), "{head}");
    }
    let (head, _) = post(&server, "Content-Type: application/x-hessian\r\n", &bytes).await;
    assert!(head.starts_with("HTTP/1.0 200 "), "{head}");
    let answer = server.answer("GET /hessian HTTP/1.0\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.0 405 ") && answer.contains("allow: POST\r\n"), "{answer}");
    assert_eq!(server.stream.position().sequence, 1);
    server.stop().await;
}

/// `HessianProxyFactory.create(url)` finds the interface.
#[tokio::test]
async fn the_interface_is_told() {
    let server = TestServer::open(Limits::default(), EPOCH).await;
    let class: String =
        call(&server, Form::Two, "_hessian_getAttribute", &("java.api.class",)).await.unwrap();
    assert_eq!(class, "push.Publisher");
    server.stop().await;
}

/// Only who may publish otherwise has this.
#[tokio::test]
async fn an_application_decides_who_publishes() {
    let server = TestServer::start().await;
    let (head, _) = post(&server, HESSIAN, &call_of(Form::Two, "publish", &("comet", 1))).await;
    assert!(head.starts_with("HTTP/1.0 404 "), "{head}");
    server.stop().await;
}
