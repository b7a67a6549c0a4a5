//! One connection of a shard: a socket, a cursor, and at most one frame that the kernel took a part of.

use std::io::{self, IoSlice};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::{Buf, Bytes};
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

use super::channel::Channel;
use super::config::Overflow;
use super::inbox::{Key, Signal};
use super::log::Cursor;
use super::presence::{Attachment, Direct};
use super::stats::Overrun;
use super::subscription::Connection;
use crate::encode::Classes;
use crate::lifecycle::{Event, State};
use crate::message::{Message, Rendered};
use crate::position::Position;
use crate::transport::{Farewell, Frame, LAST_CHUNK, Transport};

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
    pub(crate) client: Option<Box<Attachment>>,
    pub(crate) rotate_after: Option<Duration>,
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
    ignored: usize,
    /// The part of a frame (or head, heartbeat, farewell) that the kernel has not taken yet.
    rest: Bytes,
    socket: TcpStream,
    signal: Arc<Signal>,
    waker: Waker,
    _permit: Option<OwnedSemaphorePermit>,
}

/// How far a member is with its farewell.
#[derive(Clone, Copy, Debug)]
enum Parting {
    No,
    /// After everything that is due.
    Due(Farewell),
    /// Nothing comes after it.
    Said,
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
    pub(crate) fn has_direct(&self) -> bool {
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
        if self.blocked && self.channel.config.overflow == Overflow::Latest {
            let newest = self.channel.log().before_newest();
            self.skip(newest, Overrun::Conflated);
        }
        let event = loop {
            let until = self.before_the_log(classes);
            let batch = match self.part_of(window) {
                Some(batch) => batch,
                None => {
                    own.clear();
                    let log = self.channel.log();
                    if log.read(self.cursor.sequence, GATHER, &mut own).is_err() {
                        let to = match self.channel.config.overflow {
                            Overflow::Disconnect => {
                                self.channel.drops.count(Overrun::Log, 0);
                                break Some(Event::Slow);
                            }
                            Overflow::DropOldest => log.base(),
                            Overflow::Latest => log.before_newest(),
                        };
                        drop(log);
                        self.skip(to, Overrun::Log);
                        continue;
                    }
                    drop(log);
                    &own
                }
            };
            let batch = match until {
                None => batch,
                Some(until) => {
                    let end = batch.partition_point(|message| message.position.sequence <= until);
                    &batch[..end]
                }
            };
            if batch.is_empty() && self.rest.is_empty() {
                let Parting::Due(farewell) = self.parting else { break Some(Event::Drained) };
                self.rest = self.farewell_frame(farewell);
                self.parting = Parting::Said;
                continue;
            }
            let written = self.write(batch, &mut scratch.frames, classes);
            match written {
                Ok(()) => self.since = now,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => match self.wait_for_room() {
                    Poll::Ready(Ok(())) => {}
                    Poll::Ready(Err(error)) => break Some(gone(&error)),
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

    /// What comes before the messages of the log, if something does: the notice of a gap, direct messages. One of them
    /// becomes the rest. Returns up to where the log may be read until the next of them is due.
    fn before_the_log(&mut self, classes: &Classes) -> Option<u64> {
        if matches!(self.parting, Parting::Said) {
            return Some(self.cursor.sequence);
        }
        if self.missed > 0 {
            if !self.rest.is_empty() {
                return Some(self.cursor.sequence);
            }
            let from = self.cursor.sequence + 1 - std::mem::take(&mut self.missed);
            if let Some(notice) = self.transport.gap(from, self.position()) {
                self.rest = notice.bytes(self.chunked);
            }
        }
        match self.client.as_ref()?.next(self.cursor.sequence, self.rest.is_empty()) {
            Direct::None => None,
            Direct::After(sequence) => Some(sequence),
            Direct::Now(message) => {
                let rendered = Rendered::of(&message, self.transport, &mut self.knows, classes);
                self.rest = rendered.bytes(self.chunked);
                // There may be more of them: they come first.
                Some(self.cursor.sequence)
            }
        }
    }

    /// Where the reader is. Takes the lock of the log.
    fn position(&self) -> Position {
        Position { sequence: self.cursor.sequence, ..self.channel.log().position() }
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

    fn farewell_frame(&self, farewell: Farewell) -> Bytes {
        let mut bytes = Vec::new();
        self.transport.farewell(farewell, self.position(), &mut bytes);
        match (self.chunked, bytes.is_empty()) {
            (false, _) => bytes.into(),
            (true, true) => Bytes::from_static(LAST_CHUNK),
            (true, false) => {
                let frame = Frame::build(|out| out.append(&mut bytes));
                [frame.as_slice(true), LAST_CHUNK].concat().into()
            }
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
