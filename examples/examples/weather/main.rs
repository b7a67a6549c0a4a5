//! The weather of the articles on Tomcat's and Jetty's comet: forecasts of several places from RSS feeds, pushed by long poll
//! and by streaming, by one controller that is written once. What is wrong with a feed is shown, too.
//!
//! `cargo run --release -p examples --example weather`; with feeds of your own,
//! `-- --feed 'Oxford=https://weather-broker-cdn.api.bbci.co.uk/en/forecast/rss/3day/2640729'`

mod comet;
mod feed;
mod fetch;
mod local;
#[cfg(test)]
mod tests;
mod weatherman;

use std::collections::HashSet;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use axum::Router;
use clap::Parser;
use examples::{Listen, Site, page};
use http::Uri;
use push_server::controller::{self, Form};
use push_server::{Hub, web};

use comet::WeatherComet;
use fetch::Fetcher;
use weatherman::Weatherman;

/// No more feeds than these: each is asked all the time.
const FEEDS: usize = 32;

/// A place, and the address of its feed.
#[derive(Clone, Debug)]
struct Place {
    name: String,
    feed: Uri,
}

/// Weather of several places, from RSS feeds, by long poll and by streaming
#[derive(Parser)]
struct Options {
    #[command(flatten)]
    listen: Listen,

    /// An RSS or Atom feed in place of the built-in ones; may be given several times
    #[arg(long = "feed", value_name = "PLACE=URL", value_parser = place)]
    feeds: Vec<Place>,

    /// Ask each feed every so many seconds: 5 by default, 300 with --feed
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    every: Option<u64>,
}

impl Options {
    fn pace(&self) -> Duration {
        // The feeds of others are not asked more often than anybody minds, unless somebody says so.
        let usual = if self.feeds.is_empty() { 5 } else { 300 };
        Duration::from_secs(self.every.unwrap_or(usual))
    }
}

fn place(text: &str) -> anyhow::Result<Place> {
    let (name, feed) = text.split_once('=').context("expected a name, =, and the address of a feed")?;
    let feed: Uri = feed.parse()?;
    let is_http = matches!(feed.scheme_str(), Some("http" | "https")) && feed.host().is_some();
    ensure!(is_http, "the address of a feed begins with http:// or https://");
    Ok(Place { name: name.to_owned(), feed })
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    ensure!(options.feeds.len() <= FEEDS, "{} feeds, but {FEEDS} at most", options.feeds.len());
    let mut names = HashSet::new();
    for place in &options.feeds {
        ensure!(names.insert(&place.name), "two feeds of {}", place.name);
    }
    let site = Site::open(options.listen)?;
    let (weatherman, pace) = (Weatherman::default(), options.pace());
    let fetcher = Fetcher::new(!options.feeds.is_empty())?;
    let places = if options.feeds.is_empty() { built_in(&site)? } else { options.feeds };
    let count = u32::try_from(places.len())?;
    for (place, turn) in places.into_iter().zip(0..) {
        let (weatherman, fetcher) = (weatherman.clone(), fetcher.clone());
        tokio::spawn(async move {
            // One after the other, not all at once.
            tokio::time::sleep(pace * turn / count).await;
            weatherman.watch(&place.name, pace, || fetcher.fetch(&place.feed)).await;
        });
    }
    let routes = routes(site.hub(), &weatherman);
    site.serve(routes).await
}

/// The feeds of this very port.
fn built_in(site: &Site) -> anyhow::Result<Vec<Place>> {
    let place = |(file, name): (&str, &str)| {
        Ok(Place { name: name.to_owned(), feed: site.url(&format!("/feeds/{file}.rss")).parse()? })
    };
    local::PLACES.into_iter().map(place).collect()
}

/// The page, the controller in every form under `/weather`, and the built-in feeds.
fn routes(hub: &Hub, weatherman: &Weatherman) -> Router {
    let weatherman = weatherman.clone();
    let comet = move |request: &http::Request<()>| WeatherComet::new(weatherman.clone(), seen(request.uri()));
    web::router(hub.clone())
        .merge(page(include_str!("page.html"), include_str!("page.js")))
        .merge(controller::router("/weather", Form::Sse, comet))
        .merge(local::feeds())
}

/// `?seen=` the revision of the last report that the client has got. Who has seen none gets them all.
fn seen(address: &Uri) -> i64 {
    let parameters = address.query().unwrap_or_default().split('&');
    parameters.filter_map(|one| one.strip_prefix("seen=")?.parse().ok()).next().unwrap_or(0)
}
