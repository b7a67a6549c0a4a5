//! What others tell a shard: new connections, streams with news, sockets that are ready, the end.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::task::Wake;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::channel::Channel;
use super::member::Arrival;
use super::shard::Shard;

/// Names a member of a shard. The generation tells a member from the one that had its slot before: it comes round
/// after four billion connections, and a key is in use for less than a minute after its member has gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Key {
    index: u32,
    generation: u32,
}

impl Key {
    /// # Panics
    ///
    /// If a shard has four billion members.
    pub(crate) fn new(index: usize, generation: u32) -> Self {
        Self { index: u32::try_from(index).expect("each member has a descriptor"), generation }
    }

    pub(crate) const fn index(self) -> usize {
        self.index as usize
    }
}

/// One batch of work.
#[derive(Debug, Default)]
pub(crate) struct Work {
    pub(crate) arrivals: Vec<Arrival>,
    pub(crate) ready: Vec<Key>,
    pub(crate) news: Vec<Arc<Channel>>,
    pub(crate) upkeep: Vec<Arc<Channel>>,
    /// Set when the streams are to end, by this time at the latest.
    pub(crate) end: Option<Instant>,
}

/// The only way into a shard, but for [`deliver`](Self::deliver). Bounded without a capacity, because each entry stands
/// for something that is itself bounded and is entered once: a connection (capped), a member's readiness (one flag per
/// member), a stream's news (one flag per stream and shard) or upkeep (only when it is due earlier than before).
/// Messages are not queued here; they wait in the logs.
#[derive(Debug, Default)]
pub(crate) struct Inbox {
    gate: Mutex<Gate>,
    wake: Notify,
    /// The shard, while it runs. It holds its own lock while it is at work.
    shard: OnceLock<Weak<tokio::sync::Mutex<Shard>>>,
}

#[derive(Debug, Default)]
struct Gate {
    work: Work,
    is_closed: bool,
}

impl Inbox {
    /// A connection for this shard.
    ///
    /// # Errors
    ///
    /// The arrival, when the shard has ended.
    pub(crate) fn arrive(&self, arrival: Arrival) -> Result<(), Box<Arrival>> {
        {
            let mut gate = self.lock();
            if gate.is_closed {
                return Err(arrival.into());
            }
            gate.work.arrivals.push(arrival);
        }
        self.wake.notify_one();
        Ok(())
    }

    /// A stream has messages that members of this shard have not got.
    pub(crate) fn news(&self, channel: Arc<Channel>) {
        self.lock().work.news.push(channel);
        self.wake.notify_one();
    }

    /// Whose inbox this is, said once.
    pub(crate) fn belongs_to(&self, shard: &Arc<tokio::sync::Mutex<Shard>>) {
        let is_first = self.shard.set(Arc::downgrade(shard)).is_ok();
        debug_assert!(is_first, "an inbox has one shard");
    }

    /// The shard, while it runs.
    pub(crate) fn shard(&self) -> Option<Arc<tokio::sync::Mutex<Shard>>> {
        self.shard.get().and_then(Weak::upgrade)
    }

    /// Takes the news of a stream to its members at once, on the caller's thread; false if the shard is at work, or
    /// gone, and has to be told. Spares a lone message the way to another thread.
    pub(crate) fn deliver(&self, channel: &Channel, now: Instant) -> bool {
        let Some(shard) = self.shard() else { return false };
        let Ok(mut shard) = shard.try_lock() else { return false };
        // A bug in here is none of the publisher's, whose message is in the log: the shard begins anew, and takes it on.
        let delivered = catch_unwind(AssertUnwindSafe(|| shard.deliver(channel, now)));
        drop(shard);
        delivered.unwrap_or_else(|_| {
            self.wake.notify_one();
            true
        })
    }

    /// A stream's upkeep is due earlier than this shard knows.
    pub(crate) fn upkeep(&self, channel: Arc<Channel>) {
        {
            let mut gate = self.lock();
            if gate.is_closed {
                return;
            }
            gate.work.upkeep.push(channel);
        }
        self.wake.notify_one();
    }

    /// A member's socket can be read, or written again.
    fn ready(&self, key: Key) {
        self.lock().work.ready.push(key);
        self.wake.notify_one();
    }

    /// Ends all streams, by `deadline` at the latest.
    pub(crate) fn end(&self, deadline: Instant) {
        self.lock().work.end = Some(deadline);
        self.wake.notify_one();
    }

    /// Waits until there is work.
    pub(crate) async fn wait(&self) {
        self.wake.notified().await;
    }

    /// Swaps what has come in with `empty`: both keep their memory.
    pub(crate) fn take(&self, empty: &mut Work) {
        let mut gate = self.lock();
        empty.end = gate.work.end;
        std::mem::swap(&mut gate.work, empty);
    }

    /// Refuses arrivals from now on; true unless some have come in meanwhile.
    pub(crate) fn close_if_empty(&self) -> bool {
        let mut gate = self.lock();
        gate.is_closed = gate.work.arrivals.is_empty();
        gate.is_closed
    }

    /// Refuses arrivals from now on and drops what has come in.
    pub(crate) fn close(&self) {
        *self.lock() = Gate { work: Work::default(), is_closed: true };
    }

    fn lock(&self) -> MutexGuard<'_, Gate> {
        self.gate.lock().unwrap_or_else(PoisonError::into_inner)
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
