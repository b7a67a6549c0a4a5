//! Null, booleans, numbers, text and bytes.

use super::Deserializer;
use super::text::{Blob, Text};
use crate::error::Result;
use crate::grammar::{Grammar, Token, TypeForm};
use serde::de::Visitor;

impl<'de, G: Grammar> Deserializer<'de, '_, G> {
    pub(super) fn unit<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value> {
        match self.reader.token()? {
            Token::Null => visitor.visit_unit(),
            Token::Reference(number) => self.follow(number, |de| de.unit(visitor)),
            other => Err(self.mismatch(&other, "null")),
        }
    }

    #[inline]
    pub(super) fn boolean<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value> {
        let start = self.reader.pos;
        match self.reader.try_bool() {
            Some(value) => {
                let result = visitor.visit_bool(value);
                self.place(start, result)
            }
            None => self.other_bool(visitor),
        }
    }

    #[cold]
    fn other_bool<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value> {
        let result = match self.reader.token()? {
            // After a class definition.
            Token::Bool(value) => visitor.visit_bool(value),
            Token::Reference(number) => return self.follow(number, |de| de.other_bool(visitor)),
            other => return Err(self.mismatch(&other, "a boolean")),
        };
        self.place(self.reader.start, result)
    }

    /// An integer, whatever its width on the wire.
    #[inline]
    pub(super) fn integer<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value> {
        let start = self.reader.pos;
        match self.reader.try_integer() {
            Some(value) => {
                let result = visitor.visit_i64(value);
                self.place(start, result)
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
        self.place(self.reader.start, result)
    }

    #[inline]
    pub(super) fn float<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value> {
        let start = self.reader.pos;
        match self.reader.try_double() {
            Some(value) => {
                let result = visitor.visit_f64(value);
                self.place(start, result)
            }
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
        self.place(self.reader.start, result)
    }

    #[inline(always)]
    pub(super) fn string<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value> {
        let start = self.reader.pos;
        match self.reader.try_text() {
            Some(text) => {
                let result = visitor.visit_borrowed_str(text);
                self.place(start, result)
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
        self.place(self.reader.start, result)
    }

    /// The name of a field, variant or the like. Java's enums are objects of a name.
    #[inline]
    pub(super) fn identifier<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value> {
        let start = self.reader.pos;
        match self.reader.try_text() {
            Some(text) => {
                let result = visitor.visit_borrowed_str(text);
                self.place(start, result)
            }
            None => self.other_identifier(visitor),
        }
    }

    #[inline(never)]
    fn other_identifier<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value> {
        self.reader.peek()?;
        let start = self.reader.pos;
        match self.reader.token()? {
            Token::Object(number) => self.unwrap(number, "a name", |de| de.other_string(visitor)),
            Token::Map { ty } if G::OBJECTS_ARE_MAPS => {
                self.unwrap_map(ty, "a name", |de| de.other_string(visitor))
            }
            Token::Reference(number) => self.follow(number, |de| de.other_identifier(visitor)),
            _ => {
                self.reader.pos = start;
                self.any(visitor)
            }
        }
    }

    pub(super) fn bytes<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value> {
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
        self.place(self.reader.start, result)
    }

    /// A scalar that Java wraps in an object of one field: `ByteHandle { _value }`, `BigDecimal { value }`, an enum's
    /// `name`.
    #[inline(never)]
    pub(super) fn unwrap<R>(
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
    pub(super) fn unwrap_map<R>(
        &mut self,
        ty: TypeForm,
        expected: &'static str,
        read: impl FnOnce(&mut Self) -> Result<R>,
    ) -> Result<R> {
        let start = self.reader.start;
        self.reader.ty(ty)?;
        self.reader.open()?;
        let name = match self.reader.token()? {
            Token::Text { units, last } => self.reader.text(units, last)?,
            _ => Text::Borrowed(""),
        };
        if !matches!(name.as_str(), "_value" | "value" | "name") {
            self.reader.start = start;
            return Err(self.stray(&Token::Map { ty }, expected));
        }
        let value = read(self)?;
        self.end_of_entry()?;
        self.reader.close();
        Ok(value)
    }

    /// The end of a map of one entry.
    pub(super) fn end_of_entry(&mut self) -> Result<()> {
        match self.reader.token()? {
            Token::End => Ok(()),
            other => Err(self.stray(&other, "the end of a map of one entry")),
        }
    }
}
