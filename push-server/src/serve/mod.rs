//! The server: one port for HTTP, its streams, and the Flash socket policy.

mod bridge;
mod connection;
mod io;
mod relay;

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use policy_server::Responder;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::hub::Hub;
use crate::web::Bridges;

/// Serves a hub: routes requests, turns those for streams into streams, and answers policy requests on the
/// same port. No client waits for another, whatever it sends or does not send.
#[derive(Clone, Debug)]
pub struct Server {
    hub: Hub,
    router: Router,
    responder: Responder,
}

impl Server {
    /// A server of `router` (see [`router`](crate::web::router)), whose streams belong to `hub`, and of the
    /// socket policy of `responder`.
    #[must_use]
    pub const fn new(hub: Hub, router: Router, responder: Responder) -> Self {
        Self { hub, router, responder }
    }

    /// Serves until `shutdown` ends, then ends in good order: accepts nothing more, answers the requests
    /// that are under way, ends every stream with a farewell that sends its clients to the next server
    /// (`rotate`; streams that are over for good are closed before). Returns after
    /// [`Limits::drain`](crate::Limits::drain) at the latest; what is left then is cut.
    ///
    /// Bind `listener` with [`policy_server::ListenConfig`], whose backlog is fit for bursts.
    pub async fn serve(self, listener: TcpListener, shutdown: impl Future<Output = ()>) {
        let Self { hub, router, responder } = self;
        let limits = Arc::new(hub.limits().clone());
        let permits = Arc::new(Semaphore::new(limits.connections.min(Semaphore::MAX_PERMITS)));
        let stop = CancellationToken::new();
        // What is left when this future ends, or is dropped, has to go too.
        let cut = CancellationToken::new();
        let _cut = cut.clone().drop_guard();
        let handler = {
            let (hub, limits, stop) = (hub.clone(), limits.clone(), stop.clone());
            let bridges = Bridges::new(&limits);
            move |socket, peer: SocketAddr, _| {
                let permit = permits.clone().try_acquire_owned().ok();
                let (here, router) = ((hub.clone(), bridges.clone()), router.clone());
                let (limits, stop, cut) = (limits.clone(), stop.clone(), cut.clone());
                // Boxed: a connection that stays silent should not take the room of one that talks HTTP.
                Box::pin(async move {
                    tokio::select! {
                        () = connection::serve(socket, peer, here, router, &limits, permit, stop) => {}
                        () = cut.cancelled() => {}
                    }
                })
            }
        };
        let draining = policy_server::serve(listener, responder, shutdown, handler).await;
        stop.cancel();
        let (_, requests) = tokio::join!(hub.end(), timeout(limits.drain, draining.wait()));
        if requests.is_err() {
            tracing::warn!("requests that did not end in time were cut");
        }
    }
}
