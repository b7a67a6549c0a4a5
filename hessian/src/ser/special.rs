//! Newtypes that ask for something of Hessian's own: types of lists and maps, references, generic values.

use super::classes::Classes;
use super::compound::{Map, Seq};
use super::types::Types;
use super::{Error, Serializer};
use crate::encode::Sink;
use crate::encode::dialect::Dialect;
use crate::error::{ErrorKind, Result};
use crate::magic::{self, refuse};
use crate::value::{self, Graph};
use serde::ser::{self, Impossible, Serialize};
use std::any::Any;
use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

impl<'o, S: Sink, G: Dialect> Serializer<'o, S, G> {
    /// A newtype whose name begins with [`magic::PREFIX`].
    #[inline(never)]
    pub(super) fn special<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<()> {
        match name {
            magic::TYPED => value.serialize(Typed { ser: self, name: None }),
            magic::SHARED => self.shared(value),
            magic::GRAPH => {
                magic::ask_for_graph(());
                value.serialize(Embed { ser: self })
            }
            #[cfg(feature = "client")]
            magic::LATER => self.later(value),
            _ => value.serialize(self),
        }
    }

    /// A binary whose bytes come later: its last chunk, which is empty.
    #[cfg(feature = "client")]
    fn later<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
        if let Some(source) = magic::take_later()
            && self.out.later(source)
        {
            G::binary_head(self.out, 0);
            return Ok(());
        }
        // It tells what is wrong.
        value.serialize(self)
    }

    /// A value that may have been written before in this packet.
    fn shared<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
        let Some(magic::Met { address, value: kept }) = magic::take_shared() else {
            return value.serialize(self);
        };
        if !G::REFERENCES {
            return self.written_again(address, kept, value);
        }
        if let Some((number, _)) = self.extras().shared.get(&address) {
            let number = *number;
            G::reference(self.out, number);
            return Ok(());
        }
        let number = self.containers;
        self.extras().shared.insert(address, (number, kept));
        let done = value.serialize(&mut *self);
        // A scalar has no number; and a value that could not be written (yet) has none either.
        if done.is_err() || self.containers == number {
            self.extras().shared.remove(&address);
        }
        done
    }

    /// The same where there are no references.
    fn written_again<T: Serialize + ?Sized>(&mut self, address: usize, kept: Kept, value: &T) -> Result<()> {
        if self.extras().shared.insert(address, (0, kept)).is_some() {
            return Err(Error::new(ErrorKind::Cycle { number: 0 }));
        }
        let done = value.serialize(&mut *self);
        self.extras().shared.remove(&address);
        done
    }

    /// Appends a generic value; its classes and types are numbered together with those of this serializer.
    ///
    /// # Errors
    /// As [`Graph::to_vec`], and the limits `max_classes` and `max_types`; the buffer and the tables are then as they
    /// were before.
    pub fn encode_graph(&mut self, graph: &Graph<'_>) -> Result<()> {
        self.attempt(|ser| ser.embed(graph))
    }

    pub(super) fn extras(&mut self) -> &mut Extras {
        let classes = &self.classes;
        self.extras.get_or_insert_with(|| Box::new(Extras::new(classes)))
    }

    fn embed(&mut self, graph: &Graph<'_>) -> Result<()> {
        let classes = &self.classes;
        let extras = self.extras.get_or_insert_with(|| Box::new(Extras::new(classes)));
        value::encode::<G, S>(graph, self.out, &mut self.classes, &mut extras.types, &mut self.containers)
    }
}

/// What few values need: made when the first one does.
#[derive(Debug)]
pub(super) struct Extras {
    pub(super) types: Types,
    /// Reference numbers of shared values, by address; and the values, so that no other takes their place.
    shared: HashMap<usize, (u32, Kept)>,
}

type Kept = Arc<dyn Any + Send + Sync>;

impl Extras {
    fn new(classes: &Classes) -> Self {
        let hoisted = classes.is_hoisted();
        let types = if hoisted { Types::literal(classes.omits_types()) } else { Types::default() };
        Self { types, shared: HashMap::new() }
    }

    /// The packet is sent: its types stay known, its values are written anew.
    pub(super) fn keep(&mut self) {
        self.types.keep();
        self.shared.clear();
    }

    /// Forgets what was written behind this position of the sink, and containers from this number on.
    pub(super) fn rewind(&mut self, position: usize, containers: u32) {
        self.types.cut(position);
        self.shared.retain(|_, (number, _)| *number < containers);
    }
}

/// Serializer of the content of a newtype [`magic::TYPED`].
struct Typed<'a, 'o, S, G> {
    ser: &'a mut Serializer<'o, S, G>,
    /// Unknown until the newtype inside is met.
    name: Option<&'static str>,
}

fn not_typed() -> Error {
    Error::new(ErrorKind::Unrepresentable("a type name for a value that is no list and no map"))
}

impl<'a, 'o, S: Sink, G: Dialect> Typed<'a, 'o, S, G> {
    /// Writes the head of the list or map; tells whether its type was told by a number.
    fn begin(
        self,
        write: impl FnOnce(&mut S, &str, Option<u32>),
    ) -> Result<(&'a mut Serializer<'o, S, G>, bool)> {
        let name = self.name.filter(|name| !name.is_empty()).ok_or_else(not_typed)?;
        super::check_type(name)?;
        let number = self.ser.extras().types.find(name);
        let position = self.ser.out.position();
        write(self.ser.out, name, number);
        if number.is_none() {
            self.ser.extras().types.named(Cow::Borrowed(name), position)?;
        }
        self.ser.containers += 1;
        Ok((self.ser, number.is_some()))
    }

    fn list(self, len: Option<usize>) -> Result<Seq<'a, 'o, S, G>> {
        if G::PLAIN || self.ser.classes.omits_types() {
            return self.ser.list(len, 0);
        }
        let len = len.map(super::length).transpose()?;
        let (ser, numbered) = self.begin(|out, name, number| G::typed_list(out, name, number, len))?;
        Ok(Seq::new(ser, len, numbered, 0))
    }
}

impl<'a, 'o, S: Sink, G: Dialect> ser::Serializer for Typed<'a, 'o, S, G> {
    type Ok = ();
    type Error = Error;
    type SerializeSeq = Seq<'a, 'o, S, G>;
    type SerializeTuple = Seq<'a, 'o, S, G>;
    type SerializeTupleStruct = Seq<'a, 'o, S, G>;
    type SerializeTupleVariant = Impossible<(), Error>;
    type SerializeMap = Map<'a, 'o, S, G>;
    type SerializeStruct = Impossible<(), Error>;
    type SerializeStructVariant = Impossible<(), Error>;

    refuse!(not_typed() => scalars bytes);

    fn is_human_readable(&self) -> bool {
        false
    }
    fn serialize_none(self) -> Result<()> {
        self.serialize_unit()
    }
    fn serialize_unit(self) -> Result<()> {
        G::null(self.ser.out);
        Ok(())
    }
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<()> {
        value.serialize(self)
    }
    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, name: &'static str, value: &T) -> Result<()> {
        value.serialize(Self { name: self.name.or(Some(name)), ..self })
    }
    fn serialize_seq(self, len: Option<usize>) -> Result<Self::SerializeSeq> {
        self.list(len)
    }
    fn serialize_tuple(self, len: usize) -> Result<Self::SerializeTuple> {
        self.list(Some(len))
    }
    fn serialize_tuple_struct(self, _: &'static str, len: usize) -> Result<Self::SerializeTupleStruct> {
        self.list(Some(len))
    }
    fn serialize_map(self, _: Option<usize>) -> Result<Self::SerializeMap> {
        if G::PLAIN || self.ser.classes.omits_types() {
            return Ok(self.ser.map(0));
        }
        let (ser, _) = self.begin(|out, name, number| G::typed_map(out, name, number))?;
        Ok(Map::new(ser, 0))
    }
}

/// Serializer of the content of a newtype [`magic::GRAPH`]: the graph's own encoding.
struct Embed<'a, 'o, S, G> {
    ser: &'a mut Serializer<'o, S, G>,
}

fn not_encoded() -> Error {
    Error::new(ErrorKind::Unrepresentable("a generic value that is none of this crate's"))
}

impl<S: Sink, G: Dialect> ser::Serializer for Embed<'_, '_, S, G> {
    type Ok = ();
    type Error = Error;
    type SerializeSeq = Impossible<(), Error>;
    type SerializeTuple = Impossible<(), Error>;
    type SerializeTupleStruct = Impossible<(), Error>;
    type SerializeTupleVariant = Impossible<(), Error>;
    type SerializeMap = Impossible<(), Error>;
    type SerializeStruct = Impossible<(), Error>;
    type SerializeStructVariant = Impossible<(), Error>;

    refuse!(not_encoded() => scalars bytes none containers);

    fn serialize_unit(self) -> Result<()> {
        let graph = magic::take_graph().ok_or_else(not_encoded)?;
        self.ser.embed(&graph)
    }
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<()> {
        value.serialize(self)
    }
    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Result<()> {
        value.serialize(self)
    }
}

/// A newtype inside a variant, to be written as it would be alone.
pub(super) struct Newtype<'v, T: ?Sized> {
    name: &'static str,
    value: &'v T,
    /// What was handed over with it.
    met: Option<magic::Met>,
}

impl<'v, T: ?Sized> Newtype<'v, T> {
    pub(super) fn new(name: &'static str, value: &'v T) -> Self {
        let met = if name == magic::SHARED { magic::take_shared() } else { None };
        Self { name, value, met }
    }
}

impl<T: Serialize + ?Sized> Serialize for Newtype<'_, T> {
    fn serialize<S: ser::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if let Some(met) = &self.met {
            magic::give_shared(met.clone());
        }
        serializer.serialize_newtype_struct(self.name, self.value)
    }
}
