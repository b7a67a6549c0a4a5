//! What the handles and the shards share of one stream: its log, its clients, and who has to look when.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use tokio::sync::Notify;
use tokio::time::Instant;

use super::Shared;
use super::config::StreamConfig;
use super::inbox::Inbox;
use super::log::Log;
use super::presence::Registry;
use super::stats::{Drops, StreamStats};
use super::unused::Unused;
use crate::message::Bodies;
use crate::name::StreamName;
use crate::position::Position;

/// See the module.
#[derive(Debug)]
pub(crate) struct Channel {
    /// Distinct in the hub.
    pub(crate) id: u64,
    pub(crate) name: StreamName,
    pub(crate) config: StreamConfig,
    pub(crate) registry: Registry,
    pub(crate) drops: Drops,
    log: Mutex<Log>,
    /// Sequence of the newest message in the log, for a look without its lock.
    newest: AtomicU64,
    links: Box<[Link]>,
    /// Told when a shard has moved on, so that the log may forget more.
    pub(crate) room: Notify,
    closed: AtomicBool,
    /// The shard that does what time brings, and when it does so next.
    keeper: Arc<Inbox>,
    due: Mutex<Option<Instant>>,
    /// Where it waits for others to take its place, if a client has opened it.
    unused: Option<Arc<Unused>>,
    /// Its number there; 0 if it is not.
    pub(crate) ticket: AtomicU64,
    this: Weak<Self>,
}

/// What one shard has to do with a stream.
#[derive(Debug, Default)]
struct Link {
    /// Its readers, on connections and in the process.
    members: AtomicUsize,
    /// The shard has been told of news and has not looked yet.
    told: AtomicBool,
    /// The last message that the shard has taken to its readers.
    seen: AtomicU64,
    /// Told when the shard has news for readers in the process.
    news: Notify,
    /// The largest lag of its connections with a full socket, when it took the last message to them.
    lag: AtomicU64,
}

impl Channel {
    pub(crate) fn new(
        id: u64,
        name: StreamName,
        config: StreamConfig,
        log: Log,
        inboxes: &[Arc<Inbox>],
        unused: Option<Arc<Unused>>,
    ) -> Arc<Self> {
        let links = inboxes.iter().map(|_| Link::default()).collect();
        let shards = inboxes.len() as u64;
        let keeper = inboxes[usize::try_from(id % shards).unwrap_or(0)].clone();
        Arc::new_cyclic(|this| Self {
            id,
            name,
            config,
            registry: Registry::default(),
            drops: Drops::default(),
            log: Mutex::new(log),
            newest: AtomicU64::new(0),
            links,
            room: Notify::new(),
            closed: AtomicBool::new(false),
            keeper,
            due: Mutex::new(None),
            unused,
            ticket: AtomicU64::new(0),
            this: this.clone(),
        })
    }

    pub(crate) fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Appends to the log, which is locked.
    pub(crate) fn append(&self, log: &mut Log, bodies: Bodies, now: Instant) -> Position {
        let position = log.append(bodies, now);
        self.newest.store(position.sequence, Ordering::Release);
        position
    }

    /// Sequence of the newest message.
    pub(crate) fn newest(&self) -> u64 {
        self.newest.load(Ordering::Acquire)
    }

    /// A shard has one reader more. It begins at the head: the reader itself catches up from its cursor.
    pub(crate) fn join(&self, shard: usize) {
        let log = self.log();
        if self.links[shard].members.fetch_add(1, Ordering::SeqCst) == 0 {
            self.links[shard].seen.store(log.head().sequence, Ordering::SeqCst);
        }
    }

    /// A shard has one reader less.
    pub(crate) fn leave(&self, shard: usize) {
        let was_last = self.links[shard].members.fetch_sub(1, Ordering::SeqCst) == 1;
        self.room.notify_waiters();
        if was_last {
            self.look_whether_unused();
        }
    }

    /// Nobody reads, nobody is present, and there is nothing that anybody could read.
    pub(crate) fn is_unused(&self) -> bool {
        self.readers() == 0 && self.registry.count() == 0 && self.log().is_empty()
    }

    /// Others may have its place if a client has opened it and it is of no more use.
    pub(crate) fn look_whether_unused(&self) {
        if let Some(unused) = &self.unused
            && !self.is_closed()
            && self.is_unused()
            && let Some(this) = self.this.upgrade()
        {
            unused.enter(&this);
        }
    }

    /// A shard looks for news now, from the message after the returned one on.
    pub(crate) fn look(&self, shard: usize) -> u64 {
        self.links[shard].told.store(false, Ordering::SeqCst);
        self.links[shard].news.notify_waiters();
        self.links[shard].seen.load(Ordering::SeqCst)
    }

    /// A shard has taken everything up to `sequence` to its readers, the slowest of which is `lag` messages behind.
    pub(crate) fn seen(&self, shard: usize, sequence: u64, lag: u64) {
        self.links[shard].seen.fetch_max(sequence, Ordering::SeqCst);
        self.links[shard].lag.store(lag, Ordering::Relaxed);
        self.room.notify_waiters();
    }

    /// A shard has begun anew, and knows nothing of this stream. Its readers in the process are still there.
    pub(crate) fn begin_anew(&self, shard: usize, inbox: &Arc<Inbox>) {
        let link = &self.links[shard];
        link.told.store(false, Ordering::SeqCst);
        if link.members.load(Ordering::SeqCst) > 0 {
            self.tell_one(link, inbox);
        }
        if Arc::ptr_eq(inbox, &self.keeper) {
            *self.due.lock().unwrap_or_else(PoisonError::into_inner) = None;
            self.schedule(Instant::now());
        }
    }

    /// Where readers in the process that belong to `shard` wait.
    pub(crate) fn news(&self, shard: usize) -> &Notify {
        &self.links[shard].news
    }

    pub(crate) fn readers(&self) -> usize {
        self.links.iter().map(|link| link.members.load(Ordering::SeqCst)).sum()
    }

    /// The place up to which every shard with readers has come.
    pub(crate) fn seen_by_all(&self) -> u64 {
        let with_readers = self.links.iter().filter(|link| link.members.load(Ordering::SeqCst) > 0);
        with_readers.map(|link| link.seen.load(Ordering::SeqCst)).min().unwrap_or(u64::MAX)
    }

    /// Tells each shard with readers that there is news, unless it knows.
    pub(crate) fn tell(&self, inboxes: &[Arc<Inbox>]) {
        for (link, inbox) in self.links.iter().zip(inboxes) {
            if link.members.load(Ordering::SeqCst) > 0 {
                self.tell_one(link, inbox);
            }
        }
    }

    fn tell_one(&self, link: &Link, inbox: &Inbox) {
        if !link.told.swap(true, Ordering::SeqCst)
            && let Some(this) = self.this.upgrade()
        {
            inbox.news(this);
        }
    }

    /// Has a message that was published by itself sent to the few readers that there are, here and now, as far as
    /// their shards are at rest; the others are told.
    pub(crate) fn deliver(&self, inboxes: &[Arc<Inbox>], now: Instant) {
        for (link, inbox) in self.links.iter().zip(inboxes) {
            if link.members.load(Ordering::SeqCst) > 0 && !inbox.deliver(self, now) {
                self.tell_one(link, inbox);
            }
        }
    }

    /// Wakes publishers that wait for room, and readers that wait for news: the stream or the hub has ended. So has
    /// everybody's presence.
    pub(crate) fn interrupt(&self) {
        self.registry.end();
        self.room.notify_waiters();
        for link in &self.links {
            link.news.notify_waiters();
        }
    }

    /// Nothing is published any more.
    pub(crate) fn close(&self, inboxes: &[Arc<Inbox>]) {
        {
            // Under the lock: what is in the log afterwards is all.
            let _log = self.log();
            self.closed.store(true, Ordering::SeqCst);
        }
        self.interrupt();
        self.tell(inboxes);
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::SeqCst)
    }

    /// Has [`upkeep`](Self::upkeep) done at `at`, or before.
    pub(crate) fn schedule(&self, at: Instant) {
        let mut due = self.due.lock().unwrap_or_else(PoisonError::into_inner);
        if due.is_none_or(|due| at < due) {
            *due = Some(at);
            drop(due);
            if let Some(this) = self.this.upgrade() {
                self.keeper.upkeep(this);
            }
        }
    }

    /// When upkeep is due.
    pub(crate) fn due(&self) -> Option<Instant> {
        *self.due.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What time brings: messages that are too old, clients that have gone.
    pub(crate) fn upkeep(&self, now: Instant, shared: &Shared) {
        *self.due.lock().unwrap_or_else(PoisonError::into_inner) = None;
        let seen = self.seen_by_all();
        let lapses = self.log().expire(now, seen);
        let leaves = self.expire_clients(now, shared);
        if let Some(at) = lapses.into_iter().chain(leaves).min() {
            self.schedule(at);
        }
        self.look_whether_unused();
    }

    pub(crate) fn stats(&self) -> StreamStats {
        let (head, base, rate) = {
            let log = self.log();
            (log.head(), log.base(), log.rate(Instant::now()))
        };
        let (messages, bytes) = base.lag(head);
        StreamStats {
            published: head.sequence,
            published_bytes: head.end,
            rate,
            held: (messages, bytes),
            readers: self.readers(),
            clients: self.registry.count(),
            lag: self.links.iter().map(|link| link.lag.load(Ordering::Relaxed)).max().unwrap_or(0),
            overruns: self.drops.overruns(),
            dropped: self.drops.messages(),
        }
    }
}
