//! The server under test, which is killed and started anew on the same port, and the page of the tests.

use std::net::SocketAddr;

use axum::Router;
use axum::response::Html;
use axum::routing::get;
use policy_server::{ListenConfig, PolicyFile, Responder};
use push_server::messages::Chain;
use push_server::web::{self, Access};
use push_server::{Epoch, Hub, Limits, Server, Stream};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

#[derive(Debug)]
pub(crate) struct Site {
    pub(crate) address: SocketAddr,
    hub: Hub,
    stream: Stream,
    task: JoinHandle<()>,
    limits: Limits,
    chain: Chain,
}

impl Site {
    /// With the stream `news`.
    pub(crate) async fn start(epoch: u64, limits: Limits) -> Self {
        let listener = ListenConfig::default().bind(([127, 0, 0, 1], 0).into()).expect("a port of loopback");
        Self::on(listener, epoch, limits, Chain::new()).await
    }

    /// The same, whose messages from clients these handlers are asked about.
    pub(crate) async fn with_handlers(limits: Limits, chain: Chain) -> Self {
        let listener = ListenConfig::default().bind(([127, 0, 0, 1], 0).into()).expect("a port of loopback");
        Self::on(listener, 1, limits, chain).await
    }

    async fn on(listener: TcpListener, epoch: u64, limits: Limits, chain: Chain) -> Self {
        let address = listener.local_addr().expect("it is bound");
        let hub = Hub::start(Epoch::new(epoch), limits.clone(), 2);
        let stream = hub.open(&"news".parse().expect("a good name")).expect("the first stream");
        let page = get(|| async { Html(include_str!("page.html")) });
        let router: Router =
            web::router_with_handlers(hub.clone(), Access::ALL, chain.clone()).route("/page", page);
        let policy = PolicyFile::builder().build().expect("an empty policy");
        let server = Server::new(hub.clone(), router, Responder::new(&policy));
        let task = tokio::spawn(server.serve(listener, std::future::pending()));
        Self { address, hub, stream, task, limits, chain }
    }

    /// Kills it, without a farewell to anybody, and starts one of another epoch on the same port.
    pub(crate) async fn restart(self, epoch: u64) -> Self {
        let Self { address, hub, stream, task, limits, chain } = self;
        task.abort();
        let _ = task.await;
        drop((hub, stream));
        Self::again(address, epoch, limits, chain).await
    }

    /// Stops it in good order, and starts one of another epoch on the same port.
    pub(crate) async fn replace(self, epoch: u64) -> Self {
        let Self { address, hub, stream, task, limits, chain } = self;
        drop(stream);
        hub.end().await;
        task.abort();
        let _ = task.await;
        Self::again(address, epoch, limits, chain).await
    }

    async fn again(address: SocketAddr, epoch: u64, limits: Limits, chain: Chain) -> Self {
        let listener = loop {
            match ListenConfig::default().bind(address) {
                Ok(listener) => break listener,
                Err(_) => tokio::time::sleep(std::time::Duration::from_millis(20)).await,
            }
        };
        Self::on(listener, epoch, limits, chain).await
    }

    pub(crate) async fn publish(&self, value: &Value) {
        self.stream.publish_json(serde_json::to_vec(value).expect("JSON")).await.expect("it is published");
    }

    /// To the client of this name alone.
    pub(crate) fn send(&self, client: &str, value: &Value) {
        let client = client.parse().expect("a good name");
        self.stream.send_to(&client, value).expect("it is sent");
    }

    /// How many messages were published.
    pub(crate) fn published(&self) -> u64 {
        self.stream.position().sequence
    }

    /// How many connections have streamed.
    pub(crate) fn opened(&self) -> u64 {
        self.hub.stats().opened
    }

    /// Ends the stream in good order.
    pub(crate) fn end(&self) {
        assert!(self.hub.close_stream(self.stream.name()));
    }
}
