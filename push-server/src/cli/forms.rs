//! Texts with a form: addresses, origins, grants of the policy.

use std::str::FromStr;

use http::Uri;
use policy_server::PolicyFile;
use policy_server::policy::Builder;
use policy_server::service::Address;

/// Where to listen: `HOST:PORT` or `fd:NAME`.
pub(crate) fn address(text: &str) -> Result<Address, String> {
    match text.parse()? {
        Address::Unix(_) => {
            Err("streams are not served on Unix sockets; give HOST:PORT or fd:NAME".to_owned())
        }
        address => Ok(address),
    }
}

/// An origin as browsers send it (RFC 6454, section 6.2): what is written otherwise would never match.
pub(crate) fn origin(text: &str) -> Result<String, String> {
    const WHOLE: &str =
        "an origin is scheme://host or scheme://host:port, without a path or a slash at the end";
    let uri = text.parse::<Uri>().map_err(|_| WHOLE)?;
    let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
        return Err(WHOLE.to_owned());
    };
    let host = authority.host();
    let is_whole = match authority.port_u16() {
        None => format!("{scheme}://{host}").eq_ignore_ascii_case(text),
        Some(port) => format!("{scheme}://{host}:{port}").eq_ignore_ascii_case(text),
    };
    let problem = match (scheme, authority.port_u16()) {
        _ if !is_whole => WHOLE,
        _ if host.contains('*') => "each origin is named: there are no wildcards",
        ("ws" | "wss", _) => "the origin of a page is http:// or https://, also where it opens ws://",
        ("http", Some(80)) | ("https", Some(443)) => "browsers leave out :80 of http and :443 of https",
        _ => return Ok(text.to_owned()),
    };
    Err(problem.to_owned())
}

/// `DOMAIN:PORTS` of a policy, or `DOMAIN` for the ports that are listened on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Grant {
    domain: String,
    ports: Option<String>,
}

impl Grant {
    /// The entry of it, where these ports are listened on.
    pub(crate) fn add_to(&self, builder: Builder, listened_on: &str) -> Builder {
        builder.allow(&self.domain, self.ports.as_deref().unwrap_or(listened_on))
    }
}

impl FromStr for Grant {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (domain, ports) = match text.rsplit_once(':') {
            Some((domain, ports)) => (domain, Some(ports.to_owned())),
            None => (text, None),
        };
        let grant = Self { domain: domain.to_owned(), ports };
        grant.add_to(PolicyFile::builder(), "80").build().map_err(|error| error.to_string())?;
        Ok(grant)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_what_browsers_send_or_is_refused() {
        for good in ["https://www.example.com", "http://localhost:3000", "http://[::1]:81", "app://x"] {
            assert_eq!(origin(good).as_deref(), Ok(good));
        }
        for (bad, says) in [
            ("www.example.com", "scheme://host"),
            ("", "scheme://host"),
            ("*", "scheme://host"),
            ("null", "scheme://host"),
            ("https://example.com/", "slash"),
            ("https://a.example/x", "path"),
            ("https://ann@example.com", "scheme://host"),
            ("http://example.com:99999", "scheme://host"),
            ("http://example.com:", "scheme://host"),
            ("https://*.example.com", "wildcards"),
            ("wss://example.com", "https://"),
            ("https://example.com:443", ":443"),
            ("HTTP://example.com:80", ":80"),
        ] {
            let refusal = origin(bad).unwrap_err();
            assert!(refusal.contains(says), "{bad}: {refusal}");
        }
    }

    #[test]
    fn grants_name_ports_or_mean_those_listened_on() {
        for (text, entry) in [
            ("*", r#"domain="*" to-ports="8080""#),
            ("*.example.com:80,9000-9010", r#"domain="*.example.com" to-ports="80,9000-9010""#),
        ] {
            let grant: Grant = text.parse().unwrap();
            let policy = grant.add_to(PolicyFile::builder(), "8080").build().unwrap().to_string();
            assert!(policy.contains(entry), "{policy}");
        }
        for text in ["", "http://a.com:80", "*foo.com", "a.com:"] {
            assert!(text.parse::<Grant>().is_err(), "{text}");
        }
    }

    #[test]
    fn an_address_is_of_tcp() {
        assert!(address("[::]:80").is_ok() && address("fd:http").is_ok());
        assert!(address("unix:/run/x").unwrap_err().contains("HOST:PORT"));
    }
}
