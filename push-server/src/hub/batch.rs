//! Several messages at one time: they stand one after the other in the log, or not at all.

use bytes::Bytes;
use serde::Serialize;

use super::stream::Stream;
use crate::error::BatchError;
use crate::message::Bodies;
use crate::position::Position;
use crate::{Limits, PublishError};

/// What became of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PublishedBatch {
    /// Where its first message stands. The others follow on it without a gap.
    pub first: Position,
    /// Where its last message stands.
    pub last: Position,
    /// How many readers were connected.
    pub receivers: usize,
}

impl PublishedBatch {
    /// How many messages it has.
    #[must_use]
    pub const fn messages(&self) -> u64 {
        self.last.sequence - self.first.sequence + 1
    }
}

/// What is appended to a log at one time: one message, or several.
pub(crate) trait Lot {
    fn count(&self) -> usize;
    fn weight(&self) -> usize;
    /// Gives each message its place. Returns the last.
    fn place<F: FnMut(Bodies) -> Position>(self, append: F) -> Position;
}

impl Lot for Bodies {
    fn count(&self) -> usize {
        1
    }

    fn weight(&self) -> usize {
        self.weight()
    }

    fn place<F: FnMut(Self) -> Position>(self, mut append: F) -> Position {
        append(self)
    }
}

/// The messages of a batch. Bounded while it is gathered, so that nothing is encoded in vain past a bound.
#[derive(Debug)]
pub(crate) struct Messages {
    list: Vec<Bodies>,
    weight: usize,
    bounds: Bounds,
}

/// How much a batch may be.
#[derive(Clone, Copy, Debug)]
struct Bounds {
    messages: (&'static str, usize),
    weight: (&'static str, usize),
}

impl Messages {
    /// An empty batch for `stream`: it must fit into the log of that, or its last messages would push out its first.
    pub(crate) fn new(stream: &Stream) -> Self {
        let (limits, config) = (stream.limits(), stream.config());
        let smaller = |name, one, other_name, other| match one <= other {
            true => (name, one),
            false => (other_name, other),
        };
        let bounds = Bounds {
            messages: smaller(
                "batch_messages",
                limits.batch_messages,
                "log_messages of the stream",
                config.log_messages,
            ),
            weight: smaller(
                "twice batch_bytes",
                limits.batch_bytes.saturating_mul(2),
                "log_bytes of the stream",
                config.log_bytes,
            ),
        };
        Self { list: Vec::new(), weight: 0, bounds }
    }

    /// One more.
    pub(crate) fn push(
        &mut self,
        encode: impl FnOnce() -> Result<Bodies, PublishError>,
    ) -> Result<(), BatchError> {
        let (bound, max) = self.bounds.messages;
        if self.list.len() >= max {
            return Err(BatchError::TooMany { bound, max });
        }
        let number = self.list.len() + 1;
        let bodies = encode().map_err(|error| BatchError::Message { number, error })?;
        self.weight += bodies.weight();
        let (bound, max) = self.bounds.weight;
        if self.weight > max {
            return Err(BatchError::TooLong { bound, max });
        }
        self.list.push(bodies);
        Ok(())
    }

    /// How many there are.
    pub(crate) const fn len(&self) -> usize {
        self.list.len()
    }

    /// What tells two batches apart, message by message.
    pub(crate) fn texts(&self) -> impl Iterator<Item = &[u8]> {
        self.list.iter().flat_map(Bodies::texts)
    }
}

impl Lot for Messages {
    fn count(&self) -> usize {
        self.list.len()
    }

    fn weight(&self) -> usize {
        self.weight
    }

    fn place<F: FnMut(Bodies) -> Position>(self, mut append: F) -> Position {
        let mut last = None;
        for bodies in self.list {
            last = Some(append(bodies));
        }
        last.expect("a batch that is published has a message")
    }
}

impl Stream {
    /// Publishes several values, one after the other, with nothing in between: all of them, or none. Readers get what is
    /// due to them of it in one write.
    ///
    /// A batch has [`Limits::batch_messages`] at most, and no more than the stream's log holds at one time, in messages
    /// and in bytes: its first are not to be forgotten for its last. Cancel safe, as [`publish`](Self::publish) is.
    ///
    /// # Errors
    ///
    /// [`BatchError`]: the batch, or the value that it names, was refused. Nothing was sent.
    pub async fn publish_batch<'v, T: Serialize + ?Sized + 'v>(
        &self,
        values: impl IntoIterator<Item = &'v T>,
    ) -> Result<PublishedBatch, BatchError> {
        let messages =
            self.gather(values, |value| Bodies::encode(value, &self.shared.classes, &self.shared.limits));
        self.publish_messages(messages?).await
    }

    /// [`publish_batch`](Self::publish_batch), of JSON texts.
    ///
    /// # Errors
    ///
    /// As [`publish_batch`](Self::publish_batch), and for each text as [`publish_json`](Self::publish_json).
    pub async fn publish_json_batch<J: Into<Bytes>>(
        &self,
        texts: impl IntoIterator<Item = J>,
    ) -> Result<PublishedBatch, BatchError> {
        let messages =
            self.gather(texts, |text| Bodies::json(&text.into(), &self.shared.classes, &self.shared.limits));
        self.publish_messages(messages?).await
    }

    /// [`publish_batch`](Self::publish_batch), of Hessian values that stand one after the other, as one `Hessian2Output`
    /// writes them: later ones may name classes that earlier ones have defined, and refer to parts of earlier ones.
    ///
    /// # Errors
    ///
    /// As [`publish_batch`](Self::publish_batch); [`BatchError::Refused`] with [`PublishError::NotHessian`] if the bytes
    /// are no such values.
    pub async fn publish_hessian_batch(&self, values: &[u8]) -> Result<PublishedBatch, BatchError> {
        let messages = self.hessian_messages(values);
        self.publish_messages(messages?).await
    }

    pub(crate) fn gather<T>(
        &self,
        items: impl IntoIterator<Item = T>,
        encode: impl Fn(T) -> Result<Bodies, PublishError>,
    ) -> Result<Messages, BatchError> {
        let mut messages = Messages::new(self);
        for item in items {
            messages.push(|| encode(item))?;
        }
        Ok(messages)
    }

    /// The messages of several Hessian values.
    pub(crate) fn hessian_messages(&self, values: &[u8]) -> Result<Messages, BatchError> {
        let graph = crate::encode::read_values(values).map_err(PublishError::NotHessian)?;
        self.gather(graph.roots(), |value| {
            Bodies::graph(&value.to_graph(), &self.shared.classes, &self.shared.limits)
        })
    }

    /// Appends them.
    pub(crate) async fn publish_messages(&self, messages: Messages) -> Result<PublishedBatch, BatchError> {
        let Some(more) = messages.len().checked_sub(1) else { return Err(BatchError::Empty) };
        let published = self.append(messages).await?;
        let last = published.position;
        let first = Position { sequence: last.sequence - more as u64, ..last };
        Ok(PublishedBatch { first, last, receivers: published.receivers })
    }

    /// The bounds of what is encoded.
    pub(crate) fn encode_with<R>(&self, with: impl FnOnce(&crate::encode::Classes, &Limits) -> R) -> R {
        with(&self.shared.classes, &self.shared.limits)
    }
}
