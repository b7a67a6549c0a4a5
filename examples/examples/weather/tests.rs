//! The example's server without a browser.

mod feed;
mod fetch;

use std::cell::RefCell;
use std::net::SocketAddr;

use examples::loopback;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};

use super::feed::Forecast;
use super::*;

/// The example, served until the test ends.
fn serve(weatherman: &Weatherman) -> SocketAddr {
    loopback::serve(|hub| routes(hub, weatherman))
}

fn forecast(title: &str) -> Forecast {
    Forecast { title: title.to_owned(), ..Forecast::default() }
}

async fn ask(address: SocketAddr, path: &str) -> TcpStream {
    let mut client = TcpStream::connect(address).await.unwrap();
    client.write_all(format!("GET {path} HTTP/1.0\r\n\r\n").as_bytes()).await.unwrap();
    client
}

/// Waits until it is so. What is waited for takes no time but that of a busy machine.
async fn until(mut is_so: impl FnMut() -> bool) {
    const PATIENCE: Duration = Duration::from_secs(20);
    let waiting = async {
        while !is_so() {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, waiting).await.expect("it becomes so");
}

/// The reports in the answer to a long poll.
async fn polled(mut client: TcpStream) -> Vec<Value> {
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.unwrap();
    serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
}

/// The next report of a stream of lines.
async fn line(client: &mut TcpStream) -> Value {
    let mut line = Vec::new();
    loop {
        line.push(client.read_u8().await.unwrap());
        if line.ends_with(b"\n") {
            if let Ok(report) = serde_json::from_slice(&line) {
                return report;
            }
            line.clear();
        }
    }
}

/// One controller: a long poll gets the same reports as a stream, but one answer at a time.
#[tokio::test]
async fn long_polls_and_streams_tell_the_same() {
    let weatherman = Weatherman::default();
    let address = serve(&weatherman);
    let mut stream = ask(address, "/weather/json").await;
    let waiting = ask(address, "/weather/longpoll").await;
    until(|| weatherman.connections() == 2).await;
    weatherman.told("Lisbon", Ok(forecast("sun")));
    let first = line(&mut stream).await;
    assert_eq!(polled(waiting).await, std::slice::from_ref(&first));
    assert_eq!((&first["place"], &first["forecast"]["title"]), (&"Lisbon".into(), &"sun".into()));

    // What comes while nobody polls is there for the next poll, and each place once.
    for title in ["rain", "sleet"] {
        weatherman.told("Kyoto", Ok(forecast(title)));
    }
    weatherman.told("Lisbon", Err("under water".to_owned()));
    let next = polled(ask(address, &format!("/weather/longpoll?seen={}", first["revision"])).await).await;
    let told: Vec<_> = next.iter().map(|report| report["forecast"]["title"].as_str().unwrap()).collect();
    assert_eq!(told, ["sleet", "sun"]);
    assert_eq!(next[1]["problem"], "under water");
    loop {
        let report = line(&mut stream).await;
        if report == next[1] {
            break;
        }
        assert_eq!(report["place"], "Kyoto");
    }
}

/// The same again is no news.
#[test]
fn wakes_for_news_alone() {
    let weatherman = Weatherman::default();
    weatherman.told("Lisbon", Ok(forecast("sun")));
    let seen = weatherman.since(0)[0].revision;
    weatherman.told("Lisbon", Ok(forecast("sun")));
    assert!(weatherman.since(seen).is_empty());
    weatherman.told("Lisbon", Err("away".to_owned()));
    let report = weatherman.since(seen).remove(0);
    assert_eq!(report.forecast, Some(forecast("sun")), "it is still shown");
    weatherman.told("Lisbon", Err("away".to_owned()));
    assert!(weatherman.since(report.revision).is_empty());
    weatherman.told("Lisbon", Ok(forecast("sun")));
    assert_eq!(weatherman.since(report.revision)[0].problem, None);
}

/// The clock of an earlier server was ahead, and a page has seen what this one will not say for hours.
#[test]
fn who_has_seen_the_future_is_told_all() {
    let weatherman = Weatherman::default();
    weatherman.told("Lisbon", Ok(forecast("sun")));
    weatherman.told("Kyoto", Ok(forecast("rain")));
    let seen = weatherman.since(0)[1].revision;
    assert!(weatherman.since(seen).is_empty());
    assert_eq!(weatherman.since(seen + 3_600_000), weatherman.since(0));
}

/// A feed that takes longer than the pace has that pace to rest, and owes us nothing.
#[tokio::test(start_paused = true)]
async fn a_slow_feed_is_not_asked_more_often() {
    const PACE: Duration = Duration::from_secs(1);
    let answered = RefCell::new(Vec::new());
    let ask = || async {
        let rest = answered.borrow().last().map_or(PACE, Instant::elapsed);
        assert!(rest >= PACE, "asked again {rest:?} after its answer");
        sleep(Duration::from_millis(if answered.borrow().len() < 3 { 9_500 } else { 0 })).await;
        answered.borrow_mut().push(Instant::now());
        Ok(forecast("sun"))
    };
    let watching = Weatherman::default().watch("Lisbon", PACE, ask);
    timeout(Duration::from_secs(40), watching).await.unwrap_err();
    // Three times 10.5 s, and then one each second.
    assert_eq!(answered.borrow().len(), 3 + 9);
}

#[tokio::test]
async fn who_has_gone_is_forgotten() {
    let weatherman = Weatherman::default();
    let address = serve(&weatherman);
    let client = ask(address, "/weather/sse").await;
    until(|| weatherman.connections() == 1).await;
    drop(client);
    let mut place = 0;
    // At the latest when there is something to send.
    until(|| {
        place += 1;
        weatherman.told(&format!("place {}", place % 8), Ok(forecast(&place.to_string())));
        weatherman.connections() == 0
    })
    .await;
}

/// Polls that are answered leave nothing behind, also while no feed has news for weeks.
#[tokio::test]
async fn polls_that_are_answered_are_forgotten() {
    let weatherman = Weatherman::default();
    let address = serve(&weatherman);
    weatherman.told("Lisbon", Ok(forecast("sun")));
    for _ in 0..20 {
        weatherman.told("Lisbon", Ok(forecast("sun")));
        assert_eq!(polled(ask(address, "/weather/longpoll?seen=0").await).await.len(), 1);
    }
    until(|| weatherman.connections() == 0).await;
}

#[test]
fn reads_its_options() {
    let pace = |arguments: &[&str]| {
        let program = std::iter::once("weather");
        Options::parse_from(program.chain(arguments.iter().copied())).pace().as_secs()
    };
    assert_eq!(pace(&[]), 5);
    assert_eq!(pace(&["--feed", "Oxford=https://example.com/"]), 300);
    assert_eq!(pace(&["--feed", "Oxford=https://example.com/", "--every", "60"]), 60);
    let places = |text: &str| place(text).map(|place| (place.name, place.feed.to_string()));
    assert_eq!(
        places("Oxford=https://example.com/a?b=c").unwrap(),
        ("Oxford".to_owned(), "https://example.com/a?b=c".to_owned())
    );
    for bad in [
        "https://example.com/",
        "Oxford=example.com",
        "Oxford=ftp://example.com/",
        "Oxford=",
        "Oxford=file:///etc/passwd",
    ] {
        assert!(place(bad).is_err(), "{bad}");
    }
    for (address, revision) in [
        ("/", 0),
        ("/?seen=7", 7),
        ("/?a=b&seen=7&seen=8", 7),
        ("/?seen=x", 0),
        ("/?seen=99999999999999999999", 0),
    ] {
        assert_eq!(seen(&address.parse().unwrap()), revision, "{address}");
    }
}
