//! One HTTP connection, until it ends or becomes a stream.
//!
//! Requests are parsed by hyper and routed by axum. A stream then leaves both: hyper's connection, with its
//! task, buffers and body adapters, costs some 10 KiB and a wake per message and reader, and gives an
//! endless body nothing in return. So when a handler answers with a [`Takeover`], hyper never sees the
//! response; the socket is taken out of its hands and goes to a shard of the hub, which writes the head and
//! everything after it. A controller takes the socket over in the same way, and stays in the connection's task; after
//! a long poll it gives the socket back, for the next request.

use std::convert::Infallible;
use std::fmt;
use std::future::{pending, poll_fn};
use std::net::{IpAddr, SocketAddr};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;

use axum::Router;
use axum::response::Response;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, Version, header};
use hyper::body::{Body as _, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioTimer;
use socket2::SockRef;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tower_service::Service;

use super::bridge::Bridge;
use super::io::{Seen, WatchedIo};
use crate::Limits;
use crate::controller::{self, Launch, Seat, Vacated};
use crate::guard::{Denied, Guard, Permit, Place, Reason};
use crate::hub::{Connection, Ended, Hub, Subscription};
use crate::transport::Frame;
use crate::web::{Bridges, ClientAddress, Port, SHUTTING_DOWN, Takeover, denied, refusal, stream_head, text};

/// The way out of hyper, shared by a connection and the requests on it.
#[derive(Debug, Default)]
struct Exit {
    leaving: Mutex<Option<(Leaving, Option<Place>)>>,
    seen: Arc<Seen>,
}

/// What the socket is taken over for.
enum Leaving {
    Stream(Streaming),
    Bridge(Bridge),
    Controller { launch: Launch, headers: HeaderMap, has_body: bool },
}

impl fmt::Debug for Leaving {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Stream(_) => "Stream",
            Self::Bridge(_) => "Bridge",
            Self::Controller { .. } => "Controller",
        })
    }
}

/// A stream on the hub.
#[derive(Debug)]
struct Streaming {
    subscription: Subscription,
    head: Bytes,
    chunked: bool,
    version: Version,
}

impl Exit {
    /// With the place of the request, where the connection has none.
    fn put(&self, leaving: Leaving, place: Option<Place>) {
        *self.leaving.lock().unwrap_or_else(PoisonError::into_inner) = Some((leaving, place));
    }

    fn take_over(&self, takeover: Takeover, version: Version, response: &Response, place: Option<Place>) {
        let (mut head, chunked) = stream_head(version, response);
        let leaving = match takeover {
            Takeover::Stream { subscription, preamble } => {
                if !preamble.is_empty() {
                    let preamble = Frame::build(|out| out.extend_from_slice(&preamble));
                    head.extend_from_slice(preamble.as_slice(chunked));
                }
                Leaving::Stream(Streaming { subscription, head: head.into(), chunked, version })
            }
            Takeover::Bridge { target, place } => {
                Leaving::Bridge(Bridge { target, place, head: head.into() })
            }
        };
        self.put(leaving, place);
    }

    /// What a request has become, once nothing of an earlier response is left to write.
    fn take(&self) -> Option<(Leaving, Option<Place>)> {
        if self.seen.is_unfinished() {
            return None;
        }
        self.leaving.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Leaving {
    fn is_websocket(&self) -> bool {
        match self {
            Self::Stream(streaming) => streaming.subscription.transport().is_websocket(),
            Self::Bridge(_) => true,
            Self::Controller { headers, .. } => headers.contains_key(header::SEC_WEBSOCKET_ACCEPT),
        }
    }
}

/// What requests on a connection may want to know of their server, and of each other.
#[derive(Debug)]
struct Here {
    hub: Hub,
    local: Option<SocketAddr>,
    peer: SocketAddr,
    bridges: Bridges,
    /// The place of this connection among those of its address, from its first request on.
    place: Mutex<Option<Place>>,
    has_asked: AtomicBool,
}

impl Here {
    /// Whom a request counts for: whoever is behind the bridge or the proxy that has sent it.
    fn client(&self, headers: &HeaderMap) -> IpAddr {
        let bridged = self.bridges.carries(self.peer);
        bridged.unwrap_or_else(|| self.hub.guard().client(self.peer.ip(), headers))
    }

    /// Lets a request of `client` in: the first one of a connection; of a proxy's connection each, with a place of its
    /// own, as their clients are not the same.
    fn admit(&self, client: IpAddr) -> Result<Option<Place>, Denied> {
        let guard = self.hub.guard();
        self.has_asked.store(true, Ordering::Relaxed);
        if guard.is_proxy(self.peer.ip()) && self.bridges.carries(self.peer).is_none() {
            return guard.connect(client).map(Some);
        }
        let mut place = self.place();
        if place.is_none() {
            *place = Some(guard.connect(client)?);
        }
        Ok(None)
    }

    fn place(&self) -> MutexGuard<'_, Option<Place>> {
        self.place.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for what a request has become.
    fn permit(&self, in_all: Option<OwnedSemaphorePermit>, of_request: Option<Place>) -> Option<Permit> {
        let of_address = of_request.or_else(|| self.place().take());
        in_all.map(|in_all| Permit::new(in_all, of_address))
    }
}

/// Serves `socket` of this peer until it closes, `stop` is set and the current request is answered, or it has become a
/// stream. Without a `permit` the server is full: every request is answered with 503.
pub(super) async fn serve(
    mut socket: TcpStream,
    peer: SocketAddr,
    (hub, bridges): (Hub, Bridges),
    router: Router,
    limits: &Limits,
    permit: Option<OwnedSemaphorePermit>,
    stop: CancellationToken,
) {
    if let Err(error) = socket.set_nodelay(true) {
        tracing::debug!(%error, "cannot set TCP_NODELAY");
    }
    bound(&socket, limits);
    let here = Here {
        hub,
        local: socket.local_addr().ok(),
        peer,
        bridges,
        place: Mutex::default(),
        has_asked: AtomicBool::new(false),
    };
    let mut is_new = true;
    loop {
        // Boxed: who has left HTTP should not go on taking its room.
        let http = Box::pin(talk_http(socket, &here, &router, limits, permit.is_none(), (&stop, is_new)));
        let Some((mut left, has_more, leaving, place)) = http.await else { return };
        if leaving.is_websocket() && has_more {
            // RFC 6455, 4.1. What has been read here would be missing there.
            let what = "A WebSocket client waits for the answer to its handshake before it speaks.";
            here.hub.guard().count(Reason::Malformed);
            return tell(&mut left, limits, &refusal(Version::HTTP_11, StatusCode::BAD_REQUEST, what)).await;
        }
        let running = match leaving {
            Leaving::Stream(streaming) => {
                let permit = here.permit(permit, place);
                return Box::pin(stream(left, streaming, limits, permit, here.hub.guard())).await;
            }
            Leaving::Bridge(bridge) => {
                let permit = here.permit(permit, place);
                return Box::pin(bridge.run(left, limits, permit, here.hub.guard())).await;
            }
            Leaving::Controller { launch, headers, .. } => {
                launch(Vacated { socket: Arc::new(left), has_more, stop: stop.clone() }, headers)
            }
        };
        match running.await {
            Some(back) if !stop.is_cancelled() => (socket, is_new) = (back, false),
            _ => return,
        }
        drop(place);
    }
}

/// Serves HTTP until the connection closes, or something takes the socket over: then the socket, whether more has
/// arrived after the request, what takes it, and its place. A connection that is new has sent something.
async fn talk_http(
    socket: TcpStream,
    here: &Here,
    router: &Router,
    limits: &Limits,
    is_full: bool,
    (stop, is_new): (&CancellationToken, bool),
) -> Option<(TcpStream, bool, Leaving, Option<Place>)> {
    let exit = Arc::new(Exit::default());
    let socket = Arc::new(socket);
    let io = WatchedIo::new(socket.clone(), exit.seen.clone(), limits.stall);
    let service = service_fn(|request| answer(here, router.clone(), exit.clone(), is_full, request));
    let mut connection = http1::Builder::new()
        .timer(TokioTimer::new())
        // A client that has ended its direction, as `printf ... | nc -N`, still reads. One that has gone
        // altogether shows when it is written to.
        .half_close(true)
        .header_read_timeout(limits.header_read)
        .max_buf_size(limits.header_bytes.max(MIN_HEADER_BYTES))
        .serve_connection(io, service);

    let (mut stopped, mut is_stopping) = (pin!(stop.cancelled()), false);
    let leaving = poll_fn(|cx| {
        loop {
            if let Poll::Ready(result) = Pin::new(&mut connection).poll(cx) {
                return Poll::Ready(result.map(|()| None));
            }
            if let Some(leaving) = exit.take() {
                return Poll::Ready(Ok(Some(leaving)));
            }
            // Asked to end, hyper closes a connection at once of which it has read nothing. The port has seen that there
            // is something: so a request that came in time has its answer.
            let has_begun = !is_new || exit.seen.has_read();
            if is_stopping || !has_begun || stopped.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            is_stopping = true;
            Pin::new(&mut connection).graceful_shutdown();
        }
    });
    match leaving.await {
        // hyper has begun to decode the request body and goes on with that, while the controller writes.
        Ok(Some((Leaving::Controller { launch, headers, has_body: true }, _place))) => {
            let mut running = launch(Vacated { socket, has_more: true, stop: stop.clone() }, headers);
            let mut has_ended = false;
            poll_fn(|cx| {
                has_ended = has_ended || Pin::new(&mut connection).poll(cx).is_ready();
                running.as_mut().poll(cx)
            })
            .await;
            None
        }
        Ok(Some((leaving, place))) => {
            let has_more = !connection.into_parts().read_buf.is_empty();
            Arc::into_inner(socket).map(|socket| (socket, has_more, leaving, place))
        }
        Ok(None) => None,
        Err(error) => {
            tracing::debug!(%error, "connection failed");
            if error.is_parse() {
                here.hub.guard().count(Reason::Head);
            } else if error.is_timeout() && !here.has_asked.load(Ordering::Relaxed) {
                // Later it is a connection that was kept for a request that did not come.
                here.hub.guard().count(Reason::HeadTimeout);
            }
            None
        }
    }
}

/// hyper's least.
const MIN_HEADER_BYTES: usize = 8_192;

/// Answers one request, and counts it if it is refused: the one place that knows of all answers.
async fn answer(
    here: &Here,
    router: Router,
    exit: Arc<Exit>,
    is_full: bool,
    request: Request<Incoming>,
) -> Result<Response, Infallible> {
    let response = route(here, router, exit, is_full, request).await?;
    let why = response.extensions().get().copied().or_else(|| Reason::of(response.status()));
    if let Some(why) = why {
        here.hub.guard().count(why);
    }
    Ok(response)
}

/// Routes one request. For a stream or a controller it never returns: hyper has nothing to write.
async fn route(
    here: &Here,
    mut router: Router,
    exit: Arc<Exit>,
    is_full: bool,
    mut request: Request<Incoming>,
) -> Result<Response, Infallible> {
    if is_full {
        let mut response = text(StatusCode::SERVICE_UNAVAILABLE, "The server is full.");
        response.extensions_mut().insert(Reason::Connections);
        let headers = response.headers_mut();
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        headers.insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
        return Ok(to_be_read(response, request.headers()));
    }
    let (version, is_head) = (request.version(), request.method() == Method::HEAD);
    // RFC 9112, 3.2. HTTP/1.0 knew no Host, and clients of that time send none.
    let hosts = request.headers().get_all(header::HOST).iter().count();
    if hosts > 1 || (hosts == 0 && version >= Version::HTTP_11) {
        let mut response = text(StatusCode::BAD_REQUEST, "A request names its host once, in a field Host.");
        response.extensions_mut().insert(Reason::Head);
        return Ok(response);
    }
    let client = here.client(request.headers());
    let place = match here.admit(client) {
        Ok(place) => place,
        Err(why) => {
            let mut response = *denied(why);
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
            return Ok(to_be_read(response, request.headers()));
        }
    };
    request.extensions_mut().insert(ClientAddress(client));
    if request.headers().contains_key(header::UPGRADE)
        && let Some(local) = here.local
    {
        let port = Port { local, peer: here.peer, client, bridges: here.bridges.clone() };
        request.extensions_mut().insert(port);
    }
    let has_body = !request.body().is_end_stream();
    let seat = Seat { hub: here.hub.clone(), has_body };
    request.extensions_mut().insert(seat);
    let mut response = router.call(request).await?;
    if is_head {
        return Ok(response);
    }
    if let Some(takeover) = response.extensions_mut().remove::<Takeover>() {
        exit.take_over(takeover, version, &response, place);
        return pending().await;
    }
    if let Some((launch, headers)) = controller::Takeover::of(&mut response) {
        exit.put(Leaving::Controller { launch, headers, has_body }, place);
        return pending().await;
    }
    Ok(response)
}

/// Lets a page of any origin read that it is to come later. The routes, which know whose pages may read, were not asked;
/// and nothing but that stands there.
fn to_be_read(mut response: Response, asked: &HeaderMap) -> Response {
    if asked.contains_key(header::ORIGIN) {
        let headers = response.headers_mut();
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("retry-after"));
    }
    response
}

/// Bounds what the kernel holds for a peer that does not read, and for how long. A system that refuses still
/// serves.
fn bound(socket: &TcpStream, limits: &Limits) {
    let options = SockRef::from(socket);
    for result in [
        options.set_send_buffer_size(limits.socket_send_buffer),
        #[cfg(target_os = "linux")]
        options.set_tcp_user_timeout(Some(limits.unacknowledged)),
        #[cfg(target_os = "linux")]
        options.set_tcp_notsent_lowat(limits.socket_unsent),
    ] {
        if let Err(error) = result {
            tracing::debug!(%error, "a socket option was refused");
        }
    }
}

/// Hands the socket to the hub, or tells the client that the hub has ended since its request was routed.
async fn stream(
    socket: TcpStream,
    streaming: Streaming,
    limits: &Limits,
    permit: Option<Permit>,
    guard: &Guard,
) {
    let Streaming { subscription, head, chunked, version } = streaming;
    let Err(Ended { mut connection }) = subscription.attach(Connection { socket, head, chunked, permit })
    else {
        return;
    };
    guard.count(Reason::Ending);
    let answer = refusal(version, StatusCode::SERVICE_UNAVAILABLE, SHUTTING_DOWN);
    tell(&mut connection.socket, limits, &answer).await;
}

/// The last words to a client.
async fn tell(socket: &mut TcpStream, limits: &Limits, what: &[u8]) {
    if !matches!(timeout(limits.stall, socket.write_all(what)).await, Ok(Ok(()))) {
        tracing::debug!("a client was not told why its request came to nothing");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hub::{Hub, Start};
    use crate::{Epoch, Transport, demo};
    use tokio::io::AsyncReadExt;
    use tokio::net::TcpListener;

    /// Without it a client that comes at the wrong moment finds an empty answer, and does not try again.
    #[tokio::test]
    async fn a_request_that_is_there_when_the_server_ends_has_its_answer() {
        let limits = Limits::default();
        let hub = Hub::start(Epoch::new(1), limits.clone(), 1);
        let router = Router::new().route("/", axum::routing::get(async || "here"));
        let stop = CancellationToken::new();
        stop.cancel();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        client.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        let (socket, peer) = listener.accept().await.unwrap();
        let permit = Arc::new(tokio::sync::Semaphore::new(1)).try_acquire_owned().ok();
        let here = (hub, Bridges::new(&limits));
        serve(socket, peer, here, router, &limits, permit, stop).await;
        let mut answer = String::new();
        client.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("here"), "{answer:?}");
    }

    #[tokio::test]
    async fn a_request_that_the_end_overtakes_is_answered_with_503() {
        let limits = Limits::default();
        for (version, told) in [(Version::HTTP_11, "HTTP/1.1"), (Version::HTTP_10, "HTTP/1.0")] {
            let hub = Hub::start(Epoch::new(1), limits.clone(), 1);
            let subscription = demo::open(&hub).unwrap().subscribe(Transport::Sse, Start::Live);
            hub.end().await;
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
            let (socket, _) = listener.accept().await.unwrap();
            let head = "HTTP/1.1 200 OK".into();
            let chunked = version == Version::HTTP_11;
            let streaming = Streaming { subscription, head, chunked, version };
            stream(socket, streaming, &limits, None, hub.guard()).await;
            assert_eq!(hub.stats().refusals.get(Reason::Ending), 1);
            let mut answer = String::new();
            client.read_to_string(&mut answer).await.unwrap();
            assert!(answer.starts_with(&format!("{told} 503 Service Unavailable\r\n")), "{answer}");
            let (head, body) = answer.split_once("\r\n\r\n").unwrap();
            assert_eq!(body, "The server is shutting down.\n");
            assert!(head.contains(&format!("\r\ncontent-length: {}\r\n", body.len())), "{head}");
        }
    }
}
