//! Newtype variants of enums: a struct inside is an object of the variant's class, anything else a map of one entry.

use super::compound::{Map, Seq, Struct};
use super::special::Newtype;
use super::{Error, Serializer};
use crate::date;
use crate::encode::Sink;
use crate::encode::dialect::Dialect;
use crate::error::Result;
use crate::magic;
use serde::ser::{self, Serialize};

/// Serializer of a newtype variant's content.
pub(super) struct Variant<'a, 'o, S, G> {
    ser: &'a mut Serializer<'o, S, G>,
    name: &'static str,
}

impl<'a, 'o, S: Sink, G: Dialect> Variant<'a, 'o, S, G> {
    pub(super) fn new(ser: &'a mut Serializer<'o, S, G>, name: &'static str) -> Self {
        Self { ser, name }
    }

    fn wrapped<T: Serialize + ?Sized>(self, value: &T) -> Result<()> {
        self.ser.variant(self.name);
        self.ser.value(value)?;
        self.ser.close(1);
        Ok(())
    }
}

macro_rules! wrapped {
    ($($method:ident($value:ident: $type:ty);)*) => {
        $(fn $method(self, $value: $type) -> Result<()> {
            self.wrapped(&$value)
        })*
    };
}

impl<'a, 'o, S: Sink, G: Dialect> ser::Serializer for Variant<'a, 'o, S, G> {
    type Ok = ();
    type Error = Error;
    type SerializeSeq = Seq<'a, 'o, S, G>;
    type SerializeTuple = Seq<'a, 'o, S, G>;
    type SerializeTupleStruct = Seq<'a, 'o, S, G>;
    type SerializeTupleVariant = Seq<'a, 'o, S, G>;
    type SerializeMap = Map<'a, 'o, S, G>;
    type SerializeStruct = Struct<'a, 'o, S, G>;
    type SerializeStructVariant = Struct<'a, 'o, S, G>;

    wrapped! {
        serialize_bool(value: bool);
        serialize_i8(value: i8);
        serialize_i16(value: i16);
        serialize_i32(value: i32);
        serialize_i64(value: i64);
        serialize_i128(value: i128);
        serialize_u8(value: u8);
        serialize_u16(value: u16);
        serialize_u32(value: u32);
        serialize_u64(value: u64);
        serialize_u128(value: u128);
        serialize_f32(value: f32);
        serialize_f64(value: f64);
        serialize_char(value: char);
        serialize_str(value: &str);
    }

    fn is_human_readable(&self) -> bool {
        false
    }
    fn serialize_bytes(self, value: &[u8]) -> Result<()> {
        self.ser.variant(self.name);
        G::binary(self.ser.out, value);
        self.ser.close(1);
        Ok(())
    }
    fn serialize_none(self) -> Result<()> {
        self.wrapped(&())
    }
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<()> {
        value.serialize(self)
    }
    fn serialize_unit(self) -> Result<()> {
        self.wrapped(&())
    }
    fn serialize_unit_struct(self, _: &'static str) -> Result<()> {
        ser::SerializeStruct::end(self.ser.object(self.name, 0)?)
    }
    fn serialize_unit_variant(self, name: &'static str, index: u32, variant: &'static str) -> Result<()> {
        self.wrapped(&Inner::<()> { name, index, variant, content: None })
    }
    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, name: &'static str, value: &T) -> Result<()> {
        if name == date::NEWTYPE {
            self.ser.variant(self.name);
            value.serialize(date::Millis::<S, G>::new(self.ser.out))?;
            self.ser.close(1);
            return Ok(());
        }
        if name.starts_with(magic::PREFIX) && name != magic::ANY {
            return self.wrapped(&Newtype::new(name, value));
        }
        value.serialize(self)
    }
    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<()> {
        self.wrapped(&Inner { name, index, variant, content: Some(value) })
    }
    fn serialize_seq(self, len: Option<usize>) -> Result<Self::SerializeSeq> {
        self.ser.variant(self.name);
        self.ser.list(len, 1)
    }
    fn serialize_tuple(self, len: usize) -> Result<Self::SerializeTuple> {
        self.serialize_seq(Some(len))
    }
    fn serialize_tuple_struct(self, _: &'static str, len: usize) -> Result<Self::SerializeTupleStruct> {
        self.serialize_seq(Some(len))
    }
    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Self::SerializeTupleVariant> {
        self.ser.variant(self.name);
        self.ser.variant(variant);
        self.ser.list(Some(len), 2)
    }
    fn serialize_map(self, _: Option<usize>) -> Result<Self::SerializeMap> {
        self.ser.variant(self.name);
        Ok(self.ser.map(1))
    }
    fn serialize_struct(self, _: &'static str, len: usize) -> Result<Self::SerializeStruct> {
        self.ser.object(self.name, len)
    }
    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Self::SerializeStructVariant> {
        self.ser.wrapped_object(variant, len, Some(self.name))
    }
}

/// An enum inside a variant, to be written as it would be alone.
struct Inner<'v, T: ?Sized> {
    name: &'static str,
    index: u32,
    variant: &'static str,
    content: Option<&'v T>,
}

impl<T: Serialize + ?Sized> Serialize for Inner<'_, T> {
    fn serialize<S: ser::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.content {
            None => serializer.serialize_unit_variant(self.name, self.index, self.variant),
            Some(content) => {
                serializer.serialize_newtype_variant(self.name, self.index, self.variant, content)
            }
        }
    }
}
