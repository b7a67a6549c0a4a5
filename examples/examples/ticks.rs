//! Reads the ticks of the example `ticker` and prints a line a second: how many came, and what they were about.
//!
//! Start it, `cargo run --release -p examples --example ticker`, and then
//! `cargo run --release -p examples --example ticks -- http://127.0.0.1:8080/streams/ticks`.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::time::Duration;

use clap::Parser;
use hessian::client::stream::{Event, listen};
use serde::Deserialize;
use tokio::time::interval;

/// Reads a stream of example.Tick and prints a line a second
#[derive(Parser)]
struct Options {
    /// For instance http://127.0.0.1:8080/streams/ticks
    url: String,
}

/// The symbol is borrowed from the packet it came in. Fields that are not asked for are passed over.
#[derive(Debug, Deserialize)]
#[serde(rename = "example.Tick")]
struct Tick<'a> {
    symbol: &'a str,
    price: f64,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let mut listener = listen(Options::parse().url).open()?;
    let (mut count, mut prices) = (0_u32, BTreeMap::<String, f64>::new());
    let mut seconds = interval(Duration::from_secs(1));
    seconds.tick().await;
    loop {
        let line = tokio::select! {
            event = listener.next() => match event {
                None => return Ok(()),
                Some(event) => match event? {
                    Event::Packet(packet) => {
                        let Tick { symbol, price } = listener.decode(&packet)?;
                        count += 1;
                        match prices.get_mut(symbol) {
                            Some(last) => *last = price,
                            None => drop(prices.insert(symbol.to_owned(), price)),
                        }
                        continue;
                    }
                    Event::Connected(connected) => format!("connected: {}", connected.verdict),
                    Event::Reconnecting { why, after, .. } => format!("{why}; the next one in {after:.1?}"),
                    _ => continue,
                },
            },
            _ = seconds.tick() => {
                let some: Vec<_> = prices.iter().take(5).map(|(symbol, price)| format!("{symbol} {price:.2}")).collect();
                format!("{:>5} ticks of {} companies   {}", std::mem::take(&mut count), prices.len(), some.join("  "))
            }
        };
        // Nobody reads any more, as after `| head`.
        if writeln!(std::io::stdout(), "{line}").is_err() {
            return Ok(());
        }
    }
}
