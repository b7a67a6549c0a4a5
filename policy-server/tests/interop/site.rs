//! A site for the movie, all of it on one port: the policy, the page, Ruffle, and the bridge by which the movie comes back to that port.

use std::fs;
use std::net::SocketAddr;

use axum::Router;
use axum::http::header;
use axum::response::Html;
use axum::routing::get;
use policy_server::port::PolicyListener;
use policy_server::{ListenConfig, PolicyFile, Responder};
use tokio::net::TcpListener;

use crate::bridge::{Bridge, Limits};
use crate::{movie, npm};

/// A free port of loopback.
pub(crate) fn listen() -> (TcpListener, SocketAddr) {
    let listener = ListenConfig::default().bind(([127, 0, 0, 1], 0).into()).expect("a free port of loopback");
    let address = listener.local_addr().expect("it is bound");
    (listener, address)
}

/// Movies from this machine, and some of other hosts, may connect to `port`.
pub(crate) fn policy(port: u16) -> PolicyFile {
    PolicyFile::builder()
        .allow("127.0.0.1", &port.to_string())
        .allow("*.example.com", &format!("{port},9000-9010"))
        .build()
        .expect("a policy with effect")
}

/// What a player is to read of it: the document and one NUL. Put together here, and not by what is under test.
pub(crate) fn answer(policy: &PolicyFile) -> Vec<u8> {
    [policy.to_string().as_bytes(), b"\0"].concat()
}

/// Equality of bytes, with a message that can be read.
pub(crate) fn assert_same(read: &[u8], expected: &[u8]) {
    assert!(read == expected, "read {}\nnot  {}", read.escape_ascii(), expected.escape_ascii());
}

/// Lives as long as the test's runtime.
#[derive(Debug)]
pub(crate) struct Site {
    pub(crate) address: SocketAddr,
    pub(crate) policy: PolicyFile,
    pub(crate) responder: Responder,
}

impl Site {
    /// `movie` is the SWF it serves. `other` is a port beside its own that the movie may be bridged to, at `/bridge/other`.
    pub(crate) fn start(movie: Vec<u8>, other: Option<SocketAddr>) -> Self {
        let (listener, address) = listen();
        let policy = policy(address.port());
        let responder = Responder::new(&policy);
        let mut app = Router::new()
            .route("/", get(page))
            .route("/policy.swf", get(([(header::CONTENT_TYPE, "application/x-shockwave-flash")], movie)))
            .route("/ruffle/{file}", get(npm::ruffle))
            .route("/bridge", Bridge::new(address, policy.clone(), Limits::default()).route());
        if let Some(other) = other {
            let bridge = Bridge::new(other, self::policy(other.port()), Limits::default());
            app = app.route("/bridge/other", bridge.route());
        }
        let serving = axum::serve(PolicyListener::new(listener, responder.clone()), app);
        tokio::spawn(async { serving.await.expect("axum serves until the test ends") });
        Self { address, policy, responder }
    }

    /// The page with the movie, which asks this very port.
    pub(crate) fn url(&self) -> String {
        format!("http://{}/", self.address)
    }
}

async fn page() -> Html<Vec<u8>> {
    Html(fs::read(movie::folder().join("index.html")).expect("the example's page"))
}
