//! The cells of a graph.

use crate::event::{ClassId, RefId, TypeId};

/// A value in a [`Graph`](crate::Graph): a scalar, or the number of a list, map or object. 24 bytes.
///
/// Text and bytes are borrowed from the input when they are one chunk (and plain UTF-8), owned otherwise; the arms
/// mean the same, [`View`](crate::View) hides them.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Value<'de> {
    /// Null.
    Null,
    /// A boolean.
    Bool(bool),
    /// A 32-bit integer.
    Int(i32),
    /// A 64-bit integer.
    Long(i64),
    /// A double.
    Double(f64),
    /// Milliseconds since 1970 UTC.
    Date(i64),
    /// Text, borrowed.
    Str(&'de str),
    /// Text, owned.
    OwnedStr(Box<str>),
    /// Text that is no Rust string: UTF-16 with half a surrogate pair somewhere.
    Utf16(Box<[u16]>),
    /// Bytes, borrowed.
    Binary(&'de [u8]),
    /// Bytes, owned.
    OwnedBinary(Box<[u8]>),
    /// An object that lives elsewhere: only Hessian 1 and the draft have a form for it.
    Remote(RemoteId),
    /// A list, map or object of the graph; more than one value may name it.
    Node(RefId),
}

const _: () = assert!(size_of::<Value<'_>>() == 24);

/// Number of an object that lives elsewhere, in the order in which a graph has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RemoteId(pub u32);

/// An object that lives elsewhere.
#[derive(Debug, Clone)]
pub struct Remote<'de> {
    /// The name of its interface, such as `example.Api`.
    pub ty: Option<TypeId>,
    /// Where it lives, a URL: [`Value::Str`], [`Value::OwnedStr`] or [`Value::Utf16`].
    pub url: Value<'de>,
}

/// A list, map or object; its parts are values of the graph, one after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Node {
    /// A list.
    List {
        /// Its type, such as `[int` or `java.util.LinkedList`.
        ty: Option<TypeId>,
        /// Its elements.
        items: Span,
        /// On the wire without its length (Java's iterators).
        open: bool,
    },
    /// A map.
    Map {
        /// Its type, such as `java.util.TreeMap`.
        ty: Option<TypeId>,
        /// Keys and values in turn.
        entries: Span,
    },
    /// An object.
    Object {
        /// Its class.
        class: ClassId,
        /// The values of its fields, in the order of the class.
        fields: Span,
    },
}

impl Node {
    /// The values in it.
    #[must_use]
    pub const fn span(&self) -> Span {
        match *self {
            Self::List { items, .. } => items,
            Self::Map { entries, .. } => entries,
            Self::Object { fields, .. } => fields,
        }
    }
}

/// Values of a graph that stand one after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Span {
    /// The first.
    pub start: u32,
    /// How many.
    pub len: u32,
}

impl Span {
    /// As a range of indices.
    #[must_use]
    pub const fn range(self) -> std::ops::Range<usize> {
        self.start as usize..self.start as usize + self.len as usize
    }
}

impl Remote<'_> {
    pub(super) fn into_owned(self) -> Remote<'static> {
        Remote { ty: self.ty, url: self.url.into_owned() }
    }
}

impl Value<'_> {
    /// Copies what is borrowed.
    #[must_use]
    pub fn into_owned(self) -> Value<'static> {
        match self {
            Self::Null => Value::Null,
            Self::Bool(value) => Value::Bool(value),
            Self::Int(value) => Value::Int(value),
            Self::Long(value) => Value::Long(value),
            Self::Double(value) => Value::Double(value),
            Self::Date(millis) => Value::Date(millis),
            Self::Str(text) => Value::OwnedStr(text.into()),
            Self::OwnedStr(text) => Value::OwnedStr(text),
            Self::Utf16(units) => Value::Utf16(units),
            Self::Binary(bytes) => Value::OwnedBinary(bytes.into()),
            Self::OwnedBinary(bytes) => Value::OwnedBinary(bytes),
            Self::Remote(id) => Value::Remote(id),
            Self::Node(id) => Value::Node(id),
        }
    }

    /// The text, if it is one that Rust can hold.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::Str(text) => Some(text),
            Self::OwnedStr(text) => Some(text),
            _ => None,
        }
    }

    /// True for text of any kind.
    pub(super) const fn is_string(&self) -> bool {
        matches!(self, Self::Str(_) | Self::OwnedStr(_) | Self::Utf16(_))
    }

    /// The bytes of a binary.
    #[must_use]
    pub fn as_bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Binary(bytes) => Some(bytes),
            Self::OwnedBinary(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// True when both are the same scalar, or name the same node number. Doubles are compared by their bits.
    pub(super) fn same_scalar(&self, other: &Value<'_>) -> bool {
        match (self, other) {
            (Self::Null, Value::Null) => true,
            (Self::Bool(a), Value::Bool(b)) => a == b,
            (Self::Int(a), Value::Int(b)) => a == b,
            (Self::Long(a), Value::Long(b)) | (Self::Date(a), Value::Date(b)) => a == b,
            (Self::Double(a), Value::Double(b)) => a.to_bits() == b.to_bits(),
            (Self::Utf16(a), Value::Utf16(b)) => a == b,
            (Self::Node(a), Value::Node(b)) => a == b,
            _ => match (self.as_str(), other.as_str(), self.as_bytes(), other.as_bytes()) {
                (Some(a), Some(b), ..) => a == b,
                (.., Some(a), Some(b)) => a == b,
                _ => false,
            },
        }
    }
}
