//! Flash movies in Ruffle, in headless Chromium: they listen to a stream through the bridge, and never flush.

use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{env, fs};

use axum::Router;
use axum::http::header;
use axum::response::Html;
use axum::routing::get;
use fantoccini::Locator;
use serde_json::Value;
use tokio::time::{Instant, sleep};

use crate::chromium::Browser;
use crate::client::proxy::Proxy;
use crate::haxe;
use crate::packages;
use crate::site::Site;

/// Ruffle is 14 MB of WebAssembly; a browser on a busy machine takes its time to compile that.
const PATIENCE: Duration = Duration::from_secs(90);

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop/movie")
}

pub(crate) fn movie() -> Vec<u8> {
    haxe::build(&folder(), "listen.swf")
}

pub(crate) fn pages(movie: Vec<u8>) -> Router {
    let page = fs::read(folder().join("index.html")).expect("the page");
    let movie = ([(header::CONTENT_TYPE, "application/x-shockwave-flash")], movie);
    Router::new()
        .route("/", get(async || Html(page)))
        .route("/listen.swf", get(async || movie))
        .route("/ruffle/{file}", get(packages::ruffle))
}

/// What the movie has told, as `event text`.
pub(crate) async fn told(browser: &Browser) -> Vec<String> {
    let told = browser.value("typeof told === 'undefined' ? [] : told").await;
    let field = |entry: &Value, name: &str| entry[name].as_str().expect("texts").to_owned();
    let list = told.as_array().expect("a list").iter();
    list.map(|entry| format!("{} {}", field(entry, "event"), field(entry, "text"))).collect()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs haxe, npm's Ruffle, chromium and chromium-driver: bash .ci/interop.sh stream"]
async fn movies_show_the_objects_of_a_stream_whether_they_flush_or_not() {
    let site = Site::start(([127, 0, 0, 1], 0).into(), 1, pages(movie())).await;
    for line in ["Lorem ipsum", "dolor sit amet,", "consectetur adipiscing elit,"] {
        site.publish(line).await;
    }
    let browser = Browser::start("640,480").await;
    let eager =
        |query: &str| format!("no&bridge={}", encoded(&format!("/streams/comet/ruffle?last=3&{query}")));
    let asks = |query: &str| {
        format!("yes&bridge=/ruffle&path={}", encoded(&format!("/streams/comet/hessian?last=3&{query}")))
    };
    for (name, framing, rest) in [
        ("eager, p, as the tutorial's client reads it", "p", eager("framing=p&grammar=tutorial")),
        ("eager, varint, the draft", "varint", eager("framing=varint&grammar=draft")),
        ("eager, p, Hessian 2.0", "p", eager("framing=p&grammar=final")),
        ("by the bridge, p, the draft", "p", asks("framing=p&grammar=draft")),
        ("by the bridge, varint, Hessian 2.0", "varint", asks("framing=varint&grammar=final")),
    ] {
        // A server that has long gone: only the page knows where its bytes go now.
        let url = site.url(&format!("/?host=old.example.com&port=80&framing={framing}&flush={rest}"));
        browser.page.goto(&url).await.expect("the page loads");
        let start = Instant::now();
        let told = loop {
            let told = told(&browser).await;
            let objects = told.iter().filter(|entry| entry.starts_with("object ")).count();
            if objects >= 3
                || told.iter().any(|entry| entry.starts_with("error ") || entry.starts_with("close "))
            {
                break told;
            }
            assert!(start.elapsed() < PATIENCE, "{name}: after {PATIENCE:?} the movie has told {told:?}");
            sleep(Duration::from_millis(50)).await;
        };
        println!("{name}, {} ms: {}", start.elapsed().as_millis(), told.join(" | "));
        let expected = [
            "connect ",
            "object example.AddString.value = Lorem ipsum",
            "object example.AddString.value = dolor sit amet,",
            "object example.AddString.value = consectetur adipiscing elit,",
        ];
        assert_eq!(told, expected, "{name}");
        // It goes on live.
        site.publish("sed do eiusmod").await;
        while !self::told(&browser).await.iter().any(|entry| entry.ends_with("sed do eiusmod")) {
            assert!(start.elapsed() < PATIENCE, "{name}: no live object");
            sleep(Duration::from_millis(50)).await;
        }
        let player = browser.page.find(Locator::Css("ruffle-player")).await.expect("Ruffle is in the page");
        Browser::keep(&player.screenshot().await.expect("a screenshot"), &format!("movie-{framing}.png"));
        // The three that the next one begins with.
        for line in ["Lorem ipsum", "dolor sit amet,", "consectetur adipiscing elit,"] {
            site.publish(line).await;
        }
    }
    browser.close().await;
    site.stop().await;
}

/// Loads the page and waits until its movie has shown as many objects as `expected`, or lost its connection.
async fn shows(browser: &Browser, url: &str, expected: &[&str]) {
    browser.page.goto(url).await.expect("the page loads");
    let start = Instant::now();
    loop {
        let told = told(browser).await;
        let objects: Vec<_> =
            told.iter().filter_map(|entry| entry.strip_prefix("object example.AddString.value = ")).collect();
        if objects.len() >= expected.len() {
            return assert_eq!(objects, expected, "{url}");
        }
        let is_lost = told.iter().any(|entry| entry.starts_with("error ") || entry.starts_with("close "));
        assert!(!is_lost && start.elapsed() < PATIENCE, "{url}: the movie has told {told:?}");
        sleep(Duration::from_millis(50)).await;
    }
}

/// Those movies never come back by themselves. The page that counts what its movie has shown loads it anew, at that place.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs haxe, npm's Ruffle, chromium and chromium-driver: bash .ci/interop.sh stream"]
async fn a_movie_goes_on_where_it_was_after_a_cut_and_with_the_next_history_after_a_restart() {
    let movie = movie();
    let first = Site::start(([127, 0, 0, 1], 0).into(), 0xa, pages(movie.clone())).await;
    let address = first.address;
    let proxy = Proxy::start(address);
    let browser = Browser::start("640,480").await;
    let url = |rest: String| format!("http://{}/?host=old.example.com&port=80&framing={rest}", proxy.address);
    let eager = |place: &str| {
        let path = format!("/streams/comet/ruffle?{place}&framing=p&grammar=tutorial");
        url(format!("p&flush=no&bridge={}", encoded(&path)))
    };
    let asks = |place: &str| {
        let path = format!("/streams/comet/hessian?{place}&framing=varint&grammar=draft");
        url(format!("varint&flush=yes&bridge=/ruffle&path={}", encoded(&path)))
    };
    for line in ["one", "two", "three", "four"] {
        first.publish(line).await;
    }
    shows(&browser, &eager("last=2"), &["three", "four"]).await;
    proxy.cut();
    let start = Instant::now();
    while !told(&browser).await.iter().any(|entry| entry.starts_with("close ")) {
        assert!(start.elapsed() < PATIENCE, "the movie has not heard of the cut");
        sleep(Duration::from_millis(50)).await;
    }
    first.publish("while it was away").await;
    shows(&browser, &eager("since=a:4"), &["while it was away"]).await;
    shows(&browser, &asks("since=a:3"), &["four", "while it was away"]).await;
    browser.page.goto("about:blank").await.expect("a blank page");
    first.stop().await;
    let second = Site::start(address, 0xb, pages(movie)).await;
    for line in ["again one", "again two"] {
        second.publish(line).await;
    }
    // Another history: whatever it holds follows.
    shows(&browser, &eager("since=a:5"), &["again one", "again two"]).await;
    shows(&browser, &asks("since=a:5"), &["again one", "again two"]).await;
    browser.close().await;
    second.stop().await;
}

/// A path as the value of a parameter.
pub(crate) fn encoded(path: &str) -> String {
    path.replace('%', "%25").replace('&', "%26").replace('?', "%3F").replace('=', "%3D")
}
