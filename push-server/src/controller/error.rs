//! What can go wrong on a controller's connection.

use std::any::Any;
use std::io;
use std::time::Duration;

use super::input::BadBody;
use crate::{PublishError, ReadError};

/// An error of the application's own.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Why a connection failed, as [`Controller::error`](super::Controller::error) is told.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A callback returned this.
    #[error("{callback} failed: {source}")]
    Callback {
        /// Its name.
        callback: &'static str,
        /// What it returned.
        source: BoxError,
    },
    /// A callback panicked.
    #[error("{callback} panicked: {message}")]
    Panic {
        /// Its name.
        callback: &'static str,
        /// What it said.
        message: String,
    },
    /// A callback did not return in time, and was dropped.
    #[error("{callback} did not return within callback_time = {after:?}")]
    Overdue {
        /// Its name.
        callback: &'static str,
        /// [`Suspend::callback_time`](super::Suspend::callback_time).
        after: Duration,
    },
    /// The client took nothing of what was written for this long.
    #[error("the client has taken nothing for stall = {after:?}")]
    Stalled {
        /// [`Limits::stall`](crate::Limits::stall).
        after: Duration,
    },
    /// The client sent what is no request body, or too much.
    #[error("the request body: {0}")]
    Body(#[from] BadBody),
    /// The client has broken the rules of WebSocket, or a bound on it; it is told this in a close frame.
    #[error("the client has broken the rules of WebSocket: {reason} (close code {code})")]
    Breach {
        /// The close code (RFC 6455, section 7.4.1).
        code: u16,
        /// Which rule, or which of the [`Limits`](crate::Limits).
        reason: &'static str,
    },
    /// The client was further behind the joined stream than that allows.
    #[error(transparent)]
    Stream(ReadError),
    /// The socket failed. (A client that has gone is no failure.)
    #[error("the socket failed: {0}")]
    Socket(#[source] io::Error),
}

impl Error {
    pub(super) fn panic(callback: &'static str, payload: &(dyn Any + Send)) -> Self {
        Self::Panic { callback, message: panic_text(payload) }
    }
}

/// What a panic has said.
pub(crate) fn panic_text(payload: &(dyn Any + Send)) -> String {
    match (payload.downcast_ref::<&str>(), payload.downcast_ref::<String>()) {
        (Some(text), _) => (*text).to_owned(),
        (_, Some(text)) => text.clone(),
        _ => "(no text)".to_owned(),
    }
}

/// Something was not written. The connection is as before, unless the callback returns this.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// The value has no form, or is too long.
    #[error(transparent)]
    Value(#[from] PublishError),
    /// The callback has written more than waits for one connection at most.
    #[error(
        "{bytes} bytes more than the {pending} that wait are above pending_bytes = {max}: write a part, wake, return"
    )]
    Full {
        /// What was to be written, framed.
        bytes: usize,
        /// What waits already.
        pending: usize,
        /// [`Suspend::pending_bytes`](super::Suspend::pending_bytes).
        max: usize,
    },
    /// A typed value for [`Form::Raw`](super::Form::Raw), which knows bytes only.
    #[error("a connection in the form Raw takes bytes, not values")]
    NoValues,
}
