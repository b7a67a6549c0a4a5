//! Readers in the process: what they get, when they wake, and how they end.

mod support;

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use push_server::hub::{Batch, Reader};
use push_server::{Framing, Hub, Limits, Overflow, ReadError, Start, Stream, StreamConfig, Transport};
use support::EPOCH;

const MANY: usize = usize::MAX;
const HOUR: Duration = Duration::from_secs(3_600);

fn hub() -> Hub {
    Hub::start(EPOCH, Limits::default(), 1)
}

fn open(hub: &Hub, config: &StreamConfig) -> Stream {
    hub.open_with(&"s".parse().unwrap(), config).unwrap()
}

fn config() -> StreamConfig {
    StreamConfig::new(&Limits::default())
}

fn reader(stream: &Stream, start: Start) -> Reader {
    stream.subscribe(Transport::Sse, start).into_reader()
}

fn values(batch: &Batch) -> Vec<String> {
    batch.messages.iter().map(|m| String::from_utf8(m.json().to_vec()).unwrap()).collect()
}

async fn publish(stream: &Stream, numbers: std::ops::RangeInclusive<u64>) {
    for number in numbers {
        stream.publish(&number).await.unwrap();
    }
}

/// Counts how often it is woken.
#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[tokio::test]
async fn a_batch_is_bounded_and_what_is_left_comes_next() {
    let stream = open(&hub(), &config());
    let mut reader = reader(&stream, Start::Live);
    assert!(matches!(reader.try_batch(MANY, MANY), Ok(None)));
    publish(&stream, 1..=9).await;
    let batch = reader.next_batch(4, MANY).await.unwrap();
    assert_eq!((values(&batch), batch.gap), (vec!["1".into(), "2".into(), "3".into(), "4".into()], None));
    assert_eq!(batch.position.to_string(), "ab:4");
    // One message at least, however few bytes are asked for.
    assert_eq!(values(&reader.next_batch(MANY, 1).await.unwrap()), ["5"]);
    assert_eq!(values(&reader.next_batch(MANY, 2).await.unwrap()), ["6", "7"]);
    let rest = reader.try_batch(MANY, MANY).unwrap().unwrap();
    assert_eq!(values(&rest), ["8", "9"]);
    assert!(rest.messages.iter().all(|m| !m.is_direct() && m.position().is_some()));
    assert!(matches!(reader.try_batch(MANY, MANY), Ok(None)));
}

#[tokio::test]
async fn a_reader_replays_and_goes_on_live_without_a_hole() {
    let stream = open(&hub(), &config());
    publish(&stream, 1..=3).await;
    let mut reader = reader(&stream, Start::Latest(2));
    publish(&stream, 4..=4).await;
    assert_eq!(values(&reader.next_batch(MANY, MANY).await.unwrap()), ["2", "3", "4"]);
    assert_eq!(stream.readers(), 1);
    drop(reader);
    assert_eq!(stream.readers(), 0);
}

/// No polling: a waiting reader is woken by news and by nothing else, once for many messages.
#[tokio::test(start_paused = true)]
async fn a_reader_wakes_for_news_only() {
    let stream = open(&hub(), &config());
    let mut reader = reader(&stream, Start::Live);
    let count = Arc::new(Count::default());
    let waker = Waker::from(count.clone());
    let mut cx = Context::from_waker(&waker);
    {
        let mut waits = pin!(reader.next_batch(MANY, MANY));
        assert!(waits.as_mut().poll(&mut cx).is_pending());
        tokio::time::sleep(HOUR).await;
        assert_eq!(count.0.load(Ordering::SeqCst), 0);
        publish(&stream, 1..=100).await;
        tokio::time::sleep(Duration::from_millis(1)).await;
        assert_eq!(count.0.load(Ordering::SeqCst), 1);
        // Cancelled here, with the news in sight.
    }
    let mut waits = pin!(reader.next_batch(MANY, MANY));
    let Poll::Ready(Ok(batch)) = waits.as_mut().poll(&mut cx) else { panic!("the news is there") };
    assert_eq!(batch.messages.len(), 100);
}

#[tokio::test]
async fn what_a_slow_reader_gets_is_the_policy_of_its_stream() {
    for (overflow, expected) in [
        (Overflow::Disconnect, None),
        (Overflow::DropOldest, Some((1..=6, vec!["7", "8", "9", "10"]))),
        (Overflow::Latest, Some((1..=9, vec!["10"]))),
    ] {
        let hub = hub();
        let stream = open(&hub, &config().lag(4, 1 << 20, HOUR).overflow(overflow));
        let mut reader = reader(&stream, Start::Live);
        assert!(matches!(reader.try_batch(3, MANY), Ok(None)));
        publish(&stream, 1..=10).await;
        let got = reader.try_batch(4, MANY);
        match expected {
            None => {
                assert_eq!(got.unwrap_err().to_string().split(':').next(), Some("too slow"));
                assert_eq!(stream.stats().overruns.iter().sum::<u64>(), 1);
            }
            Some((gap, messages)) => {
                let batch = got.unwrap().unwrap();
                let dropped = gap.clone().count() as u64;
                assert_eq!(
                    (batch.gap.clone(), values(&batch)),
                    (Some(gap), messages.iter().map(ToString::to_string).collect())
                );
                assert_eq!(stream.stats().dropped.iter().sum::<u64>(), dropped);
            }
        }
    }
}

#[tokio::test]
async fn a_reader_ends_after_everything_that_was_published() {
    for close in [false, true] {
        let hub = hub();
        let stream = open(&hub, &config());
        let mut reader = reader(&stream, Start::Live);
        publish(&stream, 1..=2).await;
        let waits = tokio::spawn(async move {
            let first = values(&reader.next_batch(MANY, MANY).await.unwrap());
            (first, reader.next_batch(MANY, MANY).await.map(|_| ()))
        });
        tokio::task::yield_now().await;
        match close {
            true => assert!(hub.close_stream(stream.name())),
            false => hub.end().await,
        }
        let (first, then) = waits.await.unwrap();
        assert_eq!((first, then), (vec!["1".to_owned(), "2".to_owned()], Err(ReadError::Ended)));
    }
}

#[tokio::test]
async fn a_reader_renders_as_a_connection_would() {
    #[derive(serde::Serialize)]
    #[serde(rename = "a.B")]
    struct B {
        n: u8,
    }
    let stream = open(&hub(), &config());
    let transport = Transport::hessian(Framing::Varint);
    let mut reader = stream.subscribe(transport, Start::Live).into_reader();
    let mut bare = reader_of(&stream);
    for n in [1, 2] {
        stream.publish(&B { n }).await.unwrap();
    }
    let batch = reader.next_batch(MANY, MANY).await.unwrap();
    let packets: Vec<_> = batch.messages.iter().map(|m| reader.render(m)).collect();
    // The definition once, in front of the first.
    assert_eq!(packets, [&b"\x0a\x43\x03a.B\x91\x01n\x60\x91\x00"[..], b"\x02\x60\x92\x00"]);
    let batch = bare.next_batch(MANY, MANY).await.unwrap();
    let grammar = push_server::Grammar::Draft;
    let values: Vec<_> = batch.messages.iter().map(|m| bare.hessian_value(m, grammar)).collect();
    assert_eq!(values, [&b"O\x03a.B\x91\x01no\x90\x91"[..], b"o\x90\x92"]);
}

fn reader_of(stream: &Stream) -> Reader {
    reader(stream, Start::Live)
}
