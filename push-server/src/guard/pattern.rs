//! Which streams a rule is for.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::name::{MAX_STREAM_NAME, is_name};

/// The name of a stream, or what the names of several begin with: `news`, `chat-*`, `*`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamPattern {
    text: Arc<str>,
    is_prefix: bool,
}

/// The text is neither.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a pattern is the name of a stream (1 to {MAX_STREAM_NAME} letters, digits, '-', '_' and '.', not starting with \
     '.'), or the beginning of one and then '*'"
)]
pub struct BadStreamPattern;

impl StreamPattern {
    /// Whether the stream of this name is meant. Names are compared letter by letter, as streams are.
    #[must_use]
    pub fn fits(&self, name: &str) -> bool {
        if self.is_prefix { name.starts_with(&*self.text) } else { *name == *self.text }
    }

    /// Whether every name that fits `other` fits this one, too.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        if other.is_prefix {
            self.is_prefix && other.text.starts_with(&*self.text)
        } else {
            self.fits(&other.text)
        }
    }
}

impl FromStr for StreamPattern {
    type Err = BadStreamPattern;

    fn from_str(text: &str) -> Result<Self, BadStreamPattern> {
        let (name, is_prefix) = text.strip_suffix('*').map_or((text, false), |prefix| (prefix, true));
        let is_right = (is_prefix && name.is_empty()) || is_name(name, MAX_STREAM_NAME, b"-_.");
        if is_right { Ok(Self { text: name.into(), is_prefix }) } else { Err(BadStreamPattern) }
    }
}

impl fmt::Display for StreamPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)?;
        f.write_str(if self.is_prefix { "*" } else { "" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> StreamPattern {
        text.parse().unwrap()
    }

    #[test]
    fn a_name_fits_itself_and_a_prefix_what_begins_with_it() {
        for (text, name, fits) in [
            ("news", "news", true),
            ("news", "news2", false),
            ("news", "News", false),
            ("news", "", false),
            ("chat-*", "chat-", true),
            ("chat-*", "chat-1", true),
            ("chat-*", "chat", false),
            ("*", "anything", true),
        ] {
            assert_eq!(pattern(text).fits(name), fits, "{text} {name}");
            assert_eq!(pattern(text).to_string(), text);
        }
        for bad in ["", "**", "a*b", "*a", ".a", ".*", "a b", "a/b*"] {
            assert_eq!(bad.parse::<StreamPattern>(), Err(BadStreamPattern), "{bad:?}");
        }
    }

    #[test]
    fn a_pattern_covers_what_leaves_another_nothing() {
        for (one, other, covers) in [
            ("*", "news", true),
            ("*", "a*", true),
            ("a*", "ab*", true),
            ("a*", "a*", true),
            ("ab*", "a*", false),
            ("ab", "ab*", false),
            ("news", "news", true),
            ("news", "new", false),
        ] {
            assert_eq!(pattern(one).covers(&pattern(other)), covers, "{one} {other}");
        }
    }
}
