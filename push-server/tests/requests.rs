//! Clients that are through with one direction of their connection.

mod support;

use support::TestServer;
use tokio::io::AsyncWriteExt;

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
