//! A reader that has a place in a stream and no connection yet.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::net::TcpStream;

use super::client::ClientId;
use super::log::{Cursor, Resume, Start};
use super::member::Arrival;
use super::presence::{Attachment, Slot};
use super::reader::Reader;
use super::stream::Stream;
use super::voice::Hearing;
use crate::error::SubscribeError;
use crate::guard::{Permit, Token};
use crate::limits::LONGEST;
use crate::messages::Chain;
use crate::position::Position;
use crate::transport::Transport;

/// A place in a stream, and how what follows is to be read. It becomes a connection of a shard
/// ([`attach`](Self::attach)) or a [`Reader`] of the program's own ([`into_reader`](Self::into_reader)).
#[derive(Clone, Debug)]
pub struct Subscription {
    stream: Stream,
    transport: Transport,
    cursor: Cursor,
    position: Position,
    resume: Resume,
    client: Option<Arc<Slot>>,
    rotate_after: Option<Duration>,
    hearing: Option<Arc<Hearing>>,
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
    pub permit: Option<Permit>,
}

/// The hub has ended its streams.
#[derive(Debug, thiserror::Error)]
#[error("the hub has ended its streams")]
pub struct Ended {
    /// The connection as it was handed over: nothing has been written, so the client can still be told.
    pub connection: Connection,
}

impl Stream {
    /// Decides where a new reader begins. It gets everything from there on, however long it takes to
    /// connect, as long as the log holds it.
    #[must_use]
    pub fn subscribe(&self, transport: Transport, start: Start) -> Subscription {
        let log = self.channel.log();
        let (cursor, resume) = log.start(start, tokio::time::Instant::now());
        let position = Position { sequence: cursor.sequence, ..log.position() };
        drop(log);
        let stream = self.clone();
        Subscription {
            stream,
            transport,
            cursor,
            position,
            resume,
            client: None,
            rotate_after: None,
            hearing: None,
        }
    }
}

impl Subscription {
    /// The reader is the client `id`: present from now on, and sent what waits for it and is sent to it
    /// ([`Stream::send_to`]). Of several connections with one id, the newest gets the direct messages, for which there
    /// is no older one when it has gone; all get the
    /// broadcasts. A subscription that becomes no connection lingers, and leaves.
    ///
    /// # Errors
    ///
    /// [`SubscribeError::TooManyClients`] at [`Limits::clients`](crate::Limits::clients).
    pub fn client(mut self, id: &ClientId) -> Result<Self, SubscribeError> {
        self.client = Some(self.stream.channel.enter(id, &self.stream.shared.limits)?);
        Ok(self)
    }

    /// Ends the connection after this time, with everything that is due and a farewell that says `rotate` and where
    /// the reader is, so that it comes back there: a browser's document grows as long as its iframe lives. Accurate
    /// to a tenth of a second. A [`Reader`] is not ended; its owner does so.
    #[must_use]
    pub const fn rotate_after(mut self, time: Duration) -> Self {
        self.rotate_after = Some(if time.as_secs() < LONGEST.as_secs() { time } else { LONGEST });
        self
    }

    /// What the client sends on a WebSocket is handled by `chain`, and answered there. Without, it is refused. Elsewhere nothing comes of it.
    #[must_use]
    pub fn heard_by(mut self, chain: &Chain) -> Self {
        self.heard(chain, None);
        self
    }

    /// The same, if the hub's guard lets this caller send: that is asked for each message.
    #[must_use]
    pub(crate) fn heard_from(mut self, chain: &Chain, caller: (Option<Token>, IpAddr)) -> Self {
        self.heard(chain, Some(caller));
        self
    }

    fn heard(&mut self, chain: &Chain, caller: Option<(Option<Token>, IpAddr)>) {
        let is_heard = matches!(self.transport, Transport::WsJson | Transport::WsHessian);
        self.hearing = is_heard.then(|| Hearing { chain: chain.clone(), caller }.into());
    }

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

    /// The stream.
    #[must_use]
    pub const fn stream(&self) -> &Stream {
        &self.stream
    }

    /// Whether each message that the reader gets is the one after the last, so that it may count positions where
    /// the transport does not tell them. Not so on streams that drop messages, nor for clients who get direct ones.
    #[must_use]
    pub fn counts_positions(&self) -> bool {
        self.client.is_none() && self.stream.channel.config.overflow == super::Overflow::Disconnect
    }

    /// Whether the stream takes no more connections.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.stream.has_ended()
    }

    /// Hands the connection to one of the shards, which from now on is the only one to touch it.
    ///
    /// # Errors
    ///
    /// [`Ended`] when the shard is gone; the connection comes back.
    pub fn attach(self, connection: Connection) -> Result<(), Ended> {
        let Stream { channel, shared } = self.stream;
        let client = self.client.map(|slot| Attachment::new(&slot, &channel, &shared));
        let arrival = Arrival {
            connection,
            channel,
            transport: self.transport,
            cursor: self.cursor,
            client,
            rotate_after: self.rotate_after,
            hearing: self.hearing,
        };
        shared.next_inbox().1.arrive(arrival).map_err(|refused| Ended { connection: refused.connection })
    }

    /// A reader without a connection of the hub's: long polls, WebSockets, the program itself.
    #[must_use]
    pub fn into_reader(self) -> Reader {
        Reader::new(self.stream, self.transport, self.cursor, self.client.as_ref())
    }
}
