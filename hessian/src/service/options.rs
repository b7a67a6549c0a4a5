//! What a call may cost.

use crate::limits::Limits;
use std::time::Duration;

/// Bounds of a [`Service`](super::Service). Each field says what it stops and how it is answered.
///
/// A call's memory is its body, held as a whole until the method has returned: all together at most
/// [`max_bodies`](Self::max_bodies). Replies are bounded likewise ([`max_replies`](Self::max_replies)). What comes of a body is bounded by [`limits`](Self::limits).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Options {
    /// Bounds of what is decoded. Answered with a fault.
    pub limits: Limits,
    /// Bytes of one call. Answered with 413. Default 16 MiB.
    pub max_body: u64,
    /// Bytes of all calls that are held at once. Answered with 503 and `Retry-After`. Default 256 MiB.
    pub max_bodies: u64,
    /// Bytes of all replies that wait for slow callers to take them. While it is more, calls are answered with 503 and
    /// `Retry-After` before their method runs; those that run by then may add their replies. Stops callers that ask for much
    /// and read nothing. What a connection has taken over (hyper: some 400 KiB) does not count, nor does what streams.
    /// Default 256 MiB.
    pub max_replies: u64,
    /// Calls at once, from the head of the request until the method has answered; one that streams, to its end. Answered
    /// with 503 and `Retry-After`. Default 1,024.
    pub max_calls: usize,
    /// How long the body of a request may take to arrive, as a whole. Stops callers that send a byte now and then; answered
    /// with 408. `None`: for ever. Default 30 seconds.
    pub body_timeout: Option<Duration>,
    /// How long a method may take. It is dropped where it waits, and the call is answered with 503. `None`: for ever.
    /// Default 60 seconds. What a method streams afterwards ([`Download`](super::Download)) takes as long as it takes.
    pub method_timeout: Option<Duration>,
    /// What `Retry-After` says, in whole seconds. Default one second.
    pub retry_after: Duration,
}

impl Options {
    /// The defaults.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            limits: Limits::new(),
            max_body: 16 << 20,
            max_bodies: 256 << 20,
            max_replies: 256 << 20,
            max_calls: 1024,
            body_timeout: Some(Duration::from_secs(30)),
            method_timeout: Some(Duration::from_secs(60)),
            retry_after: Duration::from_secs(1),
        }
    }
}

impl Default for Options {
    fn default() -> Self {
        Self::new()
    }
}
