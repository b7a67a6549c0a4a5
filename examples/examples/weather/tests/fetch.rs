//! How feeds come.

use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::routing::get;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::{StatusCode, header};
use tokio::net::TcpListener;

use super::super::fetch::{FEED_BYTES, Fetcher, REDIRECTS, is_internal};
use super::super::local;
use super::super::weatherman::Weatherman;
use super::serve;

/// A server of feeds.
fn listen(address: &str, feeds: Router) -> SocketAddr {
    let listener = std::net::TcpListener::bind(address).unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(axum::serve(TcpListener::from_std(listener).unwrap(), feeds).into_future());
    address
}

/// The title of a feed's first entry, or why there is none.
async fn told(fetcher: &Fetcher, feed: &str) -> String {
    let told = fetcher.fetch(&feed.parse().unwrap()).await;
    told.map(|forecast| forecast.title).unwrap_or_else(|error| format!("{error:#}"))
}

/// The built-in feeds are feeds; that of Atlantis fails in three ways, and is well again.
#[tokio::test]
async fn asks_the_built_in_feeds() {
    let address = serve(&Weatherman::default());
    let fetcher = Fetcher::new(false).unwrap();
    for (file, _) in &local::PLACES[..5] {
        let feed = format!("http://{address}/feeds/{file}.rss").parse().unwrap();
        let (first, second) = (fetcher.fetch(&feed).await.unwrap(), fetcher.fetch(&feed).await.unwrap());
        assert!(first.title.contains(" °C, ") && !first.text.is_empty() && first != second, "{first:?}");
        assert!(first.published.ends_with(" GMT"), "{first:?}");
    }
    let atlantis = format!("http://{address}/feeds/atlantis.rss").parse().unwrap();
    for why in [
        "the feed's server answers 503 Service Unavailable",
        "no feed: the document is <html>",
        "the feed ends in the middle, after ",
    ] {
        let error = format!("{:#}", fetcher.fetch(&atlantis).await.unwrap_err());
        assert!(error.starts_with(why), "{error}, not {why}");
    }
    assert!(fetcher.fetch(&atlantis).await.is_ok());
    let nowhere = format!("http://{address}/feeds/nowhere.rss").parse().unwrap();
    let error = fetcher.fetch(&nowhere).await.unwrap_err().to_string();
    assert_eq!(error, "the feed's server answers 404 Not Found");
}

/// A feed without an end, one that is not there, and one that never comes.
#[tokio::test]
async fn a_feed_is_bounded_in_bytes_and_in_time() {
    let endless = "x".repeat(FEED_BYTES + 1);
    let router =
        Router::new().route("/long", get(async || endless)).route("/never", get(std::future::pending::<()>));
    let address = listen("127.0.0.1:0", router);
    let fetcher = Fetcher::new(false).unwrap();
    let fetch = async |path: &str| told(&fetcher, &format!("http://{address}{path}")).await;
    assert_eq!(fetch("/long").await, "the feed is longer than 256 KiB");
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let refused = told(&fetcher, &format!("http://{free}/")).await;
    assert!(refused.starts_with("the feed cannot be reached: "), "{refused}");
    // Only here is time of no account: what comes over a socket would be late for a clock that jumps.
    tokio::time::pause();
    assert_eq!(fetch("/never").await, "no answer within 10 s");
}

/// Feeds move: a few times they are followed, also to an address without a host, but not for ever.
#[tokio::test]
async fn a_feed_that_has_moved_is_followed() {
    let moved = |to: &'static str| get(async move || (StatusCode::FOUND, [(header::LOCATION, to)]));
    let router = Router::new()
        .route("/there", get(async || "<rss><item><title>Sun</title></item></rss>"))
        .route("/once", moved("/there"))
        .route("/a/twice", moved("../once"))
        .route("/round", moved("/round"))
        .route("/away", moved("ftp://example.com/"))
        .route("/nowhere", get(async || StatusCode::FOUND));
    let address = listen("127.0.0.1:0", router);
    let fetcher = Fetcher::new(false).unwrap();
    let fetch = async |path: &str| told(&fetcher, &format!("http://{address}{path}")).await;
    assert_eq!(fetch("/a/twice").await, "Sun");
    let round = format!("the feed has moved more than {REDIRECTS} times, last from http://{address}/round");
    assert_eq!(fetch("/round").await, round);
    assert_eq!(fetch("/away").await, "the feed has moved from http to ftp://example.com/");
    assert_eq!(fetch("/nowhere").await, "the feed has moved, and its server does not say where to");
}

/// The same, compressed: what is in it is bounded, not what comes.
#[tokio::test]
async fn a_feed_may_come_as_gzip() {
    let gzip = |text: &str| {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
        gzip.write_all(text.as_bytes()).unwrap();
        gzip.finish().unwrap()
    };
    let feed = gzip("<rss><item><title>Sun</title></item></rss>");
    let (broken, bomb) = (feed[..feed.len() / 2].to_vec(), gzip(&" ".repeat(FEED_BYTES + 1)));
    assert!(bomb.len() < FEED_BYTES / 100);
    let packed = |coding: &'static str, bytes: Vec<u8>| {
        get(async move || ([(header::CONTENT_ENCODING, coding)], bytes))
    };
    let address = listen(
        "127.0.0.1:0",
        Router::new()
            .route("/feed", packed("gzip", feed))
            .route("/broken", packed("gzip", broken))
            .route("/bomb", packed("gzip", bomb))
            .route("/brotli", packed("br", vec![1])),
    );
    let fetcher = Fetcher::new(false).unwrap();
    for (path, what) in [
        ("feed", "Sun"),
        ("broken", "the feed broke off: "),
        ("bomb", "the feed is longer than 256 KiB"),
        ("brotli", "the feed comes as \"br\", which nobody asked for"),
    ] {
        let told = told(&fetcher, &format!("http://{address}/{path}")).await;
        assert!(told.starts_with(what), "{told}, not {what}");
    }
}

/// One machine is outside here, 127.0.0.2, and sends us to those that are not.
#[tokio::test]
async fn nobody_outside_sends_us_inside() {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = asked.clone();
    let inside = listen(
        "127.0.0.1:0",
        Router::new()
            .route(
                "/",
                get(async move || {
                    count.fetch_add(1, Ordering::Relaxed);
                    "<rss><item><title>Secret</title></item></rss>"
                }),
            )
            .route("/moved", get(async || (StatusCode::FOUND, [(header::LOCATION, "/")]))),
    );
    let port = inside.port();
    let moved = |host: &str| {
        let to = format!("http://{host}:{port}/");
        get(async move || (StatusCode::FOUND, [(header::LOCATION, to)]))
    };
    let outside = listen(
        "127.0.0.2:0",
        Router::new()
            .route("/address", moved("127.0.0.1"))
            .route("/number", moved("2130706433"))
            .route("/name", moved("localhost"))
            .route("/mapped", moved("[::ffff:127.0.0.1]"))
            .route("/once-more", get(async || (StatusCode::FOUND, [(header::LOCATION, "/name")]))),
    );
    let mut fetcher = Fetcher::new(false).unwrap();
    fetcher.is_internal = |ip| ip.to_canonical() != Ipv4Addr::new(127, 0, 0, 2);
    for (path, to) in [
        ("address", "127.0.0.1"),
        ("number", "127.0.0.1"),
        ("name", "localhost"),
        ("mapped", "[::ffff:7f00:1]"),
        ("once-more", "localhost"),
    ] {
        let told = told(&fetcher, &format!("http://{outside}/{path}")).await;
        assert_eq!(
            told,
            format!("the feed has moved to http://{to}:{port}/, which is inside of this network")
        );
    }
    assert_eq!(asked.load(Ordering::Relaxed), 0, "it was asked");
    // Who is inside may; and so may we.
    assert_eq!(told(&fetcher, &format!("http://{inside}/moved")).await, "Secret");
}

#[test]
fn knows_which_addresses_are_inside() {
    for inside in [
        "127.0.0.1",
        "127.9.9.9",
        "10.0.0.1",
        "172.16.0.1",
        "172.31.255.255",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "::1",
        "::",
        "fd00::1",
        "fe80::1",
        "::ffff:10.0.0.1",
    ] {
        assert!(is_internal(inside.parse().unwrap()), "{inside}");
    }
    for outside in ["192.0.2.1", "172.32.0.1", "100.128.0.1", "8.8.8.8", "2001:db8::1", "::ffff:8.8.8.8"] {
        assert!(!is_internal(outside.parse().unwrap()), "{outside}");
    }
}
