//! The demo: the streaming tutorial's own stream, and a page to watch it.

use std::convert::Infallible;
use std::time::Duration;

use axum::Router;
use axum::response::Html;
use axum::routing::get;
use http::header;
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use crate::hub::{Hub, Start, Stream};
use crate::{OpenError, PublishError, web};

/// The object of the tutorial: tells its reader to add a line to a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename = "example.AddString")]
pub struct AddString {
    /// The line.
    pub value: String,
}

/// Name and path of the demo's stream, as in the tutorial.
pub const STREAM: &str = "comet";

/// Time between two lines, as in the tutorial.
pub const PACE: Duration = Duration::from_secs(2);

/// The lines: Cicero, De finibus bonorum et malorum, I 32-33, from which "Lorem ipsum" was cut.
pub fn lines() -> impl Iterator<Item = &'static str> + Clone {
    include_str!("latin.txt").lines()
}

/// Opens the demo's stream in `hub`.
///
/// # Errors
///
/// [`OpenError`] if the hub has too many streams already.
pub fn open(hub: &Hub) -> Result<Stream, OpenError> {
    hub.open(&STREAM.parse().expect("a good name"))
}

/// Publishes a line every `pace`, over and over, until the hub ends. The first one leaves at once.
///
/// # Errors
///
/// [`PublishError::Ended`] when the hub has ended; nothing else happens to these lines.
pub async fn publish(stream: &Stream, pace: Duration) -> Result<Infallible, PublishError> {
    let mut ticks = interval_at(Instant::now(), pace);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut lines = lines().cycle();
    loop {
        ticks.tick().await;
        let value = lines.next().unwrap_or_default().to_owned();
        stream.publish(&AddString { value }).await?;
    }
}

/// The demo's pages: the page at `/`, the stream at `/comet` and below it (a new reader gets the newest line
/// at once), `crossdomain.xml`, and the streams of `hub` under `/streams`.
pub fn router(hub: Hub, stream: &Stream, cross_domain: String) -> Router {
    let page_headers = [(header::CACHE_CONTROL, "no-cache"), (header::CONTENT_SECURITY_POLICY, PAGE_MAY)];
    let page = (page_headers, Html(include_str!("page.html")));
    let cross_domain = ([(header::CONTENT_TYPE, "text/x-cross-domain-policy")], cross_domain);
    Router::new()
        .route("/", get(|| async { page }))
        .route("/crossdomain.xml", get(|| async { cross_domain }))
        .method_not_allowed_fallback(web::wrong_method)
        .merge(web::alias(&format!("/{STREAM}"), stream, Start::Latest(1)))
        .merge(web::router(hub))
}

/// What the page may load: itself, and the two streams.
const PAGE_MAY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'self' 'unsafe-inline'; img-src data:; \
                        connect-src 'self'; frame-src 'self'; base-uri 'none'; form-action 'none'";
