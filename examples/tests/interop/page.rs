//! A page in headless Chromium, under the conditions that pages meet: dark and light, small and large, a slow network, none.

use std::fs;
use std::path::Path;
use std::time::Duration;

use fantoccini::Locator;
use fantoccini::wd::WebDriverCompatibleCommand;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};
use url::{ParseError, Url};

use crate::chromium::Browser;

/// Longer than anything takes on a busy machine; Ruffle is 14 MB of WebAssembly to compile.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// How the page is looked at.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Look {
    Light,
    Dark,
    /// Light, 390 pixels wide.
    Phone,
}

/// What the browser's network does. Slow are those requests that begin afterwards; without a network those end that are open.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Network {
    Usual,
    /// 400 ms of latency and 6 KB a second.
    Slow,
    /// 150 ms of latency and 40 KB a second.
    Phone,
    Offline,
}

/// A command of Chromium's own protocol, as chromedriver hands it on.
#[derive(Debug)]
struct Chromium {
    command: &'static str,
    parameters: Value,
}

impl WebDriverCompatibleCommand for Chromium {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, ParseError> {
        base.join(&format!("session/{}/goog/cdp/execute", session.unwrap_or_default()))
    }

    fn method_and_body(&self, _: &Url) -> (http::Method, Option<String>) {
        let body = json!({ "cmd": self.command, "params": self.parameters });
        (http::Method::POST, Some(body.to_string()))
    }
}

pub(crate) struct Page {
    pub(crate) browser: Browser,
}

impl Page {
    pub(crate) async fn open(url: &str) -> Self {
        let page = Self { browser: Browser::start("1100,1400").await };
        page.look(Look::Light).await;
        page.goto(url).await;
        page
    }

    pub(crate) async fn goto(&self, url: &str) {
        self.browser.page.goto(url).await.expect("the page loads");
    }

    /// Waits until this expression of a script is so.
    pub(crate) async fn until_value(&self, expression: &str, expected: &str) {
        let start = Instant::now();
        loop {
            let value = self.browser.value(expression).await;
            if value == expected {
                return;
            }
            assert!(start.elapsed() < PATIENCE, "after {PATIENCE:?} {expression} is {value}");
            sleep(Duration::from_millis(50)).await;
        }
    }

    async fn chromium(&self, command: &'static str, parameters: Value) {
        let answer = self.browser.page.issue_cmd(Chromium { command, parameters }).await;
        answer.unwrap_or_else(|error| panic!("{command}: {error}"));
    }

    pub(crate) async fn look(&self, look: Look) {
        let (scheme, width, height) = match look {
            Look::Light => ("light", 1100, 1000),
            Look::Dark => ("dark", 1100, 1000),
            Look::Phone => ("light", 390, 844),
        };
        // What is arriving is half transparent for a moment, which is no fault in its contrast.
        let features = json!([
            { "name": "prefers-color-scheme", "value": scheme },
            { "name": "prefers-reduced-motion", "value": "reduce" },
        ]);
        self.chromium("Emulation.setEmulatedMedia", json!({ "features": features })).await;
        self.size(width, height).await;
    }

    pub(crate) async fn size(&self, width: u32, height: u32) {
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.chromium("Emulation.setDeviceMetricsOverride", size).await;
    }

    pub(crate) async fn network(&self, network: Network) {
        let (offline, latency, bytes) = match network {
            Network::Usual => (false, 0, -1),
            Network::Slow => (false, 400, 6_000),
            Network::Phone => (false, 150, 40_000),
            Network::Offline => (true, 0, -1),
        };
        self.chromium("Network.enable", json!({})).await;
        let conditions = json!({
            "offline": offline, "latency": latency, "downloadThroughput": bytes, "uploadThroughput": bytes,
        });
        self.chromium("Network.emulateNetworkConditions", conditions).await;
    }

    /// The text of an element; empty if there is none.
    pub(crate) async fn text(&self, css: &str) -> String {
        let script = "return document.querySelector(arguments[0])?.innerText ?? '';";
        let text = self.browser.page.execute(script, vec![css.into()]).await.expect("the page is open");
        text.as_str().unwrap_or_default().to_owned()
    }

    /// Waits until the text of an element is so, and returns it.
    pub(crate) async fn until(&self, css: &str, is_so: impl Fn(&str) -> bool) -> String {
        let start = Instant::now();
        loop {
            let text = self.text(css).await;
            if is_so(&text) {
                println!("{:>6} ms  {css}  {}", start.elapsed().as_millis(), text.replace('\n', " | "));
                return text;
            }
            if start.elapsed() > PATIENCE {
                self.picture("failed.png").await;
                panic!("after {PATIENCE:?} {css} is {text:?}; the page: {}", self.text("main").await);
            }
            sleep(Duration::from_millis(50)).await;
        }
    }

    /// Waits until the journal tells this, somewhere in it.
    pub(crate) async fn journal_tells(&self, what: &str) {
        self.until("#journal", |text| text.contains(what)).await;
    }

    /// Keeps what is written into an element from now on: what is read out, where it is a status region.
    pub(crate) async fn keep_written(&self, css: &str) {
        let script = "window.written = []; const element = document.querySelector(arguments[0]); \
                      new MutationObserver(() => written.push(element.innerText)).observe(element, { childList: true });";
        self.browser.page.execute(script, vec![css.into()]).await.expect("the page is open");
    }

    pub(crate) async fn written(&self) -> Value {
        self.browser.value("window.written").await
    }

    /// It has tried in vain some times: the wait is doubled at each, from 1 s.
    pub(crate) async fn tries_in_vain(&self, css: &str) {
        let seconds = |text: &str| text.rsplit(' ').nth(1).and_then(|number| number.parse::<u32>().ok());
        self.until(css, |text| seconds(text) >= Some(3)).await;
    }

    /// Presses a button by keyboard alone.
    pub(crate) async fn press(&self, css: &str) {
        let button = self.browser.page.find(Locator::Css(css)).await.expect("there is such a button");
        button.send_keys("\u{e007}").await.expect("it takes keys");
    }

    /// Writes into a field, by keyboard, in place of what is in it.
    pub(crate) async fn fill(&self, css: &str, text: &str) {
        let field = self.browser.page.find(Locator::Css(css)).await.expect("there is such a field");
        field.clear().await.expect("it can be written in");
        field.send_keys(text).await.expect("it takes keys");
    }

    /// Nothing for axe-core to find, in light, dark, and on a phone; and no sideways scrolling there. Each is kept as a picture.
    pub(crate) async fn is_accessible(&self, name: &str) {
        let axe =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop/npm/node_modules/axe-core/axe.min.js");
        let axe = fs::read_to_string(axe).expect("no axe-core: bash .ci/packages.sh");
        for look in [Look::Light, Look::Dark, Look::Phone] {
            self.look(look).await;
            // Colours change over time, and a movie begins anew.
            sleep(Duration::from_secs(2)).await;
            // What Ruffle puts into its own element is not ours.
            let run = format!(
                "const done = arguments[0]; {axe}; \
                 axe.run({{ exclude: ['ruffle-player'] }}).then(found => done(found.violations.map(violation => \
                 violation.id + ': ' + violation.nodes.map(node => node.html + ' ' + node.failureSummary).join('; '))), \
                 problem => done([String(problem)]));"
            );
            let violations = self.browser.page.execute_async(&run, Vec::new()).await.expect("axe runs");
            assert_eq!(violations, json!([]), "{name}, {look:?}");
            let overhang = self
                .browser
                .value("document.documentElement.scrollWidth - document.documentElement.clientWidth")
                .await;
            assert_eq!(overhang, 0, "{name}, {look:?}: it scrolls sideways");
            // axe-core holds up whatever moves.
            sleep(Duration::from_millis(2_500)).await;
            self.picture(&format!("{name}-{}.png", format!("{look:?}").to_lowercase())).await;
        }
        self.look(Look::Light).await;
    }

    /// The browser has loaded something, and all of it from `origin`.
    pub(crate) async fn asks_nobody_else(&self, origin: &str) {
        let entries = self.browser.value("performance.getEntries().map(entry => entry.name)").await;
        let loaded: Vec<_> = entries.as_array().expect("a list").iter().filter_map(Value::as_str).collect();
        let loaded: Vec<_> = loaded.into_iter().filter(|name| name.contains(':')).collect();
        assert!(loaded.len() >= 4, "{loaded:?}");
        let is_ours =
            |name: &str| name.starts_with(origin) || name.starts_with("data:") || name.starts_with("blob:");
        let others: Vec<_> = loaded.into_iter().filter(|name| !is_ours(name)).collect();
        assert!(others.is_empty(), "{others:?}");
    }

    pub(crate) async fn picture(&self, name: &str) {
        Browser::keep(&self.browser.page.screenshot().await.expect("a screenshot"), name);
    }

    pub(crate) async fn close(self) {
        self.browser.close().await;
    }
}
