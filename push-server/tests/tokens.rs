//! Bearer tokens at every door: who may publish, and who may read which stream.

mod support;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hessian::rpc::{Form, Outcome, read_reply, write_call};
use push_server::guard::{Reason, Rules, StreamRule, Token, Tokens};
use push_server::web::{self, Access};
use push_server::{Hub, Limits, Start, demo};
use serde_json::Value;
use support::{EPOCH, TestServer, wait_for};

const READ: &str = "token-to-read-payroll";
const PUBLISH: &str = "token-to-publish-new";
const OLD: &str = "token-to-publish-old";

fn tokens(texts: &[&str]) -> Tokens {
    Tokens::new(texts.iter().map(|text| Token::new(text).unwrap())).unwrap()
}

fn rules() -> Rules {
    let mut rules = Rules::default();
    rules.publish = tokens(&[OLD, PUBLISH]);
    let mut payroll = StreamRule::new("payroll-*".parse().unwrap());
    payroll.subscribe = tokens(&[READ]);
    rules.streams = vec![payroll];
    rules
}

async fn server() -> TestServer {
    let server = TestServer::open(Limits::default(), EPOCH).await;
    server.hub.guard().replace(rules());
    server
}

fn bearer(token: &str) -> String {
    format!("Authorization: Bearer {token}\r\n")
}

fn status(answer: &str) -> u16 {
    answer.split(' ').nth(1).unwrap_or_else(|| panic!("{answer}")).parse().unwrap()
}

/// The head of what is answered to a handshake, or to a request of HTTP/1.1.
async fn head(server: &TestServer, path: &str, fields: &str) -> String {
    let request = format!("GET {path} HTTP/1.1\r\nHost: {}\r\n{fields}\r\n", server.address);
    String::from_utf8(server.ask(&request).await.until(b"\r\n\r\n").await).unwrap()
}

const UPGRADE: &str = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                       Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n";

/// Every form of a stream, with what a request for it needs beside a token.
fn forms(server: &TestServer) -> Vec<(&'static str, String)> {
    let page = format!("{UPGRADE}Origin: http://{}\r\n", server.address);
    let plain = ["/sse", "/hessian", "/script", "/xhr", "/multipart", "/poll?last=1", "/longpoll?wait=0", ""];
    let plain = plain.into_iter().map(|form| (form, String::new()));
    plain.chain([("/ws", UPGRADE.to_owned()), ("/ruffle", page), ("", UPGRADE.to_owned())]).collect()
}

#[tokio::test]
async fn no_form_of_a_stream_is_read_without_its_token() {
    let server = server().await;
    for (form, fields) in forms(&server) {
        let path = format!("/streams/payroll-1{form}");
        let with = |query: &str| format!("{path}{}{query}", if form.contains('?') { '&' } else { '?' });
        let refused = [
            (path.clone(), fields.clone(), 401, "Bearer realm=\"push-server\"\r\n"),
            (path.clone(), fields.clone() + &bearer("nobody-knows-this-one"), 401, "error=\"invalid_token\""),
            (with("token=nobody-knows-this-one"), fields.clone(), 401, "error=\"invalid_token\""),
            (path.clone(), fields.clone() + &bearer(PUBLISH), 403, "error=\"insufficient_scope\""),
        ];
        for (path, fields, expected, challenge) in refused {
            let head = head(&server, &path, &fields).await;
            assert_eq!(status(&head), expected, "{path} {fields}: {head}");
            assert!(head.contains("www-authenticate: Bearer realm=\"push-server\""), "{head}");
            assert!(head.contains(challenge), "{path}: {head}");
        }
        let both = head(&server, &with(&format!("token={READ}")), &(fields.clone() + &bearer(READ))).await;
        assert_eq!(status(&both), 400, "{both}");
        let expected = if fields.is_empty() { 200 } else { 101 };
        let by_field = head(&server, &path, &(fields.clone() + &bearer(READ))).await;
        assert_eq!(status(&by_field), expected, "{path}: {by_field}");
        assert!(!by_field.contains("referrer-policy"), "{by_field}");
        let by_query = head(&server, &with(&format!("token={READ}")), &fields).await;
        assert_eq!(status(&by_query), expected, "{path}: {by_query}");
        assert!(by_query.contains("referrer-policy: no-referrer\r\n"), "{by_query}");
        // Other streams ask for nothing, whatever is said.
        let open = path.replace("payroll-1", "news");
        assert_eq!(status(&head(&server, &open, &fields).await), expected, "{open}");
        assert_eq!(status(&head(&server, &open, &(fields + &bearer("x"))).await), expected, "{open}");
    }
    let refused = server.hub.stats().refusals;
    let forms = forms(&server).len() as u64;
    assert_eq!(refused.get(Reason::TokenMissing), forms);
    assert_eq!(refused.get(Reason::TokenWrong), 2 * forms);
    assert_eq!(refused.get(Reason::TokenScope), forms);
    // Who is refused opens nothing, and however the name is written, it is the same name.
    let other = head(&server, "/streams/%70ayroll-2/sse", "").await;
    assert_eq!(status(&other), 401, "{other}");
    assert!(server.hub.get("payroll-2").is_none());
    let post = server.answer("POST /streams/payroll-1/hessian HTTP/1.0\r\n\r\n").await;
    assert_eq!(status(&post), 401, "Flash posts");
    let answer = server.answer("HEAD /streams/payroll-1/sse HTTP/1.0\r\n\r\n").await;
    assert_eq!(status(&answer), 401);
    server.stop().await;
}

async fn publish(server: &TestServer, path: &str, fields: &str) -> String {
    let request = format!(
        "POST {path} HTTP/1.0\r\nContent-Length: 1\r\nContent-Type: application/json\r\n{fields}\r\n1"
    );
    server.answer(&request).await
}

#[tokio::test]
async fn nobody_publishes_without_a_token_and_one_takes_the_place_of_another() {
    let server = server().await;
    let news = "/streams/news/messages";
    for (path, fields, expected) in [
        (news, String::new(), 401),
        (news, bearer(READ), 403),
        (news, bearer("nobody-knows-this-one"), 401),
        (news, bearer(OLD), 200),
        (news, bearer(PUBLISH), 200),
        // Java: HessianProxyFactory.setUser, setPassword. curl -u :TOKEN
        (news, format!("Authorization: Basic {}\r\n", STANDARD.encode(format!("any:{PUBLISH}"))), 200),
        (&*format!("{news}?token={PUBLISH}"), String::new(), 200),
        ("/streams/payroll-1/messages", bearer(PUBLISH), 200),
        // To publish is not to read: neither what has gathered, nor by a parameter that comes twice.
        ("/streams/payroll-1/messages?last=9", bearer(PUBLISH), 403),
        ("/streams/payroll-1/messages?since=ab:0", bearer(PUBLISH), 403),
        ("/streams/payroll-1/messages", format!("Last-Event-ID: ab:0\r\n{}", bearer(PUBLISH)), 403),
        ("/streams/news/messages?last=9", bearer(PUBLISH), 200),
    ] {
        let answer = publish(&server, path, &fields).await;
        assert_eq!(status(&answer), expected, "{path} {fields}: {answer}");
    }
    assert_eq!(server.hub.get("news").unwrap().position().sequence, 5);
    assert_eq!(server.hub.get("payroll-1").unwrap().position().sequence, 1);

    // While somebody reads, the old one is taken away: nothing is closed, and it opens nothing any more.
    let mut reader = server.ask("GET /streams/news/sse HTTP/1.0\r\n\r\n").await;
    reader.head().await;
    let mut newer = rules();
    newer.publish = tokens(&[PUBLISH]);
    server.hub.guard().replace(newer);
    assert_eq!(status(&publish(&server, news, &bearer(OLD)).await), 401);
    assert_eq!(status(&publish(&server, news, &bearer(PUBLISH)).await), 200);
    reader.until(b"data: 1\n").await;
    server.stop().await;
}

#[tokio::test]
async fn calls_are_asked_as_well() {
    let server = server().await;
    let mut call = Vec::new();
    write_call(Form::Two, "publish", &("ticks", 7), &mut call).unwrap();
    for (path, fields, expected) in [
        ("/hessian", String::new(), 401),
        ("/hessian", bearer(READ), 403),
        ("/hessian", bearer(PUBLISH), 200),
        (&*format!("/hessian?token={PUBLISH}"), String::new(), 200),
        ("/hessian", format!("Authorization: Basic {}\r\n", STANDARD.encode(format!("u:{OLD}"))), 200),
    ] {
        let head = format!(
            "POST {path} HTTP/1.0\r\nContent-Length: {}\r\nContent-Type: x-application/hessian\r\n{fields}\r\n",
            call.len()
        );
        let mut client = server.ask(&head).await;
        client.send(&call).await;
        let answer = client.rest().await;
        let end = answer.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 4;
        let head = String::from_utf8_lossy(&answer[..end]).into_owned();
        assert_eq!(status(&head), expected, "{path} {fields}: {head}");
        if expected == 200 {
            let reply: Outcome<Value> = read_reply(&answer[end..], &hessian::Limits::new()).unwrap().0;
            assert_eq!(reply.unwrap()["receivers"], 0);
        }
    }
    server.stop().await;
}

/// A stream at an address of its own is the same stream.
#[tokio::test]
async fn an_alias_asks_for_the_token_of_its_stream() {
    let hub = Hub::start(EPOCH, Limits::default(), 1);
    let stream = hub.open(&"payroll-1".parse().unwrap()).unwrap();
    hub.guard().replace(rules());
    let router = web::router_with(hub.clone(), Access::ALL).merge(web::alias("/pay", &stream, Start::Live));
    let server = TestServer::of(hub, stream, router);
    for path in ["/pay", "/pay/sse", "/pay/poll"] {
        assert_eq!(status(&head(&server, path, "").await), 401, "{path}");
        assert_eq!(status(&head(&server, path, &bearer(READ)).await), 200, "{path}");
    }
    assert_eq!(status(&head(&server, "/pay/ws", UPGRADE).await), 401);
    server.stop().await;
}

/// Through a bridge comes a request like any other.
#[tokio::test]
async fn a_bridge_leads_to_the_same_doors() {
    use futures_util::{SinkExt as _, StreamExt as _};
    use tokio_tungstenite::tungstenite::Message;
    use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
    let server = server().await;
    for (query, expected) in [("", 401), ("?token=token-to-read-payroll", 200)] {
        let mut request = format!("ws://{}/ruffle", server.address).into_client_request().unwrap();
        let origin = format!("http://{}", server.address).parse().unwrap();
        request.headers_mut().insert("origin", origin);
        let socket = tokio::net::TcpStream::connect(server.address).await.unwrap();
        let (mut page, _) = tokio_tungstenite::client_async(request, socket).await.unwrap();
        let inner = format!("GET /streams/payroll-1/hessian{query} HTTP/1.0\r\n\r\n");
        page.send(Message::binary(inner.into_bytes())).await.unwrap();
        let Some(Ok(Message::Binary(answer))) = page.next().await else { panic!("no answer") };
        assert_eq!(status(&String::from_utf8_lossy(&answer)), expected);
    }
    server.stop().await;
}

#[tokio::test]
async fn the_demo_is_open() {
    let server = TestServer::start().await;
    let mut reader = server.ask(&format!("GET /{}/sse HTTP/1.0\r\n\r\n", demo::STREAM)).await;
    reader.head().await;
    wait_for(|| server.stream.readers() == 1).await;
    server.stop().await;
}

const SEND: &str = "token-to-send-messages";

/// What clients send: over HTTP, in the form of the framework, and in band.
#[tokio::test]
async fn clients_that_send_are_asked_for_a_token_in_every_form() {
    use futures_util::{SinkExt as _, StreamExt as _};
    use tokio_tungstenite::tungstenite::Message;
    let server = server().await;
    let mut rules = rules();
    rules.send = tokens(&[SEND]);
    server.hub.guard().replace(rules);
    let own = format!("Host: {0}\r\nOrigin: http://{0}\r\n", server.address);
    for (fields, query, expected) in [
        (own.clone(), String::new(), 401),
        (own.clone() + &bearer(PUBLISH), String::new(), 403),
        (own.clone() + &bearer(SEND), String::new(), 200),
        (own.clone(), format!("token={SEND}"), 200),
    ] {
        let json = format!(
            "POST /streams/comet/send?{query} HTTP/1.0\r\nContent-Type: application/json\r\nContent-Length: 1\r\n{fields}\r\n1"
        );
        assert_eq!(status(&server.answer(&json).await), expected, "{json}");
        let framework =
            format!("GET /serverComet.message?streamId=comet&message=x&{query} HTTP/1.0\r\n{fields}\r\n");
        assert_eq!(status(&server.answer(&framework).await), expected, "{framework}");
    }
    for (query, expected) in [
        ("", "\"status\":401"),
        ("?token=token-to-publish-new", "\"status\":403"),
        ("?token=token-to-send-messages", "\"event\":\"sent\",\"id\":7"),
    ] {
        let url = format!("ws://{}/streams/comet/ws{query}", server.address);
        let socket = tokio::net::TcpStream::connect(server.address).await.unwrap();
        let (mut client, _) = tokio_tungstenite::client_async(url, socket).await.unwrap();
        client.send(Message::text("{\"id\":7,\"data\":1}")).await.unwrap();
        let answer = loop {
            match client.next().await.unwrap().unwrap() {
                Message::Text(text) if text.contains("\"id\":7") => break text,
                _ => {}
            }
        };
        assert!(answer.contains(expected), "{query}: {answer}");
    }
    assert_eq!(server.stream.position().sequence, 5, "two in each form of HTTP, and one in band");
    let refused = server.hub.stats().refusals;
    assert_eq!((refused.get(Reason::TokenMissing), refused.get(Reason::TokenScope)), (3, 3));
    server.stop().await;
}

#[tokio::test]
async fn batches_and_messages_to_one_client_are_asked_as_well() {
    let server = server().await;
    for path in ["/streams/comet/batch", "/streams/comet/clients/ann/messages"] {
        for (fields, expected) in [(String::new(), 401), (bearer(READ), 403)] {
            let answer = publish(&server, path, &fields).await;
            assert_eq!(status(&answer), expected, "{path}: {answer}");
        }
    }
    assert_eq!(status(&publish(&server, "/streams/comet/clients/ann/messages", &bearer(PUBLISH)).await), 404);
    server.stop().await;
}

/// Where publishing asks for a token, sending does as well: what nobody handles goes to all readers.
#[tokio::test]
async fn a_token_for_publishing_guards_what_clients_send() {
    use futures_util::{SinkExt as _, StreamExt as _};
    use push_server::guard::Senders;
    use tokio_tungstenite::tungstenite::Message;
    let server = server().await;
    let own = format!("Host: {0}\r\nOrigin: http://{0}\r\n", server.address);
    let change = |senders| {
        let mut rules = rules();
        rules.senders = senders;
        server.hub.guard().replace(rules);
    };
    let (server, own, publisher) = (&server, &own, &bearer(PUBLISH));
    let over_http = async |fields: &str| {
        let json = format!(
            "POST /streams/comet/send HTTP/1.0\r\nContent-Type: application/json\r\nContent-Length: 1\r\n{own}{fields}\r\n1"
        );
        let framework =
            format!("GET /serverComet.message?streamId=comet&message=x HTTP/1.0\r\n{own}{fields}\r\n");
        [status(&server.answer(&json).await), status(&server.answer(&framework).await)]
    };
    let open = async |query: &str| {
        let url = format!("ws://{}/streams/comet/ws{query}", server.address);
        let socket = tokio::net::TcpStream::connect(server.address).await.unwrap();
        tokio_tungstenite::client_async(url, socket).await.unwrap().0
    };
    let (mut stranger, mut known) = (open("").await, open(&format!("?token={PUBLISH}")).await);
    let mut told = Vec::new();
    for senders in [Senders::Permitted, Senders::Anybody, Senders::Nobody] {
        change(senders);
        told.push((over_http("").await, over_http(publisher).await));
        for (client, name) in [(&mut stranger, "stranger"), (&mut known, "known")] {
            client.send(Message::text("{\"id\":7,\"data\":1}")).await.unwrap();
            let answer = loop {
                match client.next().await.unwrap().unwrap() {
                    Message::Text(text) if text.contains("\"id\":7") => break text,
                    _ => {}
                }
            };
            let expected = match (senders, name) {
                (Senders::Permitted, "stranger") => "\"status\":401",
                (Senders::Nobody, _) => "\"status\":403,\"message\":\"Clients send no messages here.\"",
                _ => "\"event\":\"sent\"",
            };
            assert!(answer.contains(expected), "{senders:?}, {name}: {answer}");
        }
    }
    let (yes, no) = ([200; 2], [403; 2]);
    assert_eq!(told, [([401; 2], yes), (yes, yes), (no, no)]);
    // By request three times two, and in band three.
    assert_eq!(server.stream.position().sequence, 9);
    assert_eq!(server.hub.stats().refusals.get(Reason::Forbidden), 6);
    assert_eq!(server.hub.stats().refusals.get(Reason::TokenMissing), 3);
}
