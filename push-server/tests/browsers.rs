//! Streams for browsers: server-sent events and script tags.

mod support;

use support::TestServer;

#[tokio::test]
async fn events_carry_their_position_and_json() {
    let server = TestServer::start().await;
    let mut client = server.ask("GET /comet/sse HTTP/1.1\r\nHost: x\r\n\r\n").await;
    let head = client.head().await;
    assert!(
        head.starts_with("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncache-control: no-store\r\n")
    );
    assert_eq!(client.until(b"\n\n\r\n").await, b"16\r\nretry: 2000\nid: ab:0\n\n\r\n");
    server.publish_to(1, "a\nb</script>").await;
    let event = "id: ab:1\ndata: {\"value\":\"a\\nb</script>\"}\n\n";
    assert_eq!(client.until(b"\n\n\r\n").await, format!("{:x}\r\n{event}\r\n", event.len()).into_bytes());
    server.stop().await;
    assert_eq!(client.rest_text().await, "1a\r\nevent: rotate\ndata: ab:1\n\n\r\n0\r\n\r\n");
}

#[tokio::test]
async fn a_browser_that_comes_back_goes_on_where_it_was() {
    let server = TestServer::start().await;
    for line in ["one", "two", "three"] {
        server.publish(line).await;
    }
    let resume = |id: &str| format!("GET /comet/sse HTTP/1.0\r\nLast-Event-ID: {id}\r\n\r\n");
    let mut client = server.ask(&resume("ab:1")).await;
    assert!(client.head().await.contains("push-resume: complete\r\n"));
    let events = client.until(b"three\"}\n\n").await;
    let expected = "retry: 2000\nid: ab:1\nevent: resume\ndata: complete\n\n\
        id: ab:2\ndata: {\"value\":\"two\"}\n\nid: ab:3\ndata: {\"value\":\"three\"}\n\n";
    assert_eq!(String::from_utf8(events).unwrap(), expected);

    // Another run of the server: the history is another one, and the client is told.
    let mut client = server.ask(&resume("aa:7")).await;
    assert!(client.head().await.contains("push-resume: epoch-changed\r\n"));
    let text = String::from_utf8(client.until(b"one\"}\n\n").await).unwrap();
    assert!(text.contains("event: resume\ndata: epoch-changed\n\n"), "{text}");

    for bad in ["1", "ab:", "ab:x", "%00", "AB:1"] {
        let answer = server.answer(&format!("GET /comet/sse?since={bad} HTTP/1.0\r\n\r\n")).await;
        assert!(answer.starts_with("HTTP/1.0 400 ") && answer.contains("epoch:sequence"), "{bad}: {answer}");
    }
    server.stop().await;
}

/// A browser gives the id of whatever served this address before, and gives up for good on an error.
#[tokio::test]
async fn an_id_that_is_no_position_is_one_of_another_history() {
    let server = TestServer::start().await;
    server.publish("one").await;
    for id in ["1", "ab:", "ab:x", "%00", "AB:1", "d\u{e9}j\u{e0}"] {
        let request = format!("GET /comet/sse HTTP/1.0\r\nLast-Event-ID: {id}\r\n\r\n");
        let mut client = server.ask(&request).await;
        assert!(client.head().await.contains("push-resume: epoch-changed\r\n"), "{id}");
        let text = String::from_utf8(client.until(b"one\"}\n\n").await).unwrap();
        assert!(text.contains("id: ab:0\nevent: resume\ndata: epoch-changed\n\n"), "{id}: {text}");
    }
    server.stop().await;
}

/// As scripts do against caches.
#[tokio::test]
async fn parameters_that_a_stream_does_not_know_are_ignored() {
    let server = TestServer::start().await;
    server.publish("one").await;
    for path in ["/comet?_=123", "/comet/sse?_=1&_=2", "/streams/comet/script?last=1&nocache"] {
        let mut client = server.ask(&format!("GET {path} HTTP/1.0\r\n\r\n")).await;
        assert!(client.head().await.starts_with("HTTP/1.0 200 "), "{path}");
        client.until(b"one").await;
    }
    server.stop().await;
}

#[tokio::test]
async fn a_gap_is_told() {
    let mut limits = push_server::Limits::default();
    limits.log_messages = 2;
    let server = TestServer::with(limits).await;
    for line in ["one", "two", "three", "four"] {
        server.publish(line).await;
    }
    let mut client = server.ask("GET /comet/sse?since=ab:1 HTTP/1.0\r\n\r\n").await;
    assert!(client.head().await.contains("push-resume: gap 2-2\r\n"));
    let text = String::from_utf8(client.until(b"three\"}\n\n").await).unwrap();
    assert!(text.contains("id: ab:2\nevent: resume\ndata: gap 2-2\n\nid: ab:3\n"), "{text}");
    server.stop().await;
}

#[tokio::test]
async fn script_tags_call_the_parent_page() {
    let server = TestServer::start().await;
    let mut client = server.ask("GET /comet/script?callback=show HTTP/1.0\r\n\r\n").await;
    let head = client.head().await;
    assert!(head.contains("content-type: text/html; charset=utf-8\r\n"), "{head}");
    let preamble = String::from_utf8(client.until(b"</script>\n").await).unwrap();
    assert!(preamble.starts_with("<!DOCTYPE html>") && preamble.len() >= 2_048, "{preamble}");
    assert!(preamble.contains("window.parent.show(value, position)"), "{preamble}");
    server.publish_to(1, "</script>\u{2028}<!--").await;
    let tag = String::from_utf8(client.until(b"</script>\n").await).unwrap();
    let call = "comet_update({\"value\":\"\\u003c/script\\u003e\\u2028\\u003c!--\"}, \"ab:1\");";
    assert_eq!(tag, format!("<script type=\"text/javascript\">{call}</script>\n"));
    server.stop().await;
    let call = "comet_call(\"comet_end\", \"rotate\", \"ab:1\");";
    let end = format!("<script type=\"text/javascript\">{call}</script>\n</body></html>\n");
    assert_eq!(client.rest_text().await, end);
}

#[tokio::test]
async fn a_callback_that_is_no_name_is_refused_and_not_repeated() {
    let server = TestServer::start().await;
    for callback in ["a.b", "x();//", "%3C/script%3E%3Cscript%3E", "", "1a"] {
        let answer = server.answer(&format!("GET /comet/script?callback={callback} HTTP/1.0\r\n\r\n")).await;
        assert!(answer.starts_with("HTTP/1.0 400 "), "{callback}: {answer}");
        assert!(answer.contains("content-type: text/plain") && !answer.contains('<'), "{answer}");
    }
    server.stop().await;
}
