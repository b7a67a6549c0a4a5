//! Streams of packets: frames, class tables and values together.

mod decode;
mod encode;

pub use decode::{StreamDecoder, ValueDecoder};
pub use encode::StreamEncoder;
