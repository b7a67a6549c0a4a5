//! What differs between the grammars when values are written.

use super::{Sink, number, text};
use crate::error::Result;
use crate::grammar::Final;

/// Writes the productions of one grammar. Stateless: tables and nesting belong to the encoder.
pub trait Dialect: Sized + 'static {
    /// Objects are maps with the class as their type and their field names in each (Hessian 1): no class table.
    #[doc(hidden)]
    const OBJECTS_ARE_MAPS: bool;

    /// Objects that live elsewhere have a form of their own; otherwise they are objects of a class for them.
    #[doc(hidden)]
    const REMOTES: bool = true;

    /// A list, map or object can be named once more. Otherwise it is written again.
    #[doc(hidden)]
    const REFERENCES: bool = true;

    /// What a document has but the reader cannot know is left out: the types of lists and maps, that a length was not
    /// told. A packet has one value.
    #[doc(hidden)]
    const PLAIN: bool = false;

    /// True is taken for a type where a type may stand.
    #[doc(hidden)]
    const TRUE_IS_A_TYPE: bool = false;

    /// Short forms of strings, classes and their definitions are those of [`crate::grammar::Final`]: strings of up to 31
    /// and of up to 1,023 units, the definitions of [`crate::shapes`].
    #[doc(hidden)]
    const MEDIUM_STRINGS: bool = false;

    /// Opcodes of chunks that are not the last.
    #[doc(hidden)]
    const STRING_CHUNK: u8;
    #[doc(hidden)]
    const BINARY_CHUNK: u8;

    /// The head of a string's last chunk, of up to 32,768 units.
    #[doc(hidden)]
    fn string_head(out: &mut impl Sink, units: usize);
    /// The head of a binary's last chunk, of up to 32,768 bytes.
    #[doc(hidden)]
    fn binary_head(out: &mut impl Sink, len: usize);

    /// Whether the reader takes the value for what it is.
    #[doc(hidden)]
    #[inline(always)]
    fn check(value: Doubtful) -> Result<()> {
        let _ = value;
        Ok(())
    }

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
    #[inline(always)]
    fn string(out: &mut impl Sink, text: &str) {
        text::string::<Self>(out, text);
    }
    /// Text that may have half surrogate pairs.
    #[doc(hidden)]
    fn utf16(out: &mut impl Sink, units: &[u16]) {
        text::utf16::<Self>(out, units);
    }
    #[doc(hidden)]
    #[inline(always)]
    fn binary(out: &mut impl Sink, bytes: &[u8]) {
        text::binary::<Self>(out, bytes);
    }
    /// Begins an untyped list; `None` when its length is not known.
    #[doc(hidden)]
    fn list(out: &mut impl Sink, len: Option<u32>);
    /// Begins a list of a type, which has a number when it was named before.
    #[doc(hidden)]
    fn typed_list(out: &mut impl Sink, ty: &str, number: Option<u32>, len: Option<u32>);
    /// Ends a list that was begun with this length; `numbered` when it was begun with the number of a type.
    #[doc(hidden)]
    fn list_end(out: &mut impl Sink, len: Option<u32>, numbered: bool);
    #[doc(hidden)]
    fn map(out: &mut impl Sink);
    /// Begins a map of a type, which has a number when it was named before.
    #[doc(hidden)]
    fn typed_map(out: &mut impl Sink, ty: &str, number: Option<u32>);
    #[doc(hidden)]
    fn map_end(out: &mut impl Sink);
    /// The opcode of a class definition; name, number of fields and their names follow.
    #[doc(hidden)]
    const CLASS: u8;
    /// Begins an object of a class by its number; the fields' values follow.
    #[doc(hidden)]
    fn object(out: &mut impl Sink, class: u32);
    /// A list, map or object of this packet once more.
    #[doc(hidden)]
    fn reference(out: &mut impl Sink, number: u32);
    /// Begins an object that lives elsewhere, of a type; its address follows as a string.
    #[doc(hidden)]
    fn remote(out: &mut impl Sink, ty: Option<&str>) {
        let _ = (out, ty);
    }
    /// Its address.
    #[doc(hidden)]
    fn address(out: &mut impl Sink, text: &str) {
        Self::string(out, text);
    }
}

/// What a reader may mistake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(unnameable_types, reason = "sealed: nobody else implements Dialect")]
pub enum Doubtful {
    Long(i64),
    Date(i64),
    /// The key of a map, not a string.
    Key,
    /// A list of unknown length that starts with true.
    True,
    /// An object that lives elsewhere.
    Remote,
    /// A list, map or object inside itself.
    Cycle,
    /// More than one value in a packet.
    Several,
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    reason = "numbers below i32::MAX by their limits"
)]
impl Dialect for Final {
    const OBJECTS_ARE_MAPS: bool = false;
    const REMOTES: bool = false;
    const STRING_CHUNK: u8 = b'R';
    const BINARY_CHUNK: u8 = b'A';
    const CLASS: u8 = b'C';
    const MEDIUM_STRINGS: bool = true;

    #[inline]
    fn string_head(out: &mut impl Sink, units: usize) {
        match units {
            0..=0x1f => out.put(&[units as u8]),
            0x20..=0x3ff => out.put(&[0x30 + (units >> 8) as u8, units as u8]),
            _ => out.put(&[b'S', (units >> 8) as u8, units as u8]),
        }
    }
    #[inline]
    fn binary_head(out: &mut impl Sink, len: usize) {
        match len {
            0..=0xf => out.put(&[0x20 + len as u8]),
            0x10..=0x3ff => out.put(&[0x34 + (len >> 8) as u8, len as u8]),
            _ => out.put(&[b'B', (len >> 8) as u8, len as u8]),
        }
    }
    #[inline(always)]
    fn int(out: &mut impl Sink, value: i32) {
        number::int(out, value);
    }
    #[inline(always)]
    fn long(out: &mut impl Sink, value: i64) {
        number::long::<0x59>(out, value);
    }
    #[inline(always)]
    fn double(out: &mut impl Sink, value: f64) {
        number::double(out, value);
    }
    #[inline(always)]
    fn date(out: &mut impl Sink, millis: i64) {
        number::date(out, millis);
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
    fn list_end(out: &mut impl Sink, len: Option<u32>, _: bool) {
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
    #[inline(always)]
    fn object(out: &mut impl Sink, class: u32) {
        match class {
            0..=0xf => out.put(&[0x60 + class as u8]),
            _ => far_object(out, class as i32),
        }
    }
    #[inline]
    fn reference(out: &mut impl Sink, number: u32) {
        out.put(b"Q");
        number::int(out, number as i32);
    }
}

#[inline(never)]
fn far_object(out: &mut impl Sink, class: i32) {
    out.put(b"O");
    number::int(out, class);
}

fn type_name(out: &mut impl Sink, ty: &str, number: Option<u32>) {
    match number {
        None => Final::string(out, ty),
        #[expect(clippy::cast_possible_wrap, reason = "fewer types than i32::MAX")]
        Some(number) => number::int(out, number as i32),
    }
}
