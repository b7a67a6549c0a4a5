//! `GET /streams/{stream}/{transport}`: the URLs that clients are written against.

use axum::extract::{FromRequestParts, Path, Query, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::{SHUTTING_DOWN, text};
use crate::hub::{Hub, Resume, Start, Stream, Subscription};
use crate::transport::{Transport, script, sse};
use crate::{BadPosition, Epoch, Framing, Position};

/// What the query of a request for a stream may say. Anything else is ignored: scripts add `?_=123` so that
/// no cache answers.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Params {
    /// `hessian`: `ws` (default), `p`, `varint` or `marked`.
    framing: Option<String>,
    /// `script`: the function of the parent page.
    callback: Option<String>,
    /// The position after which to go on. `Last-Event-ID` says the same and wins.
    since: Option<String>,
    /// Begin with the newest `last` messages.
    last: Option<u64>,
}

/// Refused in our own words, where axum's answers have neither `nosniff` nor an end of line.
impl<S: Send + Sync> FromRequestParts<S> for Params {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        match Query::from_request_parts(parts, state).await {
            Ok(Query(params)) => Ok(params),
            Err(problem) => Err(text(problem.status(), &problem.body_text())),
        }
    }
}

/// The variable segments of a path, refused in the same way.
#[derive(Debug)]
pub(super) struct Segments<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Segments<T> {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        match Path::from_request_parts(parts, state).await {
            Ok(Path(segments)) => Ok(Self(segments)),
            Err(problem) => Err(text(problem.status(), &problem.body_text())),
        }
    }
}

/// A position that no history has: what follows on it is [`Resume::EpochChanged`].
const NOWHERE: Position = Position { epoch: Epoch::new(u64::MAX), sequence: u64::MAX };

/// A response that [`Server`](crate::Server) turns into a stream: it takes the socket over, writes this
/// response's head, then `preamble`, then the subscription's messages as they come.
///
/// Anywhere else it is an empty response.
#[derive(Clone, Debug)]
pub(crate) struct Takeover {
    pub(crate) subscription: Subscription,
    pub(crate) preamble: Bytes,
}

pub(super) async fn by_name(
    State(hub): State<Hub>,
    Segments((stream, transport)): Segments<(String, String)>,
    params: Params,
    headers: HeaderMap,
) -> Response {
    let Some(stream) = hub.get(&stream) else {
        return text(StatusCode::NOT_FOUND, "No such stream.");
    };
    subscribe(&stream, &transport, &params, &headers, Start::Live)
}

/// Subscribes, or says what is wrong with the request. `start` is where a reader begins who does not say.
pub(super) fn subscribe(
    stream: &Stream,
    transport: &str,
    params: &Params,
    headers: &HeaderMap,
    start: Start,
) -> Response {
    let (transport, callback, start) = match read(transport, params, headers, start) {
        Ok(request) => request,
        Err(refusal) => return *refusal,
    };
    let subscription = stream.subscribe(transport, start);
    if subscription.has_ended() {
        return text(StatusCode::SERVICE_UNAVAILABLE, SHUTTING_DOWN);
    }
    let preamble = match transport {
        Transport::Hessian { .. } => Vec::new(),
        Transport::Script => script::preamble(&callback, subscription.position(), subscription.resume()),
        Transport::Sse => sse::preamble(subscription.position(), subscription.resume()),
    };
    respond(subscription, preamble.into())
}

type Request = (Transport, script::Callback, Start);

fn read(name: &str, params: &Params, headers: &HeaderMap, start: Start) -> Result<Request, Box<Response>> {
    let bad = |what: &str| Box::new(text(StatusCode::BAD_REQUEST, what));
    let transport = match name {
        "hessian" => Transport::hessian(match params.framing.as_deref() {
            None | Some("ws") => Framing::Ws,
            Some("p") => Framing::P,
            Some("varint") => Framing::Varint,
            Some("marked") => Framing::Marked,
            Some(_) => return Err(bad("framing is one of ws, p, varint, marked.")),
        }),
        "script" => Transport::Script,
        "sse" => Transport::Sse,
        _ => {
            return Err(Box::new(text(StatusCode::NOT_FOUND, "A transport is one of hessian, script, sse.")));
        }
    };
    let callback = match params.callback.as_deref() {
        None => script::Callback::default(),
        Some(name) => script::Callback::new(name).map_err(|error| bad(&format!("callback: {error}.")))?,
    };
    let start = match (headers.get("last-event-id"), params.since.as_deref(), params.last) {
        // A browser that never got an id sends none or an empty one. It gives the header by itself, from
        // whatever served this address before, and never tries again after an error: an id that is no
        // position of ours is answered like one of another history.
        (Some(id), _, _) if !id.is_empty() => {
            let position = id.to_str().ok().and_then(|id| id.parse().ok());
            Start::After(position.unwrap_or(NOWHERE))
        }
        (_, Some(position), _) => {
            let position = position.parse();
            Start::After(position.map_err(|error: BadPosition| bad(&format!("since: {error}.")))?)
        }
        (_, None, Some(count)) => Start::Latest(count),
        (_, None, None) => start,
    };
    Ok((transport, callback, start))
}

fn respond(subscription: Subscription, preamble: Bytes) -> Response {
    let mut response = StatusCode::OK.into_response();
    let headers = response.headers_mut();
    let content_type = HeaderValue::from_static(subscription.transport().content_type());
    headers.insert(header::CONTENT_TYPE, content_type);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    // nginx buffers responses of its upstreams unless told otherwise.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    // The position before the first message: each non-empty packet counts one from here.
    let position = HeaderValue::from_str(&subscription.position().to_string());
    headers.insert("push-position", position.expect("digits and a colon"));
    // Unless some packets have no position, or some positions no packet.
    if !subscription.counts_positions() && matches!(subscription.transport(), Transport::Hessian { .. }) {
        headers.insert("push-counting", HeaderValue::from_static("none"));
    }
    if subscription.resume() != Resume::Fresh {
        let verdict = HeaderValue::from_str(&subscription.resume().to_string());
        headers.insert("push-resume", verdict.expect("letters and digits"));
    }
    response.extensions_mut().insert(Takeover { subscription, preamble });
    response
}
