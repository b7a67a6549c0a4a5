//! Requests that are no calls, or not whole ones.

use super::support::{call_of, post, send};
use bytes::Bytes;
use hessian::rpc::{Form, ServiceFault};
use hessian::service::{Methods, Options, Service, Stats};
use hessian::{Graph, Limits, envelope};
use http::{Method, Request, StatusCode};
use http_body_util::Full;

const FORMS: [Form; 2] = [Form::One, Form::Two];

fn service() -> Service<Methods> {
    Service::new(
        Methods::new()
            .method("add", async |a: i32, b: i32| Ok::<_, ServiceFault>(a + b))
            .method("any", async |value: Graph<'static>| Ok::<_, ServiceFault>(value)),
    )
}

fn total(stats: Stats) -> u64 {
    stats.answered
        + stats.faults
        + stats.unknown_methods
        + stats.bad_arguments
        + stats.bad_requests
        + stats.malformed
        + stats.too_large
        + stats.busy
        + stats.body_timeouts
        + stats.method_timeouts
        + stats.aborted
}

#[tokio::test]
async fn only_posts_are_calls() {
    let service = service();
    for method in [Method::GET, Method::HEAD, Method::PUT, Method::DELETE, Method::OPTIONS, Method::TRACE] {
        let request = Request::builder().method(method).uri("/").body(Full::<Bytes>::default()).unwrap();
        let answered = send(&service, request).await;
        assert_eq!(answered.status, StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(answered.header("allow"), Some("POST"));
        assert_eq!(answered.header("content-type"), Some("text/plain; charset=utf-8"));
        assert_eq!(answered.text(), "This is a Hessian service: calls come by POST.\n");
    }
    assert_eq!(service.stats().bad_requests, 6);
}

#[tokio::test]
async fn encoded_bodies_are_not_taken() {
    let service = service();
    for (coding, status) in [("gzip", 415), ("deflate", 415), ("identity", 200)] {
        let mut request = post(call_of(Form::Two, "add", &(1, 2)));
        request.headers_mut().insert("content-encoding", coding.parse().unwrap());
        assert_eq!(send(&service, request).await.status, status, "{coding}");
    }
}

#[tokio::test]
async fn what_is_no_call_is_refused_in_words() {
    let service = service();
    for (body, words) in [
        (&b""[..], "input ends"),
        (b"H", "input ends"),
        (b"<html></html>", "byte 0x3c where a call (`H` or `c`) was expected at byte 0"),
        (b"H\x02\0R\x90", "where a call (`C`) was expected at byte 3"),
        (b"r\x01\0Nz", "where a call"),
        (b"c\x01\0x", "where the method of a call (`m`) was expected at byte 3"),
        (b"H\x02\0C\x01m\xc9\0", "MAX_ARGUMENTS"),
        (b"E", "input ends"),
        (b"H\x02\0E\x90", "the method of an envelope"),
    ] {
        let answered = send(&service, post(body)).await;
        assert_eq!(answered.status, StatusCode::BAD_REQUEST, "{body:?}");
        let text = answered.text();
        assert!(text.starts_with("the body is no Hessian call: ") && text.contains(words), "{text}");
    }
    assert_eq!(service.stats().malformed, 9);
}

/// Every prefix of a call is answered, and none as if it were whole.
#[tokio::test]
async fn calls_cut_anywhere() {
    let service = service();
    for form in FORMS {
        let call = call_of(form, "any", &([vec!["text"; 3], vec![]],));
        for cut in 0..call.len() {
            let answered = send(&service, post(call[..cut].to_vec())).await;
            match answered.status {
                StatusCode::BAD_REQUEST => {
                    assert!(answered.text().contains("input ends"), "{}", answered.text())
                }
                _ => {
                    let fault = answered.reply::<()>().unwrap_err();
                    assert_eq!(&*fault.code, "ProtocolException");
                    assert!(fault.message.contains("input ends"), "{}", fault.message);
                }
            }
        }
        assert_eq!(send(&service, post(call)).await.status, StatusCode::OK);
    }
    assert_eq!(service.stats().answered, 2);
}

/// Damaged calls of all kinds: each gets an answer of some kind, each is counted once.
#[tokio::test]
async fn damaged_calls() {
    let service = service();
    let calls = [
        call_of(Form::One, "any", &(vec![Some("text"), None],)),
        call_of(Form::Two, "any", &(vec![(1, 2.5), (3, 4.5)],)),
        call_of(Form::One, "add", &(1, 2)),
        call_of(Form::Two, "add", &(1, 2)),
        b"c\x01\0H\0\x01aVI\0\0\0\x07zm\0\x03anyR\0\0\0\0z".to_vec(),
    ];
    let mut sent = 0;
    for call in &calls {
        for at in 0..call.len() {
            for byte in (0..=255).step_by(5).chain(*b"HCcmzZERQ") {
                let mut damaged = call.clone();
                damaged[at] = byte;
                let answered = send(&service, post(damaged)).await;
                assert!(matches!(answered.status, StatusCode::OK | StatusCode::BAD_REQUEST), "{answered:?}");
                sent += 1;
            }
        }
    }
    let stats = service.stats();
    assert_eq!((total(stats), stats.calls, stats.body_bytes, stats.panics), (sent, 0, 0, 0));
    assert!(
        stats.answered > 0 && stats.malformed > 0 && stats.bad_arguments > 0 && stats.unknown_methods > 0
    );
}

#[tokio::test]
async fn limits_of_the_codec_are_faults() {
    let service = service();
    for (call, limit) in [
        ([&b"H\x02\0C\x03any\x91"[..], &[0x79; 1000]].concat(), "max_depth"),
        (b"H\x02\0C\x03any\x91\x58\x49\x7f\xff\xff\xff".to_vec(), "max_elements"),
        ([&b"c\x01\0m\0\x03any"[..], &[b'V'; 1000]].concat(), "max_depth"),
    ] {
        let fault = send(&service, post(call)).await.reply::<()>().unwrap_err();
        assert_eq!(&*fault.code, "ProtocolException");
        assert!(fault.message.contains(limit), "{}", fault.message);
    }
}

#[tokio::test]
async fn envelopes_are_opened() {
    let service = service();
    let call = call_of(Form::Two, "add", &(1, 2));
    let mut bare = Vec::new();
    envelope::deflate(&call, &mut bare);
    let with_version = [&b"H\x02\0"[..], &bare].concat();
    for enveloped in [bare.clone(), with_version] {
        assert_eq!(send(&service, post(enveloped)).await.reply::<i32>().unwrap(), 3);
    }
    // One in another is no call.
    let mut twice = Vec::new();
    envelope::deflate(&bare, &mut twice);
    assert_eq!(send(&service, post(twice)).await.status, StatusCode::BAD_REQUEST);
    let signed = b"E\x30\x2bcom.caucho.hessian.security.X509Encryption\x90\x20\x90Z".to_vec();
    assert_eq!(send(&service, post(signed)).await.status, StatusCode::BAD_REQUEST);
    assert_eq!(service.stats().body_bytes, 0);
}

#[tokio::test]
async fn a_bomb_in_an_envelope_is_stopped() {
    let mut options = Options::new();
    options.max_body = 1 << 20;
    let service = Service::with(Methods::new(), options);
    let mut bomb = Vec::new();
    envelope::deflate(&vec![0; (1 << 20) + 1], &mut bomb);
    assert!(bomb.len() < 4096);
    let answered = send(&service, post(bomb)).await;
    assert_eq!(answered.status, StatusCode::BAD_REQUEST);
    assert!(answered.text().contains("max_inflated = 1048576"), "{}", answered.text());
    let mut options = Options::new();
    options.limits = Limits::new();
    options.limits.max_inflated = 10;
    let service = Service::with(Methods::new(), options);
    let mut small = Vec::new();
    envelope::deflate(&[0; 11], &mut small);
    assert!(send(&service, post(small)).await.text().contains("max_inflated = 10"));
}
