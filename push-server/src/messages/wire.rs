//! What clients write and read: the envelope of a message on a WebSocket, and the answers of all forms.

use std::io::Write as _;

use bytes::Bytes;
use http::StatusCode;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{ClientMessage, DeliverError, Receipt, Refused};
use crate::hub::{ClientId, Stream};
use crate::{PublishError, SendError};

/// A message on a WebSocket: `{"id":7,"to":"ann","data":…}`. `id` is the client's own number for it, which the answer
/// repeats; without `to` it is for all.
#[derive(Debug)]
pub(crate) struct Envelope {
    pub(crate) id: Option<u64>,
    pub(crate) to: Option<ClientId>,
    /// One JSON value.
    pub(crate) data: Bytes,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw<'a> {
    id: Option<u64>,
    to: Option<String>,
    #[serde(borrow)]
    data: &'a RawValue,
}

impl Envelope {
    /// Reads one; the value is not copied.
    pub(crate) fn read(text: &Bytes) -> Result<Self, String> {
        const SHAPE: &str = r#"a message is an object {"id":7,"to":"ann","data":…}"#;
        let raw: Raw<'_> = serde_json::from_slice(text).map_err(|error| format!("{SHAPE}: {error}"))?;
        // An empty name is none: what a page's empty field says.
        let to = raw.to.filter(|to| !to.is_empty()).map(|to| to.parse()).transpose();
        let to = to.map_err(|error| format!("to: {error}"))?;
        Ok(Self { id: raw.id, to, data: text.slice_ref(raw.data.get().as_bytes()) })
    }

    pub(crate) fn message(self, stream: Stream, sender: Option<ClientId>) -> Result<ClientMessage, String> {
        let message = ClientMessage::of_json(stream, self.data).map_err(|error| error.to_string())?;
        Ok(message.sent_by(sender).meant_for(self.to))
    }
}

/// The members of an answer: `"position":"ab:7","receivers":3`, without the braces.
pub(crate) fn receipt(receipt: &Receipt, out: &mut Vec<u8>) {
    match receipt {
        Receipt::Accepted => {}
        Receipt::Reply(json) => {
            out.extend_from_slice(br#""reply":"#);
            out.extend_from_slice(json);
        }
        Receipt::Published(published) => {
            let (position, receivers) = (published.position, published.receivers);
            write(out, format_args!(r#""position":"{position}","receivers":{receivers}"#));
        }
        Receipt::Sent(sent) => {
            let (receivers, waits) = (u8::from(sent.is_connected), !sent.is_connected);
            write(out, format_args!(r#""receivers":{receivers},"waits":{waits}"#));
        }
    }
}

/// Why a message was refused, in the form that scripts read.
#[derive(Debug)]
pub(crate) struct Refusal<'r> {
    pub(crate) status: StatusCode,
    pub(crate) message: &'r str,
    pub(crate) is_for_people: bool,
    /// Seconds after which another try may do.
    pub(crate) retry: Option<u64>,
}

impl<'r> Refusal<'r> {
    /// For the author of the page. What is full now may not be so in a second.
    pub(crate) fn new(status: StatusCode, message: &'r str) -> Self {
        let retry = (status == StatusCode::SERVICE_UNAVAILABLE).then_some(1);
        Self { status, message, is_for_people: false, retry }
    }

    /// Its members: `"status":422,"message":"…","people":true` or `"retry":2`.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        let message = serde_json::Value::from(self.message);
        write(out, format_args!(r#""status":{},"message":{message}"#, self.status.as_u16()));
        if self.is_for_people {
            out.extend_from_slice(br#","people":true"#);
        }
        if let Some(retry) = self.retry {
            write(out, format_args!(r#","retry":{retry}"#));
        }
    }
}

/// What HTTP calls it.
pub(crate) fn status(refused: &Refused, stream: &Stream) -> StatusCode {
    let of_publish = |error: &PublishError| match error {
        PublishError::TooLong { .. } => StatusCode::PAYLOAD_TOO_LARGE,
        PublishError::Json(_) | PublishError::NotHessian(_) => StatusCode::BAD_REQUEST,
        PublishError::Hessian(_) => StatusCode::UNPROCESSABLE_ENTITY,
        PublishError::Ended if stream.is_closed() => StatusCode::GONE,
        PublishError::Full { .. } | PublishError::Ended => StatusCode::SERVICE_UNAVAILABLE,
    };
    match refused {
        Refused::ForPeople(_) => StatusCode::UNPROCESSABLE_ENTITY,
        Refused::Internal { .. } => StatusCode::INTERNAL_SERVER_ERROR,
        Refused::Busy { .. } | Refused::Undelivered(DeliverError::Behind { .. }) => {
            StatusCode::SERVICE_UNAVAILABLE
        }
        Refused::Undelivered(DeliverError::Publish(error)) => of_publish(error),
        Refused::Undelivered(DeliverError::Send(error)) => match error {
            SendError::Refused(error) => of_publish(error),
            SendError::NoClient(_) => StatusCode::NOT_FOUND,
            SendError::TooLong { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            SendError::Full { bound: "direct_bytes_in_all", .. } => StatusCode::SERVICE_UNAVAILABLE,
            SendError::Full { .. } => StatusCode::TOO_MANY_REQUESTS,
        },
    }
}

fn write(out: &mut Vec<u8>, what: std::fmt::Arguments<'_>) {
    out.write_fmt(what).expect("a vector takes everything");
}
