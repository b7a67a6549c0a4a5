//! Tennis for two browsers: whoever creates a game is told its id, the other joins by it, and the arrow keys move the pads. A
//! pad that moves while it meets the ball gives it some of its speed.
//!
//! `cargo run --release -p examples --example tennis`
//!
//! Each game is a stream, which a periodic service on the server fills with what its two-dimensional physics make of the game;
//! pages read it by script tags into an iframe, or by another transport.

mod clock;
mod court;
mod game;
mod handler;
#[cfg(test)]
mod tests;

use std::time::Duration;

use axum::routing::get;
use clap::Parser;
use examples::{Listen, Site, page};
use http::header::CONTENT_TYPE;
use push_server::guard::Rate;
use push_server::messages::Chain;
use push_server::web::{self, Access};
use push_server::{Hub, Limits};

use court::Court;
use handler::{LOBBY, TennisMessageHandler};

/// What pages are told to wait between two interval polls, where the server would say five seconds: ten frames a second, and
/// keys that count a tenth of a second late, are enough to play by.
const POLL_INTERVAL: Duration = Duration::from_millis(100);
/// Messages of one address: a second, and at once. A hundred games, which may come from one network, send some 750 a second.
const SENDS: (u32, u32) = (1_000, 4_000);

/// Tennis for two browsers
#[derive(Parser)]
struct Options {
    #[command(flatten)]
    listen: Listen,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut limits = Limits::default();
    limits.poll_interval = POLL_INTERVAL;
    let site = Site::open_with(Options::parse().listen, limits)?;
    let court = Court::new(site.hub().clone());
    tokio::spawn(court.clone().run());
    let routes = routes(site.hub(), court)?;
    site.serve(routes).await
}

/// The page, the streams with their handler, and at `/ticks` how punctual the games are.
fn routes(hub: &Hub, court: Court) -> anyhow::Result<axum::Router> {
    hub.open(&LOBBY.parse()?)?;
    let mut rules = (*hub.guard().rules()).clone();
    rules.rates.sends = Rate::new(SENDS.0, SENDS.1);
    hub.guard().replace(rules);
    let mut access = Access::default();
    access.sends = true;
    let chain = Chain::new().with(TennisMessageHandler::new(court.clone()));
    Ok(web::router_with_handlers(hub.clone(), access, chain)
        .route("/ticks", get(async move || ([(CONTENT_TYPE, "application/json")], court.clock().report())))
        .merge(page(include_str!("page.html"), include_str!("page.js"))))
}
