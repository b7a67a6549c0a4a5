//! A WebSocket-to-TCP bridge for Flash movies that run in Ruffle, which has no TCP of its own.
//!
//! Not an open relay: one target, fixed when the bridge is made, and only pages whose origin the target's own policy file lets connect
//! to it, decided as a Flash player would. What a page sends in binary messages goes to the target, what the target sends becomes
//! binary messages; messages are pieces of a stream and mean nothing. Back-pressure goes both ways: no direction holds more than one
//! message.

mod tests;

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::State;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get};
use futures_util::{SinkExt, StreamExt};
use policy_server::{Origin, PolicyFile};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::select;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// What a page may hold, and for how long.
#[derive(Clone, Debug)]
pub(crate) struct Limits {
    /// Bridged connections at a time; more are answered 503. Default 256.
    pub(crate) connections: usize,
    /// To connect to the target; later it is 502. Default 3 s.
    pub(crate) connect: Duration,
    /// Bytes of a message from a page; a larger one ends the connection. Default 64 KiB.
    pub(crate) message: usize,
    /// Bytes read from the target at a time, and so of a message to the page. Default 16 KiB.
    pub(crate) read: usize,
    /// From the end of one direction to the end of the other. Default 5 s.
    pub(crate) linger: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 256,
            connect: Duration::from_secs(3),
            message: 64 * 1024,
            read: 16 * 1024,
            linger: Duration::from_secs(5),
        }
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
    Full,
    Unreachable,
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        match self {
            Self::NoOrigin => (StatusCode::FORBIDDEN, "a bridge takes exactly one Origin header\n"),
            Self::Forbidden => (StatusCode::FORBIDDEN, "the policy does not let this origin connect\n"),
            Self::Full => (StatusCode::SERVICE_UNAVAILABLE, "too many bridged connections\n"),
            Self::Unreachable => (StatusCode::BAD_GATEWAY, "the target does not answer\n"),
        }
        .into_response()
    }
}

async fn open(
    State(bridge): State<Bridge>,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Result<Response, Refusal> {
    bridge.admits(&headers)?;
    let (target, place) = bridge.connect().await?;
    let limits = Arc::clone(&bridge.limits);
    let upgrade = upgrade.max_message_size(limits.message).max_frame_size(limits.message);
    Ok(upgrade.on_upgrade(|page| async move {
        let _place = place;
        // Whatever goes wrong, both connections end here.
        let _ = relay(page, target, &limits).await;
    }))
}

/// Carries bytes both ways until both directions have ended, or one has and the other takes too long about it.
async fn relay(page: WebSocket, mut target: TcpStream, limits: &Limits) -> io::Result<()> {
    let (mut to_page, mut from_page) = page.split();
    let (mut from_target, mut to_target) = target.split();
    let mut up = pin!(async {
        while let Some(message) = from_page.next().await {
            match message.map_err(io::Error::other)? {
                Message::Binary(bytes) => to_target.write_all(&bytes).await?,
                Message::Text(_) => return Err(io::ErrorKind::InvalidData.into()), // a stream of bytes has no text
                Message::Close(_) => break,
                Message::Ping(_) | Message::Pong(_) => {} // answered by the library
            }
        }
        to_target.shutdown().await
    });
    let mut down = pin!(async {
        let mut buffer = vec![0; limits.read];
        loop {
            match from_target.read(&mut buffer).await? {
                0 => break,
                n => to_page.send(binary(&buffer[..n])).await.map_err(io::Error::other)?,
            }
        }
        to_page.send(Message::Close(None)).await.map_err(io::Error::other)
    });
    select! {
        ended = &mut up => {
            ended?;
            timeout(limits.linger, down).await?
        }
        ended = &mut down => {
            ended?;
            timeout(limits.linger, up).await?
        }
    }
}

fn binary(bytes: &[u8]) -> Message {
    Message::Binary(Bytes::copy_from_slice(bytes))
}
