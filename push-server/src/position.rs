//! Where in a stream a reader is: `epoch:sequence`.

use std::fmt;
use std::str::FromStr;
use std::time::{SystemTime, UNIX_EPOCH};

/// Names one unbroken history. Sequences of two epochs cannot be compared: a new epoch starts whenever
/// history was lost, which without a durable store is each start of the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Epoch(u64);

impl Epoch {
    /// An epoch of the caller's choice; two runs of a server must not share one.
    #[must_use]
    pub const fn new(id: u64) -> Self {
        Self(id)
    }

    /// The epoch of a process that starts now: milliseconds since 1970.
    #[must_use]
    pub fn now() -> Self {
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self(u64::try_from(since_1970.as_millis()).unwrap_or(u64::MAX))
    }

    /// One that begins now and is not this one, nor one before it.
    pub(crate) fn following(self) -> Self {
        Self(Self::now().0.max(self.0.saturating_add(1)))
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}", self.0)
    }
}

/// A place in a stream: after the message with this sequence. Messages count from 1, so sequence 0 is the
/// beginning. Printed and parsed as `epoch:sequence`, the epoch in hexadecimal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Position {
    /// The history that `sequence` counts in.
    pub epoch: Epoch,
    /// Number of the last message before this place.
    pub sequence: u64,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.epoch, self.sequence)
    }
}

/// The text was no `epoch:sequence`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a position is epoch:sequence, hexadecimal and decimal, as in 19a4f3c2b10:42")]
pub struct BadPosition;

impl FromStr for Position {
    type Err = BadPosition;

    /// Accepts exactly what `Display` prints: digits and lower-case hexadecimal digits, no signs or blanks.
    fn from_str(text: &str) -> Result<Self, BadPosition> {
        let (epoch, sequence) = text.split_once(':').ok_or(BadPosition)?;
        let hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        if !epoch.bytes().all(hex) || !sequence.bytes().all(|b| b.is_ascii_digit()) {
            return Err(BadPosition);
        }
        Ok(Self {
            epoch: Epoch(u64::from_str_radix(epoch, 16).map_err(|_| BadPosition)?),
            sequence: sequence.parse().map_err(|_| BadPosition)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_and_parses_the_same_text() {
        for (epoch, sequence) in [(0, 0), (1, 1), (0x19a_4f3c_2b10, 42), (u64::MAX, u64::MAX)] {
            let position = Position { epoch: Epoch::new(epoch), sequence };
            assert_eq!(position.to_string().parse(), Ok(position));
        }
        assert_eq!(Position { epoch: Epoch::new(255), sequence: 7 }.to_string(), "ff:7");
    }

    #[test]
    fn anything_else_is_refused() {
        let too_big = format!("1:{}0", u64::MAX);
        for text in
            ["", ":", "1", "1:", ":1", "+1:1", "1:+1", "1:-1", "1: 1", "FF:1", "1:2:3", "x:1", &too_big]
        {
            assert_eq!(text.parse::<Position>(), Err(BadPosition), "{text:?}");
        }
    }
}
