//! Strings and binaries in chunks.

use super::Sink;
use super::dialect::Dialect;
use crate::error::{Error, ErrorKind, Result};
use crate::utf16;

/// UTF-16 units in a chunk that is not the last; Java's choice.
const STRING_CHUNK: usize = 0x8000;
/// Bytes in a binary chunk that is not the last. Java's depends on how full its 8 KiB buffer is, any size is legal.
const BINARY_CHUNK: usize = 0x8000;
/// Longest binary that is written as a single chunk; what fits Java's buffer.
const BINARY_SINGLE: usize = 8189;

/// String: its last chunk after as many others as are needed.
///
/// Copies the text once; characters above U+FFFF become two surrogates of three bytes each.
#[inline]
pub(crate) fn string<G: Dialect>(out: &mut impl Sink, text: &str) {
    let bytes = text.as_bytes();
    if G::MEDIUM_STRINGS && bytes.len() < 16 && short_string(out, bytes) {
        return;
    }
    if bytes.len() <= 0x3ff && bytes.is_ascii() {
        G::string_head(out, bytes.len());
        out.put(bytes);
    } else {
        long_string::<G>(out, text);
    }
}

/// The bits that no byte of ASCII has.
const NOT_ASCII: u64 = 0x8080_8080_8080_8080;

/// A string of up to 15 bytes, if they are ASCII; then its head is its length. Copied as one number or two: cheaper than
/// to call for a copy of a few bytes.
#[inline(always)]
fn short_string(out: &mut impl Sink, bytes: &[u8]) -> bool {
    let len = bytes.len();
    if let (Some(&first), Some(&last)) = (bytes.first_chunk(), bytes.last_chunk()) {
        let (first, last) = (u64::from_le_bytes(first), u64::from_le_bytes(last));
        if (first | last) & NOT_ASCII != 0 {
            return false;
        }
        // The second number begins with the eighth byte: what the first has is shifted out.
        let (first, last) = (first << 8 | len as u64, last >> (8 * (15 - len)));
        out.put_first_of(first.to_le_bytes(), last.to_le_bytes(), 1 + len);
        return true;
    }
    let text = match (bytes.first_chunk(), bytes.last_chunk(), bytes) {
        // They overlap where they say the same.
        (Some(&first), Some(&last), _) => {
            u64::from(u32::from_le_bytes(first)) | u64::from(u32::from_le_bytes(last)) << (8 * (len - 4))
        }
        (.., &[a, b, c]) => u32::from_le_bytes([a, b, c, 0]).into(),
        (.., &[a, b]) => u16::from_le_bytes([a, b]).into(),
        (.., &[a]) => a.into(),
        _ => 0,
    };
    if text & NOT_ASCII != 0 {
        return false;
    }
    out.put_first((text << 8 | len as u64).to_le_bytes(), 1 + len);
    true
}

#[inline(never)]
fn long_string<G: Dialect>(out: &mut impl Sink, mut text: &str) {
    // Exact but for surrogates: no chunk but the last has less than STRING_CHUNK - 1 units, nor that many bytes.
    out.room(text.len() + (text.len() / (STRING_CHUNK - 1) + 1) * 3);
    // A text of n bytes has at most n units: short ones need no search for a cut.
    while text.len() > STRING_CHUNK {
        let (end, has_wide) = utf16::split(text, STRING_CHUNK);
        if end == text.len() {
            break;
        }
        let (chunk, rest) = text.split_at(end);
        // When a pair would be cut the chunk is one unit short, as Java's.
        let units = if rest.starts_with(|c| c > '\u{ffff}') { utf16::units(chunk) } else { STRING_CHUNK };
        out.put(&[G::STRING_CHUNK, (units >> 8) as u8, units as u8]);
        put_text(out, chunk, has_wide);
        text = rest;
    }
    let (units, wide) = utf16::count(text.as_bytes());
    G::string_head(out, units);
    put_text(out, text, wide > 0);
}

/// The name of a type in the older grammars: always `t` and the length in two bytes.
#[expect(clippy::cast_possible_truncation, reason = "the encoders refuse names beyond u16::MAX bytes")]
pub(crate) fn type_name(out: &mut impl Sink, name: &str) {
    let (units, wide) = utf16::count(name.as_bytes());
    out.put(&[b't', (units >> 8) as u8, units as u8]);
    put_text(out, name, wide > 0);
}

/// A name of Hessian 1 outside of values: its length in two bytes, then its text.
pub(crate) fn short_name(out: &mut impl Sink, name: &str) -> Result<()> {
    let (units, wide) = utf16::count(name.as_bytes());
    let Ok(units) = u16::try_from(units) else {
        return Err(Error::new(ErrorKind::Unrepresentable("a name of more than 65535 UTF-16 units")));
    };
    out.put(&units.to_be_bytes());
    put_text(out, name, wide > 0);
    Ok(())
}

/// The same for text that may have half surrogate pairs.
pub(crate) fn utf16<G: Dialect>(out: &mut impl Sink, mut units: &[u16]) {
    while units.len() > STRING_CHUNK {
        // Java's rule looks at the last unit alone, paired or not.
        let cut = STRING_CHUNK - usize::from(utf16::is_high(units[STRING_CHUNK - 1]));
        out.put(&[G::STRING_CHUNK, (cut >> 8) as u8, cut as u8]);
        put_units(out, &units[..cut]);
        units = &units[cut..];
    }
    G::string_head(out, units.len());
    put_units(out, units);
}

/// Each unit by itself, in one to three bytes.
#[expect(clippy::cast_possible_truncation, reason = "seven bits and fewer")]
fn put_units(out: &mut impl Sink, units: &[u16]) {
    for &unit in units {
        match unit {
            0..=0x7f => out.put(&[unit as u8]),
            0x80..=0x7ff => out.put(&[0xc0 | (unit >> 6) as u8, 0x80 | (unit & 0x3f) as u8]),
            _ => out.put(&three_bytes(unit)),
        }
    }
}

/// The units of `text`: its bytes, but the four-byte characters that it may have as surrogate pairs.
fn put_text(out: &mut impl Sink, text: &str, may_have_wide: bool) {
    if may_have_wide {
        surrogates(out, text);
    } else {
        out.put(text.as_bytes());
    }
}

fn surrogates(out: &mut impl Sink, text: &str) {
    let mut plain = 0;
    for (at, character) in text.char_indices().filter(|&(_, c)| c > '\u{ffff}') {
        out.put(&text.as_bytes()[plain..at]);
        let mut pair = [0; 2];
        for unit in character.encode_utf16(&mut pair) {
            out.put(&three_bytes(*unit));
        }
        plain = at + character.len_utf8();
    }
    out.put(&text.as_bytes()[plain..]);
}

/// A UTF-16 unit of 0x800 or more as Java writes it.
pub(crate) const fn three_bytes(unit: u16) -> [u8; 3] {
    [0xe0 | (unit >> 12) as u8, 0x80 | (unit >> 6 & 0x3f) as u8, 0x80 | (unit & 0x3f) as u8]
}

/// Binary: its last chunk after as many others as are needed. Copies the bytes once.
#[inline]
pub(crate) fn binary<G: Dialect>(out: &mut impl Sink, mut bytes: &[u8]) {
    if bytes.len() > BINARY_SINGLE {
        out.room(bytes.len() + bytes.len() / BINARY_CHUNK * 3 + 3);
        while bytes.len() > BINARY_CHUNK {
            let (chunk, rest) = bytes.split_at(BINARY_CHUNK);
            out.put(&[G::BINARY_CHUNK, (BINARY_CHUNK >> 8) as u8, BINARY_CHUNK as u8]);
            out.put(chunk);
            bytes = rest;
        }
    }
    G::binary_head(out, bytes.len());
    out.put(bytes);
}

#[cfg(test)]
mod tests {
    #[test]
    fn short_strings_of_every_length_and_kind() {
        for len in 0..40usize {
            let plain: String = ('a'..='z').cycle().take(len).collect();
            let head = if len < 32 { vec![len as u8] } else { vec![0x30, len as u8] };
            assert_eq!(crate::to_vec(&plain).unwrap(), [&head, plain.as_bytes()].concat());
            for at in 0..len {
                let mut text = plain.clone();
                text.replace_range(at..=at, "\u{e9}");
                assert_eq!(crate::to_vec(&text).unwrap(), [&head, text.as_bytes()].concat(), "{text}");
            }
        }
    }
}
