//! Clients: calls to Hessian services, and streams of packets that survive lost connections.

mod dial;
mod error;
pub mod stream;

pub use dial::Tls;
pub use error::{Error, Result};
pub use stream::listen;
