//! `/streams/{stream}/{transport}`: the URLs that clients are written against.

use std::fmt::Display;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{FromRequest, Request, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};

use super::bridge::Place;
use super::guard::Caller;
use super::negotiate::choose;
use super::params::{Ask, Asked, Refusal, Segments, refuse, refuse_for_now};
use super::ws::{self, Handshake};
use super::{SHUTTING_DOWN, Site, poll};
use crate::guard::Reason;
use crate::hub::{Resume, Start, Stream, Subscription};
use crate::transport::{Transport, multipart, script, sse, xhr};

/// A response that [`Server`](crate::Server) turns into something else: it takes the socket over and writes this
/// response's head.
///
/// Anywhere else it is an empty response.
#[derive(Clone, Debug)]
pub(crate) enum Takeover {
    /// Then `preamble`, then the subscription's messages as they come.
    Stream { subscription: Subscription, preamble: Bytes },
    /// Then the bytes of a connection to `target`.
    Bridge { target: SocketAddr, place: Arc<Place> },
}

impl Takeover {
    /// The response with it.
    pub(super) fn begin(self, mut response: Response) -> Response {
        response.extensions_mut().insert(self);
        response
    }
}

/// What a stream can be read as, by media type, the best liked by us first: what who takes everything gets.
const OFFERS: [(&str, &str); 6] = [
    ("text/event-stream", "sse"),
    ("application/x-hessian", "hessian"),
    ("application/json", "longpoll"),
    ("application/x-ndjson", "xhr"),
    ("multipart/x-mixed-replace", "multipart"),
    ("text/html", "script"),
];

/// `/streams/{stream}/{transport}`.
pub(super) async fn by_name(
    State(site): State<Site>,
    Segments((stream, transport)): Segments<(String, String)>,
    ask: Ask,
) -> Response {
    answer_at(&site, &stream, &transport, &ask).await
}

/// `/streams/{stream}`: in the form that the client likes best.
pub(super) async fn negotiated(
    State(site): State<Site>,
    Segments(stream): Segments<String>,
    caller: Caller,
    ask: Ask,
    request: Request,
) -> Response {
    // First who asks for another protocol, whatever its `Accept` says.
    if ws::wants_websocket(&ask.headers) {
        return match Handshake::from_request(request, &()).await {
            Ok(handshake) => ws::open_by_name(&site, &stream, &caller, &ask, handshake),
            Err(refusal) => refusal,
        };
    }
    let mut response = match choose(&ask.headers, &OFFERS) {
        Some(transport) => answer_at(&site, &stream, transport, &ask).await,
        None => {
            let types = OFFERS.map(|(media_type, _)| media_type).join(", ");
            *refuse(StatusCode::NOT_ACCEPTABLE, &format!("A stream is one of {types}."))
        }
    };
    response.headers_mut().insert(header::VARY, HeaderValue::from_static("accept"));
    response
}

async fn answer_at(site: &Site, stream: &str, transport: &str, ask: &Ask) -> Response {
    // The transport first: a request that makes no sense opens no stream.
    let stream = ask.asked(transport).and_then(|_| site.stream(stream));
    match stream {
        Ok(stream) => answer(&stream, transport, ask, Start::Live).await,
        Err(refusal) => *refusal,
    }
}

/// Answers a request for `stream`, or says what is wrong with it. `start` is where a reader begins who does not say.
pub(super) async fn answer(stream: &Stream, transport: &str, ask: &Ask, start: Start) -> Response {
    let answer = match ask.asked(transport) {
        Ok(Asked::Stream(transport)) => take_over(stream, transport, ask, start),
        Ok(Asked::LongPoll) => poll::answer(stream, ask, start, true).await,
        Ok(Asked::Poll) => poll::answer(stream, ask, start, false).await,
        Err(refusal) => Err(refusal),
    };
    answer.unwrap_or_else(|refusal| *refusal)
}

/// Nothing comes of this stream any more: it was closed, or the server ends.
pub(super) fn over(stream: &Stream) -> Refusal {
    match stream.is_closed() {
        true => refuse(StatusCode::GONE, "The stream is over."),
        false => refuse_for_now(Reason::Ending, 1, SHUTTING_DOWN),
    }
}

/// Decides where the reader begins, and who it is.
pub(super) fn subscribe(
    stream: &Stream,
    transport: Transport,
    ask: &Ask,
    start: Start,
) -> Result<Subscription, Refusal> {
    let (start, client) = (ask.start(start)?, ask.client()?);
    let subscription = stream.subscribe(transport, start);
    if subscription.has_ended() {
        return Err(over(stream));
    }
    match client {
        None => Ok(subscription),
        Some(id) => subscription
            .client(&id)
            .map_err(|error| refuse_for_now(Reason::Clients, 30, &format!("The stream is full: {error}."))),
    }
}

fn take_over(stream: &Stream, transport: Transport, ask: &Ask, start: Start) -> Result<Response, Refusal> {
    let limits = stream.limits();
    let (callback, rotate_after) = (ask.callback()?, ask.rotate_after(transport, limits)?);
    let mut subscription = subscribe(stream, transport, ask, start)?;
    if let Some(time) = rotate_after {
        subscription = subscription.rotate_after(time);
    }
    let (position, resume) = (subscription.position(), subscription.resume());
    let preamble = match transport {
        Transport::Hessian { .. } => Vec::new(),
        Transport::WsJson | Transport::WsHessian | Transport::Ruffle { .. } => Vec::new(),
        Transport::Script => script::preamble(&callback, position, resume),
        Transport::Sse => sse::preamble(position, resume),
        Transport::Xhr => xhr::preamble(position, resume, limits.heartbeat, rotate_after),
        Transport::Multipart => multipart::preamble(position, resume, limits.heartbeat, rotate_after),
    };
    let mut response = StatusCode::OK.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(transport.content_type()));
    describe(&subscription, headers);
    headers.insert("push-heartbeat", seconds(limits.heartbeat));
    if let Some(time) = rotate_after {
        headers.insert("push-rotate", seconds(time));
    }
    Ok(Takeover::Stream { subscription, preamble: preamble.into() }.begin(response))
}

/// The fields that every answer about a stream has.
pub(super) fn describe(subscription: &Subscription, headers: &mut HeaderMap) {
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    // nginx buffers responses of its upstreams unless told otherwise.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    place(subscription, headers);
}

/// Where the reader begins, and what became of the place that it asked for.
pub(super) fn place(subscription: &Subscription, headers: &mut HeaderMap) {
    // The position before the first message: each non-empty packet then counts one from here.
    headers.insert("push-position", field(subscription.position()));
    // Unless some packets have no position, or some positions no packet.
    let is_bare = matches!(subscription.transport(), Transport::Hessian { .. } | Transport::Ruffle { .. });
    if is_bare && !subscription.counts_positions() {
        headers.insert("push-counting", HeaderValue::from_static("none"));
    }
    if subscription.resume() != Resume::Fresh {
        headers.insert("push-resume", field(subscription.resume()));
    }
}

pub(super) fn seconds(time: Duration) -> HeaderValue {
    field(time.as_secs_f64())
}

/// What is printed as letters, digits and a few signs.
pub(super) fn field(value: impl Display) -> HeaderValue {
    HeaderValue::from_str(&value.to_string()).expect("no line ends")
}
