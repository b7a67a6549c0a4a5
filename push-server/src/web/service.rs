//! `POST /hessian`: publishing by calls, so that a Java program needs no more than `HessianProxyFactory`.
//!
//! ```java
//! public interface Publisher {
//!     Map<String, Object> publish(String stream, Object value);     // {position=ab:7, receivers=3}
//!     boolean send(String stream, String client, Object value);     // whether the client is connected now
//! }
//! ```
//!
//! The calls of a factory that is not told otherwise are in Hessian 1, where objects are maps: they become objects again.

use std::time::Duration;

use axum::Router;
use axum::body::to_bytes;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use hessian::Graph;
use hessian::java::Throwable;
use hessian::rpc::ServiceFault;
use hessian::service::{Context, Options, Service};
use http::{Method, StatusCode, header};
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use tokio::time::timeout;

use super::guard::{Caller, denied};
use super::params::Refusal;
use super::{Access, Site, text};
use crate::guard::Reason;
use crate::hub::{BadClientId, ClientId, Published};
use crate::{Hub, Limits, PublishError, SendError, StreamName};

/// Calls at once. Each holds a message, and what it is decoded into.
const CALLS: usize = 64;

/// Bytes of all calls that are held at once.
const BODIES: u64 = 64 << 20;

/// Bytes of a call beside its value: the names.
const NAMES: u64 = 1 << 10;

/// Values of one message: a byte on the wire may be one, and takes up to 72 while it is read.
const VALUES: u64 = 1 << 18;

/// Bytes of a refusal's text, which become an exception's message.
const REASON: usize = 1 << 10;

hessian::interface! {
    /// What a Java program calls.
    trait Publisher["push.Publisher"] {
        async fn publish(stream: String, value: Graph<'static>) -> Receipt;
        async fn send(stream: String, client: String, value: Graph<'static>) -> bool;
    }
    service PublisherService;
}

/// The service of these streams.
pub(super) fn router<S: Clone + Send + Sync + 'static>(hub: &Hub, access: Access) -> Router<S> {
    let options = options(hub.limits());
    let service = Service::with(PublisherService(Site { hub: hub.clone(), access }), options);
    Router::new().route_service("/hessian", service).route_layer(from_fn(only_hessian))
}

fn options(limits: &Limits) -> Options {
    let mut options = Options::new();
    options.max_body = limits.message_bytes as u64 + NAMES;
    options.max_bodies = BODIES;
    options.max_calls = CALLS;
    options.body_timeout = Some(limits.body_read);
    // A method ends by itself.
    options.method_timeout = Some(limits.publish_wait + Duration::from_secs(1));
    options.limits.max_values = VALUES;
    options
}

/// Refuses what does not say that it is Hessian. A page of another site may post text or a form as it likes, but has to
/// ask first for this type: so none publishes.
async fn only_hessian(request: Request, next: Next) -> Response {
    const HESSIAN: [&str; 2] = ["x-application/hessian", "application/x-hessian"];
    let media_type = request.headers().get(header::CONTENT_TYPE).and_then(|field| field.to_str().ok());
    let essence = media_type.and_then(|media_type| media_type.split(';').next()).unwrap_or_default().trim();
    match request.method() == Method::POST && !HESSIAN.iter().any(|known| known.eq_ignore_ascii_case(essence))
    {
        true => text(StatusCode::UNSUPPORTED_MEDIA_TYPE, "A call has Content-Type: x-application/hessian.")
            .into_response(),
        false => next.run(request).await,
    }
}

/// What became of a publication: a map, which Java reads without a class.
#[derive(Clone, Copy, Debug)]
struct Receipt(Published);

impl Serialize for Receipt {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry("position", &self.0.position.to_string())?;
        map.serialize_entry("receivers", &self.0.receivers)?;
        map.end()
    }
}

impl Publisher for Site {
    async fn publish(&self, stream: String, value: Graph<'static>) -> Result<Receipt, ServiceFault> {
        let stream = match self.stream(&stream) {
            Ok(stream) => stream,
            Err(refusal) => return Err(self.told(refusal).await),
        };
        self.counted(stream.name()).await?;
        let value = value.objects_from_maps();
        match timeout(stream.limits().publish_wait, stream.publish_graph(&value)).await {
            Ok(Ok(published)) => Ok(Receipt(published)),
            Ok(Err(error)) => Err(refused(&error)),
            Err(_) => Err(illegal_state("The server is behind; nothing was published.")),
        }
    }

    async fn send(
        &self,
        stream: String,
        client: String,
        value: Graph<'static>,
    ) -> Result<bool, ServiceFault> {
        let client: ClientId =
            client.parse().map_err(|error: BadClientId| illegal_argument(&format!("client: {error}.")))?;
        let Some(stream) = self.hub.get(&stream) else {
            return Err(no_such(&format!("No stream {stream} is open.")));
        };
        self.counted(stream.name()).await?;
        match stream.send_graph_to(&client, &value.objects_from_maps()) {
            Ok(sent) => Ok(sent.is_connected),
            Err(SendError::Refused(error)) => Err(refused(&error)),
            Err(error @ SendError::NoClient(_)) => Err(no_such(&format!("{error}."))),
            Err(error) => Err(illegal_state(&format!("{error}."))),
        }
    }
}

// Exceptions that a method in Java need not declare.

fn thrown(class: &str, what: &str) -> ServiceFault {
    Throwable::new(class, what).into()
}

fn illegal_argument(what: &str) -> ServiceFault {
    thrown("java.lang.IllegalArgumentException", what)
}

fn illegal_state(what: &str) -> ServiceFault {
    thrown("java.lang.IllegalStateException", what)
}

fn no_such(what: &str) -> ServiceFault {
    thrown("java.util.NoSuchElementException", what)
}

fn refused(error: &PublishError) -> ServiceFault {
    let what = format!("{error}.");
    match error {
        PublishError::Ended => illegal_state(&what),
        _ => illegal_argument(&what),
    }
}

impl Site {
    /// One message more to a stream. Whoever calls was counted at the door.
    async fn counted(&self, stream: &StreamName) -> Result<(), ServiceFault> {
        let guard = self.hub.guard();
        let context = Context::current();
        let caller = context.as_ref().and_then(|context| context.extension::<Caller>());
        let counted = caller.map_or(Ok(()), |caller| caller.publishes(guard, stream, 1));
        match counted {
            Ok(()) => Ok(()),
            Err(why) => Err(self.told(denied(why)).await),
        }
    }

    /// What a request over HTTP would have been told. Counted here, as the answer is no refusal in the eyes of HTTP.
    async fn told(&self, refusal: Refusal) -> ServiceFault {
        let (parts, body) = refusal.into_parts();
        let why = parts.extensions.get().copied().or_else(|| Reason::of(parts.status));
        if let Some(why) = why {
            self.hub.guard().count(why);
        }
        let body = to_bytes(body, REASON).await.unwrap_or_default();
        let what = String::from_utf8_lossy(&body);
        match parts.status {
            StatusCode::NOT_FOUND => no_such(what.trim_end()),
            StatusCode::BAD_REQUEST => illegal_argument(what.trim_end()),
            _ => illegal_state(what.trim_end()),
        }
    }
}
