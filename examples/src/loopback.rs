//! For the tests of the examples: one of them, served within the test.

use std::net::{Ipv4Addr, SocketAddr};

use axum::Router;
use policy_server::{ListenConfig, PolicyFile, Responder};
use push_server::{Epoch, Hub, Limits, Server};

/// Serves what `routes` makes with a new hub, as [`Site::serve`](crate::Site::serve) does but on a free port of loopback, until
/// the test's runtime ends. The address.
///
/// # Panics
///
/// When loopback has no free port, and outside of a tokio runtime.
pub fn serve(routes: impl FnOnce(&Hub) -> Router) -> SocketAddr {
    serve_with(Limits::default(), routes)
}

/// The same, the hub with these limits.
///
/// # Panics
///
/// As [`serve`].
pub fn serve_with(limits: Limits, routes: impl FnOnce(&Hub) -> Router) -> SocketAddr {
    let listener = ListenConfig::default().bind((Ipv4Addr::LOCALHOST, 0).into()).expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    let hub = Hub::start(Epoch::new(1), limits, 1);
    let routes = routes(&hub);
    let policy = PolicyFile::builder().allow("*", &address.port().to_string()).build().expect("a port");
    tokio::spawn(Server::new(hub, routes, Responder::new(&policy)).serve(listener, std::future::pending()));
    address
}
