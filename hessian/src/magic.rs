//! How types of this crate tell its serializers and deserializers what they are, through plain serde.
//!
//! A newtype whose name begins with `$hessian::` is a request; every other format sees a newtype and passes it
//! through. What serde cannot carry (an address, a shared buffer, a graph) is handed over in a slot of the thread,
//! filled right before the call that takes it first thing.

use crate::binary::Binary;
use crate::error::Error;
use crate::shared::Decoded;
use crate::value::Graph;
use std::any::Any;
use std::cell::Cell;
use std::sync::Arc;

/// How all of them begin.
pub(crate) const PREFIX: &str = "$hessian::";
/// Decode whatever is there: scalars as themselves, objects as maps.
pub(crate) const ANY: &str = "$hessian::Any";
/// A binary value that may share the input's buffer.
pub(crate) const BINARY: &str = "$hessian::Binary";
/// A list or map of a type: inside is another newtype, named like the type.
pub(crate) const TYPED: &str = "$hessian::Typed";
/// A value that may be met again.
pub(crate) const SHARED: &str = "$hessian::Shared";
/// A generic value.
pub(crate) const GRAPH: &str = "$hessian::Graph";

/// A binary whose bytes come later.
#[cfg(feature = "client")]
pub(crate) const LATER: &str = "$hessian::Later";

/// A value that may be met again.
#[derive(Debug, Clone)]
pub(crate) struct Met {
    /// Where it is.
    pub(crate) address: usize,
    /// Keeps it there: another value in its place would be taken for it.
    pub(crate) value: Arc<dyn Any + Send + Sync>,
}

thread_local! {
    static BINARY_SLOT: Cell<Option<Binary>> = const { Cell::new(None) };
    static GRAPH_SLOT: Cell<Option<Graph<'static>>> = const { Cell::new(None) };
    static TABLE_SLOT: Cell<Option<Arc<Decoded>>> = const { Cell::new(None) };
    static SHARED_SLOT: Cell<Option<Met>> = const { Cell::new(None) };
    static GRAPHS_SLOT: Cell<Option<()>> = const { Cell::new(None) };
    #[cfg(feature = "client")]
    static LATER_SLOT: Cell<Option<Arc<dyn Any + Send + Sync>>> = const { Cell::new(None) };
    static ERROR_SLOT: Cell<Option<Error>> = const { Cell::new(None) };
}

macro_rules! slots {
    ($($(#[$attribute:meta])* $give:ident, $take:ident: $slot:ident = $type:ty;)*) => {
        $($(#[$attribute])*
        pub(crate) fn $give(value: $type) {
            $slot.set(Some(value));
        }
        $(#[$attribute])*
        pub(crate) fn $take() -> Option<$type> {
            $slot.take()
        }
        )*
    };
}

slots! {
    /// Deserializer to [`Binary`].
    give_binary, take_binary: BINARY_SLOT = Binary;
    /// Deserializer to [`Graph`], and [`Graph`] to serializer.
    give_graph, take_graph: GRAPH_SLOT = Graph<'static>;
    /// Deserializer to [`Shared`](crate::Shared): what was decoded before.
    give_table, take_table: TABLE_SLOT = Arc<Decoded>;
    /// [`Shared`](crate::Shared) to serializer: which value it is.
    give_shared, take_shared: SHARED_SLOT = Met;
    /// Serializer to [`Graph`]: give the graph, not the tree.
    ask_for_graph, is_graph_wanted: GRAPHS_SLOT = ();
    #[cfg(feature = "client")]
    /// An upload to serializer: where its bytes come from.
    give_later, take_later: LATER_SLOT = Arc<dyn Any + Send + Sync>;
    /// This crate's error to who makes one of it in another format's words.
    give_error, take_error: ERROR_SLOT = Error;
}

/// An error of this crate as one of a format: of this crate's formats it is itself again.
pub(crate) fn carry<E>(error: Error, custom: impl FnOnce(String) -> E) -> E {
    let text = error.to_string();
    give_error(error);
    let carried = custom(text);
    take_error();
    carried
}

/// Serializer methods that refuse what they are given.
macro_rules! refuse {
    ($error:expr => $($what:ident)*) => { $(crate::magic::refuse!(@$what $error);)* };
    (@scalars $error:expr) => {
        crate::magic::refuse!($error => i64 others);
    };
    (@i64 $error:expr) => { crate::magic::refuse!(@each $error => serialize_i64(i64)); };
    (@others $error:expr) => {
        crate::magic::refuse!(@each $error => serialize_bool(bool) serialize_i8(i8) serialize_i16(i16)
            serialize_i32(i32) serialize_u8(u8) serialize_u16(u16) serialize_u32(u32)
            serialize_u64(u64) serialize_f32(f32) serialize_f64(f64) serialize_char(char) serialize_str(&str)
            serialize_unit_struct(&'static str));
        fn serialize_unit_variant(self, _: &'static str, _: u32, _: &'static str) -> Result<Self::Ok> {
            Err($error)
        }
        fn serialize_newtype_variant<T: Serialize + ?Sized>(
            self, _: &'static str, _: u32, _: &'static str, _: &T,
        ) -> Result<Self::Ok> {
            Err($error)
        }
        fn serialize_tuple_variant(
            self, _: &'static str, _: u32, _: &'static str, _: usize,
        ) -> Result<Self::SerializeTupleVariant> {
            Err($error)
        }
        fn serialize_struct(self, _: &'static str, _: usize) -> Result<Self::SerializeStruct> {
            Err($error)
        }
        fn serialize_struct_variant(
            self, _: &'static str, _: u32, _: &'static str, _: usize,
        ) -> Result<Self::SerializeStructVariant> {
            Err($error)
        }
    };
    (@bytes $error:expr) => { crate::magic::refuse!(@each $error => serialize_bytes(&[u8])); };
    (@null $error:expr) => { crate::magic::refuse!($error => none unit); };
    (@none $error:expr) => {
        fn serialize_none(self) -> Result<Self::Ok> {
            Err($error)
        }
    };
    (@unit $error:expr) => {
        fn serialize_unit(self) -> Result<Self::Ok> {
            Err($error)
        }
    };
    (@containers $error:expr) => {
        fn serialize_seq(self, _: Option<usize>) -> Result<Self::SerializeSeq> {
            Err($error)
        }
        fn serialize_tuple(self, _: usize) -> Result<Self::SerializeTuple> {
            Err($error)
        }
        fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Self::SerializeTupleStruct> {
            Err($error)
        }
        fn serialize_map(self, _: Option<usize>) -> Result<Self::SerializeMap> {
            Err($error)
        }
    };
    (@each $error:expr => $($method:ident($type:ty))*) => {
        $(fn $method(self, _: $type) -> Result<Self::Ok> {
            Err($error)
        })*
    };
}
pub(crate) use refuse;
