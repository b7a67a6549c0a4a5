//! Named clients: presence, and messages to one of them.

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use proptest::prelude::*;
use push_server::hub::{Presence, PresenceEvent, PresenceLost, Reader, Sent};
use push_server::{ClientId, Hub, Limits, PublishError, SendError, Start, Stream, SubscribeError, Transport};
use support::{Client, EPOCH, join};

const MANY: usize = usize::MAX;
const LINGER: Duration = Duration::from_secs(30);

fn limits() -> Limits {
    let mut limits = Limits::default();
    limits.client_linger = LINGER;
    limits
}

fn stream(limits: Limits) -> (Hub, Stream) {
    let hub = Hub::start(EPOCH, limits, 1);
    let stream = hub.open(&"s".parse().unwrap()).unwrap();
    (hub, stream)
}

fn id(name: &str) -> ClientId {
    name.parse().unwrap()
}

fn reader(stream: &Stream, client: &str) -> Reader {
    stream.subscribe(Transport::Sse, Start::Live).client(&id(client)).unwrap().into_reader()
}

fn got(reader: &mut Reader) -> Vec<String> {
    let batch = reader.try_batch(MANY, MANY).unwrap();
    let messages = batch.map(|batch| batch.messages).unwrap_or_default();
    messages.iter().map(|m| String::from_utf8(m.json().to_vec()).unwrap()).collect()
}

/// A connection of the client, begun with `HEAD`.
async fn connect(stream: &Stream, client: &str) -> Client {
    let subscription = stream.subscribe(Transport::Sse, Start::Live).client(&id(client)).unwrap();
    let mut client = join(subscription, false, "HEAD").await;
    client.until(b"HEAD").await;
    client
}

#[tokio::test(start_paused = true)]
async fn direct_messages_come_in_order_with_broadcasts() {
    let (_hub, stream) = stream(limits());
    let mut connection = connect(&stream, "ann").await;
    let mut other = connect(&stream, "bob").await;
    let mut ann = reader(&stream, "carl");
    stream.publish(&1).await.unwrap();
    for (name, value) in [("ann", "a"), ("carl", "c")] {
        assert!(stream.send_to(&id(name), value).unwrap().is_connected);
    }
    stream.publish(&2).await.unwrap();
    stream.publish(&3).await.unwrap();
    stream.send_to(&id("ann"), "b").unwrap();
    stream.send_to(&id("ann"), "b2").unwrap();
    assert_eq!(got(&mut ann), ["1", "\"c\"", "2", "3"]);
    let events = |values: &[&str]| values.iter().map(|v| format!("{v}\n\n")).collect::<String>();
    let expected = events(&[
        "id: ab:1\ndata: 1",
        "data: \"a\"",
        "id: ab:2\ndata: 2",
        "id: ab:3\ndata: 3",
        "data: \"b\"",
        "data: \"b2\"",
    ]);
    assert_eq!(String::from_utf8(connection.take(expected.len()).await).unwrap(), expected);
    let expected = events(&["id: ab:1\ndata: 1", "id: ab:2\ndata: 2", "id: ab:3\ndata: 3"]);
    assert_eq!(String::from_utf8(other.take(expected.len()).await).unwrap(), expected);
    // A lone one, to a connection at rest.
    tokio::time::sleep(Duration::from_secs(1)).await;
    stream.send_to(&id("bob"), "d").unwrap();
    assert_eq!(other.until(b"\n\n").await, b"data: \"d\"\n\n");
}

#[tokio::test(start_paused = true)]
async fn direct_messages_wait_between_two_connections_and_lapse_with_the_client() {
    let (hub, stream) = stream(limits());
    let ann = id("ann");
    assert!(matches!(stream.send_to(&ann, "too early"), Err(SendError::NoClient(who)) if who == ann));
    drop(reader(&stream, "ann"));
    tokio::time::sleep(LINGER / 2).await;
    assert!(!stream.send_to(&ann, "waits").unwrap().is_connected);
    assert_eq!(got(&mut reader(&stream, "ann")), ["\"waits\""]);
    // The time begins anew with each end of a connection.
    tokio::time::sleep(LINGER / 2 + Duration::from_secs(1)).await;
    stream.send_to(&ann, "in vain").unwrap();
    assert!(hub.stats().direct_bytes > 0);
    tokio::time::sleep(LINGER / 2).await;
    assert_eq!((stream.client_count(), hub.stats().direct_bytes), (0, 0));
    assert_eq!(stream.stats().dropped[push_server::hub::Overrun::DirectLapsed as usize], 1);
    assert!(matches!(stream.send_to(&ann, "too late"), Err(SendError::NoClient(_))));
}

#[tokio::test(start_paused = true)]
async fn the_newer_connection_of_a_client_takes_its_direct_messages() {
    let (_hub, stream) = stream(limits());
    let mut old = reader(&stream, "ann");
    stream.send_to(&id("ann"), "waits").unwrap();
    let mut new = reader(&stream, "ann");
    stream.publish(&1).await.unwrap();
    assert_eq!(got(&mut old), ["1"]);
    assert_eq!(got(&mut new), ["\"waits\"", "1"]);
    drop(new);
    // The older one is no stand-in: it may be the half-dead one that the client has left.
    let sent = stream.send_to(&id("ann"), "later").unwrap();
    assert!(!sent.is_connected && got(&mut old).is_empty());
    // As long as it lives the client is present.
    tokio::time::sleep(LINGER * 3).await;
    assert_eq!(stream.clients(), [id("ann")]);
    assert_eq!(got(&mut reader(&stream, "ann")), ["\"later\""]);
}

#[tokio::test]
async fn what_waits_is_bounded_for_each_client_and_for_all() {
    let mut limits = limits();
    (limits.clients, limits.direct_messages) = (3, 2);
    (limits.direct_bytes, limits.direct_bytes_in_all) = (100, 150);
    let (hub, stream) = stream(limits);
    let _readers = ["a", "b", "c"].map(|name| reader(&stream, name));
    let refused = stream.subscribe(Transport::Sse, Start::Live).client(&id("d")).unwrap_err();
    assert!(matches!(refused, SubscribeError::TooManyClients { max: 3 }));
    let full = |result: Result<Sent, SendError>| match result {
        Err(SendError::Full { bound, max, .. }) => (bound, max),
        other => panic!("{other:?}"),
    };
    // As a Hessian string and as a JSON string of 38 letters: 80 bytes.
    let long = "x".repeat(38);
    for _ in 0..2 {
        stream.send_to(&id("a"), &1).unwrap();
    }
    assert_eq!(full(stream.send_to(&id("a"), &1)), ("direct_messages", 2));
    stream.send_to(&id("b"), &long).unwrap();
    assert_eq!(full(stream.send_to(&id("b"), &long)), ("direct_bytes", 100));
    assert_eq!(full(stream.send_to(&id("c"), &long)), ("direct_bytes_in_all", 150));
    // What is longer than all that may wait is told so, and not that something waits.
    let error = stream.send_to(&id("c"), &"x".repeat(60)).unwrap_err();
    assert!(matches!(error, SendError::TooLong { bytes: 124, max: 100 }), "{error:?}");
    assert_eq!(
        error.to_string(),
        "a direct message of 124 bytes in both bodies is more than direct_bytes = 100"
    );
    assert_eq!(hub.stats().direct_bytes, 84);
    assert_eq!(stream.stats().dropped[push_server::hub::Overrun::DirectFull as usize], 3);
    hub.close_stream(stream.name());
    assert!(matches!(stream.send_to(&id("c"), &1), Err(SendError::Refused(PublishError::Ended))));
}

#[tokio::test(start_paused = true)]
async fn a_client_with_a_full_socket_gets_its_direct_messages_in_their_place() {
    let mut limits = limits();
    (limits.log_bytes, limits.lag_bytes) = (64 << 20, 64 << 20);
    let (_hub, stream) = stream(limits);
    let mut connection = connect(&stream, "ann").await;
    let big = "x".repeat(900_000);
    // More than every buffer between here and there holds.
    for _ in 0..16 {
        stream.publish(&big).await.unwrap();
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    stream.send_to(&id("ann"), "direct").unwrap();
    stream.publish(&17).await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(stream.stats().lag > 1, "the socket is full");
    for sequence in 1..=16 {
        let around = format!("id: ab:{sequence}\ndata: \"\"\n\n").len();
        assert_eq!(connection.until(b"\n\n").await.len(), around + big.len());
    }
    assert_eq!(connection.until(b"\n\n").await, b"data: \"direct\"\n\n");
    assert_eq!(connection.until(b"\n\n").await, b"id: ab:17\ndata: 17\n\n");
}

#[tokio::test(start_paused = true)]
async fn a_listener_that_is_behind_is_told() {
    let mut limits = limits();
    limits.presence_events = 4;
    let (_hub, stream) = stream(limits);
    let mut presence = stream.presence();
    let _readers: Vec<_> = (0..6).map(|n| reader(&stream, &n.to_string())).collect();
    assert_eq!(presence.next().await, Err(PresenceLost(2)));
    assert_eq!(presence.next().await, Ok(Some(PresenceEvent::Joined(id("2")))));
    assert_eq!(stream.presence().present().len(), 6);
}

/// The events told so far.
fn drain(presence: &mut Presence, present: &mut BTreeSet<ClientId>) {
    while let Some(event) = presence.try_next().unwrap() {
        match event {
            PresenceEvent::Joined(id) => assert!(present.insert(id), "joined twice"),
            PresenceEvent::Left(id) => assert!(present.remove(&id), "left without having joined"),
            other => panic!("{other:?}"),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Clients come and go at random; who listens knows at each moment who is there, and it is who should be.
    #[test]
    fn presence_is_exact_under_churn(steps in proptest::collection::vec((0..4u8, 0..3u64, 0..40u64), 1..60)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let (_hub, stream) = stream(limits());
            let mut presence = stream.presence();
            let mut told: BTreeSet<ClientId> = presence.present().iter().cloned().collect();
            // The model: connections, and when the last one ended.
            let mut connections: BTreeMap<u64, Vec<Reader>> = BTreeMap::new();
            let mut left: BTreeMap<u64, tokio::time::Instant> = BTreeMap::new();
            for (what, who, seconds) in steps {
                match what {
                    0 | 1 => {
                        connections.entry(who).or_default().push(reader(&stream, &who.to_string()));
                    }
                    2 => {
                        let of = connections.entry(who).or_default();
                        if of.pop().is_some() && of.is_empty() {
                            left.insert(who, tokio::time::Instant::now());
                        }
                    }
                    _ => tokio::time::sleep(Duration::from_secs(seconds)).await,
                }
                // The wheel is a tenth of a second coarse, and may be at work.
                tokio::time::sleep(Duration::from_millis(201)).await;
                let now = tokio::time::Instant::now();
                let expected: BTreeSet<ClientId> = (0..3)
                    .filter(|who| {
                        connections.get(who).is_some_and(|of| !of.is_empty())
                            || left.get(who).is_some_and(|at| *at + LINGER > now)
                    })
                    .map(|who| id(&who.to_string()))
                    .collect();
                drain(&mut presence, &mut told);
                let near = left.values().any(|at| {
                    let gone = *at + LINGER;
                    gone <= now && gone + Duration::from_millis(201) > now
                });
                if !near {
                    assert_eq!(told, expected);
                    assert_eq!(stream.clients().into_iter().collect::<BTreeSet<_>>(), expected);
                }
            }
        });
    }
}

/// Whichever way it ends: those who are present have left, who listens is told so, and waits for nothing more.
#[tokio::test(start_paused = true)]
async fn presence_ends_with_the_stream() {
    for is_closed in [true, false] {
        let (hub, stream) = stream(limits());
        let mut presence = stream.presence();
        let client = connect(&stream, "ann").await;
        let waits = reader(&stream, "bob");
        for name in ["ann", "bob"] {
            assert_eq!(presence.next().await, Ok(Some(PresenceEvent::Joined(id(name)))));
        }
        stream.send_to(&id("ann"), "due").unwrap();
        let begin = tokio::time::Instant::now();
        if is_closed {
            hub.close_stream(stream.name());
        } else {
            hub.end().await;
        }
        let mut left = BTreeSet::new();
        while let Some(event) = presence.next().await.unwrap() {
            let PresenceEvent::Left(who) = event else { panic!("{event:?}") };
            assert!(left.insert(who.to_string()));
        }
        assert_eq!(left.into_iter().collect::<Vec<_>>(), ["ann", "bob"]);
        assert!(begin.elapsed() < Duration::from_secs(1), "{:?}", begin.elapsed());
        assert_eq!((stream.clients(), stream.client_count()), (vec![], 0));
        // Who was connected has got what was due all the same.
        assert!(client.rest_text().await.starts_with("data: \"due\"\n\n"));
        // Who goes now, or listens now, changes nothing.
        drop(waits);
        let mut late = stream.presence();
        assert!(late.present().is_empty());
        assert_eq!(late.next().await, Ok(None));
        // In a hub that has ended, a stream that is opened has ended, too.
        if !is_closed {
            let opened = hub.open(&"later".parse().unwrap()).unwrap();
            assert_eq!(opened.presence().next().await, Ok(None));
        }
    }
}

/// A stream that is closed has no clients, but what waited for them counts until they would have gone.
#[tokio::test(start_paused = true)]
async fn what_waits_in_a_closed_stream_is_given_back() {
    let (hub, stream) = stream(limits());
    drop(reader(&stream, "ann"));
    stream.send_to(&id("ann"), "waits").unwrap();
    assert!(hub.close_stream(stream.name()));
    assert_eq!((stream.client_count(), hub.stats().direct_bytes > 0), (0, true));
    tokio::time::sleep(LINGER + Duration::from_secs(1)).await;
    assert_eq!(hub.stats().direct_bytes, 0);
    assert_eq!(stream.stats().dropped[push_server::hub::Overrun::DirectLapsed as usize], 1);
}
