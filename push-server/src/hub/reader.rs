//! Readers that are no connection of the hub's: long polls, WebSockets, tasks of the program.

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use tokio::time::Instant;

use super::config::Overflow;
use super::log::Cursor;
use super::presence::{Attachment, Direct, Slot};
use super::stats::Overrun;
use super::stream::Stream;
use crate::encode::Grammar;
use crate::error::ReadError;
use crate::message::{Message, Rendered};
use crate::position::Position;
use crate::transport::Transport;

/// A cursor into a stream that its owner moves. While it waits it costs this struct and its place in a list of
/// wakers: no task, no queue, no timer. It is woken once for news, however many messages that is.
///
/// It is as bound to its stream's [`StreamConfig`](crate::StreamConfig) as a connection: a reader that has once come
/// to the head, and is then further behind than the stream allows when it asks for more, is too slow.
#[derive(Debug)]
pub struct Reader {
    stream: Stream,
    /// The shard that tells it of news.
    shard: usize,
    transport: Transport,
    cursor: Cursor,
    /// It has been at the head. Before, it replays, which only the log bounds.
    is_live: bool,
    knows: u32,
    client: Option<Box<Attachment>>,
}

/// What a reader gets at once, in order: first what it has missed, then messages.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Batch {
    /// The sequences of messages that were skipped before the first of `messages`, because the reader was too slow
    /// for a stream that drops.
    pub gap: Option<RangeInclusive<u64>>,
    /// At least one, unless there is a gap.
    pub messages: Vec<Delivery>,
    /// Where the reader is after them.
    pub position: Position,
}

/// A message that a reader has got. Cloning costs a reference count.
#[derive(Clone, Debug)]
pub struct Delivery(Arc<Message>);

impl Delivery {
    pub(super) const fn new(message: Arc<Message>) -> Self {
        Self(message)
    }

    pub(crate) fn message(&self) -> &Message {
        &self.0
    }

    /// Where in the stream it stands; `None` for a direct message, which is outside of the stream's log.
    #[must_use]
    pub fn position(&self) -> Option<Position> {
        self.0.told_position()
    }

    /// Whether it was sent to this client alone.
    #[must_use]
    pub fn is_direct(&self) -> bool {
        self.0.is_direct
    }

    /// When it was published.
    #[must_use]
    pub fn published(&self) -> Instant {
        self.0.published
    }

    /// The value as JSON, shared with all other readers. Not escaped for HTML.
    #[must_use]
    pub fn json(&self) -> &Bytes {
        self.0.json()
    }
}

impl Reader {
    pub(super) fn new(
        stream: Stream,
        transport: Transport,
        cursor: Cursor,
        slot: Option<&Arc<Slot>>,
    ) -> Self {
        let client = slot.map(|slot| Attachment::new(slot, &stream.channel, &stream.shared));
        let (shard, _) = stream.shared.next_inbox();
        stream.channel.join(shard);
        stream.shared.counts.readers.fetch_add(1, Ordering::Relaxed);
        Self { stream, shard, transport, cursor, is_live: false, knows: 0, client }
    }

    /// The stream.
    #[must_use]
    pub const fn stream(&self) -> &Stream {
        &self.stream
    }

    /// The position after the last message that it got.
    #[must_use]
    pub fn position(&self) -> Position {
        Position { sequence: self.cursor.sequence, ..self.stream.position() }
    }

    /// Waits until there is something, and takes it: at most `max_messages` (at least one), and no more once there are
    /// `max_bytes` of their bodies as JSON. Cancel safe: what a cancelled call would have given, the next one gives.
    ///
    /// # Errors
    ///
    /// [`ReadError`]: there is nothing more to wait for.
    pub async fn next_batch(&mut self, max_messages: usize, max_bytes: usize) -> Result<Batch, ReadError> {
        let channel = self.stream.channel.clone();
        let slot = self.client.as_ref().map(|client| client.slot().clone());
        loop {
            let mut news = std::pin::pin!(channel.news(self.shard).notified());
            news.as_mut().enable();
            let Some(slot) = &slot else {
                if let Some(batch) = self.try_batch(max_messages, max_bytes)? {
                    return Ok(batch);
                }
                news.await;
                continue;
            };
            let mut direct = std::pin::pin!(slot.news.notified());
            direct.as_mut().enable();
            if let Some(batch) = self.try_batch(max_messages, max_bytes)? {
                return Ok(batch);
            }
            tokio::select! {
                () = news => {}
                () = direct => {}
            }
        }
    }

    /// What there is already, as [`next_batch`](Self::next_batch) gives it.
    ///
    /// # Errors
    ///
    /// [`ReadError`]: there is nothing more to wait for.
    pub fn try_batch(&mut self, max_messages: usize, max_bytes: usize) -> Result<Option<Batch>, ReadError> {
        // Before the log is read: what is in it afterwards is all.
        let has_ended = self.stream.has_ended();
        let gap = self.keep_up(max_messages)?;
        let mut messages = Vec::new();
        let mut left = max_bytes;
        let mut read = Vec::new();
        loop {
            let room = max_messages.max(1) - messages.len();
            if room == 0 || left == 0 {
                break;
            }
            let until = match self.client.as_ref().map(|client| client.next(self.cursor.sequence, true)) {
                Some(Direct::Now(message)) => {
                    left = left.saturating_sub(message.json().len());
                    messages.push(Delivery(message));
                    continue;
                }
                Some(Direct::After(sequence)) => sequence,
                Some(Direct::None) | None => u64::MAX,
            };
            let room = usize::try_from(until - self.cursor.sequence).unwrap_or(usize::MAX).min(room);
            read.clear();
            // The shard moves on without readers that are not connections: it may have forgotten more meanwhile. The
            // next call finds the gap.
            if self.stream.channel.log().read(self.cursor.sequence, room, &mut read).is_err()
                || read.is_empty()
            {
                break;
            }
            for message in read.drain(..) {
                if left == 0 {
                    break;
                }
                left = left.saturating_sub(message.json().len());
                self.cursor = Cursor::after(&message);
                messages.push(Delivery(message));
            }
        }
        if messages.is_empty() && gap.is_none() {
            return if has_ended { Err(ReadError::Ended) } else { Ok(None) };
        }
        let position = self.position();
        self.is_live |= self.cursor.sequence == self.stream.position().sequence;
        Ok(Some(Batch { gap, messages, position }))
    }

    /// Skips what the stream's policy says, when the reader is too far behind.
    fn keep_up(&mut self, max_messages: usize) -> Result<Option<RangeInclusive<u64>>, ReadError> {
        let channel = &self.stream.channel;
        let overflow = channel.config.overflow;
        let (why, cursor) = {
            let log = channel.log();
            let behind = log.head().sequence - self.cursor.sequence;
            self.is_live |= behind == 0;
            if behind == 0 {
                return Ok(None);
            }
            let floor = log.floor(Instant::now());
            let base = log.base();
            if self.cursor.sequence < base.sequence {
                (Overrun::Log, if overflow == Overflow::Latest { log.before_newest() } else { base })
            } else if !self.is_live {
                return Ok(None);
            } else if overflow == Overflow::Latest {
                if behind <= max_messages as u64 {
                    return Ok(None);
                }
                (Overrun::Conflated, log.before_newest())
            } else if let Some(why) = floor.overrun(self.cursor) {
                (why, floor.cursor)
            } else {
                return Ok(None);
            }
        };
        if overflow == Overflow::Disconnect {
            channel.drops.count(why, 0);
            return Err(ReadError::Slow { position: self.position() });
        }
        let (from, to) = (self.cursor.sequence + 1, cursor.sequence);
        channel.drops.count(why, to + 1 - from);
        self.cursor = cursor;
        Ok(Some(from..=to))
    }

    /// The message in the form of the subscription's transport, without HTTP chunks: what a connection of the hub's
    /// would get. For Hessian it begins with the definitions of classes that this reader has not met, so render what
    /// is sent, once, and in order. Shares the bytes with other readers where it can; else copies the body once.
    #[must_use]
    pub fn render(&mut self, delivery: &Delivery) -> Bytes {
        let classes = &self.stream.shared.classes;
        Rendered::of(&delivery.0, self.transport, &mut self.knows, classes).bytes(false)
    }

    /// The message as a bare Hessian value without a packet around it, to be used instead of
    /// [`render`](Self::render): for connections that have frames of their own. Copies the body once.
    #[must_use]
    pub fn hessian_value(&mut self, delivery: &Delivery, grammar: Grammar) -> Bytes {
        let classes = &self.stream.shared.classes;
        let body = delivery.0.hessian(grammar, classes);
        let mut value = Vec::with_capacity(body.bytes.len());
        classes
            .definitions(grammar, self.knows, body.needs, |definitions| value.extend_from_slice(definitions));
        value.extend_from_slice(&body.bytes);
        self.knows = self.knows.max(body.needs);
        value.into()
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.stream.channel.leave(self.shard);
        self.stream.shared.counts.readers.fetch_sub(1, Ordering::Relaxed);
    }
}
