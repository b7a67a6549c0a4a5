//! One connection of a shard: a socket, a cursor, and at most one frame that the kernel took a part of.

use std::io::{self, IoSlice};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::{Buf, Bytes};
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

use super::inbox::{Key, Signal};
use super::log::Cursor;
use super::stream::{Channel, Connection};
use crate::encode::Classes;
use crate::lifecycle::{Event, State};
use crate::message::{Message, Rendered};
use crate::transport::{Frame, LAST_CHUNK, Transport};

/// Messages that are written together at most, when several are due.
pub(crate) const GATHER: usize = 64;

/// Bytes after which nothing more is gathered into one write.
const GATHER_BYTES: usize = 256 << 10;

/// Bytes read at once of what a client sends although nobody listens.
const READ: usize = 4 << 10;

/// A reader on its way into a shard.
#[derive(Debug)]
pub(crate) struct Arrival {
    pub(crate) connection: Connection,
    pub(crate) channel: Arc<Channel>,
    pub(crate) transport: Transport,
    pub(crate) cursor: Cursor,
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
    transport: Transport,
    chunked: bool,
    knows: u32,
    farewell_due: bool,
    /// The client has ended its direction. It may still read, or be gone.
    pub(crate) half_closed: bool,
    ignored: usize,
    /// The part of a frame (or head, heartbeat, farewell) that the kernel has not taken yet.
    rest: Bytes,
    socket: TcpStream,
    signal: Arc<Signal>,
    waker: Waker,
    _permit: Option<OwnedSemaphorePermit>,
}

/// Buffers that the members of a shard use in turn.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    messages: Vec<Arc<Message>>,
    frames: Vec<Gathered>,
}

/// A frame that is about to be written, and the reader's state after it.
#[derive(Debug)]
struct Gathered {
    bytes: Bytes,
    cursor: Cursor,
    knows: u32,
}

impl Member {
    pub(crate) fn new(arrival: Arrival, key: Key, place: usize, signal: Arc<Signal>, now: Instant) -> Self {
        let Connection { socket, head, chunked, permit } = arrival.connection;
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
            farewell_due: false,
            half_closed: false,
            ignored: 0,
            rest: head,
            socket,
            waker: signal.clone().into(),
            signal,
            _permit: permit,
        }
    }

    /// The shard looks at the member: the next readiness is a new one.
    pub(crate) fn looked_at(&self) {
        self.signal.clear();
    }

    /// Has the farewell sent once everything due is.
    pub(crate) const fn say_farewell(&mut self) {
        self.farewell_due = true;
    }

    /// Has a heartbeat sent. Only for a member with nothing else to send.
    pub(crate) fn beat(&mut self) {
        debug_assert!(self.rest.is_empty(), "a heartbeat inside a frame breaks the stream");
        self.rest = self.transport.heartbeat_frame().bytes(self.chunked);
    }

    /// Sends what is due: the rest of what was begun, then from the cursor on. `window` holds messages read
    /// for many members at once; past its end nothing is due, outside of it the log is read.
    ///
    /// Returns what became of it, or nothing while the socket is full; then its readiness wakes the shard.
    pub(crate) fn send(
        &mut self,
        window: &[Arc<Message>],
        scratch: &mut Scratch,
        classes: &Classes,
        now: Instant,
    ) -> Option<Event> {
        let mut own = std::mem::take(&mut scratch.messages);
        let event = loop {
            let batch = match self.part_of(window) {
                Some(batch) => batch,
                None => {
                    own.clear();
                    if self.channel.log().read(self.cursor.sequence, GATHER, &mut own).is_err() {
                        break Some(Event::Slow);
                    }
                    &own
                }
            };
            if batch.is_empty() && self.rest.is_empty() {
                if !std::mem::take(&mut self.farewell_due) {
                    break Some(Event::Drained);
                }
                self.rest = self.farewell();
                continue;
            }
            let written = self.write(batch, &mut scratch.frames, classes);
            match written {
                Ok(()) => self.since = now,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => match self.wait_for_room() {
                    Poll::Ready(Ok(())) => {}
                    Poll::Ready(Err(_)) => break Some(Event::Fail),
                    Poll::Pending => {
                        if !std::mem::replace(&mut self.blocked, true) {
                            self.since = now;
                        }
                        break None;
                    }
                },
                Err(error) => break Some(gone(&error)),
            }
        };
        own.clear();
        scratch.messages = own;
        if event.is_some() {
            self.blocked = false;
        }
        event
    }

    /// The messages of `window` after the cursor, unless they do not follow on it.
    fn part_of<'a>(&self, window: &'a [Arc<Message>]) -> Option<&'a [Arc<Message>]> {
        let first = window.first()?.position.sequence;
        let index = (self.cursor.sequence + 1).checked_sub(first)?;
        Some(window.get(usize::try_from(index).ok()?..).unwrap_or_default())
    }

    /// One write: the rest, and as much of `batch` as is worth gathering. What the kernel took a part of
    /// becomes the rest; what it took nothing of stays ahead of the cursor, in the log.
    fn write(
        &mut self,
        batch: &[Arc<Message>],
        frames: &mut Vec<Gathered>,
        classes: &Classes,
    ) -> io::Result<()> {
        if let ([message], true) = (batch, self.rest.is_empty()) {
            return self.write_one(message, classes);
        }
        frames.clear();
        let (mut knows, mut bytes) = (self.knows, self.rest.len());
        if !self.rest.is_empty() {
            frames.push(Gathered { bytes: self.rest.clone(), cursor: self.cursor, knows });
        }
        for message in batch.iter().take(GATHER - frames.len()) {
            if bytes >= GATHER_BYTES {
                break;
            }
            let frame = Rendered::of(message, self.transport, &mut knows, classes).bytes(self.chunked);
            bytes += frame.len();
            frames.push(Gathered { bytes: frame, cursor: Cursor::after(message), knows });
        }
        let mut slices = [IoSlice::new(&[]); GATHER];
        for (slice, frame) in slices.iter_mut().zip(&*frames) {
            *slice = IoSlice::new(&frame.bytes);
        }
        let mut taken = self.socket.try_write_vectored(&slices[..frames.len()])?;
        for mut frame in frames.drain(..) {
            if taken == 0 {
                break;
            }
            let part = taken.min(frame.bytes.len());
            taken -= part;
            frame.bytes.advance(part);
            (self.cursor, self.knows, self.rest) = (frame.cursor, frame.knows, frame.bytes);
        }
        Ok(())
    }

    /// The usual case, one message for a reader who is up to date: the shared bytes straight to the kernel.
    fn write_one(&mut self, message: &Message, classes: &Classes) -> io::Result<()> {
        let mut knows = self.knows;
        let frame = Rendered::of(message, self.transport, &mut knows, classes);
        let bytes = frame.as_slice(self.chunked);
        let taken = self.socket.try_write(bytes)?;
        if taken < bytes.len() {
            self.rest = frame.bytes(self.chunked).slice(taken..);
        }
        self.cursor = Cursor::after(message);
        self.knows = knows;
        Ok(())
    }

    /// Reads and drops what the client sends, to notice when it goes.
    pub(crate) fn read(&mut self, max_ignored: usize) -> Option<Event> {
        let mut buffer = [0; READ];
        while !self.half_closed {
            match self.socket.try_read(&mut buffer) {
                Ok(0) => self.half_closed = true,
                Ok(read) => {
                    self.ignored += read;
                    if self.ignored > max_ignored {
                        return Some(Event::Fail);
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    match self.socket.poll_read_ready(&mut Context::from_waker(&self.waker)) {
                        Poll::Ready(Ok(())) => {}
                        Poll::Ready(Err(error)) => return Some(gone(&error)),
                        Poll::Pending => return None,
                    }
                }
                Err(error) => return Some(gone(&error)),
            }
        }
        None
    }

    /// Whether the peer has answered what was sent with a reset, as one does that has closed altogether.
    pub(crate) fn is_gone(&self) -> bool {
        !matches!(self.socket.take_error(), Ok(None))
    }

    fn wait_for_room(&self) -> Poll<io::Result<()>> {
        self.socket.poll_write_ready(&mut Context::from_waker(&self.waker))
    }

    /// Closes without sending what the kernel still holds; a reset gives that memory back at once.
    pub(crate) fn abort_on_drop(&self) {
        if let Err(error) = self.socket.set_zero_linger() {
            tracing::debug!(%error, "the socket is closed without a reset");
        }
    }

    fn farewell(&self) -> Bytes {
        let farewell = self.transport.farewell();
        match (self.chunked, farewell) {
            (false, farewell) => Bytes::from_static(farewell),
            (true, []) => Bytes::from_static(LAST_CHUNK),
            (true, farewell) => {
                let frame = Frame::build(|out| out.extend_from_slice(farewell));
                [frame.as_slice(true), LAST_CHUNK].concat().into()
            }
        }
    }
}

/// What an error of a socket says about the peer.
fn gone(error: &io::Error) -> Event {
    match error.kind() {
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => Event::Peer,
        io::ErrorKind::TimedOut => Event::Timeout,
        _ => Event::Fail,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What an idle connection costs in user space, beside tokio's registration of its socket (some 200 B).
    #[test]
    fn an_idle_member_is_small() {
        assert!(size_of::<Member>() <= 232, "{}", size_of::<Member>());
        assert!(size_of::<Signal>() <= 40, "{}", size_of::<Signal>());
    }
}
