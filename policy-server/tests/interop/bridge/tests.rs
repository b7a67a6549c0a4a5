//! The bridge by itself: whom it takes, what it carries, how it ends. `tokio-tungstenite` stands for the page.

use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

use super::{Bridge, Limits};
use crate::site;

const ALLOWED: &str = "http://127.0.0.1:8080";
/// For what happens at once. Below every default of [`Limits`].
const SOON: Duration = Duration::from_secs(2);

type Page = WebSocketStream<TcpStream>;

/// A bridge on a port of its own, to a target that the test plays.
fn start(limits: Limits) -> (SocketAddr, TcpListener) {
    let (target, address) = site::listen();
    (start_to(address, limits), target)
}

fn start_to(target: SocketAddr, limits: Limits) -> SocketAddr {
    let (listener, address) = site::listen();
    let app = Router::new().route("/", Bridge::new(target, site::policy(target.port()), limits).route());
    tokio::spawn(async { axum::serve(listener, app).await.expect("axum serves until the test ends") });
    address
}

/// Opens a WebSocket as a page of these origins would. If it is refused: by which status.
async fn open(bridge: SocketAddr, origins: &[&str]) -> Result<Page, u16> {
    let mut request = format!("ws://{bridge}/").into_client_request().expect("an address");
    for origin in origins {
        request.headers_mut().append("origin", HeaderValue::from_str(origin).expect("a header"));
    }
    let stream = TcpStream::connect(bridge).await.expect("the bridge listens");
    match client_async(request, stream).await {
        Ok((page, _)) => Ok(page),
        Err(Error::Http(response)) => Err(response.status().as_u16()),
        Err(e) => panic!("the bridge answers a handshake: {e}"),
    }
}

/// A page, and the target's end of its connection.
async fn pair(limits: Limits) -> (Page, TcpStream) {
    let (bridge, target) = start(limits);
    let page = open(bridge, &[ALLOWED]).await.expect("this origin is allowed");
    let (stream, _) = target.accept().await.expect("the bridge has connected");
    (page, stream)
}

async fn soon<T>(future: impl Future<Output = T>) -> T {
    timeout(SOON, future).await.expect("it happens at once")
}

/// What the target reads until its connection ends, cleanly or not.
async fn read_all(mut target: TcpStream) -> Vec<u8> {
    let mut read = Vec::new();
    let _ = target.read_to_end(&mut read).await;
    read
}

#[tokio::test]
async fn only_origins_of_the_policy_come_through() {
    let (bridge, _target) = start(Limits::default());
    for (origins, status) in [
        (&[ALLOWED][..], 101),
        (&["https://www.example.com"], 101),
        (&["https://www.example.com.evil.net"], 403),
        (&["http://localhost"], 403),
        (&["null"], 403),
        (&[""], 403),
        (&[], 403),
        (&[ALLOWED, "http://evil.net"], 403),
    ] {
        assert_eq!(open(bridge, origins).await.err().unwrap_or(101), status, "{origins:?}");
    }
}

#[tokio::test]
async fn a_full_bridge_and_a_target_that_is_gone_are_told_in_the_handshake() {
    let (bridge, target) = start(Limits { connections: 1, ..Limits::default() });
    let mut first = open(bridge, &[ALLOWED]).await.expect("there is a place");
    assert_eq!(open(bridge, &[ALLOWED]).await.err(), Some(503));
    // The place is given back.
    let (at_target, _) = target.accept().await.expect("the bridge has connected");
    first.close(None).await.expect("the bridge reads");
    assert_eq!(soon(read_all(at_target)).await, b"");
    soon(async { while open(bridge, &[ALLOWED]).await.is_err() {} }).await;

    let (gone, address) = site::listen();
    drop(gone);
    assert_eq!(open(start_to(address, Limits::default()), &[ALLOWED]).await.err(), Some(502));
}

/// A mebibyte each way at the same time, in messages of many sizes.
#[tokio::test]
async fn bytes_go_both_ways_unchanged_and_ends_follow_them() {
    let (page, mut target) = pair(Limits::default()).await;
    let sent: Vec<u8> = (0..1u32 << 20).map(|i| ((i * 31) >> 3) as u8).collect();
    let (mut to_bridge, mut from_bridge) = page.split();

    let up = async {
        let (mut rest, mut size) = (&sent[..], 1);
        while !rest.is_empty() {
            let (piece, after) = rest.split_at(size.min(rest.len()));
            to_bridge.send(Message::binary(piece.to_vec())).await.expect("the bridge reads");
            (rest, size) = (after, size * 3 % 60_000 + 1);
        }
    };
    let down = async {
        let mut read = Vec::new();
        // To the very end: the page's answer to the close leaves when it is read on.
        while let Some(message) = from_bridge.next().await {
            match message.expect("an end in order") {
                Message::Binary(piece) => read.extend_from_slice(&piece),
                Message::Close(_) => {}
                other => panic!("a bridge sends bytes: {other:?}"),
            }
        }
        read
    };
    let at_target = async {
        let (mut reader, mut writer) = target.split();
        let mut read = vec![0; sent.len()];
        let (all_read, all_written) = tokio::join!(reader.read_exact(&mut read), writer.write_all(&sent));
        all_read.expect("all of it comes");
        all_written.expect("all of it goes");
        writer.shutdown().await.expect("an end");
        read
    };
    let ((), down, up) = timeout(Duration::from_secs(10), async { tokio::join!(up, down, at_target) })
        .await
        .expect("two mebibytes do not take that long");
    assert!(down == sent, "the page read {} bytes, or other ones", down.len());
    assert!(up == sent, "the target read {} bytes, or other ones", up.len());
    // The page has answered the end of the stream with its own, as browsers do, and the bridge passed it on.
    assert_eq!(soon(read_all(target)).await, b"");
}

#[tokio::test]
async fn messages_that_are_no_bytes_or_too_many_end_the_connection() {
    let mut limits = Limits::default();
    limits.bounds.message = 1000;
    for (message, carried) in [
        (Message::binary(vec![7; 1000]), 1000),
        (Message::binary(vec![7; 1001]), 0),
        (Message::text("GET / HTTP/1.0"), 0),
    ] {
        let (mut page, target) = pair(limits.clone()).await;
        page.send(message.clone()).await.expect("the bridge reads");
        if carried > 0 {
            page.close(None).await.expect("the bridge reads");
        }
        // By itself, if it was not carried.
        assert_eq!(soon(read_all(target)).await.len(), carried, "{} bytes", message.len());
    }
}

/// One side has ended and the other neither ends nor reads on.
#[tokio::test]
async fn nobody_lingers() {
    let mut limits = Limits::default();
    limits.bounds.linger = Duration::from_millis(100);
    // The page is gone without a word of goodbye, the target stays.
    let (page, mut target) = pair(limits.clone()).await;
    drop(page);
    soon(async { while target.write_all(&[1; 4096]).await.is_ok() {} }).await;
    // The target is gone, the page never answers.
    let (page, target) = pair(limits).await;
    drop(target);
    let mut page = page.into_inner();
    soon(async { while !matches!(page.read(&mut [0; 64]).await, Ok(0) | Err(_)) {} }).await;
}

/// The library behind the bridge does it; this is to notice if another one did not.
#[tokio::test]
async fn frames_without_a_mask_are_refused() {
    let (page, target) = pair(Limits::default()).await;
    // Binary, four bytes: what a client must mask, so that no proxy takes it for a request of its own.
    page.into_inner().write_all(b"\x82\x04GET ").await.expect("the bridge reads");
    assert_eq!(soon(read_all(target)).await, b"");
}
