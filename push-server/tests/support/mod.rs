//! A server on loopback and clients that speak raw bytes. Each test file uses a part of it.
#![allow(dead_code)]

pub(crate) mod forms;

use std::net::SocketAddr;
use std::time::Duration;

use policy_server::{ListenConfig, PolicyFile, Responder};
use push_server::hub::{Connection, Subscription};
use push_server::web::{self, Access};
use push_server::{Epoch, Hub, Limits, Server, Start, Stream, Transport, demo};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// Longer than anything here takes, so that a failure is told and not waited for.
const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) const EPOCH: Epoch = Epoch::new(0xab);

/// The answer of the demo's port to a policy request.
pub(crate) const POLICY: &str = "<allow-access-from domain=\"*\" to-ports=\"843\"/>";

/// The demo's server without its publisher: tests publish.
pub(crate) struct TestServer {
    pub(crate) address: SocketAddr,
    pub(crate) hub: Hub,
    pub(crate) stream: Stream,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl TestServer {
    pub(crate) async fn start() -> Self {
        Self::with(Limits::default()).await
    }

    pub(crate) async fn with(limits: Limits) -> Self {
        Self::on(ListenConfig::default().bind(([127, 0, 0, 1], 0).into()).unwrap(), limits).await
    }

    pub(crate) async fn on(listener: TcpListener, limits: Limits) -> Self {
        let hub = Hub::start(EPOCH, limits, 2);
        let stream = demo::open(&hub).unwrap();
        let policy = PolicyFile::builder().allow("*", "843").build().unwrap();
        let router = demo::router(hub.clone(), &stream, policy.to_string());
        Self::serve(listener, hub, stream, router, &policy)
    }

    /// One where everybody opens streams and publishes, with the stream `comet` open, of the history `epoch`.
    pub(crate) async fn open(limits: Limits, epoch: Epoch) -> Self {
        let listener = ListenConfig::default().bind(([127, 0, 0, 1], 0).into()).unwrap();
        let hub = Hub::start(epoch, limits, 2);
        let stream = demo::open(&hub).unwrap();
        let router = web::router_with(hub.clone(), Access::ALL);
        Self::serve(listener, hub, stream, router, &PolicyFile::default())
    }

    fn serve(
        listener: TcpListener,
        hub: Hub,
        stream: Stream,
        router: axum::Router,
        policy: &PolicyFile,
    ) -> Self {
        let address = listener.local_addr().unwrap();
        let server = Server::new(hub.clone(), router, Responder::new(policy));
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(server.serve(listener, async {
            let _ = stopped.await;
        }));
        Self { address, hub, stream, stop, task }
    }

    pub(crate) async fn publish(&self, value: &str) {
        self.stream.publish(&demo::AddString { value: value.to_owned() }).await.unwrap();
    }

    /// Publishes once `readers` are connected.
    pub(crate) async fn publish_to(&self, readers: usize, value: &str) {
        wait_for(|| self.stream.readers() == readers).await;
        self.publish(value).await;
    }

    /// A client that has sent `request`.
    pub(crate) async fn ask(&self, request: &str) -> Client {
        let mut client = Client::new(TcpStream::connect(self.address).await.unwrap());
        client.send(request.as_bytes()).await;
        client
    }

    /// Everything the server answers to `request` until it closes.
    pub(crate) async fn answer(&self, request: &str) -> String {
        self.ask(request).await.rest_text().await
    }

    /// Ends the server in good order and waits until it has.
    pub(crate) async fn stop(self) {
        let _ = self.stop.send(());
        timeout(PATIENCE, self.task).await.expect("the server ends").unwrap();
    }
}

/// Yields until `condition` holds.
pub(crate) async fn wait_for(condition: impl Fn() -> bool) {
    let wait = async {
        while !condition() {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, wait).await.expect("the condition comes true");
}

/// A socket and what has come over it.
pub(crate) struct Client {
    pub(crate) socket: TcpStream,
    pub(crate) received: Vec<u8>,
}

impl Client {
    pub(crate) const fn new(socket: TcpStream) -> Self {
        Self { socket, received: Vec::new() }
    }

    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        self.socket.write_all(bytes).await.unwrap();
    }

    /// Takes everything up to and with `end`.
    pub(crate) async fn until(&mut self, end: &[u8]) -> Vec<u8> {
        loop {
            if let Some(at) = self.received.windows(end.len()).position(|window| window == end) {
                return self.received.drain(..at + end.len()).collect();
            }
            assert!(
                self.read().await > 0,
                "ended before {end:?}: {:?}",
                self.received.escape_ascii().to_string()
            );
        }
    }

    /// Takes the next `count` bytes.
    pub(crate) async fn take(&mut self, count: usize) -> Vec<u8> {
        while self.received.len() < count {
            assert!(self.read().await > 0, "ended within {:?}", self.received.escape_ascii().to_string());
        }
        self.received.drain(..count).collect()
    }

    /// The response head, without the line that holds the date.
    pub(crate) async fn head(&mut self) -> String {
        let head = String::from_utf8(self.until(b"\r\n\r\n").await).unwrap();
        assert!(head.contains("\r\ndate: "), "{head}");
        head.split_inclusive("\r\n").filter(|line| !line.starts_with("date: ")).collect()
    }

    /// Takes what comes until the end of the connection.
    pub(crate) async fn rest(mut self) -> Vec<u8> {
        while self.read().await > 0 {}
        self.received
    }

    pub(crate) async fn rest_text(self) -> String {
        String::from_utf8(self.rest().await).unwrap()
    }

    async fn read(&mut self) -> usize {
        timeout(PATIENCE, self.socket.read_buf(&mut self.received)).await.expect("something comes").unwrap()
    }
}

/// A reader without HTTP: both ends of a connection, one of them attached to `stream`, with `head` to send
/// before anything else. For tests in paused time, where nothing but the hub may hold timers.
pub(crate) async fn attach(
    stream: &Stream,
    transport: Transport,
    start: Start,
    chunked: bool,
    head: &str,
) -> Client {
    join(stream.subscribe(transport, start), chunked, head).await
}

/// The same for a subscription of any kind.
pub(crate) async fn join(subscription: Subscription, chunked: bool, head: &str) -> Client {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (socket, _) = listener.accept().await.unwrap();
    let connection = Connection { socket, head: head.to_owned().into(), chunked, permit: None };
    subscription.attach(connection).unwrap();
    Client::new(client)
}
