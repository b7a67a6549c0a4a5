//! Pages of other origins: what browsers are told, and what their pages may make them send.

mod support;

use axum::Extension;
use push_server::guard::Reason;
use push_server::web::{self, Access, Origins};
use push_server::{Hub, Limits};
use support::{EPOCH, TestServer};

const PAGE: &str = "https://www.example.com";

fn server() -> TestServer {
    let hub = Hub::start(EPOCH, Limits::default(), 1);
    let stream = hub.open(&"news".parse().unwrap()).unwrap();
    let origins = Origins::same_host().and(PAGE);
    let router = web::router_with(hub.clone(), Access::ALL)
        .merge(web::alias("/alias", &stream, push_server::Start::Live))
        .layer(Extension(origins));
    TestServer::of(hub, stream, router)
}

async fn head(server: &TestServer, line: &str, fields: &str) -> String {
    let request = format!("{line} HTTP/1.1\r\nHost: {}\r\n{fields}\r\n", server.address);
    server.ask(&request).await.head().await
}

fn field<'h>(head: &'h str, name: &str) -> Option<&'h str> {
    head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

#[tokio::test]
async fn a_page_that_may_reads_and_sees_the_fields_and_another_does_not() {
    let server = server();
    let own = format!("http://{}", server.address);
    for path in ["/streams/news/sse", "/streams/news/poll", "/streams/news", "/alias/sse", "/push-client.js"]
    {
        for (origin, allowed) in [
            (PAGE, true),
            (&own, true),
            ("https://evil.example", false),
            ("null", false),
            ("https://www.example.com.evil.example", false),
        ] {
            let head = head(&server, &format!("GET {path}"), &format!("Origin: {origin}\r\n")).await;
            assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
            let expected = allowed.then_some(origin);
            assert_eq!(field(&head, "access-control-allow-origin"), expected, "{path} {origin}: {head}");
            let vary = head.lines().any(|line| line == "vary: origin");
            assert!(vary || (!allowed && field(&head, "cache-control") == Some("no-store")), "{head}");
            assert_eq!(field(&head, "access-control-allow-credentials"), None);
            if !allowed {
                continue;
            }
            let told = field(&head, "access-control-expose-headers").unwrap_or_default();
            for name in ["push-position", "push-resume", "push-heartbeat", "push-next", "retry-after"] {
                assert!(told.split(',').any(|told| told.trim() == name), "{name}: {head}");
            }
        }
    }
    // A refusal can be read, too.
    let head = head(&server, "GET /streams/%20/sse", &format!("Origin: {PAGE}\r\n")).await;
    assert!(head.starts_with("HTTP/1.1 400 "), "{head}");
    assert_eq!(field(&head, "access-control-allow-origin"), Some(PAGE));
    server.stop().await;
}

#[tokio::test]
async fn a_browser_that_asks_first_is_told_what_may_be_sent() {
    let server = server();
    for path in ["/streams/news/messages", "/hessian", "/streams/news/sse"] {
        let asks = |origin: &str| {
            format!(
                "Origin: {origin}\r\nAccess-Control-Request-Method: POST\r\n\
                 Access-Control-Request-Headers: authorization,content-type\r\n"
            )
        };
        let head_of = head(&server, &format!("OPTIONS {path}"), &asks(PAGE)).await;
        assert!(head_of.starts_with("HTTP/1.1 204 "), "{head_of}");
        assert_eq!(field(&head_of, "access-control-allow-origin"), Some(PAGE));
        assert_eq!(field(&head_of, "access-control-max-age"), Some("600"));
        let has = |name: &str, word: &str| field(&head_of, name).unwrap_or_default().contains(word);
        for word in ["authorization", "content-type", "last-event-id", "idempotency-key"] {
            assert!(has("access-control-allow-headers", word), "{word}: {head_of}");
        }
        assert!(has("access-control-allow-methods", "POST") && has("access-control-allow-methods", "GET"));
        let other = head(&server, &format!("OPTIONS {path}"), &asks("https://evil.example")).await;
        assert_eq!(field(&other, "access-control-allow-origin"), None, "{other}");
        assert!(other.starts_with("HTTP/1.1 403 "), "{other}");
        // No question of a browser.
        let plain = head(&server, &format!("OPTIONS {path}"), "").await;
        assert!(plain.starts_with("HTTP/1.1 405 "), "{plain}");
    }
    assert_eq!(server.hub.stats().refusals.get(Reason::Origin), 3);
    // Who asks nothing is told nothing.
    let plain = head(&server, "GET /streams/news/sse", "").await;
    assert!(!plain.contains("access-control") && !plain.contains("vary"), "{plain}");
    server.stop().await;
}

/// Whatever a page of another site makes a browser send: nothing is published.
#[tokio::test]
async fn no_page_of_another_site_publishes() {
    let server = server();
    let own = format!("http://{}", server.address);
    let publish = async |origin: &str, more: &str| {
        let fields =
            format!("Origin: {origin}\r\n{more}Content-Type: application/json\r\nContent-Length: 1\r\n");
        let request =
            format!("POST /streams/news/messages HTTP/1.0\r\nHost: {}\r\n{fields}\r\n1", server.address);
        server.answer(&request).await
    };
    for (origin, more, expected) in [
        (PAGE, "", 200),
        (&own, "", 200),
        ("https://evil.example", "", 403),
        ("https://evil.example", "Sec-Fetch-Site: cross-site\r\n", 403),
        ("https://evil.example", "Sec-Fetch-Site: same-site\r\n", 403),
        ("null", "", 403),
        // A proxy that does not pass Host on: the browser itself says that the page is of this host.
        ("https://behind.example", "Sec-Fetch-Site: same-origin\r\n", 200),
    ] {
        let answer = publish(origin, more).await;
        assert!(answer.starts_with(&format!("HTTP/1.0 {expected} ")), "{origin} {more}: {answer}");
    }
    let twice = publish(PAGE, &format!("Origin: {PAGE}\r\n")).await;
    assert!(twice.starts_with("HTTP/1.0 403 "), "{twice}");
    assert_eq!(server.hub.stats().refusals.get(Reason::Origin), 5);
    assert_eq!(server.stream.position().sequence, 3);
    server.stop().await;
}
