//! `/streams/{stream}/send`: any bytes as JSON.

use axum::body::Body;
use http::Request;
use serde_json::Value;

use super::site;

/// Any bytes as the message of one client, to all.
pub fn send(data: &[u8]) {
    let request = Request::post("/streams/news/send?client=ann&to=")
        .header("content-type", "application/json")
        .body(Body::from(data.to_vec()))
        .unwrap();
    site::with(|site| {
        let before = site.published();
        let answer = site.ask(request);
        let value: Option<Value> = serde_json::from_slice(data).ok();
        if answer.status == 200 {
            let expected = value.unwrap_or_else(|| panic!("this is no JSON: {data:?}"));
            assert_eq!((site.published(), site.latest()), (before + 1, expected));
            let told: Value = serde_json::from_str(&answer.text).unwrap();
            assert_eq!(told["position"], format!("1:{}", before + 1));
            return;
        }
        assert_eq!(site.published(), before);
        match answer.status {
            413 => assert!(data.len() > site::MESSAGE || value.is_some()),
            // JSON that is none of Hessian: numbers above its largest.
            400 => assert!(
                value.is_none() || answer.text.contains("no JSON") || answer.text.contains("cannot"),
                "{}",
                answer.text
            ),
            422 => assert!(answer.text.contains("Hessian"), "{}", answer.text),
            status => panic!("{status} {}", answer.text),
        }
    });
}
