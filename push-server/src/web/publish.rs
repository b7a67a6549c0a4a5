//! `POST /streams/{stream}/messages`: publishing JSON, and taking along what has gathered.

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use tokio::time::timeout;

use super::Site;
use super::guard::{Caller, denied};
use super::params::{Ask, Format, Refusal, Segments, refuse, refuse_for_now};
use super::poll::{Asks, Parts, take};
use super::streams::over;
use crate::PublishError;
use crate::guard::Reason;
use crate::hub::{Hub, Published, Start, Stream};

pub(super) async fn publish(
    State(site): State<Site>,
    Segments(stream): Segments<String>,
    caller: Caller,
    ask: Ask,
    request: Request,
) -> Response {
    answer(&site, &stream, &caller, &ask, request).await.unwrap_or_else(|refusal| *refusal)
}

async fn answer(
    site: &Site,
    stream: &str,
    caller: &Caller,
    ask: &Ask,
    request: Request,
) -> Result<Response, Refusal> {
    is_json(&ask.headers)?;
    site.knows(stream)?;
    let guard = site.hub.guard();
    if ask.has_start() {
        caller.may_read(guard, stream)?;
    }
    caller.publishes(guard, &site.name(stream)?, 1).map_err(denied)?;
    // Counted until its message is in the log, or it is refused.
    let mut held = Held { hub: &site.hub, bytes: 0 };
    let json = read(request.into_body(), &mut held).await?;
    let stream = site.stream(stream)?;
    // Before anything is published: a request that is refused has done nothing.
    let asks = match ask.has_start() {
        true => Some(Asks::new(&stream, ask, Start::Live, Format::Json, false)?),
        false => None,
    };
    let Published { position, receivers } = append(&stream, json).await?;
    drop(held);
    let mut parts = vec![format!(r#"{{"position":"{position}","receivers":{receivers}"#).into()];
    if let Some(asks) = asks {
        let (answer, messages) = take(asks).await;
        parts.push(Bytes::from_static(br#","poll":"#));
        parts.extend(answer.json(messages));
    }
    parts.push(Bytes::from_static(b"}\n"));
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    ];
    Ok((headers, Body::new(Parts::new(parts))).into_response())
}

/// Refuses what does not say that it is JSON: what an HTML form sends is none, so no page of another site publishes
/// without asking first.
fn is_json(headers: &HeaderMap) -> Result<(), Refusal> {
    let unsupported = |what: &str| Err(refuse(StatusCode::UNSUPPORTED_MEDIA_TYPE, what));
    if headers.contains_key(header::CONTENT_ENCODING) {
        return unsupported("A message is published as it is, without a Content-Encoding.");
    }
    let media_type = headers.get(header::CONTENT_TYPE).and_then(|field| field.to_str().ok()).unwrap_or("");
    let mut parts = media_type.split(';').map(str::trim);
    let is_json = parts.next().is_some_and(|essence| essence.eq_ignore_ascii_case("application/json"));
    let charset = parts.find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim().eq_ignore_ascii_case("charset").then(|| value.trim().trim_matches('"'))
    });
    match is_json && charset.is_none_or(|charset| charset.eq_ignore_ascii_case("utf-8")) {
        true => Ok(()),
        false => unsupported("A message is published as Content-Type: application/json, in UTF-8."),
    }
}

/// What has come of a body, counted among [`Limits::bodies_in_all`](crate::Limits::bodies_in_all).
struct Held<'h> {
    hub: &'h Hub,
    bytes: usize,
}

impl Held<'_> {
    fn take(&mut self, bytes: usize) -> Result<(), Refusal> {
        let bodies = self.hub.bodies();
        if bodies.take(bytes) {
            self.bytes += bytes;
            return Ok(());
        }
        let max = bodies.max();
        Err(refuse_for_now(
            Reason::Bodies,
            1,
            &format!("The server holds as many bodies as it can: bodies_in_all = {max} bytes."),
        ))
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.hub.bodies().give_back(self.bytes);
    }
}

/// The body, bounded in bytes and time. Copied out of the HTTP library's buffers, which are larger than most messages
/// and would stay as long as the log keeps the message.
async fn read(body: Body, held: &mut Held<'_>) -> Result<Bytes, Refusal> {
    let limits = held.hub.limits();
    let (max, time) = (limits.message_bytes, limits.body_read);
    let too_long = || {
        let what = format!("A message has message_bytes = {max} bytes at most.");
        refuse(StatusCode::PAYLOAD_TOO_LARGE, &what)
    };
    let announced = http_body::Body::size_hint(&body).lower();
    if announced > max as u64 {
        return Err(too_long());
    }
    let mut body = Limited::new(body, max);
    let collect = async {
        let mut bytes = Vec::new();
        while let Some(frame) = body.frame().await {
            let frame = match frame {
                Ok(frame) => frame,
                Err(error) if error.is::<LengthLimitError>() => return Err(too_long()),
                Err(_) => {
                    let what = "The body of the request is not complete.";
                    return Err(refuse(StatusCode::BAD_REQUEST, what));
                }
            };
            // Trailers mean nothing here.
            if let Ok(data) = frame.into_data() {
                held.take(data.len())?;
                bytes.extend_from_slice(&data);
            }
        }
        Ok(bytes.into_boxed_slice().into())
    };
    timeout(time, collect).await.unwrap_or_else(|_| {
        Err(refuse(StatusCode::REQUEST_TIMEOUT, "The body of the request took too long."))
    })
}

async fn append(stream: &Stream, json: Bytes) -> Result<Published, Refusal> {
    let limits = stream.limits();
    let Ok(published) = timeout(limits.publish_wait, stream.publish_json(json)).await else {
        return Err(refuse_for_now(Reason::Behind, 1, "The server is behind; nothing was published."));
    };
    published.map_err(|error| match error {
        PublishError::TooLong { .. } => refuse(StatusCode::PAYLOAD_TOO_LARGE, &format!("{error}.")),
        PublishError::Full { .. } => refuse_for_now(Reason::Logs, 30, &format!("{error}.")),
        PublishError::Ended => over(stream),
        PublishError::Json(_) => {
            let mut what = String::from("The body is no JSON that can be published");
            if let Some(source) = std::error::Error::source(&error) {
                what.push_str(&format!(": {source}"));
            }
            refuse(StatusCode::BAD_REQUEST, &format!("{what}."))
        }
        PublishError::Hessian(_) => refuse(StatusCode::UNPROCESSABLE_ENTITY, &format!("{error}.")),
    })
}
