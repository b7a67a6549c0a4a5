//! The demo's page in headless Chromium: both live panels move.

use std::time::Duration;

use fantoccini::{Client, Locator};
use tokio::time::{Instant, sleep};

use crate::chromium::Browser;
use crate::demo::Demo;

/// Each update as the page shows it: in the panel fed by script tags in an iframe, and in the one fed by server-sent events.
const PANELS: [&str; 2] = ["#script-lines > li", "#sse-lines > li"];

/// Three updates are at most six seconds away; starting a browser on a busy machine takes longer than that.
const PATIENCE: Duration = Duration::from_secs(30);

/// The texts that a panel shows now.
async fn lines(page: &Client, panel: &str) -> Vec<String> {
    let mut texts = Vec::new();
    for element in page.find_all(Locator::Css(panel)).await.expect("the page is open") {
        // A panel may drop its oldest line while it is being read.
        if let Ok(text) = element.text().await {
            texts.push(text);
        }
    }
    texts
}

/// Waits until both panels have shown `count` different updates, and returns what each showed.
async fn updates(page: &Client, count: usize) -> [Vec<String>; 2] {
    let mut seen: [Vec<String>; 2] = Default::default();
    let start = Instant::now();
    while seen.iter().any(|panel| panel.len() < count) {
        assert!(start.elapsed() < PATIENCE, "after {PATIENCE:?} the panels {PANELS:?} have shown {seen:?}");
        for (panel, seen) in PANELS.iter().zip(&mut seen) {
            for text in lines(page, panel).await {
                if !text.trim().is_empty() && !seen.contains(&text) {
                    println!("{:>6} ms  {panel}  {}", start.elapsed().as_millis(), text.replace('\n', " | "));
                    seen.push(text);
                }
            }
        }
        sleep(Duration::from_millis(100)).await;
    }
    seen
}

#[tokio::test]
#[ignore = "needs chromium and chromium-driver: bash .ci/interop.sh stream"]
async fn the_page_shows_updates_live_in_both_panels() {
    let demo = Demo::start();
    let browser = Browser::start("1280,1800").await;

    browser.page.goto(&demo.url("/")).await.expect("the page loads");
    // The first may be one that had been published before the page came; the next two are live.
    updates(&browser.page, 3).await;
    Browser::keep(&browser.page.screenshot().await.expect("a screenshot"), "demo.png");

    browser.close().await;
    demo.stop();
}
