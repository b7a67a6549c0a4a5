//! Ints, longs, doubles and dates in their shortest forms.

use super::Sink;

/// `I`nt: one byte for -16..=47, two to ±2 Ki, three to ±256 Ki, else five.
#[inline]
pub(crate) fn int(out: &mut impl Sink, value: i32) {
    let bytes = value.to_be_bytes();
    match value {
        -0x10..=0x2f => out.put(&[0x90u8.wrapping_add(bytes[3])]),
        -0x800..=0x7ff => out.put(&[0xc8u8.wrapping_add(bytes[2]), bytes[3]]),
        -0x4_0000..=0x3_ffff => out.put(&[0xd4u8.wrapping_add(bytes[1]), bytes[2], bytes[3]]),
        _ => out.put(&[b'I', bytes[0], bytes[1], bytes[2], bytes[3]]),
    }
}

/// Long: one byte for -8..=15, two to ±2 Ki, three to ±256 Ki, five within `i32` (after the opcode `WORD`), else nine.
#[inline]
pub(crate) fn long<const WORD: u8>(out: &mut impl Sink, value: i64) {
    let bytes = value.to_be_bytes();
    match value {
        -8..=0xf => out.put(&[0xe0u8.wrapping_add(bytes[7])]),
        -0x800..=0x7ff => out.put(&[0xf8u8.wrapping_add(bytes[6]), bytes[7]]),
        -0x4_0000..=0x3_ffff => out.put(&[0x3cu8.wrapping_add(bytes[5]), bytes[6], bytes[7]]),
        -0x8000_0000..=0x7fff_ffff => out.put(&[WORD, bytes[4], bytes[5], bytes[6], bytes[7]]),
        _ => wide(out, b'L', bytes),
    }
}

/// Double: one byte for 0 and 1, two and three for small whole numbers, five for thousandths, else nine.
///
/// As Java, but for -0.0: Java drops its sign, here it is kept (nine bytes).
#[inline]
pub(crate) fn double(out: &mut impl Sink, value: f64) {
    // `as` saturates exactly like Java's cast.
    #[expect(clippy::cast_possible_truncation, reason = "compared with the original afterwards")]
    let whole = value as i32;
    let bytes = whole.to_be_bytes();
    if f64::from(whole) == value && (whole != 0 || value.is_sign_positive()) {
        match whole {
            0 => return out.put(&[0x5b]),
            1 => return out.put(&[0x5c]),
            -0x80..=0x7f => return out.put(&[0x5d, bytes[3]]),
            -0x8000..=0x7fff => return out.put(&[0x5e, bytes[2], bytes[3]]),
            _ => {}
        }
    }
    #[expect(clippy::cast_possible_truncation, reason = "compared with the original afterwards")]
    let mills = (value * 1000.0) as i32;
    // The reader multiplies by 0.001, which is not division by 1000: only an exact product may use this form.
    if 0.001 * f64::from(mills) == value && mills != 0 {
        let bytes = mills.to_be_bytes();
        out.put(&[0x5f, bytes[0], bytes[1], bytes[2], bytes[3]]);
    } else {
        wide(out, b'D', value.to_bits().to_be_bytes());
    }
}

/// Date in milliseconds since 1970 UTC: five bytes for whole minutes in range, else nine.
#[inline]
pub(crate) fn date(out: &mut impl Sink, millis: i64) {
    match i32::try_from(millis / 60_000) {
        Ok(minutes) if millis % 60_000 == 0 => {
            let bytes = minutes.to_be_bytes();
            out.put(&[0x4b, bytes[0], bytes[1], bytes[2], bytes[3]]);
        }
        _ => wide(out, 0x4a, millis.to_be_bytes()),
    }
}

pub(crate) fn wide(out: &mut impl Sink, tag: u8, b: [u8; 8]) {
    out.put(&[tag, b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7]]);
}
