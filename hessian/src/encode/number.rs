//! Ints, longs, doubles and dates in their shortest forms.

use super::Sink;

/// What the opcodes of the short forms of an int stand for, by the bytes after them; `I` has four.
const INTS: [u64; 8] = [0x90, 0xc8_00, 0xd4_00_00, 0, (b'I' as u64) << 32, 0, 0, 0];

/// `I`nt: one byte for -16..=47, two to ±2 Ki, three to ±256 Ki, else five.
///
/// Without a branch: numbers of a stream have now this length, now that.
#[inline]
pub(crate) fn int(out: &mut impl Sink, value: i32) {
    let beyond = |low: i32, count: u32| usize::from(value.wrapping_sub(low).cast_unsigned() >= count);
    let more = beyond(-0x10, 0x40) + beyond(-0x800, 0x1000) + 2 * beyond(-0x4_0000, 0x8_0000);
    put_short(out, INTS[more & 7], value.cast_unsigned(), more);
}

/// An opcode with the number added to it, and `more` bytes after it, up to four.
#[inline(always)]
fn put_short(out: &mut impl Sink, opcode: u64, value: u32, more: usize) {
    // What overflows a short form at the front is shifted out.
    let token = opcode.wrapping_add(value.into()) << (56 - 8 * more);
    out.put_first(token.to_be_bytes(), 1 + more);
}

/// Long: one byte for -8..=15, two to ±2 Ki, three to ±256 Ki, five within `i32` (after the opcode `WORD`), else nine.
#[inline]
pub(crate) fn long<const WORD: u8>(out: &mut impl Sink, value: i64) {
    let opcodes = const { [0xe0, 0xf8_00, 0x3c_00_00, 0, (WORD as u64) << 32, 0, 0, 0] };
    let Ok(short) = i32::try_from(value) else {
        return wide(out, b'L', value.cast_unsigned());
    };
    let beyond = |low: i32, count: u32| usize::from(short.wrapping_sub(low).cast_unsigned() >= count);
    let more = beyond(-8, 0x18) + beyond(-0x800, 0x1000) + 2 * beyond(-0x4_0000, 0x8_0000);
    put_short(out, opcodes[more & 7], short.cast_unsigned(), more);
}

/// Double: one byte for 0 and 1, two and three for small whole numbers, five for thousandths, else nine.
///
/// As Java, but for -0.0: Java drops its sign, here it is kept (nine bytes).
#[inline]
pub(crate) fn double(out: &mut impl Sink, value: f64) {
    // A sum of this size has the whole part in its lowest bits: cheaper than a cast, which has to saturate.
    const LOWEST_BITS: f64 = (3u64 << 51) as f64;
    #[expect(clippy::cast_possible_truncation, reason = "compared with the original afterwards")]
    let whole = (value + LOWEST_BITS).to_bits() as i32;
    if f64::from(whole) == value
        && matches!(whole, -0x8000..=0x7fff)
        && value.to_bits() != (-0.0f64).to_bits()
    {
        return whole_double(out, whole);
    }
    // `as` saturates exactly like Java's cast.
    #[expect(clippy::cast_possible_truncation, reason = "compared with the original afterwards")]
    let mills = (value * 1000.0) as i32;
    // The reader multiplies by 0.001, which is not division by 1000: only an exact product may use this form. Both
    // forms are written alike, without a branch: prices have now this one, now that.
    let (tag, operand, len) = if (0.001 * f64::from(mills) == value) & (mills != 0) {
        (0x5f, u64::from(mills.cast_unsigned()) << 32, 5)
    } else {
        (b'D', value.to_bits(), 9)
    };
    put_wide(out, tag, operand, len);
}

#[inline(never)]
fn whole_double(out: &mut impl Sink, whole: i32) {
    let bytes = whole.to_be_bytes();
    match whole {
        0 => out.put(&[0x5b]),
        1 => out.put(&[0x5c]),
        -0x80..=0x7f => out.put(&[0x5d, bytes[3]]),
        _ => out.put(&[0x5e, bytes[2], bytes[3]]),
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
        _ => wide(out, 0x4a, millis.cast_unsigned()),
    }
}

/// An opcode with an operand of eight bytes.
#[inline(always)]
pub(crate) fn wide(out: &mut impl Sink, tag: u8, operand: u64) {
    put_wide(out, tag, operand, 9);
}

#[inline(always)]
fn put_wide(out: &mut impl Sink, tag: u8, operand: u64, len: usize) {
    let first = u64::from(tag) << 56 | operand >> 8;
    out.put_first_of(first.to_be_bytes(), [operand as u8], len);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As Java writes it, branch by branch.
    fn java_double(value: f64) -> Vec<u8> {
        let whole = value as i32;
        if f64::from(whole) == value && value.to_bits() != (-0.0f64).to_bits() {
            let bytes = whole.to_be_bytes();
            match whole {
                0 => return vec![0x5b],
                1 => return vec![0x5c],
                -0x80..=0x7f => return vec![0x5d, bytes[3]],
                -0x8000..=0x7fff => return vec![0x5e, bytes[2], bytes[3]],
                _ => {}
            }
        }
        let mills = (value * 1000.0) as i32;
        if 0.001 * f64::from(mills) == value && mills != 0 {
            return [&[0x5f][..], &mills.to_be_bytes()].concat();
        }
        [&b"D"[..], &value.to_bits().to_be_bytes()].concat()
    }

    #[test]
    fn doubles_have_the_form_that_java_gives_them() {
        let mut bits = 1u64;
        let random = std::iter::repeat_with(move || {
            bits = bits.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            f64::from_bits(bits ^ bits >> 29)
        });
        let wholes = (-70_000..70_000).map(f64::from);
        let mills = (-70_000..70_000).flat_map(|n| [f64::from(n) / 1000.0, f64::from(n) * 0.001]);
        let edges = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.0, f64::MIN_POSITIVE, f64::MAX]
            .into_iter()
            .chain([2_147_483.647, 2_147_483.648, -2_147_483.648, -2_147_483.649])
            .chain((0..64).flat_map(|shift| [(1u64 << shift) as f64, (1u64 << shift) as f64 + 0.5]))
            .flat_map(|edge| [edge, -edge, edge.next_up(), edge.next_down()]);
        for value in wholes.chain(mills).chain(edges).chain(random.take(100_000)) {
            let mut out = Vec::new();
            double(&mut out, value);
            assert_eq!(out, java_double(value), "{value:?}");
        }
    }

    #[test]
    fn ints_and_longs_have_their_shortest_form() {
        let edges =
            [-8, 0xf, -0x10, 0x2f, -0x800, 0x7ff, -0x4_0000, 0x3_ffff, i32::MIN.into(), i32::MAX.into()];
        let values = edges.into_iter().flat_map(|edge: i64| edge - 2..=edge + 2).chain([i64::MIN, i64::MAX]);
        for value in values {
            let (mut out, bytes) = (Vec::new(), value.to_be_bytes());
            long::<0x59>(&mut out, value);
            let expected = match value {
                -8..=0xf => vec![(0xe0 + value) as u8],
                -0x800..=0x7ff => vec![(0xf8 + (value >> 8)) as u8, bytes[7]],
                -0x4_0000..=0x3_ffff => vec![(0x3c + (value >> 16)) as u8, bytes[6], bytes[7]],
                -0x8000_0000..=0x7fff_ffff => [&[0x59][..], &bytes[4..]].concat(),
                _ => [&b"L"[..], &bytes].concat(),
            };
            assert_eq!(out, expected, "{value}");
            let Ok(value) = i32::try_from(value) else { continue };
            out.clear();
            int(&mut out, value);
            let expected = match value {
                -0x10..=0x2f => vec![(0x90 + value) as u8],
                -0x800..=0x7ff => vec![(0xc8 + (value >> 8)) as u8, bytes[7]],
                -0x4_0000..=0x3_ffff => vec![(0xd4 + (value >> 16)) as u8, bytes[6], bytes[7]],
                _ => [&b"I"[..], &bytes[4..]].concat(),
            };
            assert_eq!(out, expected, "{value}");
        }
    }
}
