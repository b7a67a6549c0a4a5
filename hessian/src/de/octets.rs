//! A binary value as a sequence of numbers.

use crate::error::{Error, ErrorKind, Result};
use serde::de::{self, DeserializeSeed, Visitor};

/// Java's `byte[]` where a sequence is wanted.
pub(crate) struct Octets<'b> {
    bytes: std::slice::Iter<'b, u8>,
    index: u64,
}

impl<'b> Octets<'b> {
    pub(crate) fn new(bytes: &'b [u8]) -> Self {
        Self { bytes: bytes.iter(), index: 0 }
    }

    /// Hands the bytes to a visitor, which has to take all of them.
    pub(crate) fn visit<'de, V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value> {
        let value = visitor.visit_seq(&mut self)?;
        match self.bytes.len() {
            0 => Ok(value),
            extra => Err(Error::new(more_elements(extra as u64))),
        }
    }
}

/// A sequence that goes on when its target is complete.
#[cold]
pub(crate) fn more_elements(extra: u64) -> ErrorKind {
    ErrorKind::Message(format!("{extra} more elements than expected"))
}

impl<'de> de::SeqAccess<'de> for &mut Octets<'_> {
    type Error = Error;

    #[inline]
    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>> {
        let Some(&byte) = self.bytes.next() else { return Ok(None) };
        let index = self.index;
        self.index += 1;
        seed.deserialize(Octet(byte)).map(Some).map_err(|error| error.in_element(index))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.bytes.len())
    }
}

/// One byte: a number from 0 on, but for `i8`, which is what Java has.
struct Octet(u8);

impl<'de> de::Deserializer<'de> for Octet {
    type Error = Error;

    #[inline]
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        visitor.visit_u8(self.0)
    }
    #[inline]
    fn deserialize_i8<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        visitor.visit_i8(self.0.cast_signed())
    }
    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        visitor.visit_some(self)
    }
    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value> {
        visitor.visit_newtype_struct(self)
    }

    serde::forward_to_deserialize_any! {
        bool i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map struct enum identifier ignored_any
    }
}
