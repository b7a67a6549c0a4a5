//! Connections: TCP, and TLS over it.

use super::error::{Error, Result};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use std::sync::Arc;
use std::time::Duration;

/// Opens connections for `http:` and `https:` addresses, over every address that a name has.
pub(super) type Connector = HttpsConnector<HttpConnector>;

/// How a server proves who it is.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub enum Tls {
    /// By a certificate that this system trusts.
    #[default]
    System,
    /// As a configuration says: other roots, a certificate of the client.
    Config(Arc<rustls::ClientConfig>),
}

/// A connector that gives up a connection that is not there after `timeout`.
///
/// # Errors
/// [`Error::Tls`]: this system's certificates cannot be read.
pub(super) fn connector(tls: &Tls, timeout: Duration) -> Result<Connector> {
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_connect_timeout(Some(timeout));
    tcp.set_nodelay(true);
    let builder = HttpsConnectorBuilder::new();
    let builder = match tls {
        Tls::System => builder.with_native_roots().map_err(Error::Tls)?,
        Tls::Config(config) => builder.with_tls_config(rustls::ClientConfig::clone(config)),
    };
    Ok(builder.https_or_http().enable_http1().wrap_connector(tcp))
}
