//! Feeds of places whose weather is made up, served by this very port, so that the example needs no internet. One of them is
//! out of order most of the time, each time in another way.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use http::{StatusCode, header};

/// The name in an address, and the name for people.
pub(crate) const PLACES: [(&str, &str); 6] = [
    ("reykjavik", "Reykjavík"),
    ("nairobi", "Nairobi"),
    ("lisbon", "Lisbon"),
    ("kyoto", "Kyoto"),
    ("valparaiso", "Valparaíso"),
    (BROKEN, "Atlantis"),
];

/// This one has been under water for some time.
const BROKEN: &str = "atlantis";

/// °C, sky, and the rest.
const WEATHER: [(i32, &str, &str); 7] = [
    (0, "clear sky", "A light wind from the north-west, no clouds before tomorrow."),
    (1, "a few clouds", "Clouds from the west, and sun between them."),
    (-1, "overcast", "One grey from edge to edge; dry until the evening."),
    (-2, "light rain", "Rain & drizzle by turns, umbrellas < raincoats."),
    (-3, "showers", "Short showers, some with thunder; gusts of 15 m/s."),
    (-1, "mist", "Visibility of 400 m at first; better towards noon."),
    (2, "sunny", "Sun all day. The night stays mild."),
];

/// `/feeds/lisbon.rss`: another forecast each time it is asked for.
pub(crate) fn feeds() -> Router {
    let asked: Arc<[AtomicUsize; PLACES.len()]> = Arc::default();
    Router::new().route("/feeds/{file}", get(feed)).with_state(asked)
}

async fn feed(State(asked): State<Arc<[AtomicUsize; PLACES.len()]>>, Path(file): Path<String>) -> Response {
    let place = |(name, _): &(&str, &str)| file.strip_suffix(".rss") == Some(name);
    let Some(at) = PLACES.iter().position(place) else {
        return (StatusCode::NOT_FOUND, "No such feed.").into_response();
    };
    let time = asked[at].fetch_add(1, Ordering::Relaxed);
    let rss = rss(at, time);
    let rss = match (PLACES[at].0, time % 4) {
        (BROKEN, 0) => return (StatusCode::SERVICE_UNAVAILABLE, "Under water.").into_response(),
        (BROKEN, 1) => "<!doctype html><html><body>Please sign in.</body></html>".to_owned(),
        (BROKEN, 2) => rss.split("</description>").next().unwrap_or_default().to_owned(),
        _ => rss,
    };
    ([(header::CONTENT_TYPE, "application/rss+xml; charset=utf-8")], rss).into_response()
}

/// The forecast of this place for the time that it is asked for the `time`th time.
fn rss(at: usize, time: usize) -> String {
    let (place, usual) = (PLACES[at].1, [4, 22, 19, 15, 17, 9][at]);
    let (warmer, sky, text) = WEATHER[(time + at * 3) % WEATHER.len()];
    let published = httpdate::fmt_http_date(std::time::SystemTime::now());
    let text = quick_xml::escape::escape(text);
    format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<rss version=\"2.0\">\n<channel>\n<title>Weather of {place}</title>\n\
         <item>\n<title>{} °C, {sky}</title>\n<description>{text}</description>\n<pubDate>{published}</pubDate>\n</item>\n\
         </channel>\n</rss>\n",
        usual + warmer
    )
}
