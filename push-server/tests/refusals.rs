//! Every refusal is counted, once, by its reason.

mod support;

use std::collections::BTreeMap;

use axum::Extension;
use push_server::guard::{Rate, Reason, Rules, StreamRule, Token, Tokens};
use push_server::web::{self, Access, Origins};
use push_server::{Hub, Limits};
use support::{EPOCH, TestServer, wait_for};
use tokio::time::{Duration, sleep};

const UPGRADE: &str = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                       Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n";

/// One where streams are opened and published to, with rules, and routes of the application's own.
fn server(limits: Limits, rules: Rules) -> TestServer {
    let hub = Hub::start(EPOCH, limits, 1);
    hub.guard().replace(rules);
    let stream = hub.open(&"news".parse().unwrap()).unwrap();
    let closed = hub.open(&"closed".parse().unwrap()).unwrap();
    let status = |code: u16| axum::routing::get(async move || http::StatusCode::from_u16(code).unwrap());
    let router = web::router_with(hub.clone(), Access::ALL)
        .merge(web::alias("/closed", &closed, push_server::Start::Live))
        .route("/teapot", status(418))
        .route("/broken", status(500))
        .route("/fine", status(204))
        .layer(Extension(Origins::same_host()));
    hub.close_stream(closed.name());
    TestServer::of(hub, stream, router)
}

fn counted(server: &TestServer) -> BTreeMap<&'static str, u64> {
    let refusals = server.hub.stats().refusals;
    refusals.iter().filter(|(_, count)| *count > 0).map(|(why, count)| (why.name(), count)).collect()
}

#[tokio::test]
async fn each_request_that_is_refused_is_counted_once_by_its_reason() {
    let mut limits = Limits::default();
    (limits.message_bytes, limits.streams, limits.clients, limits.bridges) = (64, 3, 1, 1);
    let mut rules = Rules::default();
    rules.publish = Tokens::new([Token::new("token-to-publish-with").unwrap()]).unwrap();
    let mut secret = StreamRule::new("secret".parse().unwrap());
    secret.subscribe = Tokens::new([Token::new("token-to-read-a-secret").unwrap()]).unwrap();
    let mut slow = StreamRule::new("slow".parse().unwrap());
    slow.publishes = Some(Rate::new(1, 1));
    rules.streams = vec![secret, slow];
    let server = server(limits, rules);
    let own = format!("Host: {}\r\nOrigin: http://{0}\r\n", server.address);
    let get = |path: &str, fields: &str| format!("GET {path} HTTP/1.1\r\n{fields}Connection: close\r\n\r\n");
    let plain = |path: &str| get(path, "Host: x\r\n");
    let upgrade = |path: &str, fields: &str| format!("GET {path} HTTP/1.1\r\n{UPGRADE}{fields}\r\n");
    let post = |path: &str, fields: &str, body: &str| {
        let length = body.len();
        format!(
            "POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {length}\r\n\
             Authorization: Bearer token-to-publish-with\r\n{fields}\r\n{body}"
        )
    };
    const JSON: &str = "Content-Type: application/json\r\n";
    let long = format!("\"{}\"", "x".repeat(100));
    assert!(server.answer(&post("/streams/slow/messages", JSON, "1")).await.starts_with("HTTP/1.1 200"));
    let requests = [
        ("head", 400, "no HTTP at all\r\n\r\n".to_owned()),
        ("head", 400, "GET / HTTP/1.1\r\n\r\n".to_owned()),
        ("malformed", 400, plain("/streams/%20/sse")),
        ("malformed", 400, plain("/streams/news/sse?since=x")),
        ("malformed", 400, post("/streams/news/messages", JSON, "{")),
        ("malformed", 400, upgrade("/streams/news/ws", "Host: x\r\nContent-Length: 1\r\n")),
        ("token_missing", 401, plain("/streams/secret/sse")),
        ("token_wrong", 401, plain("/streams/secret/sse?token=token-of-nobody-here")),
        ("token_scope", 403, plain("/streams/secret/sse?token=token-to-publish-with")),
        ("origin", 403, upgrade("/streams/news/ws", "Host: x\r\nOrigin: http://y\r\n")),
        ("origin", 403, post("/streams/news/messages", &format!("{JSON}Origin: http://y\r\n"), "1")),
        ("forbidden", 403, upgrade("/ruffle", "Host: x\r\n")),
        ("not_found", 404, plain("/nothing")),
        ("not_found", 404, plain("/streams/news/nothing")),
        ("method", 405, "PUT /streams/news HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".to_owned()),
        ("not_acceptable", 406, get("/streams/news", "Host: x\r\nAccept: image/png\r\n")),
        ("gone", 410, plain("/closed/sse")),
        ("too_long", 413, post("/streams/news/messages", JSON, &long)),
        ("media_type", 415, post("/streams/news/messages", "", "1")),
        ("upgrade_required", 426, plain("/streams/news/ws")),
        ("stream_rate", 429, post("/streams/slow/messages", JSON, "1")),
        ("other_client", 418, plain("/teapot")),
        ("other_server", 500, plain("/broken")),
    ];
    let mut expected = BTreeMap::new();
    for (reason, status, request) in &requests {
        let answer = server.ask(request).await.until(b"\r\n\r\n").await;
        let answer = String::from_utf8(answer).unwrap();
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{request}: {answer}");
        *expected.entry(*reason).or_insert(0) += 1;
        wait_for(|| counted(&server) == expected).await;
    }
    // Full: of streams, of clients, of bridges.
    let third = plain("/streams/third/poll");
    assert!(server.answer(&third).await.starts_with("HTTP/1.1 200"));
    let reader = {
        let mut reader = server.ask(&plain("/streams/news/sse?client=a")).await;
        reader.head().await;
        reader
    };
    let bridge = {
        let mut bridge = server.ask(&upgrade("/ruffle", &own)).await;
        bridge.until(b"\r\n\r\n").await;
        bridge
    };
    // `third` has taken the last place, and gives it to nobody while a client is present in it.
    let present = {
        let mut reader = server.ask(&plain("/streams/third/sse?client=a")).await;
        reader.head().await;
        reader
    };
    for (reason, request) in [
        ("streams", plain("/streams/fourth/sse")),
        ("clients", plain("/streams/news/sse?client=b")),
        ("bridges", upgrade("/ruffle", &own)),
    ] {
        let answer = String::from_utf8(server.ask(&request).await.until(b"\r\n\r\n").await).unwrap();
        assert!(
            answer.starts_with("HTTP/1.1 503 ") && answer.contains("retry-after: "),
            "{request}: {answer}"
        );
        *expected.entry(reason).or_insert(0) += 1;
    }
    assert_eq!(counted(&server), expected);
    assert!(server.answer(&plain("/fine")).await.starts_with("HTTP/1.1 204"));
    let stats = server.hub.stats();
    assert_eq!(stats.refusals.total(), requests.len() as u64 + 3, "nothing else is counted");
    drop((reader, bridge, present));
    server.stop().await;
}

#[tokio::test(start_paused = true)]
async fn heads_and_bodies_that_do_not_come_and_a_full_server_are_counted() {
    let mut limits = Limits::default();
    limits.connections = 1;
    let server = server(limits.clone(), Rules::default());
    let body = server
        .ask(
            "POST /streams/news/messages HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n\
             Content-Length: 9\r\n\r\n1",
        )
        .await;
    sleep(limits.body_read / 2).await;
    let full = server.answer("GET /fine HTTP/1.0\r\n\r\n").await;
    assert!(full.starts_with("HTTP/1.0 503 "), "{full}");
    sleep(limits.body_read).await;
    let expected = BTreeMap::from([("body_timeout", 1), ("connections", 1)]);
    assert_eq!(counted(&server), expected);
    assert_eq!(server.hub.stats().turned_away, 1);
    drop(body);
    // Half a head.
    let silent = server.ask("GET /fine HT").await;
    sleep(limits.header_read + Duration::from_secs(1)).await;
    assert_eq!(server.hub.stats().refusals.get(Reason::HeadTimeout), 1);
    drop(silent);
    // A connection that was kept and is not used is no refusal.
    sleep(Duration::from_secs(1)).await;
    let mut kept = server.ask("GET /fine HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert!(kept.head().await.starts_with("HTTP/1.1 204 "));
    sleep(limits.header_read + Duration::from_secs(1)).await;
    assert_eq!(server.hub.stats().refusals.total(), 3);
    server.stop().await;
}
