//! What a publisher is told.

use std::time::Duration;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};

use super::media::Media;
use crate::PublishError;
use crate::error::{BatchError, SendError};
use crate::guard::Reason;
use crate::hub::{Outcome, Stream};
use crate::transport::poll::Answer;
use crate::web::params::{Refusal, refuse, refuse_for_now};
use crate::web::poll::Parts;
use crate::web::streams::over;

/// Seconds after which something too old may have made room in the logs.
const LOGS_FULL: u32 = 30;

/// What has come of a request.
#[derive(Debug)]
pub(super) struct Answered {
    pub(super) outcome: Outcome,
    /// Nothing was published now: the same request had come before.
    pub(super) is_again: bool,
}

impl Answered {
    /// With what has gathered, if that was asked for.
    pub(super) fn response(&self, poll: Option<(Answer, Vec<Bytes>)>) -> Response {
        let mut parts = vec![Bytes::from(self.members())];
        if let Some((answer, messages)) = poll {
            parts.push(Bytes::from_static(br#","poll":"#));
            parts.extend(answer.json(messages));
        }
        parts.push(Bytes::from_static(b"}\n"));
        let headers = [
            (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
            (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
            (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        ];
        let mut response = (headers, Body::new(Parts::new(parts))).into_response();
        if self.is_again {
            response.headers_mut().insert("idempotent-replayed", HeaderValue::from_static("true"));
        }
        response
    }

    /// The answer's beginning: an object that is still open.
    fn members(&self) -> String {
        match &self.outcome {
            Outcome::Message(it) => {
                format!(r#"{{"position":"{}","receivers":{}"#, it.position, it.receivers)
            }
            Outcome::Batch(it) => format!(
                r#"{{"position":"{}","first":"{}","messages":{},"receivers":{}"#,
                it.last,
                it.first,
                it.messages(),
                it.receivers
            ),
            Outcome::Direct(it) => {
                format!(r#"{{"receivers":{},"waits":{}"#, u8::from(it.is_connected), !it.is_connected)
            }
        }
    }
}

/// How long a publication may wait for the server.
pub(super) fn in_time(stream: &Stream) -> Duration {
    stream.limits().publish_wait
}

/// Shards have not taken to their readers what was published before.
pub(super) fn behind() -> Refusal {
    refuse_for_now(Reason::Behind, 1, "The server is behind; nothing was published.")
}

/// A message was refused.
pub(super) fn refused(stream: &Stream, media: Media, error: &PublishError) -> Refusal {
    refused_as(stream, media, error, "The body is ", &format!("{error}."))
}

/// The same; `what` begins the text where the body is at fault, `otherwise` is all of it where it is not.
fn refused_as(stream: &Stream, media: Media, error: &PublishError, what: &str, otherwise: &str) -> Refusal {
    match error {
        PublishError::TooLong { .. } => refuse(StatusCode::PAYLOAD_TOO_LARGE, otherwise),
        PublishError::Full { .. } => refuse_for_now(Reason::Logs, LOGS_FULL, otherwise),
        PublishError::Ended => over(stream),
        // A value that could be read, and has no form in JSON.
        PublishError::Json(_) if media == Media::Hessian => {
            refuse(StatusCode::UNPROCESSABLE_ENTITY, otherwise)
        }
        PublishError::Json(why) => {
            refuse(StatusCode::BAD_REQUEST, &format!("{what}no JSON that can be published: {why}."))
        }
        PublishError::NotHessian(source) if source.is_limit() => {
            refuse(StatusCode::PAYLOAD_TOO_LARGE, &format!("{what}{error}."))
        }
        PublishError::NotHessian(_) => refuse(StatusCode::BAD_REQUEST, &format!("{what}{error}.")),
        PublishError::Hessian(_) => refuse(StatusCode::UNPROCESSABLE_ENTITY, otherwise),
    }
}

/// A batch was refused.
pub(super) fn batch_refused(stream: &Stream, media: Media, body: &[u8], error: &BatchError) -> Refusal {
    let whole = format!("{error}.");
    match error {
        BatchError::Message { number, error } => {
            let place = match super::body::line_of(body, *number).filter(|_| media == Media::Lines) {
                Some(line) => format!("Message {number} of the batch, in line {line}: "),
                None => format!("Message {number} of the batch: "),
            };
            refused_as(stream, media, error, &place, &format!("{place}{error}."))
        }
        BatchError::Empty => refuse(StatusCode::BAD_REQUEST, &whole),
        BatchError::TooMany { .. } | BatchError::TooLong { .. } => {
            refuse(StatusCode::PAYLOAD_TOO_LARGE, &whole)
        }
        BatchError::Refused(PublishError::Json(why)) => {
            refuse(StatusCode::BAD_REQUEST, &format!("The body is no array of JSON: {why}."))
        }
        BatchError::Refused(error) => refused(stream, media, error),
    }
}

/// A message to one client was refused. 429 where this client takes less than it is sent, 503 where the server is full.
pub(super) fn send_refused(stream: &Stream, media: Media, error: &SendError) -> Refusal {
    let what = format!("{error}.");
    match error {
        SendError::Refused(error) => refused(stream, media, error),
        SendError::NoClient(_) => refuse(StatusCode::NOT_FOUND, &what),
        SendError::TooLong { .. } => refuse(StatusCode::PAYLOAD_TOO_LARGE, &what),
        SendError::Full { bound: "direct_bytes_in_all", .. } => refuse_for_now(Reason::DirectBytes, 1, &what),
        SendError::Full { .. } => refuse_for_now(Reason::ClientFull, 1, &what),
    }
}
