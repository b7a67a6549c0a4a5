//! Connections: TCP, and TLS over it.

use super::error::{CONNECTION, Error, Result};
use http::Uri;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder, MaybeHttpsStream};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioIo;
use rustls::crypto::CryptoProvider;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::net::TcpStream;
use tower_service::Service;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Opens connections for `http:` and `https:` addresses, over every address that a name has.
#[derive(Debug, Clone)]
pub(super) struct Connector {
    inner: HttpsConnector<HttpConnector>,
    timeout: Duration,
}

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

/// A connection that is idle for so long is asked for a sign of life by the kernel, …
const KEEPALIVE: Duration = Duration::from_secs(30);
/// … again after so long, …
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(10);
/// … and is broken after so many questions without an answer: a host that is gone is noticed within a minute.
const KEEPALIVE_RETRIES: u32 = 3;

/// A connector that gives up a connection that is not there after `timeout`: looking up the name, TCP and TLS together.
///
/// # Errors
/// [`Error::Tls`]: this system's certificates cannot be read.
pub(super) fn connector(tls: &Tls, timeout: Duration) -> Result<Connector> {
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    // Shared among the addresses of a name: one that is silent leaves time for the others.
    tcp.set_connect_timeout(Some(timeout));
    tcp.set_nodelay(true);
    tcp.set_keepalive(Some(KEEPALIVE));
    tcp.set_keepalive_interval(Some(KEEPALIVE_INTERVAL));
    tcp.set_keepalive_retries(Some(KEEPALIVE_RETRIES));
    let builder = HttpsConnectorBuilder::new();
    let builder = match tls {
        Tls::System => builder.with_provider_and_native_roots(provider()).map_err(Error::Tls)?,
        Tls::Config(config) => builder.with_tls_config(rustls::ClientConfig::clone(config)),
    };
    Ok(Connector { inner: builder.https_or_http().enable_http1().wrap_connector(tcp), timeout })
}

/// What other crates of a program want of rustls by default is theirs: two of them may disagree, which it panics at.
fn provider() -> CryptoProvider {
    rustls::crypto::ring::default_provider()
}

/// For addresses that are not `https:`: no certificate has to be read from this system.
pub(super) fn no_roots() -> Result<Tls> {
    let config = rustls::ClientConfig::builder_with_provider(Arc::new(provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::Tls(io::Error::other(error)))?;
    let roots = rustls::RootCertStore::empty();
    Ok(Tls::Config(Arc::new(config.with_root_certificates(roots).with_no_client_auth())))
}

impl Service<Uri> for Connector {
    type Response = MaybeHttpsStream<TokioIo<TcpStream>>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, to: Uri) -> Self::Future {
        let (connecting, after) = (self.inner.call(to), self.timeout);
        Box::pin(async move {
            match tokio::time::timeout(after, connecting).await {
                Ok(connected) => connected,
                Err(_) => Err(Error::Timeout { what: CONNECTION, after }.into()),
            }
        })
    }
}
