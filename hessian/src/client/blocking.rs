//! Calls without `async`, for scripts and tests.
//!
//! ```no_run
//! fn main() -> hessian::client::Result<()> {
//!     let service = hessian::client::blocking::Client::new("http://localhost:8080/calculator")?;
//!     let sum: i32 = service.call("add", (1, 2))?;
//!     println!("{sum}");
//!     Ok(())
//! }
//! ```
//!
//! A client has one thread of its own, on which its connections live; it ends with the last clone. A call blocks the thread
//! that makes it, wherever that is: nothing panics inside of an async runtime, but whatever else that thread should do
//! waits too. Async code has [`client::Client`](super::Client), or tokio's `spawn_blocking`.

use super::call::{self, ClientBuilder, Encoded, RawReply};
use super::error::{Error, Result};
use crate::rpc::Arguments;
use crate::value::Graph;
use bytes::Bytes;
use serde::de::DeserializeOwned;
use std::sync::{Arc, mpsc};
use std::{fmt, io, thread};
use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;
use tracing::Instrument;
use tracing::instrument::WithSubscriber;

/// A client of one Hessian service, as [`client::Client`](super::Client). A clone is another handle of the same.
#[derive(Clone)]
pub struct Client {
    inner: call::Client,
    driver: Arc<Driver>,
}

impl Client {
    /// A client of the service at an address, as [`client::Client::new`](super::Client::new).
    ///
    /// # Errors
    /// As there, and a thread that cannot be started.
    pub fn new(address: &str) -> Result<Self> {
        call::Client::builder(address).build_blocking()
    }

    /// Settings of a client; [`build_blocking`](ClientBuilder::build_blocking) makes it.
    pub fn builder(address: &str) -> ClientBuilder {
        call::Client::builder(address)
    }

    pub(super) fn of(inner: call::Client) -> Result<Self> {
        Ok(Self { inner, driver: Arc::new(Driver::start().map_err(Error::Io)?) })
    }

    /// Where the service is, without user and password.
    #[must_use]
    pub fn address(&self) -> &http::Uri {
        self.inner.address()
    }

    /// Calls a method, as [`client::Client::call`](super::Client::call).
    ///
    /// # Errors
    /// As there.
    pub fn call<R: DeserializeOwned>(&self, method: &str, arguments: impl Arguments) -> Result<R> {
        self.call_raw(method, arguments)?.read()
    }

    /// [`call`](Self::call) for a reply of any type.
    ///
    /// # Errors
    /// As [`call`](Self::call).
    pub fn call_graph(&self, method: &str, arguments: impl Arguments) -> Result<Graph<'static>> {
        self.call(method, arguments)
    }

    /// [`call`](Self::call) that leaves the reply as it came: what is read from it may borrow from it.
    ///
    /// # Errors
    /// As [`call`](Self::call).
    pub fn call_raw(&self, method: &str, arguments: impl Arguments) -> Result<RawReply> {
        let (call, client, method) = self.prepare(method, arguments)?;
        self.driver.run(async move { client.observed(&method, |id| client.exchange(call, id)).await })
    }

    /// Calls a method whose result is a binary, as [`client::Client::call_binary`](super::Client::call_binary).
    ///
    /// # Errors
    /// As there.
    pub fn call_binary(&self, method: &str, arguments: impl Arguments) -> Result<BinaryReply> {
        let (call, client, method) = self.prepare(method, arguments)?;
        let reply = self
            .driver
            .run(async move { client.observed(&method, |id| client.exchange_binary(call, id)).await })?;
        Ok(BinaryReply { reply: Some(reply), piece: Bytes::new(), driver: Arc::clone(&self.driver) })
    }

    fn prepare(&self, method: &str, arguments: impl Arguments) -> Result<(Encoded, call::Client, String)> {
        Ok((self.inner.encode(method, arguments)?, self.inner.clone(), method.to_owned()))
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

/// A binary result that is read while it arrives, as [`client::BinaryReply`](super::BinaryReply). What goes wrong in it
/// is an [`io::Error`] around an [`Error`].
pub struct BinaryReply {
    /// None at its end, and after an error.
    reply: Option<call::BinaryReply>,
    piece: Bytes,
    driver: Arc<Driver>,
}

impl io::Read for BinaryReply {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.piece.is_empty() && !out.is_empty() {
            let Some(mut reply) = self.reply.take() else { return Ok(0) };
            let next = self.driver.run(async move {
                let piece = reply.chunk().await?;
                Ok(piece.map(|piece| (reply, piece)))
            });
            match next? {
                Some((reply, piece)) => (self.reply, self.piece) = (Some(reply), piece),
                None => return Ok(0),
            }
        }
        let read = self.piece.split_to(self.piece.len().min(out.len()));
        out[..read.len()].copy_from_slice(&read);
        Ok(read.len())
    }
}

impl fmt::Debug for BinaryReply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BinaryReply").finish_non_exhaustive()
    }
}

/// The thread that connections live on. It ends when this is dropped.
struct Driver {
    runtime: Handle,
    _end: oneshot::Sender<()>,
}

impl Driver {
    fn start() -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let (handle, (end, ended)) = (runtime.handle().clone(), oneshot::channel());
        thread::Builder::new().name("hessian-client".into()).spawn(move || {
            // An error is what it ends with: nobody sends anything.
            let _ = runtime.block_on(ended);
            // What still blocks (the source of an upload) is not waited for.
            runtime.shutdown_background();
        })?;
        Ok(Self { runtime: handle, _end: end })
    }

    /// Runs something there, and waits for it here.
    fn run<T: Send + 'static>(&self, run: impl Future<Output = Result<T>> + Send + 'static) -> Result<T> {
        let (sender, result) = mpsc::sync_channel(1);
        let run = async move {
            // Who waits is there until it is told.
            let _ = sender.send(run.await);
        };
        self.runtime.spawn(run.instrument(tracing::Span::current()).with_current_subscriber());
        result.recv().unwrap_or_else(|_| {
            Err(Error::Io(io::Error::other(
                "the call panicked: an upload's source, or a log's subscriber, did",
            )))
        })
    }
}
