//! What is called: `java/bench/Orders.java` in Rust, and the load on it.

use anyhow::Context as _;
use hessian::Date;
use hessian::client::Client;
use hessian::rpc::ServiceFault;
use hessian::service::Service;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use serde::{Deserialize, Serialize};
use std::io::{BufRead as _, Write as _};
use std::time::{Duration, Instant};
use tokio::net::TcpListener;

hessian::interface! {
    /// `bench.Orders`.
    pub(crate) trait Orders["bench.Orders"] {
        async fn add(a: i32, b: i32) -> i32;
        async fn echo(order: Order) -> Order;
    }
    service OrdersService;
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename = "bench.Orders$Order")]
pub(crate) struct Order {
    id: String,
    placed: Date,
    lines: Vec<Line>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename = "bench.Orders$Line")]
struct Line {
    product: i32,
    gift: bool,
    name: String,
    price: f64,
    shipped: i64,
}

/// The same as the Java end sends.
pub(crate) fn sample(lines: i32) -> Order {
    let line = |i| Line {
        product: 100_000 + i,
        gift: i % 3 == 0,
        name: format!("A thing that somebody has ordered, number {}", 1000 + i),
        price: 0.37 + f64::from(i) * 1.01,
        shipped: 894_621_091_000 + i64::from(i),
    };
    Order {
        id: "2007-0042".into(),
        placed: Date::from_millis(894_621_091_000),
        lines: (0..lines).map(line).collect(),
    }
}

struct Shop;

impl Orders for Shop {
    async fn add(&self, a: i32, b: i32) -> Result<i32, ServiceFault> {
        Ok(a.wrapping_add(b))
    }

    async fn echo(&self, order: Order) -> Result<Order, ServiceFault> {
        Ok(order)
    }
}

/// Serves until stdin ends; prints its address first.
pub(crate) async fn serve() -> anyhow::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    let service = Service::new(OrdersService(Shop));
    tokio::spawn(async move {
        loop {
            let Ok((stream, _)) = listener.accept().await else { return };
            let _ = stream.set_nodelay(true);
            let service = TowerToHyperService::new(service.clone());
            tokio::spawn(async move {
                // A client that goes away is not the server's concern.
                let http = hyper::server::conn::http1::Builder::new();
                let _ = http.serve_connection(TokioIo::new(stream), service).await;
            });
        }
    });
    tokio::task::spawn_blocking(|| std::io::copy(&mut std::io::stdin(), &mut std::io::sink())).await??;
    Ok(())
}

/// Our client under load, told what to do as `java/bench/Load.java` is.
pub(crate) async fn load() -> anyhow::Result<()> {
    loop {
        let mut line = String::new();
        if std::io::stdin().lock().read_line(&mut line)? == 0 {
            return Ok(());
        }
        let mut words = line.split_whitespace();
        let mut word = || words.next().context("URL CONNECTIONS LINES MILLISECONDS");
        let client = Client::builder(word()?);
        let (connections, lines, milliseconds) = (word()?.parse()?, word()?.parse()?, word()?.parse()?);
        let client = client.pool_max_idle(connections).build()?;
        let end = Instant::now() + Duration::from_millis(milliseconds);
        let callers: Vec<_> =
            (0..connections).map(|_| tokio::spawn(call(client.clone(), lines, end))).collect();
        let mut times = Vec::new();
        for caller in callers {
            times.extend(caller.await??);
        }
        times.sort_unstable();
        let at = |part: f64| times[(times.len() as f64 * part) as usize].as_nanos();
        println!("{} {} {}", times.len(), at(0.5), at(0.99));
        std::io::stdout().flush()?;
    }
}

/// One call after the other; how long each took.
async fn call(client: Client, lines: i32, end: Instant) -> anyhow::Result<Vec<Duration>> {
    let mut times = Vec::with_capacity(1024);
    let order = sample(lines);
    let mut start = Instant::now();
    while start < end {
        if lines == 0 {
            let count = times.len() as i32;
            let sum: i32 = client.call("add", (count, 1)).await?;
            anyhow::ensure!(sum == count + 1, "add");
        } else {
            let back: Order = client.call("echo", (&order,)).await?;
            anyhow::ensure!(back.lines.len() == order.lines.len(), "echo");
        }
        let now = Instant::now();
        times.push(now - start);
        start = now;
    }
    Ok(times)
}
