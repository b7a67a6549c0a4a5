//! serde: Rust values to Hessian.

mod classes;
mod compound;
mod keys;
mod special;
mod types;
mod variant;

pub(crate) use classes::Classes;
pub use compound::{Map, Seq, Struct};
pub(crate) use types::Types;

use crate::date;
use crate::encode::Sink;
use crate::encode::dialect::{Dialect, Doubtful};
use crate::error::{Error, ErrorKind, Result};
use crate::grammar::Final;
use crate::magic;
use serde::ser::{self, Serialize};
use special::Extras;
use std::marker::PhantomData;
use variant::Variant;

/// Encodes `value` into a new vector. One allocation when the result is at most 128 bytes.
///
/// # Errors
/// What Hessian has no form for ([`ErrorKind::Unrepresentable`]: integers beyond `i64`, more elements than `i32`
/// counts), or what a `Serialize` implementation reports.
pub fn to_vec<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    to_bytes(value, &mut out)?;
    Ok(out)
}

/// Appends `value` to a buffer. Allocates only what the buffer lacks.
///
/// # Errors
/// As [`to_vec`]; the buffer is then as it was before.
pub fn to_bytes<T: Serialize + ?Sized, S: Sink>(value: &T, out: &mut S) -> Result<()> {
    Serializer::<S>::new(out).encode(value)
}

/// [`to_vec`] in a grammar of your choice: `to_vec_in::<Draft, _>(&value)`.
///
/// In Hessian 1, which has no objects, a struct is a map with its name as the type.
///
/// # Errors
/// As [`to_vec`]; with [`Tutorial`](crate::grammar::Tutorial) also [`ErrorKind::Refused`].
pub fn to_vec_in<G: Dialect, T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    Serializer::<_, G>::new(&mut out).encode(value)?;
    Ok(out)
}

/// [`to_bytes`] in a grammar of your choice: `to_bytes_in::<Draft, _>(&value, &mut buffer)`.
///
/// # Errors
/// As [`to_vec_in`]; the buffer is then as it was before.
pub fn to_bytes_in<G: Dialect, T: Serialize + ?Sized>(value: &T, out: &mut impl Sink) -> Result<()> {
    Serializer::<_, G>::new(out).encode(value)
}

/// Writes `value`, encoded in memory first, with one `write_all`.
///
/// # Errors
/// As [`to_vec`], and [`ErrorKind::Io`] when writing fails.
pub fn to_writer<T: Serialize + ?Sized>(value: &T, writer: impl std::io::Write) -> Result<()> {
    to_writer_in::<Final, T>(value, writer)
}

/// [`to_writer`] in a grammar of your choice: `to_writer_in::<Draft, _>(&value, writer)`.
///
/// # Errors
/// As [`to_vec_in`], and [`ErrorKind::Io`] when writing fails.
pub fn to_writer_in<G: Dialect, T: Serialize + ?Sized>(
    value: &T,
    mut writer: impl std::io::Write,
) -> Result<()> {
    writer.write_all(&to_vec_in::<G, T>(value)?)?;
    Ok(())
}

/// Writes values into a buffer; the class definitions it has written stay known from value to value.
///
/// Structs become objects whose class is the struct's name (`#[serde(rename = "example.AddString")]`), sequences
/// untyped lists, maps untyped maps. The table of all types is in the crate's front page.
#[derive(Debug)]
pub struct Serializer<'o, S, G = Final> {
    out: &'o mut S,
    classes: Classes,
    /// Lists, maps and objects of this packet: what references count.
    containers: u32,
    extras: Option<Box<Extras>>,
    grammar: PhantomData<G>,
}

impl<'o, S: Sink, G: Dialect> Serializer<'o, S, G> {
    /// A serializer that appends to `out` and knows no class yet.
    pub fn new(out: &'o mut S) -> Self {
        Self::with_classes(out, Classes::default())
    }

    pub(crate) fn with_classes(out: &'o mut S, classes: Classes) -> Self {
        Self { out, classes, containers: 0, extras: None, grammar: PhantomData }
    }

    /// One that goes on where another has been suspended, with the next packet in an empty sink.
    pub(crate) fn resume(out: &'o mut S, known: Known) -> Self {
        let Known { classes, extras } = known;
        Self { extras, ..Self::with_classes(out, classes) }
    }

    /// The end of a packet: what the stream's readers know from now on.
    pub(crate) fn suspend(&mut self) -> Known {
        let mut extras = self.extras.take();
        if let Some(extras) = &mut extras {
            extras.keep();
        }
        Known { classes: self.take_classes(), extras }
    }

    /// What it has defined; it begins anew.
    pub(crate) fn take_classes(&mut self) -> Classes {
        let mut classes = std::mem::take(&mut self.classes);
        classes.forget_value();
        classes
    }

    /// Highest class number used since the last call, plus one.
    pub(crate) fn take_used(&mut self) -> u32 {
        self.classes.take_used()
    }

    /// Appends one value.
    ///
    /// # Errors
    /// As [`to_vec`]; the buffer and the table of classes are then as they were before.
    #[inline]
    pub fn encode<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
        self.attempt(|ser| ser.value(value))
    }

    /// Leaves no trace of what fails.
    #[inline]
    fn attempt(&mut self, write: impl FnOnce(&mut Self) -> Result<()>) -> Result<()> {
        let start = self.mark();
        write(self).inspect_err(|_| self.rewind(start))
    }

    /// Begins a packet: [`Shared`](crate::Shared) values are written in full again; classes and types stay known.
    pub fn next_packet(&mut self) {
        self.rewind(Mark { containers: 0, ..self.mark() });
    }

    #[inline]
    pub(crate) fn mark(&self) -> Mark {
        Mark { position: self.out.position(), containers: self.containers, classes: self.classes.mark() }
    }

    /// Takes back what was written since.
    #[cold]
    pub(crate) fn rewind(&mut self, to: Mark) {
        self.out.cut(to.position);
        self.classes.rewind(to.classes);
        self.containers = to.containers;
        if let Some(extras) = &mut self.extras {
            extras.rewind(to.position, to.containers);
        }
    }

    /// Writes one value; learns the fields of a struct first when its class is not defined yet.
    #[inline]
    fn value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
        match value.serialize(&mut *self) {
            Err(error) if error.is_undefined_class() => self.define_and_write(value),
            done => done,
        }
    }

    #[cold]
    #[inline(never)]
    fn define_and_write<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
        self.classes.settle::<G>(self.out, &keys::shape(value)?)?;
        value.serialize(self).map_err(|error| {
            if error.is_undefined_class() {
                Error::new(ErrorKind::Unrepresentable("a struct whose fields change while it is written"))
            } else {
                error
            }
        })
    }

    /// Begins an object of the class `name`; signals when its definition has to be written first.
    #[inline(always)]
    fn object(&mut self, name: &'static str, len: usize) -> Result<Struct<'_, 'o, S, G>> {
        self.wrapped_object(name, len, None)
    }

    /// The same as the content of a variant of that name.
    #[inline(always)]
    fn wrapped_object(
        &mut self,
        name: &'static str,
        len: usize,
        variant: Option<&str>,
    ) -> Result<Struct<'_, 'o, S, G>> {
        let start = self.mark();
        if G::OBJECTS_ARE_MAPS {
            if let Some(variant) = variant {
                self.variant(variant);
            }
            check_type(name)?;
            self.containers += 1;
            G::typed_map(self.out, name, None);
            return Ok(Struct::new(self, &[], len, start, variant.is_some().into()));
        }
        let Some(class) = self.classes.find::<G>(self.out, name, len)? else {
            return Err(Error::undefined_class());
        };
        if let Some(variant) = variant {
            self.variant(variant);
        }
        self.containers += 1;
        G::object(self.out, class.number);
        Ok(Struct::new(self, class.keys, len, start, variant.is_some().into()))
    }

    fn list(&mut self, len: Option<usize>, wrappers: u8) -> Result<Seq<'_, 'o, S, G>> {
        let len = len.map(length).transpose()?;
        self.containers += 1;
        G::list(self.out, len);
        Ok(Seq::new(self, len, false, wrappers))
    }

    fn map(&mut self, wrappers: u8) -> Map<'_, 'o, S, G> {
        self.containers += 1;
        G::map(self.out);
        Map::new(self, wrappers)
    }

    /// A variant that is not an object: a map of one entry, the variant's name to its content.
    fn variant(&mut self, name: &str) {
        self.containers += 1;
        G::map(self.out);
        G::string(self.out, name);
    }

    /// True when `true` and nothing else was written since `start`.
    #[inline]
    fn is_true(&self, start: usize) -> bool {
        self.out.position() == start + 1 && self.out.byte(start) == Some(b'T')
    }

    /// Writes an empty type before the `true` at `start`, which would be taken for one.
    #[cold]
    fn type_before_true(&mut self, start: usize) {
        self.out.cut(start);
        self.out.put(b"t\0\0T");
        self.extras().types.unnamed(start);
    }

    /// Checks that the key of a map that was written at `start` is a string, for readers of the draft.
    fn check_key(&self, start: usize) -> Result<()> {
        match self.out.byte(start) {
            Some(0..=0x1f | b'S' | b's') => Ok(()),
            _ => G::check(Doubtful::Key),
        }
    }

    /// Ends so many of them.
    #[inline]
    fn close(&mut self, variants: u8) {
        for _ in 0..variants {
            G::map_end(self.out);
        }
    }
}

/// The older grammars tell the length of a type's name in two bytes; no decoder of this crate takes longer ones.
pub(crate) fn check_type(name: &str) -> Result<()> {
    match u16::try_from(name.len()) {
        Ok(_) => Ok(()),
        Err(_) => Err(Error::new(ErrorKind::Unrepresentable("the name of a type of more than 65535 bytes"))),
    }
}

/// What a stream's encoder knows from packet to packet: the classes and types that have numbers.
#[derive(Debug, Default)]
pub(crate) struct Known {
    classes: Classes,
    extras: Option<Box<Extras>>,
}

/// A state of a [`Serializer`] to go back to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mark {
    position: usize,
    containers: u32,
    classes: classes::Mark,
}

/// Java has one NaN (`Double.doubleToLongBits`); Rust does not promise what bits [`f64::NAN`] has. A generic value keeps
/// the one that it was read from.
#[cold]
#[inline(never)]
fn nan<G: Dialect>(out: &mut impl Sink) {
    G::double(out, f64::from_bits(0x7ff8_0000_0000_0000));
}

/// Hessian counts with `int`.
fn length(len: usize) -> Result<u32> {
    match i32::try_from(len) {
        Ok(len) => Ok(len.unsigned_abs()),
        Err(_) => Err(Error::new(ErrorKind::Unrepresentable("more than 2147483647 elements"))),
    }
}

impl<'a, 'o, S: Sink, G: Dialect> ser::Serializer for &'a mut Serializer<'o, S, G> {
    type Ok = ();
    type Error = Error;
    type SerializeSeq = Seq<'a, 'o, S, G>;
    type SerializeTuple = Seq<'a, 'o, S, G>;
    type SerializeTupleStruct = Seq<'a, 'o, S, G>;
    type SerializeTupleVariant = Seq<'a, 'o, S, G>;
    type SerializeMap = Map<'a, 'o, S, G>;
    type SerializeStruct = Struct<'a, 'o, S, G>;
    type SerializeStructVariant = Struct<'a, 'o, S, G>;

    fn is_human_readable(&self) -> bool {
        false
    }
    #[inline]
    fn serialize_bool(self, value: bool) -> Result<()> {
        G::bool(self.out, value);
        Ok(())
    }
    #[inline]
    fn serialize_i8(self, value: i8) -> Result<()> {
        self.serialize_i32(value.into())
    }
    #[inline]
    fn serialize_i16(self, value: i16) -> Result<()> {
        self.serialize_i32(value.into())
    }
    #[inline]
    fn serialize_i32(self, value: i32) -> Result<()> {
        G::int(self.out, value);
        Ok(())
    }
    #[inline]
    fn serialize_i64(self, value: i64) -> Result<()> {
        G::check(Doubtful::Long(value))?;
        G::long(self.out, value);
        Ok(())
    }
    fn serialize_i128(self, value: i128) -> Result<()> {
        match i64::try_from(value) {
            Ok(value) => self.serialize_i64(value),
            Err(_) => Err(Error::new(ErrorKind::Unrepresentable("an integer beyond 64 bits"))),
        }
    }
    #[inline]
    fn serialize_u8(self, value: u8) -> Result<()> {
        self.serialize_i32(value.into())
    }
    #[inline]
    fn serialize_u16(self, value: u16) -> Result<()> {
        self.serialize_i32(value.into())
    }
    #[inline]
    fn serialize_u32(self, value: u32) -> Result<()> {
        // Java's int is signed: what does not fit travels as a long.
        match i32::try_from(value) {
            Ok(value) => self.serialize_i32(value),
            Err(_) => self.serialize_i64(value.into()),
        }
    }
    #[inline]
    fn serialize_u64(self, value: u64) -> Result<()> {
        match i64::try_from(value) {
            Ok(value) => self.serialize_i64(value),
            Err(_) => Err(Error::new(ErrorKind::Unrepresentable("an integer above 9223372036854775807"))),
        }
    }
    fn serialize_u128(self, value: u128) -> Result<()> {
        match i64::try_from(value) {
            Ok(value) => self.serialize_i64(value),
            Err(_) => Err(Error::new(ErrorKind::Unrepresentable("an integer above 9223372036854775807"))),
        }
    }
    #[inline]
    fn serialize_f32(self, value: f32) -> Result<()> {
        self.serialize_f64(value.into())
    }
    #[inline]
    fn serialize_f64(self, value: f64) -> Result<()> {
        if value.is_nan() {
            nan::<G>(self.out);
        } else {
            G::double(self.out, value);
        }
        Ok(())
    }
    fn serialize_char(self, value: char) -> Result<()> {
        self.serialize_str(value.encode_utf8(&mut [0; 4]))
    }
    #[inline]
    fn serialize_str(self, value: &str) -> Result<()> {
        G::string(self.out, value);
        Ok(())
    }
    #[inline]
    fn serialize_bytes(self, value: &[u8]) -> Result<()> {
        G::binary(self.out, value);
        Ok(())
    }
    #[inline]
    fn serialize_none(self) -> Result<()> {
        self.serialize_unit()
    }
    #[inline]
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<()> {
        value.serialize(self)
    }
    #[inline]
    fn serialize_unit(self) -> Result<()> {
        G::null(self.out);
        Ok(())
    }
    fn serialize_unit_struct(self, name: &'static str) -> Result<()> {
        ser::SerializeStruct::end(self.object(name, 0)?)
    }
    fn serialize_unit_variant(self, name: &'static str, _: u32, variant: &'static str) -> Result<()> {
        // Java writes an enum as an object of the enum's class with the one field `name`.
        let mut object = self.object(name, 1)?;
        ser::SerializeStruct::serialize_field(&mut object, keys::ENUM_FIELD, variant)?;
        ser::SerializeStruct::end(object)
    }
    #[inline]
    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, name: &'static str, value: &T) -> Result<()> {
        if name == date::NEWTYPE {
            return value.serialize(date::Millis::<S, G>::new(self.out));
        }
        if name.starts_with(magic::PREFIX) {
            return self.special(name, value);
        }
        value.serialize(self)
    }
    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<()> {
        value.serialize(Variant::new(self, variant))
    }
    #[inline]
    fn serialize_seq(self, len: Option<usize>) -> Result<Self::SerializeSeq> {
        self.list(len, 0)
    }
    fn serialize_tuple(self, len: usize) -> Result<Self::SerializeTuple> {
        self.list(Some(len), 0)
    }
    fn serialize_tuple_struct(self, _: &'static str, len: usize) -> Result<Self::SerializeTupleStruct> {
        self.list(Some(len), 0)
    }
    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Self::SerializeTupleVariant> {
        self.variant(variant);
        self.list(Some(len), 1)
    }
    fn serialize_map(self, _: Option<usize>) -> Result<Self::SerializeMap> {
        Ok(self.map(0))
    }
    #[inline(always)]
    fn serialize_struct(self, name: &'static str, len: usize) -> Result<Self::SerializeStruct> {
        self.object(name, len)
    }
    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Self::SerializeStructVariant> {
        self.object(variant, len)
    }
}
