//! What a server has to do with the service manager (systemd) that runs it: addresses that may be sockets it opened, these
//! sockets, and what it is told. The feature `service`.

mod address;
mod manager;
mod passed;

pub use self::{
    address::{Address, HostPort},
    manager::{ready, reloading, stopping},
    passed::{Passed, Socket},
};
