//! What differs between the grammars when values are written.

use super::{Sink, number, text};
use crate::grammar::Final;

/// Writes the productions of one grammar. Stateless: tables and nesting belong to the encoder.
pub trait Dialect: Sized + 'static {
    /// Objects are maps with the class as their type and their field names in each (Hessian 1): no class table.
    #[doc(hidden)]
    const OBJECTS_ARE_MAPS: bool;

    #[doc(hidden)]
    fn null(out: &mut impl Sink) {
        out.put(b"N");
    }
    #[doc(hidden)]
    fn bool(out: &mut impl Sink, value: bool) {
        out.put(if value { b"T" } else { b"F" });
    }
    #[doc(hidden)]
    fn int(out: &mut impl Sink, value: i32);
    #[doc(hidden)]
    fn long(out: &mut impl Sink, value: i64);
    #[doc(hidden)]
    fn double(out: &mut impl Sink, value: f64);
    #[doc(hidden)]
    fn date(out: &mut impl Sink, millis: i64);
    #[doc(hidden)]
    fn string(out: &mut impl Sink, text: &str);
    /// Text that may have half surrogate pairs.
    #[doc(hidden)]
    fn utf16(out: &mut impl Sink, units: &[u16]);
    #[doc(hidden)]
    fn binary(out: &mut impl Sink, bytes: &[u8]);
    /// Begins an untyped list; `None` when its length is not known.
    #[doc(hidden)]
    fn list(out: &mut impl Sink, len: Option<u32>);
    /// Begins a list of a type, which has a number when it was named before.
    #[doc(hidden)]
    fn typed_list(out: &mut impl Sink, ty: &str, number: Option<u32>, len: Option<u32>);
    /// Ends a list that was begun with this length.
    #[doc(hidden)]
    fn list_end(out: &mut impl Sink, len: Option<u32>);
    #[doc(hidden)]
    fn map(out: &mut impl Sink);
    /// Begins a map of a type, which has a number when it was named before.
    #[doc(hidden)]
    fn typed_map(out: &mut impl Sink, ty: &str, number: Option<u32>);
    #[doc(hidden)]
    fn map_end(out: &mut impl Sink);
    /// The opcode of a class definition; name, number of fields and their names follow, the same in all grammars.
    #[doc(hidden)]
    const CLASS: u8;
    /// Begins an object of a class by its number; the fields' values follow.
    #[doc(hidden)]
    fn object(out: &mut impl Sink, class: u32);
    /// A list, map or object of this packet once more.
    #[doc(hidden)]
    fn reference(out: &mut impl Sink, number: u32);
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    reason = "numbers below i32::MAX by their limits"
)]
impl Dialect for Final {
    const OBJECTS_ARE_MAPS: bool = false;
    const CLASS: u8 = b'C';

    #[inline(always)]
    fn int(out: &mut impl Sink, value: i32) {
        number::int(out, value);
    }
    #[inline(always)]
    fn long(out: &mut impl Sink, value: i64) {
        number::long(out, value);
    }
    #[inline(always)]
    fn double(out: &mut impl Sink, value: f64) {
        number::double(out, value);
    }
    #[inline(always)]
    fn date(out: &mut impl Sink, millis: i64) {
        number::date(out, millis);
    }
    #[inline(always)]
    fn string(out: &mut impl Sink, text: &str) {
        text::string(out, text);
    }
    fn utf16(out: &mut impl Sink, units: &[u16]) {
        text::utf16(out, units);
    }
    #[inline(always)]
    fn binary(out: &mut impl Sink, bytes: &[u8]) {
        text::binary(out, bytes);
    }
    #[inline]
    fn list(out: &mut impl Sink, len: Option<u32>) {
        match len {
            Some(len @ 0..=7) => out.put(&[0x78 + len as u8]),
            Some(len) => {
                out.put(b"X");
                number::int(out, len as i32);
            }
            None => out.put(b"W"),
        }
    }
    fn typed_list(out: &mut impl Sink, ty: &str, number: Option<u32>, len: Option<u32>) {
        match len {
            Some(len @ 0..=7) => out.put(&[0x70 + len as u8]),
            Some(_) => out.put(b"V"),
            None => out.put(b"U"),
        }
        type_name(out, ty, number);
        if let Some(len @ 8..) = len {
            number::int(out, len as i32);
        }
    }
    #[inline]
    fn list_end(out: &mut impl Sink, len: Option<u32>) {
        if len.is_none() {
            out.put(b"Z");
        }
    }
    #[inline]
    fn map(out: &mut impl Sink) {
        out.put(b"H");
    }
    fn typed_map(out: &mut impl Sink, ty: &str, number: Option<u32>) {
        out.put(b"M");
        type_name(out, ty, number);
    }
    #[inline]
    fn map_end(out: &mut impl Sink) {
        out.put(b"Z");
    }
    #[inline]
    fn object(out: &mut impl Sink, class: u32) {
        match class {
            0..=0xf => out.put(&[0x60 + class as u8]),
            _ => {
                out.put(b"O");
                number::int(out, class as i32);
            }
        }
    }
    #[inline]
    fn reference(out: &mut impl Sink, number: u32) {
        out.put(b"Q");
        number::int(out, number as i32);
    }
}

fn type_name(out: &mut impl Sink, ty: &str, number: Option<u32>) {
    match number {
        None => text::string(out, ty),
        #[expect(clippy::cast_possible_wrap, reason = "fewer types than i32::MAX")]
        Some(number) => number::int(out, number as i32),
    }
}
