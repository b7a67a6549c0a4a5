//! One connection of a shard: a socket, a cursor, and at most one frame that the kernel took a part of.
//!
//! What is due to it is chosen in `send`, leaves by `write`, and what its client says is heard in `listen`.

mod listen;
mod send;
mod write;

use std::io;
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use bytes::Bytes;
use tokio::net::TcpStream;
use tokio::time::Instant;

pub(crate) use write::Scratch;

use super::channel::Channel;
use super::hears::Hears;
use super::inbox::{Key, Signal};
use super::log::Cursor;
use super::presence::{Attachment, Direct};
use super::stats::Overrun;
use super::subscription::Connection;
use super::voice::Hearing;
use crate::guard::Permit;
use crate::lifecycle::{Event, State};
use crate::transport::ws::CloseReason;
use crate::transport::{Farewell, Transport};

/// A reader on its way into a shard.
#[derive(Debug)]
pub(crate) struct Arrival {
    pub(crate) connection: Connection,
    pub(crate) channel: Arc<Channel>,
    pub(crate) transport: Transport,
    pub(crate) cursor: Cursor,
    pub(crate) client: Option<Box<Attachment>>,
    pub(crate) rotate_after: Option<Duration>,
    /// Who handles what its client sends on a WebSocket.
    pub(crate) hearing: Option<Arc<Hearing>>,
}

/// A reader with its connection. What it costs while idle is this struct, its signal and its socket.
#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) key: Key,
    pub(crate) channel: Arc<Channel>,
    /// Index in the list of the channel's members.
    pub(crate) place: usize,
    pub(crate) state: State,
    pub(crate) cursor: Cursor,
    /// Waits for the socket to become writable.
    pub(crate) blocked: bool,
    /// When the kernel last took a byte, or when it began to refuse.
    pub(crate) since: Instant,
    pub(crate) transport: Transport,
    chunked: bool,
    knows: u32,
    parting: Parting,
    /// Messages before the cursor that were skipped, as the reader has to be told.
    missed: u64,
    /// What makes it a named client. Most are not.
    client: Option<Box<Attachment>>,
    /// The client has ended its direction. It may still read, or be gone.
    pub(crate) half_closed: bool,
    /// Bytes that it has sent and that mean nothing; of a WebSocket, since its last heartbeat.
    ignored: usize,
    /// What it has half said on a WebSocket.
    hears: Option<Box<Hears>>,
    /// Who handles what it says there. Without, it is refused.
    hearing: Option<Arc<Hearing>>,
    /// What it means that everything has been sent: that the end is good, unless the client has said otherwise.
    outcome: Event,
    /// The part of a frame (or head, heartbeat, farewell) that the kernel has not taken yet.
    rest: Bytes,
    socket: TcpStream,
    signal: Arc<Signal>,
    waker: Waker,
    _permit: Option<Permit>,
}

/// How far a member is with its farewell.
#[derive(Clone, Copy, Debug)]
enum Parting {
    No,
    /// After everything that is due.
    Due(Farewell),
    /// Of a WebSocket: after the frame that is being sent, a close frame.
    Close(Option<CloseReason>),
    /// Nothing comes after it.
    Said,
}

impl Member {
    pub(crate) fn new(arrival: Arrival, key: Key, place: usize, signal: Arc<Signal>, now: Instant) -> Self {
        let Connection { socket, head, chunked, permit } = arrival.connection;
        let waker = signal.clone().into();
        if let Some(client) = &arrival.client {
            client.wake_by(&waker);
        }
        Self {
            key,
            channel: arrival.channel,
            place,
            state: State::Begin,
            cursor: arrival.cursor,
            blocked: false,
            since: now,
            transport: arrival.transport,
            chunked,
            knows: 0,
            parting: Parting::No,
            missed: 0,
            client: arrival.client,
            half_closed: false,
            ignored: 0,
            hears: None,
            hearing: arrival.hearing,
            outcome: Event::Drained,
            rest: head,
            socket,
            waker,
            signal,
            _permit: permit,
        }
    }

    /// The shard looks at the member: the next readiness is a new one.
    pub(crate) fn looked_at(&self) {
        self.signal.clear();
    }

    /// Has the farewell sent once everything due is. The first one said is meant.
    pub(crate) const fn say_farewell(&mut self, farewell: Farewell) {
        if matches!(self.parting, Parting::No) {
            self.parting = Parting::Due(farewell);
        }
    }

    /// Whether something waits for it that is not in the log.
    pub(crate) fn has_own(&self) -> bool {
        if self.hears.as_ref().is_some_and(|hears| hears.has_frame()) {
            return true;
        }
        let next = self.client.as_ref().map(|client| client.next(self.cursor.sequence, false));
        matches!(next, Some(Direct::After(_) | Direct::Now(_)))
    }

    /// Skips what is before `to`. A frame that was begun is completed all the same.
    pub(crate) fn skip(&mut self, to: Cursor, why: Overrun) {
        let missed = to.sequence.saturating_sub(self.cursor.sequence);
        if missed > 0 {
            self.missed += missed;
            self.cursor = to;
            self.channel.drops.count(why, missed);
        }
    }

    /// Whether it has got everything up to `head`, and waits.
    pub(crate) fn is_up_to_date(&self, head: Cursor) -> bool {
        self.state == State::Suspended && self.cursor.sequence >= head.sequence && !self.has_own()
    }

    /// Has a heartbeat sent. Only for a member with nothing else to send.
    pub(crate) fn beat(&mut self) {
        debug_assert!(self.rest.is_empty(), "a heartbeat inside a frame breaks the stream");
        self.rest = self.transport.heartbeat_frame().bytes(self.chunked);
    }

    /// Closes without sending what the kernel still holds; a reset gives that memory back at once.
    pub(crate) fn abort_on_drop(&self) {
        if let Err(error) = self.socket.set_zero_linger() {
            tracing::debug!(%error, "the socket is closed without a reset");
        }
    }
}

/// What an error of a socket says about the peer.
fn gone(error: &io::Error) -> Event {
    match error.kind() {
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => Event::Peer,
        // The kernel has given up; where it knows why nothing is acknowledged, it says that instead.
        io::ErrorKind::TimedOut | io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => {
            Event::Timeout
        }
        _ => Event::Fail,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What an idle connection costs in user space, beside tokio's registration of its socket (some 200 B).
    #[test]
    fn an_idle_member_is_small() {
        assert!(size_of::<Member>() <= 256, "{}", size_of::<Member>());
        assert!(size_of::<Signal>() <= 40, "{}", size_of::<Signal>());
    }
}
