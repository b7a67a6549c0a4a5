//! Whose pages may open WebSockets to this server, read what they fetch, and publish.

use std::sync::Arc;

use http::{HeaderMap, header};

/// The origins of pages that may open WebSockets here, which browsers leave to the server; whose scripts may read what they
/// fetch (CORS); and who may publish. Put into a router as an extension:
///
/// ```
/// # use push_server::{Hub, web::{self, Origins}};
/// # fn f(hub: Hub) -> axum::Router {
/// web::router(hub).layer(axum::Extension(Origins::same_host().and("https://www.example.com")))
/// # }
/// ```
///
/// The default, also without the extension: pages of the host that they connect to. `Host` is compared as it came: a proxy in
/// front that rewrites it makes every page a foreign one, and then has to be told here what the pages' origin is.
///
/// What this does not hold back: pages of `http` where this is reached by `https`, or the other way round (a proxy that
/// speaks TLS hides which it was); and a page whose own name has been made to lead here (DNS rebinding), which looks like
/// one of this host. Against the latter let what stands in front admit the names only that are yours.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origins {
    any: bool,
    others: Arc<[Box<str>]>,
}

impl Origins {
    /// Pages of the host and port that they connect to.
    #[must_use]
    pub fn same_host() -> Self {
        Self::default()
    }

    /// Every page of the Web, also one without an origin (`null`). What streams here is then public, and a Ruffle bridge
    /// lets any page read whatever this port serves to the browser's machine.
    #[must_use]
    pub fn any() -> Self {
        Self { any: true, ..Self::default() }
    }

    /// Pages of this origin too, `scheme://host` or `scheme://host:port` as browsers write it. O(n) each.
    #[must_use]
    pub fn and(mut self, origin: &str) -> Self {
        self.others = self.others.iter().cloned().chain([origin.into()]).collect();
        self
    }

    /// Whose page a request is from. More than one origin is none that can be trusted.
    pub(super) fn asked_by(headers: &HeaderMap) -> Asker<'_> {
        let mut origins = headers.get_all(header::ORIGIN).iter();
        match (origins.next(), origins.next()) {
            (None, _) => Asker::NoPage,
            (Some(origin), None) => origin.to_str().map_or(Asker::Unclear, Asker::Page),
            (Some(_), Some(_)) => Asker::Unclear,
        }
    }

    /// Whether a page of `origin` may connect, in a request with these headers.
    pub(super) fn admits(&self, origin: &str, headers: &HeaderMap) -> bool {
        let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
        self.any
            || host.is_some_and(|host| is_of(origin, host))
            || self.others.iter().any(|other| other.eq_ignore_ascii_case(origin))
    }
}

/// Who asks for a WebSocket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asker<'a> {
    /// No browser: nothing that acts for somebody who does not know.
    NoPage,
    Page(&'a str),
    /// Two origins, or one that is no text.
    Unclear,
}

/// Whether the origin is this host, which may or may not name the port that its scheme has anyway.
fn is_of(origin: &str, host: &str) -> bool {
    let Some((scheme, authority)) = origin.split_once("://") else { return false };
    let port = match scheme {
        _ if scheme.eq_ignore_ascii_case("https") => ":443",
        _ if scheme.eq_ignore_ascii_case("http") => ":80",
        // No page of the Web: what a browser extension or a desktop application calls a host is none of DNS.
        _ => return false,
    };
    let bare = |authority: &str| authority.strip_suffix(port).unwrap_or(authority).to_ascii_lowercase();
    !authority.is_empty() && bare(authority) == bare(host)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn headers(fields: &[(&'static str, &str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in fields {
            map.append(*name, HeaderValue::from_str(value).unwrap());
        }
        map
    }

    #[test]
    fn a_page_of_this_host_is_known_by_its_origin() {
        for (origin, host, same) in [
            ("http://example.com", "example.com", true),
            ("http://Example.com", "example.COM", true),
            ("http://example.com", "example.com:80", true),
            ("http://example.com:80", "example.com", true),
            ("https://example.com", "example.com", true),
            ("https://example.com", "example.com:443", true),
            ("https://example.com", "example.com:80", false),
            ("http://example.com:8080", "example.com:8080", true),
            ("http://example.com:8080", "example.com", false),
            ("http://[::1]:8080", "[::1]:8080", true),
            ("http://example.com.evil.net", "example.com", false),
            ("http://evil.net", "example.com", false),
            ("foo://example.com", "example.com", false),
            ("HTTPS://example.com", "example.com", true),
            ("null", "example.com", false),
            ("null", "null", false),
            ("http://", "", false),
            ("", "", false),
            ("example.com", "example.com", false),
        ] {
            let headers = headers(&[("host", host)]);
            assert_eq!(Origins::same_host().admits(origin, &headers), same, "{origin} to {host}");
        }
        assert!(!Origins::same_host().admits("http://example.com", &HeaderMap::new()));
    }

    #[test]
    fn others_are_named() {
        let headers = headers(&[("host", "example.com")]);
        let origins = Origins::same_host().and("https://app.example.com").and("http://b.example:81");
        for (origin, admitted) in [
            ("https://app.example.com", true),
            ("http://b.example:81", true),
            ("http://example.com", true),
            ("http://app.example.com", false),
            ("http://b.example", false),
            ("null", false),
        ] {
            assert_eq!(origins.admits(origin, &headers), admitted, "{origin}");
        }
        assert!(Origins::any().admits("null", &headers));
    }

    #[test]
    fn one_origin_is_an_origin() {
        assert_eq!(Origins::asked_by(&headers(&[])), Asker::NoPage);
        assert_eq!(Origins::asked_by(&headers(&[("origin", "http://a")])), Asker::Page("http://a"));
        assert_eq!(
            Origins::asked_by(&headers(&[("origin", "http://a"), ("origin", "http://a")])),
            Asker::Unclear
        );
        let mut odd = HeaderMap::new();
        odd.insert("origin", HeaderValue::from_bytes(b"http://\xff").unwrap());
        assert_eq!(Origins::asked_by(&odd), Asker::Unclear);
    }
}
