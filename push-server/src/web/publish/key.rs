//! The field `Idempotency-Key`.

use std::borrow::Cow;

use http::{HeaderMap, StatusCode};

use crate::Limits;
use crate::guard::Reason;
use crate::hub::{MAX_IDEMPOTENCY_KEY, Unpublished};
use crate::web::params::{Refusal, refuse, refuse_for_now};

const FIELD: &str = "idempotency-key";

/// The key of a request, if it has one: plain, or a quoted string (RFC 9651, section 3.3.3), which are the same key.
pub(super) fn of(headers: &HeaderMap) -> Result<Option<String>, Refusal> {
    let mut fields = headers.get_all(FIELD).iter();
    let Some(field) = fields.next() else { return Ok(None) };
    let key = match fields.next() {
        None => field.to_str().ok().and_then(|text| read(text.trim())),
        Some(_) => None,
    };
    let key = key.filter(|key| is_key(key)).ok_or_else(|| {
        let what = format!(
            "An Idempotency-Key is 1 to {MAX_IDEMPOTENCY_KEY} visible ASCII characters, or a quoted string of them; \
             there is one at most."
        );
        refuse(StatusCode::BAD_REQUEST, &what)
    })?;
    Ok(Some(key.into_owned()))
}

/// Whether a key can be one, however it came.
pub(in crate::web) fn is_key(key: &str) -> bool {
    (1..=MAX_IDEMPOTENCY_KEY).contains(&key.len()) && key.bytes().all(|b| b.is_ascii_graphic())
}

/// Without its quotes, if it has some.
fn read(text: &str) -> Option<Cow<'_, str>> {
    let Some(quoted) = text.strip_prefix('"') else {
        return (!text.contains('"')).then_some(Cow::Borrowed(text));
    };
    let mut key = String::with_capacity(quoted.len());
    let mut letters = quoted.chars();
    while let Some(letter) = letters.next() {
        match letter {
            // Parameters behind it have no meaning, and are none of a key.
            '"' => return letters.as_str().is_empty().then_some(Cow::Owned(key)),
            '\\' => key.push(letters.next().filter(|letter| matches!(letter, '"' | '\\'))?),
            letter => key.push(letter),
        }
    }
    None
}

/// Why a request has published nothing. What was refused is told as it is.
pub(super) fn refused(why: Unpublished<Refusal>, limits: &Limits) -> Refusal {
    match why {
        Unpublished::Refused(refusal) => refusal,
        Unpublished::Other => refuse(StatusCode::UNPROCESSABLE_ENTITY, &format!("{OTHER}.")),
        Unpublished::UnderWay => refuse_for_now(Reason::KeyUnderWay, 1, &format!("{UNDER_WAY}.")),
        Unpublished::Full => {
            let (keys, bytes) = (limits.idempotency_keys, limits.idempotency_bytes);
            let what = format!("{FULL}: idempotency_keys = {keys}, idempotency_bytes = {bytes}.");
            refuse_for_now(Reason::Keys, 1, &what)
        }
    }
}

pub(in crate::web) const OTHER: &str =
    "this idempotency key was used on this stream for something else; nothing was published";
pub(in crate::web) const UNDER_WAY: &str = "a request with this idempotency key is still under way";
pub(in crate::web) const FULL: &str = "as many idempotency keys as can be are under way";

#[cfg(test)]
mod tests {
    use super::*;

    fn key(fields: &[&str]) -> Option<Option<String>> {
        let mut headers = HeaderMap::new();
        for field in fields {
            headers.append(FIELD, field.parse().unwrap());
        }
        of(&headers).ok()
    }

    #[test]
    fn a_key_is_plain_or_quoted() {
        let is = |text: &str| Some(Some(text.to_owned()));
        assert_eq!(key(&[]), Some(None));
        let longest = "x".repeat(MAX_IDEMPOTENCY_KEY);
        for (field, expected) in [
            ("8e03978e-40d5-43dd-bc93-6894a57f9324", "8e03978e-40d5-43dd-bc93-6894a57f9324"),
            (" \"abc\" ", "abc"),
            ("abc", "abc"),
            (r#""a\"\\b""#, r#"a"\b"#),
            (&*longest, &*longest),
        ] {
            assert_eq!(key(&[field]), is(expected), "{field}");
        }
    }

    #[test]
    fn what_is_no_key_is_refused() {
        let long = "x".repeat(MAX_IDEMPOTENCY_KEY + 1);
        for field in [
            "",
            "\"\"",
            "a b",
            "\"a b\"",
            "\"a",
            "a\"",
            r#""a\b""#,
            r#""a\"#,
            "\"a\";x=1",
            "\"a\"b",
            &long,
            "\"",
            "\t",
        ] {
            assert_eq!(key(&[field]), None, "{field}");
        }
        assert_eq!(key(&["a", "a"]), None);
        let mut headers = HeaderMap::new();
        headers.append(FIELD, http::HeaderValue::from_bytes(b"\xe4").unwrap());
        assert!(of(&headers).is_err());
    }
}
