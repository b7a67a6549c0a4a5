//! Where the real server listens, as the command line writes it.

use std::{fmt, path::PathBuf, str::FromStr};

use policy_server::service::{Address, HostPort};

/// Where the real server listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum UpstreamAddress {
    Tcp(HostPort),
    Unix(PathBuf),
}

impl FromStr for UpstreamAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.parse()? {
            Address::Unix(path) => Ok(Self::Unix(path)),
            Address::Tcp(address) if address.port() == 0 => Err("port 0 cannot be connected to".to_owned()),
            Address::Tcp(address) => Ok(Self::Tcp(address)),
            Address::Fd(_) => {
                Err("a socket to connect to has an address; write HOST:PORT or unix:PATH".to_owned())
            }
        }
    }
}

impl fmt::Display for UpstreamAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => f.write_str(address.as_str()),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_is_read_and_printed_back() {
        for text in ["127.0.0.1:8080", "app.internal:80", "unix:/run/app.sock"] {
            assert_eq!(text.parse::<UpstreamAddress>().unwrap().to_string(), text);
        }
        assert!("host:0".parse::<UpstreamAddress>().unwrap_err().contains("port 0"));
        assert!("fd:http".parse::<UpstreamAddress>().unwrap_err().contains("HOST:PORT or unix:PATH"));
    }
}
