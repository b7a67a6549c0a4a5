//! One request and its response.

use super::super::error::{Error, Result, told};
use super::encode::Encoded;
use super::outgoing::Outgoing;
use super::pieces::{Pieces, Unknown};
use super::reply::{RawReply, collect, excerpt, shown};
use super::{Client, Shared};
use crate::error::ErrorKind;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, header};
use std::fmt;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;
use tracing::Instrument;

/// What Java's `HessianProxy` sends.
pub(super) const CONTENT_TYPE: &str = "x-application/hessian";

/// What was waited for.
const CALL: &str = "the reply to a call";

/// Bytes of a header that an error tells at most.
const MAX_SHOWN: usize = 256;

/// What the log calls a call by, and the service's log if it is sent.
#[derive(Debug, Clone, Copy)]
pub(super) struct RequestId {
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
    pub(super) async fn observed<T, F: Future<Output = Result<T>>>(
        &self,
        method: &str,
        call: impl FnOnce(RequestId) -> F,
    ) -> Result<T> {
        let shared = &*self.shared;
        let id = RequestId { client: shared.prefix, number: shared.requests.fetch_add(1, Ordering::Relaxed) };
        let span = tracing::debug_span!("hessian.call", method, url = %shared.address, request = %id);
        let start = Instant::now();
        let running = call(id);
        async {
            let result = running.await;
            let elapsed = start.elapsed();
            match &result {
                Ok(_) => tracing::debug!(?elapsed, "answered"),
                Err(Error::Fault(fault)) => tracing::debug!(?elapsed, %fault, "fault"),
                Err(error) => tracing::debug!(?elapsed, %error, "failed"),
            }
            result
        }
        .instrument(span)
        .await
    }

    /// Sends a call and takes in its whole reply.
    pub(super) async fn exchange(&self, call: Encoded, id: RequestId) -> Result<RawReply> {
        let settings = &self.shared.settings;
        within(settings.timeout, CALL, async {
            let mut response = self.shared.send(call, id).await?;
            let bytes = collect(&mut response.pieces, settings, &response.content_type).await?;
            Ok(RawReply::new(bytes, settings))
        })
        .await
    }
}

impl Shared {
    /// Sends a call and waits for the head of its response.
    pub(super) async fn send(&self, call: Encoded, id: RequestId) -> Result<Response200> {
        let permit = self.calls.clone().acquire_owned().await.map_err(|error| Error::Io(told(error)))?;
        let response = match self.http.request(self.request(call, id)).await {
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

    fn request(&self, call: Encoded, id: RequestId) -> Request<Outgoing> {
        let mut request = Request::new(Outgoing::whole(call.body));
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
        // Some services send their faults as errors of HTTP.
        Error::Status { status, body: excerpt(first, pieces, settings.max_excerpt).await }
    }
}

/// A header's text, for messages.
fn text(headers: &HeaderMap, name: header::HeaderName) -> String {
    let value = headers.get(name).map(HeaderValue::as_bytes).unwrap_or_default();
    shown(&String::from_utf8_lossy(&value[..value.len().min(MAX_SHOWN)]))
}

/// Gives up after some time.
async fn within<T>(after: Duration, what: &'static str, call: impl Future<Output = Result<T>>) -> Result<T> {
    match tokio::time::timeout(after, call).await {
        Ok(result) => result,
        Err(_) => Err(Error::Timeout { what, after }),
    }
}
