//! The port: tells a policy request from everything else, answers the one and hands on the other.

mod accept;
mod answer;
#[cfg(feature = "axum")]
mod axum;
mod detect;
mod early;
mod gate;
mod limits;
mod linger;
mod listen;
mod metrics;
mod prefixed;
mod responder;
mod serve;
#[cfg(unix)]
mod unix;

#[cfg(feature = "axum")]
pub use self::axum::{PeerAddr, PolicyListener};
#[cfg(unix)]
pub use self::unix::serve_unix;
pub use self::{
    detect::{Protocol, REQUEST, REQUEST_MAX, REQUEST_WITH_BLANK, Verdict, classify},
    limits::Limits,
    listen::ListenConfig,
    metrics::{Counter, Metrics, Snapshot},
    prefixed::Prefixed,
    responder::{Reason, Responder, Sniffed},
    serve::{Draining, serve},
};
