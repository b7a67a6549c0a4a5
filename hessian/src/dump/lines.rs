//! The lines of a dump, and what the parts of a line are.

use super::{BYTES, Dump};
use crate::grammar::Grammar;
use std::fmt;

/// What a part of a line is, for who marks it: with colours, or for another program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Part {
    /// The offset of the first byte.
    Offset,
    /// The bytes.
    Bytes,
    /// The opcode as a letter.
    Opcode,
    /// What a value is in what encloses it: the name of a field, a position, `key`, `value`.
    Label,
    /// An int, long, double or date.
    Number,
    /// A boolean or null.
    Constant,
    /// A string.
    Text,
    /// A binary.
    Binary,
    /// The head of a list, map or object, or its end.
    Container,
    /// A class definition.
    Definition,
    /// A reference.
    Reference,
    /// What is around values: the header of a frame, the parts of a message.
    Frame,
    /// What the dump says of itself, such as how many bytes are left out.
    Note,
    /// What is wrong.
    Failure,
}

/// What is written before and after a part.
pub(super) type Marks = fn(Part) -> [&'static str; 2];

/// Nothing.
pub(super) fn unmarked(_: Part) -> [&'static str; 2] {
    ["", ""]
}

/// What was wrong first: where, and what.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Failure {
    /// The byte of the input at which it was noticed.
    pub offset: u64,
    /// What was found and expected there.
    pub message: String,
    /// Where the token begins that it was noticed in: everything before was read well.
    pub(super) start: u64,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "byte {}: {}", self.offset, self.message)
    }
}

impl std::error::Error for Failure {}

/// What goes on from line to line.
#[derive(Debug)]
pub(super) struct State {
    left: usize,
    /// Opcodes may be small letters.
    pub(super) small: bool,
    marks: Marks,
    pub(super) failure: Option<Failure>,
}

impl State {
    pub(super) fn new<G: Grammar>(dump: &Dump<G>) -> Self {
        Self { left: dump.max_lines, small: G::END.is_ascii_lowercase(), marks: dump.marks, failure: None }
    }

    /// True when no further line is written.
    pub(super) fn is_full(&self) -> bool {
        self.left == 0
    }
}

/// The bytes of a line: where the first stands, as many as are shown, how many there are.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Span {
    at: Option<u64>,
    head: [u8; BYTES],
    len: u64,
}

impl Span {
    /// So many bytes of the input that stand one after the other.
    pub(super) fn of(at: u64, bytes: &[u8]) -> Self {
        let mut span = Self { at: Some(at), ..Self::default() };
        span.add(at, bytes);
        span
    }

    /// Adds bytes; the place counts when they are the first.
    pub(super) fn add(&mut self, at: u64, bytes: &[u8]) {
        self.at.get_or_insert(at);
        let known = usize::try_from(self.len).unwrap_or(BYTES).min(BYTES);
        for (slot, &byte) in self.head[known..].iter_mut().zip(bytes) {
            *slot = byte;
        }
        self.len += bytes.len() as u64;
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    pub(super) fn len(&self) -> u64 {
        self.len
    }

    pub(super) fn at(&self) -> Option<u64> {
        self.at
    }

    fn shown(&self) -> &[u8] {
        &self.head[..usize::try_from(self.len).unwrap_or(BYTES).min(BYTES)]
    }
}

/// Writes lines.
pub(super) struct Lines<'o> {
    pub(super) out: &'o mut dyn fmt::Write,
    pub(super) state: &'o mut State,
}

impl Lines<'_> {
    pub(super) fn is_full(&self) -> bool {
        self.state.is_full()
    }

    fn part(&mut self, part: Part, text: fmt::Arguments<'_>) -> fmt::Result {
        let [before, after] = (self.state.marks)(part);
        write!(self.out, "{before}{text}{after}")
    }

    fn note(&mut self, text: fmt::Arguments<'_>) -> fmt::Result {
        self.out.write_str("          ")?;
        self.part(Part::Note, text)?;
        self.out.write_str("\n")
    }

    /// True when there may be another line; says so once when there may not.
    fn is_open(&mut self) -> Result<bool, fmt::Error> {
        if self.state.left == 0 {
            return Ok(false);
        }
        self.state.left -= 1;
        if self.state.left == 0 {
            self.note(format_args!("… (the limit of lines is reached)"))?;
            return Ok(false);
        }
        Ok(true)
    }

    /// A line about bytes: what they are in what encloses them, and by themselves.
    pub(super) fn line(
        &mut self,
        span: &Span,
        indent: usize,
        label: &str,
        part: Part,
        meaning: fmt::Arguments<'_>,
    ) -> fmt::Result {
        if !self.is_open()? {
            return Ok(());
        }
        let bytes = span.shown();
        self.part(Part::Offset, format_args!("{:>8}", span.at.unwrap_or_default()))?;
        self.out.write_str("  ")?;
        if !bytes.is_empty() {
            self.part(Part::Bytes, format_args!("{}", Hex(bytes)))?;
        }
        let letter = match bytes.first() {
            Some(&byte) if byte.is_ascii_uppercase() => Some(char::from(byte)),
            Some(&byte) if self.state.small && byte.is_ascii_lowercase() => Some(char::from(byte)),
            _ => None,
        };
        let shown = (3 * bytes.len()).saturating_sub(1);
        write!(self.out, "{:gap$}", "", gap = 3 * BYTES + 1 - shown)?;
        match letter {
            Some(letter) => self.part(Part::Opcode, format_args!("{letter}"))?,
            None => self.out.write_str(" ")?,
        }
        // Deeper than any limit that makes sense the nesting is not shown.
        write!(self.out, "  {:indent$}", "", indent = indent.min(100) * 2)?;
        if !label.is_empty() {
            // Its space belongs to neither.
            let name = label.trim_start();
            self.out.write_str(&label[..label.len() - name.len()])?;
            let bare = name.trim_end();
            self.part(Part::Label, format_args!("{bare}"))?;
            self.out.write_str(&name[bare.len()..])?;
        }
        self.part(part, meaning)?;
        self.out.write_str("\n")?;
        if span.len > BYTES as u64 && self.is_open()? {
            let more = span.len - BYTES as u64;
            self.note(format_args!("+ {more} byte{}", if more == 1 { "" } else { "s" }))?;
        }
        Ok(())
    }

    /// Something is wrong: remembered if it is the first.
    /// What nobody is shown is not looked at.
    pub(super) fn failed(&mut self, start: u64, noticed: u64, what: &str) {
        if self.is_full() {
            return;
        }
        self.state.failure.get_or_insert_with(|| Failure {
            offset: noticed,
            message: what.strip_prefix("error: ").unwrap_or(what).to_owned(),
            start,
        });
    }

    /// A line about what is wrong with bytes, noticed at a place of the input. `what` begins with `error` or `cut off`.
    pub(super) fn failure(
        &mut self,
        span: &Span,
        indent: usize,
        label: &str,
        noticed: u64,
        what: &str,
    ) -> fmt::Result {
        let first = span.at.unwrap_or(noticed);
        self.failed(first, noticed, what);
        match what.strip_prefix("error: ") {
            Some(error) if noticed > first => {
                let text = format!("!!! error at byte {noticed}: {error}");
                self.line(span, indent, label, Part::Failure, format_args!("{text}"))
            }
            _ => self.line(span, indent, label, Part::Failure, format_args!("!!! {what}")),
        }
    }
}

struct Hex<'b>(&'b [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, byte) in self.0.iter().enumerate() {
            write!(f, "{}{byte:02x}", if index == 0 { "" } else { " " })?;
        }
        Ok(())
    }
}
