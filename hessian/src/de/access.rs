//! Elements, entries and fields for serde's visitors.

use super::Deserializer;
use crate::error::{Error, ErrorKind, Result};
use crate::event::ClassId;
use crate::grammar::Grammar;
use crate::table::Cursor;
use serde::de::value::U8Deserializer;
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
            _ => Err(self.de.reader.fail(ErrorKind::Message(format!("{extra} more elements than expected")))),
        }
    }

    /// A list has all the values that it announced, but does not end.
    #[cold]
    fn no_end(&mut self) -> Error {
        match self.de.reader.token() {
            Ok(_) => self.de.reader.fail(ErrorKind::Message("more elements than the list announced".into())),
            Err(error) => error,
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
        seed.deserialize(&mut *self.de).map(Some).map_err(|error| error.in_element(index))
    }

    fn size_hint(&self) -> Option<usize> {
        // Every element takes a byte at least: a claim beyond the input is a lie.
        let rest = self.de.reader.input.len() - self.de.reader.pos;
        self.left.map(|left| (left as usize).min(rest).min(MAX_HINT))
    }
}

/// The entries of a map.
pub(super) struct Map<'a, 'de, 't, G> {
    de: &'a mut Deserializer<'de, 't, G>,
    done: bool,
    entries: u64,
}

impl<'a, 'de, 't, G: Grammar> Map<'a, 'de, 't, G> {
    pub(super) fn new(de: &'a mut Deserializer<'de, 't, G>) -> Self {
        Self { de, done: false, entries: 0 }
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
        let entry = self.entries - 1;
        seed.deserialize(&mut *self.de).map(Some).map_err(|error| error.in_element(entry))
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value> {
        let entry = self.entries - 1;
        seed.deserialize(&mut *self.de).map_err(|error| error.in_element(entry))
    }
}

/// The fields of an object, by name.
pub(super) struct Object<'a, 'de, 't, G> {
    de: &'a mut Deserializer<'de, 't, G>,
    class: ClassId,
    /// Where the next field's name stands in the table.
    cursor: Cursor,
    left: u32,
}

impl<'a, 'de, 't, G: Grammar> Object<'a, 'de, 't, G> {
    pub(super) fn new(de: &'a mut Deserializer<'de, 't, G>, class: ClassId) -> Self {
        let cursor = de.reader.tables.first_field(de.reader.input, class);
        let left = de.reader.tables.fields(class);
        Self { de, class, cursor, left }
    }

    /// Passes over what the visitor left.
    pub(super) fn finish(&mut self) -> Result<()> {
        for _ in 0..std::mem::take(&mut self.left) {
            self.de.reader.skip()?;
        }
        Ok(())
    }
}

impl<'de, G: Grammar> de::MapAccess<'de> for &mut Object<'_, 'de, '_, G> {
    type Error = Error;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>> {
        if self.left == 0 {
            return Ok(None);
        }
        self.left -= 1;
        let name = self.de.reader.tables.field(self.de.reader.input, &mut self.cursor);
        seed.deserialize(name.into_deserializer()).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value> {
        let field = self.de.reader.tables.fields(self.class) - self.left - 1;
        seed.deserialize(&mut *self.de).map_err(|error| {
            let name =
                self.de.reader.tables.field_names(self.de.reader.input, self.class).nth(field as usize);
            error.in_field(name.unwrap_or_default().to_owned())
        })
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
}

impl<'a, 'de, 't, G: Grammar> FieldsInOrder<'a, 'de, 't, G> {
    #[inline]
    pub(super) fn new(de: &'a mut Deserializer<'de, 't, G>, fields: &'static [&'static str]) -> Self {
        Self { de, fields, next: 0 }
    }

    #[inline]
    pub(super) fn finish(&mut self) -> Result<()> {
        for _ in self.next..self.fields.len() {
            self.de.reader.skip()?;
        }
        Ok(())
    }

    #[cold]
    #[inline(never)]
    fn in_field(&self, error: Error) -> Error {
        error.in_field(self.fields[self.next - 1])
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

/// A binary value as a sequence of numbers.
pub(super) struct Numbers<'b> {
    bytes: std::slice::Iter<'b, u8>,
}

impl<'b> Numbers<'b> {
    pub(super) fn new(bytes: &'b [u8]) -> Self {
        Self { bytes: bytes.iter() }
    }
}

impl<'de> de::SeqAccess<'de> for Numbers<'_> {
    type Error = Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>> {
        let Some(&byte) = self.bytes.next() else { return Ok(None) };
        let deserializer: U8Deserializer<Error> = byte.into_deserializer();
        seed.deserialize(deserializer).map(Some)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.bytes.len())
    }
}
