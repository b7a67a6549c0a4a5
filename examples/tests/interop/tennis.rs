//! `tennis` in two browsers.

use std::time::Duration;

use fantoccini::Locator;
use fantoccini::actions::{InputSource as _, KeyAction, KeyActions};
use serde_json::Value;
use tokio::time::sleep;

use crate::page::{Network, Page};
use crate::support::Example;

/// As WebDriver calls them.
const ENTER: char = '\u{e007}';
const END: char = '\u{e010}';
const ESCAPE: char = '\u{e00c}';
const UP: char = '\u{e013}';
const DOWN: char = '\u{e015}';

async fn keyboard(page: &Page, action: KeyAction) {
    // One keyboard, which remembers what is held.
    let keyboard = KeyActions::new("keyboard".to_owned()).then(action);
    page.browser.page.perform_actions(keyboard).await.expect("the page takes keys");
}

/// Presses a key as a person does, on whatever has the focus.
async fn hold(page: &Page, key: char) {
    keyboard(page, KeyAction::Down { value: key }).await;
}

async fn release(page: &Page, key: char) {
    keyboard(page, KeyAction::Up { value: key }).await;
}

async fn number(page: &Page, expression: &str) -> f64 {
    page.browser.value(&format!("Number({expression})")).await.as_f64().unwrap()
}

async fn pad(page: &Page, side: &str) -> f64 {
    number(page, &format!("document.getElementById('pad-{side}').getAttribute('y')")).await
}

/// Waits until a pad is so.
async fn until_pad(page: &Page, side: &str, is_so: impl Fn(f64) -> bool) {
    for _ in 0..400 {
        if is_so(pad(page, side).await) {
            return;
        }
        sleep(Duration::from_millis(50)).await;
    }
    panic!("the {side} pad is at {}", pad(page, side).await);
}

/// Of `3 : 12`.
fn points(score: &str) -> [u32; 2] {
    let (left, right) = score.split_once(" : ").expect("a score");
    [left, right].map(|points| points.parse().expect("a number of points"))
}

/// The first page creates a game and the second joins it, by keyboard.
async fn start(example: &Example) -> (Page, Page, String) {
    let (left, right) = (Page::open(&example.url("/")).await, Page::open(&example.url("/")).await);
    left.press("#new").await;
    let says = left.until("#says", |text| text.starts_with("Tell the other player this id: ")).await;
    let game = says.rsplit(' ').next().unwrap().to_owned();
    // The focus is in the field when the game begins.
    right.fill("#id", &format!("{}{ENTER}", game.to_lowercase())).await;
    for (page, side) in [(&left, "left"), (&right, "right")] {
        page.until("#game-title", |text| text == format!("Game {game}")).await;
        page.until(&format!("#{side}"), |text| text == format!("{side}, you")).await;
        page.until("#says", |text| text == "Play!").await;
    }
    (left, right, game)
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs chromium and chromium-driver, and axe from npm: bash .ci/interop.sh examples"]
async fn two_browsers_play() {
    let example = Example::start("tennis", &[]);
    let (left, right, game) = start(&example).await;
    left.until("#state", |text| text.contains("script tags")).await;
    // A key that is held moves the pad, in both windows; released, it rests.
    hold(&left, UP).await;
    until_pad(&left, "left", |y| y == 0.0).await;
    until_pad(&right, "left", |y| y == 0.0).await;
    release(&left, UP).await;
    hold(&right, DOWN).await;
    until_pad(&left, "right", |y| y == 82.0).await;
    release(&right, DOWN).await;
    // Nobody stands where the balls go, so somebody scores; both see the same.
    let score = points(&left.until("#score", |text| points(text) != [0, 0]).await);
    let is_as_late = |text: &str| std::iter::zip(points(text), score).all(|(now, then)| now >= then);
    right.until("#score", is_as_late).await;
    hold(&left, DOWN).await;
    until_pad(&left, "left", |y| y > 30.0).await;
    // Of two keys the newer one counts, and the older one again when that is released.
    hold(&left, UP).await;
    until_pad(&left, "left", |y| y == 0.0).await;
    release(&left, UP).await;
    until_pad(&left, "left", |y| y > 30.0).await;
    release(&left, DOWN).await;
    left.is_accessible("tennis").await;
    left.asks_nobody_else(&example.url("/")).await;

    // Another transport, in the middle of the game: the next ones of the list, by keyboard, and the last. The same key moves the
    // pad again after Escape.
    let list = right.browser.page.find(Locator::Css("#transport")).await.unwrap();
    for (key, name) in [(DOWN, "WebSocket"), (DOWN, "server-sent events"), (END, "polling")] {
        list.send_keys(&key.to_string()).await.unwrap();
        right.until("#state", |text| text == format!("● live, by {name}")).await;
    }
    list.send_keys(&ESCAPE.to_string()).await.unwrap();
    for (key, y) in [(UP, 0.0), (DOWN, 82.0)] {
        hold(&right, key).await;
        until_pad(&left, "right", |now| now == y).await;
        until_pad(&right, "right", |now| now == y).await;
        release(&right, key).await;
    }
    assert_eq!(right.browser.value("document.getElementById('transport').value").await, "poll");
    // Polled ten times a second, as the server asks: no more often, and often enough to play.
    let polls = async || {
        number(
            &right,
            "performance.getEntriesByType('resource').filter(e => e.name.includes('/poll?')).length",
        )
        .await
    };
    let before = polls().await;
    sleep(Duration::from_secs(3)).await;
    let more = polls().await - before;
    println!("polls in three seconds: {more}");
    assert!((10.0..=31.0).contains(&more), "{more} polls in three seconds");

    // A third one does not get in.
    let third = Page::open(&example.url(&format!("/#{game}"))).await;
    third.until("#says", |text| text == format!("You are asked to play game {game}: join it.")).await;
    third.press("#join button").await;
    third.until("#notice", |text| text == "In this game there are two players already.").await;
    third.close().await;

    let ticks = left.browser.page.execute_async(
        "const done = arguments[0]; fetch('/ticks').then(answer => answer.json()).then(done);",
        Vec::new(),
    );
    let ticks: Value = ticks.await.unwrap();
    println!("ticks: {ticks}");
    assert!(ticks["ticks"].as_u64().unwrap() > 100, "{ticks}");

    right.press("#quit").await;
    right.until("#says", |text| text == "You have quit. The game is over.").await;
    left.until("#says", |text| text == "The other player has quit. The game is over.").await;
    left.until("#game-title", |text| text.ends_with(" is over")).await;
    assert_eq!(left.text("#state").await, "");
    left.close().await;
    right.close().await;
    example.stop();
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs chromium and chromium-driver: bash .ci/interop.sh examples"]
async fn reloading_losing_the_network_and_leaving_are_survived() {
    let example = Example::start("tennis", &[]);
    let (left, right, game) = start(&example).await;
    // A page that is loaded again plays on, on its side.
    left.browser.page.refresh().await.unwrap();
    left.until("#game-title", |text| text == format!("Game {game}")).await;
    left.until("#left", |text| text == "left, you").await;
    left.until("#says", |text| text == "Play!").await;

    // A phone's network is only that, from the loading of the page on. (What began before is as fast as ever.)
    right.network(Network::Phone).await;
    right.browser.page.refresh().await.unwrap();
    right.until("#right", |text| text == "right, you").await;
    right.until("#says", |text| text == "Play!").await;
    hold(&right, DOWN).await;
    until_pad(&left, "right", |y| y == 82.0).await;
    release(&right, DOWN).await;

    // Without a network the other one is told, and the game waits.
    right.network(Network::Offline).await;
    left.until("#says", |text| text.starts_with("The other player is away.")).await;
    left.journal_tells("The other player is away.").await;
    right.network(Network::Usual).await;
    left.journal_tells("both are here: it goes on").await;
    right.until("#says", |text| text == "Play!" || text == "Ready …").await;

    // A page that is closed is waited for, and then the game is over.
    right.close().await;
    left.until("#says", |text| text == "The other player was away for too long. The game is over.").await;

    // A server that is started anew has no games.
    left.press("#new").await;
    left.until("#says", |text| text.starts_with("Tell the other player")).await;
    let address = example.kill();
    left.journal_tells("what you do does not reach the server").await;
    let example = Example::start_at("tennis", address, &[]);
    left.until("#says", |text| text.starts_with("The server does not know this game any more")).await;
    left.press("#new").await;
    left.until("#says", |text| text.starts_with("Tell the other player")).await;
    left.close().await;
    example.stop();
}
