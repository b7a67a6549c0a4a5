//! The server behind, and how to reach it.

use std::{
    io,
    net::SocketAddr,
    path::PathBuf,
    pin::{Pin, pin},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    net::{TcpStream, UnixStream, lookup_host},
    select,
    time::{Instant, timeout},
};

use policy_server::service::HostPort;

use crate::cli::serve::{address::UpstreamAddress, own::OwnPorts};

/// A name that no longer leads anywhere is looked up again, this often at most.
const LOOKUP_PAUSE: Duration = Duration::from_secs(1);

/// An address that takes longer is not given up, but the next is tried beside it: the "Connection Attempt Delay"
/// of RFC 8305.
const HEAD_START: Duration = Duration::from_millis(250);

/// Of the addresses of a name. More are left out.
const ADDRESSES: usize = 16;

/// The server behind.
#[derive(Debug)]
pub(crate) struct Upstream {
    text: String,
    target: Target,
    /// Where it cannot be.
    own: OwnPorts,
}

#[derive(Debug)]
enum Target {
    Tcp(Name),
    Unix(PathBuf),
}

#[derive(Debug)]
struct Name {
    text: HostPort,
    known: Mutex<Known>,
}

#[derive(Debug)]
struct Known {
    /// The one that took the last connection comes first.
    addresses: Arc<[SocketAddr]>,
    since: Instant,
}

pub(super) enum Connected {
    Tcp(TcpStream),
    Unix(UnixStream),
}

type Attempt<'a> = Pin<Box<dyn Future<Output = io::Result<TcpStream>> + Send + 'a>>;

impl Upstream {
    /// Looks the name up, so that one that does not exist is told at the start, as is one that leads to one of
    /// the server's own ports: it would hand every connection to itself, until there are no descriptors left.
    pub(crate) async fn resolve(address: &UpstreamAddress, own: OwnPorts) -> io::Result<Self> {
        let itself = |name: String| {
            io::Error::other(format!("{name} is this server itself; give --upstream the other server's port"))
        };
        let target = match address {
            UpstreamAddress::Unix(path) if own.has_unix(path) => return Err(itself(address.to_string())),
            UpstreamAddress::Unix(path) => Target::Unix(path.clone()),
            UpstreamAddress::Tcp(name) => {
                let addresses = look_up(name).await.map_err(|e| {
                    io::Error::new(e.kind(), format!("cannot be found: {e}; give --upstream HOST:PORT"))
                })?;
                if let Some(to) = addresses.iter().find(|to| own.has(**to)) {
                    return Err(itself(to.to_string()));
                }
                let known = Mutex::new(Known { addresses, since: Instant::now() });
                Target::Tcp(Name { text: name.clone(), known })
            }
        };
        Ok(Self { text: address.to_string(), target, own })
    }

    pub(crate) fn name(&self) -> &str {
        &self.text
    }

    /// Connects to the first address that takes the connection. The others get their turn, and after them what
    /// the name leads to by then, as soon as those before have failed or had [`HEAD_START`], or less with a
    /// `limit` that has no room for it.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::TimedOut`] after `limit`, else those of the last address that was tried.
    pub(super) async fn connect(&self, limit: Duration) -> io::Result<Connected> {
        let connected = match &self.target {
            Target::Unix(path) => {
                timeout(limit, UnixStream::connect(path)).await.map(|r| r.map(Connected::Unix))
            }
            Target::Tcp(name) => {
                let known = Arc::clone(&name.known().addresses);
                // As many as there are, and one for what a look-up finds, within half of the limit.
                let turns = u32::try_from(known.len()).unwrap_or(u32::MAX).saturating_add(1);
                let head_start = HEAD_START.min(limit / 2 / turns);
                let race = Race { name, own: &self.own, known: &known, head_start };
                timeout(limit, race.run(&known, true)).await.map(|r| r.map(Connected::Tcp))
            }
        };
        connected.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl Name {
    fn known(&self) -> MutexGuard<'_, Known> {
        // Each change is one assignment.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next connection need not wait for those that do not answer.
    fn prefer(&self, address: SocketAddr) {
        let mut known = self.known();
        if known.addresses.first() != Some(&address) && known.addresses.contains(&address) {
            let others = known.addresses.iter().filter(|other| **other != address);
            known.addresses = [address].iter().chain(others).copied().collect();
        }
    }

    /// Where it leads to now, beside where it has led to until now.
    async fn look_up_again(&self, tried: &[SocketAddr], own: &OwnPorts) -> Vec<SocketAddr> {
        let others = |addresses: &[SocketAddr]| -> Vec<_> {
            addresses.iter().filter(|address| !tried.contains(address)).copied().collect()
        };
        {
            let mut known = self.known();
            // Another connection may have looked already.
            let news = others(&known.addresses);
            let is_literal = self.text.as_str().parse::<SocketAddr>().is_ok();
            if !news.is_empty() || is_literal || known.since.elapsed() < LOOKUP_PAUSE {
                return news;
            }
            known.since = Instant::now();
        }
        let Ok(mut found) = look_up(&self.text).await.map(|found| found.to_vec()) else { return Vec::new() };
        found.retain(|address| {
            let is_own = own.has(*address);
            if is_own {
                tracing::error!(upstream = self.text.as_str(), %address, "the name leads to this server itself now");
            }
            !is_own
        });
        let news = others(&found);
        if !news.is_empty() {
            self.known().addresses = found.into();
        }
        news
    }
}

/// Attempts to connect, of which one is to succeed. Dropping it ends all of them.
#[derive(Clone, Copy)]
struct Race<'a> {
    name: &'a Name,
    own: &'a OwnPorts,
    /// Where the name led to in the beginning.
    known: &'a [SocketAddr],
    head_start: Duration,
}

impl<'a> Race<'a> {
    /// Tries `addresses` in their order. Allocates only if the first does not answer at once.
    async fn run(self, addresses: &'a [SocketAddr], may_look: bool) -> io::Result<TcpStream> {
        let Some((address, others)) = addresses.split_first() else {
            return Err(io::Error::new(io::ErrorKind::NotFound, "the name has no address"));
        };
        let mut first = pin!(self.dial(*address));
        match timeout(self.head_start, first.as_mut()).await {
            Ok(Ok(stream)) => Ok(stream),
            Ok(Err(error)) => self.others(others, may_look, Some(error)).await,
            Err(_) => {
                let mut others = self.others(others, may_look, None);
                select! {
                    result = first.as_mut() => match result {
                        Ok(stream) => Ok(stream),
                        Err(error) => others.await.map_err(|_| error),
                    },
                    result = &mut others => match result {
                        Ok(stream) => Ok(stream),
                        Err(_) => first.await,
                    },
                }
            }
        }
    }

    /// The rest of them, and then what the name leads to now. Without any the error is `before`.
    fn others(self, addresses: &'a [SocketAddr], may_look: bool, before: Option<io::Error>) -> Attempt<'a> {
        Box::pin(async move {
            if !addresses.is_empty() {
                return self.run(addresses, may_look).await;
            }
            let mut news = Vec::new();
            if may_look {
                news = self.name.look_up_again(self.known, self.own).await;
            }
            match (news.is_empty(), before) {
                (true, Some(error)) => Err(error),
                (true, None) => Err(io::ErrorKind::TimedOut.into()),
                (false, _) => self.run(&news, false).await,
            }
        })
    }

    async fn dial(self, address: SocketAddr) -> io::Result<TcpStream> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        self.name.prefer(address);
        Ok(stream)
    }
}

async fn look_up(name: &HostPort) -> io::Result<Arc<[SocketAddr]>> {
    let addresses: Arc<[_]> = lookup_host(name.as_str()).await?.take(ADDRESSES).collect();
    if addresses.is_empty() {
        return Err(io::Error::new(io::ErrorKind::NotFound, "the name has no address"));
    }
    Ok(addresses)
}

#[cfg(test)]
mod tests {
    use socket2::{Domain, Socket, Type};
    use tokio::{net::TcpListener, time::advance};

    use super::*;

    /// An address that takes no more connections and does not say so: the queue of its listener is full.
    struct BlackHole(SocketAddr, #[expect(dead_code, reason = "held open")] Vec<Socket>);

    impl BlackHole {
        fn new() -> Self {
            let socket = || {
                let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
                socket.set_nonblocking(true).unwrap();
                socket
            };
            let listener = socket();
            listener.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
            listener.listen(0).unwrap();
            let address = listener.local_addr().unwrap();
            let mut sockets: Vec<_> = (0..4).map(|_| socket()).collect();
            for socket in &sockets {
                let _ = socket.connect(&address);
            }
            sockets.push(listener);
            Self(address.as_socket().unwrap(), sockets)
        }
    }

    fn upstream(name: &str, addresses: &[SocketAddr], own: OwnPorts) -> Upstream {
        let known = Mutex::new(Known { addresses: addresses.into(), since: Instant::now() });
        let target = Target::Tcp(Name { text: name.parse().unwrap(), known });
        Upstream { text: name.to_owned(), target, own }
    }

    async fn listener() -> (TcpListener, SocketAddr) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        (listener, address)
    }

    async fn peer(upstream: &Upstream, limit: Duration) -> io::Result<SocketAddr> {
        match upstream.connect(limit).await? {
            Connected::Tcp(stream) => stream.peer_addr(),
            Connected::Unix(_) => panic!("over TCP"),
        }
    }

    const LIMIT: Duration = Duration::from_secs(5);

    #[tokio::test(start_paused = true)]
    async fn the_next_address_is_tried_beside_one_that_does_not_answer_and_first_from_then_on() {
        let (hole, (_listener, address)) = (BlackHole::new(), listener().await);
        let upstream = upstream("two.invalid:80", &[hole.0, address], OwnPorts::default());
        let start = Instant::now();
        assert_eq!(peer(&upstream, LIMIT).await.unwrap(), address);
        assert_eq!(start.elapsed(), HEAD_START);
        let start = Instant::now();
        assert_eq!(peer(&upstream, LIMIT).await.unwrap(), address);
        assert_eq!(start.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn a_short_limit_leaves_each_address_a_turn() {
        let (holes, (_listener, address)) = ([(); 3].map(|()| BlackHole::new()), listener().await);
        let addresses = [holes[0].0, holes[1].0, holes[2].0, address];
        let upstream = upstream("four.invalid:80", &addresses, OwnPorts::default());
        assert_eq!(peer(&upstream, Duration::from_millis(200)).await.unwrap(), address);
    }

    #[tokio::test(start_paused = true)]
    async fn a_name_that_moved_is_looked_up_again_though_its_old_address_says_nothing() {
        let (hole, (_listener, address)) = (BlackHole::new(), listener().await);
        let upstream = upstream(&format!("localhost:{}", address.port()), &[hole.0], OwnPorts::default());
        advance(LOOKUP_PAUSE).await;
        assert_eq!(peer(&upstream, LIMIT).await.unwrap(), address);
        // Known from now on.
        let start = Instant::now();
        assert_eq!(peer(&upstream, LIMIT).await.unwrap(), address);
        assert_eq!(start.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_is_slow_and_has_not_moved_keeps_all_of_the_limit() {
        let hole = BlackHole::new();
        let name = format!("127.0.0.1:{}", hole.0.port());
        let upstream = upstream(&name, &[hole.0], OwnPorts::default());
        let start = Instant::now();
        assert_eq!(peer(&upstream, LIMIT).await.unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert_eq!(start.elapsed(), LIMIT);
    }

    #[tokio::test(start_paused = true)]
    async fn a_name_that_leads_to_this_server_itself_now_is_not_followed() {
        let (hole, (_listener, address)) = (BlackHole::new(), listener().await);
        let own = OwnPorts::tcp(address);
        let upstream = upstream(&format!("localhost:{}", address.port()), &[hole.0], own);
        advance(LOOKUP_PAUSE).await;
        assert!(peer(&upstream, LIMIT).await.is_err());
    }
}
