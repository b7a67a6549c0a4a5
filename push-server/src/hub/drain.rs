//! Leaving spread over a time, so that those who come back do not all come back at once.

use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

/// How often it is looked whether everybody has left.
pub(super) const LOOK: Duration = Duration::from_millis(20);

/// The time over which everybody leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Drain {
    begin: Instant,
    window: Duration,
    /// How many there were when it began.
    connections: usize,
}

impl Drain {
    /// When a part of the time, 0 to 1, has passed.
    fn at(&self, part: f64) -> Instant {
        self.begin + self.window.mul_f64(part.clamp(0.0, 1.0))
    }

    pub(super) fn end(&self) -> Instant {
        self.at(1.0)
    }
}

/// Whether everybody is to leave, and who when.
#[derive(Debug)]
pub(crate) struct Draining {
    drain: watch::Sender<Option<Drain>>,
    connections: AtomicUsize,
    /// Polls and controllers.
    others: AtomicU32,
}

impl Default for Draining {
    fn default() -> Self {
        Self { drain: watch::Sender::new(None), connections: AtomicUsize::new(0), others: AtomicU32::new(0) }
    }
}

impl Draining {
    /// Begins; `None` if it has begun before.
    pub(super) fn begin(&self, window: Duration, connections: usize) -> Option<Drain> {
        let drain = Drain { begin: Instant::now(), window, connections };
        let mut begun = None;
        self.drain.send_if_modified(|old| {
            let is_first = old.is_none();
            if is_first {
                (*old, begun) = (Some(drain), Some(drain));
            }
            is_first
        });
        begun
    }

    /// When the next connection is to leave, whatever shard it is on. Who has come since the beginning leaves at the end.
    pub(super) fn next_connection(&self, drain: &Drain) -> Instant {
        let place = self.connections.fetch_add(1, Ordering::Relaxed);
        drain.at(place as f64 / drain.connections.max(1) as f64)
    }

    pub(crate) fn has_begun(&self) -> bool {
        self.drain.borrow().is_some()
    }

    /// Ends when it has begun: when the caller is to leave.
    pub(crate) async fn time(&self) -> Instant {
        let mut drain = self.drain.subscribe();
        // The sender is here.
        let drain = drain.wait_for(Option::is_some).await.ok().and_then(|drain| *drain);
        drain.map_or_else(Instant::now, |drain| drain.at(place(self.others.fetch_add(1, Ordering::Relaxed))))
    }

    /// Ends when it is the caller's turn to leave: after it has begun. Who asks when it has begun already leaves at once.
    pub(crate) async fn turn(&self) {
        if !self.has_begun() {
            sleep_until(self.time().await).await;
        }
    }
}

/// Places, 0 to 1, which are spread evenly however many there are: the fractions of multiples of the golden ratio.
fn place(number: u32) -> f64 {
    /// 2^32 by the golden ratio.
    const STEP: u32 = 0x9E37_79B9;
    f64::from(number.wrapping_mul(STEP)) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_even_however_many_there_are() {
        for count in [10_u32, 100, 1_000] {
            let mut tenths = [0_u32; 10];
            for number in 0..count {
                tenths[((place(number) * 10.0) as usize).min(9)] += 1;
            }
            let even = count / 10;
            assert!(tenths.iter().all(|tenth| tenth.abs_diff(even) <= 1 + even / 10), "{tenths:?}");
        }
    }
}
