//! Where the server stands in its life, told to everybody.

use std::time::Duration;

use tokio::sync::watch;

/// Where the server stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Everything is served.
    Serving,
    /// Everything is still served, and whoever spreads connections is told to send no more.
    Leaving,
    /// The ports are closed, and the clients leave over this time.
    Draining(Duration),
}

impl Phase {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Serving => "serving",
            Self::Leaving => "leaving",
            Self::Draining(_) => "draining",
        }
    }
}

/// The phase, to be set and looked at. Clones are one.
#[derive(Clone, Debug)]
pub(crate) struct Phases(watch::Sender<Phase>);

impl Phases {
    pub(crate) fn new() -> Self {
        Self(watch::Sender::new(Phase::Serving))
    }

    pub(crate) fn now(&self) -> Phase {
        *self.0.borrow()
    }

    pub(crate) fn set(&self, phase: Phase) {
        self.0.send_replace(phase);
    }

    /// Ends when the ports are to be closed; the time over which clients leave.
    pub(crate) async fn draining(self) -> Duration {
        let mut phase = self.0.subscribe();
        loop {
            if let Phase::Draining(window) = *phase.borrow_and_update() {
                return window;
            }
            // The sender is here.
            let _ = phase.changed().await;
        }
    }
}
