//! Every transport for browsers in headless Chromium: messages arrive one by one, also across rotations.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::chromium::Browser;
use crate::client::proxy::Proxy;
use crate::demo::Demo;

/// A message may wait for the next interval poll, or for a browser that comes back after two seconds.
const PATIENCE: Duration = Duration::from_secs(12);

/// Between two messages, so that several rotations of a second each fall between them.
const PACE: Duration = Duration::from_millis(350);

/// Publishes `number` as any program can, and returns what it is told.
fn publish(server: &Demo, stream: &str, number: u64) -> String {
    let mut socket = TcpStream::connect(server.address()).expect("the server listens");
    let body = number.to_string();
    let length = body.len();
    let head = "HTTP/1.0\r\nContent-Type: application/json";
    write!(socket, "POST /streams/{stream}/messages {head}\r\nContent-Length: {length}\r\n\r\n{body}")
        .unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).expect("an answer");
    assert!(answer.starts_with("HTTP/1.0 200 "), "{answer}");
    answer
}

/// Reads `count` messages by `transport`, each published when the one before has arrived. Behind a proxy, that cuts every
/// connection after each third message.
async fn reads(
    browser: &Browser,
    server: &Demo,
    proxy: Option<&Proxy>,
    transport: &str,
    count: u64,
    rotations: u64,
) {
    let script = include_str!("transports.js");
    let address = proxy.map_or_else(|| server.address(), |proxy| proxy.address);
    browser.page.goto(&format!("http://{address}/")).await.expect("the page loads");
    let begin = format!("{script}\nreaders.{transport}('/streams/{transport}');");
    browser.page.execute(&begin, Vec::new()).await.expect("the reader begins");
    let state = async || browser.value("window.state").await;
    let wait_until = async |what: &str, holds: &dyn Fn(&Value) -> bool| {
        let start = Instant::now();
        loop {
            let state = state().await;
            if holds(&state) {
                return (start.elapsed(), state);
            }
            assert!(start.elapsed() < PATIENCE, "{transport}: no {what} after {PATIENCE:?}: {state}");
            sleep(Duration::from_millis(10)).await;
        }
    };
    // Polls have a verdict once the first is answered, the others once they stream.
    wait_until("beginning", &|state| !state["verdicts"].as_array().unwrap().is_empty()).await;
    sleep(PACE).await;
    let mut slowest = Duration::ZERO;
    for number in 1..=count {
        publish(server, transport, number);
        let arrived = |state: &Value| state["data"].as_array().unwrap().len() as u64 == number;
        let (took, _) = wait_until(&format!("message {number}"), &arrived).await;
        slowest = slowest.max(took);
        if let Some(proxy) = proxy.filter(|_| number % 3 == 0) {
            proxy.cut();
            // Most likely while it is away.
            continue;
        }
        sleep(PACE).await;
    }
    let (_, state) = wait_until("rotation", &|state| state["responses"].as_u64().unwrap() >= rotations).await;
    println!("{transport}: {count} messages, slowest {slowest:?}, {} responses ended", state["responses"]);
    assert_eq!(state["data"], json!((1..=count).collect::<Vec<_>>()), "{transport}");
    assert_eq!(state["problems"], json!([]), "{transport}");
    let verdicts = state["verdicts"].as_array().unwrap();
    assert_eq!(verdicts[0], "fresh");
    assert!(verdicts.len() > 1 && verdicts[1..].iter().all(|verdict| verdict == "complete"), "{state}");
}

#[tokio::test]
#[ignore = "needs chromium and chromium-driver, takes 40 s: bash .ci/interop.sh stream"]
async fn chromium_reads_every_transport_across_rotations() {
    let server = Demo::serve();
    let browser = Browser::start("800,600").await;
    for (transport, count, rotations) in [
        ("xhr", 10, 3),
        ("multipart", 10, 3),
        ("script", 10, 3),
        ("longpoll", 10, 10),
        ("sse", 6, 2),
        ("poll", 2, 2),
    ] {
        reads(&browser, &server, None, transport, count, rotations).await;
    }
    browser.close().await;
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs chromium and chromium-driver, takes 10 s: bash .ci/interop.sh stream"]
async fn chromium_reads_parts_on_after_cuts() {
    let server = Demo::serve();
    let proxy = Proxy::start(server.address());
    let browser = Browser::start("800,600").await;
    reads(&browser, &server, Some(&proxy), "multipart", 18, 6).await;
    browser.close().await;
    server.stop();
}

/// A page of the same site publishes with `fetch` and takes along what has gathered.
#[tokio::test]
#[ignore = "needs chromium and chromium-driver: bash .ci/interop.sh stream"]
async fn chromium_publishes_and_takes_along_what_has_gathered() {
    let server = Demo::serve();
    let browser = Browser::start("800,600").await;
    browser.page.goto(&server.url("/")).await.expect("the page loads");
    publish(&server, "talk", 1);
    let script = "const [done] = arguments;
        fetch('/streams/talk/messages?last=9', {
            method: 'POST', headers: {'Content-Type': 'application/json'}, body: '2',
        }).then(response => response.json()).then(done, error => done(String(error)));";
    let answer = browser.page.execute_async(script, Vec::new()).await.expect("an answer");
    let data: Vec<_> =
        answer["poll"]["messages"].as_array().unwrap_or_else(|| panic!("{answer}")).iter().collect();
    let data: Vec<_> = data.into_iter().map(|message| &message["data"]).collect();
    assert_eq!(data, [1, 2]);
    assert_eq!(answer["poll"]["position"], answer["position"]);
    browser.close().await;
    server.stop();
}
