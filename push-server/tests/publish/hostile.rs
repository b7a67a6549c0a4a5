//! Whatever a stranger posts: an answer that says what is wrong, nothing published unless it says so, and no memory kept.

use std::sync::LazyLock;

use axum::Router;
use axum::body::{Body, to_bytes};
use http::Request;
use proptest::prelude::*;
use push_server::web::{self, Access};
use push_server::{Hub, Limits, Stream, demo};
use tokio::runtime::Runtime;
use tower_service::Service as _;

use crate::support::EPOCH;

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().unwrap());

fn site() -> (Hub, Stream, Router) {
    let _in = RUNTIME.enter();
    let mut limits = Limits::default();
    (limits.message_bytes, limits.batch_bytes, limits.batch_messages) = (200, 400, 8);
    (limits.direct_messages, limits.idempotency_keys, limits.idempotency_bytes) = (4, 8, 4_096);
    let hub = Hub::start(EPOCH, limits, 1);
    let stream = demo::open(&hub).unwrap();
    let router = web::router_with(hub.clone(), Access::ALL);
    (hub, stream, router)
}

/// Bodies that are nearly right, and some that are not.
fn body() -> impl Strategy<Value = Vec<u8>> {
    let pieces = prop::sample::select(vec![
        &b"C\x10com.example.Tick\x92\x06symbol\x05price\x60\x04ACME\x5f\x00\x00\x30\xd4"[..],
        b"\x60",
        b"\x51\x90",
        b"\x79\x91",
        b"W",
        b"Z",
        b"H\x01a\x91Z",
        b"\x02hi",
        b"\x01\xed\xa0\x80",
        b"[1,{\"a\":null}",
        b"]",
        b"{\"n\": 1}",
        b"\"</script>\xe2\x80\xa8\"",
        b"\n",
        b",",
        b"1",
        b"1e999",
        b"\\ud800",
    ]);
    let mixed = prop::collection::vec(
        prop_oneof![8 => pieces.prop_map(<[u8]>::to_vec), 1 => prop::collection::vec(any::<u8>(), 0..6)],
        0..8,
    );
    prop_oneof![9 => mixed.prop_map(|pieces| pieces.concat()), 1 => prop::collection::vec(any::<u8>(), 0..500)]
}

const PATHS: [&str; 4] =
    ["comet/messages", "comet/batch", "comet/clients/ann/messages", "comet/clients/bob/messages"];
const TYPES: [&str; 5] = [
    "application/json",
    "application/x-ndjson",
    "application/x-hessian",
    "x-application/hessian",
    "text/plain",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn every_body_has_an_answer(
        requests in prop::collection::vec((0..PATHS.len(), 0..TYPES.len(), body(), prop::option::of("[a-c\" ]{0,2}")), 1..40),
    ) {
        let (hub, stream, mut router) = site();
        RUNTIME.block_on(async {
            let poll = Request::get("/streams/comet/poll?client=ann").body(Body::empty()).unwrap();
            router.call(poll).await.unwrap();
            for (path, media, body, key) in requests {
                let (path, media, before) = (PATHS[path], TYPES[media], stream.position().sequence);
                let mut request = Request::post(format!("/streams/{path}")).header("content-type", media);
                if let Some(key) = &key {
                    request = request.header("idempotency-key", key);
                }
                let answer = router.call(request.body(Body::from(body.clone())).unwrap()).await.unwrap();
                let status = answer.status().as_u16();
                let again = answer.headers().contains_key("idempotent-replayed");
                let text = to_bytes(answer.into_body(), 10_000).await.unwrap();
                let more = stream.position().sequence - before;
                if status == 200 {
                    let told: serde_json::Value = serde_json::from_slice(&text).unwrap();
                    let messages = match path {
                        _ if again => 0,
                        "comet/messages" => 1,
                        "comet/batch" => told["messages"].as_u64().unwrap(),
                        _ => 0,
                    };
                    prop_assert_eq!(more, messages);
                    prop_assert!(!again || key.is_some());
                    if messages > 0 {
                        prop_assert_eq!(told["position"].as_str(), Some(&*stream.position().to_string()));
                    }
                } else {
                    prop_assert!(matches!(status, 400 | 404 | 413 | 415 | 422 | 429), "{status}");
                    prop_assert_eq!(more, 0, "what is refused is not published");
                    // A line of text, whatever was posted.
                    let text = std::str::from_utf8(&text).unwrap();
                    prop_assert!(text.ends_with('\n') && text.len() < 1_500, "{text}");
                    prop_assert!(!text.trim_end().chars().any(char::is_control), "{text:?}");
                }
            }
            let stats = hub.stats();
            prop_assert!(stats.idempotency_keys <= 8, "{stats:?}");
            Ok(())
        })?;
        RUNTIME.block_on(hub.end());
    }
}
