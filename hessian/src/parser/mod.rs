//! The push parser: bytes in, in pieces of any size; events out.

mod core;
mod names;
mod text;

pub(crate) use core::{Core, EventSink};

use crate::error::Result;
use crate::event::{ClassId, Event, TypeId};
use crate::grammar::{Final, Grammar};
use crate::limits::Limits;
use crate::table::Tables;

/// What a parser makes of the bytes it is given.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Step<'a> {
    /// Something was read.
    Event {
        /// What.
        event: Event<'a>,
        /// Bytes of the input that it took (with what stood before it).
        used: usize,
    },
    /// The input ends inside a token.
    NeedMore {
        /// Bytes that were taken all the same: the next input begins after them.
        used: usize,
        /// How many bytes are missing at least before anything more can be told.
        needed: usize,
    },
    /// The value is complete; the next one begins with [`Parser::next_value`].
    Done,
}

/// Reads values from bytes that arrive in pieces of any size.
///
/// Nothing is read twice but the beginning of a token that was cut, so the cost is linear in the input whatever the
/// pieces are. A string or binary of any size passes through piece by piece; strings of up to 1,023 units (and what
/// else has at most three bytes a unit) are waited for and come whole. Memory: O(depth) and the names of classes and
/// types.
///
/// ```
/// use hessian::{Event, Parser, Step};
/// # fn main() -> hessian::Result<()> {
/// let mut parser = <Parser>::new(hessian::Limits::default());
/// let mut seen = Vec::new();
/// let mut buffer: Vec<u8> = Vec::new();
/// for piece in [&b"\x7a\x90"[..], b"\x02h", b"i"] {
///     buffer.extend_from_slice(piece);
///     let mut at = 0;
///     loop {
///         match parser.step(&buffer[at..])? {
///             Step::Event { event, used } => {
///                 seen.push(format!("{event:?}"));
///                 at += used;
///             }
///             Step::NeedMore { used, .. } => {
///                 at += used;
///                 break;
///             }
///             Step::Done => break,
///         }
///     }
///     buffer.drain(..at);
/// }
/// assert_eq!(seen[1..3], ["Int(0)", "Text { text: \"hi\", last: true }"]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Parser<G = Final> {
    core: Core<G>,
    tables: Tables,
    limits: Limits,
}

impl<G: Grammar> Parser<G> {
    /// A parser at the beginning of a stream. Does not allocate.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self { core: Core::new(), tables: Tables::default(), limits }
    }

    /// Reads the next event from `input`, which begins where the last step's `used` bytes ended.
    ///
    /// # Errors
    /// What the grammar does not allow, and any of the [`Limits`]. The parser cannot go on after an error.
    #[inline]
    pub fn step<'a>(&mut self, input: &'a [u8]) -> Result<Step<'a>> {
        self.core.step(&mut self.tables, &self.limits, input)
    }

    /// Begins another value of the same packet (or call): references go on.
    pub fn next_value(&mut self) {
        self.core.next_value();
    }

    /// Begins a packet: references start anew, classes and types stay.
    pub fn next_packet(&mut self) {
        self.core.next_packet();
    }

    /// Bytes taken since the parser was made.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.core.offset()
    }

    /// Lists, maps and objects that are open.
    #[must_use]
    pub fn depth(&self) -> usize {
        self.core.depth()
    }

    /// The name of a class.
    ///
    /// # Panics
    /// When the number is not one that this parser told.
    #[must_use]
    pub fn class_name(&self, class: ClassId) -> &str {
        self.tables.class_name(&[], class)
    }

    /// The names of a class's fields in order.
    ///
    /// # Panics
    /// When the number is not one that this parser told.
    pub fn field_names(&self, class: ClassId) -> impl Iterator<Item = &str> {
        self.tables.field_names(&[], class)
    }

    /// The name of a type.
    ///
    /// # Panics
    /// When the number is not one that this parser told.
    #[must_use]
    pub fn type_name(&self, ty: TypeId) -> &str {
        self.tables.type_name(ty)
    }
}
