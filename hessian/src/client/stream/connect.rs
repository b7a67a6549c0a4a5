//! One attempt: a connection, a request, and an answer that is a stream.

use super::answer::{Refused, Told, may_be_packets, retry_after};
use super::position::Position;
use super::source::{Http, Io, READ_AHEAD, Source};
use super::target::Target;
use crate::client::dial::Connector;
use crate::client::error::{Error, Result, told};
use crate::error::ErrorKind;
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, header};
use http_body_util::Full;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;
use tokio::io::AsyncWriteExt as _;
use tokio::time::timeout;
use tower_service::Service as _;

/// Bytes of a header field or of a refusal's body that are shown in an error.
const MAX_SHOWN: usize = 1 << 10;

/// How long a refusal's body is waited for.
const SHOWN_TIMEOUT: Duration = Duration::from_secs(2);

/// How a connection is made, the same for all of a listener.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) target: Target,
    pub(super) connector: Connector,
    pub(super) method: Method,
    pub(super) head: HeaderMap,
    /// The body of the request; over a bare connection what is sent first.
    pub(super) body: Bytes,
    pub(super) any_content_type: bool,
    pub(super) head_timeout: Duration,
    pub(super) max_retry_after: Duration,
}

/// A connection on which packets follow.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) source: Source,
    pub(super) told: Told,
}

/// Why there is none.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) error: Error,
    /// `None`: nobody has answered.
    pub(super) refused: Option<Refused>,
    pub(super) retry_after: Option<Duration>,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self { error, refused: None, retry_after: None }
    }
}

/// Connects, and asks to go on after `since`.
pub(super) async fn connect(plan: Arc<Plan>, since: Option<Position>) -> Result<Opened, Failure> {
    let io = dial(&plan).await?;
    if plan.target.http.is_none() {
        let mut io = TokioIo::new(io);
        let send = async {
            io.write_all(&plan.body).await?;
            io.flush().await
        };
        within(plan.head_timeout, "sending what is sent first", async { send.await.map_err(Error::Io) })
            .await?;
        return Ok(Opened { source: Source::Raw(Box::new(io)), told: Told::default() });
    }
    let (head, source) = within(plan.head_timeout, "the response head", ask(&plan, since, io)).await?;
    let (status, head) = (head.status, head.headers);
    if status != StatusCode::OK {
        let error = match head.get(header::LOCATION).filter(|_| status.is_redirection()) {
            Some(location) => Error::Redirect { status, location: shown(location.as_bytes()) },
            None => Error::Status { status, body: said(&plan, source).await },
        };
        let retry_after = retry_after(&head, plan.max_retry_after);
        return Err(Failure { error, refused: Some(Refused::by(status)), retry_after });
    }
    if let Some(wrong) = no_packets(&plan, &head) {
        let content_type = head.get(header::CONTENT_TYPE).map_or_else(String::new, |it| shown(it.as_bytes()));
        let error = crate::Error::new(ErrorKind::Message(wrong));
        let error = Error::NoReply { content_type, body: said(&plan, source).await, error };
        return Err(Failure { error, refused: Some(Refused::Never), retry_after: None });
    }
    Ok(Opened { source, told: Told::of(&head) })
}

/// Why what follows this head is no stream of packets, if it says so.
fn no_packets(plan: &Plan, head: &HeaderMap) -> Option<String> {
    let encoding = head.get(header::CONTENT_ENCODING).map(HeaderValue::as_bytes);
    match encoding.filter(|encoding| !encoding.eq_ignore_ascii_case(b"identity")) {
        Some(encoding) => Some(format!("it is encoded as {:?}, which was not asked for", shown(encoding))),
        None if plan.any_content_type || may_be_packets(head) => None,
        None => Some("a stream of packets was asked for".into()),
    }
}

async fn within<T>(time: Duration, what: &'static str, work: impl Future<Output = Result<T>>) -> Result<T> {
    timeout(time, work).await.unwrap_or(Err(Error::Timeout { what, after: time }))
}

/// The connector gives up by itself when it takes too long.
async fn dial(plan: &Plan) -> Result<Io> {
    let mut connector = plan.connector.clone();
    let connecting = async {
        poll_fn(|cx| connector.poll_ready(cx)).await?;
        connector.call(plan.target.dial.clone()).await
    };
    connecting.await.map_err(|error| match error.downcast() {
        Ok(error) => *error,
        Err(error) => Error::Connect { to: plan.target.shown.clone(), error: told(io::Error::other(error)) },
    })
}

/// Sends the request and waits for the response head, driving the connection meanwhile.
async fn ask(plan: &Plan, since: Option<Position>, io: Io) -> Result<(http::response::Parts, Source)> {
    let mut builder = http1::Builder::new();
    builder.max_buf_size(READ_AHEAD);
    let (mut sender, mut connection) = builder.handshake(io).await.map_err(Error::transport)?;
    let mut request = Request::new(Full::new(plan.body.clone()));
    *request.method_mut() = plan.method.clone();
    if let Some(resource) = &plan.target.http {
        *request.uri_mut() = resource.path.clone();
    }
    *request.headers_mut() = plan.head.clone();
    if let Some(since) = since {
        let since = HeaderValue::from_str(&since.to_string()).expect("digits and a colon");
        request.headers_mut().insert("last-event-id", since);
    }
    let mut is_over = false;
    let response = {
        let mut response = pin!(sender.send_request(request));
        poll_fn(|cx| {
            if let Poll::Ready(response) = response.as_mut().poll(cx) {
                return Poll::Ready(response);
            }
            if !is_over {
                is_over = pin!(&mut connection).poll(cx).is_ready();
            }
            // What the connection has just read is told at once, and so is its end.
            response.as_mut().poll(cx)
        })
        .await
        .map_err(Error::transport)?
    };
    let (head, body) = response.into_parts();
    let http = Http { connection, body, _sender: sender, is_over };
    Ok((head, Source::Http(Box::new(http))))
}

/// The beginning of what a server says instead of packets, if it is text.
async fn said(plan: &Plan, mut source: Source) -> String {
    let mut body = BytesMut::new();
    let read = poll_fn(|cx| {
        while body.len() < MAX_SHOWN {
            match source.poll_read(cx, &mut body) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(true)) => {}
                Poll::Ready(Ok(false) | Err(_)) => break,
            }
        }
        Poll::Ready(())
    });
    // What has come by then is what there is to show.
    let _ = timeout(SHOWN_TIMEOUT.min(plan.head_timeout), read).await;
    shown(&body)
}

/// The beginning of what a server says, on one line; nothing of what is no text.
fn shown(bytes: &[u8]) -> String {
    let bytes = &bytes[..bytes.len().min(MAX_SHOWN)];
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        // Cut inside a character.
        Err(error) if error.error_len().is_none() => {
            std::str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or_default()
        }
        Err(_) => "",
    };
    text.trim().chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
