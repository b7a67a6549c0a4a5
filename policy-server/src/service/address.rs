//! Addresses as settings and command lines write them.

use std::{fmt, path::PathBuf, str::FromStr};

/// Where to listen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// `HOST:PORT`. The host may be a name.
    Tcp(HostPort),
    /// `unix:PATH`.
    Unix(PathBuf),
    /// `fd:NAME` or `fd:NUMBER`: a socket that the service manager opened.
    Fd(String),
}

/// `HOST:PORT`, checked for its form: the host is not looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostPort {
    text: String,
    port: u16,
}

impl HostPort {
    /// As it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The port; 0 lets the system choose.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }
}

impl FromStr for HostPort {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (host, port) = text.rsplit_once(':').ok_or("no port; write HOST:PORT, such as 0.0.0.0:8080")?;
        if host.is_empty() {
            return Err("no host; write 0.0.0.0 or [::] for all".to_owned());
        }
        if host.contains(':') && !(host.starts_with('[') && host.ends_with(']')) {
            return Err("an IPv6 address stands in brackets, such as [::1]:8080".to_owned());
        }
        let port =
            port.parse().map_err(|_| format!("{port:?} is no port; expected a number from 0 to 65535"))?;
        Ok(Self { text: text.to_owned(), port })
    }
}

/// `sun_path` has 108 bytes, one of them for the NUL.
const UNIX_PATH_MAX: usize = 107;

fn unix_path(path: &str) -> Result<PathBuf, String> {
    match path.len() {
        0 => Err("no path; write unix:/run/server.sock".to_owned()),
        1..=UNIX_PATH_MAX => Ok(path.into()),
        n => Err(format!("a path of {n} bytes; a Unix socket's may have {UNIX_PATH_MAX}")),
    }
}

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(path) = text.strip_prefix("unix:") {
            unix_path(path).map(Self::Unix)
        } else if let Some(name) = text.strip_prefix("fd:") {
            if name.is_empty() {
                return Err("no name; write fd: and the FileDescriptorName of the .socket unit".to_owned());
            }
            Ok(Self::Fd(name.to_owned()))
        } else {
            text.parse().map(Self::Tcp)
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => f.write_str(address.as_str()),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
            Self::Fd(name) => write!(f, "fd:{name}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_is_read_and_printed_back() {
        for text in ["0.0.0.0:80", "[::]:80", "localhost:0", "unix:/run/p.sock", "unix:p", "fd:http", "fd:3"]
        {
            assert_eq!(text.parse::<Address>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_is_no_address_is_told_what_to_write() {
        for (text, problem) in [
            ("8080", "no port; write HOST:PORT"),
            (":80", "no host; write 0.0.0.0"),
            ("::1:80", "an IPv6 address stands in brackets"),
            ("host:", "\"\" is no port"),
            ("host:65536", "\"65536\" is no port"),
            ("host:-1", "\"-1\" is no port"),
            ("unix:", "no path; write"),
            ("fd:", "no name; write"),
        ] {
            let error = text.parse::<Address>().unwrap_err();
            assert!(error.starts_with(problem), "{text}: {error}");
        }
        let long = format!("unix:/{}", "x".repeat(107));
        assert!(long.parse::<Address>().unwrap_err().contains("108 bytes"));
    }
}
