//! What operators see, and what strangers do not.

use crate::harness::{Server, get, wait_for};

/// The value of one line of the metrics.
fn metric(server: &Server, name: &str) -> Option<f64> {
    let text = get(server.address("admin"), "/metrics").body;
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok())
}

fn expect(server: &Server, name: &str, value: f64) {
    wait_for(
        || metric(server, name) == Some(value),
        || format!("{name} is no {value}:\n{}", get(server.address("admin"), "/metrics").body),
    );
}

#[test]
fn strangers_see_a_word_each_unless_it_is_said_otherwise() {
    let paths = ["/healthz", "/readyz", "/metrics", "/console", "/console/status", "/console/live/poll"];
    for (public, expected) in [
        (None, [200, 200, 404, 404, 404, 404]),
        (Some("nothing"), [404; 6]),
        (Some("health"), [200, 200, 404, 404, 404, 404]),
        (Some("all"), [200; 6]),
    ] {
        let args: Vec<_> = public.into_iter().flat_map(|public| ["--public", public]).collect();
        let server = Server::start(&args);
        assert_eq!(paths.map(|path| server.get(path).status), expected, "{public:?}");
    }
    let server = Server::start(&["--admin", "127.0.0.1:0"]);
    let admin = server.address("admin");
    assert_eq!(paths.map(|path| get(admin, path).status), [200; 6]);
    assert_eq!(get(admin, "/streams/news/poll").status, 404, "no streams for clients");
    assert_eq!((get(admin, "/healthz").body, get(admin, "/readyz").body), ("ok\n".into(), "ready\n".into()));
}

#[test]
fn metrics_and_console_tell_the_load_that_there_is() {
    let server = Server::start(&["--admin", "127.0.0.1:0", "--set", "metrics.streams=2"]);
    let mut readers = Vec::new();
    for (path, count) in [("/streams/a/sse", 5), ("/streams/a/xhr", 3), ("/streams/b/hessian", 2)] {
        readers.extend((0..count).map(|_| server.read(path)));
    }
    expect(&server, "push_server_connections_open{transport=\"sse\"}", 5.0);
    expect(&server, "push_server_connections_open{transport=\"xhr\"}", 3.0);
    expect(&server, "push_server_connections_open{transport=\"hessian\"}", 2.0);
    for (stream, count) in [("a", 7), ("b", 2), ("c", 4)] {
        for _ in 0..count {
            assert_eq!(server.publish(stream, "\"x\"").status, 200);
        }
    }
    expect(&server, "push_server_messages_total", 13.0);
    expect(&server, "push_server_stream_messages_total{stream=\"a\"}", 7.0);
    expect(&server, "push_server_stream_readers{stream=\"a\"}", 8.0);
    expect(&server, "push_server_stream_readers{stream=\"b\"}", 2.0);
    expect(&server, "push_server_stream_held_messages{stream=\"(others)\"}", 4.0);
    assert_eq!(metric(&server, "push_server_stream_messages_total{stream=\"c\"}"), None, "past the bound");
    expect(&server, "push_server_connections_opened_total", 10.0);
    assert_eq!(server.get("/streams/%20/sse").status, 400);
    expect(&server, "push_server_http_responses_total{code=\"400\"}", 1.0);
    expect(&server, "push_server_refusals_total{reason=\"malformed\"}", 1.0);
    expect(&server, "push_server_refusals_total{reason=\"origin\"}", 0.0);
    drop(readers.drain(..5));
    expect(&server, "push_server_connections_closed_total{reason=\"peer\"}", 5.0);
    expect(&server, "push_server_connections_open{transport=\"sse\"}", 0.0);
    expect(&server, "push_server_ready", 1.0);

    // The console tells the same, at once and live.
    let status = get(server.address("admin"), "/console/status").body;
    let status: serde_json::Value = serde_json::from_str(&status).unwrap();
    assert_eq!(status["all"]["messages"], 13);
    assert_eq!(status["connections"]["open"]["xhr"], 3);
    assert_eq!(status["refusals"]["malformed"], 1);
    assert_eq!(status["streams"][0]["name"], "a");
    let mut live = crate::harness::Reader::new(server.address("admin"), "/console/live/sse");
    let event = live.until("data: {");
    let live: serde_json::Value = serde_json::from_str(event.trim_start_matches("data: ")).unwrap();
    assert_eq!((&live["all"], &live["phase"]), (&status["all"], &status["phase"]));
    // Who looks is not counted among the clients.
    expect(&server, "push_server_connections_opened_total", 10.0);
    let text = get(server.address("admin"), "/metrics");
    assert!(text.head.contains("application/openmetrics-text") && text.body.ends_with("# EOF\n"), "{text:?}");
}

#[test]
fn who_finds_no_place_is_told_when_to_come_back_and_counted() {
    let server = Server::start(&["--admin", "127.0.0.1:0", "--set", "limits.connections=2"]);
    let _readers = [server.read("/streams/a/sse"), server.read("/streams/a/sse")];
    let answer = server.get("/streams/a/poll");
    assert!(answer.status == 503 && answer.head.contains("retry-after: "), "{answer:?}");
    expect(&server, "push_server_turned_away_total", 1.0);
    expect(&server, "push_server_refusals_total{reason=\"connections\"}", 1.0);
    assert_eq!(get(server.address("admin"), "/readyz").status, 200, "operators have a place of their own");
}

#[test]
fn the_console_loads_nothing_from_elsewhere() {
    let server = Server::start(&["--admin", "127.0.0.1:0"]);
    let admin = server.address("admin");
    let page = get(admin, "/console");
    assert!(page.head.contains("content-security-policy: default-src 'none'"), "{}", page.head);
    for (path, kind) in [("/console/console.js", "text/javascript"), ("/console/console.css", "text/css")] {
        assert!(page.body.contains(path) && get(admin, path).head.contains(kind), "{path}");
    }
    let server = Server::start(&["--admin", "127.0.0.1:0", "--set", "admin.console=false"]);
    assert_eq!(get(server.address("admin"), "/console").status, 404);
    assert_eq!(get(server.address("admin"), "/metrics").status, 200);
}

#[test]
fn logs_are_structured_and_hold_no_text_of_strangers_unescaped() {
    for format in ["text", "json"] {
        let server = Server::start(&["--log-format", format, "--set", "log.filter=debug"]);
        let hostile = "/streams/\u{9b}31m\u{202e}x\u{1b}[2J?token=secret";
        let request = format!("GET {hostile} HTTP/1.0\r\nOrigin: \u{1b}[31m\r\nX: a\tb\r\n\r\n");
        let mut socket = std::net::TcpStream::connect(server.clients()).unwrap();
        std::io::Write::write_all(&mut socket, request.as_bytes()).unwrap();
        let mut answer = Vec::new();
        let _ = std::io::Read::read_to_end(&mut socket, &mut answer);
        assert_eq!(server.get("/streams/%1b%5b31m%0aERROR%20forged/sse?token=secret").status, 400);
        server.expect_log("answered", 1);
        let log = server.log();
        assert!(!log.contains(['\u{1b}', '\u{9b}', '\u{202e}']) && !log.contains("secret"), "{log}");
        assert!(log.lines().all(|line| !line.starts_with("ERROR")), "{log}");
        if format == "json" {
            for line in log.lines() {
                let line: serde_json::Value = serde_json::from_str(line).unwrap();
                assert!(line["level"].is_string() && line["message"].is_string(), "{line}");
            }
        }
    }
}

/// Who asks for pages and reads none of them costs one text, not one for each, and holds up nobody.
#[test]
fn pages_of_thousands_of_streams_are_written_once_and_the_console_tells_them_too() {
    use std::io::Write as _;
    use std::net::TcpStream;

    const STREAMS: usize = 3_000;
    let mut server = Server::start(&["--public", "all", "--set", "metrics.streams=10000"]);
    for number in 0..STREAMS {
        assert_eq!(server.publish(&format!("{number:0>60}"), "1").status, 200);
    }
    let mut idle: Vec<TcpStream> = Vec::new();
    for path in ["/metrics", "/console/status"].into_iter().cycle().take(60) {
        let mut socket = TcpStream::connect(server.clients()).unwrap();
        write!(socket, "GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
        idle.push(socket);
    }
    let mut live = crate::harness::Reader::new(server.clients(), "/console/live/sse");
    let event = live.until("data: {");
    let live: serde_json::Value = serde_json::from_str(event.trim_start_matches("data: ")).unwrap();
    assert!(event.len() > 1 << 20, "longer than a message of clients may be");
    assert_eq!(live["streams"].as_array().map(Vec::len), Some(STREAMS));
    assert_eq!(server.get("/healthz").status, 200);
    server.signal("TERM");
    server.signal("INT");
    assert!(server.status().code().is_some(), "it ends although nobody reads");
}
