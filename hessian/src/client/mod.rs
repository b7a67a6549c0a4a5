//! Clients: calls to Hessian services, and streams of packets that survive lost connections.

mod address;
pub mod blocking;
mod call;
mod dial;
mod error;
pub mod stream;

pub use call::{BinaryReply, Client, ClientBuilder, RawReply, Upload};
pub use dial::Tls;
pub use error::{Error, Result};
pub use stream::listen;
