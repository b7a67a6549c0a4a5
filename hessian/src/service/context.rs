//! Who calls: the HTTP request around a call.

use http::request::Parts;
use http::{Extensions, HeaderMap, HeaderName, HeaderValue, Method, Uri};
use std::future::Future;
use std::sync::Arc;

/// The header that names a request in the logs of all who see it. What a caller sends comes back in the response.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Bytes of a request's id at most: a longer one is not taken.
pub const MAX_REQUEST_ID: usize = 128;

tokio::task_local! {
    static CURRENT: Context;
}

/// The HTTP request around a call: headers, address, and what layers in front have put into its extensions (who is
/// authenticated, the peer's address). Cloned at the price of an `Arc`.
///
/// A method asks for it where it needs it, as Java's methods do (`ServiceContext`):
///
/// ```
/// use hessian::service::Context;
///
/// #[derive(Clone)]
/// struct User(String); // a layer in front has put it there
///
/// async fn whoami() -> Option<String> {
///     Context::current()?.extension::<User>().map(|user| user.0.clone())
/// }
/// # drop(whoami());
/// ```
#[derive(Debug, Clone)]
pub struct Context {
    parts: Arc<Parts>,
}

impl Context {
    pub(super) fn new(parts: Parts) -> Self {
        Self { parts: Arc::new(parts) }
    }

    /// The one of the call that this task is answering. `None` elsewhere, also in tasks that a method has spawned: pass
    /// it on to them.
    #[must_use]
    pub fn current() -> Option<Self> {
        CURRENT.try_with(Self::clone).ok()
    }

    /// Runs a future in which [`current`](Self::current) is this one: for tests of methods, and for tasks that a method
    /// spawns.
    pub fn scope<F: Future>(self, future: F) -> impl Future<Output = F::Output> {
        CURRENT.scope(self, future)
    }

    pub(super) fn http_method(&self) -> &Method {
        &self.parts.method
    }

    /// The headers.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        &self.parts.headers
    }

    /// The address that was asked for. Behind axum's `nest_service` what is left of it there.
    #[must_use]
    pub fn uri(&self) -> &Uri {
        &self.parts.uri
    }

    /// What layers and the server have put in.
    #[must_use]
    pub fn extensions(&self) -> &Extensions {
        &self.parts.extensions
    }

    /// One of the extensions, such as `axum::extract::ConnectInfo<SocketAddr>`.
    #[must_use]
    pub fn extension<T: Send + Sync + 'static>(&self) -> Option<&T> {
        self.parts.extensions.get()
    }

    /// The caller's name for this request: the header `x-request-id`, if it is of visible ASCII and of [`MAX_REQUEST_ID`]
    /// bytes at most.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        request_id(&self.parts.headers)?.to_str().ok()
    }
}

/// The id that comes back.
pub(super) fn request_id(headers: &HeaderMap) -> Option<&HeaderValue> {
    headers.get(REQUEST_ID).filter(|id| {
        (1..=MAX_REQUEST_ID).contains(&id.len()) && id.as_bytes().iter().all(u8::is_ascii_graphic)
    })
}

impl From<Parts> for Context {
    fn from(parts: Parts) -> Self {
        Self::new(parts)
    }
}
