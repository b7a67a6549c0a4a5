//! Names of clients, checked once where they come in.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::name::is_name;

/// Longest name of a client, in bytes.
pub const MAX_CLIENT_ID: usize = 64;

/// The name of a client: 1 to [`MAX_CLIENT_ID`] letters, digits, `-`, `_`, `.`, `~`, `@` and `:`, not starting with
/// `.`. Fits UUIDs, user names and most mail addresses.
///
/// Such a name needs no escaping in a URL path or query, a log line or a page. It says who is meant, not who may:
/// whoever knows the name of a client can be it, unless the application checks. Cloning costs a reference count.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClientId(Arc<str>);

/// The text is no name of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a client id is 1 to {MAX_CLIENT_ID} letters, digits, '-', '_', '.', '~', '@' and ':', not starting with '.'"
)]
pub struct BadClientId;

impl ClientId {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ClientId {
    type Err = BadClientId;

    /// Checks the name; copies it once.
    fn from_str(text: &str) -> Result<Self, BadClientId> {
        is_name(text, MAX_CLIENT_ID, b"-_.~@:").then(|| Self(text.into())).ok_or(BadClientId)
    }
}

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_alphabet_and_the_length_are_bounds() {
        let longest = "x".repeat(MAX_CLIENT_ID);
        for good in ["7", "tab-3_a.b~c", "ann@example.org", "urn:uuid:0f3c", longest.as_str()] {
            assert_eq!(good.parse::<ClientId>().map(|id| id.to_string()), Ok(good.to_owned()));
        }
        let too_long = "x".repeat(MAX_CLIENT_ID + 1);
        for bad in ["", ".", "..", "a/b", "a b", "ä", "a\n", "<b>", "a%20", "a+b", "a\"", too_long.as_str()]
        {
            assert_eq!(bad.parse::<ClientId>(), Err(BadClientId), "{bad:?}");
        }
    }
}
