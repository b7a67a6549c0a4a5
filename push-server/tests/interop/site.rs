//! A server in the test's own process: streams, and pages beside them.

use axum::Router;
use policy_server::{ListenConfig, PolicyFile, Responder};
use push_server::{Epoch, Hub, Limits, Server, Stream, demo, web};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

/// Longer than an end in order takes.
const PATIENCE: Duration = Duration::from_secs(15);

pub(crate) struct Site {
    pub(crate) address: SocketAddr,
    pub(crate) stream: Stream,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Site {
    /// The demo's stream, of this history, and `pages`. A port that was another site's may take a moment to be free.
    pub(crate) async fn start(address: SocketAddr, epoch: u64, pages: Router) -> Self {
        let listener = loop {
            match ListenConfig::default().bind(address) {
                Ok(listener) => break listener,
                Err(error) => println!("{address}: {error}"),
            }
            sleep(Duration::from_millis(100)).await;
        };
        let address = listener.local_addr().expect("it is bound");
        let hub = Hub::start(Epoch::new(epoch), Limits::default(), 2);
        let stream = demo::open(&hub).expect("an empty hub");
        let policy = PolicyFile::builder().allow("*", "*").build().expect("a policy");
        let server = Server::new(hub.clone(), web::router(hub).merge(pages), Responder::new(&policy));
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(server.serve(listener, async {
            let _ = stopped.await;
        }));
        Self { address, stream, stop, task }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) async fn publish(&self, value: &str) {
        let line = demo::AddString { value: value.to_owned() };
        self.stream.publish(&line).await.expect("the stream is open");
    }

    pub(crate) async fn stop(self) {
        let _ = self.stop.send(());
        timeout(PATIENCE, self.task).await.expect("an end in order").expect("no panic");
    }
}
