//! A stock ticker: a thousand ticks a second to every reader, each a message of its own. Whoever reads more slowly than
//! that, a phone perhaps, misses some, in place of getting them all later and later. Those that it misses are of whichever
//! company; so a second stream has the prices of all, once a second, and none stays wrong for longer.
//!
//! `cargo run --release -p examples --example ticker`

mod market;
#[cfg(test)]
mod tests;

use std::time::Duration;

use clap::Parser;
use examples::{Listen, Site, page};
use push_server::{Hub, Limits, Overflow, PublishError, Stream, StreamConfig, web};

use market::Market;

/// A stock ticker: 1,000 ticks a second, and slow readers that stay current
#[derive(Parser)]
struct Options {
    #[command(flatten)]
    listen: Listen,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let site = Site::open_with(Options::parse().listen, limits())?;
    let (ticks, prices) = (open_ticks(site.hub())?, open_prices(site.hub())?);
    let routes =
        web::router(site.hub().clone()).merge(page(include_str!("page.html"), include_str!("page.js")));
    let market = Market::new(fastrand::u64(..)).run(ticks, prices);
    tokio::spawn(async {
        // Its end is the server's.
        let Err(error) = market.await;
        if !matches!(error, PublishError::Ended) {
            eprintln!("ticker: no more ticks: {error}");
        }
    });
    site.serve(routes).await
}

/// What waits in a slow reader's socket is old when it arrives, so that little waits there. A fast one has enough: 32 KiB
/// under way are the 120 KB of a second's ticks even with 250 ms from here to there and back.
fn limits() -> Limits {
    let mut limits = Limits::default();
    (limits.socket_unsent, limits.socket_send_buffer) = (4 << 10, 32 << 10);
    limits
}

/// The stream of ticks. A reader whose socket is full goes on with the newest tick, of whichever company that is. What is
/// kept, two seconds, is for those whose network blinks.
fn open_ticks(hub: &Hub) -> anyhow::Result<Stream> {
    let bounds = StreamConfig::new(hub.limits())
        .history(2 * market::RATE as usize, 1 << 20, Duration::from_secs(2))
        .overflow(Overflow::Latest);
    Ok(hub.open_with(&"ticks".parse()?, &bounds)?)
}

/// The stream of all prices. `latest` is of a stream, and knows no companies: what has to be the latest by itself is a
/// message by itself, in a stream that skips none but for the next of its kind. Who comes has the last one at once.
fn open_prices(hub: &Hub) -> anyhow::Result<Stream> {
    let bounds =
        StreamConfig::new(hub.limits()).history(1, 1 << 20, Duration::MAX).overflow(Overflow::Latest);
    Ok(hub.open_with(&"prices".parse()?, &bounds)?)
}
