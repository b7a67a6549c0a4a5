//! The draft, written as Java wrote it.

use super::dialect::Dialect;
use super::{Sink, number, text};
use crate::grammar::{Draft, One};

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    reason = "numbers below i32::MAX by their limits"
)]
impl Dialect for Draft {
    const OBJECTS_ARE_MAPS: bool = false;
    const TRUE_IS_A_TYPE: bool = true;
    const CLASS: u8 = b'O';
    const STRING_CHUNK: u8 = b's';
    const BINARY_CHUNK: u8 = b'b';

    fn string_head(out: &mut impl Sink, units: usize) {
        match units {
            0..=0x1f => out.put(&[units as u8]),
            _ => out.put(&[b'S', (units >> 8) as u8, units as u8]),
        }
    }
    fn binary_head(out: &mut impl Sink, len: usize) {
        match len {
            0..=0xf => out.put(&[0x20 + len as u8]),
            _ => out.put(&[b'B', (len >> 8) as u8, len as u8]),
        }
    }
    fn int(out: &mut impl Sink, value: i32) {
        number::int(out, value);
    }
    fn long(out: &mut impl Sink, value: i64) {
        number::long::<0x77>(out, value);
    }
    fn double(out: &mut impl Sink, value: f64) {
        double(out, value, -0x8000);
    }
    fn date(out: &mut impl Sink, millis: i64) {
        number::wide(out, b'd', millis.cast_unsigned());
    }
    fn list(out: &mut impl Sink, len: Option<u32>) {
        out.put(b"V");
        length(out, len);
    }
    fn typed_list(out: &mut impl Sink, ty: &str, number: Option<u32>, len: Option<u32>) {
        match (number, len) {
            (Some(number), Some(len)) => {
                out.put(b"v");
                number::int(out, number as i32);
                number::int(out, len as i32);
            }
            _ => {
                // Java writes `v` and the length -1 for a known type and an unknown length, which no reader takes.
                out.put(b"V");
                type_name(out, ty, number);
                length(out, len);
            }
        }
    }
    fn list_end(out: &mut impl Sink, len: Option<u32>, numbered: bool) {
        if !numbered || len.is_none() {
            out.put(b"z");
        }
    }
    fn map(out: &mut impl Sink) {
        out.put(b"M");
    }
    fn typed_map(out: &mut impl Sink, ty: &str, number: Option<u32>) {
        out.put(b"M");
        type_name(out, ty, number);
    }
    fn map_end(out: &mut impl Sink) {
        out.put(b"z");
    }
    fn object(out: &mut impl Sink, class: u32) {
        out.put(b"o");
        number::int(out, class as i32);
    }
    fn reference(out: &mut impl Sink, number: u32) {
        let bytes = number.to_be_bytes();
        match number {
            0..=0xff => out.put(&[b'J', bytes[3]]),
            0x100..=0xffff => out.put(&[b'K', bytes[2], bytes[3]]),
            _ => out.put(&[b'R', bytes[0], bytes[1], bytes[2], bytes[3]]),
        }
    }
    fn remote(out: &mut impl Sink, ty: Option<&str>) {
        out.put(b"r");
        if let Some(ty) = ty {
            text::type_name(out, ty);
        }
    }
    /// Java never uses the short form here.
    fn address(out: &mut impl Sink, text: &str) {
        One::string(out, text);
    }
}

/// Double: one byte for 0 and 1, two and three for whole numbers from `least` (-32768 at least) to 32767, five for what an
/// f32 holds, else nine. As Java, but for -0.0: Java drops its sign, here it is kept (five bytes).
pub(super) fn double(out: &mut impl Sink, value: f64, least: i32) {
    #[expect(clippy::cast_possible_truncation, reason = "compared with the original afterwards")]
    let (whole, single) = (value as i32, value as f32);
    let bytes = whole.to_be_bytes();
    if f64::from(whole) == value && whole >= least && (whole != 0 || value.is_sign_positive()) {
        match whole {
            0 => return out.put(&[0x67]),
            1 => return out.put(&[0x68]),
            -0x80..=0x7f => return out.put(&[0x69, bytes[3]]),
            -0x8000..=0x7fff => return out.put(&[0x6a, bytes[2], bytes[3]]),
            _ => {}
        }
    }
    if f64::from(single) == value {
        let b = single.to_be_bytes();
        out.put(&[0x6b, b[0], b[1], b[2], b[3]]);
    } else {
        number::wide(out, b'D', value.to_bits());
    }
}

/// The length of a list between its type and its values.
#[expect(clippy::cast_possible_truncation, reason = "in the arm of one byte")]
pub(super) fn length(out: &mut impl Sink, len: Option<u32>) {
    match len {
        None => {}
        Some(len @ 0..=0xff) => out.put(&[b'n', len as u8]),
        Some(len) => {
            out.put(b"l");
            out.put(&len.to_be_bytes());
        }
    }
}

#[expect(clippy::cast_possible_wrap, reason = "fewer types than i32::MAX")]
fn type_name(out: &mut impl Sink, ty: &str, number: Option<u32>) {
    match number {
        None => text::type_name(out, ty),
        Some(number) => {
            out.put(b"u");
            number::int(out, number as i32);
        }
    }
}
