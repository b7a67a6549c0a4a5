//! `/streams/{stream}/messages`, `…/batch` and `…/clients/{client}/messages`: any bytes as a body of any of the types.

use axum::body::Body;
use http::Request;
use serde_json::Value;

use super::site;

const PATHS: [&str; 3] = ["messages", "batch", "clients/ann/messages"];
const TYPES: [&str; 4] =
    ["application/json", "application/x-hessian", "application/x-ndjson", "x-application/hessian"];

/// A byte that chooses the address and the type, then any body.
pub fn publish(data: &[u8]) {
    let Some((&choice, body)) = data.split_first() else { return };
    let (path, media_type) = (PATHS[usize::from(choice) % 3], TYPES[usize::from(choice) / 3 % 4]);
    let request = Request::post(format!("/streams/news/{path}"))
        .header("content-type", media_type)
        .body(Body::from(body.to_vec()))
        .unwrap();
    site::with(|site| {
        let before = site.published();
        let answer = site.ask(request);
        let published = site.published() - before;
        if answer.status != 200 {
            let is_null = body == if media_type.ends_with("hessian") { b"N".as_slice() } else { b"null" };
            assert!(path != "messages" || media_type == TYPES[2] || !is_null, "{}", answer.text);
            assert_eq!(published, 0, "{}", answer.text);
            return;
        }
        let told: Value = serde_json::from_str(&answer.text).unwrap();
        assert_eq!(told["position"], format!("1:{}", before + published));
        let is_hessian = media_type.ends_with("hessian");
        let expected = match (path, is_hessian) {
            ("messages", true) => {
                hessian::Graph::from_slice(body).expect("one value");
                1
            }
            ("messages", false) => {
                assert_eq!(site.latest(), serde_json::from_slice::<Value>(body).unwrap());
                1
            }
            ("batch", true) => told["messages"].as_u64().unwrap(),
            ("batch", false) => {
                let values: Vec<Value> = match media_type {
                    "application/json" => serde_json::from_slice(body).unwrap(),
                    _ => {
                        let lines = body.split(|byte| *byte == b'\n');
                        let lines = lines.filter(|line| !line.trim_ascii().is_empty());
                        lines.map(|line| serde_json::from_slice(line.trim_ascii()).unwrap()).collect()
                    }
                };
                assert_eq!(told["messages"], values.len());
                if let Some(last) = values.last() {
                    assert_eq!(&site.latest(), last);
                }
                values.len() as u64
            }
            _ => panic!("nobody is present: {}", answer.text),
        };
        assert_eq!(published, expected);
    });
}
