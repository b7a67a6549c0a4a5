//! How often something may be done, for each of many: token buckets in a table that is bounded.
//!
//! By hand, though there is a crate, `governor`: its keyed stores grow until somebody asks them to be swept, so that a
//! client with many addresses fills memory between two sweeps; and it knows no work that counts more than once and may
//! be more than a bucket holds.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// How often something may be done: `per_second` on average, and `burst` at once after a time without. A bucket of
/// `burst` tokens that is filled with `per_second` a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// On average. 0: as often as one likes.
    pub per_second: u32,
    /// At once. 0 counts as 1.
    pub burst: u32,
}

impl Rate {
    /// As often as one likes.
    pub const UNLIMITED: Self = Self { per_second: 0, burst: 0 };

    /// So often a second, and so many at once.
    #[must_use]
    pub const fn new(per_second: u32, burst: u32) -> Self {
        Self { per_second, burst }
    }
}

/// A bucket for each key, in at most `most` entries of some 40 to 80 bytes.
///
/// A bucket that is full again is as one that never was, and is forgotten when the table is full. If that makes too
/// little room, those are forgotten that lack least: only who comes from more addresses than there are entries can
/// have himself forgotten, and has as many bursts as addresses anyway.
#[derive(Debug)]
pub(super) struct Buckets<K> {
    begin: Instant,
    most: usize,
    /// When each bucket is full again, in nanoseconds since `begin`.
    full_at: Mutex<HashMap<K, u64>>,
}

impl<K: Eq + Hash> Buckets<K> {
    pub(super) fn new(most: usize) -> Self {
        Self { begin: Instant::now(), most: most.max(1), full_at: Mutex::default() }
    }

    /// Takes `amount` from the bucket of `key`, or says in what time there will be enough. An amount that is more than
    /// the bucket holds is taken when it is full, and leaves it owing: so the average holds, whatever is done at once.
    ///
    /// O(1) on average; when the table is full, O(entries) once in a quarter of them.
    pub(super) fn take(&self, key: K, rate: Rate, amount: u32) -> Result<(), Duration> {
        self.spend(key, rate, amount, false)
    }

    /// Takes `amount` whatever there is, and leaves the bucket owing: for the rest of what has begun.
    pub(super) fn owe(&self, key: K, rate: Rate, amount: u32) {
        let taken = self.spend(key, rate, amount, true);
        debug_assert!(taken.is_ok(), "nothing is refused");
    }

    fn spend(&self, key: K, rate: Rate, amount: u32, may_owe: bool) -> Result<(), Duration> {
        if rate.per_second == 0 || amount == 0 {
            return Ok(());
        }
        let now = u64::try_from(self.begin.elapsed().as_nanos()).unwrap_or(u64::MAX);
        let interval = (SECOND / u64::from(rate.per_second)).max(1);
        let burst = u64::from(rate.burst.max(1));
        let amount = u64::from(amount);
        let mut table = self.full_at.lock().unwrap_or_else(PoisonError::into_inner);
        let full_at = table.get(&key).copied().unwrap_or(0).max(now);
        let lacks_then = full_at.saturating_add(interval.saturating_mul(amount.min(burst)));
        let in_time = now.saturating_add(interval.saturating_mul(burst));
        if lacks_then > in_time && !may_owe {
            return Err(Duration::from_nanos(lacks_then - in_time));
        }
        if table.len() >= self.most && !table.contains_key(&key) {
            make_room(&mut table, now, self.most);
        }
        table.insert(key, full_at.saturating_add(interval.saturating_mul(amount)));
        Ok(())
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        self.full_at.lock().unwrap().len()
    }
}

const SECOND: u64 = 1_000_000_000;

/// Leaves three quarters of the places taken at most.
fn make_room<K: Eq + Hash>(table: &mut HashMap<K, u64>, now: u64, most: usize) {
    table.retain(|_, full_at| *full_at > now);
    let keep = most * 3 / 4;
    if table.len() > keep {
        let mut times: Vec<u64> = table.values().copied().collect();
        let last_to_go = times.len() - keep - 1;
        let (_, bound, _) = times.select_nth_unstable(last_to_go);
        let bound = *bound;
        table.retain(|_, full_at| *full_at > bound);
    }
    table.shrink_to(most);
}

/// Seconds to be told in `Retry-After`: rounded up, so that who waits so long comes in time; 1 at least.
pub(crate) fn seconds(wait: Duration) -> u64 {
    let up = u64::from(wait.subsec_nanos() > 0);
    wait.as_secs().saturating_add(up).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::{advance, sleep};

    const TEN: Rate = Rate::new(10, 5);

    #[tokio::test(start_paused = true)]
    async fn a_burst_then_the_rate_and_the_wait_is_right_to_the_nanosecond() {
        let buckets = Buckets::new(10);
        let take = || buckets.take("a", TEN, 1);
        for _ in 0..5 {
            assert_eq!(take(), Ok(()));
        }
        assert_eq!(take(), Err(Duration::from_millis(100)));
        advance(Duration::from_millis(40)).await;
        assert_eq!(take(), Err(Duration::from_millis(60)), "a refusal takes nothing");
        advance(Duration::from_millis(60)).await;
        assert_eq!(take(), Ok(()));
        assert!(take().is_err());
        assert_eq!(buckets.take("b", TEN, 1), Ok(()), "another has a bucket of its own");
        // For ten seconds, as often as possible: the rate, and the burst once.
        advance(Duration::from_secs(10)).await;
        let begin = Instant::now();
        let mut taken = 0;
        while begin.elapsed() < Duration::from_secs(10) {
            match take() {
                Ok(()) => taken += 1,
                Err(wait) => sleep(wait).await,
            }
        }
        assert!((104..=105).contains(&taken), "{taken}");
    }

    #[tokio::test(start_paused = true)]
    async fn an_amount_that_no_bucket_holds_is_taken_from_a_full_one_and_owed() {
        let buckets = Buckets::new(10);
        assert_eq!(buckets.take("a", TEN, 1), Ok(()));
        assert_eq!(buckets.take("a", TEN, 100), Err(Duration::from_millis(100)));
        advance(Duration::from_millis(100)).await;
        assert_eq!(buckets.take("a", TEN, 100), Ok(()));
        // 95 are owed, at 10 a second, and one more.
        assert_eq!(buckets.take("a", TEN, 1), Err(Duration::from_millis(9_600)));
        assert_eq!(buckets.take("b", TEN, u32::MAX), Ok(()));
        // The rest of a batch of which one was taken.
        assert_eq!(buckets.take("d", TEN, 1), Ok(()));
        buckets.owe("d", TEN, 99);
        assert_eq!(buckets.take("d", TEN, 1), Err(Duration::from_millis(9_600)));
        assert!(buckets.take("c", Rate::new(1, u32::MAX), u32::MAX).is_ok(), "no overflow");
        assert!(buckets.take("c", Rate::new(1, u32::MAX), u32::MAX).is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn the_table_is_bounded_and_forgets_first_who_lacks_nothing_then_who_lacks_least() {
        let buckets = Buckets::new(100);
        let rate = Rate::new(1, 10);
        for _ in 0..10 {
            buckets.take(0, rate, 1).unwrap();
        }
        for key in 1..100 {
            buckets.take(key, rate, 1).unwrap();
        }
        advance(Duration::from_millis(1_500)).await;
        // All but 0 are full again.
        buckets.take(100, rate, 1).unwrap();
        assert_eq!(buckets.len(), 2);
        // A flood of others: the table stays bounded, and 0, which owes most, is not forgotten.
        buckets.take(0, rate, 1).unwrap();
        for key in 1_000..50_000 {
            buckets.take(key, rate, 1).unwrap();
            assert!(buckets.len() <= 100);
        }
        assert!(buckets.take(0, rate, 1).is_err());
        assert!(buckets.full_at.lock().unwrap().capacity() < 1_000);
    }

    #[tokio::test(start_paused = true)]
    async fn no_limit_is_no_limit() {
        let buckets = Buckets::new(1);
        for _ in 0..1_000 {
            assert_eq!(buckets.take((), Rate::UNLIMITED, u32::MAX), Ok(()));
        }
        assert_eq!(buckets.len(), 0);
        assert_eq!(buckets.take((), Rate::new(u32::MAX, 0), 1), Ok(()), "a burst of 0 is 1");
    }

    #[test]
    fn seconds_are_rounded_up() {
        for (millis, expected) in [(0, 1), (1, 1), (1_000, 1), (1_001, 2), (9_600, 10)] {
            assert_eq!(seconds(Duration::from_millis(millis)), expected, "{millis} ms");
        }
    }
}
