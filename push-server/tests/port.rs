//! One port: HTTP, the socket policy, and clients that are neither.

mod support;

use push_server::Limits;
use support::{Client, POLICY, TestServer};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpSocket, TcpStream};

const REQUEST: &[u8] = b"<policy-file-request/>\0";

async fn policy(mut client: Client) {
    let answer = String::from_utf8(client.until(b"\0").await).unwrap();
    assert!(answer.contains(POLICY), "{answer}");
    client.socket.shutdown().await.unwrap();
    assert_eq!(client.rest().await, b"", "one NUL, then the end");
}

#[tokio::test]
async fn the_policy_is_answered_however_the_request_is_cut() {
    let server = TestServer::start().await;
    for cut in 0..REQUEST.len() {
        let mut client = server.ask("").await;
        client.socket.set_nodelay(true).unwrap();
        for part in [&REQUEST[..cut], &REQUEST[cut..]] {
            client.send(part).await;
            tokio::task::yield_now().await;
        }
        policy(client).await;
    }
    let mut client = server.ask("").await;
    client.socket.set_nodelay(true).unwrap();
    for byte in REQUEST {
        client.send(&[*byte]).await;
        tokio::task::yield_now().await;
    }
    policy(client).await;
    server.stop().await;
}

#[tokio::test]
async fn silent_clients_stop_nobody() {
    let server = TestServer::start().await;
    let mut silent = Vec::new();
    for beginning in ["", "", "<policy-file-", "GET /comet HT", "GET / HTTP/1.1\r\nX:"] {
        silent.push(server.ask(beginning).await);
    }
    policy(server.ask("<policy-file-request/>\0").await).await;
    let mut client = server.ask("GET /comet HTTP/1.0\r\n\r\n").await;
    client.head().await;
    server.publish_to(1, "hello").await;
    client.until(b"hello").await;
    drop(silent);
    server.stop().await;
}

#[tokio::test]
async fn other_addresses_and_methods_get_a_short_answer() {
    let server = TestServer::start().await;
    for (request, status, body) in [
        ("GET /nothing", "404 Not Found", "Nothing is served here.\n"),
        (
            "GET /comet/carrier-pigeon",
            "404 Not Found",
            "A transport is one of hessian, script, sse, xhr, multipart, longpoll, poll, ws, ruffle.\n",
        ),
        ("GET /streams/other/sse", "404 Not Found", "No such stream.\n"),
        ("GET /streams/..%2fx/sse", "404 Not Found", "No such stream.\n"),
        ("PUT /comet", "405 Method Not Allowed", "This address does not know this method.\n"),
        ("DELETE /comet/sse", "405 Method Not Allowed", "This address does not know this method.\n"),
        ("DELETE /streams/comet/sse", "405 Method Not Allowed", "This address does not know this method.\n"),
        ("POST /", "405 Method Not Allowed", "This address does not know this method.\n"),
    ] {
        let answer = server.answer(&format!("{request} HTTP/1.0\r\n\r\n")).await;
        assert!(answer.starts_with(&format!("HTTP/1.0 {status}\r\n")), "{request}: {answer}");
        assert!(answer.ends_with(&format!("\r\n\r\n{body}")), "{request}: {answer}");
    }
    for request in [
        "GET /comet?last=many",
        "GET /comet/sse?last=-1",
        "GET /comet?last=1&last=2",
        "GET /streams/%ff/sse",
        "GET /comet/%ff",
    ] {
        let refused = server.answer(&format!("{request} HTTP/1.0\r\n\r\n")).await;
        assert!(refused.starts_with("HTTP/1.0 400 ") && refused.ends_with('\n'), "{request}: {refused}");
        assert!(refused.contains("x-content-type-options: nosniff\r\n"), "{request}: {refused}");
    }
    // What the Flash client sends for a URL without a path.
    let no_path = server.answer("GET  HTTP/1.0\r\n\r\n").await;
    assert!(no_path.starts_with("HTTP/1.") && no_path.contains(" 400 "), "{no_path}");
    // A head, and no stream after it.
    let head = server.answer("HEAD /comet HTTP/1.0\r\n\r\n").await;
    assert!(head.contains("content-type: application/x-hessian\r\n") && head.ends_with("\r\n\r\n"), "{head}");
    server.stop().await;
}

/// RFC 9112, 3.2.
#[tokio::test]
async fn a_request_names_its_host_once_unless_it_is_of_http_1_0() {
    let server = TestServer::start().await;
    for (request, status) in [
        ("GET /comet HTTP/1.1\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\n\r\n", 400),
        ("GET /comet HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", 400),
        ("GET /comet HTTP/1.0\r\nHost: x\r\nHost: x\r\n\r\n", 400),
        ("GET /comet HTTP/1.0\r\n\r\n", 200),
        ("GET /comet HTTP/1.1\r\nHost:\r\n\r\n", 200),
    ] {
        let head = server.ask(request).await.head().await;
        assert!(head[8..].starts_with(&format!(" {status} ")), "{request}: {head}");
    }
    server.stop().await;
}

#[tokio::test]
async fn the_page_and_the_url_policy_are_served() {
    let server = TestServer::start().await;
    let page = server.answer("GET / HTTP/1.0\r\n\r\n").await;
    assert!(page.contains("content-type: text/html") && page.contains("</html>"), "{page}");
    let policy = server.answer("GET /crossdomain.xml HTTP/1.0\r\n\r\n").await;
    assert!(
        policy.contains("content-type: text/x-cross-domain-policy\r\n") && policy.contains(POLICY),
        "{policy}"
    );
    assert!(!policy.contains('\0'));
    server.stop().await;
}

/// The socket leaves the HTTP library for a stream: what was asked before on the same connection is answered
/// first, whole and in order, also if the socket was full when the library met the request for the stream.
#[tokio::test]
async fn a_stream_may_follow_on_other_requests_of_the_same_connection() {
    // Buffers so small that some hundred short answers fill them.
    let mut limits = Limits::default();
    limits.socket_send_buffer = 4 << 10;
    let server = TestServer::with(limits).await;
    server.publish("hello").await;
    // A request body longer than one read, and a response that is a head only: the library drops the rest of
    // the one and goes on to the next request before the other has left.
    let get = "GET /x HTTP/1.1\r\nHost: x\r\n\r\n";
    let head = format!("HEAD /x HTTP/1.1\r\nHost: x\r\nContent-Length: 12000\r\n\r\n{:12000}", "");
    let stream = "GET /comet HTTP/1.1\r\nHost: x\r\n\r\n";
    for before in 0..60 {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4 << 10).unwrap();
        let mut client = Client::new(socket.connect(server.address).await.unwrap());
        let requests = get.repeat(before) + &head + stream;
        client.send(requests.as_bytes()).await;
        // Until the server has done what it can without being read.
        for _ in 0..200 {
            tokio::task::yield_now().await;
        }
        let received = client.until(b"hello\r\n").await;
        let text = String::from_utf8_lossy(&received);
        assert_eq!(text.matches("HTTP/1.1 404 Not Found\r\n").count(), before + 1);
        assert_eq!(text.matches("Nothing is served here.\n").count(), before);
        assert_eq!(text.matches("\r\n\r\nHTTP/1.1 200 OK\r\n").count(), 1, "{text}");
    }
    server.stop().await;
}

#[tokio::test]
async fn a_full_server_says_so_and_recovers() {
    let mut limits = Limits::default();
    limits.connections = 2;
    let server = TestServer::with(limits).await;
    let mut readers = Vec::new();
    for _ in 0..2 {
        let mut reader = server.ask("GET /comet HTTP/1.0\r\n\r\n").await;
        reader.head().await;
        readers.push(reader);
    }
    let refused = server.answer("GET /comet HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert!(refused.starts_with("HTTP/1.1 503 ") && refused.contains("retry-after: 5\r\n"), "{refused}");
    // The policy needs no such permit.
    policy(server.ask("<policy-file-request/>\0").await).await;
    drop(readers);
    support::wait_for(|| server.stream.readers() == 0).await;
    assert!(server.ask("GET /comet HTTP/1.0\r\n\r\n").await.head().await.starts_with("HTTP/1.0 200 "));
    server.stop().await;
}

#[tokio::test]
async fn a_head_that_is_too_long_or_no_http_is_refused() {
    let server = TestServer::start().await;
    let long = format!("GET /comet HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(64 << 10));
    let mut client = Client::new(TcpStream::connect(server.address).await.unwrap());
    let _ = client.socket.write_all(long.as_bytes()).await;
    let answer = String::from_utf8_lossy(&client.until(b"\r\n").await).into_owned();
    assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
    let answer = server.answer("nonsense\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    server.stop().await;
}

#[tokio::test]
async fn a_head_that_does_not_end_is_not_waited_for() {
    let mut limits = Limits::default();
    limits.header_read = std::time::Duration::from_millis(50);
    let server = TestServer::with(limits).await;
    for beginning in ["GET / HT", "GET / HTTP/1.1\r\nX: y\r\n"] {
        let answer = server.answer(beginning).await;
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 408 "), "{answer}");
    }
    server.stop().await;
}
