//! A Rust service that answers Hessian calls.
//!
//! [`Service`] is a `tower` service for any HTTP server; [`interface!`](crate::interface), [`Methods`] and [`Handler`] are what it
//! calls.

mod body;
mod context;
mod download;
mod handler;
mod methods;
mod names;
mod options;
mod serve;
mod stats;

pub use body::Body;
pub use context::{Context, MAX_REQUEST_ID, REQUEST_ID};
pub use download::Download;
pub use handler::{Answer, Handler, IntoAnswer, Request};
pub use methods::{Callable, Methods};
pub use options::Options;
pub use serve::Service;
pub use stats::Stats;
