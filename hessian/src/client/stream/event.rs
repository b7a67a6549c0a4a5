//! What a listener tells.

use super::position::Position;
use crate::client::error::Error;
use bytes::Bytes;
use std::fmt;
use std::time::Duration;

/// What happens to a stream, in order.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event {
    /// The server has answered: packets follow.
    Connected(Connected),
    /// A message.
    Packet(Packet),
    /// The server lives and has nothing to say.
    Heartbeat,
    /// The connection is gone, or did not come about; after `after` another one is tried.
    Reconnecting {
        /// What became of this one.
        why: Lost,
        /// How long is waited, from now on.
        after: Duration,
        /// How many connections in a row have failed; 0 if this one was good.
        failures: u32,
    },
}

/// A connection, and what became of the place at which the last one was lost.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Connected {
    /// What was missed meanwhile.
    pub verdict: Verdict,
    /// The place before the first packet, if the server has positions.
    pub position: Option<Position>,
    /// The longest silence of this server, as it says itself.
    pub heartbeat: Option<Duration>,
    /// After what silence this connection is taken for dead; `None`: never.
    pub silence: Option<Duration>,
}

/// A message as it came, without its frames.
///
/// Its values are decoded by the listener that it came from ([`Listener::decode`](super::Listener::decode)): classes
/// are defined once in a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packet {
    pub(super) data: Bytes,
    pub(super) position: Option<Position>,
    /// Which connection of its listener, and which of its packets.
    pub(super) connection: u64,
    pub(super) number: u64,
}

impl Packet {
    /// The bytes: class definitions that this connection has not seen yet, and normally one value. A slice of the
    /// buffer that the socket was read into, up to 64 KiB and shared by the packets that came with it: copy it to
    /// keep a small one for long.
    #[must_use]
    pub fn data(&self) -> &Bytes {
        &self.data
    }

    /// The bytes, to be kept. Copies nothing.
    #[must_use]
    pub fn into_data(self) -> Bytes {
        self.data
    }

    /// The place after this message, if the server has positions: where to go on once it is dealt with.
    #[must_use]
    pub fn position(&self) -> Option<Position> {
        self.position
    }

    /// Counts the connections of the listener from 1. A program that decodes packets by itself begins with empty
    /// class tables whenever it changes.
    #[must_use]
    pub fn connection(&self) -> u64 {
        self.connection
    }
}

/// What a new connection has to do with the last one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// The first one, and no place was asked for.
    Fresh,
    /// Everything after the last packet follows: nothing is lost, nothing comes twice.
    Complete,
    /// The messages `from..=to` are lost: the server did not keep them. Everything after them follows.
    Gap {
        /// The first one lost.
        from: u64,
        /// The last one lost.
        to: u64,
    },
    /// The server has begun another history. What was published at the end of the old one may be lost; what the new
    /// one still holds follows, from its beginning.
    NewEpoch,
    /// The server knows no positions, or does not count these packets: what was published meanwhile may be lost or
    /// may come a second time.
    Unknown,
}

impl Verdict {
    /// How many messages are lost, if that is known.
    #[must_use]
    pub const fn lost(self) -> Option<u64> {
        match self {
            Self::Complete => Some(0),
            Self::Gap { from, to } => Some(to.saturating_sub(from).saturating_add(1)),
            Self::Fresh | Self::NewEpoch | Self::Unknown => None,
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fresh => f.write_str("fresh"),
            Self::Complete => f.write_str("complete"),
            Self::Gap { from, to } => write!(f, "gap {from}-{to}"),
            Self::NewEpoch => f.write_str("new epoch"),
            Self::Unknown => f.write_str("unknown"),
        }
    }
}

/// What became of a connection.
#[derive(Debug)]
#[non_exhaustive]
pub enum Lost {
    /// The server has ended the stream between two packets: it rotates its connections, or shuts down.
    Ended,
    /// It broke, fell silent, was refused or did not come about.
    Failed(Error),
}

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ended => f.write_str("the server has ended the connection"),
            Self::Failed(error) => error.fmt(f),
        }
    }
}
