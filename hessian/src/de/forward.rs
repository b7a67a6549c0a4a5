//! serde's questions, and who answers them.

use super::Deserializer;
use crate::date;
use crate::error::{Error, Result};
use crate::grammar::{Grammar, Token};
use crate::magic;
use serde::de::{self, Visitor};

macro_rules! forward {
    ($($method:ident => $to:ident;)*) => {
        $(#[inline]
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
            self.$to(visitor)
        })*
    };
}

impl<'de, G: Grammar> de::Deserializer<'de> for &mut Deserializer<'de, '_, G> {
    type Error = Error;

    forward! {
        deserialize_any => any;
        deserialize_bool => boolean;
        deserialize_i8 => integer;
        deserialize_i16 => integer;
        deserialize_i32 => integer;
        deserialize_i64 => integer;
        deserialize_i128 => integer;
        deserialize_u8 => integer;
        deserialize_u16 => integer;
        deserialize_u32 => integer;
        deserialize_u64 => integer;
        deserialize_u128 => integer;
        deserialize_f32 => float;
        deserialize_f64 => float;
        deserialize_char => string;
        deserialize_str => string;
        deserialize_string => string;
        deserialize_bytes => bytes;
        deserialize_byte_buf => bytes;
        deserialize_unit => unit;
        deserialize_seq => sequence;
        deserialize_map => mapping;
        deserialize_identifier => identifier;
    }

    fn is_human_readable(&self) -> bool {
        false
    }
    #[inline]
    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        if self.reader.peek()? == b'N' {
            self.reader.pos += 1;
            visitor.visit_none()
        } else {
            visitor.visit_some(self)
        }
    }
    fn deserialize_unit_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value> {
        match self.reader.peek()? {
            b'N' => self.unit(visitor),
            _ => {
                self.reader.skip()?;
                visitor.visit_unit()
            }
        }
    }
    #[inline]
    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value> {
        if name == date::NEWTYPE {
            return match self.reader.token()? {
                Token::Date(millis) => visitor.visit_i64(millis),
                Token::Object(number) => {
                    self.unwrap(number, "a date", |de| de.deserialize_newtype_struct(name, visitor))
                }
                Token::Map { ty } if G::OBJECTS_ARE_MAPS => {
                    self.unwrap_map(ty, "a date", |de| de.deserialize_newtype_struct(name, visitor))
                }
                Token::Reference(number) => {
                    self.follow(number, |de| de.deserialize_newtype_struct(name, visitor))
                }
                other => Err(self.mismatch(&other, "a date")),
            };
        }
        if name.starts_with(magic::PREFIX) {
            return self.special(name, visitor);
        }
        visitor.visit_newtype_struct(self)
    }
    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value> {
        self.sequence(visitor)
    }
    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value> {
        self.sequence(visitor)
    }
    #[inline]
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        self.structure(name, fields, visitor)
    }
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        self.enumeration(name, variants, visitor)
    }
    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.reader.skip()?;
        visitor.visit_unit()
    }
}
