//! Connections that end after a set time, streams that are closed: no message lost, none twice.

mod support;

use std::time::Duration;

use push_server::lifecycle::Close;
use push_server::{
    Framing, Hub, Limits, Position, PublishError, Resume, Start, StreamConfig, Transport, demo,
};
use support::{EPOCH, attach, join, wait_for};
use tokio::time::{Instant, sleep};

#[tokio::test(start_paused = true)]
async fn a_rotation_ends_a_connection_where_the_next_one_begins() {
    for (transport, seconds) in [(Transport::Sse, 30), (Transport::Script, 30), (Transport::Sse, 90)] {
        let hub = Hub::start(EPOCH, Limits::default(), 1);
        let stream = demo::open(&hub).unwrap();
        let time = Duration::from_secs(seconds);
        let begin = Instant::now();
        let client = join(stream.subscribe(transport, Start::Live).rotate_after(time), false, "HEAD").await;
        let publisher = tokio::spawn({
            let stream = stream.clone();
            async move {
                for number in 1..=1_000 {
                    stream.publish(&number).await.unwrap();
                    sleep(Duration::from_millis(127)).await;
                }
            }
        });
        wait_for(|| stream.readers() == 1).await;
        while stream.readers() == 1 {
            sleep(Duration::from_millis(10)).await;
        }
        let took = begin.elapsed();
        assert!(took >= time && took < time + Duration::from_millis(250), "{took:?}");
        let text = client.rest_text().await;
        let told: Position = match transport {
            Transport::Sse => {
                let (before, told) = text.rsplit_once("event: rotate\ndata: ").unwrap();
                let heard = before.matches("data: ").count();
                assert!(before.ends_with("\n\n"));
                assert!(before.contains(&format!("id: ab:{heard}\ndata: {heard}\n\n")));
                told.trim_end().parse().unwrap()
            }
            _ => {
                let (_, told) = text.rsplit_once("comet_call(\"comet_end\", \"rotate\", \"").unwrap();
                told.split_once('"').unwrap().0.parse().unwrap()
            }
        };
        let next = stream.subscribe(transport, Start::After(told));
        assert_eq!((next.resume(), next.position()), (Resume::Complete, told));
        let stats = hub.stats();
        assert_eq!((stats.rotated, stats.closed[Close::Complete as usize]), (1, 1));
        publisher.abort();
    }
}

/// What is sent to one client comes once and in its place among the broadcasts, also when it is sent between two of the
/// client's connections: in good order nothing is lost.
#[tokio::test(start_paused = true)]
async fn direct_messages_outlast_rotations() {
    const LAST: u64 = 100;
    let hub = Hub::start(EPOCH, Limits::default(), 1);
    let stream = demo::open(&hub).unwrap();
    let ann = "ann".parse().unwrap();
    let (mut start, mut got, mut connections) = (Start::Live, Vec::new(), 0);
    let mut publisher = None;
    while got.last() != Some(&LAST) {
        connections += 1;
        let subscription = stream.subscribe(Transport::Sse, start).client(&ann).unwrap();
        publisher.get_or_insert_with(|| {
            let (stream, ann) = (stream.clone(), ann.clone());
            tokio::spawn(async move {
                for number in 1..=LAST {
                    match number % 3 {
                        0 => drop(stream.publish(&number).await.unwrap()),
                        _ => drop(stream.send_to(&ann, &number).unwrap()),
                    }
                    sleep(Duration::from_millis(97)).await;
                }
            })
        });
        let client = join(subscription.rotate_after(Duration::from_secs(2)), false, "").await;
        let text = client.rest_text().await;
        let (events, told) = text.rsplit_once("event: rotate\ndata: ").unwrap();
        let data = events.lines().filter_map(|line| line.strip_prefix("data: "));
        got.extend(data.map(|number| number.parse::<u64>().unwrap()));
        start = Start::After(told.trim_end().parse().unwrap());
        // Away for longer than it takes to come back.
        sleep(Duration::from_millis(500)).await;
    }
    assert_eq!(got, (1..=LAST).collect::<Vec<_>>());
    assert!(connections >= 4, "{connections}");
    publisher.unwrap().await.unwrap();
}

/// The farewell is the end, also when more is published while it waits for a full socket.
#[tokio::test(start_paused = true)]
async fn nothing_follows_a_farewell() {
    let hub = Hub::start(EPOCH, Limits::default(), 1);
    let stream = demo::open(&hub).unwrap();
    let head = "x".repeat(32 << 20);
    let rotate = stream.subscribe(Transport::Sse, Start::Live).rotate_after(Duration::from_secs(5));
    let client = join(rotate, true, &head).await;
    wait_for(|| stream.readers() == 1).await;
    stream.publish("before").await.unwrap();
    sleep(Duration::from_secs(6)).await;
    let reads = tokio::spawn(client.rest());
    while stream.readers() == 1 {
        stream.publish("while").await.unwrap();
        tokio::task::yield_now().await;
    }
    let text = reads.await.unwrap();
    let text = String::from_utf8_lossy(&text[head.len()..]).into_owned();
    assert!(text.contains("\"before\"") && text.ends_with("\n\n\r\n0\r\n\r\n"), "{text}");
    let (before, told) = text.rsplit_once("event: rotate\ndata: ab:").unwrap();
    let last = before.rsplit_once("id: ab:").unwrap().1.split_once('\n').unwrap().0;
    assert_eq!(told.split_once('\n').unwrap().0, last);
}

#[tokio::test]
async fn a_closed_stream_tells_its_readers_and_a_namesake_is_another_epoch() {
    let hub = Hub::start(EPOCH, Limits::default(), 2);
    let stream = demo::open(&hub).unwrap();
    let other = hub.open(&"other".parse().unwrap()).unwrap();
    let mut clients = Vec::new();
    for transport in [Transport::Sse, Transport::hessian(Framing::Ws)] {
        clients.push(attach(&stream, transport, Start::Live, false, "").await);
    }
    let mut stays = attach(&other, Transport::Sse, Start::Live, false, "").await;
    wait_for(|| stream.readers() == 2 && other.readers() == 1).await;
    stream.publish("last").await.unwrap();
    let waits = stream.subscribe(Transport::Sse, Start::Live);
    assert!(hub.close_stream(stream.name()) && !hub.close_stream(stream.name()));
    assert!(matches!(stream.publish("too late").await, Err(PublishError::Ended)));
    assert_eq!(
        clients.remove(0).rest_text().await,
        "id: ab:1\ndata: \"last\"\n\nevent: end\ndata: complete\n\n"
    );
    assert_eq!(clients.remove(0).rest().await, b"\x05\x05\x04last");
    // Who was about to connect is told as well.
    assert_eq!(join(waits, false, "").await.rest_text().await, "event: end\ndata: complete\n\n");
    other.publish("here").await.unwrap();
    assert_eq!(stays.until(b"\n\n").await, b"id: ab:1\ndata: \"here\"\n\n");
    assert_eq!(hub.stats().streams, 1);

    let namesake = demo::open(&hub).unwrap();
    assert_ne!(namesake.position().epoch, EPOCH);
    let back = namesake.subscribe(Transport::Sse, Start::After(Position { epoch: EPOCH, sequence: 1 }));
    assert_eq!(back.resume(), Resume::EpochChanged);
    hub.close_stream(namesake.name());
    assert_ne!(demo::open(&hub).unwrap().position().epoch, namesake.position().epoch);
}

/// "Never", as a duration says it, ends no shard and no publication.
#[tokio::test]
async fn the_longest_times_are_times() {
    let mut limits = Limits::default();
    limits.heartbeat = Duration::MAX;
    let hub = Hub::start(EPOCH, limits.clone(), 1);
    let config = StreamConfig::new(&limits)
        .history(10, 1 << 20, Duration::MAX)
        .lag(10, 1 << 20, Duration::MAX)
        .client_linger(Duration::MAX);
    let stream = hub.open_with(&"s".parse().unwrap(), &config).unwrap();
    let subscription = stream.subscribe(Transport::Sse, Start::Live).client(&"ann".parse().unwrap()).unwrap();
    let mut client = join(subscription.rotate_after(Duration::MAX), false, "HEAD").await;
    client.until(b"HEAD").await;
    for n in 0..20 {
        stream.publish(&n).await.unwrap();
    }
    client.until(b"data: 19\n\n").await;
    hub.end().await;
}
