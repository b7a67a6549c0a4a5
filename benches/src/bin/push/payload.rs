//! What is published, and how the client finds it again in any framing.
//!
//! A message is a text that begins with a mark: `@`, its number, the time at which it was due. Every transport
//! carries ASCII text as it is, so the client looks for marks and needs no decoder per transport: what it
//! measures is the server.

use rustix::time::{ClockId, clock_gettime};

/// `@`, ten digits, `:`, twenty digits, `:`.
pub(crate) const MARK: usize = 33;

/// Nanoseconds of the clock that all processes of this machine share.
pub(crate) fn now() -> u64 {
    let time = clock_gettime(ClockId::Monotonic);
    u64::try_from(time.tv_sec).unwrap_or(0) * 1_000_000_000 + u64::try_from(time.tv_nsec).unwrap_or(0)
}

/// The message `number`, due at `due`, in `bytes` bytes, [`MARK`] at least.
pub(crate) fn text(number: u64, due: u64, bytes: usize) -> String {
    let mut text = format!("@{number:010}:{due:020}:");
    text.extend(std::iter::repeat_n('x', bytes.saturating_sub(MARK)));
    text
}

/// The beginning of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) number: u64,
    pub(crate) due: u64,
}

impl Mark {
    fn parse(bytes: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes).ok()?;
        let (number, due) = text.strip_prefix('@')?.strip_suffix(':')?.split_once(':')?;
        Some(Self { number: number.parse().ok()?, due: due.parse().ok()? })
    }
}

/// Finds marks in bytes that come in pieces.
#[derive(Debug)]
pub(crate) struct Scanner {
    /// The beginning of a mark that a piece ended in.
    held: [u8; MARK],
    len: usize,
}

impl Scanner {
    pub(crate) const fn new() -> Self {
        Self { held: [0; MARK], len: 0 }
    }

    /// Calls `each` for every mark that ends in this piece.
    pub(crate) fn feed(&mut self, mut bytes: &[u8], mut each: impl FnMut(Mark)) {
        while self.len > 0 && !bytes.is_empty() {
            let taken = (MARK - self.len).min(bytes.len());
            self.held[self.len..self.len + taken].copy_from_slice(&bytes[..taken]);
            self.len += taken;
            bytes = &bytes[taken..];
            if self.len == MARK {
                match Mark::parse(&self.held) {
                    Some(mark) => {
                        self.len = 0;
                        each(mark);
                    }
                    // The length of a message can look like the beginning of a mark.
                    None => self.forget_one(),
                }
            }
        }
        while let Some(at) = memchr::memchr(b'@', bytes) {
            bytes = &bytes[at..];
            let Some(mark) = bytes.get(..MARK) else {
                self.held[..bytes.len()].copy_from_slice(bytes);
                self.len = bytes.len();
                return;
            };
            let used = match Mark::parse(mark) {
                Some(mark) => {
                    each(mark);
                    MARK
                }
                None => 1,
            };
            bytes = &bytes[used..];
        }
    }

    /// What is held begins no mark; something later in it may.
    fn forget_one(&mut self) {
        let held = &self.held[1..self.len];
        let at = memchr::memchr(b'@', held).map_or(self.len, |at| at + 1);
        self.held.copy_within(at..self.len, 0);
        self.len -= at;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_found_wherever_the_pieces_end() {
        // The length of 64 letters is an at sign.
        let stream = format!("@head0@{}\r\n@@{}tail", text(7, 99, 64), text(8, u64::MAX, MARK));
        for piece in 1..stream.len() {
            let mut scanner = Scanner::new();
            let mut found = Vec::new();
            for bytes in stream.as_bytes().chunks(piece) {
                scanner.feed(bytes, |mark| found.push(mark));
            }
            assert_eq!(found, [Mark { number: 7, due: 99 }, Mark { number: 8, due: u64::MAX }], "{piece}");
        }
    }

    #[test]
    fn a_message_has_the_length_that_was_asked_for() {
        assert_eq!(text(1, 2, 64).len(), 64);
        assert_eq!(text(1, 2, 0).len(), MARK);
    }
}
