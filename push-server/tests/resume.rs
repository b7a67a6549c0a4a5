//! Clients that come back, in every form: after a cut, a rotation, a restart. No message lost, none twice, and
//! always a verdict.

mod support;

use std::time::Duration;

use proptest::prelude::*;
use push_server::{Epoch, Limits, Stream};
use serde::Serialize;
use support::forms::{POLLS, STREAMING, Understood, understand};
use support::{EPOCH, TestServer};
use tokio::io::AsyncReadExt;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

fn request(transport: &str, query: &str, version: &str) -> String {
    let path = match (transport.contains('?'), query) {
        (_, "") => transport.to_owned(),
        (true, query) => format!("{transport}&{query}"),
        (false, query) => format!("{transport}?{query}"),
    };
    format!("GET /streams/comet/{path} HTTP/{version}\r\nHost: x\r\nConnection: close\r\n\r\n")
}

fn all() -> impl Iterator<Item = &'static str> + Clone {
    STREAMING.into_iter().chain(POLLS)
}

/// Enough to have come to the end of whatever is due, in bytes.
const ALL: usize = usize::MAX >> 1;

/// Silence after which nothing more is due, in paused time.
const QUIET: Duration = Duration::from_secs(1);

/// Reads `at_most` bytes after the head, or until nothing comes, and goes without a word.
async fn cut_off(server: &TestServer, request: &str, at_most: usize) -> Vec<u8> {
    let mut client = server.ask(request).await;
    let mut response = client.until(b"\r\n\r\n").await;
    let length = response.len();
    response.append(&mut client.received);
    let mut buffer = [0; 64];
    while response.len() < length + at_most {
        match timeout(QUIET, client.socket.read(&mut buffer)).await {
            Ok(Ok(0) | Err(_)) | Err(_) => break,
            Ok(Ok(read)) => response.extend_from_slice(&buffer[..read]),
        }
    }
    response.truncate(length + at_most);
    response
}

/// What one client has got in many responses.
#[derive(Default)]
struct Client {
    numbers: Vec<u64>,
    position: Option<String>,
}

impl Client {
    fn query(&self) -> String {
        self.position.as_ref().map_or_else(|| "last=0".to_owned(), |position| format!("since={position}"))
    }

    fn got(&mut self, understood: &Understood) {
        let expected = self.position.as_ref().map(|_| "complete");
        assert_eq!(understood.resume.as_deref(), expected);
        self.numbers.extend(understood.messages.iter().map(number));
        self.position = Some(understood.position.clone());
    }
}

/// Each third message is an object, whose class every response defines anew.
#[derive(Serialize)]
#[serde(rename = "example.Numbered")]
struct Numbered {
    n: u64,
}

async fn publish(stream: &Stream, number: u64) {
    match number % 3 {
        0 => stream.publish(&Numbered { n: number }).await.unwrap(),
        _ => stream.publish(&number).await.unwrap(),
    };
}

fn number(value: &serde_json::Value) -> u64 {
    value.as_u64().or_else(|| value["n"].as_u64()).unwrap_or_else(|| panic!("{value} is no number"))
}

/// Each response is cut after another number of bytes: within a chunk, a frame, a line, a boundary, an answer.
#[tokio::test(start_paused = true)]
async fn nothing_is_lost_and_nothing_comes_twice_across_cuts_at_any_byte() {
    const MESSAGES: u64 = 120;
    for transport in all() {
        for version in ["1.0", "1.1"] {
            let server = TestServer::open(Limits::default(), EPOCH).await;
            let mut client = Client::default();
            client.got(&understand(
                transport,
                &cut_off(&server, &request(transport, "wait=0", version), 0).await,
            ));
            let stream = server.stream.clone();
            let publisher = tokio::spawn(async move {
                for number in 1..=MESSAGES {
                    publish(&stream, number).await;
                    sleep(Duration::from_millis(7)).await;
                }
            });
            // Past the padding of the beginning, and past a whole answer now and then.
            let beginning = if matches!(transport, "xhr" | "script") { 2_048 } else { 0 };
            let mut cuts = 0_usize;
            while client.numbers.len() < MESSAGES as usize {
                cuts += 1;
                let at_most = match transport.contains("poll") {
                    false => beginning + cuts % 211 + usize::from(cuts.is_multiple_of(7)) * 400,
                    true => cuts % 151 * 70,
                };
                let request = request(transport, &client.query(), version);
                let response = cut_off(&server, &request, at_most).await;
                client.got(&understand(transport, &response));
                // A poll is answered at once, and time stands still while somebody is busy.
                sleep(Duration::from_millis(1)).await;
                assert!(cuts < 10_000, "{transport} goes on for ever");
            }
            assert_eq!(client.numbers, (1..=MESSAGES).collect::<Vec<_>>(), "{transport}, HTTP/{version}");
            assert!(cuts > 5, "{transport}: {cuts}");
            publisher.await.unwrap();
            server.stop().await;
        }
    }
}

/// By default, by the server's setting and by the request's.
#[tokio::test(start_paused = true)]
async fn nothing_is_lost_and_nothing_comes_twice_across_rotations() {
    const MESSAGES: usize = 600;
    for (transport, query, seconds) in [
        ("xhr", "", 30),
        ("script", "", 30),
        ("xhr", "rotate=7", 7),
        ("sse", "rotate=20", 20),
        ("multipart", "rotate=20", 20),
        ("hessian", "rotate=20", 20),
        ("hessian?framing=p&grammar=tutorial", "rotate=20", 20),
        ("hessian?framing=varint&grammar=draft", "rotate=20", 20),
        ("hessian?framing=marked", "rotate=20", 20),
    ] {
        for version in ["1.0", "1.1"] {
            let server = TestServer::open(Limits::default(), EPOCH).await;
            let mut client = Client::default();
            let mut responses = 0;
            let mut publisher = None;
            while client.numbers.len() < MESSAGES {
                let query = format!("{query}&{}", client.query());
                let connection = server.ask(&request(transport, &query, version)).await;
                publisher.get_or_insert_with(|| {
                    let stream = server.stream.clone();
                    tokio::spawn(async move {
                        while stream.readers() == 0 {
                            sleep(Duration::from_millis(10)).await;
                        }
                        for number in 1.. {
                            publish(&stream, number).await;
                            sleep(Duration::from_millis(127)).await;
                        }
                    })
                });
                let begin = tokio::time::Instant::now();
                let response = connection.rest().await;
                let took = begin.elapsed().as_secs_f64();
                assert!((seconds as f64..seconds as f64 + 0.3).contains(&took), "{transport}: {took} s");
                let head = String::from_utf8_lossy(&response).into_owned();
                assert!(head.contains(&format!("push-rotate: {seconds}\r\n")), "{head}");
                if version == "1.1" {
                    assert!(response.ends_with(b"\r\n0\r\n\r\n"), "{transport}");
                }
                let understood = understand(transport, &response);
                let farewell = (!transport.starts_with("hessian")).then_some("rotate");
                assert_eq!(understood.farewell.as_deref(), farewell, "{transport}");
                client.got(&understood);
                responses += 1;
            }
            let expected: Vec<_> = (1..=client.numbers.len() as u64).collect();
            assert_eq!(client.numbers, expected, "{transport}, HTTP/{version}");
            assert!(responses >= 3, "{transport}: {responses}");
            publisher.inspect(JoinHandle::abort);
            server.stop().await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_restart_is_told_in_every_form() {
    for transport in all() {
        let server = TestServer::open(Limits::default(), EPOCH).await;
        server.stream.publish(&1).await.unwrap();
        server.stream.publish(&2).await.unwrap();
        let response = cut_off(&server, &request(transport, "last=2", "1.0"), ALL).await;
        let before = understand(transport, &response);
        assert_eq!((before.messages.len(), &*before.position), (2, "ab:2"), "{transport}");
        server.stop().await;

        let server = TestServer::open(Limits::default(), Epoch::new(0xcd)).await;
        server.stream.publish(&7).await.unwrap();
        let since = format!("since={}", before.position);
        let response = cut_off(&server, &request(transport, &since, "1.0"), ALL).await;
        let after = understand(transport, &response);
        assert_eq!(after.resume.as_deref(), Some("epoch-changed"), "{transport}");
        assert_eq!((after.messages, &*after.position), (vec![7.into()], "cd:1"), "{transport}");
        server.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_gap_is_told_in_every_form() {
    let mut limits = Limits::default();
    limits.log_messages = 3;
    let server = TestServer::open(limits, EPOCH).await;
    for number in 1..=9 {
        server.stream.publish(&number).await.unwrap();
    }
    for transport in all() {
        let response = cut_off(&server, &request(transport, "since=ab:2", "1.0"), ALL).await;
        let understood = understand(transport, &response);
        assert_eq!(understood.resume.as_deref(), Some("gap 3-6"), "{transport}");
        assert_eq!(understood.messages, [7, 8, 9].map(serde_json::Value::from), "{transport}");
        assert_eq!(understood.position, "ab:9", "{transport}");
    }
    server.stop().await;
}

/// The farewell of a server that ends, after everything that is due.
#[tokio::test(start_paused = true)]
async fn the_end_is_told_in_every_form() {
    let forms = all().flat_map(|transport| [(transport, "1.0"), (transport, "1.1")]);
    // Of the stream, which is for good, and of the server, after which the stream goes on elsewhere.
    for (is_over, (transport, version)) in
        [true, false].into_iter().flat_map(|over| forms.clone().map(move |form| (over, form)))
    {
        // That one never waits: its end is below.
        if transport.starts_with("poll") {
            continue;
        }
        let server = TestServer::open(Limits::default(), EPOCH).await;
        let client = server.ask(&request(transport, "", version)).await;
        support::wait_for(|| server.stream.readers() == 1).await;
        let is_poll = transport.contains("poll");
        if !is_poll {
            server.stream.publish(&1).await.unwrap();
        }
        let reads = tokio::spawn(client.rest());
        if is_over {
            assert!(server.hub.close_stream(server.stream.name()));
        }
        server.stop().await;
        let understood = understand(transport, &reads.await.unwrap());
        assert_eq!(understood.messages.len(), usize::from(!is_poll), "{transport}");
        let farewell = match (transport, is_over) {
            (transport, _) if transport.starts_with("hessian") => None,
            (_, true) => Some("end"),
            // A poll that comes back needs no word.
            (_, false) => (!is_poll).then_some("rotate"),
        };
        let understood = understood.farewell.map(|why| why.replace("complete", "end"));
        assert_eq!(understood.as_deref(), farewell, "{transport}");
    }
}

/// An interval poll comes when the stream is over: there is nobody to tell it but the status, and it says for how long.
#[tokio::test]
async fn the_end_is_told_to_who_polls_after_it() {
    for is_over in [true, false] {
        let server = TestServer::start().await;
        server.publish("last").await;
        let poll = "GET /comet/poll?since=ab:0 HTTP/1.1\r\nHost: x\r\n\r\n";
        let mut client = server.ask(poll).await;
        let head = client.head().await;
        assert!(head.contains("push-next-position: ab:1\r\npush-next: 5\r\n"), "{head}");
        let length = head.split_once("content-length: ").unwrap().1.lines().next().unwrap().parse().unwrap();
        client.take(length).await;
        if is_over {
            server.hub.close_stream(server.stream.name());
        } else {
            server.hub.end().await;
        }
        // The hub is over, and the connection is not.
        client.send(poll.as_bytes()).await;
        let head = client.head().await;
        let expected = if is_over { "HTTP/1.1 410 Gone\r\n" } else { "HTTP/1.1 503 Service Unavailable\r\n" };
        assert!(head.starts_with(expected), "{head}");
        assert_eq!(head.contains("\r\nretry-after: "), !is_over, "{head}");
        drop(client);
        server.stop().await;
    }
}

/// Browsers send the header by themselves, with an address that was written before.
#[tokio::test(start_paused = true)]
async fn the_header_wins_over_the_parameter() {
    let server = TestServer::open(Limits::default(), EPOCH).await;
    for number in 1..=9 {
        server.stream.publish(&number).await.unwrap();
    }
    for transport in all() {
        for (field, resume, first) in [("ab:7", "complete", 8), ("cd:7", "epoch-changed", 1)] {
            let mut request = request(transport, "since=ab:3&last=1&wait=0", "1.0");
            request.insert_str(request.len() - 2, &format!("Last-Event-ID: {field}\r\n"));
            let understood = understand(transport, &cut_off(&server, &request, ALL).await);
            assert_eq!(understood.resume.as_deref(), Some(resume), "{transport}");
            let got: Vec<_> = understood.messages.iter().map(number).collect();
            assert_eq!(got, (first..=9).collect::<Vec<u64>>(), "{transport}");
        }
    }
    server.stop().await;
}

#[tokio::test]
async fn parameters_that_are_wrong_are_refused_and_said() {
    let server = TestServer::open(Limits::default(), EPOCH).await;
    for (path, what) in [
        ("sse?since=7", "since: a position is epoch:sequence"),
        ("xhr?since=", "since: a position is epoch:sequence"),
        ("multipart?since=AB:1", "since: a position is epoch:sequence"),
        ("longpoll?since=ab:-1", "since: a position is epoch:sequence"),
        ("sse?last=-1", "last is how many messages"),
        ("poll?last=", "last is how many messages"),
        ("poll?last=1.5", "last is how many messages"),
        ("xhr?client=", "client: a client id is 1 to 64"),
        ("longpoll?client=a%20b", "client: a client id is 1 to 64"),
        ("xhr?rotate=-1", "rotate is a whole number of seconds, 1 to 86400, or 0 for never"),
        ("sse?rotate=86401", "rotate is a whole number of seconds, 1 to 86400, or 0 for never"),
        ("sse?rotate=99999999999999999999999999", "rotate is a whole number"),
        ("script?rotate=1e3", "rotate is a whole number"),
        ("longpoll?wait=61", "wait is a whole number of seconds, 0 to 60"),
        ("longpoll?wait=", "wait is a whole number of seconds, 0 to 60"),
        ("longpoll?format=xml", "format is one of json, hessian"),
        ("hessian?framing=x", "framing is one of ws, p, varint, marked"),
        ("hessian?grammar=one", "grammar is one of final, draft, tutorial"),
        ("longpoll?format=hessian&framing=x", "framing is one of"),
        ("script?callback=a.b", "callback: a callback is 1 to 64"),
        ("sse?since=ab:1&since=ab:2", "since"),
    ] {
        for method in ["GET", "POST"] {
            let answer = server.answer(&format!("{method} /streams/comet/{path} HTTP/1.0\r\n\r\n")).await;
            assert!(answer.starts_with("HTTP/1.0 400 "), "{path}: {answer}");
            assert!(answer.contains(what) && answer.ends_with('\n'), "{path}: {answer}");
            assert!(answer.contains("x-content-type-options: nosniff\r\n"), "{path}: {answer}");
        }
    }
    // None of them has left anything behind.
    assert_eq!((server.stream.readers(), server.stream.client_count()), (0, 0));
    server.stop().await;
}

#[tokio::test]
async fn hessian_comes_in_the_grammar_asked_for() {
    let server = TestServer::start().await;
    server.publish("hi").await;
    for (query, packet) in [
        ("framing=p&grammar=tutorial", &b"P\x00\x1fO\x11example.AddString\x91\x05valueo\x90\x02hi"[..]),
        ("framing=p&grammar=draft", b"P\x00\x1fO\x11example.AddString\x91\x05valueo\x90\x02hi"),
        ("grammar=final", b"\x05\x1eC\x11example.AddString\x91\x05value\x60\x02hi"),
    ] {
        let mut client =
            server.ask(&format!("GET /streams/comet/hessian?last=1&{query} HTTP/1.0\r\n\r\n")).await;
        client.head().await;
        assert_eq!(
            client.take(packet.len()).await.escape_ascii().to_string(),
            packet.escape_ascii().to_string()
        );
    }
    server.stop().await;
}

/// What the parameters say about the place, as a model.
fn expected(
    held: std::ops::RangeInclusive<u64>,
    since: Option<(u64, u64)>,
    last: Option<u64>,
) -> (String, u64) {
    let (before, head) = (held.start() - 1, *held.end());
    match (since, last) {
        (None, None) => ("fresh".into(), head),
        (None, Some(last)) => ("fresh".into(), head.saturating_sub(last).max(before)),
        (Some((epoch, sequence)), _) if epoch != 0xab || sequence > head => ("epoch-changed".into(), before),
        (Some((_, sequence)), _) if sequence < before => (format!("gap {}-{before}", sequence + 1), before),
        (Some((_, sequence)), _) => ("complete".into(), sequence),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_verdict_and_the_place_are_as_the_parameters_say(
        held in 1..6usize,
        published in 0..12u64,
        since in proptest::option::of((prop_oneof![Just(0xab_u64), any::<u64>()], 0..16u64)),
        header in any::<bool>(),
        last in proptest::option::of(prop_oneof![0..20u64, any::<u64>()]),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let mut limits = Limits::default();
            limits.log_messages = held;
            let server = TestServer::open(limits, EPOCH).await;
            for number in 1..=published {
                server.stream.publish(&number).await.unwrap();
            }
            let since_text = since.map(|(epoch, sequence)| format!("{epoch:x}:{sequence}"));
            let (mut query, mut field) = (String::new(), String::new());
            match &since_text {
                Some(since) if header => field = format!("Last-Event-ID: {since}\r\n"),
                Some(since) => query = format!("since={since}&"),
                None => {}
            }
            if let Some(last) = last {
                query.push_str(&format!("last={last}&"));
            }
            let first = published.saturating_sub(held as u64) + 1;
            let (resume, place) = expected(first..=published, since, last);
            for transport in all() {
                let mut request = request(transport, &format!("{query}wait=0"), "1.0");
                request.insert_str(request.len() - 2, &field);
                let response = cut_off(&server, &request, ALL).await;
                let understood = understand(transport, &response);
                let context = format!("{transport}, {since:?}, {last:?} of {first}..={published}");
                assert_eq!(understood.resume.as_deref().unwrap_or("fresh"), resume, "{context}");
                let values: Vec<_> = understood.messages.iter().map(|value| value.as_u64().unwrap()).collect();
                assert_eq!(values, (place + 1..=published).collect::<Vec<_>>(), "{context}");
                let head = String::from_utf8_lossy(&response).into_owned();
                assert!(head.contains(&format!("push-position: ab:{place}\r\n")), "{context}: {head}");
            }
            server.stop().await;
        });
    }
}
