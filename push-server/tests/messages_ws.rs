//! Messages from clients over a WebSocket: in band, answered in order.

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use push_server::guard::{Rate, Reason, Rules};
use push_server::messages::{Chain, ClientMessage, Failure, Handler, Verdict};
use push_server::web::{self, Access};
use push_server::{Hub, Limits, demo};
use serde_json::{Value, json};
use support::{EPOCH, TestServer, wait_for};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{WebSocketStream, client_async};

const PATIENCE: Duration = Duration::from_secs(10);

type Socket = WebSocketStream<TcpStream>;

fn server(limits: Limits, access: Access) -> (TestServer, Gate) {
    let hub = Hub::start(EPOCH, limits, 1);
    let stream = demo::open(&hub).unwrap();
    let gate = Gate::default();
    let router = web::router_with_handlers(hub.clone(), access, Chain::new().with(gate.clone()));
    (TestServer::of(hub, stream, router), gate)
}

/// A handler that answers who has sent a message that has an `ask`, once it is let if that says so. A string is for people.
#[derive(Clone)]
struct Gate {
    held: Arc<AtomicUsize>,
    passes: Arc<Semaphore>,
}

impl Default for Gate {
    fn default() -> Self {
        Self { held: Arc::default(), passes: Arc::new(Semaphore::new(0)) }
    }
}

impl Gate {
    async fn holds(&self, count: usize) {
        wait_for(|| self.held.load(Ordering::SeqCst) == count).await;
    }

    fn open(&self, count: usize) {
        self.passes.add_permits(count);
    }
}

impl Handler for Gate {
    async fn handle(&self, message: ClientMessage) -> Result<Verdict, Failure> {
        if let Ok(text) = message.parse::<String>() {
            return Err(Failure::for_people(text));
        }
        let Some(ask) = message.parse::<Value>()?.get("ask").cloned() else { return Ok(Verdict::Pass) };
        if ask == "held" {
            self.held.fetch_add(1, Ordering::SeqCst);
            self.passes.acquire().await?.forget();
            self.held.fetch_sub(1, Ordering::SeqCst);
        }
        Verdict::reply(&json!([ask, message.sender().map(ToString::to_string)]))
    }
}

/// A client that has read the first message.
async fn open(server: &TestServer, query: &str, protocol: &'static str) -> Socket {
    let url = format!("ws://{}/streams/comet/ws{query}", server.address);
    let mut request = url.into_client_request().unwrap();
    request.headers_mut().insert("sec-websocket-protocol", protocol.parse().unwrap());
    let stream = TcpStream::connect(server.address).await.unwrap();
    let (mut socket, _) = timeout(PATIENCE, client_async(request, stream)).await.unwrap().unwrap();
    assert_eq!(next(&mut socket).await["event"], "begin");
    socket
}

async fn frame(socket: &mut Socket) -> Message {
    timeout(PATIENCE, socket.next()).await.expect("a message").expect("no end").unwrap()
}

async fn next(socket: &mut Socket) -> Value {
    serde_json::from_str(frame(socket).await.to_text().unwrap()).unwrap()
}

async fn say(socket: &mut Socket, value: &Value) {
    socket.send(Message::text(value.to_string())).await.unwrap();
}

#[tokio::test]
async fn a_message_is_handled_and_answered_on_the_connection_that_it_came_on() {
    let (server, _) = server(Limits::default(), Access::ALL);
    let mut ann = open(&server, "?client=ann", "push.json").await;
    let mut bob = open(&server, "", "push.hessian").await;
    wait_for(|| server.stream.readers() == 2).await;
    say(&mut ann, &json!({"id": 1, "data": {"ask": 0}})).await;
    assert_eq!(next(&mut ann).await, json!({"event": "sent", "id": 1, "reply": [0, "ann"]}));
    say(&mut bob, &json!({"data": {"ask": 0}, "id": u64::MAX, "to": ""})).await;
    assert_eq!(next(&mut bob).await, json!({"event": "sent", "id": u64::MAX, "reply": [0, null]}));
    // To all: the sender gets it as well.
    say(&mut ann, &json!({"id": 2, "data": [1]})).await;
    let (one, other) = (next(&mut ann).await, next(&mut ann).await);
    let (sent, message) = if one["event"] == "sent" { (one, other) } else { (other, one) };
    assert_eq!(sent, json!({"event": "sent", "id": 2, "position": "ab:1", "receivers": 2}));
    assert_eq!(message, json!({"position": "ab:1", "data": [1]}));
    assert!(matches!(frame(&mut bob).await, Message::Binary(_)));
    // To one.
    say(&mut bob, &json!({"to": "ann", "data": "\u{2028}</script>"})).await;
    let people = json!({"event": "refused", "id": null, "status": 422, "message": "\u{2028}</script>", "people": true});
    assert_eq!(next(&mut bob).await, people);
    say(&mut bob, &json!({"to": "ann", "data": ["\u{2028}</script>\0"]})).await;
    assert_eq!(next(&mut bob).await, json!({"event": "sent", "id": null, "receivers": 1, "waits": false}));
    assert_eq!(next(&mut ann).await, json!({"data": ["\u{2028}</script>\0"]}));

    for (text, status, what) in [
        ("", 400, "EOF"),
        ("nonsense", 400, r#"a message is an object {"id":7,"to":"ann","data":…}: expected"#),
        (r#"{"id":9}"#, 400, "missing field `data`"),
        (r#"{"id":-1,"data":1}"#, 400, "invalid value: integer `-1`"),
        (r#"{"data":1,"too":"ann"}"#, 400, "unknown field `too`"),
        (r#"{"data":1,"to":"a b"}"#, 400, "to: a client id is 1 to 64 letters"),
        (r#"{"data":"\ud800"}"#, 400, "hex escape"),
        (r#"{"data":[1],"to":"carol"}"#, 404, "client carol is not present"),
    ] {
        ann.send(Message::text(text)).await.unwrap();
        let refused = next(&mut ann).await;
        assert_eq!((&refused["event"], &refused["status"]), (&json!("refused"), &json!(status)), "{refused}");
        assert!(refused["message"].as_str().unwrap().contains(what), "{text}: {refused}");
        assert_eq!(refused.get("people"), None);
    }
    ann.send(Message::binary(b"\x91".as_slice())).await.unwrap();
    assert_eq!(next(&mut ann).await["status"], 415);
    assert_eq!(server.stream.position().sequence, 1);
    drop((ann, bob));
    server.stop().await;
}

#[tokio::test]
async fn messages_of_one_connection_are_handled_in_order_and_others_do_not_wait() {
    let (server, gate) = server(Limits::default(), Access::ALL);
    let (mut slow, mut other) = (open(&server, "", "push.json").await, open(&server, "", "push.json").await);
    for id in 0..8 {
        say(&mut slow, &json!({"id": id, "data": {"ask": if id == 0 { json!("held") } else { json!(id) }}}))
            .await;
    }
    say(&mut other, &json!({"id": 1, "data": {"ask": 0}})).await;
    assert_eq!(next(&mut other).await["id"], 1);
    // While something is handled, the stream goes on, and so do pings.
    gate.holds(1).await;
    server.publish_to(2, "meanwhile").await;
    slow.send(Message::Ping(b"hi".as_slice().into())).await.unwrap();
    let mut ids = Vec::new();
    let (mut data, mut pongs) = (0, 0);
    while ids.len() < 8 {
        match frame(&mut slow).await {
            Message::Pong(payload) => {
                assert_eq!(&payload[..], b"hi");
                pongs += 1;
            }
            text => {
                let value: Value = serde_json::from_str(text.to_text().unwrap()).unwrap();
                match value.get("id").and_then(Value::as_u64) {
                    Some(id) => ids.push(id),
                    None => data += 1,
                }
            }
        }
        if (data, pongs) == (1, 1) && ids.is_empty() {
            gate.open(1);
        }
    }
    assert_eq!(ids, (0..8).collect::<Vec<_>>());
    drop((slow, other));
    server.stop().await;
}

/// Those that are not answered count, whether they wait or their answers are not read.
#[tokio::test]
async fn more_messages_than_may_be_unanswered_end_the_connection() {
    let mut limits = Limits::default();
    limits.ws_unanswered = 4;
    let (server, gate) = server(limits, Access::ALL);
    let mut socket = open(&server, "", "push.json").await;
    for id in 0..4 {
        say(&mut socket, &json!({"id": id, "data": {"ask": "held"}})).await;
    }
    gate.holds(1).await;
    gate.open(4);
    for id in 0..4 {
        assert_eq!(next(&mut socket).await["id"], id);
    }
    for id in 0..5 {
        say(&mut socket, &json!({"id": id, "data": {"ask": "held"}})).await;
    }
    let Message::Close(Some(close)) = frame(&mut socket).await else { panic!("a close frame") };
    assert_eq!((u16::from(close.code), close.reason.as_str()), (1008, "ws_unanswered"));
    drop(socket);
    server.stop().await;
}

#[tokio::test]
async fn who_says_too_much_is_told_when_he_may_again() {
    let (server, _) = server(Limits::default(), Access::ALL);
    let mut rules = Rules::default();
    rules.rates.sends = Rate::new(1, 2);
    server.hub.guard().replace(rules);
    let mut socket = open(&server, "", "push.json").await;
    for id in 0..3 {
        say(&mut socket, &json!({"id": id, "data": {"ask": id}})).await;
    }
    for id in 0..2 {
        assert_eq!(next(&mut socket).await["event"], "sent", "{id}");
    }
    let refused = next(&mut socket).await;
    assert_eq!((&refused["id"], &refused["status"], &refused["retry"]), (&json!(2), &json!(429), &json!(1)));
    drop(socket);
    server.stop().await;
}

#[tokio::test]
async fn what_is_said_counts_among_all_bodies_until_it_is_dealt_with() {
    let mut limits = Limits::default();
    limits.bodies_in_all = 200;
    let (server, gate) = server(limits, Access::ALL);
    let (mut one, mut other) = (open(&server, "", "push.json").await, open(&server, "", "push.json").await);
    say(&mut one, &json!({"id": 1, "data": {"ask": "held", "fill": "x".repeat(120)}})).await;
    gate.holds(1).await;
    say(&mut other, &json!({"id": 2, "data": {"ask": 0, "fill": "x".repeat(120)}})).await;
    let refused = next(&mut other).await;
    assert_eq!((&refused["id"], &refused["status"]), (&Value::Null, &json!(503)));
    assert!(refused["message"].as_str().unwrap().contains("bodies_in_all = 200"), "{refused}");
    assert_eq!(refused["retry"], 1);
    gate.open(1);
    assert_eq!(next(&mut one).await["id"], 1);
    say(&mut other, &json!({"id": 3, "data": {"ask": 0, "fill": "x".repeat(120)}})).await;
    assert_eq!(next(&mut other).await["id"], 3);
    // Half a message counts too, and no more once its connection has gone.
    let half = r#"GET /streams/comet/ws HTTP/1.1
Host: x
Connection: Upgrade
Upgrade: websocket
Sec-WebSocket-Version: 13
Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==

"#;
    let mut raw = server.ask(&half.replace('\n', "\r\n")).await;
    raw.until(b"\"rotate\":null}").await;
    raw.send(&[&[0x01, 0xfe, 0, 150, 0, 0, 0, 0], &[b' '; 150][..]].concat()).await;
    loop {
        say(&mut other, &json!({"id": 4, "data": {"ask": 0, "fill": "x".repeat(120)}})).await;
        if next(&mut other).await["event"] == "refused" {
            break;
        }
    }
    drop(raw);
    wait_for(|| server.stream.readers() == 2).await;
    say(&mut other, &json!({"id": 5, "data": {"ask": 0, "fill": "x".repeat(120)}})).await;
    assert_eq!(next(&mut other).await["id"], 5);
    drop((one, other));
    server.stop().await;
}

#[tokio::test]
async fn what_is_said_where_clients_may_not_send_is_refused() {
    let mut access = Access::ALL;
    access.sends = false;
    let (server, _) = server(Limits::default(), access);
    let mut socket = open(&server, "", "push.json").await;
    // As many answers as may wait for a client that does not read: the rest of it is dropped, and it stays.
    let count = 2 * Limits::default().ws_unanswered;
    for id in 0..count {
        say(&mut socket, &json!({"id": id, "data": [1]})).await;
    }
    socket.send(Message::Ping(b"".as_slice().into())).await.unwrap();
    let mut refused = 0;
    while let Message::Text(text) = frame(&mut socket).await {
        let expected =
            r#"{"event":"refused","id":null,"status":403,"message":"clients send no messages here"}"#;
        assert_eq!(text.as_str(), expected);
        refused += 1;
    }
    assert!(refused <= count, "{refused}");
    drop(socket);
    assert_eq!(server.stream.position().sequence, 0);
    server.stop().await;
}

/// Each refusal in band is counted as one over HTTP is.
#[tokio::test]
async fn what_is_refused_in_band_is_counted_by_its_reason() {
    let (server, _) = server(Limits::default(), Access::ALL);
    let mut socket = open(&server, "", "push.json").await;
    let frames = [
        (Message::text("nonsense"), Reason::Malformed),
        (Message::text(r#"{"data":"\ud800"}"#), Reason::Malformed),
        (Message::binary(&b"1"[..]), Reason::MediaType),
        (Message::text(r#"{"data":"for people"}"#), Reason::Unprocessable),
        (Message::text(r#"{"data":[1],"to":"carol"}"#), Reason::NotFound),
    ];
    for (at, (frame, why)) in frames.into_iter().enumerate() {
        let before = server.hub.stats().refusals.get(why);
        socket.send(frame).await.unwrap();
        let refused = next(&mut socket).await;
        assert_eq!(refused["status"], why.status().as_u16(), "{refused}");
        let refusals = server.hub.stats().refusals;
        assert_eq!((refusals.get(why), refusals.total()), (before + 1, at as u64 + 1), "{refused}");
    }
    drop(socket);
    server.stop().await;
    let (server, _) = self::server(Limits::default(), Access::default());
    let mut socket = open(&server, "", "push.json").await;
    say(&mut socket, &json!({"data": 1})).await;
    assert_eq!(next(&mut socket).await["status"], 403);
    assert_eq!(server.hub.stats().refusals.get(Reason::Forbidden), 1);
    drop(socket);
    server.stop().await;
}
