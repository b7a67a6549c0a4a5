//! `new WebSocket` in headless Chromium, in both forms: rotations, an end, and a server that starts again.

use std::time::Duration;

use axum::Router;
use axum::response::Html;
use axum::routing::get;
use hessian::{Limits, ValueDecoder};
use push_server::demo::AddString;
use serde_json::Value;
use tokio::time::{Instant, sleep};

use crate::chromium::Browser;
use crate::client::proxy::Proxy;
use crate::site::Site;

const PATIENCE: Duration = Duration::from_secs(60);

/// One each tenth of a second.
const LINES: usize = 60;

/// A client that always comes back. Rotated each second, so that several connections follow each other.
const PAGE: &str = r#"<!doctype html><meta charset="utf-8"><title>ws</title><script>
const protocol = new URLSearchParams(location.search).get("protocol");
const seen = { values: [], verdicts: [], closes: [], positions: [], cuts: 0, protocol: null };
let position = null;
function connect() {
    const since = position === null ? "" : `&since=${position}`;
    const socket = new WebSocket(`ws://${location.host}/streams/comet/ws?rotate=1${since}`, protocol);
    let bytes = [];
    socket.binaryType = "arraybuffer";
    socket.onopen = () => { seen.protocol = socket.protocol; };
    socket.onmessage = ({ data }) => {
        if (typeof data !== "string") {
            const [epoch, sequence] = position.split(":");
            position = `${epoch}:${Number(sequence) + 1}`;
            bytes.push(Array.from(new Uint8Array(data)));
            seen.positions.push(position);
            return;
        }
        const message = JSON.parse(data);
        if (message.position) position = message.position;
        if (message.event === "begin") seen.verdicts.push(message.resume);
        if (!message.event) { bytes.push(message.data.value); seen.positions.push(position); }
    };
    socket.onclose = ({ code, reason, wasClean }) => {
        seen.values.push(bytes);
        if (code === 1006) seen.cuts += 1;
        else seen.closes.push([code, reason, wasClean]);
        setTimeout(connect, 50);
    };
}
connect();
</script>"#;

fn pages() -> Router {
    Router::new().route("/", get(async || Html(PAGE)))
}

/// The lines that the page has got, connection by connection: the classes of each are defined anew.
fn lines(seen: &Value, is_hessian: bool) -> Vec<String> {
    let mut lines = Vec::new();
    for connection in seen["values"].as_array().expect("connections") {
        let mut decoder: ValueDecoder = ValueDecoder::new(Limits::default());
        for value in connection.as_array().expect("values") {
            lines.push(if is_hessian {
                let bytes: Vec<u8> = serde_json::from_value(value.clone()).expect("bytes");
                decoder.decode::<AddString>(&bytes).expect("a value").value
            } else {
                value.as_str().expect("a text").to_owned()
            });
        }
    }
    lines
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs chromium and chromium-driver: bash .ci/interop.sh stream"]
async fn a_browser_gets_every_message_once_over_rotations_cuts_and_a_restart() {
    let browser = Browser::start("640,480").await;
    for (protocol, is_hessian) in [("push.json", false), ("push.hessian", true)] {
        let first = Site::start(([127, 0, 0, 1], 0).into(), 0xa, pages()).await;
        let address = first.address;
        let proxy = Proxy::start(address);
        let url = format!("http://{}/?protocol={protocol}", proxy.address);
        browser.page.goto(&url).await.expect("the page loads");
        let start = Instant::now();
        while first.stream.readers() == 0 {
            assert!(start.elapsed() < PATIENCE, "no browser came");
            sleep(Duration::from_millis(10)).await;
        }
        let expected: Vec<_> = (1..=LINES).map(|number| format!("line {number}")).collect();
        for (index, line) in expected.iter().enumerate() {
            first.publish(line).await;
            // Between two rotations, with messages on their way.
            if index == 14 || index == 29 {
                proxy.cut();
            }
            sleep(Duration::from_millis(100)).await;
        }
        first.stop().await;
        let second = Site::start(address, 0xb, pages()).await;
        for line in ["again 1", "again 2"] {
            second.publish(line).await;
        }
        let seen = loop {
            let seen = browser.value("seen").await;
            let got = lines(&seen, is_hessian);
            if got.last().is_some_and(|line| line == "again 2") {
                break seen;
            }
            assert!(start.elapsed() < PATIENCE, "the page has got {seen}");
            sleep(Duration::from_millis(100)).await;
        };
        println!("{protocol}: {} {} {}", seen["verdicts"], seen["closes"], seen["positions"]);
        assert_eq!(seen["protocol"], protocol);
        let expected: Vec<_> = expected.into_iter().chain(["again 1".into(), "again 2".into()]).collect();
        assert_eq!(lines(&seen, is_hessian), expected, "{seen}");
        let positions: Vec<_> =
            (1..=LINES).map(|n| format!("a:{n}")).chain(["b:1".into(), "b:2".into()]).collect();
        assert_eq!(seen["positions"], serde_json::json!(positions));
        let count = |list: &str, what: Value| {
            seen[list].as_array().expect("a list").iter().filter(|entry| **entry == what).count()
        };
        // Every close is clean: the server waits for the answer.
        assert_eq!(count("closes", serde_json::json!([1000, "complete", true])), 0);
        assert!(count("closes", serde_json::json!([1012, "rotate", true])) >= 3);
        let closes = seen["closes"].as_array().expect("a list");
        assert!(closes.iter().all(|close| close[2] == true), "{closes:?}");
        assert!(seen["cuts"].as_u64() >= Some(2), "{seen}");
        let verdict = |what: &str| count("verdicts", what.into());
        assert_eq!((verdict("fresh"), verdict("epoch-changed")), (1, 1));
        assert_eq!(verdict("complete") + 2, seen["verdicts"].as_array().expect("a list").len());
        // Away from the page, so that it does not come to the next server.
        browser.page.goto("about:blank").await.expect("a blank page");
        second.stop().await;
    }
    browser.close().await;
}
