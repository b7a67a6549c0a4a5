//! The classes an encoder has defined.
//!
//! serde names a struct and counts its fields before it names them, but a class definition has to stand before the
//! first value. So the first time the program meets a struct, its fields are collected in a pass of their own
//! ([`super::keys`]) and remembered ([`crate::shapes`]); from then on a definition is one copy, and an object costs
//! one comparison for its class and one for each field, by address.

use super::keys::Keys;
use crate::encode::Sink;
use crate::encode::dialect::Dialect;
use crate::error::{Error, ErrorKind, Result};
use crate::grammar::Final;
use crate::shapes::{self, Shape};
use crate::value;
use smallvec::SmallVec;
use std::collections::HashMap;

/// Class definitions an encoder makes at most; the default of [`Limits::max_classes`](crate::Limits::max_classes).
pub(crate) const MAX_CLASSES: u32 = 4096;

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Classes {
    /// The shapes that have a number.
    defined: SmallVec<[(&'static Shape, u32); 4]>,
    /// Number of the next definition.
    count: u32,
    /// Index of the shape that was used last.
    last: usize,
    /// What the next object is, whatever its name tells: its keys have just been looked at.
    settled: Option<Class>,
    /// Highest number used since it was last asked for, plus one.
    used: u32,
    hoisted: Option<Box<Hoisted>>,
    /// Classes of generic values that no struct of the program has, by their definitions as [`Shape`]s have them.
    generic: Option<HashMap<Box<[u8]>, u32>>,
}

/// The class of an object that is to be written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Class {
    pub(crate) number: u32,
    /// The fields that it has; `None` when they have just been collected and cannot be remembered.
    pub(crate) keys: Option<&'static [&'static str]>,
}

/// Definitions that are kept apart from the values.
#[derive(Debug, Default)]
struct Hoisted {
    bytes: Vec<u8>,
    /// Where each definition ends.
    ends: Vec<usize>,
    /// Types of lists and maps, which cannot be kept apart, are left out.
    omits_types: bool,
}

/// A state of [`Classes`] to go back to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mark {
    defined: u32,
    count: u32,
}

impl Classes {
    /// A table whose definitions are not written into the values.
    pub(crate) fn hoisted(omits_types: bool) -> Self {
        let hoisted = Hoisted { omits_types, ..Hoisted::default() };
        Self { hoisted: Some(Box::new(hoisted)), ..Self::default() }
    }

    /// Whether types of lists and maps are left out of the values.
    pub(crate) fn omits_types(&self) -> bool {
        self.hoisted.as_ref().is_some_and(|hoisted| hoisted.omits_types)
    }

    /// The definitions `[from, to)` of a hoisted table, in order.
    pub(crate) fn definitions(&self, from: u32, to: u32) -> &[u8] {
        let Some(hoisted) = &self.hoisted else { return &[] };
        let end = |number: u32| match number.min(self.count) {
            0 => 0,
            number => hoisted.ends[number as usize - 1],
        };
        &hoisted.bytes[end(from)..end(to.max(from))]
    }

    pub(crate) fn is_hoisted(&self) -> bool {
        self.hoisted.is_some()
    }

    pub(crate) fn count(&self) -> u32 {
        self.count
    }

    /// Forgets what it knows of a value that was not finished.
    pub(crate) fn forget_value(&mut self) {
        self.settled = None;
        self.used = 0;
    }

    /// Highest class number used since the last call, plus one.
    pub(crate) fn take_used(&mut self) -> u32 {
        std::mem::take(&mut self.used)
    }

    #[expect(clippy::cast_possible_truncation, reason = "bounded by the structs of the program")]
    #[inline]
    pub(crate) fn mark(&self) -> Mark {
        Mark { defined: self.defined.len() as u32, count: self.count }
    }

    /// Forgets the definitions written since `mark`. Hoisted ones stay: they are in nobody's buffer.
    pub(crate) fn rewind(&mut self, mark: Mark) {
        self.settled = None;
        if self.hoisted.is_none() {
            self.defined.truncate(mark.defined as usize);
            self.count = mark.count;
            self.last = 0;
            if let Some(generic) = &mut self.generic {
                generic.retain(|_, number| *number < mark.count);
            }
        }
    }

    /// The class of a struct with this name and number of fields, defined if need be; `None` when its keys have to be
    /// looked at first.
    #[inline]
    pub(crate) fn find<G: Dialect>(
        &mut self,
        out: &mut impl Sink,
        name: &'static str,
        len: usize,
    ) -> Result<Option<Class>> {
        let class = match self.defined.get(self.last) {
            Some(&(shape, number)) if shape.is(name, len) && !shape.is_ambiguous() => {
                Class { number, keys: Some(shape.keys) }
            }
            _ => match self.search::<G>(out, name, len)? {
                Some(class) => class,
                None => return Ok(None),
            },
        };
        self.used = self.used.max(class.number + 1);
        Ok(Some(class))
    }

    #[inline]
    fn search<G: Dialect>(
        &mut self,
        out: &mut impl Sink,
        name: &'static str,
        len: usize,
    ) -> Result<Option<Class>> {
        if let Some(settled) = self.settled.take() {
            return Ok(Some(settled));
        }
        let is_it = |(shape, _): &(&Shape, u32)| shape.is(name, len) && !shape.is_ambiguous();
        if let Some(index) = self.defined.iter().position(is_it) {
            self.last = index;
            let (shape, number) = self.defined[index];
            return Ok(Some(Class { number, keys: Some(shape.keys) }));
        }
        shapes::known(name, len).map(|shape| self.define::<G>(out, shape)).transpose()
    }

    /// Takes in what a pass over the keys of the next object has found.
    pub(crate) fn settle<G: Dialect>(&mut self, out: &mut impl Sink, keys: &Keys) -> Result<()> {
        let class = match shapes::intern(keys.name, &keys.keys) {
            Some(shape) => match self.defined.iter().position(|(defined, _)| std::ptr::eq(*defined, shape)) {
                Some(index) => Class { number: self.defined[index].1, keys: Some(shape.keys) },
                None => self.define::<G>(out, shape)?,
            },
            None => {
                let mut definition = Vec::new();
                shapes::write_definition::<G>(&mut definition, keys.name, &keys.keys);
                Class { number: self.write::<G>(out, &definition)?, keys: None }
            }
        };
        // Found by its name next time, unless that is not enough.
        self.last = usize::MAX;
        self.settled = Some(class);
        Ok(())
    }

    /// Gives the shape a number.
    #[inline]
    fn define<G: Dialect>(&mut self, out: &mut impl Sink, shape: &'static Shape) -> Result<Class> {
        // The same text at another address is the same class.
        let number = match self.number_of(&shape.definition) {
            Some(number) => number,
            None if G::MEDIUM_STRINGS || shape.short => self.write::<G>(out, &shape.definition)?,
            None => {
                let mut definition = Vec::new();
                shapes::write_definition::<G>(&mut definition, shape.name, shape.keys);
                self.write::<G>(out, &definition)?
            }
        };
        self.last = self.defined.len();
        self.defined.push((shape, number));
        Ok(Class { number, keys: Some(shape.keys) })
    }

    /// The number of a class by its definition in [`Final`].
    fn number_of(&self, definition: &[u8]) -> Option<u32> {
        let same = self.defined.iter().find(|(defined, _)| *defined.definition == *definition);
        match (same, &self.generic) {
            (Some(&(_, number)), _) => Some(number),
            (None, Some(generic)) => generic.get(definition).copied(),
            (None, None) => None,
        }
    }

    /// The number of a generic value's class, which is defined first unless it is known.
    pub(crate) fn generic<G: Dialect>(&mut self, out: &mut impl Sink, class: &value::Class) -> Result<u32> {
        super::length(class.fields.len())?;
        let keys: SmallVec<[&str; 16]> = class.fields.iter().map(|field| &**field).collect();
        let mut definition = Vec::new();
        shapes::write_definition::<Final>(&mut definition, &class.name, &keys);
        let number = match self.number_of(&definition) {
            Some(number) => number,
            None => {
                let mut own = Vec::new();
                shapes::write_definition::<G>(&mut own, &class.name, &keys);
                let number = self.write::<G>(out, &own)?;
                self.generic.get_or_insert_default().insert(definition.into(), number);
                number
            }
        };
        self.used = self.used.max(number + 1);
        Ok(number)
    }

    #[inline]
    fn write<G: Dialect>(&mut self, out: &mut impl Sink, definition: &[u8]) -> Result<u32> {
        if self.count == MAX_CLASSES {
            return Err(Error::new(ErrorKind::Limit { limit: "max_classes", max: MAX_CLASSES.into() }));
        }
        match &mut self.hoisted {
            Some(hoisted) => {
                hoisted.bytes.push(G::CLASS);
                hoisted.bytes.extend_from_slice(definition);
                hoisted.ends.push(hoisted.bytes.len());
            }
            None => {
                out.put(&[G::CLASS]);
                out.put(definition);
            }
        }
        self.count += 1;
        Ok(self.count - 1)
    }
}
