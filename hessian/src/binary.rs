//! Binary values that share the input's buffer.

use crate::magic;
use bytes::{Bytes, BytesMut};
use serde::de::{self, Deserialize, Deserializer};
use serde::ser::{Serialize, Serializer};
use smallvec::SmallVec;
use std::fmt;

/// Chunks below this many bytes are joined by copying: slices of them would cost more than they save, and a hostile
/// sender could make each byte cost 32.
pub(crate) const MIN_SLICE: usize = 256;

/// A binary value (Java's `byte[]`).
///
/// From [`from_bytes`](crate::from_bytes) and [`ValueDecoder::decode_bytes`](crate::ValueDecoder::decode_bytes) it is
/// slices of the input's buffer, one for each chunk on the wire: O(chunks), nothing is copied. It keeps that whole buffer
/// alive: copy what you keep of a large message for long. From other input it owns one copy.
///
/// ```
/// # fn main() -> hessian::Result<()> {
/// let packet = bytes::Bytes::from(hessian::to_vec(&hessian::Binary::from(vec![7; 1 << 20]))?);
/// let binary: hessian::Binary = hessian::from_bytes(&packet)?;
/// assert_eq!(binary.len(), 1 << 20);
/// assert!(packet.as_ptr_range().contains(&binary.chunks()[0].as_ptr()));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Default)]
pub struct Binary {
    /// None of them is empty.
    chunks: SmallVec<[Bytes; 1]>,
    len: usize,
}

impl Binary {
    /// An empty one. Does not allocate.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How many bytes.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// True without any byte.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Its pieces in order; none is empty.
    #[must_use]
    pub fn chunks(&self) -> &[Bytes] {
        &self.chunks
    }

    /// Appends a piece. Copies nothing.
    pub fn push(&mut self, chunk: Bytes) {
        if !chunk.is_empty() {
            self.len += chunk.len();
            self.chunks.push(chunk);
        }
    }

    /// As one piece: shared if it is one already, else copied together.
    #[must_use]
    pub fn to_bytes(&self) -> Bytes {
        match self.chunks.as_slice() {
            [] => Bytes::new(),
            [chunk] => chunk.clone(),
            chunks => {
                let mut joined = BytesMut::with_capacity(self.len);
                for chunk in chunks {
                    joined.extend_from_slice(chunk);
                }
                joined.freeze()
            }
        }
    }

    /// A copy.
    #[must_use]
    pub fn to_vec(&self) -> Vec<u8> {
        let mut joined = Vec::with_capacity(self.len);
        for chunk in &self.chunks {
            joined.extend_from_slice(chunk);
        }
        joined
    }
}

/// Makes a [`Binary`] of the chunks on the wire.
pub(crate) struct Rope<'a> {
    source: &'a Bytes,
    binary: Binary,
    small: BytesMut,
}

impl<'a> Rope<'a> {
    /// For a binary with so many chunks of [`MIN_SLICE`] bytes at least.
    pub(crate) fn new(source: &'a Bytes, slices: usize) -> Self {
        let binary = Binary { chunks: SmallVec::with_capacity(slices), len: 0 };
        Self { source, binary, small: BytesMut::new() }
    }

    pub(crate) fn add(&mut self, chunk: &[u8]) {
        if chunk.len() < MIN_SLICE {
            self.small.extend_from_slice(chunk);
        } else {
            self.flush();
            self.binary.push(self.source.slice_ref(chunk));
        }
    }

    fn flush(&mut self) {
        if !self.small.is_empty() {
            self.binary.push(self.small.split().freeze());
        }
    }

    pub(crate) fn finish(mut self) -> Binary {
        self.flush();
        self.binary
    }
}

impl fmt::Debug for Binary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Binary({} bytes in {} chunks)", self.len, self.chunks.len())
    }
}

impl From<Bytes> for Binary {
    fn from(chunk: Bytes) -> Self {
        let mut binary = Self::new();
        binary.push(chunk);
        binary
    }
}

impl From<Vec<u8>> for Binary {
    fn from(bytes: Vec<u8>) -> Self {
        Bytes::from(bytes).into()
    }
}

impl From<&[u8]> for Binary {
    /// Copies.
    fn from(bytes: &[u8]) -> Self {
        Bytes::copy_from_slice(bytes).into()
    }
}

impl FromIterator<Bytes> for Binary {
    fn from_iter<I: IntoIterator<Item = Bytes>>(chunks: I) -> Self {
        let mut binary = Self::new();
        chunks.into_iter().for_each(|chunk| binary.push(chunk));
        binary
    }
}

impl PartialEq for Binary {
    /// The same bytes, however they are cut.
    fn eq(&self, other: &Self) -> bool {
        self.len == other.len
            && match (self.chunks.as_slice(), other.chunks.as_slice()) {
                ([a], [b]) => a == b,
                _ => self.chunks.iter().flatten().eq(other.chunks.iter().flatten()),
            }
    }
}

impl Eq for Binary {}

impl PartialEq<[u8]> for Binary {
    fn eq(&self, other: &[u8]) -> bool {
        self.len == other.len() && self.chunks.iter().flatten().eq(other)
    }
}

impl Serialize for Binary {
    /// A binary value. Several chunks are joined first (one copy more).
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        struct Contents<'a>(&'a [u8]);

        impl Serialize for Contents<'_> {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_bytes(self.0)
            }
        }

        match self.chunks.as_slice() {
            [] => serializer.serialize_newtype_struct(magic::BINARY, &Contents(&[])),
            [chunk] => serializer.serialize_newtype_struct(magic::BINARY, &Contents(chunk)),
            _ => serializer.serialize_newtype_struct(magic::BINARY, &Contents(&self.to_bytes())),
        }
    }
}

impl<'de> Deserialize<'de> for Binary {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Binary;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("binary")
            }
            /// The deserializer of this crate has handed it over.
            fn visit_unit<E: de::Error>(self) -> Result<Binary, E> {
                magic::take_binary().ok_or_else(|| E::invalid_type(de::Unexpected::Unit, &self))
            }
            fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Binary, E> {
                Ok(bytes.into())
            }
            fn visit_byte_buf<E: de::Error>(self, bytes: Vec<u8>) -> Result<Binary, E> {
                Ok(bytes.into())
            }
            fn visit_seq<A: de::SeqAccess<'de>>(self, mut seq: A) -> Result<Binary, A::Error> {
                let mut bytes = Vec::with_capacity(seq.size_hint().unwrap_or_default().min(4096));
                while let Some(byte) = seq.next_element()? {
                    bytes.push(byte);
                }
                Ok(bytes.into())
            }
            fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<Binary, D::Error> {
                deserializer.deserialize_byte_buf(self)
            }
        }

        deserializer.deserialize_newtype_struct(magic::BINARY, Visitor)
    }
}
