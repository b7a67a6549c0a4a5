#![doc = include_str!("../README.md")]

mod binary;
#[cfg(feature = "client")]
pub mod client;
#[cfg(feature = "codec")]
mod codec;
mod date;
pub mod de;
#[cfg(feature = "dump")]
pub mod dump;
mod encode;
pub mod envelope;
mod error;
mod event;
pub mod grammar;
mod hoist;
mod interface;
pub mod java;
#[cfg(feature = "json")]
pub mod json;
mod limits;
mod magic;
pub mod packet;
mod parser;
mod rare;
pub mod rpc;
pub mod ser;
#[cfg(feature = "service")]
pub mod service;
mod shapes;
mod shared;
mod stream;
mod table;
pub mod typed;
mod utf16;
mod value;

pub use binary::Binary;
#[cfg(feature = "codec")]
pub use codec::PacketCodec;
pub use date::Date;
pub use de::{from_bytes, from_bytes_with, from_reader, from_reader_with, from_slice, from_slice_with};
pub use encode::Sink;
pub use error::{Error, ErrorKind, MAX_MESSAGE, Result};
pub use event::{ClassId, Event, RefId, TypeId};
pub use hoist::ClassTable;
#[doc(hidden)]
pub use interface::plain as __interface_plain;
pub use limits::Limits;
pub use parser::{Parser, Step};
pub use ser::{to_bytes, to_vec, to_writer};
pub use shared::Shared;
pub use stream::{StreamDecoder, StreamEncoder, ValueDecoder};
#[doc(hidden)]
pub use value::Literal;
pub use value::{
    Class, Graph, GraphBuilder, Node, Remote, RemoteId, Span, Value, View, from_graph, from_graph_with,
    to_graph,
};
