//! serde: Hessian to Rust values.

mod access;
mod enums;
mod reader;
mod remote;
mod replay;
mod source;
mod special;

use crate::date;
use crate::error::{Error, ErrorKind, Result};
use crate::event::ClassId;
use crate::grammar::{Final, Grammar, Token, TypeForm};
use crate::limits::Limits;
use crate::magic;
use crate::table::Tables;
use access::{FieldsInOrder, List, Map, Numbers, Object};
use bytes::Bytes;
use reader::{Blob, Reader, Text};
pub(crate) use remote::visit_remote;
use serde::de::{self, Deserialize, Visitor};
pub use source::{from_bytes, from_bytes_in, from_bytes_with, from_reader, from_reader_in, from_reader_with};
use std::borrow::Cow;

/// Decodes one value from a slice, which must end with it. Strings and binaries of one chunk are borrowed where the
/// type allows it (`&'de str`, `&'de [u8]`, `Cow` with `#[serde(borrow)]`).
///
/// # Errors
/// Malformed or incomplete input, bytes after the value, any of the [`Limits`], and what the type refuses.
pub fn from_slice<'de, T: Deserialize<'de>>(input: &'de [u8]) -> Result<T> {
    from_slice_with(input, &Limits::DEFAULT)
}

/// [`from_slice`] with limits of your own.
///
/// # Errors
/// As [`from_slice`].
pub fn from_slice_with<'de, T: Deserialize<'de>>(input: &'de [u8], limits: &Limits) -> Result<T> {
    from_slice_in::<Final, T>(input, limits)
}

/// [`from_slice_with`] in a grammar of your choice: `from_slice_in::<One, T>(input, &Limits::DEFAULT)`.
///
/// In Hessian 1, which has no objects, a map with a type is what an object is in the others: it decodes into structs,
/// into enums over classes, and into the scalar that Java wraps in it. An object that lives elsewhere decodes into a
/// map or struct of `type` (an `Option`) and `url`.
///
/// # Errors
/// As [`from_slice`].
#[inline]
pub fn from_slice_in<'de, G: Grammar, T: Deserialize<'de>>(input: &'de [u8], limits: &Limits) -> Result<T> {
    let mut tables = Tables::default();
    let mut deserializer = Deserializer::<G>::new(input, &mut tables, limits, true);
    // Not `?`: the value stays where it was made.
    let value = T::deserialize(&mut deserializer);
    if value.is_ok() {
        deserializer.finish()?;
    }
    value
}

/// Reads values one after the other from a slice: [`from_slice`](Self::from_slice).
#[derive(Debug)]
pub struct Deserializer<'de, 't, G = Final> {
    reader: Reader<'de, 't, G>,
}

impl<'de, 't, G: Grammar> Deserializer<'de, 't, G> {
    /// `alone`: the tables are used for this input only.
    #[inline]
    pub(crate) fn new(input: &'de [u8], tables: &'t mut Tables, limits: &'t Limits, alone: bool) -> Self {
        Self { reader: Reader::new(input, tables, limits, alone) }
    }

    /// The input is (a slice of) this buffer: binaries may share it.
    pub(crate) fn sharing(mut self, source: &'de Bytes) -> Self {
        self.reader.source = Some(source);
        self
    }

    /// Bytes read so far.
    #[must_use]
    pub fn offset(&self) -> usize {
        self.reader.pos
    }

    /// True when the input has been read to its end.
    #[must_use]
    pub fn is_at_end(&self) -> bool {
        self.reader.pos == self.reader.input.len()
    }

    /// Checks that nothing is left.
    ///
    /// # Errors
    /// [`ErrorKind::TrailingBytes`].
    #[inline]
    pub fn finish(&self) -> Result<()> {
        match self.reader.input.len() - self.reader.pos {
            0 => Ok(()),
            count => Err(self.reader.fail(ErrorKind::TrailingBytes { count })),
        }
    }

    /// Passes over one value; the classes and types that it defines are taken in.
    ///
    /// # Errors
    /// Malformed or incomplete input and the limits.
    pub fn skip(&mut self) -> Result<()> {
        self.reader.skip()
    }

    /// Reads what a reference names with `read`.
    #[inline(never)]
    fn follow<R>(&mut self, number: Option<u32>, read: impl FnOnce(&mut Self) -> Result<R>) -> Result<R> {
        let back = self.reader.jump(number)?;
        let value = read(self);
        // Also after an error, which the type may pass over.
        self.reader.back(&back)?;
        value
    }

    /// A scalar that Java wraps in an object of one field: `ByteHandle { _value }`, `BigDecimal { value }`, an enum's
    /// `name`.
    #[inline(never)]
    fn unwrap<R>(
        &mut self,
        number: Option<u32>,
        expected: &'static str,
        read: impl FnOnce(&mut Self) -> Result<R>,
    ) -> Result<R> {
        let class = self.reader.class(number)?;
        let mut names = self.reader.tables.field_names(self.reader.input, class);
        match (names.next(), names.next()) {
            (Some("_value" | "value" | "name"), None) => {
                drop(names);
                self.reader.open()?;
                let value = read(self)?;
                self.reader.close();
                Ok(value)
            }
            _ => {
                drop(names);
                Err(self.mismatch(&Token::Object(number), expected))
            }
        }
    }

    /// The same in Hessian 1, where the object is a map of one entry.
    #[inline(never)]
    fn unwrap_map<R>(
        &mut self,
        ty: TypeForm,
        expected: &'static str,
        read: impl FnOnce(&mut Self) -> Result<R>,
    ) -> Result<R> {
        let start = self.reader.pos;
        self.reader.ty(ty)?;
        self.reader.open()?;
        let name = match self.reader.token()? {
            Token::Text { units, last } => self.reader.text(units, last)?,
            _ => Text::Borrowed(""),
        };
        if !matches!(name.as_str(), "_value" | "value" | "name") {
            self.reader.pos = start;
            return Err(self.mismatch(&Token::Map { ty }, expected));
        }
        let value = read(self)?;
        self.end_of_entry(expected)?;
        self.reader.close();
        Ok(value)
    }

    /// The end of a map of one entry.
    fn end_of_entry(&mut self, expected: &'static str) -> Result<()> {
        match self.reader.token()? {
            Token::End => Ok(()),
            other => Err(self.mismatch(&other, format!("the end of a map of one entry ({expected})"))),
        }
    }

    /// A value of a type that the target does not take.
    #[cold]
    fn mismatch(&self, found: &Token, expected: impl Into<Cow<'static, str>>) -> Error {
        if *found == Token::End {
            let kind = ErrorKind::UnexpectedByte { found: G::END, expected: "a value" };
            return Error::at(self.reader.pos as u64 - 1, kind);
        }
        self.reader.fail(ErrorKind::UnexpectedType { found: name_of(found), expected: expected.into() })
    }

    /// Tells an error of a visitor where it happened.
    #[inline]
    fn place<T>(&self, result: Result<T>) -> Result<T> {
        result.map_err(|error| error.or_at(self.reader.pos as u64))
    }

    #[cold]
    fn other_bool<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value> {
        match self.reader.token()? {
            // After a class definition.
            Token::Bool(value) => visitor.visit_bool(value),
            Token::Reference(number) => self.follow(number, |de| de.other_bool(visitor)),
            other => Err(self.mismatch(&other, "a boolean")),
        }
    }

    /// An integer, whatever its width on the wire.
    #[inline]
    fn integer<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value> {
        match self.reader.try_integer() {
            Some(value) => {
                let result = visitor.visit_i64(value);
                self.place(result)
            }
            None => self.other_integer(visitor),
        }
    }

    #[cold]
    fn other_integer<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value> {
        let result = match self.reader.token()? {
            Token::Int(value) => visitor.visit_i32(value),
            Token::Long(value) | Token::Date(value) => visitor.visit_i64(value),
            Token::Object(number) => {
                return self.unwrap(number, "an integer", |de| de.other_integer(visitor));
            }
            Token::Map { ty } if G::OBJECTS_ARE_MAPS => {
                return self.unwrap_map(ty, "an integer", |de| de.other_integer(visitor));
            }
            Token::Reference(number) => return self.follow(number, |de| de.other_integer(visitor)),
            other => return Err(self.mismatch(&other, "an integer")),
        };
        self.place(result)
    }

    #[inline]
    fn float<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value> {
        match self.reader.try_double() {
            Some(value) => visitor.visit_f64(value),
            None => self.other_float(visitor),
        }
    }

    #[cold]
    fn other_float<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value> {
        let result = match self.reader.token()? {
            Token::Double(value) => visitor.visit_f64(value),
            Token::Int(value) => visitor.visit_i32(value),
            Token::Long(value) => visitor.visit_i64(value),
            Token::Object(number) => return self.unwrap(number, "a number", |de| de.other_float(visitor)),
            Token::Map { ty } if G::OBJECTS_ARE_MAPS => {
                return self.unwrap_map(ty, "a number", |de| de.other_float(visitor));
            }
            Token::Reference(number) => return self.follow(number, |de| de.other_float(visitor)),
            other => return Err(self.mismatch(&other, "a number")),
        };
        self.place(result)
    }

    #[inline(always)]
    fn string<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value> {
        match self.reader.try_text() {
            Some(text) => {
                let result = visitor.visit_borrowed_str(text);
                self.place(result)
            }
            None => self.other_string(visitor),
        }
    }

    #[cold]
    fn other_string<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value> {
        let result = match self.reader.token()? {
            Token::Text { units, last } => match self.reader.text(units, last)? {
                Text::Borrowed(text) => visitor.visit_borrowed_str(text),
                Text::Owned(text) => visitor.visit_string(text),
            },
            Token::Object(number) => return self.unwrap(number, "a string", |de| de.other_string(visitor)),
            Token::Map { ty } if G::OBJECTS_ARE_MAPS => {
                return self.unwrap_map(ty, "a string", |de| de.other_string(visitor));
            }
            Token::Reference(number) => return self.follow(number, |de| de.other_string(visitor)),
            other => return Err(self.mismatch(&other, "a string")),
        };
        self.place(result)
    }

    fn bytes<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value> {
        let result = match self.reader.token()? {
            Token::Binary { len, last } => match self.reader.blob(len, last)? {
                Blob::Borrowed(bytes) => visitor.visit_borrowed_bytes(bytes),
                Blob::Owned(bytes) => visitor.visit_byte_buf(bytes),
            },
            Token::Text { units, last } => match self.reader.text(units, last)? {
                Text::Borrowed(text) => visitor.visit_borrowed_str(text),
                Text::Owned(text) => visitor.visit_string(text),
            },
            Token::List { ty, len, ended } => {
                let head = self.reader.list(ty, len, ended)?;
                return self.list(head, visitor);
            }
            Token::Reference(number) => return self.follow(number, |de| de.bytes(visitor)),
            other => return Err(self.mismatch(&other, "binary")),
        };
        self.place(result)
    }

    fn list<V: Visitor<'de>>(&mut self, head: (Option<u32>, bool), visitor: V) -> Result<V::Value> {
        self.reader.open()?;
        let mut list = List::new(self, head);
        let value = visitor.visit_seq(&mut list);
        if value.is_err() {
            return self.place(value);
        }
        list.finish()?;
        self.reader.close();
        value
    }

    fn map<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value> {
        self.reader.open()?;
        let mut map = Map::new(self);
        let value = visitor.visit_map(&mut map);
        if value.is_err() {
            return self.place(value);
        }
        map.finish()?;
        self.reader.close();
        value
    }

    /// An object as entries of field name and value.
    fn object<V: Visitor<'de>>(&mut self, class: ClassId, visitor: V) -> Result<V::Value> {
        self.reader.open()?;
        let mut object = Object::new(self, class);
        let value = visitor.visit_map(&mut object);
        if value.is_err() {
            return self.place(value);
        }
        object.finish()?;
        self.reader.close();
        value
    }

    /// An object whose class has just the fields of the struct, in order: no name has to be looked at again.
    #[inline(always)]
    fn fields<V: Visitor<'de>>(&mut self, fields: &'static [&'static str], visitor: V) -> Result<V::Value> {
        self.reader.open()?;
        let mut access = FieldsInOrder::new(self, fields);
        let value = visitor.visit_seq(&mut access);
        if value.is_err() {
            return self.place(value);
        }
        access.finish()?;
        self.reader.close();
        value
    }

    #[inline(always)]
    fn structure<V: Visitor<'de>>(
        &mut self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        if self.reader.try_object(name, fields) {
            return self.fields(fields, visitor);
        }
        self.other_structure(fields, visitor)
    }

    #[inline(never)]
    pub(super) fn other_structure<V: Visitor<'de>>(
        &mut self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        match self.reader.token()? {
            Token::Object(number) => {
                let class = self.reader.class(number)?;
                if self.reader.tables.has_fields(self.reader.input, class, fields) {
                    self.fields(fields, visitor)
                } else {
                    self.object(class, visitor)
                }
            }
            Token::Map { ty } => {
                self.map_type(ty)?;
                self.map(visitor)
            }
            Token::List { ty, len, ended } => {
                let head = self.reader.list(ty, len, ended)?;
                self.list(head, visitor)
            }
            Token::Reference(number) => self.follow(number, |de| de.other_structure(fields, visitor)),
            Token::Remote { ty } => self.remote(ty, visitor),
            other => Err(self.mismatch(&other, "an object")),
        }
    }

    fn map_type(&mut self, ty: TypeForm) -> Result<()> {
        match ty {
            TypeForm::None => Ok(()),
            form => self.reader.ty(form),
        }
    }

    fn any<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value> {
        let result = match self.reader.token()? {
            Token::Null => visitor.visit_unit(),
            Token::Bool(value) => visitor.visit_bool(value),
            Token::Int(value) => visitor.visit_i32(value),
            Token::Long(value) | Token::Date(value) => visitor.visit_i64(value),
            Token::Double(value) => visitor.visit_f64(value),
            Token::Text { units, last } => match self.reader.text(units, last)? {
                Text::Borrowed(text) => visitor.visit_borrowed_str(text),
                Text::Owned(text) => visitor.visit_string(text),
            },
            Token::Binary { len, last } => match self.reader.blob(len, last)? {
                Blob::Borrowed(bytes) => visitor.visit_borrowed_bytes(bytes),
                Blob::Owned(bytes) => visitor.visit_byte_buf(bytes),
            },
            Token::List { ty, len, ended } => {
                let head = self.reader.list(ty, len, ended)?;
                return self.list(head, visitor);
            }
            Token::Map { ty } => {
                self.map_type(ty)?;
                return self.map(visitor);
            }
            Token::Object(number) => {
                let class = self.reader.class(number)?;
                return self.object(class, visitor);
            }
            Token::Reference(number) => return self.follow(number, |de| de.any(visitor)),
            Token::Remote { ty } => return self.remote(ty, visitor),
            other => return Err(self.mismatch(&other, "a value")),
        };
        self.place(result)
    }

    fn sequence<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value> {
        match self.reader.token()? {
            Token::List { ty, len, ended } => {
                let head = self.reader.list(ty, len, ended)?;
                self.list(head, visitor)
            }
            // Java's byte[] into a sequence of numbers.
            Token::Binary { len, last } => {
                let blob = self.reader.blob(len, last)?;
                let bytes = match &blob {
                    Blob::Borrowed(bytes) => bytes,
                    Blob::Owned(bytes) => bytes.as_slice(),
                };
                let result = visitor.visit_seq(Numbers::new(bytes));
                self.place(result)
            }
            Token::Reference(number) => self.follow(number, |de| de.sequence(visitor)),
            other => Err(self.mismatch(&other, "a list")),
        }
    }

    fn mapping<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value> {
        match self.reader.token()? {
            Token::Map { ty } => {
                self.map_type(ty)?;
                self.map(visitor)
            }
            Token::Object(number) => {
                let class = self.reader.class(number)?;
                self.object(class, visitor)
            }
            Token::Reference(number) => self.follow(number, |de| de.mapping(visitor)),
            Token::Remote { ty } => self.remote(ty, visitor),
            other => Err(self.mismatch(&other, "a map")),
        }
    }

    fn unit<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value> {
        match self.reader.token()? {
            Token::Null => visitor.visit_unit(),
            Token::Reference(number) => self.follow(number, |de| de.unit(visitor)),
            other => Err(self.mismatch(&other, "null")),
        }
    }
}

/// For messages.
const fn name_of(token: &Token) -> &'static str {
    match token {
        Token::Null => "null",
        Token::Bool(_) => "a boolean",
        Token::Int(_) => "an int",
        Token::Long(_) => "a long",
        Token::Double(_) => "a double",
        Token::Date(_) => "a date",
        Token::Text { .. } => "a string",
        Token::Binary { .. } => "binary",
        Token::List { .. } => "a list",
        Token::Map { .. } => "a map",
        Token::Definition => "a class definition",
        Token::Object(_) => "an object",
        Token::Reference(_) => "a reference",
        Token::Remote { .. } => "a remote object",
        Token::End => "an end",
    }
}

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
        deserialize_identifier => any;
    }

    fn is_human_readable(&self) -> bool {
        false
    }
    #[inline]
    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        match self.reader.try_bool() {
            Some(value) => visitor.visit_bool(value),
            None => self.other_bool(visitor),
        }
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
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        self.enumeration(variants, visitor)
    }
    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.reader.skip()?;
        visitor.visit_unit()
    }
}
