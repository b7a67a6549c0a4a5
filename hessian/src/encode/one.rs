//! Hessian 1, written as Java writes it.

use super::dialect::Dialect;
use super::{Sink, number, text};
use crate::grammar::One;

impl Dialect for One {
    const OBJECTS_ARE_MAPS: bool = true;
    /// There are no definitions.
    const CLASS: u8 = 0;
    const STRING_CHUNK: u8 = b's';
    const BINARY_CHUNK: u8 = b'b';

    #[expect(clippy::cast_possible_truncation, reason = "at most 0x8000")]
    fn string_head(out: &mut impl Sink, units: usize) {
        out.put(&[b'S', (units >> 8) as u8, units as u8]);
    }
    #[expect(clippy::cast_possible_truncation, reason = "at most 0x8000")]
    fn binary_head(out: &mut impl Sink, len: usize) {
        out.put(&[b'B', (len >> 8) as u8, len as u8]);
    }
    fn int(out: &mut impl Sink, value: i32) {
        out.put(b"I");
        out.put(&value.to_be_bytes());
    }
    fn long(out: &mut impl Sink, value: i64) {
        number::wide(out, b'L', value.cast_unsigned());
    }
    fn double(out: &mut impl Sink, value: f64) {
        number::wide(out, b'D', value.to_bits());
    }
    fn date(out: &mut impl Sink, millis: i64) {
        number::wide(out, b'd', millis.cast_unsigned());
    }
    fn list(out: &mut impl Sink, len: Option<u32>) {
        out.put(b"V");
        length(out, len);
    }
    fn typed_list(out: &mut impl Sink, ty: &str, _: Option<u32>, len: Option<u32>) {
        out.put(b"V");
        text::type_name(out, ty);
        length(out, len);
    }
    fn list_end(out: &mut impl Sink, _: Option<u32>, _: bool) {
        out.put(b"z");
    }
    fn map(out: &mut impl Sink) {
        // Java writes the empty type of a HashMap, but no type for an ArrayList.
        out.put(b"Mt\0\0");
    }
    fn typed_map(out: &mut impl Sink, ty: &str, _: Option<u32>) {
        out.put(b"M");
        text::type_name(out, ty);
    }
    fn map_end(out: &mut impl Sink) {
        out.put(b"z");
    }
    /// Objects are maps: see [`typed_map`](Self::typed_map).
    fn object(_: &mut impl Sink, _: u32) {}
    fn reference(out: &mut impl Sink, number: u32) {
        out.put(b"R");
        out.put(&number.to_be_bytes());
    }
    fn remote(out: &mut impl Sink, ty: Option<&str>) {
        out.put(b"r");
        text::type_name(out, ty.unwrap_or_default());
    }
}

fn length(out: &mut impl Sink, len: Option<u32>) {
    if let Some(len) = len {
        out.put(b"l");
        out.put(&len.to_be_bytes());
    }
}
