//! How a request becomes a controller's connection.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::Body;
use axum::extract::FromRequest;
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONNECTION, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderMap, HeaderValue, Request, StatusCode, Version};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

use super::callbacks::Controller;
use super::context::Context;
use super::form::Form;
use super::output::Envelope;
use super::run::{After, Asked, Run};
use super::settings::Settings;
use super::socket::SocketWire;
use super::wire::HttpWire;
use crate::hub::Hub;
use crate::transport::ws::Subprotocol;
use crate::web::{Handshake, text, wants_websocket};

/// What [`Server`](crate::Server) puts into a request, so that it may become a controller's connection.
#[derive(Clone, Debug)]
pub(crate) struct Seat {
    pub(crate) hub: Hub,
    /// Whether the request has a body, which hyper decodes.
    pub(crate) has_body: bool,
}

/// A connection after its request, in the hands of nobody else.
#[derive(Debug)]
pub(crate) struct Vacated {
    pub(crate) socket: Arc<TcpStream>,
    /// Whether HTTP has read more than the request head.
    pub(crate) has_more: bool,
    /// Told when the server ends.
    pub(crate) stop: CancellationToken,
}

/// The rest of a connection's life. Gives the socket back if another request may follow.
pub(crate) type Running = Pin<Box<dyn Future<Output = Option<TcpStream>> + Send>>;

pub(crate) type Launch = Box<dyn FnOnce(Vacated, HeaderMap) -> Running + Send>;

/// A response that [`Server`](crate::Server) turns into a controller's connection. Anywhere else it is an empty
/// response.
#[derive(Clone)]
pub(crate) struct Takeover {
    launch: Arc<Mutex<Option<Launch>>>,
}

impl Takeover {
    fn new(launch: Launch) -> Self {
        Self { launch: Arc::new(Mutex::new(Some(launch))) }
    }

    /// What to do with the connection, once, and the response's header fields, as the layers around the route have
    /// left them.
    pub(crate) fn of(response: &mut Response) -> Option<(Launch, HeaderMap)> {
        let takeover = response.extensions_mut().remove::<Self>()?;
        let launch = takeover.launch.lock().unwrap_or_else(PoisonError::into_inner).take()?;
        Some((launch, std::mem::take(response.headers_mut())))
    }
}

/// A request that may be suspended: the last argument of an axum handler, which may have others before it and
/// answers with [`run`](Self::run).
///
/// It is `request.startAsync()` of Servlet 3.0, and `ContinuationSupport.getContinuation(request)` of Jetty, with
/// what is set on the connection from the beginning.
///
/// ```
/// use axum::{Router, extract::Path, response::Response, routing::get};
/// use push_server::controller::{Context, Controller, Flow, Form, Result, Suspend};
///
/// struct Game(String);
///
/// impl Controller for Game {
///     async fn begin(&mut self, cx: &mut Context) -> Result {
///         cx.send(&format!("You are in game {}.", self.0))?;
///         Ok(Flow::Suspend)
///     }
/// }
///
/// async fn play(Path(game): Path<String>, suspend: Suspend) -> Response {
///     suspend.form(Form::script()).run(Game(game))
/// }
///
/// let router: Router = Router::new().route("/games/{game}", get(play));
/// # let _ = router;
/// ```
///
/// Layers around the route see an empty response: they may set header fields, but do not see the body, nor the
/// request body that [`read`](Controller::read) is given.
pub struct Suspend {
    seat: Seat,
    asked: Asked,
    body: Body,
    settings: Settings,
    /// If it is one, or should be.
    handshake: Option<Result<Box<Handshake>, Box<Response>>>,
}

impl<S: Send + Sync> FromRequest<S> for Suspend {
    type Rejection = Response;

    async fn from_request(request: Request<Body>, _: &S) -> Result<Self, Response> {
        let handshake = wants_websocket(request.headers()).then(|| Handshake::of(&request));
        let (mut parts, body) = request.into_parts();
        let Some(seat) = parts.extensions.remove::<Seat>() else {
            tracing::error!("a controller's route is served by something else than push_server::Server");
            return Err(text(StatusCode::INTERNAL_SERVER_ERROR, "This address needs another server."));
        };
        let has = |token: &str| {
            let values = parts.headers.get_all(CONNECTION).iter().filter_map(|value| value.to_str().ok());
            values.flat_map(|value| value.split(',')).any(|value| value.trim().eq_ignore_ascii_case(token))
        };
        let is_new = parts.version >= Version::HTTP_11;
        let asked = Asked { version: parts.version, keeps_alive: is_new && !has("close") };
        Ok(Self { seat, asked, body, settings: Settings::new(Form::Sse), handshake })
    }
}

impl Suspend {
    /// The server's hub.
    #[must_use]
    pub const fn hub(&self) -> &Hub {
        &self.seat.hub
    }

    /// The form of what is sent. Default: [`Form::Sse`].
    #[must_use]
    pub fn form(mut self, form: Form) -> Self {
        let is_long_poll = self.settings.is_long_poll;
        self.settings = Settings { is_long_poll, ..Settings::new(form) };
        if is_long_poll { self.long_poll() } else { self }
    }

    /// Nothing leaves until something was written; that is the answer, and the connection is free for the next
    /// request. So one controller serves both: it writes what is new whenever it is resumed.
    ///
    /// Without an answer within the timeout (default [`TIMEOUT`](super::TIMEOUT)) the client gets an empty one: an
    /// empty array of JSON, for raw bytes status 204.
    #[must_use]
    pub fn long_poll(mut self) -> Self {
        self.settings.is_long_poll = true;
        self.settings.timeout = self.settings.timeout.or(Some(super::TIMEOUT));
        self
    }

    /// After how much time without an event [`timeout`](Controller::timeout) is called: see
    /// [`Context::set_timeout`]. Default: never, or [`TIMEOUT`](super::TIMEOUT) where no heartbeat shows whether the
    /// client is there.
    #[must_use]
    pub const fn timeout(mut self, timeout: Option<Duration>) -> Self {
        self.settings.timeout = timeout;
        self
    }

    /// Ends the connection after this time, telling the client to come back: a browser's document grows as long as
    /// its iframe lives. Default: never.
    #[must_use]
    pub const fn lifetime(mut self, lifetime: Duration) -> Self {
        self.settings.lifetime = Some(lifetime);
        self
    }

    /// How long one callback may run. Default: [`CALLBACK_TIME`](super::CALLBACK_TIME).
    #[must_use]
    pub const fn callback_time(mut self, time: Duration) -> Self {
        self.settings.callback_time = time;
        self
    }

    /// Bytes that may wait for the client to take them. Default: [`PENDING_BYTES`](super::PENDING_BYTES). What the
    /// kernel holds comes beside them ([`Limits::socket_send_buffer`](crate::Limits::socket_send_buffer)).
    #[must_use]
    pub const fn pending_bytes(mut self, bytes: usize) -> Self {
        self.settings.pending_bytes = bytes;
        self
    }

    /// Bytes that the request body may have. Default: [`INPUT_BYTES`](super::INPUT_BYTES).
    #[must_use]
    pub const fn input_bytes(mut self, bytes: u64) -> Self {
        self.settings.input_bytes = bytes;
        self
    }

    /// The response, which [`Server`](crate::Server) turns into the connection of `controller`: the handler returns
    /// it, and [`begin`](Controller::begin) is called as soon as the socket is out of HTTP's hands.
    #[must_use]
    pub fn run<C: Controller>(self, controller: C) -> Response {
        let Self { seat, asked, body, mut settings, handshake } = self;
        let spoken = match settings.form {
            Form::WsJson => Some(Subprotocol::Json),
            Form::WsHessian => Some(Subprotocol::Hessian),
            _ => None,
        };
        let Some(spoken) = spoken else {
            return Self { seat, asked, body, settings, handshake }.run_http(controller);
        };
        settings.is_long_poll = false;
        let mut response = match handshake {
            Some(Ok(handshake)) => handshake.accept(spoken),
            Some(Err(refusal)) => return *refusal,
            None => return Handshake::missing(),
        };
        let launch: Launch = Box::new(move |vacated, headers| {
            let Vacated { socket, stop, .. } = vacated;
            let wire = SocketWire::new(socket, seat.hub.limits());
            let cx = Context::new(seat.hub, settings, headers, Envelope::Plain);
            let mut run = Run::new(controller, cx, wire, asked, stop);
            Box::pin(async move {
                match run.serve().await {
                    After::Abort => run.wire.abort(),
                    After::Close | After::Reuse => run.wire.finish().await,
                }
                None
            })
        });
        response.extensions_mut().insert(Takeover::new(launch));
        response
    }

    /// The same, of an HTTP response.
    fn run_http<C: Controller>(self, controller: C) -> Response {
        let Self { seat, asked, body, settings, .. } = self;
        let mut response = StatusCode::OK.into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, settings.form.content_type(settings.is_long_poll));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        // nginx buffers responses of its upstreams unless told otherwise.
        headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
        let launch: Launch = Box::new(move |vacated, headers| {
            let Vacated { socket, has_more, stop } = vacated;
            let body = seat.has_body.then_some(body);
            let keeps = settings.is_long_poll && asked.keeps_alive && !has_more;
            let max_ignored = seat.hub.limits().ignored_input;
            let envelope = match (settings.is_long_poll, asked.version >= Version::HTTP_11) {
                (true, _) => Envelope::Collected,
                (false, true) => Envelope::Chunked,
                (false, false) => Envelope::Plain,
            };
            let wire = HttpWire::new(socket, body, settings.input_bytes, keeps, max_ignored);
            let cx = Context::new(seat.hub, settings, headers, envelope);
            let mut run = Run::new(controller, cx, wire, asked, stop);
            Box::pin(async move {
                run.wire.ask().await;
                match run.serve().await {
                    After::Reuse => return run.into_wire().into_socket(),
                    After::Close => run.wire.finish().await,
                    After::Abort => run.wire.abort(),
                }
                None
            })
        });
        response.extensions_mut().insert(Takeover::new(launch));
        response
    }
}

impl fmt::Debug for Suspend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Suspend").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl fmt::Debug for Takeover {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Takeover").finish_non_exhaustive()
    }
}
