//! What a member is sent next: its own messages, the log from its cursor on, its farewell.

use std::io;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use tokio::time::Instant;

use super::write::GATHER;
use super::{Member, Parting, Scratch, gone};
use crate::encode::Classes;
use crate::hub::config::Overflow;
use crate::hub::presence::Direct;
use crate::hub::stats::Overrun;
use crate::lifecycle::Event;
use crate::message::{Message, Rendered};
use crate::position::Position;
use crate::transport::{Farewell, Frame, LAST_CHUNK, ws};

impl Member {
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
            let (batch, is_shared) = match self.part_of(window) {
                Some(batch) => (batch, true),
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
                    (&own[..], false)
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
                self.rest = match self.parting {
                    Parting::Due(farewell) => self.farewell_frame(farewell),
                    Parting::Close(why) => {
                        let mut close = Vec::new();
                        ws::close(why, &mut close);
                        close.into()
                    }
                    Parting::No => break Some(Event::Drained),
                    Parting::Said if self.awaits_close() && self.outcome != Event::Peer => {
                        self.blocked = false;
                        break None;
                    }
                    Parting::Said => break Some(self.outcome),
                };
                self.parting = Parting::Said;
                continue;
            }
            let written = self.write(batch, is_shared, scratch, classes);
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
        if matches!(self.parting, Parting::Said | Parting::Close(_)) {
            return Some(self.cursor.sequence);
        }
        if let Some(hears) = &mut self.hears
            && hears.has_frame()
        {
            if !self.rest.is_empty() {
                return Some(self.cursor.sequence);
            }
            self.rest = hears.frame().unwrap_or_default();
            if hears.has_frame() {
                // They come first.
                return Some(self.cursor.sequence);
            }
            if hears.is_idle() {
                self.hears = None;
            }
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

    fn wait_for_room(&self) -> Poll<io::Result<()>> {
        self.socket.poll_write_ready(&mut Context::from_waker(&self.waker))
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
