//! Streams that clients have opened and nobody uses any more: the first whose places others get.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use super::channel::Channel;

/// Such streams, the one that has been here longest first.
///
/// A stream enters when it may have become unused: when it is opened, when its last reader or client leaves, when its
/// log has grown empty. So whoever needs a place finds one without a look at every stream; that a stream is used again
/// shows when its turn comes.
#[derive(Debug, Default)]
pub(crate) struct Unused {
    line: Mutex<Line>,
}

#[derive(Debug, Default)]
struct Line {
    /// The number of the stream that came last.
    last: u64,
    waiting: BTreeMap<u64, Weak<Channel>>,
}

impl Unused {
    fn lock(&self) -> MutexGuard<'_, Line> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The stream goes to the end of the line, unless it stands in it or is closed.
    pub(crate) fn enter(&self, channel: &Arc<Channel>) {
        let mut line = self.lock();
        if channel.ticket.load(Ordering::Relaxed) == 0 && !channel.is_closed() {
            line.last += 1;
            let ticket = line.last;
            channel.ticket.store(ticket, Ordering::Relaxed);
            line.waiting.insert(ticket, Arc::downgrade(channel));
        }
    }

    /// The stream has been closed: it waits for nothing, and does not come again.
    pub(crate) fn leave(&self, channel: &Channel) {
        let mut line = self.lock();
        line.waiting.remove(&channel.ticket.swap(0, Ordering::Relaxed));
    }

    /// Takes the first out of the line.
    pub(crate) fn next(&self) -> Option<Arc<Channel>> {
        let mut line = self.lock();
        while let Some((_, channel)) = line.waiting.pop_first() {
            if let Some(channel) = channel.upgrade() {
                channel.ticket.store(0, Ordering::Relaxed);
                return Some(channel);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use crate::hub::Hub;
    use crate::{Epoch, Limits, OpenError, Start, Transport};

    #[tokio::test]
    async fn a_place_is_found_without_a_look_at_those_that_are_used() {
        let limits = Limits { streams: 3, ..Limits::default() };
        let hub = Hub::start(Epoch::new(1), limits, 1);
        let open = |name: &str| hub.open_for_client(&name.parse().unwrap());
        let waiting = || hub.shared.unused.lock().waiting.len();
        for name in ["a", "b"] {
            open(name).unwrap().publish(&1).await.unwrap();
        }
        let held = open("c").unwrap();
        // The two that are used are looked at once. The one that is held may be free the next time.
        assert!(matches!(open("d"), Err(OpenError::TooMany { max: 3, .. })));
        assert_eq!(waiting(), 1);
        drop(held);
        let position = open("d").unwrap().position();
        assert!(position.epoch != Epoch::new(1), "no namesake's history goes on");
        assert!(hub.get("c").is_none() && hub.get("a").is_some());
        // An application's own are never taken, and who is closed does not wait.
        assert!(hub.close_stream(&"d".parse().unwrap()) && waiting() == 0);
        drop(hub.open(&"own".parse().unwrap()).unwrap());
        assert!(open("e").is_err() && waiting() == 0);
    }

    #[tokio::test]
    async fn who_leaves_a_stream_that_is_closed_takes_nobody_s_place() {
        let limits = Limits { streams: 1, ..Limits::default() };
        let hub = Hub::start(Epoch::new(1), limits, 1);
        let open = |name: &str| hub.open_for_client(&name.parse().unwrap());
        let waiting = || hub.shared.unused.lock().waiting.len();
        let old = open("a").unwrap();
        let reader = old.subscribe(Transport::Xhr, Start::Live).into_reader();
        assert!(hub.close_stream(old.name()));
        let namesake = open("a").unwrap();
        namesake.publish(&1).await.unwrap();
        drop(namesake);
        drop(reader);
        assert_eq!(waiting(), 1, "the namesake, since it was opened");
        hub.shared.unused.enter(&old.channel);
        assert_eq!(waiting(), 1);
        assert!(open("b").is_err());
        assert_eq!(hub.get("a").unwrap().stats().published, 1);
    }

    /// Whatever is answered as published stands in the log of the stream that has the name.
    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn no_stream_loses_its_place_with_something_in_it() {
        let limits = Limits { streams: 64, ..Limits::default() };
        let hub = Hub::start(Epoch::new(1), limits, 2);
        let task = |number: usize| {
            let hub = hub.clone();
            async move {
                let name = format!("s{}", number % 200).parse().unwrap();
                let Ok(stream) = hub.open_for_client(&name) else { return None };
                tokio::task::yield_now().await;
                match number % 3 {
                    0 => {
                        let position = stream.publish(&number).await.unwrap().position;
                        drop(stream);
                        Some((name, position))
                    }
                    1 => {
                        let mut reader = stream.subscribe(Transport::Xhr, Start::Live).into_reader();
                        drop(stream);
                        tokio::task::yield_now().await;
                        assert!(reader.try_batch(9, 999).is_ok(), "no reader's stream is closed");
                        None
                    }
                    _ => None,
                }
            }
        };
        let tasks: Vec<_> = (0..6_000).map(|number| tokio::spawn(task(number))).collect();
        let mut published = 0;
        for task in tasks {
            let Some((name, position)) = task.await.unwrap() else { continue };
            published += 1;
            let stream = hub.get(name.as_str()).expect("it has its place");
            assert_eq!(stream.position().epoch, position.epoch);
            let (_, resume) = {
                let log = stream.channel.log();
                let before = crate::Position { sequence: position.sequence - 1, ..position };
                log.start(Start::After(before), tokio::time::Instant::now())
            };
            assert_eq!(resume, crate::Resume::Complete);
        }
        assert!(published >= 64, "{published}");
        assert!(hub.stats().log_bytes > 0 && hub.stats().streams == 64);
    }

    #[tokio::test(start_paused = true)]
    async fn ten_thousand_names_that_were_published_to_once_make_room_when_their_logs_are_empty() {
        let limits = Limits::default();
        let hub = Hub::start(Epoch::new(1), limits.clone(), 2);
        let open = |name: String| hub.open_for_client(&name.parse().unwrap());
        for number in 0..limits.streams {
            open(format!("s{number}")).unwrap().publish_bytes("x").await.unwrap();
        }
        assert!(open("new".to_owned()).is_err());
        assert_eq!(hub.shared.unused.lock().waiting.len(), 0, "nobody is looked at twice");
        tokio::time::sleep(limits.log_age + std::time::Duration::from_secs(1)).await;
        assert_eq!(hub.stats().log_bytes, 0);
        for number in 0..limits.streams {
            open(format!("t{number}")).unwrap().publish_bytes("x").await.unwrap();
        }
        assert!(open("one.more".to_owned()).is_err());
        assert_eq!(hub.stats().streams, limits.streams);
    }
}
