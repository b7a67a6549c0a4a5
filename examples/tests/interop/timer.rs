//! `timer` in a browser.

use std::process::{Command, Stdio};

use serde_json::Value;

use crate::page::{Network, PATIENCE, Page};
use crate::support::Example;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs chromium and chromium-driver, and axe from npm: bash .ci/interop.sh examples"]
async fn counts_to_ten_and_shows_each_step() {
    let example = Example::start("timer", &[]);
    let page = Page::open(&example.url("/")).await;
    page.until("#comet-state", |text| text == "live, by script tags").await;
    page.until("#content", |text| text == "3").await;
    page.until("#step", |text| text.starts_with("resume: ")).await;
    page.is_accessible("timer").await;
    page.asks_nobody_else(&example.url("/")).await;
    page.until("#content", |text| text == "10").await;
    page.until("#comet-state", |text| text == "closed by the service, after the tenth").await;
    page.until("#step", |text| text == "close: the service has completed it.").await;
    let lit = "[...document.querySelectorAll('.machine .on')].map(box => box.id).join()";
    assert_eq!(page.browser.value(lit).await, "close");
    // Again, by keyboard; and left, which the server notices.
    page.press("#start").await;
    page.until("#comet-state", |text| text == "live, by script tags").await;
    page.until("#content", |text| text == "2").await;
    page.press("#stop").await;
    page.until("#step", |text| text == "close: the page has gone.").await;
    assert_eq!(page.text("#comet-state").await, "left by you");
    page.close().await;
    example.stop();
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs chromium and chromium-driver: bash .ci/interop.sh examples"]
async fn says_what_becomes_of_its_connection_and_comes_back() {
    let example = Example::start("timer", &[]);
    let page = Page::open(&example.url("/")).await;
    page.until("#content", |text| text == "2").await;

    // A server that stops in good order, and one that crashes.
    let address = example.stop();
    page.until("#comet-state", |text| text.contains("; trying again in about ")).await;
    page.journal_tells("counter: the server is stopping").await;
    let example = Example::start_at("timer", address, &[]);
    page.journal_tells("counter: back again; a new connection begins its own count").await;
    page.journal_tells("controller: back again").await;
    page.until("#content", |text| text == "2").await;
    let address = example.kill();
    // A frame that is cut says nothing, so the page goes by the silence.
    page.journal_tells("counter: silent for 8 s").await;
    let example = Example::start_at("timer", address, &[]);
    page.until("#comet-state", |text| text == "live, by script tags").await;
    page.until("#step", |text| text.starts_with("resume: ")).await;

    // A slow network is only that; without one, it says so.
    page.network(Network::Slow).await;
    page.press("#start").await;
    page.until("#comet-state", |text| text == "live, by script tags").await;
    page.until("#content", |text| text == "3").await;
    page.network(Network::Offline).await;
    page.press("#start").await;
    page.until("#comet-state", |text| text.contains("; trying again in about ")).await;
    page.network(Network::Usual).await;
    page.until("#comet-state", |text| text == "live, by script tags").await;
    page.close().await;
    example.stop();
}

/// What the page prints to be run in a terminal: each of the commands does what it says, and takes nothing from the page.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs chromium, chromium-driver and curl: bash .ci/interop.sh examples"]
async fn its_commands_take_nothing_from_the_page() {
    let example = Example::start("timer", &[]);
    let page = Page::open(&example.url("/")).await;
    page.until("#content", |text| text == "1").await;
    let commands = "[...document.querySelectorAll('#commands code')].map(code => code.textContent)";
    let commands = page.browser.value(commands).await;
    // As a shell runs them, but for a while.
    let run = |command: &Value| {
        let command = format!("exec timeout {} {}", PATIENCE.as_secs(), command.as_str().unwrap());
        Command::new("sh").args(["-c", &command]).stdout(Stdio::piped()).spawn().unwrap()
    };
    let runs: Vec<_> = commands.as_array().unwrap().iter().map(run).collect();
    // The page is told until the end.
    page.until("#comet-state", |text| text == "closed by the service, after the tenth").await;
    page.until("#step", |text| text == "close: the service has completed it.").await;
    page.close().await;
    example.stop();
    let said = runs.into_iter().map(|run| String::from_utf8(run.wait_with_output().unwrap().stdout).unwrap());
    let said: Vec<_> = said.collect();
    assert_eq!(said.len(), 2, "{commands}");
    assert!(said[0].contains(r#"{"call":"resume","then":"suspended"}"#), "{}", said[0]);
    assert!(said[1].contains("comet_update(3, null);"), "{}", said[1]);
}
