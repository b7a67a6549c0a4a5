//! How punctual the ticks are, and what they cost: the last minute of them.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde::Serialize;

use super::game::TICKS_PER_SECOND;

const KEPT: usize = 60 * TICKS_PER_SECOND as usize;

/// For each tick: how late it began, and how long it took. Clones are the same one.
#[derive(Clone, Default)]
pub(crate) struct Clock(Arc<Mutex<VecDeque<(Duration, Duration)>>>);

#[derive(Serialize)]
struct Report {
    ticks: usize,
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
    pub(crate) fn ticked(&self, late: Duration, took: Duration) {
        let mut ticks = self.0.lock().expect("nobody panics with it");
        if ticks.len() == KEPT {
            ticks.pop_front();
        }
        ticks.push_back((late, took));
    }

    /// As JSON.
    pub(crate) fn report(&self) -> String {
        let ticks = self.0.lock().expect("nobody panics with it").clone();
        let report = Report {
            ticks: ticks.len(),
            late_us: Spread::of(ticks.iter().map(|(late, _)| *late)),
            took_us: Spread::of(ticks.iter().map(|(_, took)| *took)),
        };
        serde_json::to_string(&report).expect("numbers have a form in JSON")
    }
}
