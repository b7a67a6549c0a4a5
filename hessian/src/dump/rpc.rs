//! Calls, replies and envelopes.

use super::walk::{Walk, bytes_line};
use super::{Dump, Lines};
use crate::grammar::{Final, Grammar, One};
use std::fmt;

pub(super) fn message<G: Grammar>(dump: &Dump<G>, bytes: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let mut lines = Lines::new::<G>(f, dump.max_lines);
    let at = match *bytes {
        [b'H', major, minor, ..] => {
            bytes_line(&mut lines, bytes, 0..3, 0, format_args!("Hessian {major}.{minor}"))?;
            let dump = dump.in_grammar::<Final>();
            Message { walk: Walk::new(&dump), lines: &mut lines, bytes }.two(3)?
        }
        [b'E', ..] => {
            let dump = dump.in_grammar::<Final>();
            Message { walk: Walk::new(&dump), lines: &mut lines, bytes }.two(0)?
        }
        [opcode @ (b'c' | b'r'), major, minor, ..] => {
            lines.small = true;
            let what = if opcode == b'c' { "call" } else { "reply" };
            bytes_line(
                &mut lines,
                bytes,
                0..3,
                0,
                format_args!("{what} of Hessian 1, version {major}.{minor}"),
            )?;
            let dump = dump.in_grammar::<One>();
            Message { walk: Walk::new(&dump), lines: &mut lines, bytes }.one(3, opcode == b'c')?
        }
        [b'H' | b'c' | b'r', ..] | [] => {
            let why = "!!! cut off: a message begins with an opcode and two bytes of a version";
            bytes_line(&mut lines, bytes, 0..bytes.len(), 0, format_args!("{why}"))?;
            None
        }
        _ => {
            let why = "!!! error: a message begins with H or E (Hessian 2), c or r (Hessian 1)";
            bytes_line(&mut lines, bytes, 0..bytes.len(), 0, format_args!("{why}"))?;
            None
        }
    };
    match at {
        Some(at) if at < bytes.len() => {
            let rest = bytes.len() - at;
            bytes_line(
                &mut lines,
                bytes,
                at..bytes.len(),
                0,
                format_args!("!!! {rest} bytes follow the message"),
            )
        }
        _ => Ok(()),
    }
}

struct Message<'m, 'd, 'o, 'f, G> {
    walk: Walk<'d, G>,
    lines: &'m mut Lines<'o, 'f>,
    bytes: &'m [u8],
}

/// Where the message goes on; `None` after a failure.
type Next = Result<Option<usize>, fmt::Error>;

impl<G: Grammar> Message<'_, '_, '_, '_, G> {
    fn line(&mut self, at: usize, len: usize, meaning: fmt::Arguments<'_>) -> fmt::Result {
        bytes_line(self.lines, self.bytes, at..at + len, 0, meaning)
    }

    fn cut_off(&mut self, at: usize) -> Next {
        let rest = self.bytes.len().saturating_sub(at);
        self.line(at, rest, format_args!("!!! cut off: the message goes on"))?;
        Ok(None)
    }

    fn unexpected(&mut self, at: usize, expected: &str) -> Next {
        let rest = self.bytes.len() - at;
        self.line(at, rest, format_args!("!!! error: {expected} was expected"))?;
        Ok(None)
    }

    /// So many values.
    fn values(&mut self, mut at: usize, count: i32, label: &str) -> Next {
        for index in 0..count {
            if self.lines.left == 0 {
                return Ok(None);
            }
            if at >= self.bytes.len() {
                return self.cut_off(at);
            }
            let label = format!("{label} {index}: ");
            match self.walk.value(self.lines, self.bytes, at, &label, &|offset| offset as u64)? {
                Some(end) => at = end,
                None => return Ok(None),
            }
        }
        Ok(Some(at))
    }

    /// A count and what it counts.
    fn counted(&mut self, at: usize, counts: &str, per: i32, label: &str) -> Next {
        match self.walk.part(self.lines, self.bytes, at, counts)? {
            Some((end, Some(count))) => self.values(end, count.saturating_mul(per), label),
            Some(_) => self.unexpected(at, "an int"),
            None => Ok(None),
        }
    }

    /// After the version of Hessian 2.
    fn two(&mut self, at: usize) -> Next {
        let next = at + 1;
        match self.bytes.get(at) {
            None => self.cut_off(at),
            Some(b'C') => {
                self.line(at, 1, format_args!("call"))?;
                match self.walk.part(self.lines, self.bytes, next, "method: ")? {
                    Some((end, _)) => self.counted(end, "arguments: ", 1, "argument"),
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
        let Some((at, _)) = self.walk.part(self.lines, self.bytes, at + 1, "method: ")? else {
            return Ok(None);
        };
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
            if self.lines.left == 0 {
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
                let name = super::quote(&String::from_utf8_lossy(name), 60);
                self.line(at, 3 + len, format_args!("{label} {name}"))?;
                at += 3 + len;
            } else {
                let label = format!("{label} {arguments}: ");
                arguments += 1;
                match self.walk.value(self.lines, self.bytes, at, &label, &|offset| offset as u64)? {
                    Some(end) => at = end,
                    None => return Ok(None),
                }
            }
        }
    }
}
