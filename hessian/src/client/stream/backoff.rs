//! When the next connection is tried.

use std::time::Duration;
use tokio::time::Instant;

/// Connections that ended well are replaced at once so often in a row; after that, one in each first wait. Stops a
/// server that ends every connection from being asked without a pause.
pub const AT_ONCE: u32 = 5;

/// A connection that broke has been good if it lasted so long, or brought a packet: the next wait is the first again.
pub const GOOD_TIME: Duration = Duration::from_secs(10);

/// A shorter wait is taken for this: a server that is down is not asked without a pause, whatever the caller says.
pub const LEAST_WAIT: Duration = Duration::from_millis(1);

/// A longer wait is cut to this, that nothing overflows: a hundred years.
pub(super) const LONGEST: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

/// How a connection came to its end.
#[derive(Debug, Clone, Copy)]
pub(super) struct End {
    /// Between two packets, by the server's will.
    pub(super) is_clean: bool,
    /// How long it lasted.
    pub(super) lasted: Duration,
    pub(super) brought_packets: bool,
}

/// The waits of one listener.
#[derive(Debug)]
pub(super) struct Backoff {
    first: Duration,
    most: Duration,
    /// Connections in a row that came to nothing.
    failures: u32,
    /// Replacements made at once are paid back by time: this is when all of them are.
    paid: Option<Instant>,
}

impl Backoff {
    pub(super) fn new(first: Duration, most: Duration) -> Self {
        let most = most.clamp(LEAST_WAIT, LONGEST);
        Self { first: first.clamp(LEAST_WAIT, most), most, failures: 0, paid: None }
    }

    /// Connections in a row that came to nothing.
    pub(super) const fn failures(&self) -> u32 {
        self.failures
    }

    /// A connection did not come about: how long to wait, at least `told`.
    pub(super) fn failed(&mut self, told: Option<Duration>) -> Duration {
        self.failures = self.failures.saturating_add(1);
        let own = self.wait(self.failures);
        match told {
            // All clients were told the same: not all of them at the same moment.
            Some(told) if told >= own => told + jitter(self.first),
            _ => own,
        }
    }

    /// A connection has come to its end: how long to wait.
    pub(super) fn ended(&mut self, end: End, now: Instant) -> Duration {
        let good_time = if end.is_clean { self.first } else { GOOD_TIME };
        if !end.brought_packets && end.lasted < good_time {
            return self.failed(None);
        }
        self.failures = 0;
        if end.is_clean { self.at_once(now) } else { self.wait(1) }
    }

    /// Nothing, as long as there is credit.
    fn at_once(&mut self, now: Instant) -> Duration {
        let due = self.paid.map_or(now, |paid| paid.max(now));
        let wait = due.saturating_duration_since(now).saturating_sub(self.first * (AT_ONCE - 1));
        self.paid = due.checked_add(self.first);
        wait
    }

    /// Half of it for sure, half at random: clients that lost one server do not come back as one.
    fn wait(&self, failures: u32) -> Duration {
        let doubled = 2_u32.checked_pow(failures - 1).and_then(|times| self.first.checked_mul(times));
        let half = doubled.map_or(self.most, |wait| wait.min(self.most)) / 2;
        half + jitter(half)
    }
}

/// A random part of `most`.
fn jitter(most: Duration) -> Duration {
    most.mul_f64(fastrand::f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn backoff() -> Backoff {
        Backoff::new(SECOND, 30 * SECOND)
    }

    const CLEAN: End = End { is_clean: true, lasted: Duration::ZERO, brought_packets: true };

    #[test]
    fn waits_double_up_to_the_most_and_half_of_them_is_at_random() {
        for _ in 0..100 {
            let mut backoff = backoff();
            for most in [1, 2, 4, 8, 16, 30, 30, 30] {
                let (most, wait) = (SECOND * most, backoff.failed(None));
                assert!(wait >= most / 2 && wait <= most, "{wait:?} of {most:?}");
            }
        }
        let mut backoff = Backoff::new(SECOND, Duration::MAX);
        backoff.failures = u32::MAX;
        assert!(backoff.failed(None) <= LONGEST);
        assert_eq!(Backoff::new(60 * SECOND, SECOND).first, SECOND);
        assert!(Backoff::new(Duration::ZERO, Duration::ZERO).failed(None) >= LEAST_WAIT / 2);
    }

    #[test]
    fn what_the_server_tells_is_the_least() {
        let wait = backoff().failed(Some(60 * SECOND));
        assert!((60 * SECOND..=61 * SECOND).contains(&wait));
        assert!(backoff().failed(Some(Duration::ZERO)) >= SECOND / 2);
    }

    #[test]
    fn good_connections_begin_anew() {
        let now = Instant::now();
        for (good, end) in [
            (true, End { is_clean: false, lasted: Duration::ZERO, brought_packets: true }),
            (true, End { is_clean: false, lasted: GOOD_TIME, brought_packets: false }),
            (false, End { is_clean: false, lasted: GOOD_TIME / 2, brought_packets: false }),
            (true, End { is_clean: true, lasted: SECOND, brought_packets: false }),
            (false, End { is_clean: true, lasted: SECOND / 2, brought_packets: false }),
        ] {
            let mut backoff = backoff();
            for _ in 0..3 {
                backoff.failed(None);
            }
            let wait = backoff.ended(end, now);
            assert_eq!(backoff.failures(), if good { 0 } else { 4 }, "{end:?}");
            assert!(if good { wait <= SECOND } else { wait >= 4 * SECOND }, "{end:?}: {wait:?}");
        }
    }

    #[test]
    fn ends_are_followed_at_once_but_not_for_ever() {
        let (mut backoff, now) = (backoff(), Instant::now());
        for _ in 0..AT_ONCE {
            assert_eq!(backoff.ended(CLEAN, now), Duration::ZERO);
        }
        assert_eq!(backoff.ended(CLEAN, now), SECOND);
        assert_eq!(backoff.ended(CLEAN, now + SECOND), SECOND);
        // Time pays.
        let later = now + 60 * SECOND;
        for _ in 0..AT_ONCE {
            assert_eq!(backoff.ended(CLEAN, later), Duration::ZERO);
        }
        assert_eq!(backoff.ended(CLEAN, later), SECOND);
    }
}
