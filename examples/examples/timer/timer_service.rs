//! The tutorial's TimerService: it knows the comet connections, and wakes them when there is something new.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use push_server::controller::Handle;
use tokio::time::interval;

/// Time between two updates.
pub(crate) const PACE: Duration = Duration::from_secs(2);
/// After this one the connection is closed.
pub(crate) const LAST: u32 = 10;
/// The attribute by which a connection is given its count.
pub(crate) const COUNT: &str = "comet.count";

/// The service; clones are the same one. It holds no more than there are connections
/// ([`Limits::connections`](push_server::Limits::connections)), and those that have gone since the last update.
#[derive(Clone, Default)]
pub(crate) struct TimerService {
    connections: Arc<Mutex<Vec<CometState>>>,
}

/// What the application keeps for one connection.
struct CometState {
    count: u32,
    comet: Handle,
}

impl TimerService {
    /// From the next update on, this connection is told.
    pub(crate) fn add(&self, comet: Handle) {
        self.connections.lock().expect("nobody panics with it").push(CometState { count: 0, comet });
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.connections.lock().expect("nobody panics with it").len()
    }

    pub(crate) async fn run(self) -> Infallible {
        let mut updates = interval(PACE);
        loop {
            updates.tick().await;
            self.connections.lock().expect("nobody panics with it").retain_mut(CometState::update);
        }
    }
}

impl CometState {
    /// Whether it is to be told of the next one as well. None of these calls waits, so no client holds up another.
    fn update(&mut self) -> bool {
        self.count += 1;
        self.comet.set(COUNT, self.count);
        let is_there = self.comet.wake();
        if self.count == LAST {
            // It is resumed for the wake first.
            self.comet.complete();
        }
        is_there && self.count < LAST
    }
}
