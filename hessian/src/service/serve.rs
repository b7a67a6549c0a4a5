//! The `tower` service: from a request to the response.

use super::body::{self, Body, Underway, Unread};
use super::context::{self, Context, REQUEST_ID};
use super::handler::{Answer, Handler, Kind, Request};
use super::options::Options;
use super::stats::{Counters, Stats, count};
use crate::envelope::Envelope;
use crate::error::Error;
#[cfg(not(feature = "deflate"))]
use crate::error::ErrorKind;
use crate::java::Throwable;
use crate::rpc::{
    ARGUMENT_COUNT, Form, NO_SUCH_METHOD, PROTOCOL_EXCEPTION, ServiceFault, write_service_fault,
};
use bytes::{Bytes, BytesMut};
use http::header::{ALLOW, CONTENT_ENCODING, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};
use std::any::Any;
use std::convert::Infallible;
use std::fmt;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{self, Poll};
use std::time::Duration;
use tokio::sync::Semaphore;
use tracing::Instrument;

/// The content type of Caucho's services.
const HESSIAN: HeaderValue = HeaderValue::from_static("x-application/hessian");
/// That of Spring's, which answers with it who asks with it.
const SPRING: HeaderValue = HeaderValue::from_static("application/x-hessian");
const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");

/// The method that tells which interface a service has, and its name from clients that name overloads, which Java's own
/// services do not know.
const GET_ATTRIBUTE: [&str; 2] = ["_hessian_getAttribute", "_hessian_getAttribute_string"];

/// A Hessian service over HTTP: a `tower` service for any server, that of axum (`Router::route_service`, `nest_service`) or
/// bare hyper (`hyper_util::service::TowerToHyperService`). Cloned at the price of an `Arc`: all clones share the
/// handler, the bounds and the counters.
///
/// It is always ready and never fails: what cannot be served is refused with a status.
pub struct Service<H> {
    shared: Arc<Shared<H>>,
}

struct Shared<H> {
    handler: H,
    options: Options,
    counters: Arc<Counters>,
    slots: Arc<Semaphore>,
    /// Requests are refused because there are too many: said once, until there is room again.
    busy: AtomicBool,
}

impl<H: Handler> Service<H> {
    /// A service with the default [`Options`].
    #[must_use]
    pub fn new(handler: H) -> Self {
        Self::with(handler, Options::new())
    }

    /// A service with bounds of your own.
    #[must_use]
    pub fn with(handler: H, options: Options) -> Self {
        let slots = Arc::new(Semaphore::new(options.max_calls.min(Semaphore::MAX_PERMITS)));
        let busy = AtomicBool::new(false);
        Self { shared: Arc::new(Shared { handler, options, counters: Arc::default(), slots, busy }) }
    }

    /// What answers the calls.
    #[must_use]
    pub fn handler(&self) -> &H {
        &self.shared.handler
    }

    /// The bounds.
    #[must_use]
    pub fn options(&self) -> &Options {
        &self.shared.options
    }

    /// What has been done so far, by this service and all its clones.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.shared.counters.read()
    }
}

impl<H> Clone for Service<H> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl<H> fmt::Debug for Service<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Service")
            .field("options", &self.shared.options)
            .field("stats", &self.shared.counters.read())
            .finish_non_exhaustive()
    }
}

impl<H, B> tower_service::Service<http::Request<B>> for Service<H>
where
    H: Handler,
    B: http_body::Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut task::Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<B>) -> Self::Future {
        let shared = Arc::clone(&self.shared);
        Box::pin(async move { Ok(shared.serve(request).await) })
    }
}

/// A request that is answered with a status and a text.
#[derive(Debug)]
struct Refusal {
    status: StatusCode,
    text: String,
}

impl<H: Handler> Shared<H> {
    async fn serve<B>(&self, request: http::Request<B>) -> Response<Body>
    where
        B: http_body::Body + Send + 'static,
        B::Data: Send,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let (parts, body) = request.into_parts();
        let context = Context::new(parts);
        let mut response = match self.answer(&context, body).await {
            Ok((body, content_type)) => {
                let mut response = Response::new(body);
                response.headers_mut().insert(CONTENT_TYPE, content_type);
                response
            }
            Err(refusal) => self.refuse(&context, refusal),
        };
        if let Some(id) = context::request_id(context.headers()) {
            response.headers_mut().insert(REQUEST_ID, id.clone());
        }
        response
    }

    #[cold]
    fn refuse(&self, context: &Context, Refusal { status, text }: Refusal) -> Response<Body> {
        tracing::debug!(id = context.request_id(), %status, reason = text, "a request was refused");
        let mut response = Response::new(Body::whole(text));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, TEXT);
        match status {
            StatusCode::METHOD_NOT_ALLOWED => {
                headers.insert(ALLOW, HeaderValue::from_static("POST"));
            }
            StatusCode::SERVICE_UNAVAILABLE => {
                headers.insert(RETRY_AFTER, HeaderValue::from(self.options.retry_after.as_secs()));
            }
            _ => {}
        }
        response
    }

    fn counted(
        &self,
        counter: impl Fn(&Counters) -> &AtomicU64,
        status: StatusCode,
        text: String,
    ) -> Refusal {
        count(counter(&self.counters));
        Refusal { status, text }
    }

    /// The body of the reply, and its content type.
    async fn answer<B>(&self, context: &Context, body: B) -> Result<(Body, HeaderValue), Refusal>
    where
        B: http_body::Body + Send + 'static,
        B::Data: Send,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        self.check(context)?;
        let max_replies = self.options.max_replies;
        if self.counters.reply_bytes.load(Ordering::Relaxed) > max_replies {
            return Err(self.busy("max_replies", max_replies));
        }
        let Ok(permit) = Arc::clone(&self.slots).try_acquire_owned() else {
            return Err(self.busy("max_calls", self.options.max_calls as u64));
        };
        let mut underway = Underway::begin(Arc::clone(&self.counters), permit);
        let answered = self.answer_call(context, body, &mut underway).await;
        match answered {
            Ok(Answer(Kind::Whole(reply))) => {
                underway.end();
                Ok((Body::reply(reply, Arc::clone(&self.counters)), content_type(context.headers())))
            }
            Ok(Answer(Kind::Stream(download, form))) => {
                underway.release();
                Ok((Body::stream(download.reply(form), underway), content_type(context.headers())))
            }
            Err(refusal) => {
                underway.end();
                Err(refusal)
            }
        }
    }

    fn check(&self, context: &Context) -> Result<(), Refusal> {
        if context.http_method() != Method::POST {
            let what = self.handler.interface().unwrap_or("a Hessian service");
            let text = format!("This is {what}: calls come by POST.\n");
            return Err(self.counted(
                |counters| &counters.bad_requests,
                StatusCode::METHOD_NOT_ALLOWED,
                text,
            ));
        }
        match context.headers().get(CONTENT_ENCODING) {
            Some(coding) if coding != "identity" => {
                let text = format!("the body is {coding:?}, calls are not encoded\n");
                let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
                Err(self.counted(|counters| &counters.bad_requests, status, text))
            }
            _ => Ok(()),
        }
    }

    /// Ends an overload when half of what may be is: at the brink itself each call would be told as its end.
    fn note_room(&self) {
        let Options { max_calls, max_bodies, max_replies, .. } = self.options;
        let half = |now: &AtomicU64, max: u64| now.load(Ordering::Relaxed) <= max.div_ceil(2);
        if self.busy.load(Ordering::Relaxed)
            && half(&self.counters.calls, max_calls as u64)
            && half(&self.counters.body_bytes, max_bodies)
            && half(&self.counters.reply_bytes, max_replies)
            && self.busy.swap(false, Ordering::Relaxed)
        {
            tracing::info!("calls are taken again");
        }
    }

    #[cold]
    fn busy(&self, limit: &'static str, max: u64) -> Refusal {
        if !self.busy.swap(true, Ordering::Relaxed) {
            tracing::warn!(limit, max, "calls are refused: there are too many");
        }
        let text = format!("too many calls ({limit} = {max}), try again later\n");
        self.counted(|counters| &counters.busy, StatusCode::SERVICE_UNAVAILABLE, text)
    }

    async fn answer_call<B>(
        &self,
        context: &Context,
        body: B,
        underway: &mut Underway,
    ) -> Result<Answer, Refusal>
    where
        B: http_body::Body + Send + 'static,
        B::Data: Send,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let body = self.read(body, underway).await?;
        self.note_room();
        let malformed = |error: Error| {
            let text = format!("the body is no Hessian call: {error}\n");
            self.counted(|counters| &counters.malformed, StatusCode::BAD_REQUEST, text)
        };
        let body = match *body {
            [b'E', ..] | [b'H', _, _, b'E', ..] => {
                let call = open(&body, &self.options).map_err(malformed)?;
                let max = self.options.max_bodies;
                if !underway.hold(call.len() as u64, max) {
                    return Err(self.busy("max_bodies", max));
                }
                call
            }
            _ => body,
        };
        let request = Request::new(body, self.options.limits, context.clone()).map_err(malformed)?;
        let form = request.head().reply_form();
        let span = tracing::debug_span!("call", method = request.method(), id = context.request_id());
        let outcome = match self.attribute(&request) {
            Some(answered) => answered,
            None => {
                // Begins inside: what a handler does before it returns its future may panic too.
                let method = context.clone().scope(async { self.handler.call(request).await });
                self.guarded(method).instrument(span.clone()).await?
            }
        };
        let _entered = span.enter();
        match outcome {
            Ok(answer) => {
                count(&self.counters.answered);
                Ok(answer)
            }
            Err(fault) => Ok(self.faulted(form, &fault)),
        }
    }

    async fn read<B>(&self, body: B, underway: &mut Underway) -> Result<Bytes, Refusal>
    where
        B: http_body::Body,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let Options { max_body, max_bodies, body_timeout, .. } = self.options;
        let Some(read) = within(body_timeout, body::read(body, underway, max_body, max_bodies)).await else {
            let text = format!("the body has not arrived in time (body_timeout = {body_timeout:?})\n");
            return Err(self.counted(|counters| &counters.body_timeouts, StatusCode::REQUEST_TIMEOUT, text));
        };
        read.map_err(|unread| match unread {
            Unread::TooLarge => {
                let text = format!("the body is too large (max_body = {max_body} bytes)\n");
                self.counted(|counters| &counters.too_large, StatusCode::PAYLOAD_TOO_LARGE, text)
            }
            Unread::Busy => self.busy("max_bodies", max_bodies),
            Unread::Broken(error) => {
                let text = format!("the body broke off: {error}\n");
                self.counted(|counters| &counters.aborted, StatusCode::BAD_REQUEST, text)
            }
        })
    }

    /// What Java's `HessianProxyFactory.create(url)` asks for.
    fn attribute(&self, request: &Request) -> Option<Result<Answer, ServiceFault>> {
        let interface = self.handler.interface().filter(|_| GET_ATTRIBUTE.contains(&request.method()))?;
        Some(request.arguments::<(&str,)>().and_then(|(name,)| match name {
            "java.api.class" | "java.home.class" | "java.object.class" => request.answer(interface),
            _ => request.answer(&()),
        }))
    }

    /// Runs a method: within its time, and so that its panic is its own.
    async fn guarded(
        &self,
        method: impl Future<Output = Result<Answer, ServiceFault>>,
    ) -> Result<Result<Answer, ServiceFault>, Refusal> {
        let mut method = pin!(method);
        let caught = poll_fn(|cx| match catch_unwind(AssertUnwindSafe(|| method.as_mut().poll(cx))) {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(outcome)) => Poll::Ready(Ok(outcome)),
            Err(panic) => Poll::Ready(Err(panic)),
        });
        let method_timeout = self.options.method_timeout;
        match within(method_timeout, caught).await {
            Some(Ok(outcome)) => Ok(outcome),
            Some(Err(panic)) => {
                count(&self.counters.panics);
                tracing::error!(panic = said(&*panic), "a method panicked");
                // What said why is for the log: it may name what is nobody else's business.
                let exception = Throwable::new(
                    "java.lang.RuntimeException",
                    "the method panicked: see the service's log",
                );
                Ok(Err(exception.into()))
            }
            None => {
                tracing::warn!(?method_timeout, "a method took too long");
                let text = format!("the method took too long (method_timeout = {method_timeout:?})\n");
                let status = StatusCode::SERVICE_UNAVAILABLE;
                Err(self.counted(|counters| &counters.method_timeouts, status, text))
            }
        }
    }

    #[cold]
    fn faulted(&self, form: Form, fault: &ServiceFault) -> Answer {
        let counters = &self.counters;
        count(match &*fault.code {
            NO_SUCH_METHOD => &counters.unknown_methods,
            ARGUMENT_COUNT | PROTOCOL_EXCEPTION => &counters.bad_arguments,
            _ => &counters.faults,
        });
        tracing::debug!(code = &*fault.code, fault = %fault, "a call got a fault");
        let mut out = BytesMut::new();
        if let Err(error) = write_service_fault(form, fault, &mut out) {
            tracing::error!(%error, "the detail of a fault cannot be encoded");
            let bare = ServiceFault::new(&fault.code, fault.message.clone());
            // Two strings: what could not be encoded is gone.
            let _ = write_service_fault(form, &bare, &mut out);
        }
        Answer(Kind::Whole(out.freeze()))
    }
}

/// `None` when it took longer.
async fn within<F: Future>(timeout: Option<Duration>, future: F) -> Option<F::Output> {
    match timeout {
        Some(timeout) => tokio::time::timeout(timeout, future).await.ok(),
        None => Some(future.await),
    }
}

fn content_type(headers: &HeaderMap) -> HeaderValue {
    match headers.get(CONTENT_TYPE) {
        Some(asked) if asked == SPRING => SPRING,
        _ => HESSIAN,
    }
}

/// The call inside of an envelope.
#[cfg(feature = "deflate")]
fn open(body: &Bytes, options: &Options) -> Result<Bytes, Error> {
    let mut limits = options.limits;
    limits.max_inflated = limits.max_inflated.min(options.max_body);
    let (envelope, _) = Envelope::parse(body, &limits)?;
    envelope.inflate(&limits).map(Bytes::from)
}

#[cfg(not(feature = "deflate"))]
fn open(body: &Bytes, options: &Options) -> Result<Bytes, Error> {
    let (envelope, _) = Envelope::parse(body, &options.limits)?;
    let method = envelope.method();
    Err(Error::new(ErrorKind::Message(format!("an envelope of {method}: the feature `deflate` is off"))))
}

/// What a panic said.
fn said(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message")
}
