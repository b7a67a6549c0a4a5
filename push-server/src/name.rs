//! Names of streams, checked once where they come in.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// Longest name of a stream, in bytes.
pub const MAX_STREAM_NAME: usize = 64;

/// The name of a stream: 1 to [`MAX_STREAM_NAME`] letters, digits, `-`, `_` and `.`, not starting with `.`.
///
/// Such a name needs no escaping in a URL path, a log line or a page. Cloning costs a reference count.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StreamName(Arc<str>);

/// The text is no name of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a stream name is 1 to {MAX_STREAM_NAME} letters, digits, '-', '_' and '.', not starting with '.'")]
pub struct BadStreamName;

impl StreamName {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether `text` is 1 to `max` ASCII letters, digits and `signs`, and does not start with `.`.
pub(crate) fn is_name(text: &str, max: usize, signs: &[u8]) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || signs.contains(&b);
    (1..=max).contains(&text.len()) && !text.starts_with('.') && text.bytes().all(allowed)
}

impl FromStr for StreamName {
    type Err = BadStreamName;

    /// Checks the name; copies it once.
    fn from_str(text: &str) -> Result<Self, BadStreamName> {
        is_name(text, MAX_STREAM_NAME, b"-_.").then(|| Self(text.into())).ok_or(BadStreamName)
    }
}

impl fmt::Display for StreamName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_alphabet_and_the_length_are_bounds() {
        let longest = "x".repeat(MAX_STREAM_NAME);
        for good in ["comet", "a", "A-b_c.9", longest.as_str()] {
            assert_eq!(good.parse::<StreamName>().map(|n| n.to_string()), Ok(good.to_owned()));
        }
        let too_long = "x".repeat(MAX_STREAM_NAME + 1);
        for bad in ["", ".", "..", ".a", "a/b", "a b", "ä", "a\n", "<script>", "a%20", too_long.as_str()] {
            assert_eq!(bad.parse::<StreamName>(), Err(BadStreamName), "{bad:?}");
        }
    }
}
