//! The classes an encoder has defined.
//!
//! serde names a struct and counts its fields before it names them, but a class definition has to stand before the
//! first value. So the first time a struct is met its fields are collected in a pass of their own
//! ([`super::keys`]); from then on an object costs one comparison for its class and one for each field, by address.

use crate::encode::Sink;
use crate::encode::dialect::Dialect;
use crate::error::{Error, ErrorKind, Result};
use crate::value::Class;
use smallvec::SmallVec;
use std::collections::HashMap;

/// Class definitions an encoder makes at most; the default of [`Limits::max_classes`](crate::Limits::max_classes).
pub(crate) const MAX_CLASSES: u32 = 4096;

/// What one struct of the program looks like.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    name: &'static str,
    /// Its fields are `keys[first..first + len]`.
    pub(crate) first: u32,
    pub(crate) len: u32,
    /// The class number on the wire.
    pub(crate) number: u32,
    /// Another shape has this name and length (fields are skipped by condition): only a pass over the keys can tell.
    ambiguous: bool,
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Classes {
    shapes: SmallVec<[Shape; 4]>,
    keys: SmallVec<[&'static str; 16]>,
    /// Number of the next definition.
    count: u32,
    /// The shape that was used last.
    last: usize,
    /// The shape that the next object has, whatever `find` would say.
    settled: bool,
    /// Highest number used since it was last asked for, plus one.
    used: u32,
    hoisted: Option<Box<Hoisted>>,
    /// Classes of generic values that no struct of the program has.
    generic: Option<HashMap<Class, u32>>,
}

/// Definitions that are kept apart from the values.
#[derive(Debug, Default)]
pub(crate) struct Hoisted {
    bytes: Vec<u8>,
    /// Where each definition ends.
    ends: Vec<usize>,
}

/// A state of [`Classes`] to go back to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mark {
    shapes: u32,
    keys: u32,
    count: u32,
}

impl Classes {
    /// A table whose definitions are not written into the values.
    pub(crate) fn hoisted() -> Self {
        Self { hoisted: Some(Box::default()), ..Self::default() }
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

    /// Highest class number used since the last call, plus one.
    pub(crate) fn take_used(&mut self) -> u32 {
        std::mem::take(&mut self.used)
    }

    #[expect(clippy::cast_possible_truncation, reason = "bounded by the structs of the program")]
    #[inline]
    pub(crate) fn mark(&self) -> Mark {
        Mark { shapes: self.shapes.len() as u32, keys: self.keys.len() as u32, count: self.count }
    }

    /// Forgets the definitions written since `mark`. Hoisted ones stay: they are in nobody's buffer.
    pub(crate) fn rewind(&mut self, mark: Mark) {
        self.settled = false;
        if self.hoisted.is_none() {
            self.shapes.truncate(mark.shapes as usize);
            self.keys.truncate(mark.keys as usize);
            self.count = mark.count;
            self.last = 0;
            if let Some(generic) = &mut self.generic {
                generic.retain(|_, number| *number < mark.count);
            }
        }
    }

    /// The shape of a struct with this name and number of fields; `None` when it has to be defined first.
    #[inline]
    pub(crate) fn find(&mut self, name: &'static str, len: usize) -> Option<Shape> {
        let shape = match self.shapes.get(self.last) {
            Some(shape) if shape.is(name, len) && (!shape.ambiguous || self.settled) => *shape,
            _ => self.search(name, len)?,
        };
        self.settled = false;
        self.used = self.used.max(shape.number + 1);
        Some(shape)
    }

    fn search(&mut self, name: &'static str, len: usize) -> Option<Shape> {
        let index = self.shapes.iter().position(|shape| shape.is(name, len) && !shape.ambiguous)?;
        self.last = index;
        Some(self.shapes[index])
    }

    #[inline]
    pub(crate) fn key(&self, index: u32) -> &'static str {
        self.keys[index as usize]
    }

    /// A struct had other fields than the shape that was found by its name: from now on look at the keys first.
    pub(crate) fn make_ambiguous(&mut self, name_of: Shape) {
        for shape in &mut self.shapes {
            shape.ambiguous |= shape.is(name_of.name, name_of.len as usize);
        }
    }

    /// Defines the class unless the same name with the same fields is known, and settles it for the next object.
    pub(crate) fn define<G: Dialect>(
        &mut self,
        out: &mut impl Sink,
        name: &'static str,
        keys: &[&'static str],
    ) -> Result<()> {
        let len = super::length(keys.len())?;
        // Another address may hold the same text; the number on the wire is the same then.
        let known = self.shapes.iter().position(|shape| self.is_shape(shape, name, keys));
        let index = match known {
            Some(index) if self.shapes[index].is(name, keys.len()) => index,
            _ => {
                let number = match known {
                    Some(index) => self.shapes[index].number,
                    None => match self.generic_number(name, keys) {
                        Some(number) => number,
                        None => self.write::<G>(out, name, keys, len)?,
                    },
                };
                let ambiguous = self.shapes.iter().any(|shape| shape.is(name, keys.len()));
                let first = self.mark().keys;
                self.keys.extend_from_slice(keys);
                self.shapes.push(Shape { name, first, len, number, ambiguous });
                if ambiguous {
                    self.make_ambiguous(self.shapes[self.shapes.len() - 1]);
                }
                self.shapes.len() - 1
            }
        };
        self.last = index;
        self.settled = true;
        Ok(())
    }

    fn is_shape(&self, shape: &Shape, name: &str, keys: &[impl AsRef<str>]) -> bool {
        let known = &self.keys[shape.first as usize..][..shape.len as usize];
        shape.name == name && known.iter().copied().eq(keys.iter().map(AsRef::as_ref))
    }

    /// A generic value may have defined the class before the struct did.
    fn generic_number(&self, name: &str, keys: &[&str]) -> Option<u32> {
        let generic = self.generic.as_ref()?;
        let class = Class { name: name.into(), fields: keys.iter().map(|&key| key.into()).collect() };
        generic.get(&class).copied()
    }

    /// The number of a generic value's class, which is defined first unless it is known.
    pub(crate) fn number_of<G: Dialect>(&mut self, out: &mut impl Sink, class: &Class) -> Result<u32> {
        let known = self.generic.as_ref().and_then(|generic| generic.get(class).copied());
        let known = known.or_else(|| {
            let shape = self.shapes.iter().find(|shape| self.is_shape(shape, &class.name, &class.fields))?;
            Some(shape.number)
        });
        let number = match known {
            Some(number) => number,
            None => {
                let keys: SmallVec<[&str; 16]> = class.fields.iter().map(|field| &**field).collect();
                let number = self.write::<G>(out, &class.name, &keys, super::length(keys.len())?)?;
                self.generic.get_or_insert_default().insert(class.clone(), number);
                number
            }
        };
        self.used = self.used.max(number + 1);
        Ok(number)
    }

    fn write<G: Dialect>(&mut self, out: &mut impl Sink, name: &str, keys: &[&str], len: u32) -> Result<u32> {
        if self.count == MAX_CLASSES {
            return Err(Error::new(ErrorKind::Limit { limit: "max_classes", max: MAX_CLASSES.into() }));
        }
        match &mut self.hoisted {
            Some(hoisted) => {
                definition::<G>(&mut hoisted.bytes, name, keys, len);
                hoisted.ends.push(hoisted.bytes.len());
            }
            None => definition::<G>(out, name, keys, len),
        }
        self.count += 1;
        Ok(self.count - 1)
    }
}

fn definition<G: Dialect>(out: &mut impl Sink, name: &str, keys: &[&str], len: u32) {
    G::class(out, name, len);
    for key in keys {
        G::string(out, key);
    }
}

impl Shape {
    /// By address: the same struct of the program, not merely the same name.
    #[inline]
    fn is(&self, name: &'static str, len: usize) -> bool {
        std::ptr::eq(self.name, name) && self.len as usize == len
    }
}
