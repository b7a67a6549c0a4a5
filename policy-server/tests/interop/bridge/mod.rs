//! A WebSocket-to-TCP bridge for Flash movies that run in Ruffle, which has no TCP of its own.
//!
//! Not an open relay: one target, fixed when the bridge is made, and only pages whose origin the target's own policy file lets connect
//! to it, decided as a Flash player would. What carries the bytes is `push-server`'s.

// Knows nothing of its server, on purpose.
#[path = "../../../../push-server/src/serve/relay.rs"]
mod relay;
mod tests;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use policy_server::{Origin, PolicyFile};
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::handshake::server::create_response_with_body;

use relay::{Bounds, relay};

/// What a page may hold, and for how long.
#[derive(Clone, Debug)]
pub(crate) struct Limits {
    /// Bridged connections at a time; more are answered 503. Default 256.
    pub(crate) connections: usize,
    /// To connect to the target; later it is 502. Default 3 s.
    pub(crate) connect: Duration,
    /// Of one connection.
    pub(crate) bounds: Bounds,
}

impl Default for Limits {
    fn default() -> Self {
        let (idle, linger) = (Duration::from_secs(300), Duration::from_secs(5));
        let bounds = Bounds { message: 64 * 1024, read: 16 * 1024, idle, linger };
        Self { connections: 256, connect: Duration::from_secs(3), bounds }
    }
}

/// One target for the pages that its policy allows.
#[derive(Clone, Debug)]
pub(crate) struct Bridge {
    target: SocketAddr,
    policy: Arc<PolicyFile>,
    places: Arc<Semaphore>,
    limits: Arc<Limits>,
}

impl Bridge {
    pub(crate) fn new(target: SocketAddr, policy: PolicyFile, limits: Limits) -> Self {
        let places = Arc::new(Semaphore::new(limits.connections));
        Self { target, policy: Arc::new(policy), places, limits: Arc::new(limits) }
    }

    /// A route of an axum application.
    pub(crate) fn route<S: Clone + Send + Sync + 'static>(self) -> MethodRouter<S> {
        get(open).with_state(self)
    }

    /// Browsers state the origin of every page that opens a WebSocket, and let no page choose it. Whoever states none is no browser,
    /// and has no need of a bridge.
    fn admits(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        let mut origins = headers.get_all(header::ORIGIN).iter();
        let (Some(origin), None) = (origins.next(), origins.next()) else { return Err(Refusal::NoOrigin) };
        let origin: Origin =
            origin.to_str().ok().and_then(|text| text.parse().ok()).ok_or(Refusal::NoOrigin)?;
        let port = self.target.port();
        match self.policy.may_connect(port, &origin, port).is_granted() {
            true => Ok(()),
            false => Err(Refusal::Forbidden),
        }
    }

    async fn connect(&self) -> Result<(TcpStream, OwnedSemaphorePermit), Refusal> {
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| Refusal::Full)?;
        let connected = timeout(self.limits.connect, TcpStream::connect(self.target)).await;
        let Ok(Ok(target)) = connected else { return Err(Refusal::Unreachable) };
        let _ = target.set_nodelay(true); // pieces are as large as they get already
        Ok((target, place))
    }
}

/// Why a handshake is refused.
#[derive(Clone, Copy, Debug)]
enum Refusal {
    NoOrigin,
    Forbidden,
    NoHandshake,
    Full,
    Unreachable,
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        match self {
            Self::NoOrigin => (StatusCode::FORBIDDEN, "a bridge takes exactly one Origin header\n"),
            Self::Forbidden => (StatusCode::FORBIDDEN, "the policy does not let this origin connect\n"),
            Self::NoHandshake => (StatusCode::BAD_REQUEST, "here is a WebSocket\n"),
            Self::Full => (StatusCode::SERVICE_UNAVAILABLE, "too many bridged connections\n"),
            Self::Unreachable => (StatusCode::BAD_GATEWAY, "the target does not answer\n"),
        }
        .into_response()
    }
}

async fn open(State(bridge): State<Bridge>, mut request: Request) -> Result<Response, Refusal> {
    bridge.admits(request.headers())?;
    let answer = create_response_with_body(&request, || ()).map_err(|_| Refusal::NoHandshake)?;
    let upgrade = request.extensions_mut().remove::<OnUpgrade>().ok_or(Refusal::NoHandshake)?;
    let (target, place) = bridge.connect().await?;
    tokio::spawn(async move {
        let _place = place;
        // Whatever goes wrong, both connections end here.
        if let Ok(page) = upgrade.await {
            let _ = relay(TokioIo::new(page), target, &bridge.limits.bounds).await;
        }
    });
    let (parts, ()) = answer.into_parts();
    Ok((parts.status, parts.headers).into_response())
}
