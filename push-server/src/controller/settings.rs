//! The bounds of one connection, and their defaults.

use std::time::Duration;

use super::form::Form;
use crate::LONGEST;

/// How long a connection waits for an event that no heartbeat can show to be alive, unless it says otherwise: a long
/// poll, or one in the form [`Raw`](Form::Raw). Servlet 3.0's default.
pub const TIMEOUT: Duration = Duration::from_secs(30);

/// How long such a connection waits at most, also when it says never.
pub const LONGEST_WAIT: Duration = Duration::from_secs(3_600);

/// How long a callback may run, unless the connection says otherwise.
pub const CALLBACK_TIME: Duration = Duration::from_secs(60);

/// Bytes that wait for one connection to take them, unless it says otherwise: what its callbacks have written and the
/// kernel has not taken.
pub const PENDING_BYTES: usize = 256 << 10;

/// Bytes of a request body that are taken, unless the connection says otherwise.
pub const INPUT_BYTES: u64 = 1 << 20;

/// Bytes of the longest piece of input that [`read`](super::Controller::read) is given.
pub const READ: usize = 8 << 10;

#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) form: Form,
    pub(super) is_long_poll: bool,
    pub(super) timeout: Option<Duration>,
    pub(super) lifetime: Option<Duration>,
    pub(super) callback_time: Duration,
    pub(super) pending_bytes: usize,
    pub(super) input_bytes: u64,
}

impl Settings {
    pub(super) fn new(form: Form) -> Self {
        let timeout = form.heartbeat().is_empty().then_some(TIMEOUT);
        Self {
            form,
            is_long_poll: false,
            timeout,
            lifetime: None,
            callback_time: CALLBACK_TIME,
            pending_bytes: PENDING_BYTES,
            input_bytes: INPUT_BYTES,
        }
    }

    /// Whether heartbeats go out.
    pub(super) const fn beats(&self) -> bool {
        !self.is_long_poll && !self.form.heartbeat().is_empty()
    }

    /// How long the connection waits for an event.
    pub(super) fn wait(&self) -> Option<Duration> {
        match self.timeout {
            None if self.beats() => None,
            None => Some(LONGEST_WAIT),
            Some(timeout) if self.beats() => Some(timeout.min(LONGEST)),
            Some(timeout) => Some(timeout.min(LONGEST_WAIT)),
        }
    }
}
