//! Hessian 2: a zero-copy encoder and decoder of values and streaming packets.

mod date;
mod encode;
mod error;
pub mod grammar;
mod hoist;
mod limits;
pub mod packet;
pub mod ser;
mod utf16;

pub use date::Date;
pub use encode::Sink;
pub use error::{Error, ErrorKind, Result};
pub use hoist::ClassTable;
pub use limits::Limits;
pub use ser::{to_bytes, to_vec, to_writer};
