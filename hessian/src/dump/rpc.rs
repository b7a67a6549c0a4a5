//! Calls, replies and envelopes.

use super::Dump;
use super::lines::{Lines, Part, Span};
use super::walk::{Fed, Walk};
use super::words::quote;
use crate::grammar::{Final, Grammar, One};
use std::fmt;
use std::ops::Range;

pub(super) fn message<G: Grammar>(dump: &Dump<G>, bytes: &[u8], lines: &mut Lines<'_>) -> fmt::Result {
    let at = match *bytes {
        [b'H', major, minor, ..] => {
            part(lines, bytes, 0..3, format_args!("Hessian {major}.{minor}"))?;
            Message { walk: Walk::<Final>::new(dump), lines, bytes }.two(3)?
        }
        [b'E', ..] => Message { walk: Walk::<Final>::new(dump), lines, bytes }.two(0)?,
        [opcode @ (b'c' | b'r'), major, minor, ..] => {
            lines.state.small = true;
            let what = if opcode == b'c' { "call" } else { "reply" };
            part(lines, bytes, 0..3, format_args!("{what} of Hessian 1, version {major}.{minor}"))?;
            Message { walk: Walk::<One>::new(dump), lines, bytes }.one(3, opcode == b'c')?
        }
        [b'H' | b'c' | b'r', ..] | [] => {
            let why = "cut off: a message begins with an opcode and two bytes of a version";
            lines.failure(&Span::of(0, bytes), 0, "", bytes.len() as u64, why)?;
            None
        }
        _ => {
            let why = "error: a message begins with H or E (Hessian 2), c or r (Hessian 1)";
            lines.failure(&Span::of(0, bytes), 0, "", 0, why)?;
            None
        }
    };
    match at {
        Some(at) if at < bytes.len() => {
            let rest = bytes.len() - at;
            let why = format!("error: {rest} bytes follow the message");
            lines.failure(&Span::of(at as u64, &bytes[at..]), 0, "", at as u64, &why)
        }
        _ => Ok(()),
    }
}

struct Message<'m, 'o, G> {
    walk: Walk<G>,
    lines: &'m mut Lines<'o>,
    bytes: &'m [u8],
}

/// Where the message goes on; `None` after a failure.
type Next = Result<Option<usize>, fmt::Error>;

/// A line about a part of the message that is no value.
fn part(
    lines: &mut Lines<'_>,
    bytes: &[u8],
    range: Range<usize>,
    meaning: fmt::Arguments<'_>,
) -> fmt::Result {
    lines.line(&Span::of(range.start as u64, &bytes[range]), 0, "", Part::Frame, meaning)
}

impl<G: Grammar> Message<'_, '_, G> {
    fn line(&mut self, at: usize, len: usize, meaning: fmt::Arguments<'_>) -> fmt::Result {
        part(self.lines, self.bytes, at..at + len, meaning)
    }

    fn cut_off(&mut self, at: usize) -> Next {
        let span = Span::of(at as u64, self.bytes.get(at..).unwrap_or_default());
        let end = self.bytes.len() as u64;
        self.lines.failure(&span, 0, "", end, "cut off: the message goes on")?;
        Ok(None)
    }

    fn unexpected(&mut self, at: usize, expected: &str) -> Next {
        let span = Span::of(at as u64, &self.bytes[at..]);
        self.lines.failure(&span, 0, "", at as u64, &format!("error: {expected} was expected"))?;
        Ok(None)
    }

    /// One value.
    fn value(&mut self, at: usize, label: &str) -> Next {
        self.walk.begin(label);
        match self.walk.feed(self.lines, self.bytes.get(at..).unwrap_or_default(), at as u64)? {
            Fed::Done(used) => Ok(Some(at + used)),
            Fed::More => {
                self.walk.cut_off(self.lines, self.bytes.len() as u64)?;
                Ok(None)
            }
            Fed::Failed => Ok(None),
        }
    }

    /// So many values.
    fn values(&mut self, mut at: usize, count: i32, label: &str) -> Next {
        for index in 0..count {
            if at >= self.bytes.len() {
                return self.cut_off(at);
            }
            let label = format!("{label} {index}: ");
            let Some(end) = self.value(at, &label)? else { return Ok(None) };
            at = end;
        }
        Ok(Some(at))
    }

    /// A count and what it counts.
    fn counted(&mut self, at: usize, counts: &str, per: i32, label: &str) -> Next {
        let Some(end) = self.value(at, counts)? else { return Ok(None) };
        match self.walk.number {
            Some(count) => self.values(end, count.saturating_mul(per), label),
            None => self.unexpected(at, "an int"),
        }
    }

    /// After the version of Hessian 2.
    fn two(&mut self, at: usize) -> Next {
        let next = at + 1;
        match self.bytes.get(at) {
            None => self.cut_off(at),
            Some(b'C') => {
                self.line(at, 1, format_args!("call"))?;
                match self.value(next, "method: ")? {
                    Some(end) => self.counted(end, "arguments: ", 1, "argument"),
                    None => Ok(None),
                }
            }
            Some(b'R') => {
                self.line(at, 1, format_args!("reply"))?;
                self.values(next, 1, "result")
            }
            Some(b'F') => {
                self.line(at, 1, format_args!("fault"))?;
                self.values(next, 1, "fault")
            }
            Some(b'E') => self.envelope(at),
            Some(_) => self.unexpected(at, "C (call), R (reply), F (fault) or E (envelope)"),
        }
    }

    fn envelope(&mut self, at: usize) -> Next {
        self.line(at, 1, format_args!("envelope"))?;
        let Some(at) = self.value(at + 1, "method: ")? else { return Ok(None) };
        let Some(at) = self.counted(at, "headers: ", 2, "header")? else { return Ok(None) };
        let Some(at) = self.values(at, 1, "body")? else { return Ok(None) };
        let Some(at) = self.counted(at, "footers: ", 2, "footer")? else { return Ok(None) };
        self.end(at, "the end of the envelope")
    }

    fn end(&mut self, at: usize, what: &str) -> Next {
        match self.bytes.get(at) {
            Some(&byte) if byte == G::END => {
                self.line(at, 1, format_args!("{what}"))?;
                Ok(Some(at + 1))
            }
            Some(_) => self.unexpected(at, what),
            None => self.cut_off(at),
        }
    }

    /// After the version of Hessian 1.
    fn one(&mut self, mut at: usize, is_call: bool) -> Next {
        let mut arguments = 0;
        loop {
            if self.lines.is_full() {
                return Ok(None);
            }
            let (label, is_name) = match self.bytes.get(at) {
                None => return self.cut_off(at),
                Some(b'H') => ("header", true),
                Some(b'm') if is_call => ("method", true),
                Some(b'f') if !is_call => {
                    self.line(at, 1, format_args!("fault: keys and values"))?;
                    at += 1;
                    continue;
                }
                Some(b'z') => {
                    self.line(at, 1, format_args!("end"))?;
                    at += 1;
                    // Java ends a fault twice.
                    if self.bytes.get(at) == Some(&b'z') {
                        continue;
                    }
                    return Ok(Some(at));
                }
                Some(_) if is_call => ("argument", false),
                Some(_) => ("value", false),
            };
            if is_name {
                let Some(&[_, high, low]) = self.bytes[at..].first_chunk() else { return self.cut_off(at) };
                let len = usize::from(u16::from_be_bytes([high, low]));
                let Some(name) = self.bytes.get(at + 3..at + 3 + len) else { return self.cut_off(at) };
                let name = quote(&String::from_utf8_lossy(name), 60);
                self.line(at, 3 + len, format_args!("{label} {name}"))?;
                at += 3 + len;
            } else {
                let label = format!("{label} {arguments}: ");
                arguments += 1;
                let Some(end) = self.value(at, &label)? else { return Ok(None) };
                at = end;
            }
        }
    }
}
