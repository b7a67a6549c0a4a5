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
use std::borrow::Cow;
use std::collections::HashMap;

/// Class definitions an encoder makes at most; the default of [`Limits::max_classes`](crate::Limits::max_classes).
pub(crate) const MAX_CLASSES: u32 = 4096;
/// Shapes that are found by looking at all of them.
const FEW: usize = 8;

/// See the module. To make one and to drop it is part of what a single small value costs: what few values need is in
/// a box of its own.
#[derive(Debug, Default)]
pub(crate) struct Classes {
    /// The shape that was used last, if its use is known to `used`.
    last: Option<(&'static Shape, u32)>,
    /// The first [`FEW`] shapes that have a number.
    defined: SmallVec<[(&'static Shape, u32); 4]>,
    /// Number of the next definition.
    count: u32,
    /// Highest number used since it was last asked for, plus one.
    used: u32,
    /// What the next object is, whatever its name tells: its keys have just been looked at.
    settled: Option<Settled>,
    rare: Option<Box<Rare>>,
}

#[derive(Debug, Default)]
struct Rare {
    hoisted: Option<Hoisted>,
    /// The other shapes that have a number, by their addresses.
    shapes: HashMap<usize, u32>,
    /// Their definitions, and those of classes that have no shape: of generic values, and of structs with too many sets
    /// of fields. In the form that [`Shape`]s have.
    definitions: HashMap<Cow<'static, [u8]>, u32>,
}

/// The class of an object that is to be written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Class {
    pub(crate) number: u32,
    /// The fields that it has; none when they have just been collected and cannot be remembered.
    pub(crate) keys: &'static [&'static str],
}

/// A class that was found by its fields.
#[derive(Debug, Clone, Copy)]
enum Settled {
    Shape(&'static Shape, u32),
    /// Too many sets of fields to remember.
    Number(u32),
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
    count: u32,
}

/// Not left to the compiler, whose check for a box calls a function.
impl Drop for Classes {
    #[inline]
    fn drop(&mut self) {
        if let Some(rare) = self.rare.take() {
            drop_rare(rare);
        }
    }
}

#[cold]
#[inline(never)]
fn drop_rare(rare: Box<Rare>) {
    drop(rare);
}

impl Classes {
    /// A table whose definitions are not written into the values.
    pub(crate) fn hoisted(omits_types: bool) -> Self {
        let mut classes = Self::default();
        let hoisted = Some(Hoisted { omits_types, ..Hoisted::default() });
        classes.rare = Some(Box::new(Rare { hoisted, ..Rare::default() }));
        classes
    }

    fn hoisted_ones(&self) -> Option<&Hoisted> {
        self.rare.as_ref()?.hoisted.as_ref()
    }

    /// Whether types of lists and maps are left out of the values.
    pub(crate) fn omits_types(&self) -> bool {
        self.hoisted_ones().is_some_and(|hoisted| hoisted.omits_types)
    }

    /// The definitions `[from, to)` of a hoisted table, in order.
    pub(crate) fn definitions(&self, from: u32, to: u32) -> &[u8] {
        let Some(hoisted) = self.hoisted_ones() else { return &[] };
        let end = |number: u32| match number.min(self.count) {
            0 => 0,
            number => hoisted.ends[number as usize - 1],
        };
        &hoisted.bytes[end(from)..end(to.max(from))]
    }

    pub(crate) fn is_hoisted(&self) -> bool {
        self.hoisted_ones().is_some()
    }

    pub(crate) fn count(&self) -> u32 {
        self.count
    }

    /// Forgets what it knows of a value that was not finished.
    pub(crate) fn forget_value(&mut self) {
        self.settled = None;
        self.take_used();
    }

    /// Highest class number used since the last call, plus one.
    pub(crate) fn take_used(&mut self) -> u32 {
        self.last = None;
        std::mem::take(&mut self.used)
    }

    #[inline]
    pub(crate) fn mark(&self) -> Mark {
        Mark { count: self.count }
    }

    /// Forgets the definitions written since `mark`. Hoisted ones stay: they are in nobody's buffer.
    pub(crate) fn rewind(&mut self, mark: Mark) {
        self.settled = None;
        if self.count > mark.count && !self.is_hoisted() {
            self.defined.retain(|&mut (_, number)| number < mark.count);
            self.count = mark.count;
            self.last = None;
            if let Some(rare) = &mut self.rare {
                rare.shapes.retain(|_, number| *number < mark.count);
                rare.definitions.retain(|_, number| *number < mark.count);
            }
        }
    }

    /// The class of a struct with this name and number of fields, defined if need be; `None` when its keys have to be
    /// looked at first.
    #[inline(always)]
    pub(crate) fn find<G: Dialect>(
        &mut self,
        out: &mut impl Sink,
        name: &'static str,
        len: usize,
    ) -> Result<Option<Class>> {
        match self.last {
            Some((shape, number)) if shape.is(name, len) && !shape.is_ambiguous() => {
                Ok(Some(Class { number, keys: shape.keys }))
            }
            _ => self.search::<G>(out, name, len),
        }
    }

    #[inline(never)]
    fn search<G: Dialect>(
        &mut self,
        out: &mut impl Sink,
        name: &'static str,
        len: usize,
    ) -> Result<Option<Class>> {
        if let Some(settled) = self.settled.take() {
            let class = match settled {
                Settled::Shape(shape, number) => {
                    shapes::remember(name, shape);
                    Class { number, keys: shape.keys }
                }
                Settled::Number(number) => Class { number, keys: &[] },
            };
            self.used = self.used.max(class.number + 1);
            return Ok(Some(class));
        }
        let is_it = |(shape, _): &&(&Shape, u32)| shape.is(name, len) && !shape.is_ambiguous();
        let (shape, number) = match self.defined.iter().find(is_it) {
            Some(&known) => known,
            None => match shapes::known(name, len) {
                Some(shape) => (shape, self.further::<G>(out, shape)?),
                None => return Ok(None),
            },
        };
        self.last = Some((shape, number));
        self.used = self.used.max(number + 1);
        Ok(Some(Class { number, keys: shape.keys }))
    }

    /// Takes in what a pass over the keys of the next object has found.
    pub(crate) fn settle<G: Dialect>(&mut self, out: &mut impl Sink, keys: &Keys) -> Result<()> {
        let settled = match shapes::intern(keys.name, &keys.keys) {
            Some(shape) => Settled::Shape(shape, self.number::<G>(out, shape)?),
            None => Settled::Number(self.by_names::<G>(out, keys.name, &keys.keys)?),
        };
        // Found by its name next time, unless that is not enough.
        self.last = None;
        self.settled = Some(settled);
        Ok(())
    }

    /// The number of a shape, which is defined first unless it is known.
    fn number<G: Dialect>(&mut self, out: &mut impl Sink, shape: &'static Shape) -> Result<u32> {
        match self.defined.iter().find(|(defined, _)| std::ptr::eq(*defined, shape)) {
            Some(&(_, number)) => Ok(number),
            None => self.further::<G>(out, shape),
        }
    }

    /// The same for a shape that is not among the first.
    #[inline(always)]
    fn further<G: Dialect>(&mut self, out: &mut impl Sink, shape: &'static Shape) -> Result<u32> {
        if self.defined.len() >= FEW {
            return self.one_of_many::<G>(out, shape);
        }
        let number = self.define::<G>(out, shape)?;
        self.defined.push((shape, number));
        Ok(number)
    }

    #[inline(never)]
    fn one_of_many<G: Dialect>(&mut self, out: &mut impl Sink, shape: &'static Shape) -> Result<u32> {
        let address = std::ptr::from_ref(shape).addr();
        if let Some(&number) = self.rare.as_ref().and_then(|rare| rare.shapes.get(&address)) {
            return Ok(number);
        }
        let number = self.define::<G>(out, shape)?;
        let rare = self.rare.get_or_insert_default();
        rare.shapes.insert(address, number);
        rare.definitions.insert(Cow::Borrowed(&shape.definition), number);
        Ok(number)
    }

    /// Gives the shape a number.
    #[inline(always)]
    fn define<G: Dialect>(&mut self, out: &mut impl Sink, shape: &'static Shape) -> Result<u32> {
        // The same text at another address is the same class.
        match self.number_of(&shape.definition) {
            Some(number) => Ok(number),
            None if G::MEDIUM_STRINGS => self.write(out, &shape.definition),
            None if shape.short => {
                let mut definition: SmallVec<[u8; 256]> = (&*shape.definition).into();
                definition[0] = G::CLASS;
                self.write(out, &definition)
            }
            None => {
                let mut definition = vec![G::CLASS];
                shapes::write_definition::<G>(&mut definition, shape.name, shape.keys);
                self.write(out, &definition)
            }
        }
    }

    /// The number of a class by its definition in [`Final`].
    #[inline]
    fn number_of(&self, definition: &[u8]) -> Option<u32> {
        match self.count {
            0 => None,
            _ => self.search_definition(definition),
        }
    }

    #[inline(never)]
    fn search_definition(&self, definition: &[u8]) -> Option<u32> {
        let same = self.defined.iter().find(|(defined, _)| *defined.definition == *definition);
        match (same, &self.rare) {
            (Some(&(_, number)), _) => Some(number),
            (None, Some(rare)) => rare.definitions.get(definition).copied(),
            (None, None) => None,
        }
    }

    /// The number of a generic value's class, which is defined first unless it is known.
    pub(crate) fn generic<G: Dialect>(&mut self, out: &mut impl Sink, class: &value::Class) -> Result<u32> {
        super::length(class.fields.len())?;
        let keys: SmallVec<[&str; 16]> = class.fields.iter().map(|field| &**field).collect();
        let number = self.by_names::<G>(out, &class.name, &keys)?;
        self.used = self.used.max(number + 1);
        Ok(number)
    }

    /// The number of a class that has no shape, which is defined first unless it is known.
    fn by_names<G: Dialect>(&mut self, out: &mut impl Sink, name: &str, keys: &[&str]) -> Result<u32> {
        let mut definition = vec![Final::CLASS];
        shapes::write_definition::<Final>(&mut definition, name, keys);
        if let Some(number) = self.number_of(&definition) {
            return Ok(number);
        }
        let mut own = vec![G::CLASS];
        shapes::write_definition::<G>(&mut own, name, keys);
        let number = self.write(out, &own)?;
        self.rare.get_or_insert_default().definitions.insert(definition.into(), number);
        Ok(number)
    }

    /// A definition with its opcode.
    #[inline(always)]
    fn write(&mut self, out: &mut impl Sink, definition: &[u8]) -> Result<u32> {
        let number = self.count;
        if number == MAX_CLASSES {
            return Err(too_many());
        }
        if self.rare.is_none() || !self.hoist(definition) {
            out.put(definition);
        }
        self.count = number + 1;
        Ok(number)
    }

    /// False when this table does not keep definitions.
    #[inline(never)]
    fn hoist(&mut self, definition: &[u8]) -> bool {
        let Some(hoisted) = self.rare.as_mut().and_then(|rare| rare.hoisted.as_mut()) else { return false };
        hoisted.bytes.extend_from_slice(definition);
        hoisted.ends.push(hoisted.bytes.len());
        true
    }
}

#[cold]
fn too_many() -> Error {
    Error::new(ErrorKind::Limit { limit: "max_classes", max: MAX_CLASSES.into() })
}
