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

/// An origin as browsers send it: what is written otherwise would never match.
pub(crate) fn origin(text: &str) -> Result<String, String> {
    let uri = text.parse::<Uri>().map_err(|_| "no scheme://host or scheme://host:port")?;
    let is_origin = match (uri.scheme_str(), uri.authority()) {
        (Some(scheme), Some(authority)) => {
            let host = authority.host();
            let port = authority.port().map(|port| format!("{scheme}://{host}:{port}"));
            format!("{scheme}://{host}") == text || port.is_some_and(|whole| whole == text)
        }
        _ => false,
    };
    match is_origin {
        true => Ok(text.to_owned()),
        false => {
            Err("an origin is scheme://host or scheme://host:port, without a path or a slash at the end"
                .to_owned())
        }
    }
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
    fn origins_are_written_as_browsers_do() {
        for right in ["https://a.example", "http://b.example:81", "http://[::1]:3000"] {
            assert_eq!(origin(right).as_deref(), Ok(right));
        }
        for wrong in
            ["a.example", "https://a.example/", "https://a.example/x", "https://u@a.example", "null", "", "*"]
        {
            assert!(origin(wrong).unwrap_err().contains("scheme://host"), "{wrong}");
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
