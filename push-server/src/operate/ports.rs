//! Listening sockets: bound here, or handed over by the service manager.

use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr, SocketAddrV4, TcpListener, ToSocketAddrs as _};

use policy_server::ListenConfig;
use policy_server::service::{Address, HostPort, Passed, Socket};

use crate::cli::address;
use crate::config::Settings;

/// The ports of a server, in non-blocking mode.
#[derive(Debug)]
pub(crate) struct Ports {
    /// HTTP, streams and policy.
    pub(crate) clients: Vec<TcpListener>,
    /// Policy alone.
    pub(crate) policy: Vec<TcpListener>,
    /// What operators look at.
    pub(crate) admin: Vec<TcpListener>,
}

impl Ports {
    /// Binds what the settings ask for.
    ///
    /// # Errors
    ///
    /// One line: which address, why, and what to do.
    pub(crate) fn bind(settings: &Settings) -> Result<Self, String> {
        let mut passed = Passed::from_env();
        let v4: Vec<SocketAddrV4> = [&settings.listen, &settings.policy.listen, &settings.admin.listen]
            .into_iter()
            .flatten()
            .filter_map(|text| text.parse().ok())
            .collect();
        let mut all = |key: &str, texts: &[String]| -> Result<Vec<TcpListener>, String> {
            let mut listeners = Vec::new();
            for text in texts {
                let address = address(text).map_err(|error| format!("{key}: {text:?}: {error}"))?;
                let bound = listen_beside(&address, &mut passed, &v4);
                listeners.extend(bound.map_err(|error| format!("{key}: {error}"))?);
            }
            Ok(listeners)
        };
        let ports = Self {
            clients: all("listen", &settings.listen)?,
            policy: all("policy.listen", &settings.policy.listen)?,
            admin: all("admin.listen", &settings.admin.listen)?,
        };
        passed.warn_of_unused();
        Ok(ports)
    }

    /// The ports that movies may open sockets to, as a policy has them.
    pub(crate) fn served_on(&self) -> Vec<u16> {
        let ports = self.clients.iter().filter_map(|listener| listener.local_addr().ok());
        let mut ports: Vec<_> = ports.map(|address| address.port()).collect();
        ports.sort_unstable();
        ports.dedup();
        ports
    }
}

/// Listens on one address, which may be a name of several. At least one.
///
/// # Errors
///
/// One line: which address, why, and what to do.
pub(crate) fn listen(address: &Address, passed: &mut Passed) -> Result<Vec<TcpListener>, String> {
    listen_beside(address, passed, &[])
}

fn listen_beside(
    address: &Address,
    passed: &mut Passed,
    v4: &[SocketAddrV4],
) -> Result<Vec<TcpListener>, String> {
    match address {
        Address::Tcp(address) => tcp(address, v4),
        Address::Fd(name) => passed.take(name)?.into_iter().map(|socket| of_manager(name, socket)).collect(),
        Address::Unix(path) => {
            Err(format!("cannot listen on unix:{}: give HOST:PORT or fd:NAME", path.display()))
        }
    }
}

fn of_manager(name: &str, socket: Socket) -> Result<TcpListener, String> {
    let Socket::Tcp(listener) = socket else {
        return Err(format!("fd:{name} is a Unix socket; give ListenStream= of the .socket unit a port"));
    };
    let unusable = |error| format!("cannot listen on fd:{name}: {error}");
    listener.set_nonblocking(true).map_err(unusable)?;
    Ok(listener)
}

/// A name may have several addresses; those that can be listened on are, and port 0 is one port.
fn tcp(host: &HostPort, v4: &[SocketAddrV4]) -> Result<Vec<TcpListener>, String> {
    let name = host.as_str();
    let named = |error: &dyn std::fmt::Display| format!("cannot listen on {name}: {error}");
    let addresses = name.to_socket_addrs().map_err(|error| named(&error) + NO_NAME)?;
    let (mut listeners, mut problem) = (Vec::new(), named(&"the name has no address"));
    for address in addresses {
        if host.port() == 0 && !listeners.is_empty() {
            break;
        }
        match bind(address, v4) {
            Ok(listener) => listeners.push(listener),
            // This one names the address.
            Err(error) => problem = format!("{error}{}", remedy(&error)),
        }
    }
    if listeners.is_empty() { Err(problem) } else { Ok(listeners) }
}

fn bind(address: SocketAddr, v4: &[SocketAddrV4]) -> io::Result<TcpListener> {
    // `[::]:80` beside `0.0.0.0:80` means IPv6, where else it would take both.
    let is_beside = address.port() != 0
        && address.ip() == IpAddr::V6(Ipv6Addr::UNSPECIFIED)
        && v4.iter().any(|other| other.port() == address.port());
    let config = ListenConfig::default();
    if is_beside { config.only_v6(true).bind_std(address) } else { config.bind_std(address) }
}

const NO_NAME: &str = "; give an address, or a name that this host can look up";

fn remedy(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::AddrInUse => "; end the program that listens there, or give another address",
        io::ErrorKind::PermissionDenied => {
            "; for a port below 1024 take the socket from systemd with fd:NAME, or give CAP_NET_BIND_SERVICE"
        }
        io::ErrorKind::AddrNotAvailable => "; give an address of this host",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(listen: &[&str]) -> Settings {
        Settings { listen: listen.iter().map(|&text| text.to_owned()).collect(), ..Settings::default() }
    }

    #[test]
    fn a_taken_port_is_told_with_what_to_do() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = taken.local_addr().unwrap().to_string();
        let error = Ports::bind(&settings(&[&address])).unwrap_err();
        assert!(
            error.starts_with("listen: ") && error.contains(&address) && error.contains("; end the"),
            "{error}"
        );
        // Too long a name for a question to be asked of anybody.
        let nowhere = format!("{}:80", "x".repeat(64));
        let error = Ports::bind(&settings(&[&nowhere])).unwrap_err();
        assert!(error.contains(&nowhere) && error.ends_with(NO_NAME), "{error}");
        let error = Ports::bind(&settings(&["fd:http"])).unwrap_err();
        assert!(error.contains("no socket fd:http was passed"), "{error}");
    }

    #[test]
    fn all_of_both_families_can_be_listened_on_with_one_port() {
        let first = Ports::bind(&settings(&["0.0.0.0:0"])).unwrap();
        let port = first.served_on()[0];
        drop(first);
        let (v4, v6) = (format!("0.0.0.0:{port}"), format!("[::]:{port}"));
        let both = Ports::bind(&settings(&[&v4, &v6])).unwrap();
        assert_eq!((both.clients.len(), both.served_on()), (2, vec![port]));
    }
}
