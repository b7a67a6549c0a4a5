//! What can go wrong between an application and its hub.

use crate::name::StreamName;

/// A message was refused. Nothing was sent to anybody and the stream is as before.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PublishError {
    /// The value has no Hessian form, or defines a class beyond the 4,096 of the codec's shared table.
    #[error("the value cannot be written as Hessian: {0}")]
    Hessian(#[source] hessian::Error),
    /// The value has no JSON form, for example a map whose keys are not strings.
    #[error("the value cannot be written as JSON, which browsers read: {0}")]
    Json(#[source] serde_json::Error),
    /// One of the bodies is longer than [`Limits::message_bytes`](crate::Limits::message_bytes).
    #[error("the message has {bytes} bytes as {form}, more than message_bytes = {max}")]
    TooLong {
        /// Which body: `Hessian` or `JSON`.
        form: &'static str,
        /// Its length.
        bytes: usize,
        /// The limit.
        max: usize,
    },
    /// The hub has ended its streams.
    #[error("the hub is shutting down")]
    Ended,
}

/// A stream could not be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// There are already [`Limits::streams`](crate::Limits::streams) others.
    #[error("cannot open stream {name}: there are streams = {max} already")]
    TooMany {
        /// The stream asked for.
        name: StreamName,
        /// The limit.
        max: usize,
    },
}
