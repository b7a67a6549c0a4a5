//! The handle of a stream: what an application holds to publish and to see who reads.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hessian::Graph;
use serde::Serialize;
use tokio::time::Instant;

use super::Shared;
use super::batch::Lot;
use super::channel::Channel;
use super::client::ClientId;
use super::config::StreamConfig;
use super::log::Room;
use super::presence::Presence;
use super::reader::Delivery;
use super::stats::{Overrun, StreamStats};
use crate::error::SendError;
use crate::guard::Guard;
use crate::message::{Bodies, Message};
use crate::name::StreamName;
use crate::position::Position;
use crate::{Limits, PublishError};

/// Readers to whom a publisher sends by itself: waking a shard on another core costs about as much as two sends.
const FEW: usize = 4;

/// Messages that follow one another within this time are a burst, for which a shard is woken, so that those that are
/// due to one reader can leave in one write.
const BURST: Duration = Duration::from_millis(1);

/// A handle of a stream: publish to it, subscribe to it. Cloning costs two reference counts.
///
/// A value is published in one of five kinds, each of which every transport renders:
///
/// | published | Hessian readers get | readers of JSON get |
/// | --- | --- | --- |
/// | a Rust value, [`publish`](Self::publish) | the object, as the crate `hessian` maps serde's types | what `serde_json` makes of it |
/// | a generic Hessian value, [`publish_graph`](Self::publish_graph) | itself, but for the types of lists and maps | objects and maps as objects, lists as arrays, dates as milliseconds, binaries as arrays of numbers; shared parts each time |
/// | JSON, [`publish_json`](Self::publish_json) | objects as untyped maps, arrays as untyped lists, whole numbers as ints where they fit and else as longs, other numbers as doubles | itself |
/// | Hessian, [`publish_hessian`](Self::publish_hessian) | as a generic value | as of a generic value |
/// | bytes, [`publish_bytes`](Self::publish_bytes) | a binary | a string in base64 (RFC 4648, section 4) |
///
/// Objects keep their classes, whose definitions all readers share. The type of a list or a map (`java.util.LinkedList`,
/// `[int`) is left out: a Hessian stream has no definition of a type apart from the value, so it would stand in every
/// message by name, and each reader numbers each name that it reads for as long as it reads (the table of Java's
/// `Hessian2Input` grows for ever, ours is bounded). Readers get the lists and maps that they make of untyped ones: in
/// Java `ArrayList` and `HashMap`. A value that has to arrive as a certain collection is published as an object with it
/// in a field of that type.
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
    /// How many readers were connected. They have not necessarily got it yet. A long poll whose client has gone is one
    /// until its wait is over.
    pub receivers: usize,
}

/// What became of a direct message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Sent {
    /// Whether the client's newest connection is there now. Otherwise the message waits for a newer one, as long as the
    /// client is present: an older one that is still there may be one that the client has left, and would lose it.
    pub is_connected: bool,
}

impl Stream {
    /// The stream's name.
    #[must_use]
    pub fn name(&self) -> &StreamName {
        &self.channel.name
    }

    /// How it keeps history and treats slow readers.
    #[must_use]
    pub fn config(&self) -> &StreamConfig {
        &self.channel.config
    }

    /// The bounds of its hub.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.shared.limits
    }

    /// Where the stream stands.
    #[must_use]
    pub fn position(&self) -> Position {
        self.channel.log().position()
    }

    /// The newest message, unless it is older than [`StreamConfig::log_age`].
    #[must_use]
    pub fn latest(&self) -> Option<Delivery> {
        self.channel.log().latest(Instant::now()).map(Delivery::new)
    }

    /// How many readers are connected.
    #[must_use]
    pub fn readers(&self) -> usize {
        self.channel.readers()
    }

    /// The clients that are present by name, in no order. O(clients).
    #[must_use]
    pub fn clients(&self) -> Vec<ClientId> {
        self.channel.registry.clients()
    }

    /// How many clients are present by name.
    #[must_use]
    pub fn client_count(&self) -> usize {
        self.channel.registry.count()
    }

    /// The clients that are present now, and who comes and goes from now on.
    #[must_use]
    pub fn presence(&self) -> Presence {
        if self.has_ended() {
            // Opened when the hub had ended already, it was not told.
            self.channel.registry.end();
        }
        self.channel.registry.listen(&self.shared.limits)
    }

    /// Ends when a reader is to leave, whose time is cut short as [`Hub::drain`](super::Hub::drain) spreads it.
    pub(crate) async fn leaving(&self) {
        self.shared.drain.turn().await;
    }

    /// The rules of its hub.
    pub(crate) fn guard(&self) -> &Guard {
        &self.shared.guard
    }

    /// Whether readers are to leave.
    pub(crate) fn is_leaving(&self) -> bool {
        self.shared.drain.has_begun()
    }

    /// Its counters. Takes the stream's locks for a moment.
    #[must_use]
    pub fn stats(&self) -> StreamStats {
        self.channel.stats()
    }

    /// Whether nothing is published any more: the stream is closed, or the hub has ended.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.shared.has_ended() || self.channel.is_closed()
    }

    /// Whether it was closed ([`Hub::close_stream`](super::Hub::close_stream)), whatever became of the hub.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.channel.is_closed()
    }

    /// Publishes `value` to every reader, now and later.
    ///
    /// Encodes it once in each of its two bodies, however many readers there are, and wakes the shards that
    /// have some; where there are four readers or fewer, and it is the only message within a millisecond, it writes
    /// to their sockets itself, which takes some microseconds each. Readers are never waited for. Shards are: a publisher who is faster than the server, not
    /// than some client, waits here rather than push out of the log what a reader in good health has not
    /// been given. Cancel safe: a cancelled call has published nothing.
    ///
    /// # Errors
    ///
    /// [`PublishError`]: the value was refused, or the stream has ended. Nothing was sent.
    pub async fn publish<T: Serialize + ?Sized + Sync>(&self, value: &T) -> Result<Published, PublishError> {
        self.append(Bodies::encode(value, &self.shared.classes, &self.shared.limits)?).await
    }

    /// Publishes a generic Hessian value. Its class definitions are shared as those of Rust values are.
    ///
    /// # Errors
    ///
    /// As [`publish`](Self::publish). A cycle, a key that is no text, and text that is no Unicode have no form in
    /// JSON.
    pub async fn publish_graph(&self, graph: &Graph<'_>) -> Result<Published, PublishError> {
        self.append(Bodies::graph(graph, &self.shared.classes, &self.shared.limits)?).await
    }

    /// Publishes JSON (RFC 8259, in UTF-8). Parsed once, to check it and for Hessian readers; not copied for the
    /// others, unless there are more than 16 blanks around it.
    ///
    /// # Errors
    ///
    /// As [`publish`](Self::publish): what is no JSON, nests deeper than 128, or holds a whole number above
    /// 2^63 - 1.
    pub async fn publish_json(&self, json: impl Into<Bytes> + Send) -> Result<Published, PublishError> {
        let bodies = Bodies::json(&json.into(), &self.shared.classes, &self.shared.limits)?;
        self.append(bodies).await
    }

    /// Publishes bytes.
    ///
    /// # Errors
    ///
    /// As [`publish`](Self::publish); the bound on length counts base64.
    pub async fn publish_bytes(&self, bytes: impl Into<Bytes> + Send) -> Result<Published, PublishError> {
        let bodies = Bodies::binary(&bytes.into(), &self.shared.classes, &self.shared.limits)?;
        self.append(bodies).await
    }

    /// Publishes one Hessian value, as a Java program writes it with `Hessian2Output.writeObject` (Hessian 2.0, no packet
    /// around it, no header before it). Decoded and encoded again, in the numbers of classes that all readers share.
    ///
    /// # Errors
    ///
    /// As [`publish_graph`](Self::publish_graph); [`PublishError::NotHessian`] if the bytes are not exactly one value of
    /// 262,144 parts at most.
    pub async fn publish_hessian(&self, value: &[u8]) -> Result<Published, PublishError> {
        self.append(Bodies::hessian(value, &self.shared.classes, &self.shared.limits)?).await
    }

    pub(crate) async fn append<L: Lot>(&self, mut bodies: L) -> Result<Published, PublishError> {
        loop {
            bodies = match self.try_append(bodies)? {
                Ok(published) => return Ok(published),
                Err(again) => again,
            };
            // Once more, as room may have come before anybody waited for it.
            let mut room = std::pin::pin!(self.channel.room.notified());
            room.as_mut().enable();
            bodies = match self.try_append(bodies)? {
                Ok(published) => return Ok(published),
                Err(again) => again,
            };
            room.await;
        }
    }

    /// Appends to the log and has the readers told, or gives the bodies back while a shard is too far behind.
    fn try_append<L: Lot>(&self, bodies: L) -> Result<Result<Published, L>, PublishError> {
        let now = Instant::now();
        let mut log = self.channel.log();
        if self.has_ended() {
            return Err(PublishError::Ended);
        }
        let was_empty = log.is_empty();
        let (count, weight) = (bodies.count(), bodies.weight());
        match log.make_room(count, weight, self.channel.seen_by_all()) {
            Room::Taken => {}
            Room::Later => return Ok(Err(bodies)),
            Room::Full => {
                let max = self.shared.log_bytes.max();
                return Err(PublishError::Full { bound: "log_bytes_in_all", bytes: weight, max });
            }
        }
        let is_alone = count == 1 && log.is_quiet(now, BURST);
        let position = bodies.place(|bodies| self.channel.append(&mut log, bodies, now));
        let lapses = was_empty.then(|| log.lapses()).flatten();
        drop(log);
        if let Some(lapses) = lapses {
            self.channel.schedule(lapses);
        }
        let receivers = self.channel.readers();
        match is_alone && receivers <= FEW {
            true => self.channel.deliver(&self.shared.inboxes, now),
            false => self.channel.tell(&self.shared.inboxes),
        }
        Ok(Ok(Published { position, receivers }))
    }

    /// Sends `value` to one client, in order with the broadcasts published before and after it. It waits in the
    /// client's queue until the client's newest connection takes it, also between two connections, as long as the
    /// client lingers. At most once: what a connection has begun to send is lost with it.
    ///
    /// # Errors
    ///
    /// [`SendError`]: the value was refused, the client is not present, or too much waits for it. Nothing was sent.
    pub fn send_to<T: Serialize + ?Sized>(&self, client: &ClientId, value: &T) -> Result<Sent, SendError> {
        self.send(client, || Bodies::encode(value, &self.shared.classes, &self.shared.limits))
    }

    /// [`send_to`](Self::send_to), of a generic Hessian value.
    ///
    /// # Errors
    ///
    /// As [`send_to`](Self::send_to).
    pub fn send_graph_to(&self, client: &ClientId, graph: &Graph<'_>) -> Result<Sent, SendError> {
        self.send(client, || Bodies::graph(graph, &self.shared.classes, &self.shared.limits))
    }

    /// [`send_to`](Self::send_to), of JSON.
    ///
    /// # Errors
    ///
    /// As [`send_to`](Self::send_to).
    pub fn send_json_to(&self, client: &ClientId, json: impl Into<Bytes>) -> Result<Sent, SendError> {
        self.send(client, || Bodies::json(&json.into(), &self.shared.classes, &self.shared.limits))
    }

    /// [`send_to`](Self::send_to), of bytes.
    ///
    /// # Errors
    ///
    /// As [`send_to`](Self::send_to).
    pub fn send_bytes_to(&self, client: &ClientId, bytes: impl Into<Bytes>) -> Result<Sent, SendError> {
        self.send(client, || Bodies::binary(&bytes.into(), &self.shared.classes, &self.shared.limits))
    }

    /// [`send_to`](Self::send_to), of one Hessian value, as [`publish_hessian`](Self::publish_hessian) takes it.
    ///
    /// # Errors
    ///
    /// As [`send_to`](Self::send_to) and [`publish_hessian`](Self::publish_hessian).
    pub fn send_hessian_to(&self, client: &ClientId, value: &[u8]) -> Result<Sent, SendError> {
        self.send(client, || Bodies::hessian(value, &self.shared.classes, &self.shared.limits))
    }

    pub(crate) fn send(
        &self,
        client: &ClientId,
        bodies: impl FnOnce() -> Result<Bodies, PublishError>,
    ) -> Result<Sent, SendError> {
        // Before anything is encoded for nobody.
        let Some(slot) = self.channel.registry.get(client) else {
            return Err(SendError::NoClient(client.clone()));
        };
        let bodies = bodies()?;
        // The lock holds publishers off: the message has its place among theirs.
        let log = self.channel.log();
        if self.has_ended() {
            return Err(PublishError::Ended.into());
        }
        let message = Message::direct(bodies, log.position(), Instant::now());
        let waker = slot.push(message, &self.shared).inspect_err(|refused| {
            if matches!(refused, SendError::Full { .. }) {
                self.channel.drops.count(Overrun::DirectFull, 1);
            }
        })?;
        drop(log);
        let is_connected = waker.wake();
        Ok(Sent { is_connected })
    }
}
