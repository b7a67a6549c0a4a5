//! The streaming tutorial: every two seconds a service has a line of Latin, and wakes its comet connections, each of which
//! sends it on as a Hessian packet. Java, Rust and Flash clients read it, a browser beside them, and a Flash player that asks
//! this port for its socket policy gets it.
//!
//! `cargo run --release -p examples --example hessian_comet`

mod comet;
mod ruffle;
#[cfg(test)]
mod tests;
mod timer_service;

use std::path::PathBuf;

use clap::Parser;
use examples::{Listen, Site, page};
use push_server::controller::{self, Form};
use push_server::{Framing, Grammar, Hub, PublishError, web};

use comet::HessianComet;
use timer_service::TimerService;

/// The streaming tutorial: lines of Latin as Hessian objects, for Java, Rust, Flash and browsers
#[derive(Parser)]
struct Options {
    #[command(flatten)]
    listen: Listen,

    /// The folder of npm's @ruffle-rs/ruffle, which plays the Flash movie in the page
    #[arg(long, value_name = "FOLDER")]
    ruffle: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    let player = ruffle::routes(options.ruffle.as_deref())?;
    let site = Site::open(options.listen)?;
    let timer = TimerService::new(site.hub().open(&"comet".parse()?)?);
    let saying = timer.clone().run();
    tokio::spawn(async {
        match saying.await {
            // Its end is the server's.
            Ok(()) | Err(PublishError::Ended) => {}
            Err(error) => eprintln!("hessian_comet: no more lines: {error}"),
        }
    });
    let routes = routes(site.hub(), &timer).merge(player);
    site.serve(routes).await
}

/// Everything but Ruffle.
fn routes(hub: &Hub, timer: &TimerService) -> axum::Router {
    let comet = |timer: &TimerService| {
        let timer = timer.clone();
        move |_: &http::Request<()>| HessianComet::new(timer.clone())
    };
    // In 2008 a packet was framed otherwise, and its values were those of a draft. Nothing in a request tells.
    let of_2008 = Form::Hessian { framing: Framing::P, grammar: Grammar::Tutorial };
    web::router(hub.clone())
        .merge(page(include_str!("page.html"), include_str!("page.js")))
        .merge(controller::router("/comet", Form::hessian(Framing::Ws), comet(timer)))
        .route("/2008/comet", controller::route(of_2008, comet(timer)))
        .route("/2008/comet_client.swf", ruffle::movie())
}
