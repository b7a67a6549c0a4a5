//! A real Flash runtime: the movie in Ruffle, in Chromium, asks for the policy through a bridge, and the page says what it read.

use std::fs;
use std::time::Duration;

use fantoccini::Locator;
use policy_server::port::Counter;
use tokio::time::{Instant, sleep};

use crate::browser::Browser;
use crate::movie;
use crate::site::{Site, answer, assert_same};

/// Ruffle is 14 MB of WebAssembly; a browser on a busy machine takes its time to compile that.
const PATIENCE: Duration = Duration::from_secs(60);

/// What one of the movie's two sockets has told the page.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Told {
    /// `connect`, `data`, `close`, `error`, in order; several `data` in a row count as one.
    pub(crate) events: Vec<String>,
    /// The last text that came with `data`, or with `error`.
    pub(crate) text: String,
}

impl Told {
    fn is_over(&self) -> bool {
        self.events.iter().any(|event| event == "close" || event == "error")
    }
}

async fn told(browser: &Browser, socket: &str) -> Told {
    let mut told = Told::default();
    // `told` is not there before the page is.
    let all = browser.value("typeof told === 'undefined' ? [] : told").await;
    for entry in all.as_array().expect("a list") {
        let field = |name: &str| entry[name].as_str().expect("the movie tells texts").to_owned();
        if field("socket") != socket {
            continue;
        }
        if told.events.last() != Some(&field("event")) {
            told.events.push(field("event"));
        }
        if !field("text").is_empty() {
            told.text = field("text");
        }
    }
    told
}

/// Opens the page and waits until both sockets of the movie are at their end: the one with text, the one with bytes.
pub(crate) async fn play(browser: &Browser, url: &str) -> [Told; 2] {
    browser.page.goto(url).await.expect("the page loads");
    let start = Instant::now();
    loop {
        let both = [told(browser, "XMLSocket").await, told(browser, "Socket").await];
        if both.iter().all(Told::is_over) {
            println!("{url}, {} ms after it was loaded:", start.elapsed().as_millis());
            for (socket, told) in ["XMLSocket", "Socket"].iter().zip(&both) {
                println!("  {socket:<9}  {:<18}  {}", told.events.join(" "), told.text.escape_debug());
            }
            return both;
        }
        assert!(start.elapsed() < PATIENCE, "after {PATIENCE:?} the movie has told {both:?}");
        sleep(Duration::from_millis(50)).await;
    }
}

pub(crate) fn bytes_of(hex: &str) -> Vec<u8> {
    let digits = hex.as_bytes().chunks(2);
    digits.map(|two| u8::from_str_radix(std::str::from_utf8(two).unwrap(), 16).unwrap()).collect()
}

/// The movie of `site` has read the policy, both as text and byte by byte.
fn assert_policy(site: &Site, [text, bytes]: [Told; 2]) {
    // A Flash runtime hands over the text when the NUL has come; without one there is no `data`.
    assert_eq!(text.events, ["connect", "data", "close"]);
    assert_eq!(text.text, site.policy.to_string(), "what XMLSocket read is the policy, without its NUL");
    assert_eq!(bytes.events, ["connect", "data", "close"]);
    assert_same(&bytes_of(&bytes.text), &answer(&site.policy));
    assert_eq!(site.responder.metrics().get(Counter::Served), 2, "one answer a socket");
}

/// Keeps a picture of the movie.
pub(crate) async fn keep_picture(browser: &Browser, name: &str) {
    let movie = browser.page.find(Locator::Css("ruffle-player")).await.expect("Ruffle is in the page");
    Browser::keep(&movie.screenshot().await.expect("a screenshot"), name);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs haxe, npm's Ruffle, chromium and chromium-driver: bash .ci/interop.sh policy"]
async fn a_flash_movie_reads_the_policy_from_the_port_it_came_from() {
    let site = Site::start(movie::build(), None);
    let browser = Browser::start("720,700").await;
    assert_policy(&site, play(&browser, &site.url()).await);
    keep_picture(&browser, "policy-movie.png").await;
    browser.close().await;
}

/// For those without Haxe.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs npm's Ruffle, chromium and chromium-driver: bash .ci/interop.sh policy"]
async fn the_committed_movie_reads_it_too() {
    let committed = fs::read(movie::folder().join("policy.swf")).expect("the committed movie");
    let site = Site::start(committed, None);
    let browser = Browser::start("720,700").await;
    assert_policy(&site, play(&browser, &site.url()).await);
    browser.close().await;
}

/// The bridge asks the target's policy about the page, as a player would: here it knows `127.0.0.1` and no `localhost`.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs haxe, npm's Ruffle, chromium and chromium-driver: bash .ci/interop.sh policy"]
async fn a_movie_from_an_origin_that_the_policy_does_not_name_reads_nothing() {
    let site = Site::start(movie::build(), None);
    let browser = Browser::start("720,700").await;
    let port = site.address.port();
    let both = play(&browser, &format!("http://localhost:{port}/?host=127.0.0.1")).await;
    for told in both {
        // Ruffle says that it is connected before its WebSocket is.
        assert_eq!((told.events, told.text), (vec!["connect".to_owned(), "close".to_owned()], String::new()));
    }
    assert_eq!(site.responder.metrics().get(Counter::Served), 0);
    browser.close().await;
}
