#![doc = include_str!("../README.md")]

pub mod player;
pub mod policy;
pub mod port;
#[cfg(all(unix, feature = "service"))]
pub mod service;

pub use policy::{Error, ErrorKind, Origin, PolicyFile};
pub use port::{Limits, ListenConfig, Metrics, Responder, Sniffed, serve};
