//! The server behind, and how to reach it.

use std::{
    io,
    net::SocketAddr,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    net::{TcpStream, UnixStream, lookup_host},
    time::Instant,
};

use crate::cli::serve::address::{HostPort, UpstreamAddress};

/// A name that no longer leads anywhere is looked up again, this often at most.
const LOOKUP_PAUSE: Duration = Duration::from_secs(1);

/// The server behind.
#[derive(Debug)]
pub(crate) struct Upstream {
    text: String,
    target: Target,
}

#[derive(Debug)]
enum Target {
    Tcp { name: HostPort, known: Mutex<Known> },
    Unix(PathBuf),
}

#[derive(Debug)]
struct Known {
    addresses: Arc<[SocketAddr]>,
    since: Instant,
}

pub(super) enum Connected {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Upstream {
    /// Looks the name up, so that one that does not exist is told at the start.
    pub(crate) async fn resolve(address: &UpstreamAddress) -> io::Result<Self> {
        let target = match address {
            UpstreamAddress::Unix(path) => Target::Unix(path.clone()),
            UpstreamAddress::Tcp(name) => {
                let addresses = look_up(name).await?;
                let known = Mutex::new(Known { addresses, since: Instant::now() });
                Target::Tcp { name: name.clone(), known }
            }
        };
        Ok(Self { text: address.to_string(), target })
    }

    pub(crate) fn name(&self) -> &str {
        &self.text
    }

    /// Where it is, as far as it is known.
    pub(crate) fn addresses(&self) -> Arc<[SocketAddr]> {
        match &self.target {
            Target::Tcp { known, .. } => {
                Arc::clone(&known.lock().unwrap_or_else(PoisonError::into_inner).addresses)
            }
            Target::Unix(_) => Arc::default(),
        }
    }

    /// Connects to the first address that takes the connection.
    pub(super) async fn connect(&self) -> io::Result<Connected> {
        let name = match &self.target {
            Target::Unix(path) => return UnixStream::connect(path).await.map(Connected::Unix),
            Target::Tcp { name, .. } => name,
        };
        match connect(&self.addresses()).await {
            Ok(stream) => Ok(Connected::Tcp(stream)),
            // It may have moved.
            Err(error) => match self.look_up_again(name).await {
                Some(addresses) => connect(&addresses).await.map(Connected::Tcp),
                None => Err(error),
            },
        }
    }

    /// Other addresses than those that did not answer, if there are any.
    async fn look_up_again(&self, name: &HostPort) -> Option<Arc<[SocketAddr]>> {
        let Target::Tcp { known, .. } = &self.target else { return None };
        let before = {
            let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
            if name.as_str().parse::<SocketAddr>().is_ok() || known.since.elapsed() < LOOKUP_PAUSE {
                return None;
            }
            known.since = Instant::now();
            Arc::clone(&known.addresses)
        };
        let addresses = look_up(name).await.ok().filter(|addresses| *addresses != before)?;
        known.lock().unwrap_or_else(PoisonError::into_inner).addresses = Arc::clone(&addresses);
        Some(addresses)
    }
}

async fn connect(addresses: &[SocketAddr]) -> io::Result<TcpStream> {
    let mut problem = io::ErrorKind::NotFound.into();
    for address in addresses {
        match TcpStream::connect(*address).await {
            Ok(stream) => {
                stream.set_nodelay(true)?;
                return Ok(stream);
            }
            Err(e) => problem = e,
        }
    }
    Err(problem)
}

async fn look_up(name: &HostPort) -> io::Result<Arc<[SocketAddr]>> {
    let addresses: Arc<[_]> = lookup_host(name.as_str()).await?.collect();
    if addresses.is_empty() {
        return Err(io::Error::new(io::ErrorKind::NotFound, "the name has no address"));
    }
    Ok(addresses)
}
