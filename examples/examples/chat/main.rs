//! A chat with two rooms: messages to all and to one, who is there, and what was said before one came.
//!
//! `cargo run --release -p examples --example chat`
//!
//! A room is a stream, and what people send on it goes through a chain of handlers: [`handlers`].

mod handlers;
mod person;
mod room;
#[cfg(test)]
mod tests;

use std::time::Duration;

use clap::Parser;
use examples::{Listen, Site, page};
use push_server::messages::Chain;
use push_server::web::{self, Access};
use push_server::{Hub, StreamConfig};

use handlers::{Confirm, Enter, Say, refuse};
use room::{Room, Rooms};

/// The streams, and what the page calls them.
const ROOMS: [&str; 2] = ["kitchen", "garden"];
/// What a room remembers for those who come later: messages, bytes of them, and for how long.
const HISTORY: (usize, usize, Duration) = (200, 256 << 10, Duration::from_secs(24 * 60 * 60));
/// Who has lost the network, or loads the page again, stays for so long. What others whisper to them meanwhile waits.
const LINGER: Duration = Duration::from_secs(30);

/// A chat with two rooms
#[derive(Parser)]
struct Options {
    #[command(flatten)]
    listen: Listen,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let site = Site::open(Options::parse().listen)?;
    let routes = routes(site.hub())?;
    site.serve(routes).await
}

/// The page, the rooms, and the handlers of what people send.
fn routes(hub: &Hub) -> anyhow::Result<axum::Router> {
    let config =
        StreamConfig::new(hub.limits()).history(HISTORY.0, HISTORY.1, HISTORY.2).client_linger(LINGER);
    let mut rooms = Rooms::new();
    for name in ROOMS {
        let room = Room::new(hub.open_with(&name.parse()?, &config)?);
        tokio::spawn(room.clone().watch());
        rooms.insert(name.parse()?, room);
    }
    let mut access = Access::default();
    access.sends = true;
    let chain = Chain::new()
        .with(Enter::new(rooms.clone()))
        .with(Say::new(rooms.clone()))
        .with(Confirm::new(rooms))
        .with(refuse);
    Ok(web::router_with_handlers(hub.clone(), access, chain)
        .merge(page(include_str!("page.html"), include_str!("page.js"))))
}
