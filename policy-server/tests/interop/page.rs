//! A page in Chromium, over HTTP and over TLS on the same port, with a crowd around it.

use std::time::Duration;

use serde_json::Value;
use tokio::time::{Instant, sleep};

use crate::browser::Browser;
use crate::crowd::{Crowd, SILENT};
use crate::service::{PARTS, Service};

const PATIENCE: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs chromium, chromium-driver and a thousand sockets: bash .ci/interop.sh policy"]
async fn a_page_loads_beside_a_crowd() {
    let service = Service::start();
    let crowd = Crowd::come(&service).await;
    let browser = Browser::start("720,700").await;
    for scheme in ["http", "https"] {
        let url = service.url(scheme, "/");
        let start = Instant::now();
        browser.page.goto(&url).await.expect("the page loads");
        let (mut parts, mut echoed) = (Value::Null, Value::Null);
        while parts.is_null() || echoed.is_null() {
            assert!(start.elapsed() < PATIENCE, "{url}: after {PATIENCE:?} parts {parts}, echoed {echoed}");
            sleep(Duration::from_millis(20)).await;
            (parts, echoed) = (browser.value("parts").await, browser.value("echoed").await);
        }
        println!("{url} and {PARTS} requests and a mebibyte both ways: {} ms", start.elapsed().as_millis());
        let expected: Vec<_> = (0..PARTS).map(|number| format!("part {number}")).collect();
        assert_eq!(parts, expected.join(","));
        assert_eq!(echoed, true, "what came back is what was sent");
    }
    assert!(crowd.silent() > SILENT / 2, "the crowd was still there: {} silent clients", crowd.silent());
    browser.close().await;
    crowd.leave(&service);
}
