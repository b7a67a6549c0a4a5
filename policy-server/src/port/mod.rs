//! The port: tells a policy request from everything else, answers the one and hands on the other.

mod detect;
mod limits;
mod listen;
mod metrics;
mod responder;
mod serve;

pub use self::{
    detect::{Protocol, REQUEST, REQUEST_MAX, REQUEST_WITH_BLANK, Verdict, classify},
    limits::Limits,
    listen::ListenConfig,
    metrics::{Counter, Metrics, Snapshot},
    responder::{Reason, Responder, Sniffed},
    serve::{Draining, serve},
};
