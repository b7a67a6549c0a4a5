//! Listening sockets: bound here, or handed over by the service manager.

use std::{
    fs, io,
    net::{IpAddr, Ipv6Addr, SocketAddr, SocketAddrV4, ToSocketAddrs as _},
    os::unix::{
        fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _},
        net::UnixListener,
    },
    path::{Path, PathBuf},
};

use policy_server::ListenConfig;
pub(crate) use policy_server::service::Socket;
use policy_server::service::{Address, HostPort, Passed};
use socket2::SockRef;

use super::{args::ServeArgs, descriptors};

/// What a port is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Policy, and everything else is handed on.
    Dual,
    /// Policy alone.
    PolicyOnly,
    /// Health and metrics.
    Admin,
}

impl Role {
    /// As the option that asks for it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Dual => "listen",
            Self::PolicyOnly => "policy-only",
            Self::Admin => "admin",
        }
    }
}

/// A port that is bound: what it is for, its name, and a socket for each thread.
#[derive(Debug)]
pub(crate) struct Port {
    pub(crate) role: Role,
    /// `127.0.0.1:8080`, `unix:/run/policy.sock`: as bound, not as asked for.
    pub(crate) name: String,
    /// The TCP address, if it has one.
    pub(crate) address: Option<SocketAddr>,
    /// It is for IPv6, and IPv4 is left to others.
    pub(crate) only_v6: bool,
    /// The path, if it is a Unix socket with one.
    pub(crate) path: Option<PathBuf>,
    pub(crate) sockets: Vec<Socket>,
    /// Removes the file of a Unix socket in the end.
    _file: Option<SocketFile>,
}

/// Binds what the command line asks for. The errors are one line each, with what to do.
pub(crate) fn bind(args: &ServeArgs) -> Result<Vec<Port>, String> {
    let mut binder = Binder { args, passed: Passed::from_env(), ports: Vec::new() };
    for (role, addresses) in [
        (Role::Dual, args.listen.as_slice()),
        (Role::PolicyOnly, &args.policy_only),
        (Role::Admin, args.admin.as_slice()),
    ] {
        for address in addresses {
            match address {
                Address::Tcp(address) => binder.tcp(role, address)?,
                Address::Unix(path) => binder.unix(role, path)?,
                Address::Fd(name) => binder.passed(role, name)?,
            }
        }
    }
    binder.passed.warn_of_unused();
    Ok(binder.ports)
}

struct Binder<'a> {
    args: &'a ServeArgs,
    passed: Passed,
    ports: Vec<Port>,
}

impl Binder<'_> {
    fn threads(&self, role: Role) -> u16 {
        if role == Role::Admin { 1 } else { self.args.threads }
    }

    fn addresses(&self) -> impl Iterator<Item = &HostPort> {
        let args = self.args;
        args.listen.iter().chain(&args.policy_only).chain(&args.admin).filter_map(|address| match address {
            Address::Tcp(address) => Some(address),
            Address::Unix(_) | Address::Fd(_) => None,
        })
    }

    fn tcp(&mut self, role: Role, address: &HostPort) -> Result<(), String> {
        let mut addresses = address
            .as_str()
            .to_socket_addrs()
            .map_err(|e| format!("cannot listen on {}: {e}", address.as_str()))?
            .peekable();
        // A name may have several; all of them are meant, but port 0 would be another one each time.
        let first = *addresses.peek().ok_or_else(|| format!("{} has no address", address.as_str()))?;
        let addresses = if address.port() == 0 { vec![first] } else { addresses.collect() };
        for address in addresses {
            self.is_new(|port| port.address == Some(address), &address.to_string())?;
            let sockets = self
                .tcp_sockets(address, self.threads(role))
                .map_err(|e| format!("{e}{}", remedy(&e, role)))?;
            let port =
                Port::new(role, sockets, None).map_err(|e| format!("cannot listen on {address}: {e}"))?;
            self.ports.push(port);
        }
        Ok(())
    }

    /// The system would say that it is in use, by this very program.
    fn is_new(&self, is_same: impl Fn(&Port) -> bool, name: &str) -> Result<(), String> {
        match self.ports.iter().find(|port| is_same(port)) {
            Some(port) => Err(format!(
                "{name} is given twice, the first time with --{}; give each address once",
                port.role.name()
            )),
            None => Ok(()),
        }
    }

    /// Threads have a socket each, and the kernel spreads connections over them.
    fn tcp_sockets(&self, address: SocketAddr, threads: u16) -> io::Result<Vec<Socket>> {
        // `[::]:80` beside `0.0.0.0:80` means IPv6, where else it would take both.
        let beside_v4 = self
            .addresses()
            .filter(|other| other.port() == address.port() && address.port() != 0)
            .filter_map(|other| other.as_str().parse::<SocketAddrV4>().ok())
            .reduce(|one, other| if one.ip().is_unspecified() { one } else { other });
        if let Some(v4) = beside_v4
            && address.ip() == IpAddr::V6(Ipv6Addr::UNSPECIFIED)
            && !v4.ip().is_unspecified()
        {
            tracing::warn!(
                %address,
                ipv4 = %v4,
                "takes IPv6 alone, as IPv4 has an address of its own; give 0.0.0.0 for all of IPv4"
            );
        }
        let config = ListenConfig::default().only_v6(address.is_ipv6() && beside_v4.is_some());
        let first = config.bind_std(address)?;
        if threads == 1 {
            return Ok(vec![Socket::Tcp(first)]);
        }
        // Bound without sharing first: another program's port must not be shared silently.
        let address = first.local_addr()?;
        drop(first);
        let config = config.reuse_port(true);
        (0..threads).map(|_| config.bind_std(address).map(Socket::Tcp)).collect()
    }

    fn unix(&mut self, role: Role, path: &Path) -> Result<(), String> {
        self.is_new(|port| port.path.as_deref() == Some(path), &format!("unix:{}", path.display()))?;
        let named =
            |e: io::Error| format!("cannot listen on unix:{}: {e}{}", path.display(), remedy(&e, role));
        clear_stale(path).map_err(named)?;
        let listener = UnixListener::bind(path).map_err(named)?;
        let file = SocketFile::new(path).map_err(named)?;
        if let Some(user) = &self.args.user {
            user.own(path).map_err(named)?;
        }
        if let Some(mode) = self.args.unix_mode {
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).map_err(named)?;
        }
        let sockets = share(Socket::Unix(listener), self.threads(role)).map_err(named)?;
        self.ports.push(Port::new(role, sockets, Some(file)).map_err(named)?);
        Ok(())
    }

    fn passed(&mut self, role: Role, name: &str) -> Result<(), String> {
        for socket in self.passed.take(name)? {
            let named = |e: io::Error| format!("cannot listen on fd:{name}: {e}");
            let sockets = share(socket, self.threads(role)).map_err(named)?;
            self.ports.push(Port::new(role, sockets, None).map_err(named)?);
        }
        Ok(())
    }
}

impl Port {
    fn new(role: Role, sockets: Vec<Socket>, file: Option<SocketFile>) -> io::Result<Self> {
        let (name, address, path) = match sockets.first() {
            Some(Socket::Tcp(listener)) => {
                let address = listener.local_addr()?;
                (address.to_string(), Some(address), None)
            }
            Some(Socket::Unix(listener)) => {
                let address = listener.local_addr()?;
                let path = address.as_pathname().map(Path::to_owned);
                let name = path.as_deref().unwrap_or_else(|| Path::new("?")).display();
                (format!("unix:{name}"), None, path)
            }
            None => return Err(io::Error::other("no socket")),
        };
        for socket in &sockets {
            match socket {
                Socket::Tcp(listener) => {
                    listener.set_nonblocking(true)?;
                    // Accepted connections have it from here.
                    SockRef::from(listener).set_tcp_nodelay(true)?;
                }
                Socket::Unix(listener) => listener.set_nonblocking(true)?,
            }
        }
        let only_v6 = match sockets.first() {
            Some(Socket::Tcp(listener)) if address.is_some_and(|address| address.is_ipv6()) => {
                SockRef::from(listener).only_v6()?
            }
            _ => false,
        };
        Ok(Self { role, name, address, only_v6, path, sockets, _file: file })
    }
}

/// The same socket for each thread.
fn share(socket: Socket, threads: u16) -> io::Result<Vec<Socket>> {
    let mut sockets = (1..threads)
        .map(|_| match &socket {
            Socket::Tcp(listener) => listener.try_clone().map(Socket::Tcp),
            Socket::Unix(listener) => listener.try_clone().map(Socket::Unix),
        })
        .collect::<io::Result<Vec<_>>>()?;
    sockets.push(socket);
    Ok(sockets)
}

/// What to do about it.
fn remedy(error: &io::Error, role: Role) -> String {
    let option = role.name();
    match error.kind() {
        io::ErrorKind::AddrInUse => {
            format!("; end the program that listens there, or give --{option} another")
        }
        io::ErrorKind::PermissionDenied => format!(
            "; for a port below 1024 start as root with --user, with the capability CAP_NET_BIND_SERVICE, or \
             take the socket from systemd with --{option} fd:NAME"
        ),
        _ if error.raw_os_error() == Some(nix::errno::Errno::EMFILE as i32) => {
            format!("; {}, or give fewer --threads", descriptors::REMEDY)
        }
        io::ErrorKind::AddrNotAvailable => format!("; give --{option} an address of this host"),
        _ => String::new(),
    }
}

/// Removes what a server that ended badly left behind; what still answers is not touched.
fn clear_stale(path: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.file_type().is_socket() => match try_connect(path) {
            Err(e) if e.kind() == io::ErrorKind::ConnectionRefused => fs::remove_file(path),
            _ => Err(io::ErrorKind::AddrInUse.into()),
        },
        // `bind` finds the words.
        Ok(_) | Err(_) => Ok(()),
    }
}

/// Does not wait: one that has many waiting already answers that it would.
fn try_connect(path: &Path) -> io::Result<()> {
    let socket = socket2::Socket::new(socket2::Domain::UNIX, socket2::Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    socket.connect(&socket2::SockAddr::unix(path)?)
}

/// The file of a Unix socket. Removed in the end, unless it is another's by then.
#[derive(Debug)]
struct SocketFile {
    path: PathBuf,
    inode: u64,
}

impl SocketFile {
    fn new(path: &Path) -> io::Result<Self> {
        Ok(Self { path: path.to_owned(), inode: fs::symlink_metadata(path)?.ino() })
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        let is_own = fs::symlink_metadata(&self.path).is_ok_and(|metadata| metadata.ino() == self.inode);
        if is_own && let Err(error) = fs::remove_file(&self.path) {
            // The next start does, as root.
            tracing::warn!(
                path = %self.path.display(),
                %error,
                "the file of the socket is left behind; a folder that belongs to the --user lets it be removed"
            );
        }
    }
}
