//! Publishing over HTTP: one message, one message to one client, a batch; taking along what has gathered.
//!
//! | request | publishes | answer |
//! | --- | --- | --- |
//! | `POST /streams/{stream}/messages` | the body | `{"position":"ab:7","receivers":3}` |
//! | `POST /streams/{stream}/batch` | each value in the body, one after the other: all, or none | `{"position":"ab:9","first":"ab:7","messages":3,"receivers":3}` |
//! | `POST /streams/{stream}/clients/{client}/messages` | the body, to this client alone | `{"receivers":1,"waits":false}` |
//!
//! | `Content-Type` | a message | a batch |
//! | --- | --- | --- |
//! | `application/json`, in UTF-8 | JSON, which readers of JSON get as it is | an array, each element a message |
//! | `application/x-ndjson` | | a line each; empty lines are passed over |
//! | `application/x-hessian`, `x-application/hessian` | one Hessian 2.0 value, as `Hessian2Output.writeObject` writes it | values one after the other, as one `Hessian2Output` writes them |
//!
//! `position` is that of the (last) message; a batch stands in the stream without a gap. `receivers` are the readers that
//! were connected. A message to one client `waits` if that client is present and has no connection now; where it has one,
//! the message is on its way.
//!
//! **`Idempotency-Key`**: 1 to 255 visible ASCII characters, or the same as a quoted string. A request with a key that has
//! published before on this stream publishes nothing: it is answered as that one was, with `Idempotent-Replayed: true`
//! (draft-ietf-httpapi-idempotency-key-header; the field of the answer is Stripe's).
//! One that comes while the first is under way waits for it. A request with the same key and another body, type or address
//! is refused with 422. A refused request has published nothing, and its key is free. Keys are
//! remembered for [`Limits::idempotency_age`](crate::Limits::idempotency_age), or until
//! [`Limits::idempotency_keys`](crate::Limits::idempotency_keys) newer ones have come.

mod answer;
mod body;
mod key;
mod media;

use axum::extract::{Request, State};
use axum::response::Response;
use bytes::Bytes;
use http::StatusCode;
use tokio::time::timeout;

use super::Site;
use super::guard::{Caller, denied};
use super::params::{Ask, Format, Refusal, Segments, refuse};
use super::poll::{Asks, take};
use crate::error::BatchError;
use crate::hub::{BadClientId, ClientId, Fingerprint, Messages, Outcome, Start, Stream};
use crate::message::Bodies;
use answer::Answered;
pub(super) use body::{Held, read};
pub(super) use key::{FULL, OTHER, UNDER_WAY, is_key};
use media::Media;
pub(super) use media::is_json;

/// What a request publishes.
#[derive(Debug)]
enum Target {
    Message,
    Batch,
    Direct(ClientId),
}

impl Target {
    /// What tells a request from another one with the same idempotency key.
    fn fingerprint(&self, stream: &Stream, media: Media, body: &[u8]) -> Fingerprint {
        let (what, client) = match self {
            Self::Message => ("message", ""),
            Self::Batch => ("batch", ""),
            Self::Direct(client) => ("direct", client.as_str()),
        };
        stream.fingerprint([what.as_bytes(), client.as_bytes(), media.name().as_bytes(), body])
    }
}

/// `POST /streams/{stream}/messages`.
pub(super) async fn message(
    State(site): State<Site>,
    Segments(stream): Segments<String>,
    caller: Caller,
    ask: Ask,
    request: Request,
) -> Response {
    answer(&site, &stream, &caller, &Target::Message, &ask, request).await.unwrap_or_else(|refusal| *refusal)
}

/// `POST /streams/{stream}/batch`.
pub(super) async fn batch(
    State(site): State<Site>,
    Segments(stream): Segments<String>,
    caller: Caller,
    ask: Ask,
    request: Request,
) -> Response {
    answer(&site, &stream, &caller, &Target::Batch, &ask, request).await.unwrap_or_else(|refusal| *refusal)
}

/// `POST /streams/{stream}/clients/{client}/messages`.
pub(super) async fn direct(
    State(site): State<Site>,
    Segments((stream, client)): Segments<(String, String)>,
    caller: Caller,
    ask: Ask,
    request: Request,
) -> Response {
    let client = client
        .parse()
        .map_err(|error: BadClientId| refuse(StatusCode::BAD_REQUEST, &format!("client: {error}.")));
    let answered = match client {
        Ok(client) => answer(&site, &stream, &caller, &Target::Direct(client), &ask, request).await,
        Err(refusal) => Err(refusal),
    };
    answered.unwrap_or_else(|refusal| *refusal)
}

async fn answer(
    site: &Site,
    stream: &str,
    caller: &Caller,
    target: &Target,
    ask: &Ask,
    request: Request,
) -> Result<Response, Refusal> {
    let media = Media::of(&ask.headers, matches!(target, Target::Batch))?;
    let key = key::of(&ask.headers)?;
    let max = match target {
        Target::Batch => ("A batch", "batch_bytes", site.hub.limits().batch_bytes),
        _ => ("A message", "message_bytes", site.hub.limits().message_bytes),
    };
    site.knows(stream)?;
    let guard = site.hub.guard();
    if ask.has_start() {
        caller.may_read(guard, stream)?;
    }
    caller.publishes(guard, &site.name(stream)?).map_err(denied)?;
    // Counted until its message is in the log, or it is refused.
    let mut held = Held::new(&site.hub);
    let body = read(request.into_body(), max, &mut held).await?;
    let stream = match target {
        // Nobody is present in a stream that is not open.
        Target::Direct(_) => site.hub.get(stream).ok_or_else(|| no_such_stream(stream))?,
        _ => site.stream(stream)?,
    };
    // Before anything is published: a request that is refused has done nothing.
    let asks = match ask.has_start() && !matches!(target, Target::Direct(_)) {
        true => Some(Asks::new(&stream, ask, Start::Live, Format::Json, false)?),
        false => None,
    };
    let key = key.as_deref().map(|key| (key, target.fingerprint(&stream, media, &body)));
    let published = stream.once(key, publish(&stream, (caller, target), media, &body)).await;
    let (outcome, is_again) = published.map_err(|why| key::refused(why, stream.limits()))?;
    drop((body, held));
    let answered = Answered { outcome, is_again };
    Ok(answered.response(match asks {
        Some(asks) => Some(take(asks).await),
        None => None,
    }))
}

fn no_such_stream(name: &str) -> Refusal {
    match name.parse::<crate::StreamName>() {
        Ok(_) => refuse(StatusCode::NOT_FOUND, "No such stream is open: no client is present in it."),
        Err(error) => refuse(StatusCode::BAD_REQUEST, &format!("stream: {error}.")),
    }
}

async fn publish(
    stream: &Stream,
    (caller, target): (&Caller, &Target),
    media: Media,
    body: &Bytes,
) -> Result<Outcome, Refusal> {
    let encode = || {
        stream.encode_with(|classes, limits| match media {
            Media::Json | Media::Lines => Bodies::json(body, classes, limits),
            Media::Hessian => Bodies::hessian(body, classes, limits),
        })
    };
    let refused = |error| answer::refused(stream, media, &error);
    let in_time = answer::in_time(stream);
    match target {
        Target::Message => {
            let bodies = encode().map_err(refused)?;
            let published = timeout(in_time, stream.append(bodies)).await.map_err(|_| answer::behind())?;
            published.map(Outcome::Message).map_err(refused)
        }
        Target::Batch => {
            let refused = |error| answer::batch_refused(stream, media, body, &error);
            let messages = gather(stream, media, body).map_err(refused)?;
            caller.publishes_all(stream.guard(), stream.name(), messages.len());
            let published = timeout(in_time, stream.publish_messages(messages)).await;
            published.map_err(|_| answer::behind())?.map(Outcome::Batch).map_err(refused)
        }
        Target::Direct(client) => {
            let sent = stream.send(client, encode);
            sent.map(Outcome::Direct).map_err(|error| answer::send_refused(stream, media, &error))
        }
    }
}

/// The messages of the body of a batch. Each is copied, so that the log does not keep the whole body for one of them.
fn gather(stream: &Stream, media: Media, body: &Bytes) -> Result<Messages, BatchError> {
    let copied = |text: &[u8]| {
        let text = Bytes::copy_from_slice(text);
        stream.encode_with(|classes, limits| Bodies::json(&text, classes, limits))
    };
    match media {
        Media::Json => {
            let elements = body::elements(body)?;
            stream.gather(elements, |element| copied(element.get().as_bytes()))
        }
        Media::Lines => stream.gather(body::lines(body), copied),
        Media::Hessian => stream.hessian_messages(body),
    }
}
