//! The settings read anew while serving. What cannot be put in place is told, and no connection is touched.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use policy_server::service;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::console::Console;
use super::files;
use super::logs::Logs;
use super::site::{self, Site};
use super::status::Status;
use crate::config::{KEYS, Layers, Settings, When};

/// For the files of settings and policy. One that hangs, a pipe or a lost network, must not keep signals waiting.
const READ: Duration = Duration::from_secs(10);

/// Puts settings in place.
#[derive(Debug)]
pub(super) struct Reloader {
    pub(super) status: Arc<Status>,
    pub(super) layers: Layers,
    pub(super) logs: Logs,
    pub(super) clients: Site,
    pub(super) operators: Site,
    pub(super) console: Console,
    pub(super) served_on: Vec<u16>,
    pub(super) help: Arc<str>,
}

impl Reloader {
    /// Reads everything anew and puts in place what can be. Something wrong anywhere changes nothing.
    pub(super) async fn reload(&self) {
        service::reloading();
        let result = self.try_reload().await;
        let counts = &self.status.reloads;
        match result {
            Ok(changed) => {
                counts.done.fetch_add(1, Ordering::Relaxed);
                tracing::info!(changed = ?changed, "settings reloaded");
            }
            Err(problems) => {
                counts.refused.fetch_add(1, Ordering::Relaxed);
                for problem in problems {
                    tracing::error!("settings not reloaded, the old ones are kept: {problem}");
                }
            }
        }
        service::ready();
    }

    /// The keys that were changed.
    async fn try_reload(&self) -> Result<Vec<&'static str>, Vec<String>> {
        let (layers, served_on) = (self.layers.clone(), self.served_on.clone());
        let running = Settings::clone(&self.status.settings.load());
        let read = move || {
            let read =
                layers.load().map_err(|wrong| wrong.iter().map(ToString::to_string).collect::<Vec<_>>())?;
            let (settings, changed) = merge(running, &read);
            let (policy, rules) = files(&settings, &served_on)?;
            Ok::<_, Vec<String>>((settings, changed, policy, rules))
        };
        // Files are read where nobody waits for them.
        let read = timeout(READ, spawn_blocking(read)).await;
        let read = read.map_err(|_| vec![format!("the files could not be read within {READ:?}")])?;
        let read = read.map_err(|error| vec![error.to_string()])?;
        let (settings, changed, policy, rules) = read?;
        self.logs.set(&settings.log.filter).map_err(|problem| vec![problem])?;
        self.status.responder.replace(&policy);
        if let Some(doubt) = rules::doubt(&settings, &rules) {
            tracing::warn!("{doubt}");
        }
        self.status.hub.guard().replace(rules);
        self.clients.replace(site::clients(
            &self.status,
            &settings,
            &policy,
            &self.console,
            self.help.clone(),
        ));
        self.operators.replace(site::operators(&self.status, &settings, &self.console));
        self.status.settings.store(Arc::new(settings));
        Ok(changed)
    }
}

/// `running`, with what of `read` can be put in place while serving; and the keys of it.
fn merge(mut running: Settings, read: &Settings) -> (Settings, Vec<&'static str>) {
    let mut changed = Vec::new();
    for key in KEYS {
        if key.get(&running) == key.get(read) {
            continue;
        }
        if key.when == When::Reload {
            key.set(&mut running, key.get(read));
            changed.push(key.name);
        } else {
            let (is, to) = (key.show(&running), key.show(read));
            tracing::warn!(key = key.name, %is, %to, "this key needs a restart; its old value is kept");
        }
    }
    if running.streams != read.streams {
        running.streams.clone_from(&read.streams);
        changed.push("streams");
    }
    (running, changed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_can_be_reloaded_is_merged() {
        let (running, mut read) = (Settings::default(), Settings::default());
        read.drain.window = Duration::from_secs(77);
        read.limits.stall = Duration::from_secs(77);
        read.access.publishes = false;
        let (merged, changed) = merge(running.clone(), &read);
        assert_eq!(changed, ["access.publishes", "drain.window"]);
        assert_eq!((merged.drain.window, merged.limits.stall), (read.drain.window, running.limits.stall));
        assert!(merge(merged.clone(), &merged).1.is_empty());
    }
}
