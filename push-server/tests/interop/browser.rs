//! The demo's page in headless Chromium: both live panels move. Driven over WebDriver, with Debian's `chromium-driver`.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::demo::Demo;

/// Each update as the page shows it: in the panel fed by script tags in an iframe, and in the one fed by server-sent events.
const PANELS: [&str; 2] = ["#script-lines > li", "#sse-lines > li"];

/// Three updates are at most six seconds away; starting a browser on a busy machine takes longer than that.
const PATIENCE: Duration = Duration::from_secs(30);

const CHROMIUM: [&str; 11] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--window-size=1280,1800",
];

/// `chromedriver` on a free port, ended when dropped (and with it the browser it started).
struct Driver(Child);

impl Driver {
    fn start() -> (Self, String) {
        let mut process = Command::new("chromedriver")
            .arg("--port=0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("no chromedriver: apt-get install chromium chromium-driver");
        let mut lines = BufReader::new(process.stdout.take().expect("stdout is a pipe")).lines();
        let driver = Self(process);
        let port = lines
            .by_ref()
            .map_while(Result::ok)
            .find_map(|line| {
                line.strip_suffix('.')?.rsplit_once("started successfully on port ")?.1.parse::<u16>().ok()
            })
            .expect("chromedriver prints its port");
        // Reads on, so that the driver can never be stopped by a full pipe.
        thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
        (driver, format!("http://127.0.0.1:{port}"))
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

async fn open_browser(driver: &str, profile: &Path) -> Client {
    let mut arguments: Vec<Value> = CHROMIUM.iter().map(|&argument| argument.into()).collect();
    arguments.push(format!("--user-data-dir={}", profile.display()).into());
    let wanted = json!({ "goog:chromeOptions": { "args": arguments } });
    let Value::Object(wanted) = wanted else { unreachable!("json! was given an object") };
    ClientBuilder::new(HttpConnector::new())
        .capabilities(wanted)
        .connect(driver)
        .await
        .expect("a browser session")
}

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
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let profile = folder.join(format!("chromium-{}", std::process::id()));
    let screenshot = folder.join("demo.png");
    let demo = Demo::start();
    let (driver, address) = Driver::start();
    let page = open_browser(&address, &profile).await;

    page.goto(&demo.url("/")).await.expect("the page loads");
    // The first may be one that had been published before the page came; the next two are live.
    updates(&page, 3).await;
    let picture = page.screenshot().await.expect("a screenshot");
    fs::write(&screenshot, &picture).expect("cargo's folder for test files is writable");
    println!("screenshot: {}", screenshot.display());
    assert!(picture.starts_with(b"\x89PNG\r\n"), "a screenshot is a PNG");

    page.close().await.expect("the browser ends");
    drop(driver);
    fs::remove_dir_all(&profile).expect("the browser's profile can be removed");
    demo.stop();
}
