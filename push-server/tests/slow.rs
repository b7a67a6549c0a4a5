//! Readers who do not read, readers who go, and the others.

mod support;

use push_server::hub::Stats;
use push_server::lifecycle::Close;
use push_server::{Framing, Hub, Limits, Start, Transport, demo};
use support::{EPOCH, TestServer, attach, wait_for};
use tokio::io::AsyncReadExt;
use tokio::time::Duration;

fn closed(stats: &Stats, why: Close) -> u64 {
    stats.closed[why as usize]
}

#[tokio::test]
async fn a_reader_who_stops_is_cut_off_and_the_others_miss_nothing() {
    let mut limits = Limits::default();
    (limits.log_messages, limits.lag_messages) = (64, 32);
    let server = TestServer::with(limits).await;
    let mut stalled = server.ask("GET /comet HTTP/1.0\r\n\r\n").await;
    stalled.head().await;
    let mut healthy = server.ask("GET /comet HTTP/1.0\r\n\r\n").await;
    healthy.head().await;
    wait_for(|| server.stream.readers() == 2).await;
    // Each message is read by the healthy one before the next is published: it never waits for the other.
    let filling = "x".repeat(16 << 10);
    let mut sent = 0;
    while closed(&server.hub.stats(), Close::Slow) == 0 {
        sent += 1;
        assert!(sent < 10_000, "the stalled reader is never cut off");
        server.publish(&format!("{sent:05}{filling}")).await;
        let message = healthy.until(filling.as_bytes()).await;
        let number = &message[message.len() - filling.len() - 5..][..5];
        assert_eq!(number, format!("{sent:05}").as_bytes());
    }
    assert_eq!(server.stream.readers(), 1);
    // What the kernel held for it is thrown away: it is told by a reset, not by an end that looks clean.
    let mut rest = Vec::new();
    let end = stalled.socket.read_to_end(&mut rest).await;
    assert_eq!(end.unwrap_err().kind(), std::io::ErrorKind::ConnectionReset);
    server.stop().await;
}

#[tokio::test]
async fn a_reader_who_is_behind_catches_up_in_order() {
    let mut limits = Limits::default();
    (limits.log_messages, limits.lag_messages) = (2_000, 2_000);
    (limits.log_bytes, limits.lag_bytes) = (64 << 20, 64 << 20);
    let server = TestServer::with(limits).await;
    let mut client = server.ask("GET /comet HTTP/1.0\r\n\r\n").await;
    client.head().await;
    wait_for(|| server.stream.readers() == 1).await;
    let filling = "x".repeat(8 << 10);
    for number in 0..1_000 {
        server.publish(&format!("{number:05}{filling}")).await;
    }
    for number in 0..1_000 {
        let message = client.until(filling.as_bytes()).await;
        let told = &message[message.len() - filling.len() - 5..][..5];
        assert_eq!(told, format!("{number:05}").as_bytes());
    }
    assert_eq!(server.stream.readers(), 1);
    server.stop().await;
}

/// Bytes that the kernel holds on the server's side for `client`: not sent, or not acknowledged.
#[cfg(target_os = "linux")]
fn held_by_the_kernel(server: std::net::SocketAddr, client: std::net::SocketAddr) -> usize {
    let port = |field: &str| u16::from_str_radix(field.split_once(':').unwrap().1, 16).unwrap();
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let socket = table.lines().skip(1).map(|line| line.split_whitespace().collect::<Vec<_>>());
    let is_ours = |line: &Vec<&str>| port(line[1]) == server.port() && port(line[2]) == client.port();
    let line = socket.into_iter().find(is_ours).expect("the connection is there");
    usize::from_str_radix(line[4].split_once(':').unwrap().0, 16).unwrap()
}

/// Without bounds it would be megabytes (the kernel's own bound is some 4 MB).
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_reader_who_stops_parks_little_in_the_kernel() {
    let limits = Limits::default();
    let bound = 2 * limits.socket_send_buffer + limits.socket_unsent as usize;
    let server = TestServer::with(limits).await;
    let mut stalled = server.ask("GET /comet/sse HTTP/1.0\r\n\r\n").await;
    stalled.head().await;
    wait_for(|| server.stream.readers() == 1).await;
    let filling = "x".repeat(16 << 10);
    // Until it lags: then every buffer is full.
    while server.stream.stats().lag < 16 {
        server.publish(&filling).await;
        tokio::task::yield_now().await;
    }
    let held = held_by_the_kernel(server.address, stalled.socket.local_addr().unwrap());
    println!("a stalled reader: {held} bytes of it in the server's kernel, bound {bound}");
    assert!(held > 0 && held <= bound, "{held} of {bound}");
    // And all is given back when it goes.
    drop(stalled);
    wait_for(|| server.stream.readers() == 0).await;
    server.stop().await;
}

/// A replay longer than the lag that a live reader may have is no lag: else a client that comes back would be
/// cut off again and again.
#[tokio::test]
async fn a_replay_is_no_lag() {
    let mut limits = Limits::default();
    (limits.log_messages, limits.log_bytes, limits.lag_messages) = (1_000, 64 << 20, 4);
    let server = TestServer::with(limits).await;
    let filling = "x".repeat(8 << 10);
    for number in 0..900 {
        server.publish(&format!("{number:05}{filling}")).await;
    }
    let mut client = server.ask("GET /comet?last=900 HTTP/1.0\r\n\r\n").await;
    client.head().await;
    wait_for(|| server.stream.readers() == 1).await;
    for number in 900..920 {
        server.publish(&format!("{number:05}{filling}")).await;
    }
    for number in 0..920 {
        let message = client.until(filling.as_bytes()).await;
        assert_eq!(message[message.len() - filling.len() - 5..][..5], *format!("{number:05}").as_bytes());
    }
    server.stop().await;
}

/// A publisher without pauses is faster than the shards, and waits for them: readers in good health lose
/// nothing to it, although the log is short.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_publisher_in_a_hurry_outruns_nobody() {
    let mut limits = Limits::default();
    (limits.log_messages, limits.lag_messages) = (16, 1 << 40);
    let server = TestServer::with(limits).await;
    let mut clients = Vec::new();
    for _ in 0..8 {
        let mut client = server.ask("GET /streams/comet/sse HTTP/1.0\r\n\r\n").await;
        client.until(b"id: ab:0\n\n").await;
        clients.push(client);
    }
    wait_for(|| server.stream.readers() == 8).await;
    let stream = server.stream.clone();
    let publisher = tokio::spawn(async move {
        for number in 1..=1_000 {
            stream.publish(&number).await.unwrap();
        }
    });
    for client in &mut clients {
        for number in 1..=1_000 {
            let event = client.until(b"\n\n").await;
            let expected = format!("id: ab:{number}\ndata: {number}\n\n");
            assert_eq!(String::from_utf8(event).unwrap(), expected);
        }
    }
    publisher.await.unwrap();
    server.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_takes_nothing_is_cut_off_after_the_stall_time() {
    let hub = Hub::start(EPOCH, Limits::default(), 1);
    let stream = demo::open(&hub).unwrap();
    let ws = Transport::hessian(Framing::Ws);
    // More than every buffer between here and there holds.
    let head = "x".repeat(32 << 20);
    let _stalled = attach(&stream, ws, Start::Live, false, &head).await;
    wait_for(|| stream.readers() == 1).await;
    let begin = tokio::time::Instant::now();
    while closed(&hub.stats(), Close::Timeout) == 0 {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let limits = Limits::default();
    let took = begin.elapsed();
    assert!(took >= limits.stall && took <= limits.stall + Duration::from_secs(1), "{took:?}");
}

#[tokio::test]
async fn a_client_that_talks_too_much_is_cut_off() {
    let hub = Hub::start(EPOCH, Limits::default(), 1);
    let stream = demo::open(&hub).unwrap();
    let mut client = attach(&stream, Transport::Sse, Start::Live, false, "head").await;
    client.until(b"head").await;
    client.send(&vec![b'x'; Limits::default().ignored_input]).await;
    stream.publish("still there").await.unwrap();
    client.until(b"still there").await;
    client.send(b"x").await;
    wait_for(|| closed(&hub.stats(), Close::Failed) == 1).await;
    assert_eq!(stream.readers(), 0);
}

#[tokio::test]
async fn a_peer_that_goes_is_noticed_while_the_stream_is_silent() {
    let server = TestServer::start().await;
    let mut clients = Vec::new();
    for path in ["/comet", "/comet/sse", "/comet/script"] {
        let mut client = server.ask(&format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n")).await;
        client.head().await;
        clients.push(client);
    }
    wait_for(|| server.stream.readers() == 3).await;
    drop(clients);
    wait_for(|| closed(&server.hub.stats(), Close::Peer) == 3).await;
    assert_eq!(server.stream.readers(), 0);
    server.stop().await;
}
