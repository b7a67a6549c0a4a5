//! The body of a request that publishes: read within its bounds, and taken apart if it is a batch.

use axum::body::Body;
use bytes::Bytes;
use http::StatusCode;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use serde::de;
use serde_json::value::RawValue;
use tokio::time::timeout;

use crate::PublishError;
use crate::guard::Reason;
use crate::hub::Hub;
use crate::web::params::{Refusal, refuse, refuse_for_now};

/// What has come of a body, counted among [`Limits::bodies_in_all`](crate::Limits::bodies_in_all).
#[derive(Debug)]
pub(in crate::web) struct Held {
    hub: Hub,
    bytes: usize,
}

impl Held {
    pub(in crate::web) fn new(hub: &Hub) -> Self {
        Self { hub: hub.clone(), bytes: 0 }
    }

    fn take(&mut self, bytes: usize) -> Result<(), Refusal> {
        let bodies = self.hub.bodies();
        if bodies.take(bytes) {
            self.bytes += bytes;
            return Ok(());
        }
        let max = bodies.max();
        let what = format!("The server holds as many bodies as it can: bodies_in_all = {max} bytes.");
        Err(refuse_for_now(Reason::Bodies, 1, &what))
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.hub.bodies().give_back(self.bytes);
    }
}

/// The body, bounded in bytes and time: `bound` is what has one, its name and its bytes. Copied out of the HTTP library's
/// buffers, which are larger than most messages and would stay as long as the log keeps the message.
pub(in crate::web) async fn read(
    body: Body,
    bound: (&str, &str, usize),
    held: &mut Held,
) -> Result<Bytes, Refusal> {
    let (what, name, max) = bound;
    let too_long = || {
        let what = format!("{what} has {name} = {max} bytes at most.");
        refuse(StatusCode::PAYLOAD_TOO_LARGE, &what)
    };
    let announced = http_body::Body::size_hint(&body).lower();
    if announced > max as u64 {
        return Err(too_long());
    }
    let time = held.hub.limits().body_read;
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

/// The elements of an array of JSON, as they are written. Nothing is copied.
pub(super) fn elements(body: &[u8]) -> Result<Vec<&RawValue>, PublishError> {
    // What serde_json says of another value quotes it, however long it is.
    let list = match body.trim_ascii_start().first() {
        None | Some(b'[') => serde_json::from_slice(body),
        Some(_) => Err(de::Error::custom("it does not begin with [")),
    };
    list.map_err(PublishError::Json)
}

/// The lines that have something in them.
pub(super) fn lines(body: &[u8]) -> impl Iterator<Item = &[u8]> {
    body.split(|b| *b == b'\n').map(<[u8]>::trim_ascii).filter(|line| !line.is_empty())
}

/// In which line the message of this number stands.
pub(super) fn line_of(body: &[u8], number: usize) -> Option<usize> {
    let mut lines = body.split(|b| *b == b'\n').enumerate().filter(|(_, line)| !line.trim_ascii().is_empty());
    lines.nth(number.checked_sub(1)?).map(|(line, _)| line + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_in_any_way_and_know_their_numbers() {
        let body = b"\n1\r\n \n{\"a\":2}\n\n3";
        assert_eq!(lines(body).collect::<Vec<_>>(), [&b"1"[..], b"{\"a\":2}", b"3"]);
        assert_eq!([1, 2, 3].map(|number| line_of(body, number)), [Some(2), Some(4), Some(6)]);
        assert_eq!((line_of(body, 0), line_of(body, 4)), (None, None));
        assert_eq!(lines(b" \n\n").count(), 0);
    }
}
