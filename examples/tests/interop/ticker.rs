//! `ticker` in a browser, over a phone's network, and in Java.

use std::path::Path;
use std::time::Duration;

use tokio::time::sleep;

use crate::java_library::Java;
use crate::page::{Network, Page};
use crate::support::Example;

/// Milliseconds that no price on the page may be old, over a phone's network: all come each second, by a connection of their own.
/// The rest is for a busy machine. (By the ticks alone they are 4 s old, of which most is what Chromium's own socket holds; with the
/// hub's default sockets, 7 s.)
const OLDEST: u64 = 3_000;

fn number(text: &str) -> u64 {
    text.chars().filter(char::is_ascii_digit).collect::<String>().parse().unwrap_or(0)
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs chromium and chromium-driver, and axe from npm: bash .ci/interop.sh examples"]
async fn shows_a_thousand_ticks_a_second_and_the_chart_of_one() {
    let example = Example::start("ticker", &[]);
    let page = Page::open(&example.url("/")).await;
    page.until("#state", |text| text.contains("WebSocket")).await;
    // In a busy browser seconds are not exactly seconds.
    page.until("#rate", |text| (800..=1_300).contains(&number(text))).await;
    let buttons = "document.querySelectorAll('#grid button').length";
    assert_eq!(page.browser.value(buttons).await, 40);
    assert_eq!(page.text("#symbol").await, "ACME");
    page.press("#grid button[data-symbol=NOVA]").await;
    page.until("#symbol", |text| text == "NOVA").await;
    let pressed =
        "[...document.querySelectorAll('[aria-pressed=true]')].map(one => one.dataset.symbol).join()";
    assert_eq!(page.browser.value(pressed).await, "NOVA");
    let label = "document.getElementById('chart').ariaLabel";
    for _ in 0..50 {
        sleep(Duration::from_millis(100)).await;
        if page.browser.value(label).await.as_str().is_some_and(|label| label.starts_with("NOVA ")) {
            break;
        }
    }
    assert!(page.browser.value(label).await.as_str().unwrap().starts_with("NOVA in the last minute: now "));
    // Something of the line's colour is drawn.
    let drawn = "(() => { const chart = document.getElementById('chart'), \
                 { data } = chart.getContext('2d').getImageData(0, 0, chart.width, chart.height); \
                 return data.filter((byte, at) => at % 4 === 3 && byte > 200).length; })()";
    assert!(page.browser.value(drawn).await.as_u64().unwrap() > 200);
    // Pictures of the whole page, with most of a minute.
    page.browser.value("window.scrollTo(0, 0)").await;
    sleep(Duration::from_secs(35)).await;
    page.is_accessible("ticker").await;
    page.asks_nobody_else(&example.url("/")).await;
    page.close().await;
    example.stop();
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs chromium and chromium-driver: bash .ci/interop.sh examples"]
async fn is_current_over_a_slow_network_and_comes_back() {
    let example = Example::start("ticker", &[]);
    let page = Page::open(&example.url("/?transport=sse")).await;
    page.until("#state", |text| text.contains("server-sent events")).await;
    page.until("#rate", |text| number(text) > 800).await;

    // A phone: the ticks of a second are more than it takes, so it is skipped. No price is older than a second or two all the same.
    page.network(Network::Phone).await;
    page.goto(&example.url("/?transport=sse")).await;
    page.until("#skipped", |text| number(text) > 3_000).await;
    page.journal_tells("ticks: more than this page takes; the server skips some, and it stays current").await;
    let mut ages = Vec::new();
    for _ in 0..15 {
        sleep(Duration::from_secs(1)).await;
        ages.push(number(&page.text("#oldest").await));
    }
    println!("the oldest price, each second: {ages:?} ms");
    ages.sort_unstable();
    // Most of the time: nobody gives a busy machine's browser each of its seconds.
    assert!(ages[12] < OLDEST, "old prices: {ages:?} ms");

    // No network at all, and the usual one.
    page.network(Network::Offline).await;
    page.journal_tells("ticks: lost").await;
    page.until("#rate", |text| text == "0").await;
    page.network(Network::Usual).await;
    page.journal_tells("ticks: back again").await;
    page.until("#rate", |text| number(text) > 800).await;
    page.goto(&example.url("/?transport=sse")).await;
    page.until("#rate", |text| number(text) > 800).await;

    // A crash, and another server in its place.
    let address = example.kill();
    page.journal_tells("ticks: lost").await;
    page.until("#rate", |text| text == "0").await;
    let example = Example::start_at("ticker", address, &[]);
    page.journal_tells("ticks: back again").await;
    page.journal_tells("ticks: the server was started anew, with another history").await;
    page.until("#rate", |text| number(text) > 800).await;
    page.close().await;
    example.stop();
}

#[test]
#[ignore = "needs a JDK and libhessian-java: bash .ci/interop.sh examples"]
fn java_reads_a_thousand_objects_a_second() {
    let example = Example::start("ticker", &[]);
    let java = Java::compile(Path::new("java"), &[], &[]);
    let read =
        java.command("ReadTicks").args([&example.url("/streams/ticks/hessian"), "4"]).output().unwrap();
    let lines = String::from_utf8(read.stdout).unwrap();
    print!("{lines}");
    assert!(read.status.success(), "{}", String::from_utf8_lossy(&read.stderr));
    let last = lines.lines().nth(3).expect("four lines");
    assert!(last.contains(" of 40 companies   ACME "), "{last}");
    // In the best of its seconds: of a busy machine each has others' share as well.
    let best = lines.lines().filter_map(|line| Some(number(line.split_once(" ticks")?.0))).max();
    assert!(best.is_some_and(|best| best > 700), "{lines}");
    example.stop();
}
