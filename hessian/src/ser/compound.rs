//! Lists, maps and objects while their parts arrive.

use super::classes::{Mark, Shape};
use super::{Error, Serializer};
use crate::encode::Sink;
use crate::encode::dialect::Dialect;
use crate::error::{ErrorKind, Result};
use serde::ser::{self, Serialize};

/// A list whose elements arrive.
#[derive(Debug)]
pub struct Seq<'a, 'o, S, G> {
    ser: &'a mut Serializer<'o, S, G>,
    len: Option<u32>,
    written: u64,
    /// Maps of one entry around it (enum variants) that end with it.
    wrappers: u8,
}

impl<'a, 'o, S: Sink, G: Dialect> Seq<'a, 'o, S, G> {
    #[inline]
    pub(super) fn new(ser: &'a mut Serializer<'o, S, G>, len: Option<u32>, wrappers: u8) -> Self {
        Self { ser, len, written: 0, wrappers }
    }

    #[inline]
    fn element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
        let index = self.written;
        self.written += 1;
        self.ser.value(value).map_err(|error| error.in_element(index))
    }

    #[inline]
    fn finish(self) -> Result<()> {
        // The length is on the wire already: a sequence that does not keep to it would shift all that follows.
        if self.len.is_some_and(|len| u64::from(len) != self.written) {
            return Err(Error::new(ErrorKind::Unrepresentable(
                "a sequence of another length than it announced",
            )));
        }
        G::list_end(self.ser.out, self.len);
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
    /// Maps of one entry around it (enum variants) that end with it.
    wrappers: u8,
}

impl<'a, 'o, S: Sink, G: Dialect> Map<'a, 'o, S, G> {
    pub(super) fn new(ser: &'a mut Serializer<'o, S, G>, wrappers: u8) -> Self {
        Self { ser, wrappers }
    }
}

impl<S: Sink, G: Dialect> ser::SerializeMap for Map<'_, '_, S, G> {
    type Ok = ();
    type Error = Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<()> {
        self.ser.value(key)
    }
    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
        self.ser.value(value)
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
    shape: Shape,
    /// Index of the next key in the table.
    next: u32,
    end: u32,
    /// Where it begins in the sink, and how many containers were before it.
    start: (usize, u32),
    mark: Mark,
    /// Maps of one entry around it (enum variants) that end with it.
    wrappers: u8,
}

impl<'a, 'o, S: Sink, G: Dialect> Struct<'a, 'o, S, G> {
    #[inline]
    pub(super) fn new(
        ser: &'a mut Serializer<'o, S, G>,
        shape: Shape,
        start: (usize, u32),
        mark: Mark,
        wrappers: u8,
    ) -> Self {
        Self { ser, next: shape.first, end: shape.first + shape.len, shape, start, mark, wrappers }
    }

    /// The fields are not those of the definition: take back what was written and ask for one of its own.
    #[cold]
    fn mismatch(&mut self) -> Error {
        self.ser.classes.rewind(self.mark);
        self.ser.rewind(self.start.0, self.start.1);
        self.ser.classes.make_ambiguous(self.shape);
        Error::undefined_class()
    }
}

impl<S: Sink, G: Dialect> ser::SerializeStruct for Struct<'_, '_, S, G> {
    type Ok = ();
    type Error = Error;

    #[inline]
    fn serialize_field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Result<()> {
        if self.next == self.end {
            return Err(self.mismatch());
        }
        let expected = self.ser.classes.key(self.next);
        if !std::ptr::eq(expected, key) && expected != key {
            return Err(self.mismatch());
        }
        self.next += 1;
        self.ser.value(value).map_err(|error| error.in_field(key))
    }
    #[inline]
    fn end(mut self) -> Result<()> {
        if self.next != self.end {
            return Err(self.mismatch());
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
