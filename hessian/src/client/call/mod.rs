//! Calls.

mod binary;
mod builder;
mod encode;
mod exchange;
#[cfg(feature = "deflate")]
mod inflate;
mod outgoing;
mod overload;
mod pieces;
mod reply;
mod upload;

pub use binary::BinaryReply;
pub use builder::ClientBuilder;
use builder::Settings;
pub(super) use encode::Encoded;
pub use reply::RawReply;
pub use upload::Upload;

use super::address::Address;
use super::dial::Connector;
use super::error::Result;
use crate::rpc::Arguments;
use crate::value::Graph;
use hyper_util::client::legacy;
use outgoing::Outgoing;
use serde::de::DeserializeOwned;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use tokio::sync::Semaphore;

/// A client of one Hessian service. A clone is another handle of the same: they share connections and bounds.
#[derive(Clone)]
pub struct Client {
    shared: Arc<Shared>,
}

/// What the handles of a client share.
struct Shared {
    address: Address,
    settings: Settings,
    http: legacy::Client<Connector, Outgoing>,
    /// A permit for each call that is on its way.
    calls: Arc<Semaphore>,
    /// What request ids begin with: another one for each client.
    prefix: u32,
    /// How many request ids there were.
    requests: AtomicU64,
}

impl Client {
    /// A client of the service at an address: `http://host:port/path`, or `https:`. A user and a password before the
    /// host are sent as Java's `HessianProxyFactory` does (basic authentication). Nothing is connected yet.
    ///
    /// # Errors
    /// What is no address; for `https:` certificates of this system that cannot be read.
    pub fn new(address: &str) -> Result<Self> {
        Self::builder(address).build()
    }

    /// A client with settings of its own.
    pub fn builder(address: &str) -> ClientBuilder {
        ClientBuilder::new(address)
    }

    /// Where the service is, without user and password.
    #[must_use]
    pub fn address(&self) -> &http::Uri {
        &self.shared.address.uri
    }

    /// Calls a method. The arguments are a tuple: `()`, `(1,)`, `(1, "two")`, …
    ///
    /// # Errors
    /// See [`Error`](super::Error).
    pub async fn call<R: DeserializeOwned>(&self, method: &str, arguments: impl Arguments) -> Result<R> {
        let call = self.encode(method, arguments)?;
        self.observed(method, |id| async move { self.exchange(call, id).await?.read() }).await
    }

    /// [`call`](Self::call) for a reply of any type.
    ///
    /// # Errors
    /// As [`call`](Self::call).
    pub async fn call_graph(&self, method: &str, arguments: impl Arguments) -> Result<Graph<'static>> {
        let call = self.encode(method, arguments)?;
        self.observed(method, |id| async move { self.exchange(call, id).await?.read() }).await
    }

    /// [`call`](Self::call) that leaves the reply as it came: what is read from it may borrow from it.
    ///
    /// # Errors
    /// As [`call`](Self::call).
    pub async fn call_raw(&self, method: &str, arguments: impl Arguments) -> Result<RawReply> {
        let call = self.encode(method, arguments)?;
        self.observed(method, |id| self.exchange(call, id)).await
    }

    /// The arguments are not kept while the call runs.
    pub(super) fn encode(&self, method: &str, arguments: impl Arguments) -> Result<Encoded> {
        let call = encode::encode(&self.shared.settings, method, &arguments);
        drop(arguments);
        call
    }

    /// Calls a method whose result is a binary (Java's `InputStream` or `byte[]`), which is read while it arrives: memory
    /// does not depend on its size. The [`timeout`](ClientBuilder::timeout) counts until the binary begins.
    ///
    /// # Errors
    /// As [`call`](Self::call); a result of another type, null too, is [`Error::Codec`](super::Error::Codec).
    pub async fn call_binary(&self, method: &str, arguments: impl Arguments) -> Result<BinaryReply> {
        let call = self.encode(method, arguments)?;
        self.observed(method, |id| self.exchange_binary(call, id)).await
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("address", &self.shared.address).finish_non_exhaustive()
    }
}
