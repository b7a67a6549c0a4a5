//! What the binary itself serves over HTTP: the URL policy, health and metrics.

use std::{
    convert::Infallible,
    pin::pin,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use bytes::Bytes;
use http_body_util::Full;
use hyper::{
    Method, Request, Response, StatusCode,
    body::Incoming,
    header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue, X_CONTENT_TYPE_OPTIONS},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use policy_server::policy::{URL_POLICY_CONTENT_TYPE, URL_POLICY_PATH};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::Notify,
    time::{sleep, timeout},
};

use super::{metrics::Metrics, phase::Phase};

/// The bounds of an HTTP connection. Requests have no bodies that are read, responses are small.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct HttpLimits {
    /// For the head of a request, and from one request to the next. Default 10 s.
    pub(crate) header: Duration,
    /// Bytes of a head. Default 16 KiB.
    pub(crate) header_bytes: usize,
    /// After which the connection is ended, whatever it does: the current response is completed, within
    /// [`LAST_RESPONSE`]. It bounds peers that do not read. Default 60 s.
    pub(crate) lifetime: Duration,
}

impl Default for HttpLimits {
    fn default() -> Self {
        let (header, lifetime) = (Duration::from_secs(10), Duration::from_secs(60));
        Self { header, header_bytes: 16 * 1024, lifetime }
    }
}

/// For the response under way when a connection is to end.
const LAST_RESPONSE: Duration = Duration::from_secs(5);

/// What is served: shared by the ports of one purpose.
#[derive(Clone)]
pub(crate) struct Site {
    /// On the ports that players use.
    pub(crate) url_policy: Option<UrlPolicy>,
    /// Where health and metrics are served.
    pub(crate) metrics: Option<Arc<Metrics>>,
    pub(crate) limits: HttpLimits,
    pub(crate) phase: Phase,
}

/// The URL policy that goes with the policy. Clones share it.
#[derive(Clone, Default)]
pub(crate) struct UrlPolicy(Arc<RwLock<Bytes>>);

impl UrlPolicy {
    pub(crate) fn set(&self, text: String) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = text.into();
    }

    fn get(&self) -> Bytes {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Site {
    /// Serves one connection until it ends, its time is over, or the server stops: then the request that
    /// is under way, or on its way, is answered. Health and metrics alone stay until the very end.
    pub(crate) async fn serve<Io: AsyncRead + AsyncWrite + Unpin>(self, io: Io) {
        let limits = self.limits;
        let mut phase = self.phase.clone();
        let begun = Notify::new();
        let service = service_fn(|request| {
            begun.notify_one();
            let response = self.answer(&request);
            async { Ok::<_, Infallible>(response) }
        });
        let mut connection = pin!(
            http1::Builder::new()
                .timer(TokioTimer::new())
                // A client that has ended its direction, as `printf ... | nc -N`, still reads.
                .half_close(true)
                .header_read_timeout(limits.header)
                .max_buf_size(limits.header_bytes)
                .serve_connection(TokioIo::new(io), service)
        );
        let told_to_stop = async {
            // A connection without a request yet would be closed on the spot; its head has its own limit.
            begun.notified().await;
            phase.stopping().await;
        };
        let ended = tokio::select! {
            ended = &mut connection => Some(ended),
            () = sleep(limits.lifetime) => None,
            () = told_to_stop, if self.url_policy.is_some() => None,
        };
        let ended = match ended {
            Some(ended) => Ok(ended),
            None => {
                connection.as_mut().graceful_shutdown();
                timeout(LAST_RESPONSE, connection).await
            }
        };
        match ended {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!(%error, "HTTP connection failed"),
            Err(_) => tracing::debug!("HTTP client did not take its response in time"),
        }
    }

    fn answer(&self, request: &Request<Incoming>) -> Response<Full<Bytes>> {
        let is_get = request.method() == Method::GET || request.method() == Method::HEAD;
        let content = match (request.uri().path(), &self.url_policy, &self.metrics) {
            (URL_POLICY_PATH, Some(policy), _) => Content {
                status: StatusCode::OK,
                kind: URL_POLICY_CONTENT_TYPE,
                body: policy.get(),
                stays: true,
            },
            ("/healthz", _, Some(_)) => match self.phase.is_stopping() {
                false => Content::text(StatusCode::OK, "ok\n"),
                true => Content::text(StatusCode::SERVICE_UNAVAILABLE, "stopping\n"),
            },
            ("/metrics", _, Some(metrics)) => match metrics.render() {
                Ok(text) => {
                    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
                    Content { status: StatusCode::OK, kind, body: text.into(), stays: false }
                }
                Err(_) => Content::text(StatusCode::INTERNAL_SERVER_ERROR, "metrics cannot be written\n"),
            },
            _ => Content::text(StatusCode::NOT_FOUND, "not found\n"),
        };
        if !is_get && content.status != StatusCode::NOT_FOUND {
            let mut response = Content::text(StatusCode::METHOD_NOT_ALLOWED, "GET or HEAD\n").response();
            response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            return response;
        }
        content.response()
    }
}

struct Content {
    status: StatusCode,
    kind: &'static str,
    body: Bytes,
    /// May be kept by caches.
    stays: bool,
}

impl Content {
    const fn text(status: StatusCode, body: &'static str) -> Self {
        let body = Bytes::from_static(body.as_bytes());
        Self { status, kind: "text/plain; charset=utf-8", body, stays: false }
    }

    fn response(self) -> Response<Full<Bytes>> {
        let mut response = Response::new(Full::new(self.body));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(self.kind));
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        if !self.stays {
            headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        }
        response
    }
}
