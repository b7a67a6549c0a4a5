//! The header of the PROXY protocol, which tells the upstream who its client is.
//!
//! Source: HAProxy, "The PROXY protocol, versions 1 & 2".

use std::{io, net::SocketAddr};

use clap::ValueEnum;
use ppp::{v1, v2};

/// Which version of the header is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ProxyProtocol {
    /// A line of text, 107 bytes at most.
    V1,
    /// Binary, 52 bytes at most.
    V2,
}

impl ProxyProtocol {
    /// The header for a connection from `client` to `local`, its address here; `None` for one over a Unix
    /// socket.
    pub(super) fn header(self, ends: Option<(SocketAddr, SocketAddr)>) -> io::Result<Vec<u8>> {
        // A client over IPv4 is one, also on a listener for both.
        let ends = ends.map(|(client, local)| (canonical(client), canonical(local)));
        match self {
            Self::V1 => {
                let addresses = match ends {
                    Some((client, local)) => v1::Addresses::from((client, local)),
                    None => v1::Addresses::Unknown,
                };
                Ok(addresses.to_string().into_bytes())
            }
            Self::V2 => {
                let version = v2::Version::Two | v2::Command::Proxy;
                match ends {
                    Some(ends) => v2::Builder::with_addresses(version, v2::Protocol::Stream, ends).build(),
                    None => {
                        let unknown = v2::AddressFamily::Unspecified | v2::Protocol::Unspecified;
                        v2::Builder::new(version, unknown).build()
                    }
                }
            }
        }
    }
}

fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(version: ProxyProtocol, client: &str, local: &str) -> Vec<u8> {
        version.header(Some((client.parse().unwrap(), local.parse().unwrap()))).unwrap()
    }

    #[test]
    fn version_1_is_the_documented_line() {
        let v1 = |client, local| String::from_utf8(header(ProxyProtocol::V1, client, local)).unwrap();
        assert_eq!(
            v1("192.0.2.1:56324", "198.51.100.7:80"),
            "PROXY TCP4 192.0.2.1 198.51.100.7 56324 80\r\n"
        );
        assert_eq!(v1("[2001:db8::1]:1", "[::1]:80"), "PROXY TCP6 2001:db8::1 ::1 1 80\r\n");
        assert_eq!(
            v1("[::ffff:192.0.2.1]:1", "[::ffff:192.0.2.2]:80"),
            "PROXY TCP4 192.0.2.1 192.0.2.2 1 80\r\n"
        );
        assert_eq!(ProxyProtocol::V1.header(None).unwrap(), b"PROXY UNKNOWN\r\n");
    }

    #[test]
    fn version_2_is_the_documented_bytes() {
        const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
        let v4 = header(ProxyProtocol::V2, "192.0.2.1:258", "198.51.100.7:80");
        let expected = [0x21, 0x11, 0, 12, 192, 0, 2, 1, 198, 51, 100, 7, 1, 2, 0, 80];
        assert_eq!(v4, [SIGNATURE, &expected].concat());
        let v6 = header(ProxyProtocol::V2, "[2001:db8::1]:258", "[::1]:80");
        let address = |text: &str| text.parse::<std::net::Ipv6Addr>().unwrap().octets();
        let (client, local) = (address("2001:db8::1"), address("::1"));
        assert_eq!(v6, [SIGNATURE, &[0x21, 0x21, 0, 36], &client, &local, &[1, 2, 0, 80]].concat());
        assert_eq!(ProxyProtocol::V2.header(None).unwrap(), [SIGNATURE, &[0x21, 0, 0, 0]].concat());
    }
}
