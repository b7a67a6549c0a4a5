//! Where a SWF was loaded from: what entries of a policy are compared with.

use std::{fmt, net::Ipv4Addr, str::FromStr};

use super::domain::{self, DomainProblem};

/// The origin of a SWF: the host in the URL it was loaded from, and whether by HTTPS.
///
/// Reads `www.example.com`, `http://www.example.com:8080/app.swf`, `https://[::1]/app.swf` or, for local
/// content, `file:///C:/app.swf`. A bare host counts as loaded by HTTP. The port plays no part in sockets.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Origin {
    /// Without brackets; `None` for local content.
    host: Option<Box<str>>,
    https: bool,
}

impl Origin {
    /// A SWF that was not loaded over the network: only the entry `*` is for it.
    pub const LOCAL: Self = Self { host: None, https: false };

    /// The host, an IPv6 address without brackets; `None` for local content.
    #[must_use]
    pub fn host(&self) -> Option<&str> {
        self.host.as_deref()
    }

    /// Whether the SWF was loaded by HTTPS, which entries with `secure="true"` demand.
    #[must_use]
    pub const fn is_https(&self) -> bool {
        self.https
    }

    /// Whether the host is an IP address.
    #[must_use]
    pub fn is_ip(&self) -> bool {
        self.host().is_some_and(|h| h.parse::<Ipv4Addr>().is_ok() || domain::is_ipv6(h))
    }
}

impl FromStr for Origin {
    type Err = OriginError;

    fn from_str(text: &str) -> Result<Self, OriginError> {
        let (https, rest) = match text.split_once("://") {
            Some((scheme, _)) if scheme.eq_ignore_ascii_case("file") => return Ok(Self::LOCAL),
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => (false, rest),
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("https") => (true, rest),
            Some((scheme, _)) => return Err(OriginError::Scheme(scheme.into())),
            None => (false, text),
        };
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        // A bare `::1` is not a URL, but nothing else it could be.
        if domain::is_ipv6(authority) {
            return Ok(Self { host: Some(domain::unbracketed(authority).into()), https });
        }
        let host = match authority.rsplit_once(':') {
            Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => host,
            _ => authority,
        };
        if !domain::is_ipv6(host)
            && let Some(problem) = domain::check(host)
        {
            return Err(OriginError::Host(problem));
        }
        Ok(Self { host: Some(domain::unbracketed(host).into()), https })
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.https { "https" } else { "http" };
        match self.host() {
            None => f.write_str("local content"),
            Some(host) if host.contains(':') => write!(f, "{scheme}://[{host}]"),
            Some(host) => write!(f, "{scheme}://{host}"),
        }
    }
}

/// Text that names no origin.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OriginError {
    /// A URL by another scheme than `http`, `https` or `file`.
    Scheme(Box<str>),
    /// What stands for the host is none.
    Host(DomainProblem),
}

impl fmt::Display for OriginError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Scheme(scheme) => write!(f, "origin: scheme {scheme:?}; expected http, https or file"),
            Self::Host(problem) => write!(f, "origin: host {problem}"),
        }
    }
}

impl std::error::Error for OriginError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_and_hosts_are_read() {
        for (text, host, https, ip) in [
            ("www.example.com", Some("www.example.com"), false, false),
            ("http://www.example.com:8080/a.swf?x#y", Some("www.example.com"), false, false),
            ("HTTPS://www.example.com", Some("www.example.com"), true, false),
            ("https://10.0.0.1/", Some("10.0.0.1"), true, true),
            ("http://[::1]:80/a.swf", Some("::1"), false, true),
            ("::1", Some("::1"), false, true),
            ("localhost:80", Some("localhost"), false, false),
            ("file:///home/me/a.swf", None, false, false),
        ] {
            let origin: Origin = text.parse().unwrap();
            assert_eq!((origin.host(), origin.is_https(), origin.is_ip()), (host, https, ip), "{text:?}");
        }
        assert_eq!("http://[::1]/".parse::<Origin>().unwrap().to_string(), "http://[::1]");
    }

    #[test]
    fn what_is_no_origin_is_refused() {
        for (text, error) in [
            ("", OriginError::Host(DomainProblem::Empty)),
            ("https:///a.swf", OriginError::Host(DomainProblem::Empty)),
            ("*.example.com", OriginError::Host(DomainProblem::Wildcard)),
            ("http://user@example.com/", OriginError::Host(DomainProblem::Character('@'))),
            ("ftp://example.com/", OriginError::Scheme("ftp".into())),
        ] {
            assert_eq!(text.parse::<Origin>(), Err(error), "{text:?}");
        }
    }
}
