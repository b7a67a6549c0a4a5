//! What `Security.loadPolicyFile` is given.

use std::{fmt, str::FromStr};

use crate::policy::Origin;

/// Where a SWF says a policy file is: the argument of `Security.loadPolicyFile`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// `xmlsocket://host:port`: asked for with the 23 bytes.
    Socket {
        /// The host, an IPv6 address without brackets.
        host: Box<str>,
        /// The port.
        port: u16,
    },
    /// An `http` or `https` URL. It may be loaded, and opens no socket since player 9.0.124.
    Url(Box<str>),
}

/// Text that is no location of a policy file.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LocationError {
    /// Neither `xmlsocket:` nor `http:` nor `https:`.
    Scheme,
    /// What stands for the host is none.
    Host(Box<str>),
    /// No port, or none from 1 to 65535.
    Port,
}

impl FromStr for Location {
    type Err = LocationError;

    fn from_str(text: &str) -> Result<Self, LocationError> {
        let (scheme, rest) = text.split_once("://").ok_or(LocationError::Scheme)?;
        if scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https") {
            return Ok(Self::Url(text.into()));
        }
        if !scheme.eq_ignore_ascii_case("xmlsocket") {
            return Err(LocationError::Scheme);
        }
        match host_and_port(rest.strip_suffix('/').unwrap_or(rest))? {
            (host, Some(port)) => Ok(Self::Socket { host, port }),
            (_, None) => Err(LocationError::Port),
        }
    }
}

/// Reads `host`, `host:port`, `[::1]:port` or a bare `::1`.
///
/// # Errors
///
/// [`LocationError::Host`] or [`LocationError::Port`].
pub fn host_and_port(text: &str) -> Result<(Box<str>, Option<u16>), LocationError> {
    let (host, port) = match text.rsplit_once(':') {
        // Colons without brackets belong to the address.
        Some((host, port)) if !host.contains(':') || host.ends_with(']') => (host, Some(port)),
        _ => (text, None),
    };
    let port = match port {
        None => None,
        Some(digits) => match digits.parse() {
            Ok(port @ 1..) if digits.bytes().all(|b| b.is_ascii_digit()) => Some(port),
            _ => return Err(LocationError::Port),
        },
    };
    let plain = !host.contains(['/', '?', '#']);
    match host.parse::<Origin>().ok().and_then(|origin| origin.host().map(Box::from)) {
        Some(host) if plain => Ok((host, port)),
        _ => Err(LocationError::Host(host.into())),
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Socket { host, port } if host.contains(':') => write!(f, "xmlsocket://[{host}]:{port}"),
            Self::Socket { host, port } => write!(f, "xmlsocket://{host}:{port}"),
            Self::Url(url) => f.write_str(url),
        }
    }
}

impl fmt::Display for LocationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Scheme => write!(f, "expected xmlsocket://host:port or an http URL"),
            Self::Host(host) => write!(f, "{host:?} is no host"),
            Self::Port => write!(f, "expected a port from 1 to 65535 after the host"),
        }
    }
}

impl std::error::Error for LocationError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locations_are_read_and_printed() {
        for (text, host, port) in [
            ("xmlsocket://www.example.com:8080", "www.example.com", 8080),
            ("XMLSocket://10.0.0.1:843/", "10.0.0.1", 843),
            ("xmlsocket://[::1]:80", "::1", 80),
        ] {
            let location: Location = text.parse().unwrap();
            assert_eq!(location, Location::Socket { host: host.into(), port }, "{text}");
            assert_eq!(location.to_string().parse(), Ok(location));
        }
        let url = "https://www.example.com/crossdomain.xml";
        assert_eq!(url.parse(), Ok(Location::Url(url.into())));
    }

    #[test]
    fn what_is_none_is_refused() {
        for (text, error) in [
            ("", LocationError::Scheme),
            ("www.example.com:80", LocationError::Scheme),
            ("ftp://www.example.com/", LocationError::Scheme),
            ("xmlsocket://www.example.com", LocationError::Port),
            ("xmlsocket://www.example.com:0", LocationError::Port),
            ("xmlsocket://www.example.com:65536", LocationError::Port),
            ("xmlsocket://www.example.com:+80", LocationError::Port),
            ("xmlsocket://:80", LocationError::Host("".into())),
            ("xmlsocket://a b:80", LocationError::Host("a b".into())),
        ] {
            assert_eq!(text.parse::<Location>(), Err(error), "{text:?}");
        }
    }

    #[test]
    fn a_host_may_come_with_a_port() {
        for (text, host, port) in [
            ("localhost", "localhost", None),
            ("localhost:80", "localhost", Some(80)),
            ("::1", "::1", None),
            ("[::1]", "::1", None),
            ("[::1]:80", "::1", Some(80)),
        ] {
            assert_eq!(host_and_port(text), Ok((host.into(), port)), "{text}");
        }
        for text in ["", "a:b", "http://a", "a/b", "*.a.com", "a:80:90"] {
            assert!(host_and_port(text).is_err(), "{text}");
        }
    }
}
