//! The port for health and metrics.

use std::{sync::Arc, time::Duration};

use tokio::{
    net::{TcpListener, UnixListener},
    sync::Semaphore,
    time::sleep,
};

use super::{http::Site, sockets::Socket};

/// Connections at a time. More wait in the backlog; each ends within its lifetime.
pub(crate) const CONNECTIONS: usize = 64;

/// After an accept that failed.
const BACKOFF: Duration = Duration::from_millis(50);

/// Serves until it is dropped.
pub(crate) async fn serve(socket: Socket, site: Site) {
    let listener = match socket {
        Socket::Tcp(listener) => TcpListener::from_std(listener).map(Listener::Tcp),
        Socket::Unix(listener) => UnixListener::from_std(listener).map(Listener::Unix),
    };
    let listener = match listener {
        Ok(listener) => listener,
        Err(error) => return tracing::error!(%error, "cannot serve the admin port"),
    };
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        let site = site.clone();
        let accepted = match &listener {
            Listener::Tcp(listener) => listener.accept().await.map(|(stream, _)| {
                tokio::spawn(async move { (site.serve(stream).await, drop(place)) });
            }),
            Listener::Unix(listener) => listener.accept().await.map(|(stream, _)| {
                tokio::spawn(async move { (site.serve(stream).await, drop(place)) });
            }),
        };
        if let Err(error) = accepted {
            tracing::warn!(%error, "cannot accept on the admin port, pausing");
            sleep(BACKOFF).await;
        }
    }
}

enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener),
}
