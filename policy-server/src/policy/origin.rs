//! Where a SWF was loaded from: what entries of a policy are compared with.

use std::{fmt, net::Ipv4Addr, str::FromStr};

use super::domain::{self, DomainProblem};

/// The origin of a SWF: the host in the URL it was loaded from, and whether by HTTPS.
///
/// Reads `www.example.com`, `http://www.example.com:8080/app.swf`, `https://[::1]/app.swf` or, for local
/// content, `file:///C:/app.swf`. A bare host counts as loaded by HTTP. The port plays no part in sockets.
/// An IPv6 address is brought into the form that browsers write, as they do before a player sees it; other
/// hosts stay as they are, with what is doubtful in [`notes`](Self::notes).
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

    /// What makes it doubtful that players see the host as it is written here. Allocates nothing.
    pub fn notes(&self) -> impl Iterator<Item = OriginNote> + '_ {
        let host = self.host().unwrap_or_default();
        let notes = [
            (OriginNote::NotAscii, !host.is_ascii()),
            (OriginNote::TrailingDot, host.ends_with('.')),
            (OriginNote::NoAddress, domain::is_no_address(host)),
        ];
        notes.into_iter().filter_map(|(note, holds)| holds.then_some(note))
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
        // Its path may have one slash, two or three.
        if has_scheme(text, "file:") {
            return Ok(Self::LOCAL);
        }
        let (https, rest) = match text.split_once("://") {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => (false, rest),
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("https") => (true, rest),
            Some((scheme, _)) => return Err(OriginError::Scheme(scheme.into())),
            None if has_scheme(text, "http:") || has_scheme(text, "https:") => {
                return Err(OriginError::NoSlashes);
            }
            None => (false, text),
        };
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        // A bare `::1` is not a URL, but nothing else it could be.
        if let Some(address) = domain::as_browsers_write(authority) {
            return Ok(Self { host: Some(address.into()), https });
        }
        let host = match authority.rsplit_once(':') {
            Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => host,
            _ => authority,
        };
        if let Some(address) = domain::as_browsers_write(host) {
            return Ok(Self { host: Some(address.into()), https });
        }
        match domain::check(host) {
            Some(DomainProblem::Wildcard) => Err(OriginError::Pattern(host.into())),
            Some(problem) => Err(OriginError::Host(problem)),
            None => Ok(Self { host: Some(host.into()), https }),
        }
    }
}

/// Whether `text` begins with this scheme, and not with a host of that name and a port.
fn has_scheme(text: &str, scheme: &str) -> bool {
    text.split_at_checked(scheme.len()).is_some_and(|(before, rest)| {
        before.eq_ignore_ascii_case(scheme) && !rest.starts_with(|c: char| c.is_ascii_digit())
    })
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

/// What is doubtful about the host of an origin: entries are compared with it letter by letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OriginNote {
    /// Letters outside ASCII, which browsers write in the `xn--` form.
    NotAscii,
    /// A dot at the end.
    TrailingDot,
    /// Like an IPv4 address, and none. Browsers refuse it, or make it another.
    NoAddress,
}

impl OriginNote {
    /// Short name for scripts: lower case, `-` between words.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NotAscii => "not-ascii",
            Self::TrailingDot => "trailing-dot",
            Self::NoAddress => "no-address",
        }
    }
}

impl fmt::Display for OriginNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotAscii => {
                "the origin has letters outside ASCII: browsers give players its xn-- form, in small letters; ask for that"
            }
            Self::TrailingDot => "the origin ends with a dot: entries without the dot are not for it",
            Self::NoAddress => "the origin looks like an IPv4 address and is none: browsers refuse it or change it",
        })
    }
}

/// Text that names no origin.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OriginError {
    /// A URL by another scheme than `http`, `https` or `file`.
    Scheme(Box<str>),
    /// `http:` or `https:` without `//`.
    NoSlashes,
    /// A pattern, as entries have it.
    Pattern(Box<str>),
    /// What stands for the host is none.
    Host(DomainProblem),
}

impl fmt::Display for OriginError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Scheme(scheme) => write!(f, "origin: scheme {scheme:?}; expected http, https or file"),
            Self::NoSlashes => {
                write!(f, "origin: no // behind the scheme; expected http://host/ or https://host/")
            }
            Self::Pattern(pattern) => {
                write!(
                    f,
                    "origin: {pattern:?} is a pattern; expected the one host that the SWF is loaded from"
                )
            }
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
            ("file:/C:/x.swf", None, false, false),
            ("FILE:C:\\x.swf", None, false, false),
            ("file:8080", Some("file"), false, false),
            ("http:80", Some("http"), false, false),
            ("http://[0:0:0:0:0:0:0:1]/", Some("::1"), false, true),
            ("2001:DB8:0::1", Some("2001:db8::1"), false, true),
            ("[::ffff:1.2.3.4]:80", Some("::ffff:102:304"), false, true),
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
            ("*.example.com", OriginError::Pattern("*.example.com".into())),
            ("http:/www.example.com/a.swf", OriginError::NoSlashes),
            ("https:www.example.com", OriginError::NoSlashes),
            ("http://user@example.com/", OriginError::Host(DomainProblem::Character('@'))),
            ("ftp://example.com/", OriginError::Scheme("ftp".into())),
        ] {
            assert_eq!(text.parse::<Origin>(), Err(error), "{text:?}");
        }
    }

    #[test]
    fn what_players_may_see_otherwise_is_noted() {
        for (text, notes) in [
            ("http://www.example.com/a.swf", &[][..]),
            ("10.0.0.1", &[]),
            ("http://[0:0::1]/", &[]),
            ("file:/x.swf", &[]),
            ("BÜCHER.example", &[OriginNote::NotAscii]),
            ("www.example.com.", &[OriginNote::TrailingDot]),
            ("192.168.1", &[OriginNote::NoAddress]),
            ("300.1.1.1", &[OriginNote::NoAddress]),
        ] {
            let origin: Origin = text.parse().unwrap();
            assert_eq!(origin.notes().collect::<Vec<_>>(), notes, "{text:?}");
        }
    }
}
