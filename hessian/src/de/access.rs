//! Elements, entries and fields for serde's visitors.

use super::Deserializer;
use super::octets::more_elements;
use crate::error::{Error, ErrorKind, Result};
use crate::event::ClassId;
use crate::grammar::{Grammar, Token};
use crate::table::Cursor;
use serde::de::{self, DeserializeSeed, IntoDeserializer};

/// Room a claimed length may reserve: more comes when more elements do.
const MAX_HINT: usize = 4096;

/// The elements of a list.
pub(super) struct List<'a, 'de, 't, G> {
    de: &'a mut Deserializer<'de, 't, G>,
    /// What is left, if a length was told.
    left: Option<u32>,
    ended: bool,
    /// Its end byte was taken.
    done: bool,
    index: u64,
}

impl<'a, 'de, 't, G: Grammar> List<'a, 'de, 't, G> {
    pub(super) fn new(de: &'a mut Deserializer<'de, 't, G>, (left, ended): (Option<u32>, bool)) -> Self {
        Self { de, left, ended, done: false, index: 0 }
    }

    #[inline]
    fn is_over(&mut self) -> Result<bool> {
        if self.ended {
            if G::LENGTH_AND_END && self.left == Some(0) && !self.done {
                self.done = self.de.reader.end();
                return if self.done { Ok(true) } else { Err(self.no_end()) };
            }
            if G::LENGTH_AND_END && !self.done && self.left.is_some() {
                // The end would be too early: the next value tells.
                return Ok(false);
            }
            self.done = self.done || self.de.reader.end();
            let max = self.de.reader.limits.max_elements;
            if self.index > max {
                return Err(self.de.reader.limit("max_elements", max));
            }
            return Ok(self.done);
        }
        Ok(self.left == Some(0))
    }

    /// Passes over what the visitor left.
    pub(super) fn finish(&mut self) -> Result<()> {
        if !self.ended && self.left == Some(0) {
            return Ok(());
        }
        let mut extra = 0;
        while !self.is_over()? {
            self.advance();
            self.de.reader.skip()?;
            extra += 1;
        }
        match extra {
            0 => Ok(()),
            _ => Err(self.de.reader.fail(more_elements(extra))),
        }
    }

    /// A list has all the values that it announced, but does not end.
    #[cold]
    fn no_end(&mut self) -> Error {
        let expected = "the end of a list that has all the values it announced";
        match self.de.reader.input.get(self.de.reader.pos) {
            Some(&found) => self.de.reader.fail(ErrorKind::UnexpectedByte { found, expected }),
            None => self.de.reader.fail(ErrorKind::Incomplete { needed: 1 }),
        }
    }

    #[inline]
    fn advance(&mut self) {
        self.index += 1;
        if let Some(left) = &mut self.left {
            *left = left.saturating_sub(1);
        }
    }
}

impl<'de, G: Grammar> de::SeqAccess<'de> for &mut List<'_, 'de, '_, G> {
    type Error = Error;

    #[inline]
    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>> {
        if self.is_over()? {
            return Ok(None);
        }
        let index = self.index;
        self.advance();
        let start = self.de.reader.pos;
        match seed.deserialize(&mut *self.de) {
            Ok(value) => Ok(Some(value)),
            Err(error) => Err(in_element(error, start, index)),
        }
    }

    fn size_hint(&self) -> Option<usize> {
        // Every element takes a byte at least: a claim beyond the input is a lie.
        let rest = self.de.reader.input.len() - self.de.reader.pos;
        self.left.map(|left| (left as usize).min(rest).min(MAX_HINT))
    }
}

#[cold]
#[inline(never)]
fn in_element(error: Error, start: usize, index: u64) -> Error {
    error.or_at(start as u64).in_element(index)
}

/// The entries of a map.
pub(super) struct Map<'a, 'de, 't, G> {
    de: &'a mut Deserializer<'de, 't, G>,
    done: bool,
    entries: u64,
    /// Where the last key starts.
    key: usize,
}

impl<'a, 'de, 't, G: Grammar> Map<'a, 'de, 't, G> {
    pub(super) fn new(de: &'a mut Deserializer<'de, 't, G>) -> Self {
        Self { de, done: false, entries: 0, key: 0 }
    }

    #[inline]
    fn is_over(&mut self) -> Result<bool> {
        self.done = self.done || self.de.reader.end();
        let max = self.de.reader.limits.max_elements;
        if !self.done && self.entries >= max {
            return Err(self.de.reader.limit("max_elements", max));
        }
        Ok(self.done)
    }

    /// The error is in the value of the last key: if that is text, it is the name of the place.
    #[cold]
    fn in_value(&mut self, error: Error) -> Error {
        let reader = &mut self.de.reader;
        let pos = std::mem::replace(&mut reader.pos, self.key);
        let key = match G::token(reader.rest()) {
            Ok((rest, Token::Text { units, last })) => {
                reader.pos = reader.input.len() - rest.len();
                reader.text(units, last).ok()
            }
            _ => None,
        };
        reader.pos = pos;
        match key {
            Some(key) => error.in_entry(key.as_str()),
            None => error.in_element(self.entries - 1),
        }
    }

    /// Passes over what the visitor left.
    pub(super) fn finish(&mut self) -> Result<()> {
        while !self.is_over()? {
            self.entries += 1;
            self.de.reader.skip()?;
            self.de.reader.skip()?;
        }
        Ok(())
    }
}

impl<'de, G: Grammar> de::MapAccess<'de> for &mut Map<'_, 'de, '_, G> {
    type Error = Error;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>> {
        if self.is_over()? {
            return Ok(None);
        }
        self.entries += 1;
        self.key = self.de.reader.pos;
        match seed.deserialize(&mut *self.de) {
            Ok(key) => Ok(Some(key)),
            Err(error) => Err(error.or_at(self.key as u64).in_key(self.entries - 1)),
        }
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value> {
        let start = self.de.reader.pos;
        seed.deserialize(&mut *self.de).map_err(|error| self.in_value(error.or_at(start as u64)))
    }
}

/// The fields of an object, by name.
pub(super) struct Object<'a, 'de, 't, G> {
    de: &'a mut Deserializer<'de, 't, G>,
    class: ClassId,
    /// Where the next field's name stands in the table.
    cursor: Cursor,
    left: u32,
    /// The names count as told again.
    count_names: bool,
}

impl<'a, 'de, 't, G: Grammar> Object<'a, 'de, 't, G> {
    pub(super) fn new(de: &'a mut Deserializer<'de, 't, G>, class: ClassId, count_names: bool) -> Self {
        let cursor = de.reader.tables.first_field(de.reader.input, class);
        let left = de.reader.tables.fields(class);
        Self { de, class, cursor, left, count_names }
    }

    /// Passes over what the visitor left. True when that was nothing.
    pub(super) fn finish(&mut self) -> Result<bool> {
        let left = std::mem::take(&mut self.left);
        for _ in 0..left {
            self.de.reader.skip()?;
        }
        Ok(left == 0)
    }

    #[cold]
    #[inline(never)]
    fn in_field(&self, error: Error, start: usize) -> Error {
        let field = self.de.reader.tables.fields(self.class) - self.left - 1;
        let name = self.de.reader.tables.field_names(self.de.reader.input, self.class).nth(field as usize);
        error.or_at(start as u64).in_entry(name.unwrap_or_default())
    }
}

impl<'de, G: Grammar> de::MapAccess<'de> for &mut Object<'_, 'de, '_, G> {
    type Error = Error;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>> {
        if self.left == 0 {
            return Ok(None);
        }
        self.left -= 1;
        if self.count_names {
            let mut next = self.cursor;
            let length = self.de.reader.tables.field(self.de.reader.input, &mut next).len();
            self.de.reader.name_again(length)?;
        }
        let name = self.de.reader.tables.field(self.de.reader.input, &mut self.cursor);
        seed.deserialize(name.into_deserializer()).map(Some)
    }

    #[inline]
    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value> {
        let start = self.de.reader.pos;
        match seed.deserialize(&mut *self.de) {
            Ok(value) => Ok(value),
            Err(error) => Err(self.in_field(error, start)),
        }
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.left as usize)
    }
}

/// The fields of an object in the order in which the struct declares them.
pub(super) struct FieldsInOrder<'a, 'de, 't, G> {
    de: &'a mut Deserializer<'de, 't, G>,
    fields: &'static [&'static str],
    next: usize,
    /// Where the first of them starts.
    start: usize,
}

impl<'a, 'de, 't, G: Grammar> FieldsInOrder<'a, 'de, 't, G> {
    #[inline]
    pub(super) fn new(de: &'a mut Deserializer<'de, 't, G>, fields: &'static [&'static str]) -> Self {
        let start = de.reader.pos;
        Self { de, fields, next: 0, start }
    }

    #[inline]
    pub(super) fn finish(&self) -> Result<()> {
        if self.next == self.fields.len() { Ok(()) } else { Err(self.too_few()) }
    }

    /// By name the struct has taken all of them.
    #[cold]
    #[inline(never)]
    fn too_few(&self) -> Error {
        let (fields, taken) = (self.fields, self.next);
        let message =
            format!("a struct of the fields {fields:?} takes {taken} of them when they come in order");
        self.de.reader.fail(ErrorKind::Message(message))
    }

    #[cold]
    #[inline(never)]
    fn in_field(&mut self, error: Error) -> Error {
        let field = self.next - 1;
        match error.offset() {
            Some(_) => error,
            None => error.or_at(self.de.reader.nth_value(self.start, field) as u64),
        }
        .in_field(self.fields[field])
    }

    /// Tells an error of the struct itself where it happened.
    #[cold]
    #[inline(never)]
    pub(super) fn place(&mut self, error: Error) -> Error {
        let error = error.or_at(self.start as u64);
        self.de.give_up(error)
    }
}

impl<'de, G: Grammar> de::SeqAccess<'de> for &mut FieldsInOrder<'_, 'de, '_, G> {
    type Error = Error;

    #[inline]
    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>> {
        if self.next == self.fields.len() {
            return Ok(None);
        }
        self.next += 1;
        match seed.deserialize(&mut *self.de) {
            Ok(value) => Ok(Some(value)),
            Err(error) => Err(self.in_field(error)),
        }
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.fields.len() - self.next)
    }
}
