//! The script for browsers, and its types, as they are served.

mod support;

use support::TestServer;

fn body(answer: &str) -> &str {
    answer.split_once("\r\n\r\n").expect("a head").1
}

fn field<'a>(answer: &'a str, name: &str) -> &'a str {
    let line = answer.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    line.unwrap_or_else(|| panic!("no {name} in {answer}"))
}

#[tokio::test]
async fn each_file_is_served_with_its_type() {
    let server = TestServer::start().await;
    for (path, content_type, holds) in [
        (
            "/push-client.js",
            "text/javascript; charset=utf-8",
            "\nexport { Connection, NAMES, connect, showState };\n",
        ),
        (
            "/push-client.global.js",
            "text/javascript; charset=utf-8",
            "globalThis.pushClient = { Connection, NAMES, connect, showState };\n})();\n",
        ),
        ("/push-client.d.ts", "application/typescript; charset=utf-8", "export function connect<"),
    ] {
        let answer = server.answer(&format!("GET {path} HTTP/1.0\r\n\r\n")).await;
        assert!(answer.starts_with("HTTP/1.0 200 OK\r\n"), "{path}");
        assert_eq!(field(&answer, "content-type"), content_type);
        assert_eq!(field(&answer, "cache-control"), "no-cache");
        assert_eq!(field(&answer, "x-content-type-options"), "nosniff");
        assert_eq!(field(&answer, "content-length"), body(&answer).len().to_string());
        assert!(body(&answer).contains(holds), "{path}");

        let head = server.answer(&format!("HEAD {path} HTTP/1.0\r\n\r\n")).await;
        assert_eq!((field(&head, "etag"), body(&head)), (field(&answer, "etag"), ""));
        let post = server.answer(&format!("POST {path} HTTP/1.0\r\n\r\n")).await;
        assert!(post.starts_with("HTTP/1.0 405 "), "{post}");
    }
    server.stop().await;
}

#[tokio::test]
async fn who_has_a_file_gets_304_and_who_has_an_old_one_the_new_one() {
    let server = TestServer::start().await;
    let ask = |more: &str| format!("GET /push-client.js HTTP/1.0\r\n{more}\r\n");
    let first = server.answer(&ask("")).await;
    let tag = field(&first, "etag");
    assert!(tag.starts_with('"') && tag.ends_with('"') && tag.len() > 10, "{tag}");
    for known in [tag.to_owned(), format!("W/{tag}"), format!("\"old\", {tag}"), "*".to_owned()] {
        let answer = server.answer(&ask(&format!("If-None-Match: {known}\r\n"))).await;
        assert!(answer.starts_with("HTTP/1.0 304 Not Modified\r\n"), "{answer}");
        assert_eq!((field(&answer, "etag"), body(&answer)), (tag, ""));
    }
    let answer = server.answer(&ask("If-None-Match: \"old\"\r\n")).await;
    assert_eq!(body(&answer), body(&first));
    server.stop().await;
}
