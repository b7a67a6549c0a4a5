//! What clients write and read: the envelope of a message on a WebSocket, and the answers of all forms.

use std::io::Write as _;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{ClientMessage, DeliverError, Receipt, Refused};
use crate::guard::Reason;
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

/// Characters that a client is told of what is wrong with its message.
const TOLD: usize = 200;

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
        let raw: Raw<'_> = serde_json::from_slice(text).map_err(|error| {
            // It quotes what it has found, however long that is.
            let what: String = error.to_string().chars().take(TOLD).collect();
            format!("{SHAPE}: {what}")
        })?;
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
    pub(crate) why: Reason,
    pub(crate) message: &'r str,
    pub(crate) is_for_people: bool,
    /// Seconds after which another try may do.
    pub(crate) retry: Option<u64>,
}

impl<'r> Refusal<'r> {
    /// For the author of the page.
    pub(crate) fn new(why: Reason, message: &'r str) -> Self {
        Self { why, message, is_for_people: false, retry: retry(why).map(u64::from) }
    }

    /// Its members: `"status":422,"message":"…","people":true` or `"retry":2`.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        let message = serde_json::Value::from(self.message);
        write(out, format_args!(r#""status":{},"message":{message}"#, self.why.status().as_u16()));
        if self.is_for_people {
            out.extend_from_slice(br#","people":true"#);
        }
        if let Some(retry) = self.retry {
            write(out, format_args!(r#","retry":{retry}"#));
        }
    }
}

/// After how many seconds another try may do, where it may.
pub(crate) const fn retry(why: Reason) -> Option<u32> {
    match why {
        // Until something is too old.
        Reason::Logs => Some(30),
        Reason::Behind
        | Reason::Bodies
        | Reason::ClientFull
        | Reason::DirectBytes
        | Reason::Ending
        | Reason::Handlers => Some(1),
        _ => None,
    }
}

/// As what it is counted, and what HTTP calls it.
pub(crate) fn reason(refused: &Refused, stream: &Stream) -> Reason {
    match refused {
        Refused::ForPeople(_) => Reason::Unprocessable,
        Refused::Internal { .. } => Reason::Handler,
        Refused::Busy { .. } => Reason::Handlers,
        Refused::Undelivered(DeliverError::Behind { .. }) => Reason::Behind,
        Refused::Undelivered(DeliverError::Publish(error)) => unpublished(error, stream),
        Refused::Undelivered(DeliverError::Send(error)) => unsent(error, stream),
    }
}

/// The same for a value that was not published.
pub(crate) fn unpublished(error: &PublishError, stream: &Stream) -> Reason {
    match error {
        PublishError::TooLong { .. } => Reason::TooLong,
        PublishError::Json(_) | PublishError::NotHessian(_) => Reason::Malformed,
        PublishError::Hessian(_) => Reason::Unprocessable,
        PublishError::Full { .. } => Reason::Logs,
        PublishError::Ended if stream.is_closed() => Reason::Gone,
        PublishError::Ended => Reason::Ending,
    }
}

/// The same for one that was not sent to its client.
pub(crate) fn unsent(error: &SendError, stream: &Stream) -> Reason {
    match error {
        SendError::Refused(error) => unpublished(error, stream),
        SendError::NoClient(_) => Reason::NotFound,
        SendError::TooLong { .. } => Reason::TooLong,
        SendError::Full { bound: "direct_bytes_in_all", .. } => Reason::DirectBytes,
        SendError::Full { .. } => Reason::ClientFull,
    }
}

fn write(out: &mut Vec<u8>, what: std::fmt::Arguments<'_>) {
    out.write_fmt(what).expect("a vector takes everything");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_is_not_told_all_that_it_has_said() {
        for text in [
            format!(r#"{{"id":"{}","data":1}}"#, "\\u0001".repeat(10_000)),
            format!(r#"{{"{}":1,"data":1}}"#, "x".repeat(60_000)),
        ] {
            let problem = Envelope::read(&text.into()).unwrap_err();
            assert!(problem.len() < 4 * TOLD, "{} bytes", problem.len());
        }
    }

    #[test]
    fn what_is_full_says_when_to_come_back() {
        for why in Reason::ALL {
            let is_of_messages = !matches!(
                why,
                Reason::ConnectRate
                    | Reason::AddressConnections
                    | Reason::PublishRate
                    | Reason::StreamRate
                    | Reason::SendRate
                    | Reason::Connections
                    | Reason::Streams
                    | Reason::Clients
                    | Reason::KeyUnderWay
                    | Reason::Keys
                    | Reason::Bridges
            );
            let is_full = matches!(why.status().as_u16(), 429 | 503);
            assert_eq!(retry(*why).is_some(), is_full && is_of_messages, "{}", why.name());
        }
    }
}
