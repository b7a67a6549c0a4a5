//! The articles' Weatherman, who asks the feeds, and their MessageSender, which wakes the connections: what is known of each
//! place, and who wants to know.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use push_server::controller::Handle;
use serde::Serialize;
use tokio::time::sleep;

use super::feed::Forecast;

/// What is known of a place: the last forecast that there was, and what is wrong with its feed now, if anything is.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename = "example.Report")]
pub(crate) struct Report {
    pub(crate) place: String,
    pub(crate) forecast: Option<Forecast>,
    pub(crate) problem: Option<String>,
    /// Milliseconds since 1970. Later reports have greater ones; those of a later server, too, as long as no clock was set back.
    pub(crate) revision: i64,
}

/// Clones are the same one. It holds a report for each place, and a handle for each connection that is open
/// ([`Limits::connections`](push_server::Limits::connections) at most).
#[derive(Clone, Default)]
pub(crate) struct Weatherman {
    known: Arc<Mutex<Known>>,
}

#[derive(Default)]
struct Known {
    reports: Vec<Report>,
    revision: i64,
    /// By their ids.
    connections: HashMap<u64, Handle>,
}

impl Weatherman {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on this connection is woken by each report,
    pub(crate) fn add(&self, connection: Handle) {
        self.known().connections.insert(connection.id(), connection);
    }

    /// until it has ended.
    pub(crate) fn remove(&self, connection: u64) {
        self.known().connections.remove(&connection);
    }

    /// What somebody who has seen `revision` has not seen, the oldest first. It is all if that one is still to come: the
    /// clock was set back since it was told.
    pub(crate) fn since(&self, revision: i64) -> Vec<Report> {
        let known = self.known();
        let seen = if revision > known.revision { 0 } else { revision };
        let mut reports: Vec<_> =
            known.reports.iter().filter(|report| report.revision > seen).cloned().collect();
        reports.sort_by_key(|report| report.revision);
        reports
    }

    /// Asks for the weather of a place at once, and then a `pace` after each answer, for ever: a slow feed is not hurried.
    pub(crate) async fn watch<F>(self, place: &str, pace: Duration, ask: impl Fn() -> F)
    where
        F: Future<Output = anyhow::Result<Forecast>>,
    {
        loop {
            self.told(place, ask().await.map_err(|error| format!("{error:#}")));
            sleep(pace).await;
        }
    }

    /// What a feed has said, or why it has not. If that is nothing new, nobody is woken.
    pub(crate) fn told(&self, place: &str, told: Result<Forecast, String>) {
        let mut known = self.known();
        let before = known.reports.iter().position(|report| report.place == place);
        let last = before.and_then(|at| known.reports[at].forecast.clone());
        let (forecast, problem) = match told {
            Ok(forecast) => (Some(forecast), None),
            Err(problem) => (last, Some(problem)),
        };
        if before
            .is_some_and(|at| known.reports[at].forecast == forecast && known.reports[at].problem == problem)
        {
            return;
        }
        known.revision = now().max(known.revision + 1);
        let report = Report { place: place.to_owned(), forecast, problem, revision: known.revision };
        match before {
            Some(at) => known.reports[at] = report,
            None => known.reports.push(report),
        }
        for connection in known.connections.values() {
            // One that is ending is removed in a moment.
            connection.wake();
        }
    }

    #[cfg(test)]
    pub(crate) fn connections(&self) -> usize {
        self.known().connections.len()
    }
}

/// Milliseconds since 1970.
fn now() -> i64 {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since_1970.as_millis()).unwrap_or(i64::MAX)
}
