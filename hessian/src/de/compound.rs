//! Lists, maps and objects, and what may be any of them.

use super::Deserializer;
use super::access::{FieldsInOrder, List, Map, Object};
use super::octets::Octets;
use super::text::{Blob, Text};
use crate::error::Result;
use crate::event::ClassId;
use crate::grammar::{Grammar, Token, TypeForm};
use crate::table::{Match, Target};
use serde::de::Visitor;

/// A visitor that takes a struct's fields by name and in their order alike. Those that serde derives do; one that was
/// written by hand may not, and what it is given must not change with what was read before.
fn is_derived<V>() -> bool {
    std::any::type_name::<V>().contains("::__Visitor")
}

impl<'de, G: Grammar> Deserializer<'de, '_, G> {
    pub(super) fn list<V: Visitor<'de>>(
        &mut self,
        head: (Option<u32>, bool),
        visitor: V,
    ) -> Result<V::Value> {
        let start = self.reader.start;
        self.reader.open()?;
        let mut list = List::new(self, head);
        let value = visitor.visit_seq(&mut list);
        if value.is_err() {
            return value.map_err(|error| self.give_up(error.or_at(start as u64)));
        }
        list.finish()?;
        self.reader.close();
        value
    }

    pub(super) fn map<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value> {
        let start = self.reader.start;
        self.reader.open()?;
        let mut map = Map::new(self);
        let value = visitor.visit_map(&mut map);
        if value.is_err() {
            return value.map_err(|error| self.give_up(error.or_at(start as u64)));
        }
        map.finish()?;
        self.reader.close();
        value
    }

    /// An object as entries of field name and value, for who keeps the names.
    pub(super) fn object<V: Visitor<'de>>(&mut self, class: ClassId, visitor: V) -> Result<V::Value> {
        let told = self.reader.tables.tell(class);
        self.named_fields(class, told, visitor).map(|(value, _)| value)
    }

    /// The same for who only looks at them. Tells whether all of them were asked for.
    fn named_fields<V: Visitor<'de>>(
        &mut self,
        class: ClassId,
        count_names: bool,
        visitor: V,
    ) -> Result<(V::Value, bool)> {
        let start = self.reader.start;
        self.reader.open()?;
        let mut object = Object::new(self, class, count_names);
        match visitor.visit_map(&mut object) {
            Ok(value) => {
                let all = object.finish()?;
                self.reader.close();
                Ok((value, all))
            }
            Err(error) => Err(self.give_up(error.or_at(start as u64))),
        }
    }

    /// An object whose class has just the fields of the struct, in order: no name has to be looked at again.
    #[inline(always)]
    pub(super) fn fields<V: Visitor<'de>>(
        &mut self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        self.reader.open()?;
        let mut access = FieldsInOrder::new(self, fields);
        let value = visitor.visit_seq(&mut access);
        if value.is_err() {
            return value.map_err(|error| access.place(error));
        }
        access.finish()?;
        self.reader.close();
        value
    }

    #[inline(always)]
    pub(super) fn structure<V: Visitor<'de>>(
        &mut self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        let target = || Target::new::<V>(name, fields);
        if self.reader.try_object(target) {
            return self.fields(fields, visitor);
        }
        self.other_structure(target(), visitor)
    }

    #[inline(never)]
    pub(super) fn other_structure<V: Visitor<'de>>(
        &mut self,
        target: Target,
        visitor: V,
    ) -> Result<V::Value> {
        match self.reader.token()? {
            Token::Object(number) => {
                let class = self.reader.class(number)?;
                self.object_of(class, target, visitor)
            }
            Token::Map { ty } => {
                self.map_type(ty)?;
                self.map(visitor)
            }
            Token::List { ty, len, ended } => {
                let head = self.reader.list(ty, len, ended)?;
                self.list(head, visitor)
            }
            Token::Reference(number) => self.follow(number, |de| de.other_structure(target, visitor)),
            Token::Remote { ty } => self.remote(ty, visitor),
            other => Err(self.mismatch(&other, "an object")),
        }
    }

    /// An object as a struct.
    pub(super) fn object_of<V: Visitor<'de>>(
        &mut self,
        class: ClassId,
        target: Target,
        visitor: V,
    ) -> Result<V::Value> {
        match self.reader.tables.compare(self.reader.input, class, || target) {
            Match::InOrder => self.fields(target.fields, visitor),
            found => {
                let (value, all) = self.named_fields(class, false, visitor)?;
                if all && found == Match::Same && is_derived::<V>() {
                    self.reader.tables.learn(class, target);
                }
                Ok(value)
            }
        }
    }

    pub(super) fn map_type(&mut self, ty: TypeForm) -> Result<()> {
        match ty {
            TypeForm::None => Ok(()),
            form => self.reader.ty(form),
        }
    }

    pub(super) fn any<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value> {
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
        self.place(self.reader.start, result)
    }

    pub(super) fn sequence<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value> {
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
                self.place(self.reader.start, Octets::new(bytes).visit(visitor))
            }
            Token::Reference(number) => self.follow(number, |de| de.sequence(visitor)),
            other => Err(self.mismatch(&other, "a list")),
        }
    }

    pub(super) fn mapping<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value> {
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
}
