//! Where in a stream a listener is.

use std::fmt;
use std::str::FromStr;

/// A place in a stream: after the message with this sequence, in this history. Printed and parsed as
/// `epoch:sequence`, hexadecimal and decimal, which is what `push-server` says in its header `push-position`.
///
/// Keep it where the program's own state is kept, and give it to [`Listen::since`](super::Listen::since) after a
/// restart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Position {
    /// Names one unbroken history. Sequences of two epochs cannot be compared.
    pub epoch: u64,
    /// Number of the last message before this place; 0 is the beginning.
    pub sequence: u64,
}

impl Position {
    /// The place after one more message.
    pub(super) const fn next(self) -> Self {
        Self { sequence: self.sequence.saturating_add(1), ..self }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}:{}", self.epoch, self.sequence)
    }
}

/// The text was no `epoch:sequence`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BadPosition;

impl fmt::Display for BadPosition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a position is epoch:sequence, hexadecimal and decimal, as in 19a4f3c2b10:42")
    }
}

impl std::error::Error for BadPosition {}

impl FromStr for Position {
    type Err = BadPosition;

    /// Accepts exactly what `Display` prints: digits and lower-case hexadecimal digits, no signs or blanks.
    fn from_str(text: &str) -> Result<Self, BadPosition> {
        let (epoch, sequence) = text.split_once(':').ok_or(BadPosition)?;
        let hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if !epoch.bytes().all(hex) || !sequence.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(BadPosition);
        }
        Ok(Self {
            epoch: u64::from_str_radix(epoch, 16).map_err(|_| BadPosition)?,
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
            let position = Position { epoch, sequence };
            assert_eq!(position.to_string().parse(), Ok(position));
        }
        assert_eq!(Position { epoch: 255, sequence: 7 }.to_string(), "ff:7");
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
