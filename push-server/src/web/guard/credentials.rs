//! The token of a request: where it may stand, and what is wrong with it.

use axum::extract::Query;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::request::Parts;
use http::{HeaderMap, header};
use serde::Deserialize;

use crate::guard::{MAX_TOKEN, Token};

/// The token of a request.
#[derive(Clone, Debug, Default)]
pub(super) struct Credentials {
    /// Only its digest.
    pub(super) token: Option<Token>,
    /// It stands in the address.
    pub(super) is_in_query: bool,
}

/// Not to be printed: it has the token itself.
#[derive(Deserialize)]
struct InQuery {
    token: Option<String>,
}

impl Credentials {
    /// Reads it.
    ///
    /// # Errors
    ///
    /// What is wrong with it, for the client. It does not say the token.
    pub(super) fn read(parts: &Parts) -> Result<Self, &'static str> {
        let by_field = by_field(&parts.headers)?;
        let Query(InQuery { token }) =
            Query::try_from_uri(&parts.uri).map_err(|_| "The token stands in the query once, in UTF-8.")?;
        if by_field.is_some() && token.is_some() {
            return Err("A token is given in the field Authorization or in the query, not in both.");
        }
        let is_in_query = token.is_some();
        let secret = by_field.or_else(|| token.map(String::into_bytes));
        let token = secret.map(|secret| Token::given(&secret).ok_or(TOO_LONG)).transpose()?;
        Ok(Self { token, is_in_query })
    }
}

const TOO_LONG: &str = "A token has 512 characters at most.";
const _: () = assert!(MAX_TOKEN == 512, "what is told is right");

/// The token in `Authorization`: after `Bearer`, or the password of `Basic`. Other schemes are somebody else's.
fn by_field(headers: &HeaderMap) -> Result<Option<Vec<u8>>, &'static str> {
    let mut fields = headers.get_all(header::AUTHORIZATION).iter();
    let (field, None) = (fields.next(), fields.next()) else {
        return Err("There is one field Authorization at most.");
    };
    let Some(field) = field else { return Ok(None) };
    let field = field.as_bytes().trim_ascii();
    let end = field.iter().position(|b| *b == b' ').unwrap_or(field.len());
    let (scheme, rest) = field.split_at(end);
    let rest = rest.trim_ascii();
    if scheme.eq_ignore_ascii_case(b"bearer") {
        return Ok(Some(rest.to_vec()));
    }
    if scheme.eq_ignore_ascii_case(b"basic") {
        // Bounded by the head of a request.
        let pair = STANDARD.decode(rest).map_err(|_| "Basic is followed by name:password in base64.")?;
        let colon = pair.iter().position(|b| *b == b':');
        let colon = colon.ok_or("Basic is followed by name:password in base64.")?;
        return Ok(Some(pair[colon + 1..].to_vec()));
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderValue, Request};
    use proptest::prelude::*;

    fn read(uri: &str, fields: &[&[u8]]) -> Result<Option<String>, &'static str> {
        let mut request = Request::builder().uri(uri).body(()).unwrap();
        for field in fields {
            request.headers_mut().append(header::AUTHORIZATION, HeaderValue::from_bytes(field).unwrap());
        }
        let credentials = Credentials::read(&request.into_parts().0)?;
        Ok(credentials.token.map(|token| token.to_string()))
    }

    #[test]
    fn a_token_stands_in_one_place() {
        let right = Ok(Some(Token::new("abcdefghijklmnop").unwrap().to_string()));
        for (uri, fields) in [
            ("/", &[&b"Bearer abcdefghijklmnop"[..]][..]),
            ("/", &[b"bearer   abcdefghijklmnop "]),
            ("/", &[b"Basic OmFiY2RlZmdoaWprbG1ub3A="]),
            ("/", &[b"BASIC YW55Ym9keTphYmNkZWZnaGlqa2xtbm9w"]),
            ("/?a=1&token=abcdefghijklmnop", &[]),
            ("/?token=abcdefghijklm%6eop", &[b"Digest x"]),
        ] {
            assert_eq!(read(uri, fields), right, "{uri} {fields:?}");
        }
        for (uri, fields) in
            [("/", &[][..]), ("/?since=a:1", &[]), ("/", &[&b"Negotiate x"[..]]), ("/", &[b""])]
        {
            assert_eq!(read(uri, fields), Ok(None), "{uri} {fields:?}");
        }
        for (uri, fields, what) in [
            ("/", &[&b"Bearer a"[..], b"Bearer a"][..], "one field"),
            ("/?token=a", &[b"Bearer a"], "not in both"),
            ("/?token=a&token=a", &[], "once"),
            ("/", &[b"Basic ###"], "base64"),
            ("/", &[b"Basic YWJj"], "name:password"),
        ] {
            let problem = read(uri, fields).unwrap_err();
            assert!(problem.contains(what), "{uri} {fields:?}: {problem}");
        }
        let long = "x".repeat(MAX_TOKEN + 1);
        assert_eq!(read(&format!("/?token={long}"), &[]), Err(TOO_LONG));
        // What could be none of ours is compared like any other.
        assert!(matches!(read("/", &[b"Bearer \xff"]), Ok(Some(_))));
        assert!(matches!(read("/", &[b"Bearer"]), Ok(Some(_))));
    }

    proptest! {
        /// Whatever stands there: a token or a complaint, which has nothing of it.
        #[test]
        fn nothing_panics(field in proptest::collection::vec(0x20_u8..0x7f, 0..80), basic in any::<bool>()) {
            let field = if basic { [&b"Basic "[..], &field].concat() } else { field };
            let _ = read("/", &[&field]);
        }
    }
}
