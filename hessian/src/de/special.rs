//! Newtypes that ask for something of Hessian's own: shared buffers, shared values, generic values.

use super::Deserializer;
use super::reader::Reader;
use crate::binary::{Binary, MIN_SLICE, Rope};
use crate::error::{Error, Result};
use crate::grammar::{Grammar, Token};
use crate::magic;
use crate::parser::EventSink;
use crate::value::{Building, Graph};
use serde::de::{self, DeserializeSeed, IntoDeserializer, Visitor};

impl<'de, G: Grammar> Deserializer<'de, '_, G> {
    /// A newtype whose name begins with [`magic::PREFIX`].
    #[inline(never)]
    pub(super) fn special<V: Visitor<'de>>(&mut self, name: &'static str, visitor: V) -> Result<V::Value> {
        match name {
            magic::ANY => self.any(visitor),
            magic::BINARY => self.binary(visitor),
            magic::SHARED => self.shared(visitor),
            magic::GRAPH => {
                let graph = self.reader.graph().map_err(|error| self.give_up(error))?;
                magic::give_graph(graph.into_owned());
                visitor.visit_unit()
            }
            _ => visitor.visit_newtype_struct(self),
        }
    }

    /// A binary value as slices of the input's buffer, if there is one.
    fn binary<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value> {
        self.reader.peek()?;
        let start = self.reader.pos;
        match (self.reader.token()?, self.reader.source) {
            (Token::Binary { len, last: true }, Some(source)) => {
                let chunk = self.reader.whole(len)?;
                magic::give_binary(Binary::from(source.slice_ref(chunk)));
            }
            (Token::Binary { len, last }, Some(source)) => {
                // Twice over the heads, so that the list of slices has just the room it needs.
                let start = self.reader.pos;
                let mut slices = 0;
                self.reader.chunks(len, last, |chunk| slices += usize::from(chunk.len() >= MIN_SLICE))?;
                self.reader.pos = start;
                let mut rope = Rope::new(source, slices);
                self.reader.chunks(len, last, |chunk| rope.add(chunk))?;
                magic::give_binary(rope.finish());
            }
            _ => {
                self.reader.pos = start;
                return self.bytes(visitor);
            }
        }
        visitor.visit_unit()
    }

    /// A value that references may have led to before: its number, then the value if that is still wanted.
    fn shared<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value> {
        self.reader.peek()?;
        let start = self.reader.pos;
        let (number, after) = match self.reader.token()? {
            Token::Reference(number) => {
                let number = match number {
                    Some(number) => number,
                    None => self.reader.int("an int (the number of a reference)")?.cast_unsigned(),
                };
                (number, Some(self.reader.pos))
            }
            Token::List { .. } | Token::Map { .. } | Token::Object(_) => (self.reader.next_number(), None),
            _ => {
                self.reader.pos = start;
                return visitor.visit_newtype_struct(self);
            }
        };
        self.reader.pos = start;
        if number >= self.reader.containers && after.is_some() {
            // The reader says what is wrong with it.
            return visitor.visit_newtype_struct(self);
        }
        magic::give_table(self.reader.decoded());
        let mut access = Numbered { de: &mut *self, number: Some(number), is_read: false };
        let value = visitor.visit_seq(&mut access);
        let is_read = access.is_read;
        match after {
            Some(after) if !is_read => self.reader.pos = after,
            // It was met before under another reference: read it again for its definitions' sake.
            None if !is_read && value.is_ok() => self.reader.skip()?,
            _ => {}
        }
        value
    }
}

/// The number of a value and the value.
struct Numbered<'a, 'de, 't, G> {
    de: &'a mut Deserializer<'de, 't, G>,
    number: Option<u32>,
    is_read: bool,
}

impl<'de, G: Grammar> de::SeqAccess<'de> for &mut Numbered<'_, 'de, '_, G> {
    type Error = Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>> {
        if let Some(number) = self.number.take() {
            return seed.deserialize(number.into_deserializer()).map(Some);
        }
        if std::mem::replace(&mut self.is_read, true) {
            return Ok(None);
        }
        seed.deserialize(&mut *self.de).map(Some)
    }
}

impl<'de, G: Grammar> Reader<'de, '_, G> {
    /// Reads one value without a type. References out of it are followed: what they lead to is in the graph too, shared
    /// as it was.
    fn graph(&mut self) -> Result<Graph<'de>> {
        self.peek()?;
        // The graphs of a message have their bound together.
        let left = self.limits.max_values.saturating_sub(self.graphs_so_far());
        let mut building = Building::of_part(self.next_number(), left);
        self.build(&mut building)?;
        while let Some(number) = building.next_outside() {
            let back = self.jump(Some(number))?;
            building.begin_outside(number);
            self.build(&mut building)?;
            building.end_outside();
            self.back(&back)?;
        }
        self.count_graph(left - building.left());
        Ok(building.finish_in(self.input, self.tables))
    }

    fn build(&mut self, building: &mut Building<'de>) -> Result<()> {
        self.walk(|event| building.event(event))
            .map_err(|error| building.in_open(error, self.input, self.tables))
    }
}
