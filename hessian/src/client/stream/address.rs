//! Where a stream is: over HTTP, or over a bare connection.

use crate::client::error::{Error, Result};
use http::uri::{PathAndQuery, Scheme, Uri};
use http::{HeaderValue, header};

/// A URL, taken apart.
#[derive(Debug)]
pub(super) struct Address {
    /// What the connector dials: only scheme, host and port matter to it.
    pub(super) dial: Uri,
    pub(super) is_tls: bool,
    /// What is asked for over HTTP; `None` over a bare connection.
    pub(super) http: Option<Target>,
    /// The address without its query, which may hold what is nobody's business: for logs.
    pub(super) shown: String,
}

/// The resource of a request.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) path: Uri,
    pub(super) host: HeaderValue,
}

impl Address {
    /// # Errors
    /// [`Error::Address`].
    pub(super) fn parse(url: &str) -> Result<Self> {
        let wrong = |what| Error::Address(url.to_owned(), what);
        let uri: Uri = url.parse().map_err(|_| wrong("it is no URL"))?;
        let scheme = uri.scheme_str().ok_or_else(|| wrong("it begins with http:, https:, tcp: or tls:"))?;
        let (is_http, is_tls) = match scheme {
            "http" => (true, false),
            "https" => (true, true),
            "tcp" => (false, false),
            "tls" => (false, true),
            _ => return Err(wrong("it begins with http:, https:, tcp: or tls:")),
        };
        let authority = uri.authority().ok_or_else(|| wrong("it names no host"))?;
        if authority.as_str().contains('@') {
            return Err(wrong("user and password are given by basic_auth, not in the URL"));
        }
        if authority.host().is_empty() {
            return Err(wrong("it names no host"));
        }
        let has_port = authority.as_str().len() > authority.host().len();
        if has_port && authority.port_u16().is_none_or(|port| port == 0) {
            return Err(wrong("the port is a number from 1 to 65535"));
        }
        let path = uri.path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/"));
        if !is_http && path != "/" {
            return Err(wrong("a bare connection has no path"));
        }
        if !is_http && !has_port {
            return Err(wrong("a bare connection needs a port"));
        }
        let dial = Uri::builder()
            .scheme(if is_tls { Scheme::HTTPS } else { Scheme::HTTP })
            .authority(authority.clone())
            .path_and_query("/");
        let dial = dial.build().map_err(|_| wrong("it is no URL"))?;
        let shown = format!("{scheme}://{authority}{}", if is_http { path.path() } else { "" });
        let http = match is_http {
            false => None,
            true => {
                let host =
                    HeaderValue::from_str(authority.as_str()).map_err(|_| wrong("it names no host"))?;
                Some(Target { path: path.into(), host })
            }
        };
        Ok(Self { dial, is_tls, http, shown })
    }
}

impl Target {
    /// The fields that every request for a stream has, unless the caller has said otherwise.
    pub(super) fn defaults(&self) -> [(header::HeaderName, HeaderValue); 4] {
        [
            (header::HOST, self.host.clone()),
            (header::ACCEPT, HeaderValue::from_static("application/x-hessian, */*;q=0.5")),
            (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
            (
                header::USER_AGENT,
                HeaderValue::from_static(concat!("hessian-rust/", env!("CARGO_PKG_VERSION"))),
            ),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_schemes() {
        let address = Address::parse("http://example.com:8080/a/b?x=secret").unwrap();
        let target = address.http.unwrap();
        assert_eq!(
            (target.path.to_string(), &target.host),
            ("/a/b?x=secret".into(), &"example.com:8080".parse().unwrap())
        );
        assert_eq!(address.dial, "http://example.com:8080/");
        assert_eq!(address.shown, "http://example.com:8080/a/b");
        let address = Address::parse("https://[::1]").unwrap();
        assert_eq!((address.is_tls, address.dial.host()), (true, Some("[::1]")));
        assert_eq!(address.http.unwrap().path, "/");
        let address = Address::parse("tls://127.0.0.1:7").unwrap();
        assert_eq!((address.is_tls, address.dial.to_string()), (true, "https://127.0.0.1:7/".into()));
        assert_eq!((address.http.is_none(), address.shown), (true, "tls://127.0.0.1:7".into()));
        assert!(!Address::parse("tcp://h:1/").unwrap().is_tls);
    }

    #[test]
    fn anything_else_is_refused_with_the_reason() {
        for (url, reason) in [
            ("", "no URL"),
            ("example.com", "begins with"),
            ("/streams", "begins with"),
            ("ftp://example.com/", "begins with"),
            ("ws://example.com/", "begins with"),
            ("http://", "no URL"),
            ("http:///x", "no URL"),
            ("http://a b/", "no URL"),
            ("http://user:secret@host/", "basic_auth"),
            ("http://host:0/", "1 to 65535"),
            ("http://host:99999/", "1 to 65535"),
            ("http://host:/", "1 to 65535"),
            ("tcp://host", "needs a port"),
            ("tcp://host:1/path", "no path"),
        ] {
            let error = Address::parse(url).unwrap_err();
            assert!(error.to_string().contains(reason), "{url:?}: {error}");
        }
    }
}
