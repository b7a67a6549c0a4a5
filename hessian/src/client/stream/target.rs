//! Where a stream is: over HTTP, or over a bare connection.

use crate::client::address::{Address, MAX_ADDRESS, without_password};
use crate::client::error::{Error, Result};
use http::uri::{PathAndQuery, Uri};
use http::{HeaderName, HeaderValue, header};

/// A URL, taken apart.
#[derive(Debug)]
pub(super) struct Target {
    /// What the connector dials: only scheme, host and port matter to it.
    pub(super) dial: Uri,
    pub(super) is_tls: bool,
    /// What is asked for over HTTP; `None` over a bare connection.
    pub(super) http: Option<Resource>,
    /// The address without its query, which may hold what is nobody's business: for logs.
    pub(super) shown: String,
}

/// The resource of a request.
#[derive(Debug)]
pub(super) struct Resource {
    pub(super) path: Uri,
    pub(super) host: HeaderValue,
    /// What a user and password in the URL make of the header `Authorization`.
    pub(super) authorization: Option<HeaderValue>,
}

impl Target {
    /// # Errors
    /// [`Error::Address`].
    pub(super) fn parse(url: &str) -> Result<Self> {
        match url.split_once("://") {
            Some(("tcp", host)) => Self::bare(url, "http", host),
            Some(("tls", host)) => Self::bare(url, "https", host),
            Some(("http" | "https", _)) => Self::http(url),
            _ => Err(Error::Address(
                without_password(url).chars().take(MAX_ADDRESS).collect(),
                "http://, https://, tcp:// or tls:// was expected",
            )),
        }
    }

    fn http(url: &str) -> Result<Self> {
        let Address { uri, authorization } = Address::parse(url)?;
        let authority = uri.authority().map_or("", |authority| authority.as_str());
        let host = HeaderValue::from_str(authority)
            .map_err(|_| Error::Address(uri.to_string(), "its host has signs that no header may have"))?;
        let shown = format!("{}://{authority}{}", uri.scheme_str().unwrap_or_default(), uri.path());
        let path = uri.path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/"));
        let is_tls = uri.scheme_str() == Some("https");
        let http = Some(Resource { path: path.into(), host, authorization });
        Ok(Self { dial: uri, is_tls, http, shown })
    }

    /// A connection without HTTP is dialled as one with it.
    fn bare(url: &str, scheme: &str, host: &str) -> Result<Self> {
        let Address { uri, authorization } = Address::parse(&format!("{scheme}://{host}"))?;
        let wrong = |wrong| Err(Error::Address(url.to_owned(), wrong));
        if authorization.is_some() {
            return Err(Error::Address(uri.to_string(), "a bare connection has no user"));
        }
        if uri.path_and_query().is_some_and(|path| path != "/") {
            return wrong("a bare connection has no path");
        }
        if uri.port_u16().is_none_or(|port| port == 0) {
            return wrong("a bare connection needs a port");
        }
        Ok(Self { is_tls: scheme == "https", dial: uri, http: None, shown: url.to_owned() })
    }
}

impl Resource {
    /// The fields that every request for a stream has, unless the caller has said otherwise.
    pub(super) fn defaults(&self) -> impl Iterator<Item = (HeaderName, HeaderValue)> {
        const AGENT: &str = concat!("hessian-rust/", env!("CARGO_PKG_VERSION"));
        [
            (header::HOST, Some(self.host.clone())),
            (header::ACCEPT, Some(HeaderValue::from_static("application/x-hessian, */*;q=0.5"))),
            (header::CACHE_CONTROL, Some(HeaderValue::from_static("no-store"))),
            (header::USER_AGENT, Some(HeaderValue::from_static(AGENT))),
            (header::AUTHORIZATION, self.authorization.clone()),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_schemes() {
        let target = Target::parse("http://me:secret@example.com:8080/a/b?x=secret").unwrap();
        assert_eq!((target.dial.host(), target.dial.port_u16()), (Some("example.com"), Some(8080)));
        assert_eq!((target.is_tls, &*target.shown), (false, "http://example.com:8080/a/b"));
        let http = target.http.unwrap();
        assert_eq!(
            (http.path.to_string(), http.host.to_str().unwrap()),
            ("/a/b?x=secret".into(), "example.com:8080")
        );
        assert!(http.authorization.is_some());
        let target = Target::parse("https://[::1]").unwrap();
        assert_eq!((target.is_tls, target.dial.host()), (true, Some("[::1]")));
        assert_eq!(target.http.unwrap().path, "/");
        let target = Target::parse("tls://127.0.0.1:7").unwrap();
        assert_eq!((target.is_tls, target.dial.scheme_str()), (true, Some("https")));
        assert_eq!((target.http.is_none(), &*target.shown), (true, "tls://127.0.0.1:7"));
        assert!(!Target::parse("tcp://h:1/").unwrap().is_tls);
    }

    #[test]
    fn anything_else_is_refused_with_the_reason() {
        for (url, reason) in [
            ("", "was expected"),
            ("example.com", "was expected"),
            ("/streams", "was expected"),
            ("ftp://example.com/", "was expected"),
            ("ws://example.com/", "was expected"),
            ("http://", "was expected"),
            ("http://a b/", "was expected"),
            ("http://host:99999/", "65535"),
            ("tcp://host", "needs a port"),
            ("tcp://host:0", "needs a port"),
            ("tcp://host:1/path", "no path"),
            ("tcp://host:1?query", "no path"),
            ("tls://me:secret@host:1", "no user"),
        ] {
            let error = Target::parse(url).unwrap_err();
            assert!(matches!(error, Error::Address(..)), "{url:?}: {error:?}");
            assert!(error.to_string().contains(reason), "{url:?}: {error}");
            assert!(!error.to_string().contains("secret"), "{error}");
        }
    }
}
