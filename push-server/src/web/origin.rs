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

    /// Whether a request may act that no page makes without being allowed to, as its `Content-Type` has to be asked for
    /// first: that is what the browser's own rules say, and where a page is named, it has to be one of these. Where a proxy
    /// has changed `Host`, so that a page of this host looks like another's, the browser itself says that it is none
    /// (`Sec-Fetch-Site: same-origin`, which no page can set).
    pub(super) fn admits_if_page(&self, headers: &HeaderMap) -> Result<(), &'static str> {
        match Self::asked_by(headers) {
            Asker::NoPage => Ok(()),
            Asker::Page(origin) if self.admits(origin, headers) => Ok(()),
            Asker::Page(_) if headers.get("sec-fetch-site").is_some_and(|site| site == "same-origin") => {
                Ok(())
            }
            _ => Err(FOREIGN),
        }
    }

    /// Whether a request may act that any page can make: a GET, a form. Without a word for it, it may not, as there is none
    /// either in what a page of another site makes that hides where it comes from.
    ///
    /// The first of these that is there decides: `Origin`; `Sec-Fetch-Site`, `same-origin`; the origin of `Referer`. What
    /// is fetched in advance (`Sec-Purpose`) was not meant yet.
    pub(super) fn vouch(&self, headers: &HeaderMap) -> Result<(), &'static str> {
        if headers.contains_key("sec-purpose") || headers.contains_key("purpose") {
            return Err("A message is not sent in advance.");
        }
        match Self::asked_by(headers) {
            Asker::Page(origin) if self.admits(origin, headers) => return Ok(()),
            Asker::NoPage => {}
            _ => return Err(FOREIGN),
        }
        let mut sites = headers.get_all("sec-fetch-site").iter();
        match (sites.next(), sites.next()) {
            (Some(site), None) if site == "same-origin" => return Ok(()),
            (None, _) => {}
            _ => return Err(FOREIGN),
        }
        let mut referers = headers.get_all(header::REFERER).iter();
        match (referers.next().map(|referer| referer.to_str()), referers.next()) {
            (Some(Ok(referer)), None) if self.admits(origin_of(referer), headers) => Ok(()),
            (None, _) => Err(
                "Here pages send messages, which say by Origin, Sec-Fetch-Site or Referer that they are of this \
                              site. Programs have POST /streams/{stream}/send, with Content-Type: application/json.",
            ),
            _ => Err(FOREIGN),
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

const FOREIGN: &str = "Pages of that origin may not publish or send messages here.";

/// `scheme://host:port` of a URL without a name and password, as no browser sends one in `Referer`.
fn origin_of(url: &str) -> &str {
    let after = url.find("://").map_or(0, |at| at + 3);
    let end = url[after..].find(['/', '?', '#']).map_or(url.len(), |at| after + at);
    &url[..end]
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
    fn a_request_that_any_page_can_make_needs_a_word_for_it() {
        let origins = Origins::same_host().and("https://www.example.org");
        for (fields, may) in [
            (&[][..], false),
            (&[("origin", "http://example.com")], true),
            (&[("origin", "https://www.example.org")], true),
            (&[("origin", "http://evil.net")], false),
            (&[("origin", "null")], false),
            (&[("origin", "null"), ("sec-fetch-site", "same-origin")], false),
            (&[("origin", "http://evil.net"), ("referer", "http://example.com/")], false),
            (&[("origin", "http://example.com"), ("origin", "http://example.com")], false),
            (&[("sec-fetch-site", "same-origin")], true),
            // Of a page that admits no referrer.
            (&[("sec-fetch-site", "same-site")], false),
            (&[("sec-fetch-site", "cross-site")], false),
            // A link in a mail: nobody's page, and nobody's wish.
            (&[("sec-fetch-site", "none")], false),
            (&[("sec-fetch-site", "cross-site"), ("referer", "http://example.com/")], false),
            // An `XMLHttpRequest` of an admitted page.
            (&[("sec-fetch-site", "cross-site"), ("origin", "https://www.example.org")], true),
            (&[("sec-fetch-site", "same-origin"), ("sec-purpose", "prefetch;prerender")], false),
            (&[("sec-fetch-site", "same-origin"), ("purpose", "prefetch")], false),
            // Browsers without `Sec-Fetch-Site`, and those that reach us without TLS.
            (&[("referer", "http://example.com/page?x=http://evil.net/")], true),
            (&[("referer", "http://example.com")], true),
            (&[("referer", "https://www.example.org/a")], true),
            (&[("referer", "http://evil.net/http://example.com/")], false),
            (&[("referer", "http://example.com.evil.net/")], false),
            (&[("referer", "http://example.com@evil.net/")], false),
            (&[("referer", "http://evil.net?http://example.com/")], false),
            (&[("referer", "http://evil.net#://example.com/")], false),
            (&[("referer", "about:client")], false),
            (&[("referer", "")], false),
        ] {
            let mut all = fields.to_vec();
            all.push(("host", "example.com"));
            assert_eq!(origins.vouch(&headers(&all)).is_ok(), may, "{fields:?}");
        }
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
