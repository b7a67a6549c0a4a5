//! The ports of this server, which are no upstream of it.

use std::{
    fs,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use super::sockets::Port;

/// Where this server listens itself.
#[derive(Clone, Debug, Default)]
pub(crate) struct OwnPorts {
    tcp: Vec<OwnPort>,
    unix: Vec<PathBuf>,
}

#[derive(Clone, Copy, Debug)]
struct OwnPort {
    address: SocketAddr,
    /// Of `[::]`: IPv4 is another's.
    only_v6: bool,
}

impl OwnPorts {
    #[cfg(test)]
    pub(crate) fn tcp(address: SocketAddr) -> Self {
        Self { tcp: vec![OwnPort { address, only_v6: false }], unix: Vec::new() }
    }

    pub(crate) fn of(ports: &[Port]) -> Self {
        let tcp = |port: &Port| Some(OwnPort { address: port.address?, only_v6: port.only_v6 });
        Self {
            tcp: ports.iter().filter_map(tcp).collect(),
            unix: ports.iter().filter_map(|port| port.path.clone()).collect(),
        }
    }

    /// Whether who connects to `to` connects to this server. Asks the system which addresses are its own, if
    /// that matters.
    pub(crate) fn has(&self, to: SocketAddr) -> bool {
        let ip = match to.ip().to_canonical() {
            // Where the system connects to then.
            IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
            ip => ip,
        };
        self.tcp.iter().filter(|own| own.address.port() == to.port()).any(|own| {
            match own.address.ip().to_canonical() {
                IpAddr::V4(own) if own.is_unspecified() => ip.is_ipv4() && is_local(ip),
                IpAddr::V6(v6) if v6.is_unspecified() => (ip.is_ipv6() || !own.only_v6) && is_local(ip),
                own => own == ip,
            }
        })
    }

    /// The same for a Unix socket, whatever its path is called here.
    pub(crate) fn has_unix(&self, to: &Path) -> bool {
        let identity = |path: &Path| fs::metadata(path).map(|file| (file.dev(), file.ino())).ok();
        let to = identity(to);
        to.is_some() && self.unix.iter().any(|own| identity(own) == to)
    }
}

/// Documentation addresses (RFC 5737, RFC 3849), which no host has.
const NOBODYS: [IpAddr; 2] =
    [IpAddr::V4(Ipv4Addr::new(192, 0, 2, 253)), IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 253))];

/// Whether the address is one of this host: only those can be bound. Where `ip_nonlocal_bind` lets all be bound
/// that says nothing, and loopback alone is known.
fn is_local(ip: IpAddr) -> bool {
    let can_bind = |ip| UdpSocket::bind((ip, 0)).is_ok();
    let nobodys = NOBODYS[usize::from(ip.is_ipv6())];
    ip.is_loopback() || (can_bind(ip) && !can_bind(nobodys))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own(address: &str, only_v6: bool) -> OwnPorts {
        OwnPorts { tcp: vec![OwnPort { address: address.parse().unwrap(), only_v6 }], unix: Vec::new() }
    }

    #[test]
    fn a_port_of_this_server_is_known_by_each_of_its_addresses() {
        for (listen, only_v6, upstream, is_own) in [
            ("127.0.0.1:8080", false, "127.0.0.1:8080", true),
            ("127.0.0.1:8080", false, "0.0.0.0:8080", true),
            ("127.0.0.1:8080", false, "[::ffff:127.0.0.1]:8080", true),
            ("127.0.0.1:8080", false, "127.0.0.2:8080", false),
            ("127.0.0.1:8080", false, "127.0.0.1:8081", false),
            ("127.0.0.1:8080", false, "[::]:8080", false),
            ("[::1]:8080", false, "[::]:8080", true),
            ("0.0.0.0:8080", false, "127.0.0.2:8080", true),
            ("0.0.0.0:8080", false, "0.0.0.0:8080", true),
            // Another server's, on the same port of the other family.
            ("0.0.0.0:8080", false, "[::1]:8080", false),
            ("0.0.0.0:8080", false, "192.0.2.1:8080", false),
            ("[::]:8080", false, "[::1]:8080", true),
            ("[::]:8080", false, "127.0.0.1:8080", true),
            ("[::]:8080", true, "127.0.0.1:8080", false),
            ("[::]:8080", false, "[2001:db8::1]:8080", false),
        ] {
            let found = own(listen, only_v6).has(upstream.parse().unwrap());
            assert_eq!(found, is_own, "{listen} and {upstream}");
        }
    }

    #[test]
    fn a_listener_for_all_has_the_address_that_this_host_has_in_its_network() {
        // Connecting sends nothing, and shows the own address on the way there.
        let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
        if socket.connect(("192.0.2.1", 9)).is_err() {
            return eprintln!("left out: no network but loopback");
        }
        let ip = socket.local_addr().unwrap().ip();
        assert!(own("0.0.0.0:8080", false).has((ip, 8080).into()), "{ip}");
        assert!(!own("127.0.0.1:8080", false).has((ip, 8080).into()), "{ip}");
    }
}
