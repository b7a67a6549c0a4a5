//! The latest messages of one stream: what late, slow and returning readers are served from.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use crate::Limits;
use crate::message::{Bodies, Message};
use crate::position::{Epoch, Position};

/// An append-only ring, bounded in messages and in bytes. Readers hold cursors, the log knows none of them:
/// replay and live are the same walk from a cursor to the head.
#[derive(Debug)]
pub(crate) struct Log {
    epoch: Epoch,
    ring: VecDeque<Arc<Message>>,
    /// After the newest message.
    head: Cursor,
    /// Bytes of the messages in the ring.
    held: usize,
    max_messages: usize,
    max_bytes: usize,
}

/// What a reader has got so far: the place before the next message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cursor {
    /// Sequence of the last message it got.
    pub(crate) sequence: u64,
    /// Bytes of all messages of the stream up to and with that one.
    pub(crate) end: u64,
}

impl Cursor {
    pub(crate) fn after(message: &Message) -> Self {
        Self { sequence: message.position.sequence, end: message.end }
    }

    /// How far it is behind `head`, in messages and in bytes.
    pub(crate) const fn lag(self, head: Self) -> (u64, u64) {
        (head.sequence.saturating_sub(self.sequence), head.end.saturating_sub(self.end))
    }
}

/// A cursor points at messages that the log no longer holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Gap;

/// Where a new reader begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// With the next message.
    Live,
    /// With the newest `n` messages, as far as they are still held, then live.
    Latest(u64),
    /// After this position, which another connection of the same client has reached.
    After(Position),
}

/// The answer to [`Start::After`]: never silence, so that a client knows whether it has missed something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resume {
    /// Nothing was asked: the reader began somewhere of its own choice.
    Fresh,
    /// Everything after the position follows.
    Complete,
    /// The messages `from..=to` are lost; everything after them follows.
    Gap {
        /// The first one lost.
        from: u64,
        /// The last one lost.
        to: u64,
    },
    /// The position belongs to another history, or lies ahead of this one. What this history still holds
    /// follows from its beginning: the reader has seen none of it.
    EpochChanged,
}

impl fmt::Display for Resume {
    /// The verdict as clients read it: `fresh`, `complete`, `gap FROM-TO` or `epoch-changed`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fresh => f.write_str("fresh"),
            Self::Complete => f.write_str("complete"),
            Self::Gap { from, to } => write!(f, "gap {from}-{to}"),
            Self::EpochChanged => f.write_str("epoch-changed"),
        }
    }
}

impl Log {
    pub(crate) fn new(epoch: Epoch, limits: &Limits) -> Self {
        Self {
            epoch,
            ring: VecDeque::new(),
            head: Cursor { sequence: 0, end: 0 },
            held: 0,
            max_messages: limits.log_messages.max(1),
            max_bytes: limits.log_bytes,
        }
    }

    /// Gives the next place to `bodies` and forgets the oldest messages past the bounds. The newest message
    /// is always held, whatever its size.
    pub(crate) fn append(&mut self, bodies: Bodies) -> Position {
        let weight = bodies.weight();
        self.head.sequence += 1;
        self.head.end += weight as u64;
        let position = self.position();
        while self.is_over(self.ring.len(), self.held + weight) {
            let Some(oldest) = self.ring.pop_front() else { break };
            self.held -= oldest.weight();
        }
        self.held += weight;
        self.ring.push_back(Message::new(bodies, position, self.head.end));
        position
    }

    /// Whether a reader at `sequence` would have a gap once `weight` more bytes are appended as one message.
    pub(crate) fn would_leave_behind(&self, sequence: u64, weight: usize) -> bool {
        let (mut base, mut held) = (self.base().sequence, self.held);
        for (index, oldest) in self.ring.iter().enumerate() {
            if base > sequence || !self.is_over(self.ring.len() - index, held + weight) {
                break;
            }
            base += 1;
            held -= oldest.weight();
        }
        base > sequence
    }

    const fn is_over(&self, messages: usize, bytes: usize) -> bool {
        messages >= self.max_messages || bytes > self.max_bytes
    }

    /// Where a reader is that has got everything.
    pub(crate) const fn position(&self) -> Position {
        Position { epoch: self.epoch, sequence: self.head.sequence }
    }

    /// After the newest message.
    pub(crate) const fn head(&self) -> Cursor {
        self.head
    }

    /// Before the oldest message held.
    fn base(&self) -> Cursor {
        Cursor {
            sequence: self.head.sequence - self.ring.len() as u64,
            end: self.head.end - self.held as u64,
        }
    }

    /// After the message `sequence`, or as near to it as the log reaches.
    fn nearest(&self, sequence: u64) -> Cursor {
        match sequence.checked_sub(self.base().sequence + 1) {
            None => self.base(),
            Some(index) => {
                let message = usize::try_from(index).ok().and_then(|index| self.ring.get(index));
                message.map_or(self.head, |message| Cursor::after(message))
            }
        }
    }

    /// The cursor of a new reader, and what it has to be told.
    pub(crate) fn start(&self, start: Start) -> (Cursor, Resume) {
        let (head, base) = (self.head.sequence, self.base().sequence);
        match start {
            Start::Live => (self.head, Resume::Fresh),
            Start::Latest(count) => (self.nearest(head.saturating_sub(count)), Resume::Fresh),
            Start::After(Position { epoch, sequence }) => {
                if epoch != self.epoch || sequence > head {
                    (self.base(), Resume::EpochChanged)
                } else if sequence < base {
                    (self.base(), Resume::Gap { from: sequence + 1, to: base })
                } else {
                    (self.nearest(sequence), Resume::Complete)
                }
            }
        }
    }

    /// Appends the messages after `sequence` to `out`, at most `max`. Counts references, copies nothing.
    ///
    /// # Errors
    ///
    /// [`Gap`] if the message after `sequence` is gone. Past the head there is nothing to read.
    pub(crate) fn read(&self, sequence: u64, max: usize, out: &mut Vec<Arc<Message>>) -> Result<(), Gap> {
        let index = sequence.checked_sub(self.base().sequence).ok_or(Gap)?;
        let from = usize::try_from(index).unwrap_or(usize::MAX).min(self.ring.len());
        let to = from.saturating_add(max).min(self.ring.len());
        out.extend(self.ring.range(from..to).cloned());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encode::Classes;
    use proptest::prelude::*;

    const EPOCH: Epoch = Epoch::new(9);

    fn log(messages: usize, bytes: usize) -> Log {
        Log::new(EPOCH, &Limits { log_messages: messages, log_bytes: bytes, ..Limits::default() })
    }

    /// Bodies of a string of `length` letters: that many bytes and a header in each of the two forms.
    fn bodies(length: usize) -> Bodies {
        let bodies = Bodies::encode(&"x".repeat(length), &Classes::default(), &Limits::default()).unwrap();
        assert!(bodies.weight() >= 2 * length);
        bodies
    }

    fn sequences(log: &Log, cursor: u64, max: usize) -> Result<Vec<u64>, Gap> {
        let mut out = Vec::new();
        log.read(cursor, max, &mut out).map(|()| out.iter().map(|m| m.position.sequence).collect())
    }

    #[test]
    fn an_empty_log_has_a_place_before_its_first_message() {
        let log = log(4, 1_000);
        assert_eq!(log.position(), Position { epoch: EPOCH, sequence: 0 });
        assert_eq!(sequences(&log, 0, 9), Ok(vec![]));
        assert_eq!(log.start(Start::Latest(3)), (log.head(), Resume::Fresh));
        assert_eq!(log.start(Start::After(log.position())), (log.head(), Resume::Complete));
    }

    #[test]
    fn a_message_larger_than_the_log_is_still_held_alone() {
        let mut log = log(4, 100);
        log.append(bodies(10));
        log.append(bodies(500));
        assert_eq!(sequences(&log, 1, 9), Ok(vec![2]));
        assert_eq!(sequences(&log, 0, 9), Err(Gap));
    }

    #[test]
    fn a_resume_is_answered_explicitly() {
        let mut log = log(3, 1 << 20);
        for _ in 0..5 {
            log.append(bodies(1));
        }
        let start = |start| {
            let (cursor, resume) = log.start(start);
            (cursor.sequence, resume)
        };
        let at = |sequence| Start::After(Position { epoch: EPOCH, sequence });
        assert_eq!(start(at(5)), (5, Resume::Complete));
        assert_eq!(start(at(2)), (2, Resume::Complete));
        assert_eq!(start(at(1)), (2, Resume::Gap { from: 2, to: 2 }));
        assert_eq!(start(at(0)), (2, Resume::Gap { from: 1, to: 2 }));
        assert_eq!(start(at(6)), (2, Resume::EpochChanged));
        let other = Position { epoch: Epoch::new(1), sequence: 3 };
        assert_eq!(start(Start::After(other)), (2, Resume::EpochChanged));
    }

    proptest! {
        /// The log against a plain list of every message ever appended.
        #[test]
        fn behaves_like_the_tail_of_a_list(
            sizes in proptest::collection::vec(0..300usize, 1..60),
            max_messages in 1..12usize,
            max_bytes in 0..2_000usize,
            cursor in 0..70u64,
            max in 0..20usize,
        ) {
            let mut log = log(max_messages, max_bytes);
            let mut weights = Vec::new();
            for size in sizes {
                let bodies = bodies(size);
                weights.push(bodies.weight());
                let position = log.append(bodies);
                prop_assert_eq!(position, Position { epoch: EPOCH, sequence: weights.len() as u64 });
            }
            // The longest tail within both bounds, but at least the newest.
            let held = (1..=weights.len().min(max_messages))
                .rev()
                .find(|n| *n == 1 || weights[weights.len() - n..].iter().sum::<usize>() <= max_bytes)
                .unwrap();
            let base = (weights.len() - held) as u64;
            let head = weights.len() as u64;
            let expected = if cursor < base {
                Err(Gap)
            } else {
                Ok((cursor + 1..=head).take(max).collect::<Vec<_>>())
            };
            prop_assert_eq!(sequences(&log, cursor, max), expected);
            // Whatever a reader asks for, it begins at a place the log can serve.
            for start in [
                Start::Live,
                Start::Latest(cursor),
                Start::After(Position { epoch: EPOCH, sequence: cursor }),
            ] {
                let (begin, _) = log.start(start);
                prop_assert!(sequences(&log, begin.sequence, 100).is_ok());
                let behind: usize = weights[usize::try_from(begin.sequence).unwrap()..].iter().sum();
                prop_assert_eq!(begin.lag(log.head()), (head - begin.sequence, behind as u64));
            }
            // The warning comes true: what one more message would forget is gone after it.
            for next in [0, 700] {
                let weight = bodies(next).weight();
                let warned = log.would_leave_behind(cursor, weight);
                log.append(bodies(next));
                prop_assert_eq!(warned, sequences(&log, cursor, 1).is_err());
            }
        }
    }
}
