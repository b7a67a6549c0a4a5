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

mod inbox;
mod log;
mod member;
mod shard;
mod stream;
mod wheel;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::task::JoinHandle;
use tokio::time::Instant;

pub use log::{Resume, Start};
pub use stream::{Connection, Ended, Published, Stream, Subscription};

use crate::encode::Classes;
use crate::lifecycle::Close;
use crate::name::StreamName;
use crate::position::Epoch;
use crate::{Limits, OpenError};
use inbox::Inbox;
use log::Log;
use shard::Shard;
use stream::Channel;

/// What all handles and shards of one hub share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) limits: Limits,
    pub(crate) classes: Classes,
    inboxes: Box<[Arc<Inbox>]>,
    next: AtomicUsize,
    ended: AtomicBool,
    pub(crate) counts: Counts,
}

impl Shared {
    fn has_ended(&self) -> bool {
        self.ended.load(Ordering::SeqCst)
    }

    /// The shards in turn.
    fn next_inbox(&self) -> &Inbox {
        &self.inboxes[self.next.fetch_add(1, Ordering::Relaxed) % self.inboxes.len()]
    }
}

/// Counters of a hub since its start.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) opened: AtomicU64,
    pub(crate) closed: [AtomicU64; Close::COUNT],
}

/// What a hub has done since its start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Connections that began to stream.
    pub opened: u64,
    /// Connections that ended, by reason: indexed by `Close as usize`.
    pub closed: [u64; Close::COUNT],
}

/// Streams and the tasks that serve them. Cloning costs two reference counts.
#[derive(Clone, Debug)]
pub struct Hub {
    epoch: Epoch,
    shared: Arc<Shared>,
    streams: Arc<Mutex<HashMap<StreamName, Stream>>>,
    tasks: Arc<Mutex<Vec<JoinHandle<()>>>>,
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
        let shared = Arc::new(Shared {
            limits,
            classes: Classes::default(),
            inboxes: (0..shards.max(1)).map(|_| Arc::default()).collect(),
            next: AtomicUsize::new(0),
            ended: AtomicBool::new(false),
            counts: Counts::default(),
        });
        let run =
            |index| tokio::spawn(Shard::new(index, shared.clone(), shared.inboxes[index].clone()).run());
        let tasks = (0..shared.inboxes.len()).map(run).collect();
        Self { epoch, shared, streams: Arc::default(), tasks: Arc::new(Mutex::new(tasks)) }
    }

    /// The stream of this name; opens it if there is none.
    ///
    /// # Errors
    ///
    /// [`OpenError::TooMany`] at [`Limits::streams`].
    pub fn open(&self, name: &StreamName) -> Result<Stream, OpenError> {
        let max = self.shared.limits.streams;
        let mut streams = self.streams.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(stream) = streams.get(name) {
            return Ok(stream.clone());
        }
        if streams.len() >= max {
            return Err(OpenError::TooMany { name: name.clone(), max });
        }
        let log = Log::new(self.epoch, &self.shared.limits);
        let channel = Channel::new(streams.len() as u64, name.clone(), log, self.shared.inboxes.len());
        let stream = Stream { channel: Arc::new(channel), shared: self.shared.clone() };
        streams.insert(name.clone(), stream.clone());
        Ok(stream)
    }

    /// The stream of this name, if it is open.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Stream> {
        let name = name.parse().ok()?;
        self.streams.lock().unwrap_or_else(PoisonError::into_inner).get(&name).cloned()
    }

    /// The hub's bounds.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.shared.limits
    }

    /// What the hub has done since its start.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let counts = &self.shared.counts;
        let load = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Stats { opened: load(&counts.opened), closed: std::array::from_fn(|i| load(&counts.closed[i])) }
    }

    /// Ends every stream: each connection gets what is due to it and its transport's farewell. Returns when
    /// all are closed, after [`Limits::drain`] at the latest; what is left then is cut. Publishing and
    /// subscribing are refused from the moment of the call. A second call waits for nothing.
    pub async fn end(&self) {
        self.shared.ended.store(true, Ordering::SeqCst);
        let deadline = Instant::now() + self.shared.limits.drain;
        for inbox in &self.shared.inboxes {
            inbox.end(deadline);
        }
        for stream in self.streams.lock().unwrap_or_else(PoisonError::into_inner).values() {
            stream.interrupt();
        }
        let tasks = std::mem::take(&mut *self.tasks.lock().unwrap_or_else(PoisonError::into_inner));
        for task in tasks {
            if let Err(error) = task.await {
                tracing::error!(%error, "a shard ended before its time");
            }
        }
    }
}
