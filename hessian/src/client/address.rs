//! Addresses of services, with the user and password that may stand in them.

use super::error::{Error, Result};
use http::{HeaderValue, Uri};
use std::fmt;

/// Bytes of an address at most.
pub(super) const MAX_ADDRESS: usize = 8 << 10;

/// Where a service is. Shown without its password and its query.
#[derive(Clone)]
pub(super) struct Address {
    /// Without user and password.
    pub(super) uri: Uri,
    /// What a user and password in the address make of the header `Authorization`.
    pub(super) authorization: Option<HeaderValue>,
}

impl Address {
    /// Reads `http://user:password@host:port/path?query`. User and password may be percent-encoded.
    pub(super) fn parse(text: &str) -> Result<Self> {
        let fail = |wrong| Err(Error::Address(without_password(text), wrong));
        if text.len() > MAX_ADDRESS {
            return Err(Error::Address("…".into(), "longer than MAX_ADDRESS, 8 KiB"));
        }
        if !text.is_ascii() {
            return fail("other than ASCII is to be percent-encoded");
        }
        let Ok(uri) = text.parse::<Uri>() else { return fail("http://host:port/path was expected") };
        let mut parts = uri.into_parts();
        match parts.scheme.as_ref().map(|scheme| scheme.as_str()) {
            Some("http" | "https") => {}
            Some(_) => return fail("its scheme is neither http nor https"),
            None => return fail("it has no scheme: http:// or https://"),
        }
        let Some(authority) = parts.authority.take() else { return fail("it names no host") };
        let (user, host) = match authority.as_str().rsplit_once('@') {
            Some((user, host)) => (Some(user), host),
            None => (None, authority.as_str()),
        };
        let authorization = match user {
            Some(user) => {
                let (user, password) = user.split_once(':').unwrap_or((user, ""));
                match (percent_decoded(user), percent_decoded(password)) {
                    (Some(user), Some(password)) => Some(basic(&user, &password)?),
                    _ => return fail("its user or password is not percent-encoded as it should be"),
                }
            }
            None => None,
        };
        let Ok(authority) = host.parse::<http::uri::Authority>() else { return fail("it names no host") };
        if authority.host().is_empty() {
            return fail("it names no host");
        }
        if authority.as_str().len() > authority.host().len() && authority.port_u16().is_none() {
            return fail("its port is no number up to 65535");
        }
        parts.authority = Some(authority);
        match Uri::from_parts(parts) {
            Ok(uri) => Ok(Self { uri, authorization }),
            Err(_) => fail("http://host:port/path was expected"),
        }
    }
}

/// For logs: without its query, which may hold what is nobody's business.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, authority) = (self.uri.scheme_str(), self.uri.authority());
        write!(f, "{}://", scheme.unwrap_or_default())?;
        authority.map_or(Ok(()), |authority| authority.fmt(f))?;
        f.write_str(self.uri.path())
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// `Authorization: Basic …`, as Java's clients send it; marked as not to be shown.
pub(super) fn basic(user: &str, password: &str) -> Result<HeaderValue> {
    use base64::Engine;

    if user.contains(':') {
        let wrong = "a user with a colon, which would begin the password".into();
        return Err(Error::Setting { name: "basic_auth", wrong });
    }
    let token = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
    secret("basic_auth", format!("Basic {token}"))
}

/// The value of a header that is not to be shown.
pub(super) fn secret(name: &'static str, text: String) -> Result<HeaderValue> {
    match HeaderValue::try_from(text) {
        Ok(mut value) => {
            value.set_sensitive(true);
            Ok(value)
        }
        Err(_) => Err(Error::Setting { name, wrong: "it has bytes that no header may have".into() }),
    }
}

/// For messages: who stands before the host is left out, whatever else is wrong.
pub(super) fn without_password(text: &str) -> String {
    let start = text.find("://").map_or(0, |at| at + 3);
    let end = text[start..].find(['/', '?', '#']).map_or(text.len(), |at| start + at);
    // A password may have a slash that should have been encoded.
    let at = text[start..end].rfind('@').map(|at| start + at).or_else(|| text.rfind('@'));
    match at {
        Some(at) if at >= start => format!("{}…{}", &text[..start], &text[at..]),
        _ => text.to_owned(),
    }
}

fn percent_decoded(text: &str) -> Option<String> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'%' => {
                let high = char::from(bytes.next()?).to_digit(16)?;
                let low = char::from(bytes.next()?).to_digit(16)?;
                u8::try_from(high * 16 + low).ok()?
            }
            byte => byte,
        });
    }
    String::from_utf8(decoded).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn authorization(address: &str) -> String {
        let value = Address::parse(address).unwrap().authorization.unwrap();
        assert!(value.is_sensitive());
        value.to_str().unwrap().to_owned()
    }

    #[test]
    fn user_and_password_become_a_header_and_are_not_shown() {
        // RFC 7617's example.
        let address = "http://Aladdin:open%20sesame@h:8080/a?b=c";
        assert_eq!(authorization(address), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
        let parsed = Address::parse(address).unwrap();
        assert_eq!(parsed.uri, "http://h:8080/a?b=c");
        assert_eq!(parsed.to_string(), "http://h:8080/a");
        assert_eq!(format!("{parsed:?}"), "http://h:8080/a");
        assert_eq!(authorization("https://me@[::1]:1/"), "Basic bWU6");
        assert!(Address::parse("http://h").unwrap().authorization.is_none());
    }

    #[test]
    fn what_is_no_address_is_told_without_its_password() {
        for (address, shown) in [
            ("", ""),
            ("h:8080/a", "h:8080/a"),
            ("ftp://u:pw@h/a", "ftp://…@h/a"),
            ("http://u:p%w@h/a", "http://…@h/a"),
            ("http://u:p w@h/a", "http://…@h/a"),
            ("http://u:p/w@h/a", "http://…@h/a"),
            ("http://u:pw@/a", "http://…@/a"),
            ("http://h:99999/a", "http://h:99999/a"),
            ("http://h/ä", "http://h/ä"),
            ("http:///a", "http:///a"),
        ] {
            match Address::parse(address) {
                Err(Error::Address(told, wrong)) => {
                    assert_eq!(told, shown);
                    assert!(!wrong.is_empty());
                }
                other => panic!("{address}: {other:?}"),
            }
        }
        let long = format!("http://h/{}", "a".repeat(MAX_ADDRESS));
        assert!(Address::parse(&long).unwrap_err().to_string().contains("MAX_ADDRESS"));
    }
}
