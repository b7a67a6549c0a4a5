//! Headless Chromium, driven over WebDriver with Debian's `chromium-driver`. The interoperation tests of two crates use it, each a part.
#![allow(dead_code)]

use std::fs;
use std::io::{self, BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use fantoccini::{Client, ClientBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};

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
    // The site of the TLS test has made its certificate itself.
    "--ignore-certificate-errors",
];

/// A browser with one page. It ends, and leaves nothing behind, when dropped; [`close`](Self::close) lets it end in order.
pub(crate) struct Browser {
    pub(crate) page: Client,
    profile: PathBuf,
    driver: Driver,
}

impl Browser {
    /// With a window of this size, `WIDTH,HEIGHT` in pixels.
    pub(crate) async fn start(window: &str) -> Self {
        Self::start_with(window, &[]).await
    }

    /// The same with further options of its command line.
    pub(crate) async fn start_with(window: &str, options: &[&str]) -> Self {
        static STARTED: AtomicUsize = AtomicUsize::new(0);
        let number = STARTED.fetch_add(1, Ordering::Relaxed);
        let profile =
            Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("chromium-{}-{number}", std::process::id()));
        let (driver, address) = Driver::start();
        let mut arguments: Vec<Value> = CHROMIUM.iter().map(|&argument| argument.into()).collect();
        arguments.extend(options.iter().map(|&option| Value::from(option)));
        arguments.push(format!("--window-size={window}").into());
        arguments.push(format!("--user-data-dir={}", profile.display()).into());
        let wanted = json!({
            "goog:chromeOptions": { "args": arguments },
            "goog:loggingPrefs": { "browser": "ALL" },
        });
        let Value::Object(wanted) = wanted else { unreachable!("json! was given an object") };
        let page = ClientBuilder::new(HttpConnector::new())
            .capabilities(wanted)
            .connect(&address)
            .await
            .expect("a browser session");
        Self { page, profile, driver }
    }

    /// What `expression` is in the page.
    pub(crate) async fn value(&self, expression: &str) -> Value {
        let script = format!("return {expression};");
        self.page.execute(&script, Vec::new()).await.unwrap_or_else(|e| panic!("{expression}: {e}"))
    }

    /// Keeps a screenshot, a PNG, in cargo's folder for test files, for whoever wants to look.
    pub(crate) fn keep(picture: &[u8], name: &str) {
        assert!(picture.starts_with(b"\x89PNG\r\n"), "a screenshot is a PNG");
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::write(&path, picture).expect("cargo's folder for test files is writable");
        println!("screenshot: {}", path.display());
    }

    pub(crate) async fn close(self) {
        self.page.clone().close().await.expect("the browser ends");
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        self.driver.end();
        // A failed test leaves a browser that may still be writing while it ends.
        for _ in 0..50 {
            match fs::remove_dir_all(&self.profile) {
                Err(e) if e.kind() != io::ErrorKind::NotFound => thread::sleep(Duration::from_millis(20)),
                _ => return,
            }
        }
    }
}

/// `chromedriver` on a free port, in a process group of its own, which its browser is in as well.
struct Driver(Child);

impl Driver {
    /// With port 0 chromedriver takes a free port of IPv4 and then the same one of IPv6, which somebody else may have.
    const TRIES: usize = 5;

    fn start() -> (Self, String) {
        (0..Self::TRIES).find_map(|_| Self::try_start()).expect("chromedriver starts and prints its port")
    }

    fn try_start() -> Option<(Self, String)> {
        let mut process = Command::new("chromedriver")
            .arg("--port=0")
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("no chromedriver: apt-get install chromium chromium-driver");
        let mut lines = BufReader::new(process.stdout.take().expect("stdout is a pipe")).lines();
        let driver = Self(process);
        let port = lines.by_ref().map_while(Result::ok).find_map(|line| {
            line.strip_suffix('.')?.rsplit_once("started successfully on port ")?.1.parse::<u16>().ok()
        })?;
        // Reads on, so that the driver can never be stopped by a full pipe.
        thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
        Some((driver, format!("http://127.0.0.1:{port}")))
    }
}

impl Driver {
    fn end(&mut self) {
        let group = format!("-{}", self.0.id());
        let _ = Command::new("kill").args(["-KILL", "--", &group]).status();
        let _ = self.0.wait();
    }
}

impl Drop for Driver {
    /// A browser that did not come up has no one else to end it.
    fn drop(&mut self) {
        if let Ok(None) = self.0.try_wait() {
            self.end();
        }
    }
}
