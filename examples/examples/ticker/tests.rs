//! The example's server, without a browser.

use std::net::SocketAddr;

use examples::loopback;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

use super::market::{RATE, SYMBOLS};
use super::*;

/// The example, served until the test ends: its address, the ticks, the prices.
fn serve() -> (SocketAddr, Stream, Stream) {
    let mut streams = None;
    let address = loopback::serve_with(limits(), |hub| {
        streams = Some((open_ticks(hub).unwrap(), open_prices(hub).unwrap()));
        web::router(hub.clone())
    });
    let (ticks, prices) = streams.unwrap();
    (address, ticks, prices)
}

/// Reads lines of JSON. What of them it does not want to read yet waits in its socket, which holds little.
struct Reader {
    client: TcpStream,
    bytes: Vec<u8>,
}

impl Reader {
    async fn connect(address: SocketAddr, path: &str) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4_096).unwrap();
        let mut client = socket.connect(address).await.unwrap();
        client.write_all(format!("GET {path} HTTP/1.0\r\n\r\n").as_bytes()).await.unwrap();
        Self { client, bytes: Vec::new() }
    }

    /// Reads `most` bytes at most, and what is whole of it.
    async fn read(&mut self, most: usize) -> Vec<Value> {
        let mut part = vec![0; most];
        let count = self.client.read(&mut part).await.unwrap();
        assert!(count > 0, "it has ended");
        self.bytes.extend_from_slice(&part[..count]);
        let end = self.bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let lines: Vec<_> = self.bytes.drain(..end).collect();
        // Neither the head nor empty lines.
        lines.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok()).collect()
    }

    /// Reads on until one is so, and gives that.
    async fn until(&mut self, is_so: impl Fn(&Value) -> bool) -> Value {
        loop {
            if let Some(event) = self.read(1 << 16).await.into_iter().find(&is_so) {
                return event;
            }
        }
    }
}

/// Of a position, or of an event with one, how many messages there are up to it.
fn sequence(event: &Value) -> u64 {
    let position = event["position"].as_str().expect("a position");
    position.split_once(':').expect("epoch and sequence").1.parse().expect("a number")
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
    let (_, ticks, prices) = serve();
    let market = Market::new(1).run(ticks.clone(), prices.clone());
    let Err(_) = tokio::time::timeout(Duration::from_secs(3), market).await else {
        panic!("the market has ended");
    };
    // With one at the beginning, or at the end.
    assert!(ticks.position().sequence.abs_diff(u64::from(3 * RATE)) <= 1, "{}", ticks.position());
    assert!((3..=4).contains(&prices.position().sequence), "{}", prices.position());
}

/// Whoever comes sees all companies at once.
#[tokio::test]
async fn begins_with_every_company() {
    let (address, _, prices) = serve();
    let market = Market::new(1);
    for _ in 0..3 {
        prices.publish(&market.prices()).await.unwrap();
    }
    let mut reader = Reader::connect(address, "/streams/prices/xhr?last=1").await;
    let first = reader.until(|event| event["data"].is_object()).await;
    assert_eq!(sequence(&first), 3);
    let prices = first["data"]["prices"].as_object().unwrap();
    assert!(prices.keys().eq(SYMBOLS), "{prices:?}");
}

/// A phone, which takes a third of what is published, in step with the market and so by no clock.
#[tokio::test]
async fn a_phone_stays_current_and_has_every_price() {
    /// Of every ten ticks, some 1,100 bytes, it takes so many. Of a thousand in a second they would be 36 KB.
    const TAKES: usize = 360;
    /// Each socket is asked for 4 KiB and holds three times that at most: so many ticks pass while it takes those. (With the
    /// hub's defaults, 32 KiB unsent, it is twice as many.)
    const BEHIND: u64 = (6 * (4 << 10) / TAKES * 10) as u64;
    const STEPS: u64 = 1_000;
    let (address, ticks, prices) = serve();
    let mut reader = Reader::connect(address, "/streams/ticks/xhr?rotate=0").await;
    reader.until(|event| event["event"] == "begin").await;
    let mut all = Reader::connect(address, "/streams/prices/xhr?rotate=0").await;
    all.until(|event| event["event"] == "begin").await;
    let mut market = Market::new(1);
    let (mut newest, mut received, mut skipped, mut worst) = (0, 0, 0, 0);
    for step in 1..=STEPS {
        for _ in 0..10 {
            ticks.publish(&market.tick()).await.unwrap();
        }
        while newest < 10 * step {
            for event in reader.read(TAKES).await {
                if event["event"] == "gap" {
                    skipped += event["to"].as_u64().unwrap() - event["from"].as_u64().unwrap() + 1;
                } else if event["data"].is_object() {
                    (newest, received) = (sequence(&event), received + 1);
                }
            }
            if step < STEPS {
                break;
            }
        }
        worst = worst.max(10 * step - newest);
    }
    println!("{received} received, {skipped} skipped, behind by {worst} at most");
    assert_eq!(received + skipped, 10 * STEPS);
    assert!((STEPS..5 * STEPS).contains(&received), "{received} received: it was not as slow as a phone");
    assert!(worst <= BEHIND, "behind by {worst}");
    assert_eq!(ticks.readers(), 1, "nobody is cut for being slow");

    // Whichever company's last tick was skipped: all prices are as the market has them, within a second.
    prices.publish(&market.prices()).await.unwrap();
    let last = all.until(|event| event["data"].is_object()).await;
    assert_eq!(last["data"]["prices"], serde_json::to_value(market.prices()).unwrap()["prices"]);
}
