//! Messages from clients: the chain of handlers, and the two forms of HTTP.

mod support;

use std::io::{self, Write};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Extension;
use push_server::messages::{
    Chain, ClientMessage, DeliverError, Failure, PEOPLE_TEXT, Receipt, Refused, Verdict, deliver,
};
use push_server::web::{self, Access, Origins};
use push_server::{Hub, Limits, SendError, Stream, demo};
use serde_json::{Value, json};
use support::{EPOCH, TestServer, wait_for};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep};

fn hub(limits: Limits) -> (Hub, Stream) {
    let hub = Hub::start(EPOCH, limits, 1);
    let stream = demo::open(&hub).unwrap();
    (hub, stream)
}

fn message(stream: &Stream, value: &Value) -> ClientMessage {
    ClientMessage::of_value(stream.clone(), value).unwrap()
}

/// Remembers who was asked.
#[derive(Clone, Default)]
struct Asked(Arc<Mutex<Vec<&'static str>>>);

impl Asked {
    /// A handler that takes the message that is its own name.
    fn handler(&self, name: &'static str) -> impl push_server::messages::Handler {
        let asked = self.clone();
        move |message: ClientMessage| {
            asked.0.lock().unwrap().push(name);
            async move {
                match message.parse::<&str>().is_ok_and(|text| text == name) {
                    true => Verdict::reply(&name),
                    false => Ok(Verdict::Pass),
                }
            }
        }
    }

    fn take(&self) -> Vec<&'static str> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

#[tokio::test]
async fn handlers_are_asked_in_order_until_one_accepts_and_the_system_handler_comes_last() {
    let (_hub, stream) = hub(Limits::default());
    let asked = Asked::default();
    let chain = Chain::new()
        .with(asked.handler("first"))
        .with(asked.handler("second"))
        .with(asked.handler("second"))
        .with(asked.handler("last"));
    let reply = |name: &str| Receipt::Reply(json!(name).to_string().into());
    for (value, receipt, who) in [
        ("first", reply("first"), &["first"][..]),
        ("second", reply("second"), &["first", "second"]),
        ("last", reply("last"), &["first", "second", "second", "last"]),
    ] {
        assert_eq!(chain.dispatch(message(&stream, &json!(value))).await.unwrap(), receipt);
        assert_eq!(asked.take(), who);
        assert_eq!(stream.position().sequence, 0, "what is accepted is not published");
    }
    let Receipt::Published(published) = chain.dispatch(message(&stream, &json!("nobody's"))).await.unwrap()
    else {
        panic!("the system handler publishes")
    };
    assert_eq!((published.position.sequence, asked.take().len()), (1, 4));
    assert_eq!(&stream.latest().unwrap().json()[..], b"\"nobody's\"");
    // With a name, it is for that client alone.
    let ann = "ann".parse().unwrap();
    let _present =
        stream.subscribe(push_server::Transport::Sse, push_server::Start::Live).client(&ann).unwrap();
    let direct = message(&stream, &json!("nobody's")).meant_for(Some(ann.clone()));
    let receipt = chain.dispatch(direct).await.unwrap();
    assert!(matches!(receipt, Receipt::Sent(sent) if !sent.is_connected), "{receipt:?}");
    assert_eq!(stream.position().sequence, 1);
    let gone = message(&stream, &json!(1)).meant_for(Some("bob".parse().unwrap()));
    let refused = chain.dispatch(gone).await.unwrap_err();
    assert!(matches!(refused, Refused::Undelivered(DeliverError::Send(SendError::NoClient(_)))), "{refused}");
}

/// What a handler may do wrong.
async fn clumsy(message: ClientMessage) -> Result<Verdict, Failure> {
    match message.parse::<&str>().unwrap_or_default() {
        "people" => Err(Failure::for_people("It is not <b>your</b> turn.")),
        "long" => Err(Failure::for_people("ä".repeat(PEOPLE_TEXT))),
        "error" => Err("secret".parse::<u8>().unwrap_err().into()),
        "panic" => panic!("secret"),
        "chatty" => Verdict::reply(&"x".repeat(message.stream().limits().message_bytes)),
        "slow" => {
            sleep(Duration::from_secs(3_600)).await;
            Verdict::accept()
        }
        // Does something, and has the system handler do the rest.
        "absent" => Ok(deliver(&message.meant_for(Some("nobody".parse()?))).await?.into()),
        _ => Verdict::accept(),
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_for_people_reaches_them_and_nothing_else_does() {
    let (_hub, stream) = hub(Limits::default());
    let chain = Chain::new().with(clumsy);
    let ask = async |what: &str| chain.dispatch(message(&stream, &json!(what))).await;
    assert_eq!(ask("people").await.unwrap_err().to_string(), "It is not <b>your</b> turn.");
    let long = ask("long").await.unwrap_err().to_string();
    assert!(
        long.len() <= PEOPLE_TEXT && long.len() > PEOPLE_TEXT - 4 && long.ends_with("ä…"),
        "{}",
        long.len()
    );
    let mut references = Vec::new();
    for what in ["error", "panic", "chatty", "slow"] {
        let begin = Instant::now();
        let refused = ask(what).await.unwrap_err();
        let Refused::Internal { reference } = &refused else { panic!("{what}: {refused:?}") };
        let told = refused.to_string();
        assert!(told.contains(reference) && !told.contains("secret"), "{what}: {told}");
        let time = if what == "slow" { Limits::default().handler_time } else { Duration::ZERO };
        assert!(begin.elapsed() >= time && begin.elapsed() < time + Duration::from_secs(1), "{what}");
        references.push(reference.clone());
    }
    references.dedup();
    assert_eq!(references.len(), 4);
    let absent = ask("absent").await.unwrap_err();
    assert!(matches!(absent, Refused::Undelivered(DeliverError::Send(SendError::NoClient(_)))), "{absent:?}");
    // Whatever became of one message, the next is handled.
    assert_eq!(ask("fine").await.unwrap(), Receipt::Accepted);
}

/// What is written, for whoever looks later.
#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_failure_is_a_line_of_the_log_whatever_the_client_has_sent() {
    #[derive(Debug, thiserror::Error)]
    #[error("no such move: {0}")]
    struct BadMove(String, #[source] std::num::ParseIntError);
    async fn play(message: ClientMessage) -> Result<Verdict, Failure> {
        let text: String = message.parse()?;
        let number = text.parse::<u8>().map_err(|error| BadMove(text.clone(), error))?;
        Verdict::reply(&number)
    }
    let (_hub, stream) = hub(Limits::default());
    let written = Written::default();
    let writer = written.clone();
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
    let log = tracing::subscriber::set_default(subscriber);
    let forged = message(&stream, &json!("7\n2026-01-01 ERROR forged\u{1b}[31m"));
    let refused = Chain::new().with(play).dispatch(forged.sent_by(Some("ann".parse().unwrap()))).await;
    drop(log);
    let Refused::Internal { reference } = refused.unwrap_err() else { panic!("it is internal") };
    let log = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
    let lines: Vec<_> = log.lines().collect();
    let [line] = lines[..] else { panic!("{log}") };
    for part in [
        reference.as_str(),
        "play",
        "stream=comet",
        "sender=ann",
        r"no such move: 7\n2026-01-01 ERROR forged\u{1b}[31m: invalid digit found in string",
    ] {
        assert!(line.contains(part), "{part}: {line}");
    }
    assert!(!log.contains('\u{1b}'), "{log}");
}

#[tokio::test(start_paused = true)]
async fn handlers_have_so_many_messages_in_hand_and_no_more() {
    let mut limits = Limits::default();
    limits.handlers_at_once = 2;
    let (_hub, stream) = hub(limits);
    let chain = Chain::new().with(clumsy);
    let ask = |what: &str| {
        let (chain, message) = (chain.clone(), message(&stream, &json!(what)));
        tokio::spawn(async move { chain.dispatch(message).await })
    };
    let (slow, dropped) = (ask("slow"), ask("slow"));
    sleep(Duration::from_secs(1)).await;
    let refused = ask("fine").await.unwrap().unwrap_err();
    assert!(matches!(refused, Refused::Busy { max: 2 }), "{refused:?}");
    // Given back also by who is interrupted.
    dropped.abort();
    assert!(dropped.await.unwrap_err().is_cancelled());
    ask("fine").await.unwrap().unwrap();
    slow.await.unwrap().unwrap_err();
    ask("fine").await.unwrap().unwrap();
}

fn post(path: &str, fields: &str, body: &str) -> String {
    let length = body.len();
    format!("POST {path} HTTP/1.0\r\nHost: x\r\nContent-Length: {length}\r\n{fields}\r\n{body}")
}

const JSON: &str = "Content-Type: application/json\r\n";
const FORM: &str = "Content-Type: application/x-www-form-urlencoded\r\n";
const PAGE: &str = "Sec-Fetch-Site: same-origin\r\n";

fn status(answer: &str) -> u16 {
    answer.strip_prefix("HTTP/1.0 ").and_then(|rest| rest.get(..3)?.parse().ok()).expect(answer)
}

fn body(answer: &str) -> Value {
    assert!(answer.contains("content-type: application/json\r\n"), "{answer}");
    assert!(answer.contains("x-content-type-options: nosniff\r\n"), "{answer}");
    serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).expect(answer)
}

fn server(limits: Limits, access: Access, chain: Chain) -> TestServer {
    let (hub, stream) = hub(limits);
    let router = web::router_with_handlers(hub.clone(), access, chain);
    TestServer::of(hub, stream, router.layer(Extension(Origins::same_host().and("https://a.example"))))
}

/// Tells what it was given.
async fn mirror(message: ClientMessage) -> Result<Verdict, Failure> {
    let name = |id: Option<&push_server::ClientId>| id.map(ToString::to_string);
    match message.parse::<Value>()?.get("mirror") {
        Some(value) => Verdict::reply(&json!([
            value,
            message.stream().name().as_str(),
            name(message.sender()),
            name(message.recipient())
        ])),
        None => Ok(Verdict::Pass),
    }
}

#[tokio::test]
async fn the_json_form_reaches_the_handlers_then_one_client_or_all() {
    let server = server(Limits::default(), Access::ALL, Chain::new().with(clumsy_by_name).with(mirror));
    let mut all = server.ask("GET /streams/comet/sse HTTP/1.0\r\n\r\n").await;
    let mut ann = server.ask("GET /streams/comet/sse?client=ann HTTP/1.0\r\n\r\n").await;
    all.head().await;
    ann.head().await;
    wait_for(|| server.stream.readers() == 2).await;
    let send = async |query: &str, value: &str| {
        server.answer(&post(&format!("/streams/comet/send{query}"), JSON, value)).await
    };
    let answer = send("?client=bob&to=ann", r#" {"mirror": "</script>\u2028"}"#).await;
    assert_eq!(body(&answer), json!({"reply": ["</script>\u{2028}", "comet", "bob", "ann"]}));
    assert_eq!(body(&send("", r#"{"mirror":null}"#).await), json!({"reply": [null, "comet", null, null]}));
    assert_eq!(body(&send("?to=", "[1]").await), json!({"position": "ab:1", "receivers": 2}));
    assert_eq!(body(&send("?to=ann&client=bob", "[2]").await), json!({"receivers": 1, "waits": false}));
    all.until(b"id: ab:1\ndata: [1]\n\n").await;
    ann.until(b"id: ab:1\ndata: [1]\n\ndata: [2]\n\n").await;
    // Nothing of it but what was for all.
    assert_eq!((server.stream.position().sequence, all.received.as_slice()), (1, &b""[..]));
    assert_eq!(body(&send("", r#""accept""#).await), json!({}));
    let gathered = body(&send("?since=ab:0", r#""accept""#).await);
    assert_eq!(gathered["poll"]["messages"], json!([{"position": "ab:1", "data": [1]}]));
    let gathered = body(&send("?last=1", "[3]").await);
    assert_eq!((&gathered["position"], &gathered["poll"]["position"]), (&json!("ab:2"), &json!("ab:2")));

    for (query, value, expected, what) in [
        (
            "",
            r#""people""#,
            422,
            "{\"status\":422,\"message\":\"It is not <b>your</b> turn.\",\"people\":true}\n",
        ),
        ("", r#""error""#, 500, "could not be handled; the server's log tells why, under "),
        ("?to=bob", "1", 404, "client bob is not present.\n"),
        ("?to=a%20b", "1", 400, "to: a client id is 1 to 64 letters"),
        ("?client=a/b", "1", 400, "client: a client id is 1 to 64 letters"),
        ("?to=a&to=b", "1", 400, "duplicate"),
        ("", "{", 400, "one JSON value: EOF"),
        ("", "1 2", 400, "trailing"),
        ("", "\u{c}1", 400, "one JSON value: "),
        ("", "\u{1}", 400, "one JSON value: "),
        ("", r#""\ud800""#, 400, "unexpected end of hex escape"),
        ("?since=7", "1", 400, "since: "),
    ] {
        let answer = send(query, value).await;
        assert_eq!(status(&answer), expected, "{answer}");
        assert!(answer.contains(what) && answer.ends_with('\n'), "{answer}");
    }
    for (fields, expected) in [
        ("", 415),
        (FORM, 415),
        ("Content-Type: text/plain\r\n", 415),
        ("Content-Type: application/json\r\nOrigin: http://evil.net\r\n", 403),
        ("Content-Type: application/json\r\nOrigin: null\r\n", 403),
        ("Content-Type: application/json\r\nOrigin: http://x\r\n", 200),
        ("Content-Type: application/json\r\nOrigin: https://a.example\r\n", 200),
    ] {
        let answer = server.answer(&post("/streams/comet/send", fields, "\"accept\"")).await;
        assert_eq!(status(&answer), expected, "{fields}: {answer}");
    }
    assert_eq!(status(&server.answer("GET /streams/comet/send HTTP/1.0\r\n\r\n").await), 405);
    assert_eq!(server.stream.position().sequence, 2, "what is refused has done nothing");
    server.stop().await;
}

/// Only what is a string.
async fn clumsy_by_name(message: ClientMessage) -> Result<Verdict, Failure> {
    match message.parse::<&str>() {
        Ok(_) => clumsy(message).await,
        Err(_) => Ok(Verdict::Pass),
    }
}

#[tokio::test]
async fn the_form_of_the_framework_is_text() {
    let asked = Asked::default();
    let chain = Chain::new().with(asked.handler("100% <b>&+")).with(clumsy_people);
    let server = server(Limits::default(), Access::ALL, chain);
    let mut ann = server.ask("GET /streams/comet/script?client=ann HTTP/1.0\r\n\r\n").await;
    ann.head().await;
    wait_for(|| server.stream.readers() == 1).await;
    let get = async |query: &str, fields: &str| {
        server.answer(&format!("GET /serverComet.message?{query} HTTP/1.0\r\nHost: x\r\n{fields}\r\n")).await
    };
    let answer = get("streamId=comet&clientId=&message=100%25+%3Cb%3E%26%2B&_=1", PAGE).await;
    assert_eq!(body(&answer), json!({"reply": "100% <b>&+"}));
    assert_eq!(asked.take(), ["100% <b>&+"]);
    // To all, and to one.
    let text = "%3C/script%3E%E2%80%A8%00null";
    let answer = get(&format!("streamId=comet&message={text}"), PAGE).await;
    assert_eq!(body(&answer), json!({"position": "ab:1", "receivers": 1}));
    assert_eq!(
        server.stream.latest().unwrap().json(),
        &*r#""</script> \u0000null""#.replace(' ', "\u{2028}")
    );
    // A backslash may spell a name that a script's own objects would heed, so this is parsed.
    ann.until(br#"comet_update(JSON.parse("\"\u003c/script\u003e\u2028\\u0000null\""), "ab:1");"#).await;
    let form = "clientId=ann&message=to+you+%E2%98%83";
    let answer =
        server.answer(&post("/serverComet.message?streamId=comet", &format!("{FORM}{PAGE}"), form)).await;
    assert_eq!(body(&answer), json!({"receivers": 1, "waits": false}));
    ann.until("to you ☃".as_bytes()).await;
    // For people, as the JSON form.
    let answer = get("streamId=comet&clientId=ann&message=people", PAGE).await;
    assert_eq!((status(&answer), &body(&answer)["people"]), (422, &json!(true)));

    for (query, expected, what) in [
        ("", 400, "streamId is missing"),
        ("streamId=comet", 400, "message is missing"),
        ("streamId=a/b&message=", 400, "stream: "),
        ("streamId=comet&message=1&clientId=%3Cb%3E", 400, "clientId: a client id is 1 to 64"),
        ("streamId=comet&message=1&clientId=bob", 404, "client bob is not present"),
        ("streamId=comet&message=%ff", 400, "bytes of UTF-8"),
        ("streamId=comet&message=1&message=2", 400, "message is given twice"),
    ] {
        let answer = get(query, PAGE).await;
        assert_eq!(status(&answer), expected, "{query}: {answer}");
        assert!(answer.contains(what), "{query}: {answer}");
    }
    let query = "streamId=comet&message=forged";
    for (fields, expected) in [
        ("", 403),
        ("Sec-Fetch-Site: cross-site\r\n", 403),
        ("Sec-Fetch-Site: same-site\r\nReferer: http://x/\r\n", 403),
        ("Origin: null\r\n", 403),
        ("Referer: http://evil.net/?http://x/\r\n", 403),
        ("Sec-Purpose: prefetch\r\nSec-Fetch-Site: same-origin\r\n", 403),
        ("Referer: http://x/page\r\n", 200),
        ("Sec-Fetch-Site: cross-site\r\nOrigin: https://a.example\r\n", 200),
    ] {
        let answer = get(query, fields).await;
        assert_eq!(status(&answer), expected, "{fields}: {answer}");
        let fields = format!("{FORM}{fields}");
        let answer = server.answer(&post("/serverComet.message", &fields, query)).await;
        assert_eq!(status(&answer), expected, "{fields}: {answer}");
    }
    let plain = post("/serverComet.message", &format!("Content-Type: text/plain\r\n{PAGE}"), query);
    assert_eq!(status(&server.answer(&plain).await), 415);
    let head = format!("HEAD /serverComet.message?{query} HTTP/1.0\r\nHost: x\r\n{PAGE}\r\n");
    assert_eq!(status(&server.answer(&head).await), 405);
    assert_eq!(server.stream.position().sequence, 5, "what is refused has done nothing");
    server.stop().await;
}

async fn clumsy_people(message: ClientMessage) -> Result<Verdict, Failure> {
    match message.parse::<&str>() {
        Ok("people") => clumsy(message).await,
        _ => Ok(Verdict::Pass),
    }
}

#[tokio::test]
async fn a_message_is_bounded_in_each_form() {
    let mut limits = Limits::default();
    limits.message_bytes = 32;
    let server = server(limits, Access::ALL, Chain::new());
    for (length, expected) in [(30, 200), (31, 413)] {
        let text = "x".repeat(length);
        let answer = server.answer(&post("/streams/comet/send", JSON, &format!("\"{text}\""))).await;
        assert_eq!(status(&answer), expected, "{answer}");
        let query = format!("/serverComet.message?streamId=comet&message={text}");
        let answer = server.answer(&format!("GET {query} HTTP/1.0\r\nHost: x\r\n{PAGE}\r\n")).await;
        assert_eq!(status(&answer), expected, "{answer}");
    }
    // The string is longer than the text: six bytes for one.
    let query = format!("/serverComet.message?streamId=comet&message={}", "%01".repeat(6));
    let answer = server.answer(&format!("GET {query} HTTP/1.0\r\nHost: x\r\n{PAGE}\r\n")).await;
    assert_eq!(status(&answer), 413, "{answer}");
    server.stop().await;
}

#[tokio::test]
async fn a_handler_that_has_begun_ends_although_its_client_goes() {
    let (begun, go, done) = (Arc::new(Notify::new()), Arc::new(Notify::new()), Arc::new(AtomicUsize::new(0)));
    let handler = {
        let (begun, go, done) = (begun.clone(), go.clone(), done.clone());
        move |_: ClientMessage| {
            let (begun, go, done) = (begun.clone(), go.clone(), done.clone());
            async move {
                begun.notify_one();
                go.notified().await;
                done.fetch_add(1, Ordering::SeqCst);
                Verdict::accept()
            }
        }
    };
    let server = server(Limits::default(), Access::ALL, Chain::new().with(handler));
    let client = server.ask(&post("/streams/comet/send", JSON, "1")).await;
    begun.notified().await;
    drop(client);
    // The server has seen that it is gone when it serves the next.
    assert_eq!(status(&server.answer("GET /streams/comet/nothing HTTP/1.0\r\n\r\n").await), 404);
    go.notify_one();
    wait_for(|| done.load(Ordering::SeqCst) == 1).await;
    server.stop().await;
}

#[tokio::test]
async fn clients_send_nothing_where_they_may_not() {
    let mut access = Access::ALL;
    access.sends = false;
    let server = server(Limits::default(), access, Chain::new());
    assert_eq!(status(&server.answer(&post("/streams/comet/send", JSON, "1")).await), 404);
    let query = "/serverComet.message?streamId=comet&message=1";
    let answer = server.answer(&format!("GET {query} HTTP/1.0\r\nHost: x\r\n{PAGE}\r\n")).await;
    assert_eq!(status(&answer), 404);
    assert_eq!(server.stream.position().sequence, 0);
    server.stop().await;
}
