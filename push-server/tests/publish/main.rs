//! Publishing over HTTP.

mod batch;
mod direct;
mod hostile;
mod message;
mod objects;
mod once;
#[path = "../support/mod.rs"]
mod support;

use serde_json::Value;
use support::TestServer;

const JSON: &str = "Content-Type: application/json\r\n";
const LINES: &str = "Content-Type: application/x-ndjson\r\n";
const HESSIAN: &str = "Content-Type: application/x-hessian\r\n";

fn head(path: &str, fields: &str, length: usize) -> String {
    format!("POST /streams/{path} HTTP/1.0\r\nContent-Length: {length}\r\n{fields}\r\n")
}

fn post(path: &str, fields: &str, body: &str) -> String {
    head(path, fields, body.len()) + body
}

/// What is answered to a body of any bytes.
async fn answer(server: &TestServer, path: &str, fields: &str, body: &[u8]) -> String {
    let mut client = server.ask(&head(path, fields, body.len())).await;
    client.send(body).await;
    client.rest_text().await
}

/// The JSON of an answer that is one of success.
fn body(answer: &str) -> Value {
    assert!(answer.starts_with("HTTP/1.0 200 OK\r\n"), "{answer}");
    assert!(answer.contains("content-type: application/json\r\n"), "{answer}");
    serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
}

#[track_caller]
fn assert_refused(answer: &str, status: u16, why: &str) {
    assert!(answer.starts_with(&format!("HTTP/1.0 {status} ")), "{status} {why}: {answer}");
    assert!(answer.contains(why) && answer.ends_with('\n'), "{status} {why}: {answer}");
    assert!(answer.contains("x-content-type-options: nosniff\r\n"), "{answer}");
    // Where coming back helps, it is said when.
    assert_eq!(matches!(status, 429 | 503), answer.contains("retry-after: "), "{answer}");
}
