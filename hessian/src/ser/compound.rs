//! Lists, maps and objects while their parts arrive.

use super::{Error, Mark, Serializer};
use crate::encode::Sink;
use crate::encode::dialect::{Dialect, Doubtful};
use crate::error::{ErrorKind, Result};
use serde::ser::{self, Serialize};

/// A list whose elements arrive.
#[derive(Debug)]
pub struct Seq<'a, 'o, S, G> {
    ser: &'a mut Serializer<'o, S, G>,
    len: Option<u32>,
    written: u64,
    /// Its type was told by a number.
    numbered: bool,
    /// Maps of one entry around it (enum variants) that end with it.
    wrappers: u8,
}

impl<'a, 'o, S: Sink, G: Dialect> Seq<'a, 'o, S, G> {
    #[inline]
    pub(super) fn new(
        ser: &'a mut Serializer<'o, S, G>,
        len: Option<u32>,
        numbered: bool,
        wrappers: u8,
    ) -> Self {
        Self { ser, len, written: 0, numbered, wrappers }
    }

    #[inline]
    fn element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
        let index = self.written;
        self.written += 1;
        let start = self.ser.out.position();
        self.ser.value(value).map_err(|error| error.in_element(index))?;
        if G::TRUE_IS_A_TYPE && index == 0 && self.len.is_none() && self.ser.is_true(start) {
            G::check(Doubtful::True)?;
            self.ser.type_before_true(start);
        }
        Ok(())
    }

    #[inline]
    fn finish(self) -> Result<()> {
        // The length is on the wire already: a sequence that does not keep to it would shift all that follows.
        if self.len.is_some_and(|len| u64::from(len) != self.written) {
            return Err(Error::new(ErrorKind::Unrepresentable(
                "a sequence of another length than it announced",
            )));
        }
        G::list_end(self.ser.out, self.len, self.numbered);
        self.ser.close(self.wrappers);
        Ok(())
    }
}

macro_rules! elements {
    ($($trait:ident::$method:ident;)*) => {
        $(impl<S: Sink, G: Dialect> ser::$trait for Seq<'_, '_, S, G> {
            type Ok = ();
            type Error = Error;

            #[inline]
            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
                self.element(value)
            }
            #[inline]
            fn end(self) -> Result<()> {
                self.finish()
            }
        })*
    };
}

elements! {
    SerializeSeq::serialize_element;
    SerializeTuple::serialize_element;
    SerializeTupleStruct::serialize_field;
    SerializeTupleVariant::serialize_field;
}

/// A map whose entries arrive.
#[derive(Debug)]
pub struct Map<'a, 'o, S, G> {
    ser: &'a mut Serializer<'o, S, G>,
    /// Where the first key stands.
    start: usize,
    /// Keys so far.
    entries: u64,
    /// Maps of one entry around it (enum variants) that end with it.
    wrappers: u8,
}

impl<'a, 'o, S: Sink, G: Dialect> Map<'a, 'o, S, G> {
    pub(super) fn new(ser: &'a mut Serializer<'o, S, G>, wrappers: u8) -> Self {
        let start = ser.out.position();
        Self { ser, start, entries: 0, wrappers }
    }
}

impl<S: Sink, G: Dialect> ser::SerializeMap for Map<'_, '_, S, G> {
    type Ok = ();
    type Error = Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<()> {
        let start = self.ser.out.position();
        self.entries += 1;
        self.ser.value(key).map_err(|error| error.in_key(self.entries - 1))?;
        if G::PLAIN {
            self.ser.check_key(start)?;
        }
        if G::TRUE_IS_A_TYPE && self.ser.is_true(self.start) {
            self.ser.type_before_true(self.start);
        }
        Ok(())
    }
    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
        self.ser.value(value).map_err(|error| error.in_element(self.entries - 1))
    }
    fn end(self) -> Result<()> {
        G::map_end(self.ser.out);
        self.ser.close(self.wrappers);
        Ok(())
    }
}

/// An object whose fields arrive.
#[derive(Debug)]
pub struct Struct<'a, 'o, S, G> {
    ser: &'a mut Serializer<'o, S, G>,
    /// The fields that its definition still has.
    keys: std::slice::Iter<'static, &'static str>,
    /// How many more it has of which only that is known: its definition was made for it alone.
    unnamed: usize,
    /// Where it starts, to take it back.
    start: Mark,
    /// Maps of one entry around it (enum variants) that end with it.
    wrappers: u8,
}

impl<'a, 'o, S: Sink, G: Dialect> Struct<'a, 'o, S, G> {
    #[inline(always)]
    pub(super) fn new(
        ser: &'a mut Serializer<'o, S, G>,
        keys: &'static [&'static str],
        len: usize,
        start: Mark,
        wrappers: u8,
    ) -> Self {
        let unnamed = if keys.is_empty() { len } else { 0 };
        Self { ser, keys: keys.iter(), unnamed, start, wrappers }
    }
}

/// A field that is not by its address the one that the definition has here.
///
/// A function of the parts, not a method: that way the whole struct can live in registers.
#[cold]
#[inline(never)]
fn other_field<S: Sink, G: Dialect>(
    ser: &mut Serializer<'_, S, G>,
    start: Mark,
    expected: Option<&'static str>,
    key: &'static str,
    unnamed: usize,
) -> Result<usize> {
    match (expected, unnamed) {
        (Some(expected), _) if expected == key => Ok(unnamed),
        (None, 1..) => Ok(unnamed - 1),
        _ => Err(mismatch(ser, start)),
    }
}

/// The fields are not those of the definition: take back what was written and ask for one of its own.
#[cold]
#[inline(never)]
fn mismatch<S: Sink, G: Dialect>(ser: &mut Serializer<'_, S, G>, start: Mark) -> Error {
    ser.rewind(start);
    Error::undefined_class()
}

impl<S: Sink, G: Dialect> ser::SerializeStruct for Struct<'_, '_, S, G> {
    type Ok = ();
    type Error = Error;

    #[inline(always)]
    fn serialize_field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Result<()> {
        if G::OBJECTS_ARE_MAPS {
            G::string(self.ser.out, key);
            return self.ser.value(value).map_err(|error| error.in_field(key));
        }
        match self.keys.next() {
            Some(&expected) if std::ptr::eq(expected, key) => {}
            expected => {
                self.unnamed = other_field(self.ser, self.start, expected.copied(), key, self.unnamed)?;
            }
        }
        self.ser.value(value).map_err(|error| error.in_field(key))
    }
    #[inline(always)]
    fn end(self) -> Result<()> {
        if G::OBJECTS_ARE_MAPS {
            G::map_end(self.ser.out);
            self.ser.close(self.wrappers);
            return Ok(());
        }
        if !self.keys.as_slice().is_empty() || self.unnamed != 0 {
            return Err(mismatch(self.ser, self.start));
        }
        self.ser.close(self.wrappers);
        Ok(())
    }
}

impl<S: Sink, G: Dialect> ser::SerializeStructVariant for Struct<'_, '_, S, G> {
    type Ok = ();
    type Error = Error;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Result<()> {
        ser::SerializeStruct::serialize_field(self, key, value)
    }
    fn end(self) -> Result<()> {
        ser::SerializeStruct::end(self)
    }
}
