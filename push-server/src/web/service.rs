//! `POST /hessian`: publishing by calls, so that a Java program needs no more than `HessianProxyFactory`.
//!
//! ```java
//! public interface Publisher {
//!     Map<String, Object> publish(String stream, Object value);     // {position=ab:7, receivers=3}
//!     Map<String, Object> publishAll(String stream, List<?> values); // {position=ab:9, first=ab:7, messages=3, receivers=3}
//!     boolean send(String stream, String client, Object value);     // whether the client is connected now
//!
//!     // The same with an idempotency key: published once, however often it is called. Twice with another value is an error.
//!     Map<String, Object> publishOnce(String stream, Object value, String key);
//!     Map<String, Object> publishAllOnce(String stream, List<?> values, String key);
//!     boolean sendOnce(String stream, String client, Object value, String key);
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
use hessian::java::Throwable;
use hessian::rpc::ServiceFault;
use hessian::service::{Context, Options, Service};
use hessian::{Graph, Node};
use http::{Method, StatusCode, header};
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use tokio::time::timeout;

use super::guard::{Caller, denied};
use super::params::Refusal;
use super::publish::{FULL, OTHER, UNDER_WAY, is_key};
use super::{Access, Site, text};
use crate::encode::MAX_PARTS;
use crate::guard::Reason;
use crate::hub::{BadClientId, ClientId, Fingerprint, MAX_IDEMPOTENCY_KEY, Outcome, Stream, Unpublished};
use crate::message::Bodies;
use crate::messages;
use crate::{BatchError, Hub, Limits, PublishError, StreamName};

/// Calls at once. Each holds a message, and what it is decoded into.
const CALLS: usize = 64;

/// Bytes of all calls that are held at once.
const BODIES: u64 = 64 << 20;

/// Bytes of a call beside its value: the names.
const NAMES: u64 = 1 << 10;

/// Bytes of a refusal's text, which become an exception's message.
const REASON: usize = 1 << 10;

hessian::interface! {
    /// What a Java program calls.
    trait Publisher["push.Publisher"] {
        async fn publish(stream: String, value: Graph<'static>) -> Receipt;
        #[name = "publishOnce"]
        async fn publish_once(stream: String, value: Graph<'static>, key: String) -> Receipt;
        #[name = "publishAll"]
        async fn publish_all(stream: String, values: Graph<'static>) -> Receipt;
        #[name = "publishAllOnce"]
        async fn publish_all_once(stream: String, values: Graph<'static>, key: String) -> Receipt;
        async fn send(stream: String, client: String, value: Graph<'static>) -> bool;
        #[name = "sendOnce"]
        async fn send_once(stream: String, client: String, value: Graph<'static>, key: String) -> bool;
    }
    service PublisherService;
}

/// The service of these streams.
pub(super) fn router<S: Clone + Send + Sync + 'static>(hub: &Hub, access: Access) -> Router<S> {
    let options = options(hub.limits());
    let service = Service::with(PublisherService(Site { hub: hub.clone(), access, chain: None }), options);
    Router::new().route_service("/hessian", service).route_layer(from_fn(only_hessian))
}

fn options(limits: &Limits) -> Options {
    let mut options = Options::new();
    options.max_body = limits.message_bytes.max(limits.batch_bytes) as u64 + NAMES;
    options.max_bodies = BODIES;
    options.max_calls = CALLS;
    options.body_timeout = Some(limits.body_read);
    // A method ends by itself: it may wait for another with its key, and then for the server.
    options.method_timeout = Some(2 * limits.publish_wait + Duration::from_secs(1));
    options.limits.max_values = MAX_PARTS;
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
struct Receipt(Outcome);

impl Serialize for Receipt {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        match self.0 {
            Outcome::Message(it) => {
                map.serialize_entry("position", &it.position.to_string())?;
                map.serialize_entry("receivers", &it.receivers)?;
            }
            Outcome::Batch(it) => {
                map.serialize_entry("position", &it.last.to_string())?;
                map.serialize_entry("first", &it.first.to_string())?;
                map.serialize_entry("messages", &it.messages())?;
                map.serialize_entry("receivers", &it.receivers)?;
            }
            Outcome::Direct(it) => {
                map.serialize_entry("receivers", &u8::from(it.is_connected))?;
                map.serialize_entry("waits", &!it.is_connected)?;
            }
        }
        map.end()
    }
}

impl Publisher for Site {
    async fn publish(&self, stream: String, value: Graph<'static>) -> Result<Receipt, ServiceFault> {
        self.message(&stream, value, None).await.map_err(|fault| self.told(fault))
    }

    async fn publish_once(
        &self,
        stream: String,
        value: Graph<'static>,
        key: String,
    ) -> Result<Receipt, ServiceFault> {
        self.message(&stream, value, Some(&key)).await.map_err(|fault| self.told(fault))
    }

    async fn publish_all(&self, stream: String, values: Graph<'static>) -> Result<Receipt, ServiceFault> {
        self.batch(&stream, values, None).await.map_err(|fault| self.told(fault))
    }

    async fn publish_all_once(
        &self,
        stream: String,
        values: Graph<'static>,
        key: String,
    ) -> Result<Receipt, ServiceFault> {
        self.batch(&stream, values, Some(&key)).await.map_err(|fault| self.told(fault))
    }

    async fn send(
        &self,
        stream: String,
        client: String,
        value: Graph<'static>,
    ) -> Result<bool, ServiceFault> {
        self.direct(&stream, &client, value, None).await.map_err(|fault| self.told(fault))
    }

    async fn send_once(
        &self,
        stream: String,
        client: String,
        value: Graph<'static>,
        key: String,
    ) -> Result<bool, ServiceFault> {
        self.direct(&stream, &client, value, Some(&key)).await.map_err(|fault| self.told(fault))
    }
}

/// What the methods come down to.
impl Site {
    async fn open_stream(&self, stream: &str) -> Result<Stream, Fault> {
        match self.stream(stream) {
            Ok(stream) => Ok(stream),
            Err(refusal) => Err(Fault::of(refusal).await),
        }
    }

    async fn message(
        &self,
        stream: &str,
        value: Graph<'static>,
        key: Option<&str>,
    ) -> Result<Receipt, Fault> {
        let stream = self.open_stream(stream).await?;
        self.counted(stream.name()).await?;
        let value = value.objects_from_maps();
        let bodies = stream.encode_with(|classes, limits| Bodies::graph(&value, classes, limits));
        drop(value);
        let bodies = bodies.map_err(|error| refused(&stream, &error))?;
        let key = keyed(&stream, key, &["message"], bodies.texts())?;
        let publish = async {
            let published = in_time(&stream, stream.append(bodies)).await?;
            published.map(Outcome::Message).map_err(|error| refused(&stream, &error))
        };
        once(&stream, key, publish).await.map(Receipt)
    }

    async fn batch(&self, stream: &str, values: Graph<'static>, key: Option<&str>) -> Result<Receipt, Fault> {
        let stream = self.open_stream(stream).await?;
        let caller = self.counted(stream.name()).await?;
        let values = values.objects_from_maps();
        if !matches!(values.root().node(), Some(Node::List { .. })) {
            return Err(no_list(&values));
        }
        let messages = stream.gather(values.root().items(), |value| {
            stream.encode_with(|classes, limits| Bodies::graph(&value.to_graph(), classes, limits))
        });
        drop(values);
        let messages = messages.map_err(|error| batch_refused(&stream, &error))?;
        let key = keyed(&stream, key, &["batch"], messages.texts())?;
        let publish = async {
            // Only what is published: a batch that comes again with its key counts once.
            if let Some(caller) = caller {
                caller.publishes_all(stream.guard(), stream.name(), messages.len());
            }
            let published = in_time(&stream, stream.publish_messages(messages)).await?;
            published.map(Outcome::Batch).map_err(|error| batch_refused(&stream, &error))
        };
        once(&stream, key, publish).await.map(Receipt)
    }

    async fn direct(
        &self,
        stream: &str,
        client: &str,
        value: Graph<'static>,
        key: Option<&str>,
    ) -> Result<bool, Fault> {
        let client: ClientId =
            client.parse().map_err(|error: BadClientId| malformed(format!("client: {error}.")))?;
        let Some(stream) = self.hub.get(stream) else {
            return Err(Fault::new(Reason::NotFound, "No such stream is open: no client is present in it."));
        };
        self.counted(stream.name()).await?;
        let value = value.objects_from_maps();
        let bodies = stream.encode_with(|classes, limits| Bodies::graph(&value, classes, limits));
        drop(value);
        let bodies = bodies.map_err(|error| refused(&stream, &error))?;
        let key = keyed(&stream, key, &["direct", client.as_str()], bodies.texts())?;
        let send = async {
            let sent = stream.send(&client, || Ok(bodies));
            sent.map(Outcome::Direct)
                .map_err(|error| Fault::new(messages::unsent(&error, &stream), format!("{error}.")))
        };
        once(&stream, key, send).await.map(|outcome| match outcome {
            Outcome::Direct(sent) => sent.is_connected,
            _ => false,
        })
    }
}

/// What came where a batch is to be a list. Java's own lists of constants come without their elements.
fn no_list(values: &Graph<'_>) -> Fault {
    const LOST: &str = "java.util.CollSer";
    let is_lost = values.root().class().is_some_and(|class| &*class.name == LOST);
    let hint = match is_lost {
        true => format!(
            "; this is a {LOST}, as which Java's List.of(…) is written, without its elements: \
             use Arrays.asList(…) or an ArrayList"
        ),
        false => String::new(),
    };
    malformed(format!("values: a batch is a list or an array, each element a message{hint}."))
}

/// A key, and the print of what is asked for with it.
fn keyed<'k, 't>(
    stream: &Stream,
    key: Option<&'k str>,
    what: &[&'t str],
    texts: impl IntoIterator<Item = &'t [u8]>,
) -> Result<Option<(&'k str, Fingerprint)>, Fault> {
    let Some(key) = key else { return Ok(None) };
    if !is_key(key) {
        let what = format!("key: an idempotency key is 1 to {MAX_IDEMPOTENCY_KEY} visible ASCII characters.");
        return Err(malformed(what));
    }
    let what = what.iter().map(|what| what.as_bytes());
    Ok(Some((key, stream.fingerprint([&b"call"[..]].into_iter().chain(what).chain(texts)))))
}

/// Publishes, unless that was done with the same key before.
async fn once(
    stream: &Stream,
    key: Option<(&str, Fingerprint)>,
    publish: impl Future<Output = Result<Outcome, Fault>>,
) -> Result<Outcome, Fault> {
    let published = stream.once(key, publish).await;
    published.map(|(outcome, _)| outcome).map_err(|why| match why {
        Unpublished::Refused(fault) => fault,
        Unpublished::Other => Fault::new(Reason::Unprocessable, format!("key: {OTHER}.")),
        Unpublished::UnderWay => Fault::new(Reason::KeyUnderWay, format!("key: {UNDER_WAY}.")),
        Unpublished::Full => Fault::new(Reason::Keys, format!("key: {FULL}.")),
    })
}

/// What `publish` comes to, unless the server is behind for too long.
async fn in_time<T>(stream: &Stream, publish: impl Future<Output = T>) -> Result<T, Fault> {
    let published = timeout(stream.limits().publish_wait, publish).await;
    published.map_err(|_| Fault::new(Reason::Behind, "The server is behind; nothing was published."))
}

/// Why a call comes to nothing.
#[derive(Debug)]
struct Fault {
    why: Reason,
    what: String,
}

impl Fault {
    fn new(why: Reason, what: impl Into<String>) -> Self {
        Self { why, what: what.into() }
    }

    /// What a request over HTTP would have been told.
    async fn of(refusal: Refusal) -> Self {
        let (parts, body) = refusal.into_parts();
        let why = parts.extensions.get().copied().or_else(|| Reason::of(parts.status));
        let body = to_bytes(body, REASON).await.unwrap_or_default();
        Self::new(why.unwrap_or(Reason::OtherServer), String::from_utf8_lossy(&body).trim_end())
    }
}

fn malformed(what: String) -> Fault {
    Fault::new(Reason::Malformed, what)
}

fn refused(stream: &Stream, error: &PublishError) -> Fault {
    let why = match error {
        // A value that could be read, and has no form in JSON.
        PublishError::Json(_) => Reason::Unprocessable,
        error => messages::unpublished(error, stream),
    };
    Fault::new(why, format!("{error}."))
}

fn batch_refused(stream: &Stream, error: &BatchError) -> Fault {
    let why = match error {
        BatchError::Refused(error) | BatchError::Message { error, .. } => refused(stream, error).why,
        BatchError::TooMany { .. } | BatchError::TooLong { .. } => Reason::TooLong,
        BatchError::Empty => Reason::Malformed,
    };
    Fault::new(why, format!("{error}."))
}

impl Site {
    /// One message more to a stream, or the first of a batch. Whoever calls was counted at the door.
    async fn counted(&self, stream: &StreamName) -> Result<Option<Caller>, Fault> {
        let context = Context::current();
        let caller = context.as_ref().and_then(|context| context.extension::<Caller>()).cloned();
        match caller.as_ref().map_or(Ok(()), |caller| caller.publishes(self.hub.guard(), stream)) {
            Ok(()) => Ok(caller),
            Err(why) => Err(Fault::of(denied(why)).await),
        }
    }

    /// As an exception that a method in Java need not declare. Counted here, as the answer is no refusal in the eyes of
    /// HTTP.
    fn told(&self, Fault { why, what }: Fault) -> ServiceFault {
        self.hub.guard().count(why);
        let class = match why.status() {
            StatusCode::NOT_FOUND => "java.util.NoSuchElementException",
            StatusCode::BAD_REQUEST | StatusCode::PAYLOAD_TOO_LARGE | StatusCode::UNPROCESSABLE_ENTITY => {
                "java.lang.IllegalArgumentException"
            }
            _ => "java.lang.IllegalStateException",
        };
        Throwable::new(class, &what).into()
    }
}
