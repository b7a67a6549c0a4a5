//! Sockets that the service manager opened.

use std::{env, fmt, io, net::TcpListener, os::unix::net::UnixListener};

use listenfd::ListenFd;
use socket2::SockRef;

/// First descriptor that a service manager passes: `SD_LISTEN_FDS_START`.
const FIRST_FD: usize = 3;

/// A socket that listens.
#[derive(Debug)]
pub enum Socket {
    /// For `HOST:PORT`.
    Tcp(TcpListener),
    /// For a path.
    Unix(UnixListener),
}

/// Sockets that the service manager opened (`sd_listen_fds(3)`): `LISTEN_FDS`, `LISTEN_PID` and `LISTEN_FDNAMES`. They
/// are in whatever mode they were opened in.
pub struct Passed {
    sockets: ListenFd,
    names: Vec<String>,
    taken: Vec<bool>,
}

impl fmt::Debug for Passed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Passed")
            .field("names", &self.names)
            .field("taken", &self.taken)
            .finish_non_exhaustive()
    }
}

impl Passed {
    /// Those that were passed to this process. To be called once.
    #[must_use]
    pub fn from_env() -> Self {
        // The crate does not tell the names.
        let names = env::var("LISTEN_FDNAMES").unwrap_or_default();
        let sockets = ListenFd::from_env();
        let mut names: Vec<_> = names.split(':').map(str::to_owned).collect();
        names.resize(sockets.len(), String::new());
        let taken = vec![false; sockets.len()];
        Self { sockets, names, taken }
    }

    /// Takes all sockets of a name, or the one with this number.
    ///
    /// # Errors
    ///
    /// One line: none has this name, or it does not listen, or was taken already.
    pub fn take(&mut self, name: &str) -> Result<Vec<Socket>, String> {
        let number = name.parse().ok().and_then(|n: usize| n.checked_sub(FIRST_FD));
        let wanted: Vec<_> =
            (0..self.names.len()).filter(|i| self.names[*i] == name || number == Some(*i)).collect();
        if wanted.is_empty() {
            return Err(format!(
                "no socket fd:{name} was passed by the service manager; it passed {}",
                self.list()
            ));
        }
        let mut sockets = Vec::new();
        for index in wanted {
            let socket = self.socket(index).map_err(|e| format!("cannot listen on fd:{name}: {e}"))?;
            self.taken[index] = true;
            sockets.push(socket);
        }
        Ok(sockets)
    }

    fn socket(&mut self, index: usize) -> io::Result<Socket> {
        let socket = match self.sockets.take_unix_listener(index) {
            Ok(listener) => listener.map(Socket::Unix),
            Err(_) => self.sockets.take_tcp_listener(index)?.map(Socket::Tcp),
        };
        let socket = socket.ok_or_else(|| io::Error::other("taken by an option before this one"))?;
        let is_listener = match &socket {
            Socket::Tcp(listener) => SockRef::from(listener).is_listener()?,
            Socket::Unix(listener) => SockRef::from(listener).is_listener()?,
        };
        if !is_listener {
            return Err(io::Error::other("it does not listen; the .socket unit needs Accept=no"));
        }
        Ok(socket)
    }

    fn list(&self) -> String {
        if self.names.is_empty() {
            return "none (LISTEN_FDS and LISTEN_PID are not set for this process)".to_owned();
        }
        let name = |(index, name): (usize, &String)| format!("fd:{} {name:?}", index + FIRST_FD);
        self.names.iter().enumerate().map(name).collect::<Vec<_>>().join(", ")
    }

    /// Logs those that nobody has taken.
    pub fn warn_of_unused(&self) {
        for (index, name) in self.names.iter().enumerate().filter(|(index, _)| !self.taken[*index]) {
            tracing::warn!(
                fd = index + FIRST_FD,
                name,
                "a passed socket is not used; name it with --listen fd:NAME"
            );
        }
    }
}
