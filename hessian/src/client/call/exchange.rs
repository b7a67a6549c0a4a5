//! One request and its response.

use super::super::error::{Error, Result, told};
use super::encode::Encoded;
use super::outgoing::{Outgoing, Progress, State};
use super::pieces::{Pieces, Unknown};
use super::reply::{RawReply, collect, collect_from, excerpt, is_none, shown};
use super::{BinaryReply, Client, Shared};
use crate::error::ErrorKind;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, header};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, timeout_at};
use tracing::Instrument;

/// What Java's `HessianProxy` sends.
pub(super) const CONTENT_TYPE: &str = "x-application/hessian";

/// What was waited for.
const CALL: &str = "the reply to a call";
const UPLOAD: &str = "an upload to go on";

/// Whose log it is.
const TARGET: &str = "hessian::client";

/// Bytes of a header that an error tells at most.
const MAX_SHOWN: usize = 256;

/// What the log calls a call by, and the service's log if it is sent.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct RequestId {
    client: u32,
    number: u64,
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}-{}", self.client, self.number)
    }
}

/// A response that is a reply as far as its head tells.
pub(super) struct Response200 {
    pub(super) pieces: Pieces,
    pub(super) content_type: String,
    /// Given back when the reply was read.
    pub(super) permit: OwnedSemaphorePermit,
}

impl Client {
    /// Runs a call, and tells the log about it.
    pub(in super::super) async fn observed<T, F: Future<Output = Result<T>>>(
        &self,
        method: &str,
        call: impl FnOnce(RequestId) -> F,
    ) -> Result<T> {
        let shared = &*self.shared;
        let id = RequestId { client: shared.prefix, number: shared.requests.fetch_add(1, Ordering::Relaxed) };
        let span = tracing::debug_span!(target: TARGET, "hessian.call", method, url = %shared.address, request = %id);
        let start = Instant::now();
        let running = call(id);
        async {
            let result = running.await;
            let elapsed = start.elapsed();
            match &result {
                Ok(_) => tracing::debug!(target: TARGET, ?elapsed, "answered"),
                // A stranger's text: as a string, which subscribers escape.
                Err(Error::Fault(fault)) => {
                    tracing::debug!(target: TARGET, ?elapsed, fault = &*fault.to_string(), "fault")
                }
                Err(error) => tracing::debug!(target: TARGET, ?elapsed, %error, "failed"),
            }
            result
        }
        .instrument(span)
        .await
    }

    /// Sends a call and takes in its whole reply.
    pub(in super::super) async fn exchange(&self, call: Encoded, id: RequestId) -> Result<RawReply> {
        let settings = &self.shared.settings;
        let receive = async |mut response: Response200| {
            let bytes = collect(&mut response.pieces, settings, &response.content_type).await?;
            RawReply::of(bytes, settings)
        };
        self.shared.run(call, id, receive).await
    }

    /// Sends a call and takes in its reply up to the binary that it is.
    pub(in super::super) async fn exchange_binary(
        &self,
        call: Encoded,
        id: RequestId,
    ) -> Result<BinaryReply> {
        let settings = &self.shared.settings;
        let receive = async |response: Response200| {
            BinaryReply::begin(response.pieces, &response.content_type, settings, response.permit).await
        };
        self.shared.run(call, id, receive).await
    }
}

impl Shared {
    /// Sends a call and receives its response, in the time that is given.
    async fn run<T>(
        &self,
        call: Encoded,
        id: RequestId,
        receive: impl AsyncFnOnce(Response200) -> Result<T>,
    ) -> Result<T> {
        let after = self.settings.timeout;
        if !call.has_uploads() {
            let call = async { receive(self.send(call, id, None).await?).await };
            return within(after, CALL, call).await;
        }
        let progress = Arc::new(Progress::new());
        let sending = self.send(call, id, Some(Arc::clone(&progress)));
        let response = self.watched(&progress, sending).await?;
        within(after, CALL, receive(response)).await
    }

    /// Waits for a response while an upload goes on.
    async fn watched<T>(&self, progress: &Progress, sending: impl Future<Output = Result<T>>) -> Result<T> {
        let (timeout, idle) = (self.settings.timeout, self.settings.idle_timeout);
        let start = Instant::now();
        let mut sending = std::pin::pin!(sending);
        loop {
            let (since, after, what) = match *progress.lock() {
                State::Waiting | State::Failed(_) => (start, timeout, CALL),
                State::Sending(since) => (since, idle, UPLOAD),
                State::Sent(since) => (since, timeout, CALL),
            };
            let now = Instant::now();
            let deadline = later(since, after);
            if deadline <= now {
                return Err(Error::Timeout { what, after });
            }
            // Nobody tells when the upload begins or goes on: it is looked at when it may not have.
            if let Ok(result) = timeout_at(deadline.min(later(now, idle)), &mut sending).await {
                return result.map_err(|error| {
                    match std::mem::replace(&mut *progress.lock(), State::Waiting) {
                        State::Failed(error) => Error::Upload(error),
                        _ => error,
                    }
                });
            }
        }
    }

    /// Sends a call and waits for the head of its response.
    async fn send(
        &self,
        call: Encoded,
        id: RequestId,
        progress: Option<Arc<Progress>>,
    ) -> Result<Response200> {
        let permit = self.calls.clone().acquire_owned().await.map_err(|error| Error::Io(told(error)))?;
        let response = match self.http.request(self.request(call, id, progress)).await {
            Ok(response) => response,
            Err(error) if error.is_connect() => return Err(self.no_connection(error)),
            Err(error) => return Err(Error::transport(error)),
        };
        let (head, body) = response.into_parts();
        let content_type = text(&head.headers, header::CONTENT_TYPE);
        let settings = &self.settings;
        let mut pieces = match Pieces::new(&head.headers, body, settings.idle_timeout) {
            Ok(pieces) => pieces,
            Err(Unknown(encoding)) => {
                let told = format!("the reply is encoded as {:?}, which was not asked for", shown(&encoding));
                let error = crate::Error::new(ErrorKind::Message(told));
                return Err(Error::NoReply { content_type, body: String::new(), error });
            }
        };
        match head.status {
            StatusCode::OK => Ok(Response200 { pieces, content_type, permit }),
            status => Err(self.refused(status, &head.headers, &mut pieces).await),
        }
    }

    fn request(&self, call: Encoded, id: RequestId, progress: Option<Arc<Progress>>) -> Request<Outgoing> {
        let mut request = Request::new(Outgoing::new(call, progress));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.address.uri.clone();
        *request.headers_mut() = self.settings.headers.clone();
        if let Some(name) = &self.settings.request_id
            && let Ok(value) = HeaderValue::try_from(id.to_string())
        {
            request.headers_mut().insert(name.clone(), value);
        }
        request
    }

    fn no_connection(&self, error: hyper_util::client::legacy::Error) -> Error {
        match Error::transport(error) {
            Error::Io(error) => Error::Connect { to: self.server(), error },
            error => error,
        }
    }

    /// What is connected to.
    fn server(&self) -> String {
        let uri = &self.address.uri;
        match (uri.scheme_str(), uri.authority()) {
            (Some(scheme), Some(authority)) => format!("{scheme}://{authority}"),
            _ => uri.to_string(),
        }
    }

    /// What a status other than 200 means.
    async fn refused(&self, status: StatusCode, headers: &HeaderMap, pieces: &mut Pieces) -> Error {
        if status.is_redirection() && headers.contains_key(header::LOCATION) {
            return Error::Redirect { status, location: text(headers, header::LOCATION) };
        }
        let settings = &self.settings;
        let first = match pieces.next().await {
            Ok(Some(first)) => first,
            _ => Bytes::new(),
        };
        if first.is_empty() || is_none(&first).is_some() {
            return Error::Status { status, body: excerpt(first, pieces, settings.max_excerpt).await };
        }
        // Some services send their faults as errors of HTTP.
        let Ok(bytes) = collect_from(first, pieces, settings).await else {
            return Error::Status { status, body: String::new() };
        };
        match RawReply::of(bytes.clone(), settings) {
            Err(fault @ Error::Fault(_)) => fault,
            // A text may begin like a reply: `r` or `H`.
            _ => Error::Status { status, body: excerpt(bytes, pieces, settings.max_excerpt).await },
        }
    }
}

/// A header's text, for messages.
fn text(headers: &HeaderMap, name: header::HeaderName) -> String {
    let value = headers.get(name).map(HeaderValue::as_bytes).unwrap_or_default();
    shown(&String::from_utf8_lossy(&value[..value.len().min(MAX_SHOWN)]))
}

/// Some time after another; what is too far away is 30 years.
fn later(since: Instant, after: Duration) -> Instant {
    since.checked_add(after).unwrap_or_else(|| since + Duration::from_secs(30 * 365 * 86_400))
}

/// Gives up after some time.
async fn within<T>(after: Duration, what: &'static str, call: impl Future<Output = Result<T>>) -> Result<T> {
    match timeout_at(later(Instant::now(), after), call).await {
        Ok(result) => result,
        Err(_) => Err(Error::Timeout { what, after }),
    }
}
