//! Bytes explained, for people who debug a stream.
//!
//! Each line has the offset, the bytes (the first eight), the opcode as a letter where it is one, and what they mean,
//! with nesting, names, and the numbers of classes, types and references. What is malformed or cut off is shown up to the
//! place of the failure. Nothing is interpreted beyond that: no class is looked up, no text is trusted.
//!
//! Bytes that are there are shown whole ([`Dump::values`], [`Dump::packets`], [`Dump::rpc`]), bytes that arrive as they arrive
//! ([`Follow`], in constant memory); [`Dump::recognise`] tells what they are. The `hessian` command does all of it.
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

mod follow;
mod lines;
mod packets;
mod recognise;
mod rpc;
mod walk;
mod words;

use crate::grammar::{Final, Grammar};
use crate::limits::Limits;
use crate::packet::Framing;
pub use follow::Follow;
pub use lines::{Failure, Part};
use lines::{Lines, Marks, State};
pub use recognise::Kind;
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
    marks: Marks,
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
        Self {
            max_text: 60,
            max_lines: 100_000,
            limits: Limits::DEFAULT,
            marks: lines::unmarked,
            grammar: PhantomData,
        }
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

    /// What to write before and after each part of a line, such as the codes of colours. Nothing by default.
    #[must_use]
    pub fn marks(self, marks: fn(Part) -> [&'static str; 2]) -> Self {
        Self { marks, ..self }
    }

    /// Values one after the other, as in one packet. Written as it is read: O(depth) memory and what references can name.
    pub fn values<'a>(&'a self, bytes: &'a [u8]) -> impl fmt::Display + 'a {
        Show(move |f: &mut fmt::Formatter<'_>| whole(self.follow_values(), bytes, f))
    }

    /// [`values`](Self::values) that arrive in pieces.
    #[must_use]
    pub fn follow_values(&self) -> Follow<G> {
        Follow::values(self)
    }

    /// A stream of packets; without a framing the first bytes tell it
    /// ([`PacketDecoder::recognising`](crate::packet::PacketDecoder::recognising)). Classes and types live as long as the
    /// stream, references as long as the packet. Nothing is copied but tokens that are cut.
    pub fn packets<'a>(&'a self, framing: Option<Framing>, bytes: &'a [u8]) -> impl fmt::Display + 'a {
        Show(move |f: &mut fmt::Formatter<'_>| whole(self.follow_packets(framing), bytes, f))
    }

    /// [`packets`](Self::packets) that arrive in pieces.
    #[must_use]
    pub fn follow_packets(&self, framing: Option<Framing>) -> Follow<G> {
        Follow::packets_of(self, framing)
    }

    /// A call, reply or envelope of Hessian 2 (`H 2 0 …`) or Hessian 1 (`c …`, `r …`): the bytes tell which, and the
    /// grammar of the values with it.
    pub fn rpc<'a>(&'a self, bytes: &'a [u8]) -> impl fmt::Display + 'a {
        Show(move |f: &mut fmt::Formatter<'_>| self.write_rpc(bytes, f).map(drop))
    }

    /// Writes [`rpc`](Self::rpc) and tells what was wrong first.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write_rpc(&self, bytes: &[u8], out: &mut dyn fmt::Write) -> Result<Option<Failure>, fmt::Error> {
        let mut state = State::new(self);
        rpc::message(self, bytes, &mut Lines { out, state: &mut state })?;
        Ok(state.failure)
    }
}

fn whole<G: Grammar>(mut follow: Follow<G>, bytes: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    follow.push(bytes, f)?;
    follow.finish(f)
}

struct Show<F>(F);

impl<F: Fn(&mut fmt::Formatter<'_>) -> fmt::Result> fmt::Display for Show<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (self.0)(f)
    }
}
