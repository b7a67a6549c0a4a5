//! A Java program publishes objects with Caucho's `HessianProxyFactory`; browsers see them. This program has no idea of their
//! class: what Java can write, everybody reads.
//!
//! `cargo run --release -p examples --example publish_from_java`, and then
//! `examples/java/run PublishNews http://127.0.0.1:8080/hessian`

#[cfg(test)]
mod tests;

use std::time::Duration;

use axum::Router;
use clap::Parser;
use examples::{Listen, Site, page};
use push_server::web::{self, Access};
use push_server::{Hub, Stream, StreamConfig};

/// Java programs publish, browsers see it
#[derive(Parser)]
struct Options {
    #[command(flatten)]
    listen: Listen,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let site = Site::open(Options::parse().listen)?;
    let _news = open(site.hub())?;
    let routes = routes(site.hub());
    site.serve(routes).await
}

/// The stream that is published to, and no other. Who comes within the hour sees the newest hundred.
fn open(hub: &Hub) -> anyhow::Result<Stream> {
    let bounds = StreamConfig::new(hub.limits()).history(100, 1 << 20, Duration::from_secs(3_600));
    Ok(hub.open_with(&"news".parse()?, &bounds)?)
}

/// `POST /hessian` is what Java calls. Whoever reaches the port may: the programs of this machine, unless `--listen` says
/// otherwise. Pages of other sites may not, but for one whose own name has been made to lead here (DNS rebinding), which
/// looks like this one's: what is for more than a look asks for a [token](push_server::guard#tokens).
fn routes(hub: &Hub) -> Router {
    let mut access = Access::default();
    access.publishes = true;
    web::router_with(hub.clone(), access).merge(page(include_str!("page.html"), include_str!("page.js")))
}
