//! What others tell a shard: new connections, streams with news, sockets that are ready, the end.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Wake;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::member::Arrival;
use super::stream::Channel;

/// Names a member of a shard. The generation tells a member from the one that had its slot before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Key {
    pub(crate) index: usize,
    pub(crate) generation: u64,
}

/// One batch of work.
#[derive(Debug, Default)]
pub(crate) struct Work {
    pub(crate) arrivals: Vec<Arrival>,
    pub(crate) ready: Vec<Key>,
    pub(crate) news: Vec<Arc<Channel>>,
    /// Set when the streams are to end, by this time at the latest.
    pub(crate) end: Option<Instant>,
}

/// The only way into a shard. Bounded without a capacity, because each entry stands for something that is
/// itself bounded and is entered once: a connection (capped), a member's readiness (one flag per member), a
/// stream's news (one flag per stream and shard). Messages are not queued here; they wait in the logs.
#[derive(Debug, Default)]
pub(crate) struct Inbox {
    work: Mutex<(Work, bool)>,
    wake: Notify,
}

impl Inbox {
    /// A connection for this shard.
    ///
    /// # Errors
    ///
    /// The arrival itself, when the shard has ended.
    pub(crate) fn arrive(&self, arrival: Arrival) -> Result<(), Arrival> {
        {
            let mut work = self.lock();
            if work.1 {
                return Err(arrival);
            }
            work.0.arrivals.push(arrival);
        }
        self.wake.notify_one();
        Ok(())
    }

    /// A stream has messages that members of this shard have not got.
    pub(crate) fn news(&self, channel: Arc<Channel>) {
        self.lock().0.news.push(channel);
        self.wake.notify_one();
    }

    /// A member's socket can be read, or written again.
    fn ready(&self, key: Key) {
        self.lock().0.ready.push(key);
        self.wake.notify_one();
    }

    /// Ends all streams, by `deadline` at the latest.
    pub(crate) fn end(&self, deadline: Instant) {
        self.lock().0.end = Some(deadline);
        self.wake.notify_one();
    }

    /// Waits until there is work.
    pub(crate) async fn wait(&self) {
        self.wake.notified().await;
    }

    /// Swaps what has come in with `empty`: both keep their memory.
    pub(crate) fn take(&self, empty: &mut Work) {
        let mut work = self.lock();
        empty.end = work.0.end;
        std::mem::swap(&mut work.0, empty);
    }

    /// Refuses arrivals from now on; true unless some have come in meanwhile.
    pub(crate) fn close_if_empty(&self) -> bool {
        let mut work = self.lock();
        work.1 = work.0.arrivals.is_empty();
        work.1
    }

    fn lock(&self) -> MutexGuard<'_, (Work, bool)> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The waker of one member: enters it as ready, once until the shard has looked.
#[derive(Debug)]
pub(crate) struct Signal {
    key: Key,
    entered: AtomicBool,
    inbox: Arc<Inbox>,
}

impl Signal {
    pub(crate) fn new(key: Key, inbox: Arc<Inbox>) -> Arc<Self> {
        Arc::new(Self { key, entered: AtomicBool::new(false), inbox })
    }

    /// The shard looks at the member now: the next wake enters it again.
    pub(crate) fn clear(&self) {
        self.entered.store(false, Ordering::SeqCst);
    }
}

impl Wake for Signal {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.entered.swap(true, Ordering::SeqCst) {
            self.inbox.ready(self.key);
        }
    }
}
