#![doc = include_str!("../README.md")]

#[cfg(feature = "codec")]
mod codec;
mod date;
pub mod de;
mod encode;
pub mod envelope;
mod error;
mod event;
pub mod grammar;
mod hoist;
mod limits;
pub mod packet;
mod parser;
pub mod rpc;
pub mod ser;
mod shapes;
mod stream;
mod table;
mod utf16;
mod value;

#[cfg(feature = "codec")]
pub use codec::PacketCodec;
pub use date::Date;
pub use de::{from_reader, from_slice, from_slice_with};
pub use encode::Sink;
pub use error::{Error, ErrorKind, Result};
pub use event::{ClassId, Event, RefId, TypeId};
pub use hoist::ClassTable;
pub use limits::Limits;
pub use parser::{Parser, Step};
pub use ser::{to_bytes, to_vec, to_writer};
pub use stream::{StreamDecoder, ValueDecoder};
pub use value::{Class, Graph, Node, Remote, RemoteId, Span, Value, View};
