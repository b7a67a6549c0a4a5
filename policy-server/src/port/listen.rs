//! A listening socket fit for a burst.

use std::{io, net::SocketAddr};

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::TcpListener;

/// How to listen. The default has a backlog of 4,096 instead of the usual 128 to 1,024, for bursts of
/// connections, and leaves everything else to the system.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "nothing listens until `bind`"]
pub struct ListenConfig {
    backlog: i32,
    reuse_port: bool,
    only_v6: Option<bool>,
}

/// Linux cuts larger values to `net.core.somaxconn`, which is 4,096 by default since 5.4.
const BACKLOG: i32 = 4096;

impl Default for ListenConfig {
    fn default() -> Self {
        Self { backlog: BACKLOG, reuse_port: false, only_v6: None }
    }
}

impl ListenConfig {
    /// Connections the kernel keeps until they are accepted. Default 4,096.
    pub const fn backlog(mut self, connections: i32) -> Self {
        self.backlog = connections;
        self
    }

    /// Lets several sockets listen on one address; the kernel spreads connections over them. Unix only.
    pub const fn reuse_port(mut self, reuse: bool) -> Self {
        self.reuse_port = reuse;
        self
    }

    /// Whether an IPv6 listener takes IPv6 only. By default the system decides, and on Linux `[::]`
    /// takes IPv4 as well, so that binding `0.0.0.0` beside it needs `true` here.
    pub const fn only_v6(mut self, only: bool) -> Self {
        self.only_v6 = Some(only);
        self
    }

    /// Listens on `address`; port 0 lets the system choose. Must run inside a tokio runtime.
    ///
    /// On Unix the address may be taken over from a closed listener whose connections still linger.
    ///
    /// # Errors
    ///
    /// What the system says, for example `AddrInUse`, with the address in its text.
    pub fn bind(&self, address: SocketAddr) -> io::Result<TcpListener> {
        TcpListener::from_std(self.bind_std(address)?)
    }

    /// The same without a runtime, for a server that binds before it drops privileges or starts threads.
    /// The listener is in non-blocking mode, as `tokio::net::TcpListener::from_std` wants it.
    ///
    /// # Errors
    ///
    /// Those of [`bind`](Self::bind).
    pub fn bind_std(&self, address: SocketAddr) -> io::Result<std::net::TcpListener> {
        self.listen(address).map_err(|e| io::Error::new(e.kind(), format!("cannot listen on {address}: {e}")))
    }

    fn listen(&self, address: SocketAddr) -> io::Result<std::net::TcpListener> {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
        // On Windows this option would let any process take the address over.
        #[cfg(unix)]
        socket.set_reuse_address(true)?;
        #[cfg(all(unix, not(any(target_os = "solaris", target_os = "illumos", target_os = "cygwin"))))]
        if self.reuse_port {
            socket.set_reuse_port(true)?;
        }
        if let (Some(only), true) = (self.only_v6, address.is_ipv6()) {
            socket.set_only_v6(only)?;
        }
        socket.set_nonblocking(true)?;
        socket.bind(&address.into())?;
        socket.listen(self.backlog)?;
        Ok(socket.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_taken_address_is_named() {
        let taken = ListenConfig::default().bind(([127, 0, 0, 1], 0).into()).unwrap();
        let address = taken.local_addr().unwrap();
        let error = ListenConfig::default().bind(address).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
        assert!(error.to_string().contains(&address.to_string()), "{error}");
    }

    #[tokio::test]
    #[cfg(target_os = "linux")]
    async fn options_reach_the_socket() {
        let config = ListenConfig::default().reuse_port(true).backlog(16);
        let first = config.bind(([127, 0, 0, 1], 0).into()).unwrap();
        config.bind(first.local_addr().unwrap()).unwrap();
        let v6 = ListenConfig::default().only_v6(true).bind("[::]:0".parse().unwrap()).unwrap();
        let port = v6.local_addr().unwrap().port();
        ListenConfig::default().bind(([0, 0, 0, 0], port).into()).unwrap();
    }
}
