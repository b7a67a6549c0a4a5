//! A stream: its log, its publishers' handle, and the shards that have readers of it.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use serde::Serialize;
use tokio::net::TcpStream;
use tokio::sync::{Notify, OwnedSemaphorePermit};

use super::Shared;
use super::log::{Cursor, Log, Resume, Start};
use super::member::Arrival;
use crate::PublishError;
use crate::message::Bodies;
use crate::name::StreamName;
use crate::position::Position;
use crate::transport::Transport;

/// What the handles and the shards share of one stream.
#[derive(Debug)]
pub(crate) struct Channel {
    /// Distinct in the hub.
    pub(crate) id: u64,
    pub(crate) name: StreamName,
    log: Mutex<Log>,
    links: Box<[Link]>,
    /// Told when a shard has moved on, so that the log may forget more.
    room: Notify,
}

/// What one shard has to do with a stream.
#[derive(Debug, Default)]
struct Link {
    /// Its readers.
    members: AtomicUsize,
    /// The shard has been told of news and has not looked yet.
    told: AtomicBool,
    /// The last message that the shard has taken to its readers.
    seen: AtomicU64,
}

impl Channel {
    pub(crate) fn new(id: u64, name: StreamName, log: Log, shards: usize) -> Self {
        let links = (0..shards).map(|_| Link::default()).collect();
        Self { id, name, log: Mutex::new(log), links, room: Notify::new() }
    }

    pub(crate) fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
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
        self.links[shard].members.fetch_sub(1, Ordering::SeqCst);
        self.room.notify_waiters();
    }

    /// A shard looks for news now, from the message after the returned one on.
    pub(crate) fn look(&self, shard: usize) -> u64 {
        self.links[shard].told.store(false, Ordering::SeqCst);
        self.links[shard].seen.load(Ordering::SeqCst)
    }

    /// A shard has taken everything up to `sequence` to its readers.
    pub(crate) fn seen(&self, shard: usize, sequence: u64) {
        self.links[shard].seen.store(sequence, Ordering::SeqCst);
        self.room.notify_waiters();
    }

    fn readers(&self) -> usize {
        self.links.iter().map(|link| link.members.load(Ordering::SeqCst)).sum()
    }

    /// The place up to which every shard with readers has come.
    fn seen_by_all(&self) -> u64 {
        let with_readers = self.links.iter().filter(|link| link.members.load(Ordering::SeqCst) > 0);
        with_readers.map(|link| link.seen.load(Ordering::SeqCst)).min().unwrap_or(u64::MAX)
    }
}

/// A handle of a stream: publish to it, subscribe to it. Cloning costs two reference counts.
#[derive(Clone, Debug)]
pub struct Stream {
    pub(super) channel: Arc<Channel>,
    pub(super) shared: Arc<Shared>,
}

/// What became of a published message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Published {
    /// Where in the stream it stands.
    pub position: Position,
    /// How many readers were connected. They have not necessarily got it yet.
    pub receivers: usize,
}

impl Stream {
    /// The stream's name.
    #[must_use]
    pub fn name(&self) -> &StreamName {
        &self.channel.name
    }

    /// Where the stream stands.
    #[must_use]
    pub fn position(&self) -> Position {
        self.channel.log().position()
    }

    /// How many readers are connected.
    #[must_use]
    pub fn readers(&self) -> usize {
        self.channel.readers()
    }

    /// Publishes `value` to every reader, now and later.
    ///
    /// Encodes it once in each of its two bodies, however many readers there are, and wakes the shards that
    /// have some. Readers are never waited for. Shards are: a publisher who is faster than the server, not
    /// than some client, waits here rather than push out of the log what a reader in good health has not
    /// been given. Cancel safe: a cancelled call has published nothing.
    ///
    /// # Errors
    ///
    /// [`PublishError`]: the value was refused, or the hub has ended. Nothing was sent.
    pub async fn publish<T: Serialize + ?Sized + Sync>(&self, value: &T) -> Result<Published, PublishError> {
        let mut bodies = Bodies::encode(value, &self.shared.classes, &self.shared.limits)?;
        loop {
            let mut room = std::pin::pin!(self.channel.room.notified());
            room.as_mut().enable();
            match self.append(bodies)? {
                Ok(position) => return Ok(Published { position, receivers: self.tell() }),
                Err(again) => bodies = again,
            }
            room.await;
        }
    }

    /// Appends to the log, or gives the bodies back while a shard is too far behind.
    fn append(&self, bodies: Bodies) -> Result<Result<Position, Bodies>, PublishError> {
        let mut log = self.channel.log();
        if self.shared.has_ended() {
            return Err(PublishError::Ended);
        }
        if log.would_leave_behind(self.channel.seen_by_all(), bodies.weight()) {
            return Ok(Err(bodies));
        }
        Ok(Ok(log.append(bodies)))
    }

    /// Tells each shard with readers that there is news, unless it knows. Returns the number of readers.
    fn tell(&self) -> usize {
        let mut readers = 0;
        for (link, inbox) in self.channel.links.iter().zip(&self.shared.inboxes) {
            let members = link.members.load(Ordering::SeqCst);
            readers += members;
            if members > 0 && !link.told.swap(true, Ordering::SeqCst) {
                inbox.news(self.channel.clone());
            }
        }
        readers
    }

    /// Wakes publishers that wait for room: the hub has ended.
    pub(super) fn interrupt(&self) {
        self.channel.room.notify_waiters();
    }

    /// Decides where a new reader begins. It gets everything from there on, however long it takes to
    /// connect, as long as the log holds it.
    #[must_use]
    pub fn subscribe(&self, transport: Transport, start: Start) -> Subscription {
        let log = self.channel.log();
        let (cursor, resume) = log.start(start);
        let position = Position { sequence: cursor.sequence, ..log.position() };
        drop(log);
        Subscription { stream: self.clone(), transport, cursor, position, resume }
    }
}

/// A reader that has a place in a stream and no connection yet.
#[derive(Clone, Debug)]
pub struct Subscription {
    stream: Stream,
    transport: Transport,
    cursor: Cursor,
    position: Position,
    resume: Resume,
}

/// The connection of a reader, taken over after the request.
#[derive(Debug)]
pub struct Connection {
    /// The socket. Nothing of the response may have been written.
    pub socket: TcpStream,
    /// The response head and the transport's preamble, as they go onto the wire.
    pub head: Bytes,
    /// Whether the body goes in HTTP/1.1 chunks; otherwise the end of the connection ends it.
    pub chunked: bool,
    /// Released when the connection has ended.
    pub permit: Option<OwnedSemaphorePermit>,
}

/// The hub has ended its streams.
#[derive(Debug, thiserror::Error)]
#[error("the hub has ended its streams")]
pub struct Ended {
    /// The connection as it was handed over: nothing has been written, so the client can still be told.
    pub connection: Connection,
}

impl Subscription {
    /// The position before the first message that this reader gets.
    #[must_use]
    pub const fn position(&self) -> Position {
        self.position
    }

    /// What the reader has to be told about the place it asked for.
    #[must_use]
    pub const fn resume(&self) -> Resume {
        self.resume
    }

    /// The form it reads.
    #[must_use]
    pub const fn transport(&self) -> Transport {
        self.transport
    }

    /// Whether the hub takes no more connections.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.stream.shared.has_ended()
    }

    /// Hands the connection to one of the shards, which from now on is the only one to touch it.
    ///
    /// # Errors
    ///
    /// [`Ended`] when the shard is gone; the connection comes back.
    pub fn attach(self, connection: Connection) -> Result<(), Ended> {
        let shared = self.stream.shared;
        let arrival = Arrival {
            connection,
            channel: self.stream.channel,
            transport: self.transport,
            cursor: self.cursor,
        };
        shared.next_inbox().arrive(arrival).map_err(|refused| Ended { connection: refused.connection })
    }
}
