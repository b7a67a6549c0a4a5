//! `GET /ruffle`: a socket of a Flash movie to this very port, as [`transport::ruffle`](crate::transport::ruffle) says.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use axum::Extension;
use axum::response::Response;
use http::StatusCode;

use super::params::{refuse, refuse_for_now};
use super::streams::Takeover;
use super::ws::{Handshake, answer};
use crate::Limits;
use crate::guard::{Reason, network};

/// The connection on which a request has come. [`Server`](crate::Server) adds it to each.
#[derive(Clone, Debug)]
pub(crate) struct Port {
    /// What the client has reached.
    pub(crate) local: SocketAddr,
    pub(crate) peer: SocketAddr,
    /// Whom the request counts for.
    pub(crate) client: IpAddr,
    pub(crate) bridges: Bridges,
}

/// The bridges of a server that are open, counted.
#[derive(Clone, Debug)]
pub(crate) struct Bridges {
    in_all: usize,
    per_address: usize,
    open: Arc<Mutex<Open>>,
}

#[derive(Debug, Default)]
struct Open {
    in_all: usize,
    by_address: HashMap<IpAddr, usize>,
    /// The server's own ends of the connections that bridges have opened to this port, and whom each is for.
    ends: HashMap<SocketAddr, IpAddr>,
}

/// One of them. Given back when dropped.
#[derive(Debug)]
pub(crate) struct Place {
    bridges: Bridges,
    address: IpAddr,
    /// Where the bridge's connection comes from, once there is one.
    end: OnceLock<SocketAddr>,
}

impl Bridges {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self { in_all: limits.bridges, per_address: limits.bridges_per_address, open: Arc::default() }
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for `peer`, if there is one.
    fn enter(&self, peer: IpAddr) -> Option<Arc<Place>> {
        let address = network(peer);
        let mut open = self.lock();
        let of_address = open.by_address.get(&address).copied().unwrap_or(0);
        if open.in_all >= self.in_all || of_address >= self.per_address {
            return None;
        }
        open.in_all += 1;
        open.by_address.insert(address, of_address + 1);
        drop(open);
        Some(Arc::new(Place { bridges: self.clone(), address, end: OnceLock::new() }))
    }

    /// For whom a bridge has opened the connection that comes from `peer`; nothing if none has.
    pub(crate) fn carries(&self, peer: SocketAddr) -> Option<IpAddr> {
        // Most servers have no bridge: then nobody waits here.
        if self.in_all == 0 {
            return None;
        }
        self.lock().ends.get(&canonical(peer)).copied()
    }
}

impl Place {
    /// The bridge has connected to this port, from `end`. Said before anything goes over that connection.
    pub(crate) fn comes_from(&self, end: SocketAddr) {
        let end = canonical(end);
        if self.end.set(end).is_ok() {
            self.bridges.lock().ends.insert(end, self.address);
        }
    }
}

/// The same for a connection whether it is seen as one of IPv4 or as one of IPv6 that is mapped.
fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.bridges.lock();
        open.in_all -= 1;
        if let Some(end) = self.end.get() {
            open.ends.remove(end);
        }
        if let Some(count) = open.by_address.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                open.by_address.remove(&self.address);
            }
        }
    }
}

pub(super) async fn open(port: Option<Extension<Port>>, handshake: Handshake) -> Response {
    answer(handshake.of_a_page().and_then(|response| {
        let Some(Extension(port)) = port.filter(|port| port.bridges.in_all > 0) else {
            return Err(refuse(StatusCode::NOT_FOUND, "No bridge is served here."));
        };
        // It would count as one of the server's own address, not of whoever is behind it, and lead nowhere else.
        if port.bridges.carries(port.peer).is_some() {
            return Err(refuse(
                StatusCode::FORBIDDEN,
                "This connection is a bridge: there is none inside of it.",
            ));
        }
        let Some(place) = port.bridges.enter(port.client) else {
            return Err(refuse_for_now(Reason::Bridges, 30, "There are too many bridges."));
        };
        Ok(Takeover::Bridge { target: port.local, place }.begin(response))
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_bounded_in_all_and_for_each_address_and_given_back() {
        let limits = Limits { bridges: 3, bridges_per_address: 2, ..Limits::default() };
        let bridges = Bridges::new(&limits);
        let enter = |address: &str| bridges.enter(address.parse().unwrap());
        let first = enter("10.0.0.1");
        let second = enter("::ffff:10.0.0.1");
        assert!(first.is_some() && second.is_some() && enter("10.0.0.1").is_none());
        let other = enter("2001:db8::1");
        assert!(other.is_some() && enter("10.0.0.2").is_none(), "three in all");
        drop(first);
        let neighbour = enter("2001:db8::ffff:2");
        assert!(neighbour.is_some());
        drop(second);
        assert!(enter("2001:db8::3").is_none(), "one network of 64 bits");
        assert!(enter("2001:db8:0:1::3").is_some());
        drop((other, neighbour));
        let open = bridges.lock();
        assert_eq!((open.in_all, open.by_address.len()), (0, 0));
    }
}
