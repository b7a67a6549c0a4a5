//! Bearer tokens: what is kept of them, and how one that a client gives is compared with them.

use std::fmt::{self, Write as _};
use std::str::FromStr;
use std::sync::Arc;

use sha2::{Digest as _, Sha256};
use subtle::{Choice, ConstantTimeEq as _};

/// Fewest characters of a token: 16 of base64 are 96 bits, which nobody guesses however often they may try.
pub const MIN_TOKEN: usize = 16;

/// Most characters of a token. A longer one that a client gives is none, and is not hashed.
pub const MAX_TOKEN: usize = 512;

/// Most tokens in one list. Each is compared with what a client gives, whichever fits, so that the time tells nothing.
pub const MAX_TOKENS: usize = 256;

/// How the digest of a token is written, before 64 hexadecimal digits. No token has a colon.
const DIGEST: &str = "sha256:";

/// A token: whoever has it may do what it is for.
///
/// Only its SHA-256 digest is kept. So comparing takes the same time whatever is compared, of whatever length, and
/// neither the memory of the server nor its settings, where they have the digest, give the token away. (The digest
/// protects as well as the token cannot be guessed: make it at random, as `openssl rand -hex 32` does.)
#[derive(Clone, Copy)]
pub struct Token([u8; 32]);

/// The text is no token. It does not say the text, which may be most of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadToken {
    /// Its length.
    #[error(
        "a token has {MIN_TOKEN} to {MAX_TOKEN} characters, and this {0}; make one with: openssl rand -hex 32"
    )]
    Length(usize),
    /// Its alphabet, which is that of RFC 6750.
    #[error(
        "a token is letters, digits and '-', '.', '_', '~', '+', '/', with '=' at its end; \
         make one with: openssl rand -hex 32"
    )]
    Alphabet,
    /// It begins as a digest does.
    #[error("a digest is {DIGEST} and 64 hexadecimal digits, as `sha256sum` prints them")]
    Digest,
}

impl Token {
    /// The token that is `secret`, 16 to 512 characters of RFC 6750. Hashes it; keeps no copy.
    ///
    /// # Errors
    ///
    /// [`BadToken`]: it is too short or too long, or has other characters.
    pub fn new(secret: &str) -> Result<Self, BadToken> {
        let body = secret.trim_end_matches('=');
        let is_sign = |b: u8| b.is_ascii_alphanumeric() || b"-._~+/".contains(&b);
        if body.is_empty() || !body.bytes().all(is_sign) {
            return Err(BadToken::Alphabet);
        }
        match (MIN_TOKEN..=MAX_TOKEN).contains(&secret.len()) {
            true => Ok(Self::hashed(secret.as_bytes())),
            false => Err(BadToken::Length(secret.len())),
        }
    }

    /// What a client gives, whether or not it could be a token.
    pub(crate) fn given(secret: &[u8]) -> Option<Self> {
        (secret.len() <= MAX_TOKEN).then(|| Self::hashed(secret))
    }

    fn hashed(secret: &[u8]) -> Self {
        Self(Sha256::digest(secret).into())
    }

    /// The digest, to tell one token from another. Tables with it say nothing of the token.
    pub(crate) const fn digest(&self) -> &[u8; 32] {
        &self.0
    }

    fn of_digest(digits: &str) -> Option<Self> {
        let digits = digits.as_bytes();
        let mut digest = [0; 32];
        if digits.len() != 2 * digest.len() {
            return None;
        }
        for (byte, pair) in digest.iter_mut().zip(digits.chunks_exact(2)) {
            let [high, low] = [pair[0], pair[1]].map(|digit| char::from(digit).to_digit(16));
            *byte = u8::try_from(high? << 4 | low?).ok()?;
        }
        Some(Self(digest))
    }
}

impl FromStr for Token {
    type Err = BadToken;

    /// Reads a token, or its digest as [`Display`](fmt::Display) writes it.
    fn from_str(text: &str) -> Result<Self, BadToken> {
        match text.strip_prefix(DIGEST) {
            Some(digits) => Self::of_digest(digits).ok_or(BadToken::Digest),
            None => Self::new(text),
        }
    }
}

impl fmt::Display for Token {
    /// The digest, `sha256:` and 64 digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(DIGEST)?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token")?;
        f.write_char('(')?;
        fmt::Display::fmt(self, f)?;
        f.write_char(')')
    }
}

/// Tokens of which any one will do: two, while one takes the place of the other. None: nothing is asked for.
#[derive(Clone, Debug, Default)]
pub struct Tokens(Arc<[Token]>);

/// There are more than [`MAX_TOKENS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a list has {MAX_TOKENS} tokens at most, and this {0}")]
pub struct TooManyTokens(usize);

impl Tokens {
    /// These, at most [`MAX_TOKENS`].
    ///
    /// # Errors
    ///
    /// [`TooManyTokens`].
    pub fn new(tokens: impl IntoIterator<Item = Token>) -> Result<Self, TooManyTokens> {
        let tokens: Arc<[Token]> = tokens.into_iter().collect();
        if tokens.len() > MAX_TOKENS { Err(TooManyTokens(tokens.len())) } else { Ok(Self(tokens)) }
    }

    /// Whether nothing is asked for.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether `given` is one of them. Compares with each, in constant time.
    pub(crate) fn hold(&self, given: &Token) -> bool {
        let any = |found: Choice, token: &Token| found | token.0.ct_eq(&given.0);
        self.0.iter().fold(Choice::from(0), any).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_and_its_digest_are_the_same_and_the_token_is_not_kept() {
        let token = Token::new("abcdefghijklmnop").unwrap();
        // As `printf abcdefghijklmnop | sha256sum` prints it.
        let digest = "sha256:f39dac6cbaba535e2c207cd0cd8f154974223c848f727f98b3564cea569b41cf";
        assert_eq!(token.to_string(), digest);
        assert_eq!(digest.parse::<Token>().unwrap().digest(), token.digest());
        assert_eq!(digest.to_ascii_uppercase().replace("SHA", "sha").parse::<Token>().unwrap().0, token.0);
        let tokens = Tokens::new([token]).unwrap();
        assert!(!format!("{tokens:?}").contains("abcdefgh"));
    }

    #[test]
    fn what_is_no_token_is_refused_without_being_told() {
        let long = "x".repeat(MAX_TOKEN + 1);
        for (text, expected) in [
            ("", BadToken::Alphabet),
            ("short", BadToken::Length(5)),
            (long.as_str(), BadToken::Length(MAX_TOKEN + 1)),
            ("with a space inside", BadToken::Alphabet),
            ("comma,separated,list", BadToken::Alphabet),
            ("equals=in=the=middle", BadToken::Alphabet),
            ("================", BadToken::Alphabet),
            ("non-ascii-ÄÖÜ-token", BadToken::Alphabet),
            ("line\nbreak-in-a-token", BadToken::Alphabet),
            ("sha256:", BadToken::Digest),
            ("sha256:00", BadToken::Digest),
            ("sha256:zz", BadToken::Digest),
        ] {
            let problem = text.parse::<Token>().unwrap_err();
            assert_eq!(problem, expected, "{text:?}");
            assert!(problem == BadToken::Digest || text.is_empty() || !problem.to_string().contains(text));
        }
        assert!(format!("sha256:{}", "+1".repeat(32)).parse::<Token>().is_err(), "no signs");
        assert!("A-z.0_9~+/abcdef==".parse::<Token>().is_ok());
        assert!("x".repeat(MAX_TOKEN).parse::<Token>().is_ok());
    }

    #[test]
    fn any_of_several_will_do_and_nothing_that_is_nearly_one() {
        let list = ["first-token-of-two", "second-token-of-two"];
        let tokens = Tokens::new(list.map(|text| Token::new(text).unwrap())).unwrap();
        let holds = |text: &str| Token::given(text.as_bytes()).is_some_and(|given| tokens.hold(&given));
        assert!(list.iter().all(|text| holds(text)));
        for wrong in ["", "first-token-of-tw", "first-token-of-two ", "First-token-of-two", "x"] {
            assert!(!holds(wrong), "{wrong:?}");
        }
        // The digest is no token.
        assert!(!holds(&Token::new(list[0]).unwrap().to_string()));
        assert!(Token::given(&[b'x'; MAX_TOKEN + 1]).is_none());
        assert!(!Tokens::default().hold(&Token::new(list[0]).unwrap()));
    }

    #[test]
    fn a_list_is_bounded() {
        let token = Token::new("abcdefghijklmnop").unwrap();
        assert!(Tokens::new([token; MAX_TOKENS]).is_ok());
        assert_eq!(Tokens::new([token; MAX_TOKENS + 1]).unwrap_err(), TooManyTokens(MAX_TOKENS + 1));
    }
}
