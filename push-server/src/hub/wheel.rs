//! A coarse timer wheel: one per shard, for all its connections.

use std::time::Duration;

use tokio::time::Instant;

/// Resolution of the wheel. Heartbeats and stalls are matters of seconds.
pub(crate) const TICK: Duration = Duration::from_millis(100);

/// Slots, and so the farthest deadline: 51.2 s. A later one comes up early, and its owner asks again.
const SLOTS: usize = 512;

/// Timers by the tick at which they come up. Setting one is a push, however many there are. There is no
/// cancelling: an entry that comes up is a question, "is it time?", and its owner, who knows when it last
/// wrote, sets the next one. So sending a message never touches the wheel.
#[derive(Debug)]
pub(crate) struct Wheel<T> {
    started: Instant,
    /// Everything up to and with this tick has come up.
    tick: u64,
    slots: Box<[Vec<T>]>,
    len: usize,
}

impl<T> Wheel<T> {
    pub(crate) fn new(now: Instant) -> Self {
        Self { started: now, tick: 0, slots: (0..SLOTS).map(|_| Vec::new()).collect(), len: 0 }
    }

    /// Has `item` come up at the first tick at or after `at`, or at the farthest slot if that is nearer.
    pub(crate) fn set(&mut self, at: Instant, item: T) {
        let ticks = at.saturating_duration_since(self.started).as_nanos().div_ceil(TICK.as_nanos());
        let tick =
            u64::try_from(ticks).unwrap_or(u64::MAX).clamp(self.tick + 1, self.tick + SLOTS as u64 - 1);
        self.slots[slot(tick)].push(item);
        self.len += 1;
    }

    /// When the next timer comes up. Looks at no more than the slots.
    pub(crate) fn next(&self) -> Option<Instant> {
        if self.len == 0 {
            return None;
        }
        let ahead = (1..SLOTS as u64).find(|ahead| !self.slots[slot(self.tick + ahead)].is_empty())?;
        let ticks = u32::try_from(self.tick + ahead).unwrap_or(u32::MAX);
        Some(self.started + TICK * ticks)
    }

    /// Takes everything out of it.
    pub(crate) fn drain(&mut self) -> impl Iterator<Item = T> {
        self.len = 0;
        self.slots.iter_mut().flat_map(std::mem::take)
    }

    /// Moves everything that has come up by `now` to `out`.
    pub(crate) fn advance(&mut self, now: Instant, out: &mut Vec<T>) {
        let ticks = now.saturating_duration_since(self.started).as_nanos() / TICK.as_nanos();
        let to = u64::try_from(ticks).unwrap_or(u64::MAX);
        // After a long pause every slot comes up once; there is no need to go round again.
        let from = self.tick.max(to.saturating_sub(SLOTS as u64));
        for tick in from + 1..=to {
            // Taken, not emptied: a slot that once held many would keep that room for ever.
            let mut due = std::mem::take(&mut self.slots[slot(tick)]);
            self.len -= due.len();
            out.append(&mut due);
        }
        self.tick = self.tick.max(to);
    }
}

fn slot(tick: u64) -> usize {
    usize::try_from(tick % SLOTS as u64).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NONE: Vec<u32> = Vec::new();

    fn due(wheel: &mut Wheel<u32>, now: Instant) -> Vec<u32> {
        let mut out = Vec::new();
        wheel.advance(now, &mut out);
        out
    }

    #[test]
    fn a_timer_comes_up_once_and_not_early() {
        let start = Instant::now();
        let mut wheel = Wheel::new(start);
        wheel.set(start + TICK * 3 / 2, 1);
        assert_eq!(wheel.next(), Some(start + TICK * 2));
        assert_eq!(due(&mut wheel, start + TICK * 3 / 2), NONE);
        assert_eq!(due(&mut wheel, start + TICK * 2), [1]);
        assert_eq!(due(&mut wheel, start + TICK * 1_000), NONE);
        assert_eq!(wheel.next(), None);
    }

    #[test]
    fn what_is_past_or_too_far_comes_up_at_the_nearest_and_the_farthest_slot() {
        let start = Instant::now();
        let mut wheel = Wheel::new(start);
        assert_eq!(due(&mut wheel, start + TICK * 10), NONE);
        wheel.set(start, 1);
        wheel.set(start + TICK * 100_000, 2);
        assert_eq!(wheel.next(), Some(start + TICK * 11));
        assert_eq!(due(&mut wheel, start + TICK * 11), [1]);
        assert_eq!(wheel.next(), Some(start + TICK * (10 + SLOTS as u32 - 1)));
        assert_eq!(due(&mut wheel, start + TICK * 100_000), [2]);
    }

    #[test]
    fn a_slot_keeps_no_room_for_what_has_come_up() {
        let start = Instant::now();
        let mut wheel = Wheel::new(start);
        (0..1_000).for_each(|item| wheel.set(start + TICK, item));
        assert_eq!(due(&mut wheel, start + TICK).len(), 1_000);
        assert_eq!(wheel.slots.iter().map(Vec::capacity).sum::<usize>(), 0);
    }

    proptest! {
        #[test]
        fn every_timer_comes_up_within_a_tick_of_its_time(
            timers in proptest::collection::vec(0..50_000u64, 1..100),
            steps in proptest::collection::vec(1..9_000u64, 1..40),
        ) {
            let start = Instant::now();
            let mut wheel = Wheel::new(start);
            for (index, ms) in timers.iter().enumerate() {
                wheel.set(start + Duration::from_millis(*ms), index as u32);
            }
            let (mut now, mut seen) = (0, vec![false; timers.len()]);
            for step in steps {
                now += step;
                for index in due(&mut wheel, start + Duration::from_millis(now)) {
                    prop_assert!(timers[index as usize] <= now);
                    prop_assert!(!std::mem::replace(&mut seen[index as usize], true));
                }
                for (index, seen) in seen.iter().enumerate() {
                    prop_assert!(*seen || timers[index] + 100 > now, "late: {} at {now}", timers[index]);
                }
            }
        }
    }
}
