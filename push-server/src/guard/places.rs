//! How many connections one address has at a time.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::OwnedSemaphorePermit;

use super::address::network;

/// Counts connections by address. Clones are one. Entries are as many as connections at most.
#[derive(Clone, Debug, Default)]
pub(super) struct Places(Arc<Mutex<HashMap<IpAddr, usize>>>);

/// A place among all connections, and among those of an address. Given back when dropped.
///
/// One pointer, as every idle connection has one.
#[derive(Debug)]
pub struct Permit(#[expect(dead_code, reason = "held")] Box<(OwnedSemaphorePermit, Option<Place>)>);

impl Permit {
    pub(crate) fn new(in_all: OwnedSemaphorePermit, of_address: Option<Place>) -> Self {
        Self(Box::new((in_all, of_address)))
    }
}

/// One connection of an address. Given back when dropped.
#[derive(Debug)]
pub(crate) struct Place {
    places: Places,
    address: IpAddr,
}

impl Places {
    fn lock(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for this address, or the network of 64 bits that it stands in, if it has less than `most`.
    pub(super) fn enter(&self, address: IpAddr, most: usize) -> Option<Place> {
        let address = network(address);
        let mut places = self.lock();
        let held = places.get(&address).copied().unwrap_or(0);
        if held >= most {
            return None;
        }
        places.insert(address, held + 1);
        drop(places);
        Some(Place { places: self.clone(), address })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut places = self.places.lock();
        if let Some(held) = places.get_mut(&self.address) {
            *held -= 1;
            if *held == 0 {
                places.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_address_has_places_of_its_own_and_gives_them_back() {
        let places = Places::default();
        let enter = |address: &str| places.enter(address.parse().unwrap(), 2);
        let held = [enter("10.0.0.1"), enter("::ffff:10.0.0.1")];
        assert!(held.iter().all(Option::is_some) && enter("10.0.0.1").is_none());
        let others = [enter("2001:db8::1"), enter("2001:db8::ffff:2")];
        assert!(others.iter().all(Option::is_some) && enter("2001:db8::3").is_none(), "one network");
        assert!(enter("2001:db8:0:1::1").is_some());
        drop(held);
        assert!(enter("10.0.0.1").is_some());
        drop(others);
        assert!(places.lock().is_empty());
    }
}
