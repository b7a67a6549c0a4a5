//! The text of strings, piece by piece.

use super::Step;
use super::core::{Core, State, limit};
use crate::error::{ErrorKind, Result};
use crate::event::Event;
use crate::grammar::Grammar;
use crate::limits::Limits;
use crate::utf16::{self, Prefix};

/// Chunks of up to so many units are waited for and told in one piece: at most 3,069 bytes.
const WHOLE: usize = 1023;
/// Units looked at together once a string has shown surrogates: keeps the cost of text full of them linear.
const WINDOW: usize = 64;

/// The string in hand.
#[derive(Debug, Default)]
pub(super) struct Text {
    /// Units of all its chunks so far.
    units: u64,
    /// It has surrogates of its own.
    mixed: bool,
}

impl Text {
    pub(super) fn begin(&mut self) {
        *self = Self::default();
    }
}

impl<G: Grammar> Core<G> {
    #[inline]
    pub(super) fn text_chunk(&mut self, units: u32, last: bool, at: usize, limits: &Limits) -> Result<()> {
        self.text.units += u64::from(units);
        if self.text.units > limits.max_string {
            return Err(self.fail(at, limit("max_string", limits.max_string)));
        }
        self.state = State::Text { left: units, last };
        Ok(())
    }

    /// The next piece of a chunk of which `left` units remain.
    #[inline(always)]
    pub(super) fn text_piece<'a>(
        &mut self,
        input: &'a [u8],
        at: usize,
        left: u32,
        last: bool,
    ) -> Result<Step<'a>> {
        let rest = &input[at..];
        if let Some(text) = utf16::ascii(rest, left as usize) {
            return Ok(self.piece(text, 0, last, at + text.len()));
        }
        if !self.text.mixed
            && let Prefix::Bytes(len) = utf16::prefix(rest, left as usize)
            && let Some(text) = utf16::validate(&rest[..len])
        {
            return Ok(self.piece(text, 0, last, at + len));
        }
        self.hard_piece(input, at, left, last)
    }

    /// As above when the chunk is not complete or not plain UTF-8.
    #[expect(clippy::cast_possible_truncation, reason = "never more units than are left")]
    #[inline(never)]
    fn hard_piece<'a>(&mut self, input: &'a [u8], at: usize, left: u32, last: bool) -> Result<Step<'a>> {
        let rest = &input[at..];
        if let [0xed, 0xa0..=0xff, ..] = *rest {
            return self.surrogate(input, at, left, last);
        }
        if rest == [0xed] && left as usize > WHOLE {
            return Ok(self.more(at, input.len(), 1));
        }
        let window = if self.text.mixed { WINDOW.min(left as usize) } else { left as usize };
        let len = match utf16::prefix(rest, window) {
            Prefix::Bytes(len) => len,
            Prefix::Missing(needed) if left as usize <= WHOLE => {
                if !utf16::is_beginning(rest) {
                    return Err(self.fail(at, ErrorKind::InvalidText));
                }
                return Ok(self.more(at, input.len(), needed));
            }
            Prefix::Missing(_) => whole_characters(rest),
            Prefix::Split if window < left as usize => utf16::prefix(rest, window - 1).bytes(),
            Prefix::Split => return Err(self.fail(at, ErrorKind::InvalidText)),
        };
        if len == 0 && left > 0 {
            if !utf16::is_beginning(rest) {
                return Err(self.fail(at, ErrorKind::InvalidText));
            }
            return Ok(self.more(at, input.len(), 1));
        }
        let text = match simdutf8::compat::from_utf8(&rest[..len]) {
            Ok(text) => text,
            Err(error) => {
                let good = error.valid_up_to();
                if good == 0 {
                    return Err(self.fail(at, ErrorKind::InvalidText));
                }
                self.text.mixed = true;
                match utf16::validate(&rest[..good]) {
                    Some(text) => text,
                    None => return Err(self.fail(at, ErrorKind::InvalidText)),
                }
            }
        };
        let left = left - utf16::units(text) as u32;
        Ok(self.piece(text, left, last, at + text.len()))
    }

    fn surrogate<'a>(&mut self, input: &'a [u8], at: usize, left: u32, last: bool) -> Result<Step<'a>> {
        let (unit, used) = match input[at..] {
            [_, b @ 0xa0..=0xbf, c @ 0x80..=0xbf, ..] => {
                (0xd000 | u16::from(b & 0x3f) << 6 | u16::from(c & 0x3f), at + 3)
            }
            [_, 0xa0..=0xbf] => return Ok(self.more(at, input.len(), 1)),
            _ => return Err(self.fail(at, ErrorKind::InvalidText)),
        };
        self.text.mixed = true;
        let left = left - 1;
        self.next_text_state(left, last);
        Ok(self.event(Event::Surrogate { unit, last: left == 0 && last }, used))
    }

    #[inline]
    fn piece<'a>(&mut self, text: &'a str, left: u32, last: bool, used: usize) -> Step<'a> {
        self.next_text_state(left, last);
        self.event(Event::Text { text, last: left == 0 && last }, used)
    }

    #[inline]
    fn next_text_state(&mut self, left: u32, last: bool) {
        match (left, last) {
            (0, true) => self.after_value(),
            (0, false) => self.state = State::TextHead,
            _ => self.state = State::Text { left, last },
        }
    }
}

/// How many bytes of `bytes` are whole characters, if they are UTF-8 (or surrogates of three bytes).
fn whole_characters(bytes: &[u8]) -> usize {
    for back in 1..=3.min(bytes.len()) {
        let at = bytes.len() - back;
        let width = match bytes[at] {
            0x80..=0xbf => continue,
            0..=0x7f => 1,
            0xc0..=0xdf => 2,
            0xe0..=0xef => 3,
            0xf0..=0xff => 4,
        };
        return if width > back { at } else { bytes.len() };
    }
    bytes.len()
}
