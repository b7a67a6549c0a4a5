//! The text of strings and the bytes of binaries, which may come in chunks.

use super::reader::Reader;
use crate::error::{Error, ErrorKind, Result};
use crate::grammar::{Grammar, Token};
use crate::utf16::{self, Piece, Prefix};
use smallvec::SmallVec;

/// Chunks of a string that are remembered, to copy them at once: 16 bytes each, a chunk may be of one byte.
const MAX_PIECES: usize = 1024;

/// Text of a string.
#[derive(Debug)]
pub(super) enum Text<'de> {
    Borrowed(&'de str),
    Owned(String),
}

/// Bytes of a binary.
#[derive(Debug)]
pub(super) enum Blob<'de> {
    Borrowed(&'de [u8]),
    Owned(Vec<u8>),
}

/// How many units a text may have.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bound {
    limit: &'static str,
    max: u64,
}

impl<'de, G: Grammar> Reader<'de, '_, G> {
    /// The text of a string whose first chunk's head was taken. Borrowed when it is one chunk of plain UTF-8.
    #[inline]
    pub(super) fn text(&mut self, units: u32, last: bool) -> Result<Text<'de>> {
        self.bounded_text(units, last, Bound { limit: "max_string", max: self.limits.max_string })
    }

    /// The same for a name.
    pub(super) fn name_text(&mut self, units: u32, last: bool) -> Result<Text<'de>> {
        self.bounded_text(units, last, Bound { limit: "max_name", max: self.limits.max_name.into() })
    }

    #[inline]
    fn bounded_text(&mut self, units: u32, last: bool, bound: Bound) -> Result<Text<'de>> {
        if last && u64::from(units) <= bound.max {
            let rest = self.rest();
            if let Prefix::Bytes(len) = utf16::prefix(rest, units as usize)
                && let Some(text) = utf16::validate(&rest[..len])
            {
                self.pos += len;
                return Ok(Text::Borrowed(text));
            }
        }
        self.joined_text(units, last, bound).map(Text::Owned)
    }

    #[inline(never)]
    fn joined_text(&mut self, units: u32, last: bool, bound: Bound) -> Result<String> {
        // Chunks of plain UTF-8 are copied once into just the room they need.
        let start = self.pos;
        let mut plain: SmallVec<[&str; 32]> = SmallVec::new();
        let mut is_plain = true;
        self.text_chunks(units, last, bound, |reader, chunk| {
            match utf16::validate(chunk) {
                Some("") => {}
                Some(text) if is_plain && plain.len() < MAX_PIECES => plain.push(text),
                Some(_) => is_plain = false,
                None => {
                    is_plain = false;
                    // What is no text is wrong whatever follows.
                    reader.check_chunk(chunk)?;
                }
            }
            Ok(())
        })?;
        if is_plain {
            return Ok(plain.concat());
        }
        self.pos = start;
        let mut joined = String::new();
        let mut high = None;
        self.text_chunks(units, last, bound, |reader, chunk| {
            reader.append_chunk(&mut joined, &mut high, chunk)
        })?;
        match high {
            None => Ok(joined),
            Some(_) => Err(self.fail(ErrorKind::LoneSurrogate)),
        }
    }

    /// Each chunk of a string in turn, not validated yet.
    fn text_chunks(
        &mut self,
        mut units: u32,
        mut last: bool,
        bound: Bound,
        mut each: impl FnMut(&Self, &'de [u8]) -> Result<()>,
    ) -> Result<()> {
        let mut total = 0;
        loop {
            total += u64::from(units);
            if total > bound.max {
                return Err(self.limit(bound.limit, bound.max));
            }
            let rest = self.rest();
            let len = match utf16::prefix(rest, units as usize) {
                Prefix::Bytes(len) => len,
                Prefix::Missing(needed) if utf16::is_beginning(rest) => {
                    return Err(self.fail(ErrorKind::Incomplete { needed }));
                }
                Prefix::Missing(_) | Prefix::Split => return Err(self.fail(ErrorKind::InvalidText)),
            };
            each(self, &rest[..len])?;
            self.pos += len;
            if last {
                return Ok(());
            }
            (units, last) = match G::token(self.rest()) {
                Ok((rest, Token::Text { units, last })) => {
                    self.pos = self.input.len() - rest.len();
                    (units, last)
                }
                Ok(_) => {
                    let found = self.input[self.pos];
                    let expected = "the next chunk of a string";
                    return Err(self.fail(ErrorKind::UnexpectedByte { found, expected }));
                }
                Err(stop) => return Err(self.stopped(stop)),
            };
        }
    }

    /// Finds what is neither UTF-8 nor surrogates.
    #[inline(never)]
    fn check_chunk(&self, chunk: &[u8]) -> Result<()> {
        match utf16::pieces(chunk).find_map(Result::err) {
            Some(offset) => Err(Error::at((self.pos + offset) as u64, ErrorKind::InvalidText)),
            None => Ok(()),
        }
    }

    /// Joins surrogate pairs, also over the end of a chunk.
    fn append_chunk(&self, joined: &mut String, high: &mut Option<u16>, chunk: &[u8]) -> Result<()> {
        if let (None, Some(text)) = (*high, utf16::validate(chunk)) {
            joined.push_str(text);
            return Ok(());
        }
        for piece in utf16::pieces(chunk) {
            match (piece, high.take()) {
                (Ok(Piece::Text(text)), None) => joined.push_str(text),
                (Ok(Piece::Surrogate(unit)), None) if utf16::is_high(unit) => *high = Some(unit),
                (Ok(Piece::Surrogate(low)), Some(unit)) => match utf16::pair(unit, low) {
                    Some(character) => joined.push(character),
                    None => return Err(self.fail(ErrorKind::LoneSurrogate)),
                },
                (Ok(_), _) => return Err(self.fail(ErrorKind::LoneSurrogate)),
                (Err(offset), _) => {
                    return Err(Error::at((self.pos + offset) as u64, ErrorKind::InvalidText));
                }
            }
        }
        Ok(())
    }

    /// The bytes of a binary whose first chunk's head was taken. Borrowed when it is one chunk.
    #[inline]
    pub(super) fn blob(&mut self, len: u32, last: bool) -> Result<Blob<'de>> {
        if last {
            return self.whole(len).map(Blob::Borrowed);
        }
        // Twice over the heads, so that the bytes are copied once into just the room they need.
        let start = self.pos;
        let mut total = 0;
        self.chunks(len, last, |chunk| total += chunk.len())?;
        self.pos = start;
        let mut joined = Vec::with_capacity(total);
        self.chunks(len, last, |chunk| joined.extend_from_slice(chunk))?;
        Ok(Blob::Owned(joined))
    }

    /// Each chunk of a binary in turn.
    pub(super) fn chunks(
        &mut self,
        mut len: u32,
        mut last: bool,
        mut each: impl FnMut(&'de [u8]),
    ) -> Result<()> {
        let mut total = 0;
        loop {
            total += u64::from(len);
            if total > self.limits.max_binary {
                return Err(self.limit("max_binary", self.limits.max_binary));
            }
            each(self.chunk(len)?);
            if last {
                return Ok(());
            }
            (len, last) = match G::token(self.rest()) {
                Ok((rest, Token::Binary { len, last })) => {
                    self.pos = self.input.len() - rest.len();
                    (len, last)
                }
                Ok(_) => {
                    let found = self.input[self.pos];
                    let expected = "the next chunk of a binary";
                    return Err(self.fail(ErrorKind::UnexpectedByte { found, expected }));
                }
                Err(stop) => return Err(self.stopped(stop)),
            };
        }
    }

    /// A binary of one chunk.
    #[inline]
    pub(super) fn whole(&mut self, len: u32) -> Result<&'de [u8]> {
        if u64::from(len) > self.limits.max_binary {
            return Err(self.limit("max_binary", self.limits.max_binary));
        }
        self.chunk(len)
    }

    fn chunk(&mut self, len: u32) -> Result<&'de [u8]> {
        let rest = self.rest();
        match rest.get(..len as usize) {
            Some(bytes) => {
                self.pos += bytes.len();
                Ok(bytes)
            }
            None => Err(self.fail(ErrorKind::Incomplete { needed: len as usize - rest.len() })),
        }
    }
}

impl Text<'_> {
    pub(super) fn as_str(&self) -> &str {
        match self {
            Self::Borrowed(text) => text,
            Self::Owned(text) => text,
        }
    }
}
