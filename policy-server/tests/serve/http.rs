//! What it serves over HTTP itself.

use std::io::{Read as _, Write as _};

use crate::harness::{Server, connect, get, http, read_to_end};

fn start(more: &[&str]) -> Server {
    Server::start(&[&["--listen", "127.0.0.1:0", "--allow", "*.example.com:8080"][..], more].concat())
}

#[test]
fn the_url_policy_has_the_right_type_and_no_ports() {
    let server = start(&[]);
    let (head, body) = get(server.address("listen"), "/crossdomain.xml");
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    assert!(head.contains("\r\ncontent-type: text/x-cross-domain-policy\r\n"), "{head}");
    let expected = policy_server::PolicyFile::builder().allow("*.example.com", "8080").build().unwrap();
    assert_eq!(body, expected.to_url_policy());
}

#[test]
fn other_paths_and_methods_are_refused_and_never_echoed() {
    let server = start(&[]);
    let address = server.address("listen");
    let request = |line: &str| {
        http(connect(address), &format!("{line} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"))
    };
    let (head, body) = request("GET /not-here");
    assert!(head.starts_with("HTTP/1.1 404 ") && body == "not found\n", "{head}\n{body}");
    let (head, _) = request("POST /crossdomain.xml");
    assert!(head.starts_with("HTTP/1.1 405 ") && head.contains("\r\nallow: GET, HEAD\r\n"), "{head}");
    let (head, body) = request("HEAD /crossdomain.xml");
    assert!(
        head.starts_with("HTTP/1.1 200 ") && head.contains("content-length: ") && body.is_empty(),
        "{head}"
    );
    // Neither HTTP nor policy: closed without a word, or reset, as its byte is not read.
    let mut stream = connect(address);
    stream.write_all(&[0x16]).unwrap();
    assert_eq!(stream.read(&mut [0]).unwrap_or(0), 0);
}

#[test]
fn health_and_metrics_move_to_the_admin_port() {
    let server = start(&["--admin", "127.0.0.1:0"]);
    let (public, admin) = (server.address("listen"), server.address("admin"));
    for path in ["/healthz", "/metrics"] {
        assert!(get(public, path).0.starts_with("HTTP/1.1 404 "), "{path}");
        assert!(get(admin, path).0.starts_with("HTTP/1.1 200 "), "{path}");
    }
    assert!(get(public, "/crossdomain.xml").0.starts_with("HTTP/1.1 200 "));
    assert!(get(admin, "/crossdomain.xml").0.starts_with("HTTP/1.1 404 "));
    let (head, text) = get(admin, "/metrics");
    assert!(head.contains("content-type: application/openmetrics-text; version=1.0.0"), "{head}");
    assert!(text.ends_with("# EOF\n"), "{text}");
}

#[test]
fn silence_on_the_admin_port_keeps_nobody_out() {
    let server = start(&["--admin", "127.0.0.1:0"]);
    let admin = server.address("admin");
    let _silent: Vec<_> = (0..200).map(|_| connect(admin)).collect();
    let mut health = connect(admin);
    // Less than those before would have to be silent.
    health.set_read_timeout(Some(std::time::Duration::from_millis(1500))).unwrap();
    health.write_all(b"GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").unwrap();
    assert!(read_to_end(&mut health).ends_with(b"\r\n\r\nok\n"));
    // A head that is not ended is bounded, whatever --http-header says.
    let mut half = connect(admin);
    half.write_all(b"GET ").unwrap();
    let _ = half.read_to_end(&mut Vec::new());
}

#[test]
fn slow_and_large_heads_are_bounded() {
    let server = start(&["--http-header", "300ms", "--http-header-bytes", "8192"]);
    let address = server.address("listen");
    // Begun and not ended, and kept open between requests: both end by themselves.
    let mut stream = connect(address);
    stream.write_all(b"GET / HTTP/1.1\r\n").unwrap();
    let _ = stream.read_to_end(&mut Vec::new());
    let mut stream = connect(address);
    stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    assert!(String::from_utf8(read_to_end(&mut stream)).unwrap().ends_with("\r\n\r\nok\n"));

    let mut stream = connect(address);
    let head = format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "x".repeat(20_000));
    let _ = stream.write_all(head.as_bytes());
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    assert!(
        answer.is_empty() || answer.starts_with(b"HTTP/1.1 431 "),
        "{}",
        String::from_utf8_lossy(&answer)
    );
}

#[test]
fn a_connection_has_a_lifetime() {
    let server = start(&["--http-lifetime", "500ms", "--http-header", "1min"]);
    let mut stream = connect(server.address("listen"));
    let mut answers = Vec::new();
    let mut sent = 0;
    // Keeps asking; the end comes all the same.
    while stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n").is_ok() {
        sent += 1;
        let mut buffer = [0; 4096];
        match stream.read(&mut buffer) {
            Ok(n @ 1..) => answers.extend_from_slice(&buffer[..n]),
            Ok(0) | Err(_) => break,
        }
    }
    assert!(sent > 1 && answers.starts_with(b"HTTP/1.1 200 OK\r\n"));
}
