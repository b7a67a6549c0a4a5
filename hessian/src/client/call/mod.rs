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
pub(super) use builder::is_machinery;
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

/// A client of one Hessian service over HTTP/1.1, as Java's `HessianProxyFactory` makes them. A clone is another handle of
/// the same: they share connections and bounds.
///
/// ```
/// # fn server(reply: &'static [u8]) -> String {
/// #     use std::io::{Read, Write};
/// #     let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
/// #     let address = format!("http://{}/orders", listener.local_addr().unwrap());
/// #     std::thread::spawn(move || {
/// #         let (mut stream, _) = listener.accept().unwrap();
/// #         stream.read(&mut [0; 4096]).unwrap();
/// #         write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", reply.len()).unwrap();
/// #         stream.write_all(reply).unwrap();
/// #         stream.read(&mut [0; 4096])
/// #     });
/// #     address
/// # }
/// use hessian::client::{Client, Error};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Debug, Serialize, Deserialize)]
/// #[serde(rename = "com.example.Order")] // the class in Java
/// struct Order {
///     number: i64,
///     items: Vec<String>,
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Error> {
/// # let address = server(b"H\x02\x00RC\x11com.example.Order\x92\x06number\x05items\x60\xe7\x79\x03pen");
/// // Java: Orders orders = (Orders) new HessianProxyFactory().create(Orders.class, address);
/// let orders = Client::new(&address)?;
///
/// // Java: Order order = orders.find("pen", 1);
/// let order: Order = orders.call("find", ("pen", 1)).await?;
/// assert_eq!((order.number, &*order.items[0]), (7, "pen"));
/// # Ok(())
/// # }
/// ```
///
/// # Faults
///
/// What the service's method throws is [`Error::Fault`](super::Error::Fault), whatever its class: with Java's exception
/// inside, its message, fields, causes and stack trace.
///
/// ```
/// # use hessian::client::{Client, Error};
/// # async fn f(orders: Client) -> Result<(), Error> {
/// match orders.call::<i64>("cancel", (7,)).await {
///     Ok(number) => println!("cancelled {number}"),
///     Err(Error::Fault(fault)) => match &fault.exception {
///         Some(thrown) if &*thrown.class == "com.example.TooLate" => println!("too late: {fault}"),
///         // As Java's `printStackTrace`, with its causes.
///         _ => eprintln!("{fault:#}"),
///     },
///     Err(error) => return Err(error),
/// }
/// # Ok(())
/// # }
/// ```
///
/// # What is sent when
///
/// A call is sent once. Two things are tried again, since nothing of the call was sent: the next address of a name that has
/// several, and another connection when one that was kept turns out to be closed before the first byte of the call was
/// written to it. When a connection breaks later, nobody knows whether the method ran:
/// the call fails with [`Error::Io`](super::Error::Io), and it is the caller's to know whether to call again.
/// [`Error::is_unsent`](super::Error::is_unsent) tells what certainly was not seen. Redirects are not followed.
///
/// A call that is dropped closes its connection (the service may go on with it); other calls do not notice.
///
/// # Overloaded methods
///
/// A call of Hessian 2 tells how many arguments it has, by which Java's services find `add(int)` beside `add(int, int)`
/// (they register `add__1` and `add__2`; in Hessian 1 call it by that name). Among methods with as many arguments a name with
/// their types chooses, `add_int_int`: call it by that name, or let [`ClientBuilder::overload_names`] make it.
///
/// # Logs
///
/// Each call is a span `hessian.call` of `tracing` (target `hessian::client`) with `method`, `url` (without a password and a query) and `request`, an id that
/// [`ClientBuilder::request_id_header`] sends along; in it one event at its end, with the time it took. All are of level
/// debug.
///
/// # Bounds
///
/// | bound | default | stops |
/// | --- | --- | --- |
/// | [`timeout`](ClientBuilder::timeout) | 60 s | services that hang, replies that drip |
/// | [`connect_timeout`](ClientBuilder::connect_timeout) | 10 s | silent addresses, handshakes that never end |
/// | [`idle_timeout`](ClientBuilder::idle_timeout) | 30 s | silence in a reply or upload |
/// | [`max_reply`](ClientBuilder::max_reply) | 64 MiB | replies that never end, deflate bombs |
/// | [`limits`](ClientBuilder::limits) | [`Limits::new`](crate::Limits::new) | what a reply makes the decoder do |
/// | [`max_calls`](ClientBuilder::max_calls) | 256 | too many connections |
/// | [`pool_max_idle`](ClientBuilder::pool_max_idle) | 8 | connections that are kept for nothing |
/// | [`pool_idle_timeout`](ClientBuilder::pool_idle_timeout) | 10 s | connections that the server has given up |
/// | [`max_excerpt`](ClientBuilder::max_excerpt) | 1 KiB | pages in errors |
/// | `MAX_HEAD`, `MAX_HEADER_LINES` | 64 KiB, 100 | heads of responses that never end |
/// | `MAX_ADDRESS` | 8 KiB | addresses |
/// | `MAX_BEFORE`, `MAX_EMPTY_CHUNKS` | 4 KiB, 1,024 | streamed replies that never begin or get on |
///
/// # Compression
///
/// With the feature `deflate` replies may be compressed (`Accept-Encoding: deflate`, as Java's client sends it); calls are
/// not. The envelope [`DEFLATION`](crate::envelope::DEFLATION) is not offered: Java's `HessianSkeleton` answers a call in an
/// envelope with an error, since it looks for `H … C` or `c` alone.
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
