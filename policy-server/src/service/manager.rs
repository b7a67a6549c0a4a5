//! What the service manager is told, if there is one (`NOTIFY_SOCKET`, as `sd_notify(3)` has it).

use sd_notify::NotifyState;

/// Serving, with the settings as they are now.
pub fn ready() {
    tell(&[NotifyState::Ready]);
}

/// Asked to reload. `Type=notify-reload` wants the time with it.
pub fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => tell(&[NotifyState::Reloading, now]),
        Err(error) => tracing::warn!(%error, "cannot tell the time to the service manager"),
    }
}

/// Stopping.
pub fn stopping() {
    tell(&[NotifyState::Stopping]);
}

fn tell(state: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        tracing::warn!(%error, "cannot tell the service manager");
    }
}
