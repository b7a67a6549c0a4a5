//! The latest messages of one stream: what late, slow and returning readers are served from.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::budget::Budget;
use super::config::StreamConfig;
use super::stats::Overrun;
use crate::message::{Bodies, Message};
use crate::position::{Epoch, Position};

/// An append-only ring, bounded in messages, bytes and age. Readers hold cursors, the log knows none of them:
/// replay and live are the same walk from a cursor to the head.
#[derive(Debug)]
pub(crate) struct Log {
    epoch: Epoch,
    ring: VecDeque<Arc<Message>>,
    /// After the newest message.
    head: Cursor,
    /// Bytes of the messages in the ring.
    held: usize,
    /// When the newest message was published: kept here, as the message itself is seldom at hand for the processor.
    published: Option<Instant>,
    config: StreamConfig,
    /// What the logs of all streams hold.
    in_all: Arc<Budget>,
}

/// Whether there is room for a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Room {
    /// There is, and it is taken.
    Taken,
    /// Once all shards have seen what would be forgotten for it.
    Later,
    /// The logs of all streams are full.
    Full,
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

/// The places that a reader with a full socket must have passed not to be too far behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Floor {
    /// A sequence.
    messages: u64,
    /// The [`end`](Cursor::end) of a cursor.
    bytes: u64,
    /// The sequence before the oldest message held.
    held: u64,
    /// The furthest of them: where a reader goes on that is behind it.
    pub(crate) cursor: Cursor,
}

impl Floor {
    /// Which bound a reader at `cursor` has overrun, if any.
    pub(crate) const fn overrun(&self, cursor: Cursor) -> Option<Overrun> {
        match cursor.sequence {
            at if at >= self.cursor.sequence => None,
            at if at < self.messages => Some(Overrun::Messages),
            _ if cursor.end < self.bytes => Some(Overrun::Bytes),
            at if at < self.held => Some(Overrun::Log),
            _ => Some(Overrun::Age),
        }
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
    pub(crate) const fn new(epoch: Epoch, config: StreamConfig, in_all: Arc<Budget>) -> Self {
        Self {
            epoch,
            ring: VecDeque::new(),
            head: Cursor { sequence: 0, end: 0 },
            held: 0,
            published: None,
            config,
            in_all,
        }
    }

    /// Makes room for `count` messages of `weight` together: forgets the oldest ones past the bounds, also past that on all
    /// logs together, but nothing after `seen`.
    pub(crate) fn make_room(&mut self, count: usize, weight: usize, seen: u64) -> Room {
        let needed = weight + count * Message::OVERHEAD;
        let room = match self.excess(count, weight, self.in_all.overdraw(needed)) {
            None => Room::Full,
            Some(count) if self.base().sequence + count as u64 > seen => Room::Later,
            Some(count) => {
                (0..count).for_each(|_| self.forget_oldest());
                return Room::Taken;
            }
        };
        self.in_all.give_back(needed);
        room
    }

    /// How many of the oldest messages have to go for `more` of `weight` together, and so that all logs have `over` bytes
    /// less. Nothing if this log does not hold as many.
    fn excess(&self, more: usize, weight: usize, over: usize) -> Option<usize> {
        // Before a look at each: where all logs are full this is asked often.
        if over > self.held + self.ring.len() * Message::OVERHEAD {
            return None;
        }
        let (mut count, mut held, mut freed) = (0, self.held, 0);
        while freed < over || self.is_over(self.ring.len() - count + more, held + weight) {
            let Some(oldest) = self.ring.get(count) else { break };
            count += 1;
            held -= oldest.weight();
            freed += oldest.weight() + Message::OVERHEAD;
        }
        Some(count)
    }

    /// Gives the next place to `bodies`, for which [room](Self::make_room) was made. The newest message is always held,
    /// whatever its size, until it is too old.
    pub(crate) fn append(&mut self, bodies: Bodies, now: Instant) -> Position {
        let weight = bodies.weight();
        self.head.sequence += 1;
        self.head.end += weight as u64;
        let position = self.position();
        self.held += weight;
        self.published = Some(now);
        self.ring.push_back(Message::new(bodies, position, self.head.end, now));
        position
    }

    fn forget_oldest(&mut self) {
        let Some(oldest) = self.ring.pop_front() else { return };
        self.held -= oldest.weight();
        self.in_all.give_back(oldest.weight() + Message::OVERHEAD);
    }

    /// Forgets what is too old, as far as `seen`: what no shard has taken to its readers yet is not history.
    /// Returns when to ask again.
    pub(crate) fn expire(&mut self, now: Instant, seen: u64) -> Option<Instant> {
        while let Some(oldest) = self.ring.front() {
            let lapses = oldest.published + self.config.log_age;
            if lapses > now {
                return Some(lapses);
            }
            if oldest.position.sequence > seen {
                return Some(now);
            }
            self.forget_oldest();
        }
        // As long as the largest burst of its life is no size for an idle stream.
        self.ring.shrink_to(0);
        None
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.ring.is_empty()
    }

    /// When the oldest message is too old.
    pub(crate) fn lapses(&self) -> Option<Instant> {
        self.ring.front().map(|oldest| oldest.published + self.config.log_age)
    }

    /// Before the oldest message that is not too old.
    fn fresh(&self, now: Instant) -> Cursor {
        self.not_before(self.ring.partition_point(|message| message.published + self.config.log_age <= now))
    }

    /// The newest message, unless it is too old.
    pub(crate) fn latest(&self, now: Instant) -> Option<Arc<Message>> {
        self.ring.back().filter(|newest| newest.published + self.config.log_age > now).cloned()
    }

    /// Whether nothing was published within `time` before `now`.
    pub(crate) fn is_quiet(&self, now: Instant, time: Duration) -> bool {
        self.published.is_none_or(|published| published + time <= now)
    }

    /// Messages a second, over the last ten seconds or as far as the log reaches.
    pub(crate) fn rate(&self, now: Instant) -> f64 {
        const SPAN: Duration = Duration::from_secs(10);
        let old = self.ring.partition_point(|message| message.published + SPAN <= now);
        let count = self.ring.len() - old;
        let span = match self.ring.front() {
            // The log may reach back less far, but only if it has forgotten something.
            Some(oldest) if old == 0 && self.base().sequence > 0 => {
                now.saturating_duration_since(oldest.published).min(SPAN)
            }
            _ => SPAN,
        };
        #[expect(clippy::cast_precision_loss, reason = "a count of messages held")]
        let rate = count as f64 / span.as_secs_f64().max(1e-3);
        rate
    }

    const fn is_over(&self, messages: usize, bytes: usize) -> bool {
        messages > self.config.log_messages || bytes > self.config.log_bytes
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
    pub(crate) fn base(&self) -> Cursor {
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

    /// After the first `count` messages held.
    fn not_before(&self, count: usize) -> Cursor {
        match count.checked_sub(1).and_then(|last| self.ring.get(last)) {
            Some(message) => Cursor::after(message),
            None => self.base(),
        }
    }

    /// Where a reader goes on who wants the newest message only.
    pub(crate) fn before_newest(&self) -> Cursor {
        self.not_before(self.ring.len().saturating_sub(1))
    }

    /// What a reader with a full socket must have got by now. The newest message is never overdue.
    pub(crate) fn floor(&self, now: Instant) -> Floor {
        let config = &self.config;
        let newest = self.before_newest().sequence;
        let messages = self.head.sequence.saturating_sub(config.lag_messages);
        let enough = self.head.end.saturating_sub(config.lag_bytes);
        let bytes = match self.base().end >= enough {
            true => self.base().sequence,
            false => {
                self.base().sequence + 1 + self.ring.partition_point(|message| message.end < enough) as u64
            }
        };
        let overdue = self.ring.partition_point(|message| message.published + config.lag_age <= now);
        let age = self.not_before(overdue).sequence;
        let cursor = self.nearest(messages.max(bytes).max(age).min(newest));
        Floor { messages, bytes: enough, held: self.base().sequence, cursor }
    }

    /// The cursor of a new reader, and what it has to be told.
    pub(crate) fn start(&self, start: Start, now: Instant) -> (Cursor, Resume) {
        let (head, fresh) = (self.head.sequence, self.fresh(now));
        match start {
            Start::Live => (self.head, Resume::Fresh),
            Start::Latest(count) => {
                (self.nearest(head.saturating_sub(count).max(fresh.sequence)), Resume::Fresh)
            }
            Start::After(Position { epoch, sequence }) => {
                if epoch != self.epoch || sequence > head {
                    (fresh, Resume::EpochChanged)
                } else if sequence < fresh.sequence {
                    (fresh, Resume::Gap { from: sequence + 1, to: fresh.sequence })
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

impl Drop for Log {
    fn drop(&mut self) {
        self.in_all.give_back(self.held + self.ring.len() * Message::OVERHEAD);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Limits;
    use crate::encode::Classes;
    use proptest::prelude::*;

    const EPOCH: Epoch = Epoch::new(9);

    const HOUR: Duration = Duration::from_secs(3_600);

    fn log(messages: usize, bytes: usize) -> Log {
        let config = StreamConfig::new(&Limits::default()).history(messages, bytes, HOUR);
        Log::new(EPOCH, config, Budget::new(usize::MAX).into())
    }

    /// With all shards up to date.
    fn append(log: &mut Log, bodies: Bodies, now: Instant) -> Position {
        assert_eq!(log.make_room(1, bodies.weight(), u64::MAX), Room::Taken);
        log.append(bodies, now)
    }

    fn now() -> Instant {
        Instant::now()
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
        assert_eq!(log.start(Start::Latest(3), now()), (log.head(), Resume::Fresh));
        assert_eq!(log.start(Start::After(log.position()), now()), (log.head(), Resume::Complete));
    }

    #[test]
    fn a_message_larger_than_the_log_is_still_held_alone() {
        let mut log = log(4, 100);
        append(&mut log, bodies(10), now());
        append(&mut log, bodies(500), now());
        assert_eq!(sequences(&log, 1, 9), Ok(vec![2]));
        assert_eq!(sequences(&log, 0, 9), Err(Gap));
    }

    /// A batch has its place as a whole: as many go as it needs, or nothing changes.
    #[test]
    fn several_messages_make_room_together() {
        let config = StreamConfig::new(&Limits::default()).history(4, 4 * bodies(100).weight(), HOUR);
        let in_all = Arc::new(Budget::new(usize::MAX));
        let mut log = Log::new(EPOCH, config, in_all.clone());
        for _ in 0..3 {
            append(&mut log, bodies(100), now());
        }
        let two = 2 * bodies(100).weight();
        assert_eq!((log.make_room(2, two, 0), log.base().sequence), (Room::Later, 0));
        assert_eq!((log.make_room(2, two, 1), log.base().sequence), (Room::Taken, 1));
        log.append(bodies(100), now());
        log.append(bodies(100), now());
        assert_eq!(
            (sequences(&log, 1, 9), in_all.used()),
            (Ok(vec![2, 3, 4, 5]), 2 * two + 4 * Message::OVERHEAD)
        );
        // Short ones, of which there are too many, and a long one.
        assert_eq!((log.make_room(3, 6, u64::MAX), log.base().sequence), (Room::Taken, 4));
        for _ in 0..3 {
            log.append(Bodies::encode(&0, &Classes::default(), &Limits::default()).unwrap(), now());
        }
        assert_eq!((log.make_room(1, two, 4), log.base().sequence), (Room::Later, 4));
        assert_eq!((log.make_room(1, two, 5), log.base().sequence), (Room::Taken, 5));
    }

    #[test]
    fn all_logs_together_are_bounded_and_each_forgets_its_own() {
        let needed = bodies(100).weight() + Message::OVERHEAD;
        let in_all = Arc::new(Budget::new(3 * needed));
        let config = StreamConfig::new(&Limits::default());
        let new = || Log::new(EPOCH, config.clone(), in_all.clone());
        let (mut one, mut other, mut third) = (new(), new(), new());
        append(&mut one, bodies(100), now());
        append(&mut one, bodies(100), now());
        append(&mut other, bodies(100), now());
        assert_eq!(in_all.used(), in_all.max());
        // There is nothing of its own to forget.
        assert_eq!(third.make_room(1, 1, u64::MAX), Room::Full);
        // What a shard has not seen is not forgotten, and nothing is taken meanwhile.
        assert_eq!(one.make_room(1, bodies(100).weight(), 0), Room::Later);
        assert_eq!(in_all.used(), in_all.max());
        append(&mut one, bodies(100), now());
        assert_eq!((sequences(&one, 1, 9), sequences(&one, 0, 9)), (Ok(vec![2, 3]), Err(Gap)));
        // Two have to go for one that is larger, but never somebody else's.
        append(&mut one, bodies(150), now());
        assert_eq!(sequences(&one, 3, 9), Ok(vec![4]));
        assert_eq!(one.make_room(1, 4 * needed, u64::MAX), Room::Full);
        assert_eq!((sequences(&one, 3, 9), sequences(&other, 0, 9)), (Ok(vec![4]), Ok(vec![1])));
        drop(other);
        append(&mut third, bodies(1), now());
        one.expire(now() + HOUR, u64::MAX);
        drop((one, third));
        assert_eq!(in_all.used(), 0);
    }

    #[test]
    fn a_resume_is_answered_explicitly() {
        let mut log = log(3, 1 << 20);
        for _ in 0..5 {
            append(&mut log, bodies(1), now());
        }
        let start = |start| {
            let (cursor, resume) = log.start(start, now());
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
                let position = append(&mut log, bodies, now());
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
                let (begin, _) = log.start(start, now());
                prop_assert!(sequences(&log, begin.sequence, 100).is_ok());
                let behind: usize = weights[usize::try_from(begin.sequence).unwrap()..].iter().sum();
                prop_assert_eq!(begin.lag(log.head()), (head - begin.sequence, behind as u64));
            }
            // The warning comes true: what one more message would forget is gone after it.
            for next in [0, 700] {
                let weight = bodies(next).weight();
                let warned = log.make_room(1, weight, cursor) == Room::Later;
                if warned {
                    append(&mut log, bodies(next), now());
                } else {
                    log.append(bodies(next), now());
                }
                prop_assert_eq!(warned, sequences(&log, cursor, 1).is_err());
            }
        }

        /// Age and lag against a plain list of all messages with their times.
        #[test]
        fn age_and_lag_are_those_of_a_list(
            steps in proptest::collection::vec((0..200usize, 0..20u64), 1..40),
            log_age in 1..100u64,
            (lag_messages, lag_bytes, lag_age) in (0..20u64, 0..2_000u64, 1..100u64),
            seen in 0..45u64,
        ) {
            let seconds = Duration::from_secs;
            let config = StreamConfig::new(&Limits::default())
                .history(1_000, 1 << 20, seconds(log_age))
                .lag(lag_messages, lag_bytes, seconds(lag_age));
            let mut log = Log::new(EPOCH, config, Budget::new(usize::MAX).into());
            let (begin, mut time, mut list) = (now(), 0, Vec::new());
            for (size, passes) in steps {
                time += passes;
                let bodies = bodies(size);
                list.push((bodies.weight() as u64, time));
                append(&mut log, bodies, begin + seconds(time));
            }
            time += 30;
            let (at, head) = (begin + seconds(time), list.len() as u64);
            let after = |sequence: u64| &list[usize::try_from(sequence).unwrap()..];

            // A reader may be where all that it lacks is within the bounds, or where it lacks the newest alone.
            let is_near = |sequence: u64| {
                let lacks = after(sequence);
                lacks.len() <= 1
                    || lacks.len() as u64 <= lag_messages
                        && lacks.iter().map(|(weight, _)| weight).sum::<u64>() <= lag_bytes
                        && lacks.iter().all(|(_, published)| published + lag_age > time)
            };
            let floor = log.floor(at);
            prop_assert_eq!(floor.cursor.sequence, (0..=head).find(|&sequence| is_near(sequence)).unwrap());
            for sequence in 0..=head {
                let cursor = log.nearest(sequence);
                prop_assert_eq!(floor.overrun(cursor).is_none(), is_near(sequence), "at {}", sequence);
            }
            let behind: u64 = after(floor.cursor.sequence).iter().map(|(weight, _)| weight).sum();
            prop_assert_eq!(floor.cursor.lag(log.head()), (head - floor.cursor.sequence, behind));

            // Nobody is given what is too old; it is forgotten as far as all shards have seen it.
            let lapsed = list.iter().filter(|(_, published)| published + log_age <= time).count() as u64;
            for start in [Start::Latest(u64::MAX), Start::After(Position { epoch: Epoch::new(1), sequence: 0 })] {
                prop_assert_eq!(log.start(start, at).0.sequence, lapsed);
            }
            prop_assert_eq!(log.latest(at).is_none(), lapsed == head);
            let again = log.expire(at, seen);
            prop_assert_eq!(log.base().sequence, lapsed.min(seen));
            let oldest = list.get(usize::try_from(lapsed.min(seen)).unwrap());
            prop_assert_eq!(again, oldest.map(|(_, published)| at.max(begin + seconds(published + log_age))));
            prop_assert_eq!(log.is_empty(), log.base().sequence == head);
        }
    }
}
