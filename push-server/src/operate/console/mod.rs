//! The console: a page that shows what the metrics tell, live, over our own server-sent events.
//!
//! It reads a stream of a hub of its own, so that the streams of clients, their bounds and their counters are not touched
//! by who looks at them.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::{StatusCode, header};
use push_server::{Epoch, Hub, Limits, PublishError, Start, Stream, web};
use tokio::time::{MissedTickBehavior, interval};

use super::PACE;
use super::pages::headers;
use super::status::Status;

/// Connections of operators at one time, on all ports of theirs.
const CONNECTIONS: usize = 64;

/// Bytes of one status: `metrics.streams` is 10,000 at most, of some 700 B each.
const STATUS_BYTES: usize = 16 << 20;

/// What is kept of what was shown: a reader who is further behind goes on with the newest.
const KEPT: usize = 2;

/// What the page may load: itself, and what it shows.
const PAGE_MAY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src data:; connect-src 'self'; \
                        base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The console's hub and its stream.
#[derive(Clone, Debug)]
pub(super) struct Console {
    status: Arc<Status>,
    hub: Hub,
    stream: Stream,
}

impl Console {
    /// Begins to tell the status to whoever reads it.
    pub(super) fn start(status: Arc<Status>) -> Self {
        let mut limits = Limits::default();
        (limits.connections, limits.streams, limits.bridges) = (CONNECTIONS, 1, 0);
        (limits.log_messages, limits.lag_messages) = (KEPT, KEPT as u64);
        (limits.message_bytes, limits.log_bytes) = (STATUS_BYTES, KEPT * STATUS_BYTES);
        limits.lag_bytes = (KEPT * STATUS_BYTES) as u64;
        let hub = Hub::start(Epoch::now(), limits, 1);
        let stream = hub.open(&"console".parse().expect("a good name")).expect("the first stream");
        tokio::spawn(tell(status.clone(), stream.clone()));
        Self { status, hub, stream }
    }

    pub(super) const fn hub(&self) -> &Hub {
        &self.hub
    }

    /// `/console`, its parts, `/console/status` and, live, `/console/live/sse` and the other forms of a stream.
    pub(super) fn router(&self) -> Router {
        let fixed = |media_type: &'static str, text: &'static str| {
            get(async move || ([(header::CONTENT_SECURITY_POLICY, PAGE_MAY)], headers(media_type), text))
        };
        Router::new()
            .route("/console", fixed("text/html; charset=utf-8", include_str!("page.html")))
            .route("/console/console.css", fixed("text/css; charset=utf-8", include_str!("console.css")))
            .route("/console/console.js", fixed("text/javascript; charset=utf-8", include_str!("console.js")))
            .route("/console/status", get(status))
            .with_state(self.status.clone())
            .merge(web::alias("/console/live", &self.stream, Start::Live))
    }
}

async fn status(State(status): State<Arc<Status>>) -> Response {
    match status.json().await {
        Some(json) => (headers("application/json"), json).into_response(),
        None => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// Tells the status while somebody reads it.
async fn tell(status: Arc<Status>, stream: Stream) {
    let mut ticks = interval(PACE);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if stream.readers() == 0 {
            continue;
        }
        let Some(json) = status.json().await else { continue };
        match stream.publish_json(json).await {
            Ok(_) => {}
            Err(PublishError::Ended) => return,
            Err(error) => tracing::warn!(%error, "the console is not told"),
        }
    }
}
