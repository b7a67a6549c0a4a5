//! Another policy while serving: by SIGHUP, and when the file changes.

use std::{path::PathBuf, sync::Arc, time::Duration};

use policy_server::{Responder, service};
use tokio::{
    signal::unix::Signal,
    task::spawn_blocking,
    time::{MissedTickBehavior, interval},
};

use super::{
    http::UrlPolicy,
    metrics::Reloads,
    policy::{Loaded, Source, Stamp},
};

/// How often the file is looked at. A changed one is read when two looks in a row saw the same, so that a
/// half-written one is left alone: within a second.
const LOOK: Duration = Duration::from_millis(500);

/// Puts policies in place.
#[derive(Clone)]
pub(crate) struct Reloader {
    pub(crate) source: Source,
    pub(crate) served_on: Vec<u16>,
    /// Of one port; the others share the policy with it.
    pub(crate) responder: Responder,
    pub(crate) url_policy: UrlPolicy,
    pub(crate) reloads: Arc<Reloads>,
}

impl Reloader {
    /// Never ends.
    pub(crate) async fn run(self, mut hangup: Signal, loaded: Option<Stamp>) {
        let mut ticks = interval(LOOK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut tried, mut last) = (loaded, loaded);
        loop {
            let is_asked = tokio::select! {
                // `None` cannot be while the signal is listened for.
                _ = hangup.recv() => true,
                _ = ticks.tick() => false,
            };
            let now = self.look().await;
            if is_asked {
                service::reloading();
                self.reload().await;
                service::ready();
            } else if now == tried || now != last {
                last = now;
                continue;
            } else {
                self.reload().await;
            }
            (tried, last) = (now, now);
        }
    }

    async fn look(&self) -> Option<Stamp> {
        let path: PathBuf = self.source.path()?.to_owned();
        spawn_blocking(move || Stamp::of(&path)).await.ok().flatten()
    }

    /// A bad file changes nothing, nor does one by whose mistakes nobody may connect any more.
    async fn reload(&self) {
        let (source, served_on) = (self.source.clone(), self.served_on.clone());
        let result = spawn_blocking(move || source.load(&served_on)).await.map_err(|e| e.to_string());
        let result = result.and_then(|result| result).and_then(|loaded| {
            match (loaded.grants_nothing_by_mistake(), self.source.path()) {
                (Some(mistake), Some(path)) => Err(format!("{}: {mistake}", path.display())),
                _ => Ok(loaded),
            }
        });
        match result {
            Ok(loaded) => self.replace(&loaded),
            Err(error) => {
                self.reloads.refused();
                tracing::error!("policy not reloaded, the old one is kept: {error}");
            }
        }
    }

    fn replace(&self, loaded: &Loaded) {
        self.responder.replace(&loaded.policy);
        self.url_policy.set(loaded.policy.to_url_policy());
        self.reloads.replaced(loaded.error_count());
        tracing::info!(entries = loaded.policy.access().len(), "policy reloaded");
        loaded.log(&self.source);
    }
}
