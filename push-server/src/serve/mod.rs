//! The server: one port for HTTP, its streams, and the Flash socket policy.

mod bridge;
mod connection;
mod io;
mod relay;

use std::future::Future;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use futures_util::future::join_all;
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
        let at_once = async {
            shutdown.await;
            Duration::ZERO
        };
        self.serve_all(vec![listener], at_once).await;
    }

    /// The same on several ports, until `shutdown` says over what time the clients are to leave: the ports are closed, and
    /// streams end one after the other, evenly over it, each with a farewell that has its client come back, to whoever
    /// listens there by then; see [`Hub::drain`]. Requests on connections that are open are answered meanwhile. What is left
    /// when that time is over ends as with [`serve`](Self::serve).
    pub async fn serve_all(self, listeners: Vec<TcpListener>, shutdown: impl Future<Output = Duration>) {
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
        let closing = CancellationToken::new();
        let accept = |listener| {
            let closing = closing.clone().cancelled_owned();
            policy_server::serve(listener, responder.clone(), closing, handler.clone())
        };
        let mut accepting = pin!(join_all(listeners.into_iter().map(accept)));
        let (window, ports) = tokio::select! {
            window = shutdown => {
                closing.cancel();
                (window, accepting.await)
            }
            // There is no port left that could accept.
            ports = &mut accepting => (Duration::ZERO, ports),
        };
        if !window.is_zero() {
            hub.drain(window).await;
        }
        stop.cancel();
        // They share their bounds, so that each of them knows of all connections.
        let draining = async {
            for port in ports {
                port.wait().await;
            }
        };
        let (_, requests) = tokio::join!(hub.end(), timeout(limits.drain, draining));
        if requests.is_err() {
            tracing::warn!("requests that did not end in time were cut");
        }
    }
}
