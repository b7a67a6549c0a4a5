//! The streams of JSON objects, byte by byte: lines (`xhr`) and parts (`multipart`).

mod support;

use push_server::Limits;
use support::{EPOCH, TestServer};

const FIELDS: &str = "cache-control: no-store\r\n\
    x-content-type-options: nosniff\r\n\
    x-accel-buffering: no\r\n\
    push-position: ab:0\r\n\
    push-heartbeat: 15\r\n";

fn chunk(body: &str) -> String {
    format!("{:x}\r\n{body}\r\n", body.len())
}

#[tokio::test]
async fn lines_come_in_chunks_or_plain_by_get_or_post() {
    for (request, is_chunked) in [
        ("GET /streams/comet/xhr HTTP/1.1\r\nHost: x\r\n\r\n", true),
        ("POST /streams/comet/xhr HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc", true),
        ("GET /streams/comet/xhr HTTP/1.0\r\n\r\n", false),
        ("POST /streams/comet/xhr HTTP/1.0\r\nContent-Length: 0\r\n\r\n", false),
    ] {
        let server = TestServer::open(Limits::default(), EPOCH).await;
        let framed = |body: &str| if is_chunked { chunk(body) } else { body.to_owned() };
        let mut client = server.ask(request).await;
        let (version, framing) = match is_chunked {
            true => ("1.1", "connection: close\r\ntransfer-encoding: chunked\r\n"),
            false => ("1.0", "connection: close\r\n"),
        };
        let media_type = "content-type: application/x-ndjson; charset=utf-8\r\n";
        let head = format!("HTTP/{version} 200 OK\r\n{media_type}{FIELDS}push-rotate: 30\r\n{framing}\r\n");
        assert_eq!(client.head().await, head);
        let begin = r#"{"event":"begin","position":"ab:0","resume":"fresh","heartbeat":15,"rotate":30}"#;
        let first = framed(&format!("{begin:2048}\n"));
        assert_eq!(String::from_utf8(client.take(first.len()).await).unwrap(), first);
        server.publish_to(1, "a\nb</script>\u{2028}").await;
        server.stream.publish_json("[1,\r\n 2]\n").await.unwrap();
        for line in [
            "{\"position\":\"ab:1\",\"data\":{\"value\":\"a\\nb</script>\u{2028}\"}}\n",
            "{\"position\":\"ab:2\",\"data\":[1,   2]}\n",
        ] {
            let line = framed(line);
            assert_eq!(String::from_utf8(client.take(line.len()).await).unwrap(), line);
        }
        server.stop().await;
        let mut last = framed("{\"event\":\"rotate\",\"position\":\"ab:2\"}\n");
        last.push_str(if is_chunked { "0\r\n\r\n" } else { "" });
        assert_eq!(client.rest_text().await, last);
    }
}

#[tokio::test]
async fn each_message_is_a_part_that_is_complete_when_it_has_come() {
    for (request, is_chunked) in [
        ("GET /streams/comet/multipart?rotate=60 HTTP/1.1\r\nHost: x\r\n\r\n", true),
        ("POST /streams/comet/multipart?rotate=60 HTTP/1.0\r\nContent-Length: 0\r\n\r\n", false),
    ] {
        let server = TestServer::open(Limits::default(), EPOCH).await;
        let framed = |body: &str| if is_chunked { chunk(body) } else { body.to_owned() };
        let mut client = server.ask(request).await;
        let head = client.head().await;
        let media_type = "content-type: multipart/x-mixed-replace; boundary=push-server-part\r\n";
        let (version, framing) = match is_chunked {
            true => ("1.1", "connection: close\r\ntransfer-encoding: chunked\r\n"),
            false => ("1.0", "connection: close\r\n"),
        };
        assert_eq!(
            head,
            format!("HTTP/{version} 200 OK\r\n{media_type}{FIELDS}push-rotate: 60\r\n{framing}\r\n")
        );
        let next = "\r\n--push-server-part\r\nContent-Type: application/json\r\n\r\n";
        let begin = r#"{"event":"begin","position":"ab:0","resume":"fresh","heartbeat":15,"rotate":60}"#;
        let first = framed(&format!("{}{begin}{next}", &next[2..]));
        assert_eq!(String::from_utf8(client.take(first.len()).await).unwrap(), first);
        server.publish_to(1, "\r\n--push-server-part--\r\n").await;
        let text = r#""\r\n--push-server-part--\r\n""#;
        let part = framed(&format!("{{\"position\":\"ab:1\",\"data\":{{\"value\":{text}}}}}{next}"));
        assert_eq!(String::from_utf8(client.take(part.len()).await).unwrap(), part);
        server.stop().await;
        let mut last = framed("{\"event\":\"rotate\",\"position\":\"ab:1\"}\r\n--push-server-part--\r\n");
        last.push_str(if is_chunked { "0\r\n\r\n" } else { "" });
        assert_eq!(client.rest_text().await, last);
    }
}

/// One client alone gets it, without a position; who asks for the head only is nobody.
#[tokio::test]
async fn a_direct_message_has_no_position() {
    let server = TestServer::open(Limits::default(), EPOCH).await;
    let head = server.answer("HEAD /streams/comet/xhr?client=bob HTTP/1.0\r\n\r\n").await;
    assert!(head.contains("application/x-ndjson") && server.stream.client_count() == 0, "{head}");
    let mut clients = Vec::new();
    for transport in ["xhr", "multipart", "sse", "script", "hessian"] {
        let request = format!("GET /streams/comet/{transport}?client={transport} HTTP/1.0\r\n\r\n");
        let mut client = server.ask(&request).await;
        assert_eq!(client.head().await.contains("push-counting: none\r\n"), transport == "hessian");
        clients.push((transport, client));
    }
    support::wait_for(|| server.stream.readers() == clients.len()).await;
    for (transport, client) in &mut clients {
        assert!(server.stream.send_to(&transport.parse().unwrap(), &7).unwrap().is_connected);
        let expected: &[u8] = match *transport {
            "xhr" => b"\n{\"data\":7}\n",
            "multipart" => b"\r\n\r\n{\"data\":7}\r\n--",
            "sse" => b"\n\ndata: 7\n\n",
            "script" => b">comet_update(7, null);<",
            _ => b"\x05\x01\x97",
        };
        client.until(expected).await;
    }
    server.stop().await;
}
