//! Streams Hessian packets, script tags, server-sent events, WebSocket messages and JSON to many clients as data
//! becomes available.
//!
//! An application opens a [`Stream`] of a [`Hub`] and publishes values; [`Server`] serves them over HTTP in
//! every [`Transport`], and the Flash socket policy on the same port. What clients send back, its
//! [handlers](messages) get.

#![cfg_attr(test, allow(clippy::cast_possible_truncation))]

pub mod controller;
pub mod demo;
mod encode;
mod error;
pub mod guard;
pub mod hub;
pub mod lifecycle;
mod limits;
mod message;
pub mod messages;
mod name;
mod position;
mod scratch;
mod serve;
pub mod transport;
pub mod web;

pub use encode::{Framing, Grammar};
pub use error::{BatchError, OpenError, PublishError, ReadError, SendError, SubscribeError};
pub use hub::{
    BadClientId, ClientId, Hub, Overflow, Published, PublishedBatch, Resume, Start, Stream, StreamConfig,
};
pub use limits::{LONGEST, Limits};
pub use name::{BadStreamName, MAX_STREAM_NAME, StreamName};
pub use position::{BadPosition, Epoch, Position};
pub use serve::Server;
pub use transport::{Farewell, Transport};
