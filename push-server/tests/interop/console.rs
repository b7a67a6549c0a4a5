//! The console in headless Chromium: it shows the load that there is, live, and texts as texts.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use fantoccini::{Client, Locator};
use tokio::time::{Instant, sleep};

use crate::chromium::Browser;
use crate::demo::Demo;

/// Starting a browser on a busy machine takes long; the console itself is told every second.
const PATIENCE: Duration = Duration::from_secs(30);

fn send(demo: &Demo, request: &str) -> TcpStream {
    let mut socket = TcpStream::connect(demo.address()).unwrap();
    socket.write_all(request.as_bytes()).unwrap();
    socket
}

fn publish(demo: &Demo, stream: &str) {
    let head = "HTTP/1.0\r\nContent-Type: application/json\r\nContent-Length: 1\r\n\r\n1";
    let mut answer = String::new();
    send(demo, &format!("POST /streams/{stream}/messages {head}")).read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.0 200 "), "{answer}");
}

async fn text(page: &Client, css: &str) -> String {
    match page.find(Locator::Css(css)).await {
        Ok(element) => element.text().await.unwrap_or_default(),
        Err(_) => String::new(),
    }
}

async fn until(page: &Client, css: &str, is_so: impl Fn(&str) -> bool) -> String {
    let start = Instant::now();
    loop {
        let text = text(page, css).await;
        if is_so(&text) {
            return text;
        }
        assert!(start.elapsed() < PATIENCE, "after {PATIENCE:?} {css} is {text:?}");
        sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test]
#[ignore = "needs chromium and chromium-driver: bash .ci/interop.sh stream"]
async fn the_console_shows_the_load_that_there_is() {
    let demo = Demo::serve_in_public();
    let read = |path: &str| send(&demo, &format!("GET {path} HTTP/1.0\r\n\r\n"));
    let mut readers: Vec<_> = (0..5).map(|_| read("/streams/prices/sse")).collect();
    readers.extend((0..3).map(|_| read("/streams/news/xhr")));
    (0..7).for_each(|_| publish(&demo, "prices"));

    let browser = Browser::start("1280,900").await;
    browser.page.goto(&demo.url("/console")).await.expect("the page loads");
    let page = &browser.page;
    until(page, "#link", |text| text == "live").await;
    assert_eq!(text(page, "#phase").await, "serving");
    until(page, "#tiles", |text| text.contains("8\nstreaming connections")).await;
    until(page, "#transports", |text| text == "sse\n5\nxhr\n3").await;
    // By name, so prices come second; a body is one byte as JSON and one as Hessian. In the row: rate, readers, clients, lag, messages, held, dropped, slow.
    let row = "#streams tr:nth-child(2)";
    until(page, row, |text| text.starts_with("prices ") && text.contains(" 5 0 0 7 7 / 14 B 0 0")).await;
    // Live: what changes is shown without being asked for.
    (0..4).for_each(|_| publish(&demo, "prices"));
    readers.truncate(2);
    until(page, row, |text| text.contains(" 2 0 0 11 11 / 22 B 0 0")).await;
    until(page, "#closed", |text| text == "peer\n6").await;
    Browser::keep(&page.screenshot().await.expect("a screenshot"), "console.png");
    browser.close().await;
    demo.stop();
}
