//! A pass over a struct that only learns the names of its fields.

use crate::error::{Error, ErrorKind, Result};
use serde::ser::{self, Impossible, Serialize};
use smallvec::SmallVec;

/// The one field of a Java enum.
pub(crate) const ENUM_FIELD: &str = "name";

/// Class name and field names of a value that is written as an object.
#[derive(Debug)]
pub(crate) struct Keys {
    pub(crate) name: &'static str,
    pub(crate) keys: SmallVec<[&'static str; 16]>,
}

/// Asks `value` for its class name and field names. Visits no field's value.
pub(crate) fn shape<T: Serialize + ?Sized>(value: &T) -> Result<Keys> {
    value.serialize(Collector { class: None })
}

/// `class` replaces the struct's own name: the name of the enum variant around it.
struct Collector {
    class: Option<&'static str>,
}

impl Collector {
    fn begin(&self, name: &'static str) -> Keys {
        Keys { name: self.class.unwrap_or(name), keys: SmallVec::new() }
    }

    fn other<T>() -> Result<T> {
        Err(Error::new(ErrorKind::Unrepresentable(
            "a value that is a struct at one time and none at another",
        )))
    }
}

macro_rules! no_struct {
    ($($method:ident($($value:ident: $type:ty),*) -> $ok:ty;)*) => {
        $(fn $method(self, $($value: $type),*) -> Result<$ok> {
            $(let _ = $value;)*
            Self::other()
        })*
    };
}

impl ser::Serializer for Collector {
    type Ok = Keys;
    type Error = Error;
    type SerializeSeq = Impossible<Keys, Error>;
    type SerializeTuple = Impossible<Keys, Error>;
    type SerializeTupleStruct = Impossible<Keys, Error>;
    type SerializeTupleVariant = Impossible<Keys, Error>;
    type SerializeMap = Impossible<Keys, Error>;
    type SerializeStruct = Keys;
    type SerializeStructVariant = Keys;

    no_struct! {
        serialize_bool(value: bool) -> Keys;
        serialize_i8(value: i8) -> Keys;
        serialize_i16(value: i16) -> Keys;
        serialize_i32(value: i32) -> Keys;
        serialize_i64(value: i64) -> Keys;
        serialize_u8(value: u8) -> Keys;
        serialize_u16(value: u16) -> Keys;
        serialize_u32(value: u32) -> Keys;
        serialize_u64(value: u64) -> Keys;
        serialize_f32(value: f32) -> Keys;
        serialize_f64(value: f64) -> Keys;
        serialize_char(value: char) -> Keys;
        serialize_str(value: &str) -> Keys;
        serialize_bytes(value: &[u8]) -> Keys;
        serialize_none() -> Keys;
        serialize_unit() -> Keys;
        serialize_seq(len: Option<usize>) -> Self::SerializeSeq;
        serialize_tuple(len: usize) -> Self::SerializeTuple;
        serialize_tuple_struct(name: &'static str, len: usize) -> Self::SerializeTupleStruct;
        serialize_tuple_variant(name: &'static str, index: u32, variant: &'static str, len: usize) -> Self::SerializeTupleVariant;
        serialize_map(len: Option<usize>) -> Self::SerializeMap;
    }

    fn is_human_readable(&self) -> bool {
        false
    }
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<Keys> {
        value.serialize(self)
    }
    fn serialize_unit_struct(self, name: &'static str) -> Result<Keys> {
        Ok(self.begin(name))
    }
    fn serialize_unit_variant(self, name: &'static str, _: u32, _: &'static str) -> Result<Keys> {
        let mut keys = self.begin(name);
        keys.keys.push(ENUM_FIELD);
        Ok(keys)
    }
    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Result<Keys> {
        value.serialize(self)
    }
    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<Keys> {
        value.serialize(Self { class: Some(variant) })
    }
    fn serialize_struct(self, name: &'static str, _: usize) -> Result<Keys> {
        Ok(self.begin(name))
    }
    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Keys> {
        // An enum inside a variant keeps its own name: the variant around it is a map.
        Ok(Keys { name: variant, keys: SmallVec::new() })
    }
}

impl ser::SerializeStruct for Keys {
    type Ok = Self;
    type Error = Error;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, key: &'static str, _: &T) -> Result<()> {
        self.keys.push(key);
        Ok(())
    }
    fn end(self) -> Result<Self> {
        Ok(self)
    }
}

impl ser::SerializeStructVariant for Keys {
    type Ok = Self;
    type Error = Error;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Result<()> {
        ser::SerializeStruct::serialize_field(self, key, value)
    }
    fn end(self) -> Result<Self> {
        Ok(self)
    }
}
