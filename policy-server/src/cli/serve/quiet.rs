//! Logs that a flood of connections cannot flood.

use std::sync::{Mutex, PoisonError};

use tokio::time::{Duration, Instant};

/// One line in this time.
const PAUSE: Duration = Duration::from_secs(1);

/// Lets one line through each second and counts the others.
#[derive(Debug, Default)]
pub(crate) struct Quiet(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    last: Option<Instant>,
    unsaid: u64,
}

impl Quiet {
    /// Whether the line may be written, and how many were not since the last.
    pub(crate) fn may_speak(&self) -> Option<u64> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if state.last.is_some_and(|last| last.elapsed() < PAUSE) {
            state.unsaid += 1;
            return None;
        }
        state.last = Some(Instant::now());
        Some(std::mem::take(&mut state.unsaid))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn one_line_a_second_with_the_number_of_those_left_out() {
        let quiet = Quiet::default();
        let said: Vec<_> = (0..5).map(|_| quiet.may_speak()).collect();
        assert_eq!(said, [Some(0), None, None, None, None]);
        tokio::time::advance(PAUSE).await;
        assert_eq!(quiet.may_speak(), Some(4));
        assert_eq!(quiet.may_speak(), None);
    }
}
