//! How often one address connects and publishes, how many connections it has, and who it is behind a proxy.

mod support;

use std::time::Duration;

use push_server::guard::{ForwardedBy, Proxies, Rate, Reason, Rules, StreamRule, Token, Tokens};
use push_server::{Limits, Start, Transport};
use support::{Client, EPOCH, TestServer, attach, wait_for};
use tokio::time::{Instant, sleep};

async fn server(limits: Limits, change: impl FnOnce(&mut Rules)) -> TestServer {
    let server = TestServer::open(limits, EPOCH).await;
    let mut rules = Rules::default();
    change(&mut rules);
    server.hub.guard().replace(rules);
    server
}

fn status(answer: &str) -> u16 {
    answer.split(' ').nth(1).unwrap_or_else(|| panic!("{answer}")).parse().unwrap()
}

fn field<'h>(head: &'h str, name: &str) -> Option<&'h str> {
    head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

#[tokio::test(start_paused = true)]
async fn an_address_that_connects_too_often_is_told_when_to_come_back() {
    let server = server(Limits::default(), |rules| rules.rates.connects = Rate::new(1, 3)).await;
    let poll = "GET /streams/comet/poll HTTP/1.1\r\nHost: x\r\n\r\n";
    let mut kept = server.ask(poll).await;
    assert_eq!(status(&kept.head().await), 200);
    for _ in 0..2 {
        assert_eq!(status(&server.ask(poll).await.head().await), 200);
    }
    let answer = server.answer(poll).await;
    assert_eq!(status(&answer), 429, "{answer}");
    assert_eq!((field(&answer, "retry-after"), field(&answer, "connection")), (Some("1"), Some("close")));
    assert!(answer.ends_with("There are too many new connections from this address; come back in 1 s.\n"));
    // No route was asked whose pages may read it; so any may.
    let page = "GET /streams/comet/poll HTTP/1.1\r\nHost: x\r\nOrigin: https://app.example\r\n\r\n";
    let answer = server.answer(page).await;
    let fields = ["access-control-allow-origin", "access-control-expose-headers"];
    assert_eq!(fields.map(|name| field(&answer, name)), [Some("*"), Some("retry-after")], "{answer}");
    // Further requests on a connection are none.
    for _ in 0..5 {
        kept.until(b"}").await;
        kept.send(poll.as_bytes()).await;
        assert_eq!(status(&kept.head().await), 200);
    }
    sleep(Duration::from_secs(1)).await;
    assert_eq!(status(&server.ask(poll).await.head().await), 200, "in the time that was told");
    assert_eq!(server.hub.stats().refusals.get(Reason::ConnectRate), 2);
    server.stop().await;
}

#[tokio::test]
async fn an_address_has_so_many_connections_and_no_more() {
    let mut limits = Limits::default();
    limits.connections_per_address = 2;
    let server = server(limits, |_| {}).await;
    let sse = "GET /streams/comet/sse HTTP/1.0\r\n\r\n";
    let mut readers = [server.ask(sse).await, server.ask(sse).await];
    for reader in &mut readers {
        assert_eq!(status(&reader.head().await), 200);
    }
    for request in [sse, "GET /streams/comet/ws HTTP/1.0\r\n\r\n", "GET /nothing HTTP/1.0\r\n\r\n"] {
        let answer = server.answer(request).await;
        assert_eq!((status(&answer), field(&answer, "retry-after")), (429, Some("5")), "{answer}");
    }
    // A place is free as soon as a reader has gone.
    drop(readers);
    wait_for(|| server.stream.readers() == 0).await;
    assert_eq!(status(&server.ask(sse).await.head().await), 200);
    assert_eq!(server.hub.stats().refusals.get(Reason::AddressConnections), 3);
    server.stop().await;
}

#[tokio::test]
async fn behind_a_trusted_proxy_each_client_counts_for_itself() {
    let mut limits = Limits::default();
    limits.connections_per_address = 1;
    let server = server(limits, |rules| {
        rules.proxies = Proxies::new(["127.0.0.0/8"], ForwardedBy::XForwardedFor).unwrap();
    })
    .await;
    let ask = async |client: &str, path: &str| {
        let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 1.1.1.1, {client}\r\n\r\n");
        let mut client = server.ask(&request).await;
        (status(&client.head().await), client)
    };
    let sse = "/streams/comet/sse";
    let (one, other) = (ask("192.0.2.1", sse).await, ask("192.0.2.2", sse).await);
    assert_eq!((one.0, other.0), (200, 200));
    assert_eq!(ask("192.0.2.1", sse).await.0, 429, "what stands further in front is the client's own word");
    assert_eq!(ask("192.0.2.1", "/streams/comet/poll").await.0, 429);
    // Requests that are answered hold nothing, though the proxy keeps its connection.
    let (first, mut kept) = ask("192.0.2.3", "/streams/comet/poll").await;
    assert_eq!((first, ask("192.0.2.3", sse).await.0), (200, 200));
    wait_for(|| server.stream.readers() == 2).await;
    kept.until(b"}").await;
    kept.send(b"GET /streams/comet/poll HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 192.0.2.4\r\n\r\n").await;
    assert_eq!(status(&kept.head().await), 200);
    drop(one);
    wait_for(|| server.stream.readers() == 1).await;
    assert_eq!(ask("192.0.2.1", sse).await.0, 200);
    server.stop().await;
}

/// A connection of HTTP on which many messages are published.
struct Publisher {
    client: Client,
    fields: String,
}

impl Publisher {
    async fn new(server: &TestServer, fields: &str) -> Self {
        let client = server.ask("").await;
        Self { client, fields: fields.to_owned() }
    }

    /// The status, and what `Retry-After` says.
    async fn publish(&mut self, stream: &str, body: &str) -> (u16, Option<u64>) {
        self.post(&format!("{stream}/messages"), body).await
    }

    async fn post(&mut self, path: &str, body: &str) -> (u16, Option<u64>) {
        let request = format!(
            "POST /streams/{path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n{}\r\n{body}",
            body.len(),
            self.fields
        );
        self.client.send(request.as_bytes()).await;
        let head = self.client.head().await;
        let length = field(&head, "content-length").unwrap().parse().unwrap();
        self.client.take(length).await;
        (status(&head), field(&head, "retry-after").map(|seconds| seconds.parse().unwrap()))
    }
}

/// Ten times as much as may be published, for three seconds: what is admitted is right to the message, reaches the
/// subscriber once and in order, and a publisher with a token of his own is not disturbed.
#[tokio::test(start_paused = true)]
async fn ten_times_the_load_is_refused_and_disturbs_nobody() {
    const TOKEN: &str = "token-of-the-flooder";
    const OTHER: &str = "token-of-somebody-else";
    const PACE: Duration = Duration::from_millis(1);
    let server = server(Limits::default(), |rules| {
        let tokens = [TOKEN, OTHER].map(|token| Token::new(token).unwrap());
        rules.publish = Tokens::new(tokens).unwrap();
        rules.rates.publishes = Rate::new(100, 50);
    })
    .await;
    let mut reader = attach(&server.stream, Transport::Sse, Start::Live, false, "HEAD").await;
    reader.until(b"HEAD").await;
    let bearer = |token| format!("Authorization: Bearer {token}\r\n");
    let mut flooder = Publisher::new(&server, &bearer(TOKEN)).await;
    let mut other = Publisher::new(&server, &bearer(OTHER)).await;
    let begin = Instant::now();
    let (mut admitted, mut refused, mut quiet) = (Vec::new(), 0_u64, 0);
    for number in 0..3_000_u64 {
        match flooder.publish("comet", &number.to_string()).await {
            (200, None) => admitted.push(number),
            (429, Some(1)) => refused += 1,
            answer => panic!("{answer:?}"),
        }
        if number % 100 == 0 {
            assert_eq!(other.publish("quiet", "1").await, (200, None));
            quiet += 1;
        }
        sleep(PACE).await;
    }
    let took = begin.elapsed();
    let expected = 50 + took.as_millis() as u64 / 10;
    assert!((expected - 2..=expected + 1).contains(&(admitted.len() as u64)), "{} {took:?}", admitted.len());
    for number in &admitted {
        reader.until(format!("data: {number}\n\n").as_bytes()).await;
    }
    assert_eq!(server.stream.position().sequence, admitted.len() as u64);
    assert_eq!(server.hub.get("quiet").unwrap().position().sequence, quiet);
    let stats = server.hub.stats();
    assert_eq!((stats.refusals.get(Reason::PublishRate), stats.refusals.total()), (refused, refused));
    // Who waits as told comes in.
    let (_, wait) = loop {
        let answer = flooder.publish("comet", "1").await;
        if answer.0 == 429 {
            break answer;
        }
    };
    sleep(Duration::from_secs(wait.unwrap())).await;
    assert_eq!(flooder.publish("comet", "1").await, (200, None));
    server.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_stream_takes_so_much_whoever_publishes_and_however() {
    let server = server(Limits::default(), |rules| {
        let mut rule = StreamRule::new("slow-*".parse().unwrap());
        rule.publishes = Some(Rate::new(1, 2));
        rules.streams = vec![rule];
    })
    .await;
    let mut publisher = Publisher::new(&server, "").await;
    assert_eq!(publisher.publish("slow-1", "1").await, (200, None));
    // By a call as well.
    let mut call = Vec::new();
    hessian::rpc::write_call(hessian::rpc::Form::Two, "publish", &("slow-1", 7), &mut call).unwrap();
    let calls = async || {
        let head = format!(
            "POST /hessian HTTP/1.0\r\nContent-Length: {}\r\nContent-Type: x-application/hessian\r\n\r\n",
            call.len()
        );
        let mut client = server.ask(&head).await;
        client.send(&call).await;
        String::from_utf8_lossy(&client.rest().await).into_owned()
    };
    assert!(calls().await.contains("receivers"));
    assert_eq!(publisher.publish("slow-1", "1").await, (429, Some(1)));
    let refused = calls().await;
    assert!(refused.contains("IllegalStateException") && refused.contains("come back in 1 s"), "{refused}");
    assert_eq!(publisher.publish("slow-2", "1").await, (200, None), "each of them has a bucket");
    assert_eq!(publisher.publish("news", "1").await, (200, None));
    assert_eq!(server.hub.get("slow-1").unwrap().position().sequence, 2);
    assert_eq!(server.hub.stats().refusals.get(Reason::StreamRate), 2);
    server.stop().await;
}

/// A batch is as many messages as it has, more than a bucket holds among them; and clients' messages have a rate.
#[tokio::test(start_paused = true)]
async fn a_batch_counts_as_many_and_clients_send_so_often() {
    let server = server(Limits::default(), |rules| {
        rules.rates.publishes = Rate::new(10, 20);
        rules.rates.sends = Rate::new(1, 2);
    })
    .await;
    let mut publisher = Publisher::new(&server, "").await;
    let batch = format!("[{}]", vec!["1"; 30].join(","));
    assert_eq!(publisher.post("comet/batch", &batch).await, (200, None), "the rest of it is owed");
    assert_eq!(server.stream.position().sequence, 30);
    // 10 are owed, at 10 a second, and the next one.
    assert_eq!(publisher.publish("comet", "1").await, (429, Some(2)));
    sleep(Duration::from_secs(2)).await;
    assert_eq!(publisher.publish("comet", "1").await, (200, None));

    for expected in [200, 200, 429] {
        assert_eq!(publisher.post("comet/send", "1").await.0, expected);
    }
    assert_eq!(publisher.post("comet/send", "1").await, (429, Some(1)));
    sleep(Duration::from_secs(1)).await;
    assert_eq!(publisher.post("comet/send", "1").await.0, 200);
    assert_eq!(server.hub.stats().refusals.get(Reason::SendRate), 2);
    server.stop().await;
}
