//! axum on the port, with policy clients and silent clients beside it.

use std::net::SocketAddr;

use axum::{Router, extract::ConnectInfo, routing::get};
use policy_server::{
    Limits, ListenConfig, PolicyFile, Responder,
    port::{Counter, PeerAddr, PolicyListener, REQUEST},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::oneshot,
};

struct Site {
    address: SocketAddr,
    responder: Responder,
    stop: oneshot::Sender<()>,
}

fn start(limits: Limits) -> Site {
    let listener = ListenConfig::default().bind(([127, 0, 0, 1], 0).into()).unwrap();
    let address = listener.local_addr().unwrap();
    let policy = PolicyFile::builder().allow("*.example.com", "8080").build().unwrap();
    let responder = Responder::with_limits(&policy, limits);
    let hello = |ConnectInfo(peer): ConnectInfo<PeerAddr>| async move { format!("hello {}", peer.ip()) };
    let app = Router::new().route("/", get(hello)).into_make_service_with_connect_info::<PeerAddr>();
    let (stop, stopped) = oneshot::channel::<()>();
    let serving = axum::serve(PolicyListener::new(listener, responder.clone()), app)
        .with_graceful_shutdown(async { drop(stopped.await) });
    tokio::spawn(async { serving.await.unwrap() });
    Site { address, responder, stop }
}

async fn ask(address: SocketAddr, bytes: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    answer
}

const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

#[tokio::test]
async fn http_and_policy_share_the_port_and_the_silent_stop_neither() {
    let site = start(Limits::default());
    let mut silent = Vec::new();
    for n in 0..50 {
        let mut stream = TcpStream::connect(site.address).await.unwrap();
        stream.write_all(&REQUEST[..n % REQUEST.len()]).await.unwrap();
        silent.push(stream);
    }
    let http = ask(site.address, GET).await;
    let http = String::from_utf8(http).unwrap();
    assert!(http.starts_with("HTTP/1.1 200 OK\r\n") && http.ends_with("\r\n\r\nhello 127.0.0.1"), "{http}");
    assert_eq!(ask(site.address, REQUEST).await, site.responder.wire());
}

#[tokio::test]
async fn newcomers_above_the_limit_are_closed() {
    let mut limits = Limits::default();
    limits.unclassified = 1;
    let site = start(limits);
    let silent = TcpStream::connect(site.address).await.unwrap();
    assert_eq!(ask(site.address, b"").await, b"");
    assert_eq!(site.responder.metrics().get(Counter::RefusedUnclassified), 1);
    drop(silent);
}

#[tokio::test]
async fn an_answer_under_way_outlives_the_listener() {
    let site = start(Limits::default());
    let mut stream = TcpStream::connect(site.address).await.unwrap();
    stream.write_all(&REQUEST[..10]).await.unwrap();
    // Once HTTP is answered the older connection is being sniffed.
    ask(site.address, GET).await;
    site.stop.send(()).unwrap();
    while TcpStream::connect(site.address).await.is_ok() {}
    stream.write_all(&REQUEST[10..]).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    assert_eq!(answer, site.responder.wire());
}
