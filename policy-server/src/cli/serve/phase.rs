//! Where the process stands in its life, told to every thread.

use tokio::sync::watch;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    Serving,
    /// No new connections; those that are open may end.
    Stopping,
    /// Whatever is still open is cut.
    Ended,
}

/// The side that decides.
#[derive(Debug)]
pub(crate) struct Lifecycle(watch::Sender<Stage>);

/// The side that looks and waits.
#[derive(Clone, Debug)]
pub(crate) struct Phase(watch::Receiver<Stage>);

impl Lifecycle {
    pub(crate) fn start() -> (Self, Phase) {
        let (sender, receiver) = watch::channel(Stage::Serving);
        (Self(sender), Phase(receiver))
    }

    pub(crate) fn stop(&self) {
        self.0.send_replace(Stage::Stopping);
    }

    pub(crate) fn end(&self) {
        self.0.send_replace(Stage::Ended);
    }
}

impl Phase {
    pub(crate) fn is_stopping(&self) -> bool {
        *self.0.borrow() >= Stage::Stopping
    }

    /// Ends when connections are no longer accepted.
    pub(crate) async fn stopping(&mut self) {
        self.reached(Stage::Stopping).await;
    }

    /// Ends when everything is to end.
    pub(crate) async fn ended(&mut self) {
        self.reached(Stage::Ended).await;
    }

    /// Without its other side, which cannot be asked any more, everything has ended.
    async fn reached(&mut self, stage: Stage) {
        let _ = self.0.wait_for(|now| *now >= stage).await;
    }
}
