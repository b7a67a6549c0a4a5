//! Bytes explained, for people who debug a stream.
//!
//! Each line has the offset, the bytes (the first eight), the opcode as a letter where it is one, and what they mean,
//! with nesting, names, and the numbers of classes, types and references. What is malformed or cut off is shown up to the
//! place of the failure. Nothing is interpreted beyond that: no class is looked up, no text is trusted.
//!
//! ```
//! let dump = <hessian::dump::Dump>::new();
//! print!("{}", dump.values(b"C\x05a.Add\x91\x05value`\x03abcQ\x90"));
//! ```
//! prints
//! ```text
//!        0  43 05 61 2e 41 64 64 91  C  class 0: a.Add { value }
//!           + 6 bytes
//!       14  60                          object of class 0, a.Add (reference 0)
//!       15  03 61 62 63                   value: string "abc"
//!       19  51 90                    Q  reference 0, the object at 14
//! ```

mod packets;
mod rpc;
mod walk;

use crate::grammar::{Final, Grammar};
use crate::limits::Limits;
use crate::packet::Framing;
use std::fmt;
use std::marker::PhantomData;

/// Bytes in a line.
const BYTES: usize = 8;

/// How to explain bytes of a grammar.
#[derive(Debug, Clone)]
pub struct Dump<G = Final> {
    max_text: usize,
    max_lines: usize,
    limits: Limits,
    grammar: PhantomData<G>,
}

impl<G: Grammar> Default for Dump<G> {
    fn default() -> Self {
        Self::new()
    }
}

impl<G: Grammar> Dump<G> {
    /// Up to 60 characters of each text, up to 100,000 lines, default limits.
    #[must_use]
    pub fn new() -> Self {
        Self { max_text: 60, max_lines: 100_000, limits: Limits::DEFAULT, grammar: PhantomData }
    }

    /// Shows so many characters of a string. What follows is counted.
    #[must_use]
    pub fn max_text(self, max_text: usize) -> Self {
        Self { max_text, ..self }
    }

    /// Stops after so many lines. A value has one line at least.
    #[must_use]
    pub fn max_lines(self, max_lines: usize) -> Self {
        Self { max_lines, ..self }
    }

    /// What a decoder with these limits would refuse is shown as a failure.
    #[must_use]
    pub fn limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// Values one after the other, as in one packet. Written as it is read: O(depth) memory and what references can name.
    pub fn values<'a>(&'a self, bytes: &'a [u8]) -> impl fmt::Display + 'a {
        Show(move |f: &mut fmt::Formatter<'_>| walk::values(self, bytes, f))
    }

    /// A stream of packets; without a framing the first bytes tell it
    /// ([`PacketDecoder::recognising`](crate::packet::PacketDecoder::recognising)). Classes and types live as long as the
    /// stream, references as long as the packet. Packets of several frames are joined: one at a time is copied.
    pub fn packets<'a>(&'a self, framing: Option<Framing>, bytes: &'a [u8]) -> impl fmt::Display + 'a {
        Show(move |f: &mut fmt::Formatter<'_>| packets::packets(self, framing, bytes, f))
    }

    /// A call, reply or envelope of Hessian 2 (`H 2 0 …`) or Hessian 1 (`c …`, `r …`): the bytes tell which, and the
    /// grammar of the values with it.
    pub fn rpc<'a>(&'a self, bytes: &'a [u8]) -> impl fmt::Display + 'a {
        Show(move |f: &mut fmt::Formatter<'_>| rpc::message(self, bytes, f))
    }

    fn in_grammar<H>(&self) -> Dump<H> {
        let Self { max_text, max_lines, limits, .. } = *self;
        Dump { max_text, max_lines, limits, grammar: PhantomData }
    }
}

struct Show<F>(F);

impl<F: Fn(&mut fmt::Formatter<'_>) -> fmt::Result> fmt::Display for Show<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (self.0)(f)
    }
}

/// Writes lines.
struct Lines<'o, 'f> {
    out: &'o mut fmt::Formatter<'f>,
    left: usize,
    /// Opcodes may be small letters.
    small: bool,
}

impl<'o, 'f> Lines<'o, 'f> {
    fn new<G: Grammar>(out: &'o mut fmt::Formatter<'f>, left: usize) -> Self {
        Self { out, left, small: G::END.is_ascii_lowercase() }
    }

    /// True when there may be another line; says so once when there may not.
    fn is_open(&mut self) -> Result<bool, fmt::Error> {
        if self.left == 0 {
            return Ok(false);
        }
        self.left -= 1;
        if self.left == 0 {
            self.out.write_str("          … (the limit of lines is reached)\n")?;
            return Ok(false);
        }
        Ok(true)
    }

    /// A line about the bytes at an offset; `total` of them in all.
    fn line(
        &mut self,
        offset: u64,
        bytes: &[u8],
        total: u64,
        is_opcode: bool,
        indent: usize,
        meaning: fmt::Arguments<'_>,
    ) -> fmt::Result {
        if !self.is_open()? {
            return Ok(());
        }
        write!(self.out, "{offset:>8}  ")?;
        for index in 0..BYTES {
            match bytes.get(index) {
                Some(byte) => write!(self.out, "{byte:02x} ")?,
                None => self.out.write_str("   ")?,
            }
        }
        let letter = match bytes.first() {
            Some(&byte) if is_opcode && byte.is_ascii_uppercase() => char::from(byte),
            Some(&byte) if is_opcode && self.small && byte.is_ascii_lowercase() => char::from(byte),
            _ => ' ',
        };
        // Deeper than any limit that makes sense the nesting is not shown.
        let indent = indent.min(100) * 2;
        writeln!(self.out, " {letter}  {:indent$}{meaning}", "")?;
        if total > BYTES as u64 && self.is_open()? {
            let more = total - BYTES as u64;
            writeln!(self.out, "          + {more} byte{}", if more == 1 { "" } else { "s" })?;
        }
        Ok(())
    }
}

/// A piece of text in one line, of up to `max` characters.
fn quote(text: &str, max: usize) -> String {
    let mut quoted = String::from("\"");
    for character in text.chars().take(max) {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            ' '..='~' => quoted.push(character),
            _ if character.is_alphanumeric() => quoted.push(character),
            // Stands for half a surrogate pair, and for itself: not to be taken for what follows.
            '\u{fffd}' => quoted.extend(character.escape_default()),
            // Signs and emoji; not what is invisible or turns the direction of the line.
            _ => quoted.extend(character.escape_debug()),
        }
    }
    quoted.push('"');
    if text.chars().nth(max).is_some() {
        quoted.push('…');
    }
    quoted
}
