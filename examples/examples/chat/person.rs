//! Who somebody is: a name for all to see, and a key that nobody else knows.

use push_server::ClientId;

/// Longest name, in letters.
pub(crate) const NAME: usize = 20;
/// What is said to whoever has none.
pub(crate) const NO_NAME: &str = "A name is 1 to 20 letters, digits, “-” and “_”.";
/// Shortest key. The page makes it up, at random.
const KEY: usize = 16;

/// The name in a client id `ann~0123456789abcdef`. The server believes whoever says a client id, so all of it stays between
/// the two: others see the name alone, and write to that.
pub(crate) fn name_of(id: &ClientId) -> Option<&str> {
    let (name, key) = id.as_str().split_once('~')?;
    (is_name(name) && key.len() >= KEY).then_some(name)
}

/// 1 to [`NAME`] letters of A to Z, digits, `-` and `_`: of other alphabets some look like these. (A small l looks like a
/// capital I in some fonts even so.)
pub(crate) fn is_name(name: &str) -> bool {
    (1..=NAME).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}
