//! UTF-8 measured in UTF-16 units, the unit in which Hessian counts text.
//!
//! Java writes each UTF-16 unit by itself in one to three bytes, so a character above U+FFFF is two sequences of
//! three bytes (CESU-8); other peers write the four bytes of UTF-8. Both count two units.

use ascii::{AsAsciiStr, AsciiStr};

use crate::error::ErrorKind;

/// Bytes counted at once: few enough for `u8` sums.
const BLOCK: usize = 1024;
/// Bytes counted at once near the end of what is sought.
const SMALL_BLOCK: usize = 64;
/// Sums that are made next to each other: the compiler puts them into vector registers.
const LANES: usize = 32;

/// True for a byte that starts a character (anything but `10xxxxxx`).
#[inline]
const fn is_lead(byte: u8) -> bool {
    byte as i8 >= -0x40
}

/// UTF-16 units that start in this block, and how many of its bytes start a four-byte character.
#[inline]
fn count_block(block: &[u8; BLOCK]) -> (usize, usize) {
    let mut leads = [0u8; LANES];
    let mut max = [0u8; LANES];
    for row in block.as_chunks::<LANES>().0 {
        for lane in 0..LANES {
            leads[lane] += u8::from(is_lead(row[lane]));
            max[lane] = max[lane].max(row[lane]);
        }
    }
    let leads: usize = leads.into_iter().map(usize::from).sum();
    // Four-byte characters are rare: most blocks get by without a second sum.
    if max.into_iter().fold(0, u8::max) < 0xf0 {
        return (leads, 0);
    }
    let wide = block.as_chunks::<SMALL_BLOCK>().0.iter().map(count_wide).sum();
    (leads + wide, wide)
}

#[inline]
fn count_wide(block: &[u8; SMALL_BLOCK]) -> usize {
    block.iter().fold(0u8, |wide, &byte| wide + u8::from(byte >= 0xf0)).into()
}

/// [`count_block`] for a small one.
#[inline]
fn count_small_block(block: &[u8; SMALL_BLOCK]) -> (usize, usize) {
    let leads = block.iter().fold(0u8, |leads, &byte| leads + u8::from(is_lead(byte)));
    let wide = count_wide(block);
    (usize::from(leads) + wide, wide)
}

/// UTF-16 units of some bytes, and how many start a four-byte character. O(n), does not allocate.
#[inline]
pub(crate) fn count(bytes: &[u8]) -> (usize, usize) {
    let add = |(units, wide), (more_units, more_wide)| (units + more_units, wide + more_wide);
    let (blocks, rest) = bytes.as_chunks::<BLOCK>();
    let counted = blocks.iter().map(count_block).fold((0, 0), add);
    let (blocks, rest) = rest.as_chunks::<SMALL_BLOCK>();
    let counted = blocks.iter().map(count_small_block).fold(counted, add);
    rest.iter().fold(counted, |(units, wide), &byte| {
        let is_wide = usize::from(byte >= 0xf0);
        (units + usize::from(is_lead(byte)) + is_wide, wide + is_wide)
    })
}

/// UTF-16 units of `text`. O(n), does not allocate.
#[inline]
pub(crate) fn units(text: &str) -> usize {
    count(text.as_bytes()).0
}

/// Where the first `units` UTF-16 units of some bytes end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Prefix {
    /// They take this many bytes.
    Bytes(usize),
    /// The bytes end before; at least this many are missing.
    Missing(usize),
    /// The last unit would be half of a four-byte character.
    Split,
}

impl Prefix {
    /// The byte length, 0 if there is none.
    pub(crate) fn bytes(self) -> usize {
        match self {
            Self::Bytes(bytes) => bytes,
            Self::Missing(_) | Self::Split => 0,
        }
    }
}

/// Byte length of the first `units` units. The bytes need not be valid; the caller validates what it takes.
#[inline]
pub(crate) fn prefix(bytes: &[u8], units: usize) -> Prefix {
    // The normal case: as many bytes as units, all ASCII.
    match bytes.get(..units) {
        Some(head) if head.is_ascii() => Prefix::Bytes(units),
        _ => prefix_wide(bytes, units).0,
    }
}

/// [`prefix`], and whether there are four-byte characters in it.
fn prefix_wide(bytes: &[u8], units: usize) -> (Prefix, bool) {
    let mut left = units;
    let mut at = 0;
    let mut wide = 0;
    /// Passes over blocks. At least one unit is left to walk to: the walk below knows from the lead byte where the
    /// last character ends. (What is no text may count more units than bytes.)
    macro_rules! pass {
        ($size:ident, $count:ident) => {
            for block in bytes[at..].as_chunks::<$size>().0 {
                let (units, more) = $count(block);
                if units >= left {
                    break;
                }
                left -= units;
                wide += more;
                at += $size;
            }
        };
    }
    pass!(BLOCK, count_block);
    pass!(SMALL_BLOCK, count_small_block);
    while left > 0 {
        let Some(&byte) = bytes.get(at) else {
            return (Prefix::Missing(left + (at - bytes.len())), wide > 0);
        };
        if !is_lead(byte) {
            at += 1; // the rest of a character that began in the last block; misplaced ones fail validation
            continue;
        }
        let (width, count) = match byte {
            0..=0x7f => (1, 1),
            0x80..=0xdf => (2, 1),
            0xe0..=0xef => (3, 1),
            0xf0..=0xff => (4, 2),
        };
        if count > left {
            return (Prefix::Split, wide > 0);
        }
        wide += count - 1;
        at += width;
        left -= count;
    }
    let end = if at > bytes.len() { Prefix::Missing(at - bytes.len()) } else { Prefix::Bytes(at) };
    (end, wide > 0)
}

/// Byte length of the longest beginning of `text` that has at most `units` units and does not cut a character, and
/// whether there are four-byte characters in it.
pub(crate) fn split(text: &str, units: usize) -> (usize, bool) {
    match prefix_wide(text.as_bytes(), units) {
        (Prefix::Bytes(bytes), has_wide) => (bytes, has_wide),
        (Prefix::Missing(_), has_wide) => (text.len(), has_wide),
        // Only the half of a four-byte character was left to take: leave it out.
        (Prefix::Split, has_wide) => (prefix_wide(text.as_bytes(), units - 1).0.bytes(), has_wide),
    }
}

/// `bytes` as text, if they are UTF-8. O(n), does not allocate.
#[inline]
pub(crate) fn validate(bytes: &[u8]) -> Option<&str> {
    // Below this length the start-up of the vectorised check costs more than it saves.
    if bytes.len() < 64 { std::str::from_utf8(bytes).ok() } else { simdutf8::basic::from_utf8(bytes).ok() }
}

/// The first `len` bytes as text, if they are ASCII: then they are `len` units too, and one look tells both.
#[inline(always)]
pub(crate) fn ascii(bytes: &[u8], len: usize) -> Option<&str> {
    bytes.get(..len)?.as_ascii_str().ok().map(AsciiStr::as_str)
}

/// The first `units` units as text, if they are all there and plain UTF-8. Not for the empty text.
#[inline(never)]
pub(crate) fn plain(bytes: &[u8], units: usize) -> Option<&str> {
    match prefix_wide(bytes, units).0 {
        Prefix::Bytes(len) => validate(&bytes[..len]),
        Prefix::Missing(_) | Prefix::Split => None,
    }
}

/// One step of reading text that is not plain UTF-8.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Piece<'a> {
    /// UTF-8, not empty.
    Text(&'a str),
    /// A surrogate written by itself in three bytes.
    Surrogate(u16),
}

/// Cuts `bytes` into runs of UTF-8 and single surrogates; `Err` holds the offset of the first byte that is neither.
pub(crate) fn pieces(bytes: &[u8]) -> Pieces<'_> {
    Pieces { bytes, at: 0 }
}

/// Iterator of [`pieces`].
#[derive(Debug)]
pub(crate) struct Pieces<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Iterator for Pieces<'a> {
    type Item = Result<Piece<'a>, usize>;

    fn next(&mut self) -> Option<Self::Item> {
        let rest = &self.bytes[self.at..];
        if rest.is_empty() {
            return None;
        }
        let good = match simdutf8::compat::from_utf8(rest) {
            Ok(text) => {
                self.at = self.bytes.len();
                return Some(Ok(Piece::Text(text)));
            }
            Err(error) => error.valid_up_to(),
        };
        if let (true, Some(text)) = (good > 0, validate(&rest[..good])) {
            self.at += good;
            return Some(Ok(Piece::Text(text)));
        }
        if let [0xed, b @ 0xa0..=0xbf, c @ 0x80..=0xbf, ..] = *rest {
            self.at += 3;
            let unit = 0xd000 | u16::from(b & 0x3f) << 6 | u16::from(c & 0x3f);
            return Some(Ok(Piece::Surrogate(unit)));
        }
        let offset = self.at;
        self.at = self.bytes.len();
        Some(Err(offset))
    }
}

/// True when `bytes` could be the beginning of text: only its last character may be cut. O(n).
///
/// Of text that is not complete nothing but this tells malformed from missing: stray bytes count no unit.
#[cold]
pub(crate) fn is_beginning(mut bytes: &[u8]) -> bool {
    while let Err(error) = simdutf8::compat::from_utf8(bytes) {
        bytes = &bytes[error.valid_up_to()..];
        match *bytes {
            [0xed, 0xa0..=0xbf, 0x80..=0xbf, ref rest @ ..] => bytes = rest,
            [0xed, 0xa0..=0xbf] => return true,
            _ => return error.error_len().is_none(),
        }
    }
    true
}

/// `bytes` as text, with surrogate pairs of three bytes each joined. Allocates.
pub(crate) fn joined(bytes: &[u8]) -> Result<String, ErrorKind> {
    let mut text = String::with_capacity(bytes.len());
    let mut high = None;
    for piece in pieces(bytes) {
        match (piece.map_err(|_| ErrorKind::InvalidText)?, high.take()) {
            (Piece::Text(piece), None) => text.push_str(piece),
            (Piece::Surrogate(unit), None) if is_high(unit) => high = Some(unit),
            (Piece::Surrogate(low), Some(unit)) => {
                text.push(pair(unit, low).ok_or(ErrorKind::LoneSurrogate)?);
            }
            _ => return Err(ErrorKind::LoneSurrogate),
        }
    }
    match high {
        None => Ok(text),
        Some(_) => Err(ErrorKind::LoneSurrogate),
    }
}

/// True for the first half of a surrogate pair.
pub(crate) const fn is_high(unit: u16) -> bool {
    matches!(unit, 0xd800..=0xdbff)
}

/// The character of a surrogate pair.
pub(crate) fn pair(high: u16, low: u16) -> Option<char> {
    if !is_high(high) || !matches!(low, 0xdc00..=0xdfff) {
        return None;
    }
    char::from_u32(0x1_0000 + ((u32::from(high) - 0xd800) << 10 | (u32::from(low) - 0xdc00)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text() -> String {
        // Some blocks of every kind, with and without four-byte characters.
        let mut text = "a語".repeat(700);
        for i in 0..1600u32 {
            text.push(['a', 'é', '語', '😀'][((i * i + i / 3) % 4) as usize]);
        }
        text
    }

    #[test]
    fn prefix_agrees_with_encode_utf16_at_every_length() {
        let text = text();
        let mut units = 0;
        for (at, character) in text.char_indices() {
            assert_eq!(prefix(text.as_bytes(), units), Prefix::Bytes(at), "{units} units");
            assert_eq!(split(&text, units).0, at);
            if character.len_utf16() == 2 {
                assert_eq!(prefix(text.as_bytes(), units + 1), Prefix::Split);
                assert_eq!(split(&text, units + 1).0, at);
            }
            units += character.len_utf16();
        }
        assert_eq!(super::units(&text), units);
        assert_eq!(count(text.as_bytes()).1, text.chars().filter(|c| c.len_utf16() == 2).count());
        assert!(!split(&text, 1000).1 && split(&text, 2000).1);
        assert_eq!(prefix(text.as_bytes(), units), Prefix::Bytes(text.len()));
        assert_eq!(prefix(text.as_bytes(), units + 3), Prefix::Missing(3));
    }

    #[test]
    fn a_following_int_is_not_taken_for_a_continuation_byte() {
        assert_eq!(prefix(&[0xc3, 0xa9, 0x90], 1), Prefix::Bytes(2));
        assert_eq!(prefix(&[0xc3], 1), Prefix::Missing(1));
    }

    #[test]
    fn what_is_no_text_counts_more_units_than_bytes() {
        assert_eq!(prefix(&[0xf0; 200], 65), Prefix::Split);
        assert_eq!(prefix(&[0xf0; 200], 66), Prefix::Bytes(132));
        assert_eq!(prefix(&[0x80; 200], 65), Prefix::Missing(65));
    }

    #[test]
    fn a_beginning_of_text_is_told_from_no_text() {
        let text = "aé語😀".as_bytes();
        for end in 0..=text.len() {
            assert!(is_beginning(&text[..end]), "{end}");
        }
        for end in 0..=6 {
            assert!(is_beginning(&b"\xed\xa0\xbd\xed\xb8\x80"[..end]), "{end}");
        }
        for bad in [&b"\x80"[..], b"a\x90", b"\xc3a", b"\xed\xa0a", b"\xff", b"\xed\xa0\xbd\x80"] {
            assert!(!is_beginning(bad), "{bad:x?}");
        }
    }

    #[test]
    fn pieces_find_surrogates_and_bad_bytes() {
        let found: Vec<_> = pieces(b"a\xed\xa0\xbd\xed\xb8\x80z\xff").collect();
        assert_eq!(
            found,
            [
                Ok(Piece::Text("a")),
                Ok(Piece::Surrogate(0xd83d)),
                Ok(Piece::Surrogate(0xde00)),
                Ok(Piece::Text("z")),
                Err(8)
            ]
        );
        assert_eq!(pair(0xd83d, 0xde00), Some('😀'));
    }
}
