//! A port under test: answers with [`policy`], and hands everything else to a service that tells the
//! first byte it reads and then echoes, so that a test sees which bytes arrived where.

use std::net::SocketAddr;

use policy_server::{Limits, ListenConfig, PolicyFile, Responder, port::Draining, serve};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::oneshot,
    task::JoinHandle,
};

pub(crate) fn policy() -> PolicyFile {
    PolicyFile::builder().allow("*.example.com", "8080").build().unwrap()
}

pub(crate) struct Port {
    pub(crate) address: SocketAddr,
    pub(crate) responder: Responder,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<Draining>,
}

impl Port {
    /// Must run inside a runtime; ends with it.
    pub(crate) fn start(limits: Limits) -> Self {
        let listener = ListenConfig::default().bind(([127, 0, 0, 1], 0).into()).unwrap();
        let address = listener.local_addr().unwrap();
        let responder = Responder::with_limits(&policy(), limits);
        let (stop, stopped) = oneshot::channel();
        let shutdown = async {
            let _ = stopped.await;
        };
        let serving = tokio::spawn(serve(listener, responder.clone(), shutdown, |stream, _, protocol| {
            echo(stream, format!("{protocol:?}:"))
        }));
        Self { address, responder, stop, serving }
    }

    pub(crate) async fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        stream
    }

    /// Sends `bytes` on a new connection and reads to its end, which only the policy branch gives.
    pub(crate) async fn ask(&self, bytes: &[u8]) -> Vec<u8> {
        let mut stream = self.connect().await;
        stream.write_all(bytes).await.unwrap();
        read_to_end(&mut stream).await
    }

    pub(crate) async fn stop(self) -> Draining {
        self.stop.send(()).unwrap();
        self.serving.await.unwrap()
    }
}

/// What came until the stream ended or was reset.
pub(crate) async fn read_to_end(stream: &mut TcpStream) -> Vec<u8> {
    let mut received = Vec::new();
    let _ = stream.read_to_end(&mut received).await;
    received
}

pub(crate) async fn read_exactly(stream: &mut TcpStream, n: usize) -> Vec<u8> {
    let mut bytes = vec![0; n];
    stream.read_exact(&mut bytes).await.unwrap();
    bytes
}

async fn echo(mut stream: TcpStream, greeting: String) {
    let mut buffer = [0; 1024];
    let _ = stream.write_all(greeting.as_bytes()).await;
    while let Ok(n @ 1..) = stream.read(&mut buffer).await {
        if stream.write_all(&buffer[..n]).await.is_err() {
            break;
        }
    }
}
