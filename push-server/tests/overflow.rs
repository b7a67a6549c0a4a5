//! What a connection gets that reads too slowly, for each policy; and what grows old.

mod support;

use std::time::Duration;

use push_server::hub::{Overrun, StreamStats};
use push_server::lifecycle::Close;
use push_server::{
    Framing, Hub, Limits, Overflow, ReadError, Resume, Start, Stream, StreamConfig, Transport,
};
use support::{Client, EPOCH, attach};
use tokio::time::{Instant, sleep};

const HOUR: Duration = Duration::from_secs(3_600);
const SECOND: Duration = Duration::from_secs(1);
/// More than every buffer between two sockets holds.
const BUFFERS: usize = 32 << 20;

fn config() -> StreamConfig {
    StreamConfig::new(&Limits::default()).history(1_000, 1 << 30, HOUR).lag(1_000, 1 << 30, HOUR)
}

fn open(config: &StreamConfig) -> (Hub, Stream) {
    let mut limits = Limits::default();
    limits.stall = HOUR;
    let hub = Hub::start(EPOCH, limits, 1);
    let stream = hub.open_with(&"s".parse().unwrap(), config).unwrap();
    (hub, stream)
}

/// A connection that is up to date, whose socket is full, and that is in the middle of its first message.
async fn stalled(stream: &Stream, transport: Transport) -> (Client, String) {
    let mut client = attach(stream, transport, Start::Live, false, "HEAD").await;
    client.until(b"HEAD").await;
    // As pieces of a megabyte, the most a message may have.
    let filling = "x".repeat(1 << 19);
    for _ in 0..BUFFERS >> 19 {
        stream.publish(&filling).await.unwrap();
        sleep(Duration::from_millis(1)).await;
    }
    assert!(stream.stats().lag > 0 || stream.stats().dropped.iter().sum::<u64>() > 0);
    (client, filling)
}

/// Ids of the events with the filling, the gaps told, and the other events, until `last`.
async fn read(client: &mut Client, filling: &str, last: &str) -> (Vec<u64>, Vec<(u64, u64)>, Vec<String>) {
    let (mut whole, mut gaps, mut others) = (Vec::new(), Vec::new(), Vec::new());
    loop {
        let event = String::from_utf8(client.until(b"\n\n").await).unwrap();
        let id = event.lines().next().and_then(|line| line.strip_prefix("id: ab:")).unwrap().parse().unwrap();
        if let Some((_, data)) = event.split_once("event: gap\ndata: ") {
            let (from, to) = data.trim().split_once('-').unwrap();
            let gap: (u64, u64) = (from.parse().unwrap(), to.parse().unwrap());
            assert_eq!(gap.1, id);
            gaps.push(gap);
        } else if event.contains(filling) {
            assert_eq!(event, format!("id: ab:{id}\ndata: \"{filling}\"\n\n"), "a frame was cut short");
            whole.push(id);
        } else {
            others.push(event.clone());
        }
        if event.contains(last) {
            return (whole, gaps, others);
        }
    }
}

/// Every message is got or told as skipped, once and in order.
fn covers(whole: &[u64], gaps: &[(u64, u64)], upto: u64) {
    let mut seen: Vec<u64> = whole.to_vec();
    seen.extend(gaps.iter().flat_map(|&(from, to)| from..=to));
    seen.sort_unstable();
    assert_eq!(seen, (1..=upto).collect::<Vec<_>>());
}

fn dropped(stats: &StreamStats, why: Overrun) -> u64 {
    stats.dropped[why as usize]
}

#[tokio::test(start_paused = true)]
async fn drop_oldest_goes_on_within_the_bounds_and_tells_what_it_skipped() {
    let (_hub, stream) = open(&config().lag(3, 1 << 30, HOUR).overflow(Overflow::DropOldest));
    let (mut client, filling) = stalled(&stream, Transport::Sse).await;
    let sent = stream.position().sequence;
    let stats = stream.stats();
    assert_eq!(stats.readers, 1);
    let (whole, gaps, _) = read(&mut client, &filling, &format!("id: ab:{sent}\n")).await;
    covers(&whole, &gaps, sent);
    let told: u64 = gaps.iter().map(|(from, to)| to - from + 1).sum();
    assert_eq!((gaps.len(), dropped(&stats, Overrun::Messages)), (1, told), "one gap, counted");
    assert_eq!(whole[whole.len() - 3..], [sent - 2, sent - 1, sent], "as much as the bound allows");
    // It goes on as if nothing had been.
    stream.publish(&7).await.unwrap();
    assert_eq!(client.until(b"\n\n").await, format!("id: ab:{}\ndata: 7\n\n", sent + 1).as_bytes());
}

#[tokio::test(start_paused = true)]
async fn drop_oldest_counts_bytes_and_age_too() {
    let (_hub, stream) = open(&config().lag(1_000, 4 << 20, HOUR).overflow(Overflow::DropOldest));
    let (mut client, filling) = stalled(&stream, Transport::Sse).await;
    let sent = stream.position().sequence;
    assert!(dropped(&stream.stats(), Overrun::Bytes) > 0);
    let (whole, gaps, _) = read(&mut client, &filling, &format!("id: ab:{sent}\n")).await;
    covers(&whole, &gaps, sent);

    let (_hub, stream) = open(&config().lag(1_000, 1 << 30, SECOND * 20).overflow(Overflow::DropOldest));
    let (mut client, filling) = stalled(&stream, Transport::Sse).await;
    let sent = stream.position().sequence;
    assert_eq!(stream.stats().dropped, [0; Overrun::COUNT]);
    // Nothing new comes; the connection's timer finds it out. The newest is never overdue.
    sleep(SECOND * 40).await;
    assert!(dropped(&stream.stats(), Overrun::Age) > 0);
    let (whole, gaps, _) = read(&mut client, &filling, &format!("id: ab:{sent}\n")).await;
    covers(&whole, &gaps, sent);
}

#[tokio::test(start_paused = true)]
async fn latest_skips_to_the_newest() {
    let (_hub, stream) = open(&config().overflow(Overflow::Latest));
    let (mut client, filling) = stalled(&stream, Transport::Sse).await;
    let sent = stream.position().sequence;
    let (whole, gaps, _) = read(&mut client, &filling, &format!("id: ab:{sent}\n")).await;
    covers(&whole, &gaps, sent);
    let told: u64 = gaps.iter().map(|(from, to)| to - from + 1).sum();
    assert_eq!((gaps.len(), dropped(&stream.stats(), Overrun::Conflated)), (1, told));
    assert_eq!(whole[whole.len() - 2] + 1, gaps[0].0, "only the newest follows the gap");
}

#[tokio::test(start_paused = true)]
async fn script_tags_tell_a_gap_and_hessian_packets_stay_whole() {
    let (_hub, stream) = open(&config().lag(3, 1 << 30, HOUR).overflow(Overflow::DropOldest));
    let subscription = stream.subscribe(Transport::Script, Start::Live);
    assert!(!subscription.counts_positions());
    let (mut script, filling) = stalled(&stream, Transport::Script).await;
    let mut gaps = 0;
    loop {
        let tag = String::from_utf8(script.until(b"</script>\n").await).unwrap();
        assert!(tag.contains(&filling) || tag.contains("comet_call(\"comet_gap\", "));
        gaps += usize::from(tag.contains("comet_gap"));
        if tag.contains(&format!("\"ab:{}\"", stream.position().sequence)) {
            break;
        }
    }
    assert_eq!(gaps, 1);

    let (_hub, stream) = open(&config().lag(3, 1 << 30, HOUR).overflow(Overflow::DropOldest));
    let ws = Transport::hessian(Framing::Ws);
    let (mut client, filling) = stalled(&stream, ws).await;
    stream.publish(&7).await.unwrap();
    let mut decoder =
        hessian::StreamDecoder::<hessian::grammar::Final>::new(Some(Framing::Ws), hessian::Limits::new());
    let mut whole = 0;
    'read: loop {
        decoder.push(&client.take(1).await);
        let more = std::mem::take(&mut client.received);
        decoder.push(&more);
        while let Some(packet) = decoder.next_packet().unwrap() {
            // It waited for long before it read: its socket may hold a heartbeat.
            let hessian::packet::Packet::Data(packet) = packet else { continue };
            match hessian::from_slice::<hessian::Graph<'static>>(&packet).unwrap().root() {
                root if root.as_i32() == Some(7) => break 'read,
                root => assert_eq!(root.as_str(), Some(filling.as_str())),
            }
            whole += 1;
        }
    }
    let skipped = dropped(&stream.stats(), Overrun::Messages);
    assert_eq!(whole + skipped + 1, stream.position().sequence);
}

#[tokio::test(start_paused = true)]
async fn disconnect_counts_the_bound_and_the_client_is_told_when_it_comes_back() {
    let (hub, stream) = open(&config().history(8, 1 << 30, HOUR).lag(4, 1 << 30, HOUR));
    let mut client = attach(&stream, Transport::Sse, Start::Live, false, "HEAD").await;
    client.until(b"HEAD").await;
    let filling = "x".repeat(1 << 19);
    while stream.readers() > 0 {
        stream.publish(&filling).await.unwrap();
        tokio::task::yield_now().await;
    }
    assert_eq!(hub.stats().closed[Close::Slow as usize], 1);
    let stats = stream.stats();
    assert_eq!((stats.overruns[Overrun::Messages as usize], stats.dropped), (1, [0; Overrun::COUNT]));
    let last = push_server::Position { epoch: EPOCH, sequence: 1 };
    let back = stream.subscribe(Transport::Sse, Start::After(last));
    let lost = stream.position().sequence - 8;
    assert_eq!(back.resume(), Resume::Gap { from: 2, to: lost });
}

#[tokio::test(start_paused = true)]
async fn disconnect_counts_age_though_nothing_new_comes() {
    let (hub, stream) = open(&config().lag(1_000, 1 << 30, SECOND * 20));
    let _client = stalled(&stream, Transport::Sse).await;
    assert_eq!((stream.readers(), stream.stats().overruns), (1, [0; Overrun::COUNT]));
    sleep(SECOND * 40).await;
    assert_eq!((stream.readers(), hub.stats().closed[Close::Slow as usize]), (0, 1));
    let stats = stream.stats();
    assert_eq!((stats.overruns[Overrun::Age as usize], stats.dropped), (1, [0; Overrun::COUNT]));
}

/// Where the lag that is allowed is more than the log holds, the log is the bound, and is counted as such.
#[tokio::test(start_paused = true)]
async fn connections_that_are_behind_the_log_are_counted_so() {
    let short = config().history(4, 1 << 30, HOUR);
    let (_hub, stream) = open(&short.clone().overflow(Overflow::DropOldest));
    let (mut client, filling) = stalled(&stream, Transport::Sse).await;
    let sent = stream.position().sequence;
    let (whole, gaps, _) = read(&mut client, &filling, &format!("id: ab:{sent}\n")).await;
    covers(&whole, &gaps, sent);
    let told: u64 = gaps.iter().map(|(from, to)| to - from + 1).sum();
    assert_eq!((gaps.len(), dropped(&stream.stats(), Overrun::Log)), (1, told));
    assert_eq!(whole[whole.len() - 4..], [sent - 3, sent - 2, sent - 1, sent], "all that is held");

    let (hub, stream) = open(&short);
    let mut client = attach(&stream, Transport::Sse, Start::Live, false, "HEAD").await;
    client.until(b"HEAD").await;
    while stream.readers() > 0 {
        stream.publish(&filling).await.unwrap();
        tokio::task::yield_now().await;
    }
    assert_eq!(hub.stats().closed[Close::Slow as usize], 1);
    let stats = stream.stats();
    assert_eq!((stats.overruns[Overrun::Log as usize], stats.dropped), (1, [0; Overrun::COUNT]));
}

#[tokio::test(start_paused = true)]
async fn readers_that_are_behind_the_log_are_counted_so() {
    for overflow in [Overflow::Disconnect, Overflow::DropOldest, Overflow::Latest] {
        let (_hub, stream) = open(&config().history(4, 1 << 30, HOUR).overflow(overflow));
        stream.publish(&1).await.unwrap();
        let mut reader = stream.subscribe(Transport::Sse, Start::Latest(1)).into_reader();
        for number in 2..=9 {
            stream.publish(&number).await.unwrap();
        }
        let batch = reader.try_batch(100, 1 << 20);
        let stats = stream.stats();
        let log = (stats.overruns[Overrun::Log as usize], dropped(&stats, Overrun::Log));
        let skipped = match overflow {
            Overflow::Disconnect => {
                let place = push_server::Position { epoch: EPOCH, sequence: 0 };
                assert!(matches!(batch, Err(ReadError::Slow { position }) if position == place));
                assert_eq!(log, (1, 0));
                continue;
            }
            Overflow::Latest => 8,
            _ => 5,
        };
        let batch = batch.unwrap().expect("there is news");
        assert_eq!((batch.gap, log), (Some(1..=skipped), (1, skipped)), "{overflow:?}");
        let got: Vec<_> = batch.messages.iter().map(|message| message.position().unwrap().sequence).collect();
        assert_eq!(got, (skipped + 1..=9).collect::<Vec<_>>(), "{overflow:?}");
    }
}

/// Nothing old is replayed, and its memory is given back though nothing new comes.
#[tokio::test(start_paused = true)]
async fn messages_lapse() {
    let (_hub, stream) = open(&config().history(100, 1 << 20, SECOND * 60));
    let begin = Instant::now();
    stream.publish(&1).await.unwrap();
    sleep(SECOND * 30).await;
    stream.publish(&2).await.unwrap();
    assert_eq!(stream.latest().unwrap().json(), "2");
    assert_eq!(stream.subscribe(Transport::Sse, Start::Latest(9)).position().sequence, 0);
    tokio::time::sleep_until(begin + SECOND * 60).await;
    // Exact for readers, at the next tick for memory.
    let late = stream.subscribe(Transport::Sse, Start::Latest(9));
    assert_eq!(late.position().sequence, 1);
    let first = push_server::Position { epoch: EPOCH, sequence: 0 };
    let back = stream.subscribe(Transport::Sse, Start::After(first));
    assert_eq!(back.resume(), Resume::Gap { from: 1, to: 1 });
    sleep(Duration::from_millis(200)).await;
    assert_eq!(stream.stats().held.0, 1);
    sleep(SECOND * 31).await;
    assert_eq!((stream.stats().held, stream.latest().is_none()), ((0, 0), true));
    // The count goes on.
    assert_eq!(stream.publish(&3).await.unwrap().position.sequence, 3);
    sleep(SECOND * 61).await;
    assert_eq!(stream.stats().held, (0, 0));
}

#[tokio::test(start_paused = true)]
async fn the_rate_is_that_of_the_last_ten_seconds() {
    let (_hub, stream) = open(&config());
    for _ in 0..200 {
        stream.publish(&1).await.unwrap();
        sleep(Duration::from_millis(100)).await;
    }
    let rate = stream.stats().rate;
    assert!((9.5..=10.5).contains(&rate), "{rate}");
    sleep(SECOND * 11).await;
    assert_eq!(stream.stats().rate.to_bits(), 0f64.to_bits());
}
