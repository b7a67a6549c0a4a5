//! The hub: streams, their logs, and the shards that carry them to connections.
//!
//! ```text
//!  publish ----> log of the stream ----- news ----> shard 0 --- send(2) ---> members
//!  (encoded once)   ^       ^                  \--> shard 1 --- send(2) ---> members
//!                   |       |
//!                 cursors of members: replay and live are the same walk
//! ```
//!
//! A message waits in one place, the log of its stream; a connection is a cursor into it, so "how far
//! behind" is a subtraction, a late joiner is a smaller cursor, and no message is copied for a connection:
//! those who have not met a class share a frame with its definition. (A message keeps four such frames; only
//! a reader who lacks classes in a fifth way, and whose socket is full, holds one frame of its own.) A
//! shard is one task that owns its members' sockets outright: no lock, no task, no timer and no buffer per
//! connection. Sockets are written directly, without a layer that would copy, queue or wake in between:
//! beyond the kernel's own send path little else can cost anything.
//!
//! What remains is the number of sends and of wakes. When several messages are due to a connection they leave in one
//! write, of one buffer that all members share that are due the same; and a walk through the members takes along what
//! is published while it goes, so that a burst need not wait to be one. A message that comes alone, to a few readers,
//! is not worth waking another thread: its publisher takes it to them itself, under the lock of their shard, which is
//! free while the shard rests.
//!
//! Beside the log there are messages for one client, which wait in a queue of that client (`presence.rs`) until its
//! newest connection comes to their place; and readers that are no connections, such as long polls, which are
//! cursors in the hands of the program ([`Reader`]) and are told of news by a shard like everybody else.
//!
//! A shard that panics is not gone for good: its connections are cut, their clients come back with a resume, and it begins
//! anew with an empty table, once a second at most ([`Stats::shard_restarts`]). Logs and readers in the process lose nothing.
//!
//! What is bounded, by the [`Limits`] and per stream by its [`StreamConfig`]: what the log holds in messages, bytes and
//! age; what all logs hold together; how far a reader with a full socket may be behind in the same three; what waits for
//! one client and for all; how many clients are present; how long a client stays present without a connection.

mod batch;
mod budget;
mod channel;
mod client;
mod config;
mod drain;
mod hears;
mod idempotency;
mod inbox;
mod log;
mod member;
mod presence;
mod reader;
mod shard;
mod stats;
mod stream;
mod subscription;
mod unused;
mod voice;
mod wheel;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

pub(crate) use batch::Messages;
pub use batch::PublishedBatch;
pub use client::{BadClientId, ClientId, MAX_CLIENT_ID};
pub use config::{Overflow, StreamConfig};
pub(crate) use idempotency::{Fingerprint, MAX_IDEMPOTENCY_KEY, Outcome, Unpublished};
pub use log::{Resume, Start};
pub use presence::{Presence, PresenceEvent, PresenceLost};
pub use reader::{Batch, Delivery, Reader};
pub use stats::{ClosedStreams, Overrun, Stats, StreamStats};
pub use stream::{Published, Sent, Stream};
pub use subscription::{Connection, Ended, Subscription};

use crate::encode::Classes;
use crate::guard::Guard;
use crate::limits::LONGEST;
use crate::name::StreamName;
use crate::position::Epoch;
use crate::{Limits, OpenError};
use budget::Budget;
use channel::Channel;
use idempotency::Idempotency;
use inbox::Inbox;
use log::Log;
use shard::Shard;
use stats::Counts;
use unused::Unused;

/// A controller's connection among the [`Stats`].
#[derive(Debug)]
pub(crate) struct CountedController(Arc<Shared>);

impl Drop for CountedController {
    fn drop(&mut self) {
        self.0.counts.controllers.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A message of a client among those that are being handled, of which there are
/// [`Limits::handlers_at_once`] at most.
#[derive(Debug)]
pub(crate) struct Handling(Arc<Shared>);

impl Handling {
    pub(crate) fn begin(stream: &Stream) -> Option<Self> {
        let shared = &stream.shared;
        shared.handling.take(1).then(|| Self(shared.clone()))
    }
}

impl Drop for Handling {
    fn drop(&mut self) {
        self.0.handling.give_back(1);
    }
}

/// Streams without a use of which somebody has a handle, after which nobody looks for another.
const HELD: usize = 16;

/// What all handles and shards of one hub share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) limits: Limits,
    pub(crate) classes: Classes,
    inboxes: Box<[Arc<Inbox>]>,
    next: AtomicUsize,
    numbers: AtomicU64,
    ended: AtomicBool,
    pub(crate) counts: Counts,
    pub(crate) drain: drain::Draining,
    /// What the logs of all streams hold.
    log_bytes: Arc<Budget>,
    /// Bodies of requests that publish.
    pub(crate) bodies: Budget,
    /// What was published with idempotency keys.
    idempotency: Idempotency,
    /// Messages of clients that are being handled.
    handling: Budget,
    pub(crate) guard: Guard,
    unused: Arc<Unused>,
}

impl Shared {
    fn has_ended(&self) -> bool {
        self.ended.load(Ordering::SeqCst)
    }

    /// The shards in turn.
    fn next_inbox(&self) -> (usize, &Inbox) {
        let shard = self.next.fetch_add(1, Ordering::Relaxed) % self.inboxes.len();
        (shard, &self.inboxes[shard])
    }

    /// A number that nothing else in the hub has; never 0.
    fn next_number(&self) -> u64 {
        self.numbers.fetch_add(1, Ordering::Relaxed) + 1
    }
}

/// Streams and the tasks that serve them. Cloning costs two reference counts.
#[derive(Clone, Debug)]
pub struct Hub {
    epoch: Epoch,
    shared: Arc<Shared>,
    streams: Arc<Mutex<Streams>>,
    tasks: Arc<Mutex<Vec<JoinHandle<()>>>>,
}

#[derive(Debug, Default)]
struct Streams {
    open: HashMap<StreamName, Stream>,
    /// The newest epoch that a stream has had after another was closed.
    last: Option<Epoch>,
    closed: ClosedStreams,
}

impl Streams {
    /// Remembers what a stream has done that is closed.
    fn forget(&mut self, channel: &Channel) {
        self.closed.add(&channel.stats());
    }
}

impl Hub {
    /// Starts `shards` shards, at least one, as tasks of the current tokio runtime. One per core is right.
    /// They run until [`end`](Self::end); dropping the handles does not stop them.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    #[must_use]
    pub fn start(epoch: Epoch, limits: Limits, shards: usize) -> Self {
        let limits = limits.within_reach();
        let shared = Arc::new(Shared {
            log_bytes: Budget::new(limits.log_bytes_in_all).into(),
            bodies: Budget::new(limits.bodies_in_all),
            idempotency: Idempotency::new(&limits),
            handling: Budget::new(limits.handlers_at_once),
            guard: Guard::new(&limits),
            unused: Arc::default(),
            limits,
            classes: Classes::default(),
            inboxes: (0..shards.max(1)).map(|_| Arc::default()).collect(),
            next: AtomicUsize::new(0),
            numbers: AtomicU64::new(0),
            ended: AtomicBool::new(false),
            counts: Counts::default(),
            drain: drain::Draining::default(),
        });
        let streams: Arc<Mutex<Streams>> = Arc::default();
        let run = |index| {
            let shard = Shard::new(index, shared.clone(), shared.inboxes[index].clone());
            tokio::spawn(shard.run(Arc::downgrade(&streams)))
        };
        let tasks = (0..shared.inboxes.len()).map(run).collect();
        Self { epoch, shared, streams, tasks: Arc::new(Mutex::new(tasks)) }
    }

    fn streams(&self) -> MutexGuard<'_, Streams> {
        self.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The stream of this name; opens it, bounded as the hub's limits say, if there is none.
    ///
    /// # Errors
    ///
    /// [`OpenError::TooMany`] at [`Limits::streams`].
    pub fn open(&self, name: &StreamName) -> Result<Stream, OpenError> {
        self.open_with(name, &StreamConfig::new(&self.shared.limits))
    }

    /// The stream of this name, as it is; opens it with `config` if there is none.
    ///
    /// # Errors
    ///
    /// [`OpenError::TooMany`] at [`Limits::streams`].
    pub fn open_with(&self, name: &StreamName, config: &StreamConfig) -> Result<Stream, OpenError> {
        self.open_in(&mut self.streams(), name, config, None)
    }

    /// The stream of this name, for a client; opens it if there is none. If there is no place left, it takes that of
    /// another that a client has opened and that nobody uses: nobody reads it, nobody holds it, and nothing is in its
    /// log.
    pub(crate) fn open_for_client(&self, name: &StreamName) -> Result<Stream, OpenError> {
        let mut streams = self.streams();
        if streams.open.len() >= self.shared.limits.streams && !streams.open.contains_key(name) {
            self.close_unused(&mut streams);
        }
        let rules = self.shared.guard.rules();
        let own = rules.stream(name.as_str()).and_then(|rule| rule.config.clone());
        let config = own.unwrap_or_else(|| StreamConfig::new(&self.shared.limits));
        let stream = self.open_in(&mut streams, name, &config, Some(self.shared.unused.clone()))?;
        stream.channel.look_whether_unused();
        Ok(stream)
    }

    /// Closes one stream that is unused, if there is one.
    fn close_unused(&self, streams: &mut Streams) {
        let unused = &self.shared.unused;
        let mut tries = 0;
        while tries < HELD
            && let Some(channel) = unused.next()
        {
            // A namesake may be open if this one was closed meanwhile.
            let is_open =
                streams.open.get(&channel.name).is_some_and(|open| Arc::ptr_eq(&open.channel, &channel));
            if !is_open || !channel.is_unused() {
                continue;
            }
            // Those here, and in the table. Under the lock of the table nobody gets another: so what is unused now, asked
            // once more as somebody may have published before he gave his handle back, stays so.
            if Arc::strong_count(&channel) == 2 && channel.is_unused() {
                streams.last.get_or_insert(self.epoch);
                streams.open.remove(&channel.name);
                channel.close(&self.shared.inboxes);
                streams.forget(&channel);
                return;
            }
            // Somebody is about to read or to publish, or the application keeps it.
            tries += 1;
            unused.enter(&channel);
        }
    }

    fn open_in(
        &self,
        streams: &mut Streams,
        name: &StreamName,
        config: &StreamConfig,
        unused: Option<Arc<Unused>>,
    ) -> Result<Stream, OpenError> {
        let max = self.shared.limits.streams;
        if let Some(stream) = streams.open.get(name) {
            return Ok(stream.clone());
        }
        if streams.open.len() >= max {
            return Err(OpenError::TooMany { name: name.clone(), max });
        }
        let epoch = match streams.last {
            None => self.epoch,
            // It may have a namesake that was closed: the history of that one is lost.
            Some(last) => *streams.last.insert(last.following()),
        };
        let config = &config.clone().within_reach();
        let log = Log::new(epoch, config.clone(), self.shared.log_bytes.clone());
        let id = self.shared.next_number();
        let channel = Channel::new(id, name.clone(), config.clone(), log, &self.shared.inboxes, unused);
        let stream = Stream { channel, shared: self.shared.clone() };
        streams.open.insert(name.clone(), stream.clone());
        Ok(stream)
    }

    /// The stream of this name, if it is open.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Stream> {
        let name = name.parse().ok()?;
        self.streams().open.get(&name).cloned()
    }

    /// The streams that are open, in no order. O(streams).
    #[must_use]
    pub fn open_streams(&self) -> Vec<Stream> {
        self.streams().open.values().cloned().collect()
    }

    /// The streams that are open, and what those have done that are closed, at one moment. O(streams).
    #[must_use]
    pub fn census(&self) -> (Vec<Stream>, ClosedStreams) {
        let streams = self.streams();
        (streams.open.values().cloned().collect(), streams.closed)
    }

    /// Closes the stream of this name: each reader gets what is due to it and its transport's farewell; publishing and
    /// sending through handles that are left is refused. Returns at once; false if there was none. A stream that is
    /// opened under the same name later begins a new epoch, so nobody takes its history for this one's.
    pub fn close_stream(&self, name: &StreamName) -> bool {
        let mut streams = self.streams();
        let Some(stream) = streams.open.remove(name) else { return false };
        streams.last.get_or_insert(self.epoch);
        // Closed first, so that nothing is published to it after it was counted.
        stream.channel.close(&self.shared.inboxes);
        self.shared.unused.leave(&stream.channel);
        streams.forget(&stream.channel);
        true
    }

    /// The hub's bounds.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.shared.limits
    }

    /// Who may do what, and how often, with the streams of this hub.
    #[must_use]
    pub fn guard(&self) -> &Guard {
        &self.shared.guard
    }

    /// What the bodies of requests that publish hold.
    pub(crate) fn bodies(&self) -> &Budget {
        &self.shared.bodies
    }

    /// Counts a controller's connection until the answer is dropped.
    pub(crate) fn count_controller(&self) -> CountedController {
        let counts = &self.shared.counts;
        counts.controllers_opened.fetch_add(1, Ordering::Relaxed);
        counts.controllers.fetch_add(1, Ordering::Relaxed);
        CountedController(self.shared.clone())
    }

    /// Whether everybody is to leave.
    pub(crate) fn is_leaving(&self) -> bool {
        self.shared.drain.has_begun()
    }

    /// Ends when everybody is to leave: when the caller is to.
    pub(crate) async fn time_to_leave(&self) -> Instant {
        self.shared.drain.time().await
    }

    pub(crate) fn classes(&self) -> &Classes {
        &self.shared.classes
    }

    /// What the hub has done since its start.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let streams = self.streams().open.len();
        let (idempotency_keys, idempotency_forgotten) = self.shared.idempotency.counts(Instant::now());
        Stats {
            log_bytes: self.shared.log_bytes.used(),
            idempotency_keys,
            idempotency_forgotten,
            ..self.shared.counts.stats(streams, self.shared.guard.refusals())
        }
    }

    /// Has everybody leave, evenly spread over `window`, while everything else goes on: each connection gets what is due to
    /// it and a farewell that says `rotate`, each long poll its answer, each controller what its stream has had by then. Who comes meanwhile is sent on at once. Returns when
    /// nobody is left, or `window` is over; [`end`](Self::end) is to follow. A second call changes nothing.
    pub async fn drain(&self, window: Duration) {
        let Some(drain) = self.shared.drain.begin(window.min(LONGEST), self.shared.counts.connections())
        else {
            return;
        };
        for inbox in &self.shared.inboxes {
            inbox.drain(drain);
        }
        while !self.shared.counts.is_idle() && Instant::now() < drain.end() {
            sleep(drain::LOOK).await;
        }
    }

    /// Ends every stream: each connection gets what is due to it and a farewell that says `rotate`, so that its client
    /// comes back, to the server that takes this one's place; streams that are over for good are
    /// [closed](Self::close_stream) before. Returns when all are closed, after [`Limits::drain`] at the latest; what is
    /// left then is cut. Publishing and subscribing are refused from the moment of the call. A second call waits for
    /// nothing.
    pub async fn end(&self) {
        self.shared.ended.store(true, Ordering::SeqCst);
        let deadline = Instant::now() + self.shared.limits.drain;
        for inbox in &self.shared.inboxes {
            inbox.end(deadline);
        }
        for stream in self.streams().open.values() {
            stream.channel.interrupt();
        }
        let tasks = std::mem::take(&mut *self.tasks.lock().unwrap_or_else(PoisonError::into_inner));
        for task in tasks {
            if let Err(error) = task.await {
                tracing::error!(%error, "a shard ended before its time");
            }
        }
    }
}
