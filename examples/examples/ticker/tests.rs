//! The example's server, without a browser.

use std::net::SocketAddr;
use std::time::Instant;

use examples::loopback;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

use super::market::{RATE, SYMBOLS};
use super::*;

/// The example, served until the test ends.
fn serve() -> (SocketAddr, Stream) {
    let mut ticks = None;
    let address = loopback::serve(|hub| {
        ticks = Some(open(hub).unwrap());
        web::router(hub.clone())
    });
    (address, ticks.unwrap())
}

/// Reads lines of JSON, and passes each on until `is_enough`.
async fn read(client: &mut TcpStream, mut is_enough: impl FnMut(&Value) -> bool) {
    let mut bytes = Vec::new();
    loop {
        assert!(client.read_buf(&mut bytes).await.unwrap() > 0, "it has ended");
        while let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
            let line: Vec<_> = bytes.drain(..=end).collect();
            // Neither the head nor empty lines.
            let Ok(event) = serde_json::from_slice::<Value>(&line) else { continue };
            if is_enough(&event) {
                return;
            }
        }
    }
}

#[test]
fn the_same_seed_is_the_same_day_and_no_price_runs_away() {
    let day = |seed| {
        let mut market = Market::new(seed);
        (0..100_000).map(|_| serde_json::to_value(market.tick()).unwrap()).collect::<Vec<_>>()
    };
    let ticks = day(7);
    for tick in &ticks {
        let (price, close) = (tick["price"].as_f64().unwrap(), tick["close"].as_f64().unwrap());
        assert!((0.5..2.0).contains(&(price / close)), "{tick}");
        let shares = tick["shares"].as_i64().unwrap();
        assert!((50..=1_000).contains(&shares) && shares % 50 == 0, "{tick}");
    }
    let prices = |ticks: &[Value]| ticks.iter().map(|tick| tick["price"].to_string()).collect::<Vec<_>>();
    assert_eq!(prices(&ticks), prices(&day(7)));
    assert_ne!(prices(&ticks), prices(&day(8)));
    let mut symbols: Vec<_> = ticks.iter().map(|tick| tick["symbol"].as_str().unwrap()).collect();
    symbols.sort_unstable();
    symbols.dedup();
    assert_eq!(symbols, SYMBOLS);
}

/// A second of the clock has a thousand ticks, each a message of its own.
#[tokio::test(start_paused = true)]
async fn a_thousand_a_second() {
    let (_, ticks) = serve();
    let market = Market::new(1).run(ticks.clone());
    let Err(_) = tokio::time::timeout(Duration::from_secs(3), market).await else {
        panic!("the market has ended");
    };
    // With one at the beginning, or at the end.
    assert!(ticks.position().sequence.abs_diff(u64::from(3 * RATE)) <= 1, "{}", ticks.position());
}

/// Whoever comes sees all companies at once.
#[tokio::test]
async fn begins_with_every_company() {
    let (address, ticks) = serve();
    let mut market = Market::new(1);
    for _ in 0..2_000 {
        ticks.publish(&market.tick()).await.unwrap();
    }
    let mut client = TcpStream::connect(address).await.unwrap();
    client.write_all(b"GET /streams/ticks/xhr?last=1000 HTTP/1.0\r\n\r\n").await.unwrap();
    let (mut seen, mut count) = (std::collections::BTreeSet::new(), 0);
    read(&mut client, |event| {
        if let Some(symbol) = event["data"]["symbol"].as_str() {
            seen.insert(symbol.to_owned());
            count += 1;
        }
        count == 1_000
    })
    .await;
    assert_eq!(seen.len(), SYMBOLS.len());
}

/// A reader that stops for a while, with ten thousand ticks published meanwhile, gets what was on its way, is told of the rest
/// in one gap, and goes on with the newest: what it is behind by does not grow with what it has missed.
#[tokio::test]
async fn a_slow_reader_stays_current() {
    const PUBLISHED: u64 = 10_000;
    let (address, ticks) = serve();
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4_096).unwrap();
    let mut client = socket.connect(address).await.unwrap();
    client.write_all(b"GET /streams/ticks/xhr HTTP/1.0\r\n\r\n").await.unwrap();
    read(&mut client, |event| event["event"] == "begin").await;
    let mut market = Market::new(1);
    let begun = Instant::now();
    for _ in 0..PUBLISHED {
        ticks.publish(&market.tick()).await.unwrap();
    }
    let (mut received, mut skipped) = (0_u64, 0_u64);
    let newest = ticks.position().to_string();
    read(&mut client, |event| {
        if event["event"] == "gap" {
            skipped += event["to"].as_u64().unwrap() - event["from"].as_u64().unwrap() + 1;
        }
        received += u64::from(event["data"].is_object());
        event["position"] == newest.as_str()
    })
    .await;
    println!("{received} received, {skipped} skipped, after {:?}", begun.elapsed());
    assert_eq!(received + skipped, PUBLISHED);
    assert!(received < PUBLISHED / 2, "{received} received: it was not too slow");
    assert_eq!(ticks.readers(), 1, "nobody is cut for being slow");
}
