//! `weather` in a browser, by streaming and by long polls.

use crate::page::{Network, Page};
use crate::relay::Relay;
use crate::support::Example;

fn reports(text: &str) -> u32 {
    text.split(' ').next().and_then(|count| count.parse().ok()).unwrap_or(0)
}

async fn more_reports(page: &Page) {
    let before = reports(&page.text("#foot").await);
    page.until("#foot", |text| reports(text) > before + 1).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs chromium and chromium-driver, and axe from npm: bash .ci/interop.sh examples"]
async fn shows_forecasts_and_what_is_wrong_with_a_feed() {
    let example = Example::start("weather", &["--every", "2"]);
    let page = Page::open(&example.url("/")).await;
    page.until("#state", |text| text == "live, by streaming").await;
    page.until("#places", |text| text.contains("Lisbon") && text.contains("°C, ")).await;
    page.until("#places", |text| text.contains("Atlantis")).await;
    for problem in
        ["the feed's server answers 503", "no feed: the document is <html>", "the feed ends in the middle"]
    {
        page.journal_tells(&format!("Atlantis: {problem}")).await;
    }
    page.journal_tells("Atlantis: the feed is well again").await;
    page.until(".problem", |text| !text.is_empty()).await;
    page.is_accessible("weather").await;
    page.asks_nobody_else(&example.url("/")).await;

    // One response; and by long polls one for each news.
    assert!(page.text("#foot").await.ends_with(" reports in 1 response"));
    let change = "(() => { const way = document.getElementById('way'); way.value = 'longpoll'; \
                  way.dispatchEvent(new Event('change')); return way.value; })()";
    assert_eq!(page.browser.value(change).await, "longpoll");
    page.until("#state", |text| text == "live, by long polling").await;
    page.until("#foot", |text| text.rsplit(' ').nth(1).is_some_and(|count| count.parse().unwrap_or(0) > 4))
        .await;
    page.press("#stop").await;
    page.until("#state", |text| text == "stopped by you").await;
    page.press("#stop").await;
    page.until("#state", |text| text == "live, by long polling").await;
    page.close().await;
    example.stop();
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs chromium and chromium-driver: bash .ci/interop.sh examples"]
async fn says_what_becomes_of_its_connection_either_way() {
    for way in ["stream", "longpoll"] {
        let example = Example::start("weather", &["--every", "2"]);
        let page = Page::open(&example.url(&format!("/?way={way}"))).await;
        page.until("#state", |text| text.starts_with("live, by ")).await;
        more_reports(&page).await;

        // A server that stops in good order, and one that crashes.
        let address = example.stop();
        page.until("#state", |text| text.contains("; trying again in about ")).await;
        page.journal_tells("weather: lost: ").await;
        let example = Example::start_at("weather", address, &["--every", "2"]);
        page.journal_tells("weather: back again").await;
        more_reports(&page).await;
        page.keep_written("#said").await;
        let address = example.kill();
        page.until("#state", |text| text.contains("; trying again in about ")).await;
        page.tries_in_vain("#next").await;
        let written = page.written().await;
        assert!(written.as_array().is_some_and(|all| all.len() <= 2), "the same is read out once: {written}");
        let example = Example::start_at("weather", address, &["--every", "2"]);
        page.until("#state", |text| text.starts_with("live, by ")).await;
        more_reports(&page).await;

        // A slow network is only that; without one, it says so.
        page.network(Network::Slow).await;
        page.press("#stop").await;
        page.press("#stop").await;
        more_reports(&page).await;
        page.network(Network::Offline).await;
        page.until("#state", |text| text.contains("; trying again in about ")).await;
        page.network(Network::Usual).await;
        page.until("#state", |text| text.starts_with("live, by ")).await;
        more_reports(&page).await;
        page.close().await;
        example.stop();
    }
}

/// A laptop that was carried away from its network: no end of the connection ever comes.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs chromium and chromium-driver: bash .ci/interop.sh examples"]
async fn a_stream_that_falls_silent_is_not_taken_for_live() {
    let example = Example::start("weather", &["--every", "2"]);
    let relay = Relay::start(example.address).await;
    let page = Page::open(&format!("http://{}/", relay.address)).await;
    page.until("#state", |text| text == "live, by streaming").await;
    more_reports(&page).await;
    relay.fall_silent();
    page.until("#state", |text| text.starts_with("silent for 30 s; trying again in about ")).await;
    page.journal_tells("weather: lost: silent for 30 s").await;
    relay.speak();
    page.until("#state", |text| text == "live, by streaming").await;
    page.journal_tells("weather: back again").await;
    more_reports(&page).await;
    page.close().await;
    example.stop();
}
