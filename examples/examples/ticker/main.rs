//! A stock ticker: a thousand ticks a second to every reader, each a message of its own. Whoever reads more slowly than
//! that, a phone perhaps, misses some and stays current, in place of getting them all later and later.
//!
//! `cargo run --release -p examples --example ticker`

mod market;
#[cfg(test)]
mod tests;

use std::time::Duration;

use clap::Parser;
use examples::{Listen, Site, page};
use push_server::{Hub, Overflow, PublishError, Stream, StreamConfig, web};

use market::Market;

/// A stock ticker: 1,000 ticks a second, and slow readers that stay current
#[derive(Parser)]
struct Options {
    #[command(flatten)]
    listen: Listen,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let site = Site::open(Options::parse().listen)?;
    let ticks = open(site.hub())?;
    let routes =
        web::router(site.hub().clone()).merge(page(include_str!("page.html"), include_str!("page.js")));
    let market = Market::new(fastrand::u64(..)).run(ticks);
    tokio::spawn(async {
        // Its end is the server's.
        let Err(error) = market.await;
        if !matches!(error, PublishError::Ended) {
            eprintln!("ticker: no more ticks: {error}");
        }
    });
    site.serve(routes).await
}

/// The stream of ticks. Of a price only the last one matters, so a reader whose socket is full goes on with the newest tick.
/// What is kept, two seconds, is for those who come, so that they see every company at once, and for those whose network blinks.
fn open(hub: &Hub) -> anyhow::Result<Stream> {
    let bounds = StreamConfig::new(hub.limits())
        .history(2 * market::RATE as usize, 1 << 20, Duration::from_secs(2))
        .overflow(Overflow::Latest);
    Ok(hub.open_with(&"ticks".parse()?, &bounds)?)
}
