//! `hessian_comet` in a browser, with its movie in Ruffle, and read by Java and by Rust.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use fantoccini::Locator;
use tokio::time::sleep;

use crate::java_library::Java;
use crate::movie::ruffle;
use crate::page::{Network, Page};
use crate::support::{Example, program};

fn start() -> Example {
    Example::start("hessian_comet", &["--ruffle", ruffle().to_str().expect("a path that is text")])
}

/// How many objects the movie has decoded: its own word, as the page shows it.
fn decoded(foot: &str) -> usize {
    let count = foot.split_once(" decoded in ActionScript").and_then(|(count, _)| count.parse().ok());
    count.unwrap_or(0)
}

async fn movie_decodes(page: &Page, count: usize) -> String {
    page.until("#movie-foot", |text| decoded(text) >= count).await
}

/// How many objects the movie has decoded, and its picture, once that is painted.
async fn picture_of_movie(page: &Page) -> (usize, Vec<u8>) {
    let stage = page.browser.page.find(Locator::Css("#stage")).await.expect("the page has a stage");
    loop {
        let count = decoded(&page.text("#movie-foot").await);
        sleep(Duration::from_millis(500)).await;
        let picture = stage.screenshot().await.expect("a screenshot");
        if decoded(&page.text("#movie-foot").await) == count {
            return (count, picture);
        }
    }
}

/// What the movie has decoded it shows as well: its picture is another one with each line, and the same in between.
async fn movie_shows_what_it_decodes(page: &Page) {
    let (mut before, mut same, mut others) = (picture_of_movie(page).await, 0, 0);
    while same < 2 || others < 2 {
        let now = picture_of_movie(page).await;
        assert_eq!(now.1 == before.1, now.0 == before.0, "{} lines, then {}", before.0, now.0);
        *(if now.0 == before.0 { &mut same } else { &mut others }) += 1;
        before = now;
        assert!(same < 60, "no more lines come");
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs chromium and chromium-driver, Ruffle and axe from npm: bash .ci/interop.sh examples"]
async fn the_movie_and_the_browser_show_the_same_lines() {
    let example = start();
    let page = Page::open(&example.url("/")).await;
    // Three objects, decoded in ActionScript, of the class that their packets name.
    let foot = movie_decodes(&page, 3).await;
    page.until("#movie-state", |text| text == "live, by its socket").await;
    let last = foot.split(['“', '”']).nth(1).expect("the line, quoted").to_owned();
    page.until("#lines", |text| text.contains(&last)).await;
    movie_shows_what_it_decodes(&page).await;
    page.until("#browser-state", |text| text.contains("live, by")).await;
    page.is_accessible("hessian_comet").await;
    page.asks_nobody_else(&example.url("/")).await;

    // A movie that flushes, by a bridge to the port, where it asks for `comet` beside itself.
    let select = "document.getElementById('way').value = 'bridge'; \
                  document.getElementById('way').dispatchEvent(new Event('change'));";
    let before = page.text("#movie-foot").await;
    page.browser.page.execute(select, Vec::new()).await.expect("the page is open");
    page.until("#movie-foot", |text| text != before && text.contains("decoded in ActionScript. Last:")).await;
    page.until("#movie-state", |text| text == "live, by its socket").await;
    page.close().await;
    example.stop();
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs chromium and chromium-driver, and Ruffle from npm: bash .ci/interop.sh examples"]
async fn both_say_what_becomes_of_their_connections_and_come_back() {
    let example = start();
    let page = Page::open(&example.url("/")).await;
    movie_decodes(&page, 3).await;
    let address = example.kill();
    page.journal_tells("movie: the connection has ended").await;
    page.journal_tells("browser: lost: ").await;
    page.until("#movie-state", |text| text.ends_with("; the page starts it again")).await;
    let folder = ruffle();
    let example = Example::start_at(
        "hessian_comet",
        address,
        &["--ruffle", folder.to_str().expect("a path that is text")],
    );
    page.journal_tells("browser: the server was started anew, with another history").await;
    page.journal_tells("movie: the server was started anew, with another history").await;
    page.until("#movie-state", |text| text == "live, by its socket").await;
    page.until("#browser-state", |text| text.contains("live, by")).await;

    // A slow network is only that. (Chromium slows no WebSockets down.) When it is gone, the page says so; and when it is
    // back, what was said meanwhile comes.
    page.network(Network::Slow).await;
    page.goto(&example.url("/?transport=sse")).await;
    page.until("#browser-state", |text| text.contains("live, by server-sent events")).await;
    page.until("#browser-foot", |text| text.starts_with("5 received")).await;
    page.network(Network::Offline).await;
    page.journal_tells("browser: lost: ").await;
    let shown = page.text("#browser-foot").await;
    page.network(Network::Usual).await;
    page.journal_tells("browser: back again, by server-sent events").await;
    page.journal_tells("browser: nothing was missed").await;
    page.until("#browser-foot", |text| text != shown).await;
    page.close().await;
    example.stop();
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs chromium and chromium-driver, and axe from npm: bash .ci/interop.sh examples"]
async fn without_ruffle_the_page_says_how_to_get_it() {
    let example = Example::start("hessian_comet", &[]);
    let page = Page::open(&example.url("/")).await;
    page.until("#stage", |text| text.contains("npm install --prefix target/ruffle @ruffle-rs/ruffle")).await;
    // Both as they are to be run.
    let whole = "cargo run --release -p examples --example hessian_comet -- --ruffle target/ruffle/node_modules/@ruffle-rs/ruffle";
    page.until("#stage", |text| text.contains(whole)).await;
    page.until("#browser-foot", |text| text.contains(" received, now at ")).await;
    page.is_accessible("hessian_comet-without-ruffle").await;
    page.close().await;
    example.stop();
}

#[test]
#[ignore = "needs libhessian-java and a JDK: bash .ci/interop.sh examples"]
fn java_and_rust_read_it() {
    let example = Example::start("hessian_comet", &[]);
    let java = Java::compile(&Path::new(env!("CARGO_MANIFEST_DIR")).join("java"), &[], &[]);
    let read = java.command("ReadComet").args([&example.url("/comet"), "3"]).output();
    let read = read.expect("no java: apt-get install default-jdk-headless");
    let text = String::from_utf8_lossy(&read.stdout).into_owned();
    print!("{text}");
    assert!(read.status.success(), "{}", String::from_utf8_lossy(&read.stderr));
    assert_eq!(text.matches(" ms  AddString ").count(), 3);

    let mut listen = Command::new(program("listen"))
        .arg(example.url("/comet"))
        .stdout(Stdio::piped())
        .spawn()
        .expect("cargo built it");
    let lines = BufReader::new(listen.stdout.take().expect("stdout is a pipe")).lines().map_while(Result::ok);
    let objects: Vec<_> = lines.filter(|line| line.contains("AddString {")).take(3).collect();
    listen.kill().expect("a child of ours");
    listen.wait().expect("a child of ours");
    objects.iter().for_each(|line| println!("{line}"));
    assert_eq!(objects.len(), 3);
    example.stop();
}
