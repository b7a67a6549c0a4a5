//! Feeds, and the example's server without a browser.

use std::net::SocketAddr;

use axum::routing::get;
use examples::loopback;
use http::{StatusCode, header};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use super::feed::{FEED_BYTES, Forecast, REDIRECTS, TEXT_CHARS, newest};
use super::*;

/// The example, served until the test ends.
fn serve(weatherman: &Weatherman) -> SocketAddr {
    loopback::serve(|hub| routes(hub, weatherman))
}

fn forecast(title: &str) -> Forecast {
    Forecast { title: title.to_owned(), ..Forecast::default() }
}

async fn ask(address: SocketAddr, path: &str) -> TcpStream {
    let mut client = TcpStream::connect(address).await.unwrap();
    client.write_all(format!("GET {path} HTTP/1.0\r\n\r\n").as_bytes()).await.unwrap();
    client
}

/// Waits until it is so. What is waited for takes no time but that of a busy machine.
async fn until(mut is_so: impl FnMut() -> bool) {
    const PATIENCE: Duration = Duration::from_secs(20);
    let waiting = async {
        while !is_so() {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, waiting).await.expect("it becomes so");
}

/// The reports in the answer to a long poll.
async fn polled(mut client: TcpStream) -> Vec<Value> {
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.unwrap();
    serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
}

/// The next report of a stream of lines.
async fn line(client: &mut TcpStream) -> Value {
    let mut line = Vec::new();
    loop {
        line.push(client.read_u8().await.unwrap());
        if line.ends_with(b"\n") {
            if let Ok(report) = serde_json::from_slice(&line) {
                return report;
            }
            line.clear();
        }
    }
}

#[test]
fn reads_rss_and_atom() {
    let rss = br#"<?xml version="1.0"?><!-- a comment --><rss version="2.0"><channel><title>Not this</title>
        <item><title> 12 &#176;C &amp; <![CDATA[<b>rain</b>]]></title><media:title>Nor this</media:title>
        <x><title>Nor this</title></x><description>a &lt; b</description><pubDate>Sat, 21 Nov</pubDate></item>
        <item><title>Nor the second</title></item></channel></rss>"#;
    let read = newest(rss).unwrap();
    assert_eq!(read.title, "12 \u{b0}C & <b>rain</b>");
    assert_eq!((read.text.as_str(), read.published.as_str()), ("a < b", "Sat, 21 Nov"));
    let atom = b"<feed xmlns='http://www.w3.org/2005/Atom'><title>Not this</title><entry><title>Sun</title>\
                 <link href='/'/><summary>All day</summary><updated>2026-11-21</updated></entry></feed>";
    let read = newest(atom).unwrap();
    assert_eq!((read.title.as_str(), read.text.as_str()), ("Sun", "All day"));
}

/// What strangers may send: each is refused with a reason, and nothing grows.
#[test]
fn says_what_is_wrong_with_a_feed() {
    let deep = "<rss>".to_owned() + &"<a>".repeat(FEED_BYTES / 3);
    for (feed, why) in [
        ("", "no feed: there is nothing in it"),
        ("out of order", "no feed: there is nothing in it"),
        ("<html><body/></html>", "no feed: the document is <html>"),
        ("<rss><channel><item><title>Su", "the feed ends in the middle, after 29 bytes"),
        ("<rss><channel></rss>", "no XML at byte"),
        ("<rss><item><title></title></item></rss>", "the feed's first entry has no title"),
        ("<rss><item><title>&bomb;</title></item></rss>", "the feed uses an entity of its own, &bomb;"),
        (&deep, "the feed ends in the middle"),
    ] {
        let error = newest(feed.as_bytes()).unwrap_err().to_string();
        assert!(error.starts_with(why), "{error}, not {why}");
    }
    assert!(newest(b"<rss><item><title>\xff</title></item></rss>").is_err());
    let long = format!("<rss><item><title>{}</title></item></rss>", "\u{e9}".repeat(100_000));
    assert_eq!(newest(long.as_bytes()).unwrap().title.chars().count(), TEXT_CHARS);
}

/// One controller: a long poll gets the same reports as a stream, but one answer at a time.
#[tokio::test]
async fn long_polls_and_streams_tell_the_same() {
    let weatherman = Weatherman::default();
    let address = serve(&weatherman);
    let mut stream = ask(address, "/weather/json").await;
    let waiting = ask(address, "/weather/longpoll").await;
    until(|| weatherman.connections() == 2).await;
    weatherman.told("Lisbon", Ok(forecast("sun")));
    let first = line(&mut stream).await;
    assert_eq!(polled(waiting).await, std::slice::from_ref(&first));
    assert_eq!((&first["place"], &first["forecast"]["title"]), (&"Lisbon".into(), &"sun".into()));

    // What comes while nobody polls is there for the next poll, and each place once.
    for title in ["rain", "sleet"] {
        weatherman.told("Kyoto", Ok(forecast(title)));
    }
    weatherman.told("Lisbon", Err("under water".to_owned()));
    let next = polled(ask(address, &format!("/weather/longpoll?seen={}", first["revision"])).await).await;
    let told: Vec<_> = next.iter().map(|report| report["forecast"]["title"].as_str().unwrap()).collect();
    assert_eq!(told, ["sleet", "sun"]);
    assert_eq!(next[1]["problem"], "under water");
    loop {
        let report = line(&mut stream).await;
        if report == next[1] {
            break;
        }
        assert_eq!(report["place"], "Kyoto");
    }
}

/// The same again is no news.
#[test]
fn wakes_for_news_alone() {
    let weatherman = Weatherman::default();
    weatherman.told("Lisbon", Ok(forecast("sun")));
    let seen = weatherman.since(0)[0].revision;
    weatherman.told("Lisbon", Ok(forecast("sun")));
    assert!(weatherman.since(seen).is_empty());
    weatherman.told("Lisbon", Err("away".to_owned()));
    let report = weatherman.since(seen).remove(0);
    assert_eq!(report.forecast, Some(forecast("sun")), "it is still shown");
    weatherman.told("Lisbon", Err("away".to_owned()));
    assert!(weatherman.since(report.revision).is_empty());
    weatherman.told("Lisbon", Ok(forecast("sun")));
    assert_eq!(weatherman.since(report.revision)[0].problem, None);
}

#[tokio::test]
async fn who_has_gone_is_forgotten() {
    let weatherman = Weatherman::default();
    let address = serve(&weatherman);
    let client = ask(address, "/weather/sse").await;
    until(|| weatherman.connections() == 1).await;
    drop(client);
    let mut place = 0;
    // At the latest when there is something to send.
    until(|| {
        place += 1;
        weatherman.told(&format!("place {}", place % 8), Ok(forecast(&place.to_string())));
        weatherman.connections() == 0
    })
    .await;
}

/// Polls that are answered leave nothing behind, also while no feed has news for weeks.
#[tokio::test]
async fn polls_that_are_answered_are_forgotten() {
    let weatherman = Weatherman::default();
    let address = serve(&weatherman);
    weatherman.told("Lisbon", Ok(forecast("sun")));
    for _ in 0..20 {
        weatherman.told("Lisbon", Ok(forecast("sun")));
        assert_eq!(polled(ask(address, "/weather/longpoll?seen=0").await).await.len(), 1);
    }
    until(|| weatherman.connections() == 0).await;
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
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(axum::serve(listener, router).into_future());
    let fetcher = Fetcher::new(false).unwrap();
    let fetch = async |path: &str| {
        let feed = format!("http://{address}{path}").parse().unwrap();
        format!("{:#}", fetcher.fetch(&feed).await.unwrap_err())
    };
    assert_eq!(fetch("/long").await, "the feed is longer than 256 KiB");
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let feed = format!("http://{free}/").parse().unwrap();
    let refused = format!("{:#}", fetcher.fetch(&feed).await.unwrap_err());
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
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(axum::serve(listener, router).into_future());
    let fetcher = Fetcher::new(false).unwrap();
    let fetch = async |path: &str| {
        let told = fetcher.fetch(&format!("http://{address}{path}").parse().unwrap()).await;
        told.map(|forecast| forecast.title).unwrap_or_else(|error| format!("{error:#}"))
    };
    assert_eq!(fetch("/a/twice").await, "Sun");
    let round = format!("the feed has moved more than {REDIRECTS} times, last from http://{address}/round");
    assert_eq!(fetch("/round").await, round);
    assert_eq!(fetch("/away").await, "the feed has moved from http to ftp://example.com/");
    assert_eq!(fetch("/nowhere").await, "the feed has moved, and its server does not say where to");
}

#[test]
fn reads_its_options() {
    let pace = |arguments: &[&str]| {
        let program = std::iter::once("weather");
        Options::parse_from(program.chain(arguments.iter().copied())).pace().as_secs()
    };
    assert_eq!(pace(&[]), 5);
    assert_eq!(pace(&["--feed", "Oxford=https://example.com/"]), 300);
    assert_eq!(pace(&["--feed", "Oxford=https://example.com/", "--every", "60"]), 60);
    let places = |text: &str| place(text).map(|place| (place.name, place.feed.to_string()));
    assert_eq!(
        places("Oxford=https://example.com/a?b=c").unwrap(),
        ("Oxford".to_owned(), "https://example.com/a?b=c".to_owned())
    );
    for bad in [
        "https://example.com/",
        "Oxford=example.com",
        "Oxford=ftp://example.com/",
        "Oxford=",
        "Oxford=file:///etc/passwd",
    ] {
        assert!(place(bad).is_err(), "{bad}");
    }
    for (address, revision) in [
        ("/", 0),
        ("/?seen=7", 7),
        ("/?a=b&seen=7&seen=8", 7),
        ("/?seen=x", 0),
        ("/?seen=99999999999999999999", 0),
    ] {
        assert_eq!(seen(&address.parse().unwrap()), revision, "{address}");
    }
}
