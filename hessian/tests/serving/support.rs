//! Requests without a network, and services behind a real one.

use bytes::Bytes;
use hessian::Limits;
use hessian::rpc::{Arguments, Form, Outcome, read_reply, write_call};
use hessian::service::{Body, Handler, Service};
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use serde::de::DeserializeOwned;
use tower_service::Service as _;

/// A response, whole.
#[derive(Debug)]
pub(crate) struct Answered {
    pub(crate) status: StatusCode,
    pub(crate) headers: http::HeaderMap,
    pub(crate) body: Bytes,
}

impl Answered {
    pub(crate) async fn of(response: Response<Body>) -> Self {
        let (parts, body) = response.into_parts();
        let body = body.collect().await.expect("a whole body").to_bytes();
        Self { status: parts.status, headers: parts.headers, body }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    /// The reply, which has to be a whole one.
    pub(crate) fn reply<T: DeserializeOwned>(&self) -> Outcome<T> {
        assert_eq!(self.status, StatusCode::OK, "{:?}", self.body);
        let (outcome, used) = read_reply(&self.body, &Limits::new()).unwrap();
        assert_eq!(used, self.body.len());
        outcome
    }
}

pub(crate) fn call_of(form: Form, method: &str, arguments: &impl Arguments) -> Vec<u8> {
    let mut call = Vec::new();
    write_call(form, method, arguments, &mut call).unwrap();
    call
}

pub(crate) fn post(body: impl Into<Bytes>) -> Request<Full<Bytes>> {
    Request::post("/service").body(Full::new(body.into())).unwrap()
}

pub(crate) async fn send<H, B>(service: &Service<H>, request: Request<B>) -> Answered
where
    H: Handler,
    B: http_body::Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let Ok(response) = service.clone().call(request).await;
    Answered::of(response).await
}

/// Calls in one form, and reads the reply.
pub(crate) async fn call<H: Handler, T: DeserializeOwned>(
    service: &Service<H>,
    form: Form,
    method: &str,
    arguments: impl Arguments,
) -> Outcome<T> {
    send(service, post(call_of(form, method, &arguments))).await.reply()
}
