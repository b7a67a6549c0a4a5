//! How punctual the ticks are, and what they cost: the last 1,500 of them, a minute if none was left out.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde::Serialize;
use tokio::time::Instant;

use super::game::{TICK, TICKS_PER_SECOND};

/// Ticks that are reported on.
const KEPT: usize = 60 * TICKS_PER_SECOND as usize;

/// Clones are the same one.
#[derive(Clone, Default)]
pub(crate) struct Clock(Arc<Mutex<VecDeque<Tick>>>);

#[derive(Clone, Copy)]
struct Tick {
    due: Instant,
    late: Duration,
    took: Duration,
    /// Ticks that were due since the one before, and were left out.
    skipped: u64,
}

#[derive(Serialize)]
struct Report {
    ticks: usize,
    /// Left out before one of these, as they would have come too late.
    skipped: u64,
    /// From when a tick was due until it began.
    late_us: Spread,
    /// Steps of all games, and the writes to their players.
    took_us: Spread,
}

/// Microseconds.
#[derive(Serialize)]
struct Spread {
    median: u128,
    p99: u128,
    most: u128,
}

impl Spread {
    fn of(times: impl Iterator<Item = Duration>) -> Self {
        let mut times: Vec<_> = times.map(|time| time.as_micros()).collect();
        times.sort_unstable();
        let at =
            |part: usize| times.get(times.len().saturating_sub(1) * part / 100).copied().unwrap_or_default();
        Self { median: at(50), p99: at(99), most: at(100) }
    }
}

impl Clock {
    /// A tick that was due, has begun and is done.
    pub(crate) fn ticked(&self, due: Instant, begun: Instant, done: Instant) {
        let mut ticks = self.0.lock().expect("nobody panics with it");
        let since = ticks.back().map_or(TICK, |last| due.saturating_duration_since(last.due));
        // Timers count milliseconds, so two ticks may be due a little more or less than a TICK apart.
        let whole = (since + TICK / 2).as_micros() / TICK.as_micros();
        let skipped = u64::try_from(whole).unwrap_or(u64::MAX).saturating_sub(1);
        if ticks.len() == KEPT {
            ticks.pop_front();
        }
        ticks.push_back(Tick { due, late: begun - due, took: done - begun, skipped });
    }

    /// As JSON.
    pub(crate) fn report(&self) -> String {
        let ticks = self.0.lock().expect("nobody panics with it").clone();
        let report = Report {
            ticks: ticks.len(),
            skipped: ticks.iter().map(|tick| tick.skipped).sum(),
            late_us: Spread::of(ticks.iter().map(|tick| tick.late)),
            took_us: Spread::of(ticks.iter().map(|tick| tick.took)),
        };
        serde_json::to_string(&report).expect("numbers have a form in JSON")
    }
}
