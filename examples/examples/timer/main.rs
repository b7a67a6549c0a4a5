//! The server-push tutorial: a service wakes its comet clients every two seconds with a counter, and closes each after its
//! tenth update. The page's iframe runs `comet_update(1)` to `comet_update(10)`, and the page shows the state machine.
//!
//! `cargo run --release -p examples --example timer`

mod comet;
mod shown;
#[cfg(test)]
mod tests;
mod timer_service;

use axum::extract::Query;
use axum::routing::get;
use clap::Parser;
use examples::{Listen, Site, page};
use push_server::controller::{Form, Suspend};
use push_server::{ClientId, Hub, web};

use comet::TestComet;
use shown::Shown;
use timer_service::TimerService;

/// The server-push tutorial: a counter every two seconds, by script tags into an iframe
#[derive(Parser)]
struct Options {
    #[command(flatten)]
    listen: Listen,
}

/// What the page's iframe says of itself. `curl` says nothing, and is counted for all the same.
#[derive(serde::Deserialize)]
struct Asked {
    visitor: Option<String>,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let site = Site::open(Options::parse().listen)?;
    let timer = TimerService::default();
    tokio::spawn(timer.clone().run());
    let routes = routes(site.hub(), timer)?;
    site.serve(routes).await
}

/// The page, its iframe at `/comet`, and the stream that tells each page what its controller does.
fn routes(hub: &Hub, timer: TimerService) -> anyhow::Result<axum::Router> {
    let steps = hub.open(&"steps".parse()?)?;
    let comet = async move |Query(asked): Query<Asked>, suspend: Suspend| {
        let visitor = asked.visitor.and_then(|name| name.parse::<ClientId>().ok());
        let controller = Shown::new(TestComet::new(timer.clone()), steps.clone(), visitor);
        suspend.form(Form::script()).run(controller)
    };
    Ok(web::router(hub.clone())
        .merge(page(include_str!("page.html"), include_str!("page.js")))
        .route("/comet", get(comet)))
}
