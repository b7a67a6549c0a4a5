//! Everything that is no policy request goes through to the real server.

mod header;
mod pump;
mod upstream;

use std::{
    fmt::Display,
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use policy_server::port::Prefixed;
use tokio::{
    io::AsyncReadExt as _,
    net::{TcpStream, UnixStream},
};
use tracing::debug;

pub(crate) use self::{header::ProxyProtocol, upstream::Upstream};
use self::{
    pump::{Duplex, End, Tally, pump},
    upstream::Connected,
};
use super::quiet::Quiet;

/// What is sent together with a header: a request, usually.
const FIRST_READ: usize = 4096;

/// The bounds of a connection to the upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ProxyLimits {
    /// To connect. Default 5 s.
    pub(crate) connect: Duration,
    /// Without a byte in either direction. Default 10 min: streams are quiet at times.
    pub(crate) idle: Duration,
}

impl Default for ProxyLimits {
    fn default() -> Self {
        Self { connect: Duration::from_secs(5), idle: Duration::from_secs(600) }
    }
}

/// Hands connections of one port to the upstream. Clones share the counters.
#[derive(Clone, Debug)]
pub(crate) struct Proxy {
    upstream: Arc<Upstream>,
    protocol: Option<ProxyProtocol>,
    limits: ProxyLimits,
    counters: Arc<Counters>,
    complaints: Arc<Quiet>,
}

/// What became of the connections of one port to the upstream.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    done: AtomicU64,
    idle: AtomicU64,
    client_failed: AtomicU64,
    upstream_failed: AtomicU64,
    refused: AtomicU64,
    timed_out: AtomicU64,
    /// Now.
    open: AtomicI64,
    carried: Tally,
}

/// A connection to the upstream while it is open.
struct Opened<'a>(&'a Counters);

impl<'a> Opened<'a> {
    fn new(counters: &'a Counters) -> Self {
        counters.open.fetch_add(1, Relaxed);
        Self(counters)
    }
}

impl Drop for Opened<'_> {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Relaxed);
    }
}

impl Counters {
    pub(crate) fn results(&self) -> [(&'static str, u64); 6] {
        [
            ("done", self.done.load(Relaxed)),
            ("idle", self.idle.load(Relaxed)),
            ("client_failed", self.client_failed.load(Relaxed)),
            ("upstream_failed", self.upstream_failed.load(Relaxed)),
            ("connect_failed", self.refused.load(Relaxed)),
            ("connect_timed_out", self.timed_out.load(Relaxed)),
        ]
    }

    pub(crate) fn bytes(&self) -> [(&'static str, u64); 2] {
        let Tally { to_upstream, to_client } = &self.carried;
        [("to_upstream", to_upstream.load(Relaxed)), ("to_client", to_client.load(Relaxed))]
    }

    /// Connections to the upstream that are open now.
    pub(crate) fn open(&self) -> i64 {
        self.open.load(Relaxed)
    }

    fn count(&self, end: &End) {
        let counter = match end {
            End::Done => &self.done,
            End::Idle => &self.idle,
            End::Client(_) => &self.client_failed,
            End::Upstream(_) => &self.upstream_failed,
        };
        counter.fetch_add(1, Relaxed);
    }
}

impl Proxy {
    pub(crate) fn new(upstream: Arc<Upstream>, protocol: Option<ProxyProtocol>, limits: ProxyLimits) -> Self {
        Self { upstream, protocol, limits, counters: Arc::default(), complaints: Arc::default() }
    }

    pub(crate) fn counters(&self) -> Arc<Counters> {
        Arc::clone(&self.counters)
    }

    /// Carries a connection over TCP, as it came.
    pub(crate) async fn carry_tcp(self, mut client: TcpStream, peer: SocketAddr) {
        let ends = match self.protocol {
            Some(_) => client.local_addr().map(|local| Some((peer, local))),
            None => Ok(None),
        };
        match ends.and_then(|ends| self.header(ends)) {
            Ok(mut first) => {
                if !first.is_empty() {
                    // Header and request travel in one segment. What is not there yet comes later.
                    first.reserve(FIRST_READ);
                    let _ = client.try_read_buf(&mut first);
                }
                self.carry(&mut client, &peer, first).await;
            }
            Err(error) => debug!(%peer, %error, "failed"),
        }
    }

    /// Carries a connection over a Unix socket, from its first byte on.
    pub(crate) async fn carry_unix(self, mut client: Prefixed<UnixStream>) {
        let Ok(mut first) = self.header(None) else { return };
        let mut client = loop {
            client = match client.into_inner() {
                Ok(stream) => break stream,
                Err(prefixed) => prefixed,
            };
            // Only what was read already: it never waits.
            if client.read_buf(&mut first).await.is_err() {
                return;
            }
        };
        self.carry(&mut client, &"unix", first).await;
    }

    fn header(&self, ends: Option<(SocketAddr, SocketAddr)>) -> io::Result<Vec<u8>> {
        self.protocol.map_or_else(|| Ok(Vec::new()), |protocol| protocol.header(ends))
    }

    async fn carry<A: Duplex>(&self, client: &mut A, peer: &(dyn Display + Sync), first: Vec<u8>) {
        let idle = self.limits.idle;
        let tally = &self.counters.carried;
        let connected = self.upstream.connect(self.limits.connect).await;
        let opened = connected.is_ok().then(|| Opened::new(&self.counters));
        let (end, carried) = match connected {
            Ok(Connected::Tcp(mut upstream)) => pump(client, &mut upstream, first, idle, tally).await,
            Ok(Connected::Unix(mut upstream)) => pump(client, &mut upstream, first, idle, tally).await,
            Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                self.counters.timed_out.fetch_add(1, Relaxed);
                return self.complain("no connection within the limit");
            }
            Err(error) => {
                self.counters.refused.fetch_add(1, Relaxed);
                return self.complain(&error.to_string());
            }
        };
        drop(opened);
        self.counters.count(&end);
        debug!(%peer, %end, ?carried, "carried");
    }

    /// Everyone who comes would write the same line.
    fn complain(&self, error: &str) {
        if let Some(unsaid) = self.complaints.may_speak() {
            let upstream = self.upstream.name();
            tracing::warn!(upstream, error, unsaid, "cannot connect to the upstream, closing the client");
        }
    }
}
