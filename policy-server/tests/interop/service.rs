//! An HTTP service behind a port that answers policy requests: in clear and inside TLS, on that one port.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::Path;
use axum::response::Html;
use axum::routing::{get, post};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use policy_server::port::Protocol;
use policy_server::{PolicyFile, Responder, Sniffed, serve};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::site;

/// Lives as long as the test's runtime.
pub(crate) struct Service {
    pub(crate) address: SocketAddr,
    pub(crate) responder: Responder,
    pub(crate) policy: PolicyFile,
    /// Made for this service, for `localhost`.
    pub(crate) certificate: CertificateDer<'static>,
}

impl Service {
    pub(crate) fn start() -> Self {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
        let certificate = made.cert.der().clone();
        let key = PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
        let config = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.clone()], key)
            .expect("a key and its certificate");
        let tls = TlsAcceptor::from(Arc::new(config));

        let (listener, address) = site::listen();
        let policy = site::policy(address.port());
        let responder = Responder::new(&policy);
        let (inside, app) = (responder.clone(), app());
        let handler = move |stream, _, protocol| {
            let (tls, inside, app) = (tls.clone(), inside.clone(), app.clone());
            async move {
                if protocol != Protocol::Tls {
                    return http(stream, app).await;
                }
                let Ok(stream) = tls.accept(stream).await else { return };
                if let Ok(Sniffed::Other(stream, _)) = inside.sniff_io(stream).await {
                    http(stream, app).await;
                }
            }
        };
        tokio::spawn(serve(listener, responder.clone(), std::future::pending(), handler));
        Self { address, responder, policy, certificate }
    }

    /// The address of one of its pages; `scheme` is `http` or `https`.
    pub(crate) fn url(&self, scheme: &str, path: &str) -> String {
        format!("{scheme}://{}{path}", self.address)
    }
}

async fn http(io: impl AsyncRead + AsyncWrite + Send + Unpin + 'static, app: Router) {
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .serve_connection(TokioIo::new(io), TowerToHyperService::new(app));
    // How a client leaves is its own affair; what it got it checks itself.
    let _ = connection.await;
}

/// How many requests beside it the page makes.
pub(crate) const PARTS: usize = 24;

fn app() -> Router {
    Router::new()
        .route("/", get(|| async { Html(page()) }))
        .route("/part/{number}", get(|Path(number): Path<String>| async move { format!("part {number}") }))
        .route("/echo", post(|body: Bytes| async move { body }))
}

/// A page that asks for [`PARTS`] more at once, and has a mebibyte sent back to it; `parts` and `echoed` say what came.
fn page() -> String {
    format!(
        "<!doctype html><title>one port</title><h1>loading</h1><script>
        let parts = null, echoed = null;
        const numbers = Array.from({{ length: {PARTS} }}, (_, i) => i);
        Promise.all(numbers.map(i => fetch(`/part/${{i}}`).then(response => response.text())))
            .then(texts => parts = texts.join());
        const sent = Uint8Array.from({{ length: 1 << 20 }}, (_, i) => i * 31 >> 3);
        fetch('/echo', {{ method: 'POST', body: sent }}).then(response => response.arrayBuffer())
            .then(buffer => new Uint8Array(buffer))
            .then(got => echoed = got.length === sent.length && got.every((byte, i) => byte === sent[i]));
        </script>"
    )
}
