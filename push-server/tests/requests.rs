//! Clients that are through with one direction of their connection: they send no more, or they do not read.

mod support;

use push_server::Limits;
use socket2::SockRef;
use support::{Client, TestServer};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpSocket;
use tokio::time::{Duration, Instant, sleep};

/// `printf ... | nc -N`: the request and the end of the sending side arrive together. On several threads, so
/// that the end often overtakes the server's look at the request.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_ends_its_sending_side_with_the_request_is_answered() {
    let server = TestServer::start().await;
    server.publish("newest").await;
    for round in 0..100 {
        for (request, expected) in [
            ("GET /comet HTTP/1.1\r\nHost: x\r\n\r\n", "newest"),
            ("GET /comet HTTP/1.0\r\n\r\n", "newest"),
            ("GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n", "Nothing is served here.\n"),
            ("GET /nothing HTTP/1.0\r\n\r\n", "Nothing is served here.\n"),
        ] {
            let mut client = server.ask(request).await;
            client.socket.shutdown().await.unwrap();
            let answer = client.until(expected.as_bytes()).await;
            assert!(answer.starts_with(b"HTTP/1."), "round {round}: {}", answer.escape_ascii());
        }
    }
    server.stop().await;
}

/// A server with small send buffers, and a client with a small receive buffer that has asked for `pages`
/// pages on one connection.
async fn pipelining(pages: usize) -> (TestServer, Client) {
    let mut limits = Limits::default();
    limits.socket_send_buffer = 4 << 10;
    let server = TestServer::with(limits).await;
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4 << 10).unwrap();
    let mut client = Client::new(socket.connect(server.address).await.unwrap());
    client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n".repeat(pages).as_bytes()).await;
    (server, client)
}

/// How long the server keeps `client`, which does not read: until its reset.
async fn kept(client: &Client, at_most: Duration) -> Duration {
    let begin = Instant::now();
    while SockRef::from(&client.socket).take_error().unwrap().is_none() {
        assert!(begin.elapsed() < at_most, "still held after {:?}", begin.elapsed());
        sleep(Duration::from_millis(100)).await;
    }
    begin.elapsed()
}

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_read_its_response_is_cut_off_after_the_stall_time() {
    let limits = Limits::default();
    let (server, client) = pipelining(200).await;
    let took = kept(&client, limits.stall * 2).await;
    assert!(took >= limits.stall - Duration::from_millis(100), "{took:?}");
    server.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_client_that_reads_slowly_is_not_cut_off() {
    let limits = Limits::default();
    let (server, mut client) = pipelining(20).await;
    for page in 0..20 {
        sleep(limits.stall * 2 / 3).await;
        let text = client.until(b"</html>\n").await;
        assert!(text.starts_with(b"HTTP/1.1 200 "), "page {page}");
    }
    server.stop().await;
}

/// A stream at an address of its own outlives its closing there; it is over, and the server is not.
#[tokio::test]
async fn a_stream_that_was_closed_is_gone() {
    let server = TestServer::start().await;
    server.hub.close_stream(server.stream.name());
    for path in ["/comet", "/comet/sse", "/comet/longpoll", "/comet/poll"] {
        let answer = server.answer(&format!("GET {path} HTTP/1.0\r\n\r\n")).await;
        assert!(answer.starts_with("HTTP/1.0 410 Gone\r\n"), "{path}: {answer}");
        assert!(answer.ends_with("The stream is over.\n"), "{path}: {answer}");
    }
    let answer = server.answer("GET /streams/comet/sse HTTP/1.0\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.0 404 Not Found\r\n"), "{answer}");
    server.stop().await;
}
