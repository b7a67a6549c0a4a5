//! Who may come in: the bounds on how many connections there are at a time.

use std::{
    collections::{HashMap, hash_map::Entry},
    net::{IpAddr, Ipv6Addr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{limits::Limits, metrics::Counter};

/// Counts the connections of the ports that share it.
#[derive(Clone, Debug)]
pub(super) struct Gate(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    limits: Limits,
    open: Arc<Semaphore>,
    places: Mutex<Places>,
}

#[derive(Debug, Default)]
struct Places {
    unclassified: usize,
    /// Entries are as many as connections at most.
    by_address: HashMap<IpAddr, Held>,
}

/// What one party holds.
#[derive(Clone, Copy, Debug, Default)]
struct Held {
    open: usize,
    unclassified: usize,
}

/// A connection that was let in.
#[derive(Debug)]
pub(super) struct Ticket {
    /// To be held as long as the connection is open.
    pub(super) open: Open,
    /// To be held until the connection has shown what it is.
    pub(super) newcomer: Newcomer,
    /// How long it may be silent.
    pub(super) patience: Duration,
}

/// A place among the connections.
#[derive(Debug)]
pub(super) struct Open {
    gate: Gate,
    address: Option<IpAddr>,
    _permit: OwnedSemaphorePermit,
}

/// A place among the connections that have not shown what they are.
#[derive(Debug)]
pub(super) struct Newcomer {
    gate: Gate,
    address: Option<IpAddr>,
}

impl Gate {
    pub(super) fn new(limits: &Limits) -> Self {
        let open = Arc::new(Semaphore::new(capacity(limits)));
        Self(Arc::new(Inner { limits: limits.clone(), open, places: Mutex::default() }))
    }

    /// Lets a connection in, or names the counter of what keeps it out. Peers without an address are bounded
    /// as all together are.
    pub(super) fn admit(&self, peer: Option<IpAddr>) -> Result<Ticket, Counter> {
        let open = self.open_place(peer)?;
        let (newcomer, patience) = self.newcomer(peer)?;
        Ok(Ticket { open, newcomer, patience })
    }

    /// A place among all connections. Locks only if there is a bound per address.
    pub(super) fn open_place(&self, peer: Option<IpAddr>) -> Result<Open, Counter> {
        let limits = &self.0.limits;
        let permit = Arc::clone(&self.0.open).try_acquire_owned().map_err(|_| Counter::RefusedFull)?;
        // One that is no tighter than the bound on all needs no counting.
        let counted = limits.connections_per_address < limits.connections;
        let address = peer.filter(|_| counted).map(network);
        if let Some(address) = address {
            let mut places = self.places();
            let held = places.by_address.get(&address).copied().unwrap_or_default();
            if held.open >= limits.connections_per_address {
                return Err(Counter::RefusedPerAddress);
            }
            places.by_address.insert(address, Held { open: held.open + 1, ..held });
        }
        Ok(Open { gate: self.clone(), address, _permit: permit })
    }

    /// A place among those that have not shown what they are, and how long they may take to.
    pub(super) fn newcomer(&self, peer: Option<IpAddr>) -> Result<(Newcomer, Duration), Counter> {
        let limits = &self.0.limits;
        let mut places = self.places();
        if places.unclassified >= limits.unclassified {
            return Err(Counter::RefusedUnclassified);
        }
        let address = peer.map(network);
        if let Some(address) = address {
            let held = places.by_address.get(&address).copied().unwrap_or_default();
            if held.unclassified >= limits.unclassified_per_address {
                return Err(Counter::RefusedAddress);
            }
            places.by_address.insert(address, Held { unclassified: held.unclassified + 1, ..held });
        }
        let crowded = places.unclassified >= limits.unclassified / 2;
        places.unclassified += 1;
        let patience = if crowded { limits.first_byte_crowded } else { limits.first_byte };
        Ok((Newcomer { gate: self.clone(), address }, patience))
    }

    /// Connections that are open.
    pub(super) fn open(&self) -> usize {
        capacity(&self.0.limits) - self.0.open.available_permits()
    }

    /// Waits until none is.
    pub(super) async fn empty(&self) {
        let all = u32::try_from(capacity(&self.0.limits)).unwrap_or(u32::MAX);
        // Fails only for a closed semaphore, and nothing closes it.
        let _ = self.0.open.acquire_many(all).await;
    }

    fn places(&self) -> MutexGuard<'_, Places> {
        // No invariant of the counts can be broken half-way.
        self.0.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Places {
    fn give_back(&mut self, address: Option<IpAddr>, change: impl FnOnce(&mut Held)) {
        let Some(address) = address else { return };
        if let Entry::Occupied(mut entry) = self.by_address.entry(address) {
            change(entry.get_mut());
            // Newcomers are open, unless their places are given back in the other order.
            if entry.get().open == 0 && entry.get().unclassified == 0 {
                entry.remove();
            }
        }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        if self.address.is_some() {
            self.gate.places().give_back(self.address, |held| held.open -= 1);
        }
    }
}

impl Drop for Newcomer {
    fn drop(&mut self) {
        let mut places = self.gate.places();
        places.unclassified -= 1;
        places.give_back(self.address, |held| held.unclassified -= 1);
    }
}

/// As many as can be counted and waited for.
fn capacity(limits: &Limits) -> usize {
    limits.connections.min(Semaphore::MAX_PERMITS).min(u32::MAX as usize)
}

/// What one party holds: an IPv4 address, or the 64 bits of an IPv6 network.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64).into(),
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gate(connections: usize, unclassified: usize, unclassified_per_address: usize) -> Gate {
        Gate::new(&Limits { connections, unclassified, unclassified_per_address, ..Limits::default() })
    }

    fn ip(text: &str) -> Option<IpAddr> {
        Some(text.parse().unwrap())
    }

    #[test]
    fn each_bound_holds_and_gives_back() {
        let gate = gate(4, 3, 2);
        let a = gate.admit(ip("10.0.0.1")).unwrap();
        let b = gate.admit(ip("10.0.0.1")).unwrap();
        assert_eq!(gate.admit(ip("10.0.0.1")).unwrap_err(), Counter::RefusedAddress);
        let c = gate.admit(ip("10.0.0.2")).unwrap();
        assert_eq!(gate.admit(ip("10.0.0.3")).unwrap_err(), Counter::RefusedUnclassified);
        assert_eq!(gate.open(), 3, "who is refused occupies nothing");
        assert_eq!(gate.places().by_address.len(), 2);

        drop((a.newcomer, c.newcomer));
        let d = gate.admit(ip("10.0.0.1")).unwrap();
        assert_eq!(gate.admit(ip("10.0.0.3")).unwrap_err(), Counter::RefusedFull);
        drop((a.open, b, c.open, d));
        assert_eq!(gate.open(), 0);
        assert!(gate.places().by_address.is_empty() && gate.places().unclassified == 0);
    }

    #[test]
    fn one_address_cannot_hold_everything_even_with_connections_that_show_what_they_are() {
        let limits = Limits { connections: 9, connections_per_address: 2, ..Limits::default() };
        let gate = Gate::new(&limits);
        let open: Vec<_> = (0..2).map(|_| gate.admit(ip("10.0.0.1")).unwrap().open).collect();
        assert_eq!(gate.places().unclassified, 0);
        assert_eq!(gate.admit(ip("10.0.0.1")).unwrap_err(), Counter::RefusedPerAddress);
        let other = gate.admit(ip("10.0.0.2")).unwrap();
        drop(open);
        let again = gate.admit(ip("10.0.0.1")).unwrap();
        drop((other, again));
        assert!(gate.places().by_address.is_empty());
    }

    #[test]
    fn peers_without_an_address_are_bounded_together() {
        let gate = gate(9, 2, 1);
        let _two = (gate.admit(None).unwrap(), gate.admit(None).unwrap());
        assert_eq!(gate.admit(None).unwrap_err(), Counter::RefusedUnclassified);
        assert!(gate.places().by_address.is_empty());
    }

    #[test]
    fn an_ipv6_network_counts_as_one_and_a_mapped_address_as_ipv4() {
        let gate = gate(9, 9, 1);
        let _first = gate.admit(ip("2001:db8::1")).unwrap();
        assert_eq!(gate.admit(ip("2001:db8::ffff:1")).unwrap_err(), Counter::RefusedAddress);
        let _other = gate.admit(ip("2001:db8:0:1::1")).unwrap();
        let _v4 = gate.admit(ip("10.0.0.1")).unwrap();
        assert_eq!(gate.admit(ip("::ffff:10.0.0.1")).unwrap_err(), Counter::RefusedAddress);
        let _other = gate.admit(ip("::ffff:10.0.0.2")).unwrap();
    }

    #[test]
    fn patience_ends_when_half_of_the_places_are_taken() {
        let (gate, limits) = (gate(9, 4, 9), Limits::default());
        let tickets: Vec<_> = (0..4).map(|_| gate.admit(ip("10.0.0.1")).unwrap()).collect();
        let patience: Vec<_> = tickets.iter().map(|ticket| ticket.patience).collect();
        let (first, crowded) = (limits.first_byte, limits.first_byte_crowded);
        assert_eq!(patience, [first, first, crowded, crowded]);
    }

    #[tokio::test]
    async fn emptiness_can_be_waited_for() {
        for connections in [1, 3, usize::MAX] {
            let gate = gate(connections, 1, 1);
            let ticket = gate.admit(ip("10.0.0.1")).unwrap();
            let waiting = tokio::spawn({
                let gate = gate.clone();
                async move { gate.empty().await }
            });
            tokio::task::yield_now().await;
            assert!(!waiting.is_finished());
            drop(ticket);
            waiting.await.unwrap();
        }
    }
}
