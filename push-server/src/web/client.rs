//! The script that reads streams in a browser, and its types: files of `client/`, served as they are.
//!
//! | address | what |
//! | --- | --- |
//! | `/push-client.js` | the ES module: `import { connect } from "/push-client.js"` |
//! | `/push-client.global.js` | the same as a classic script, whose names are members of the global `pushClient` |
//! | `/push-client.d.ts` | the types of both |
//!
//! Each has an `ETag`, and is to be asked for again before it is used (`Cache-Control: no-cache`): who has it gets 304,
//! and who has an old one the one that speaks with this server.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::LazyLock;

use axum::Router;
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};

/// The module. Its last statement exports what is public.
const MODULE: &str = include_str!("../../client/push-client.js");

/// What comes before the names that are exported, in the last line of the module.
const EXPORT: &str = "\nexport { ";

const JAVASCRIPT: &str = "text/javascript; charset=utf-8";

/// Routes of the files.
pub(super) fn router<S: Clone + Send + Sync + 'static>() -> Router<S> {
    static FILES: LazyLock<[(&str, File); 3]> = LazyLock::new(|| {
        [
            ("/push-client.js", File::new(JAVASCRIPT, MODULE.into())),
            ("/push-client.global.js", File::new(JAVASCRIPT, classic(MODULE).into())),
            (
                "/push-client.d.ts",
                // There is no registered type, and `.ts` alone stands for video.
                File::new(
                    "application/typescript; charset=utf-8",
                    include_str!("../../client/push-client.d.ts").into(),
                ),
            ),
        ]
    });
    FILES.iter().fold(Router::new(), |router, (path, file)| {
        router.route(path, get(move |headers: HeaderMap| async move { file.answer(&headers) }))
    })
}

/// The module as a classic script: a function called at once, with what the module exports put into a global.
fn classic(module: &str) -> String {
    let (code, exports) = module.rsplit_once(EXPORT).expect("the module ends with its exports");
    format!("\"use strict\";\n(() => {{\n{code}\nglobalThis.pushClient = {{ {}\n}})();\n", exports.trim_end())
}

#[derive(Debug)]
struct File {
    content_type: HeaderValue,
    etag: HeaderValue,
    body: Bytes,
}

impl File {
    fn new(content_type: &'static str, body: Bytes) -> Self {
        let mut hasher = DefaultHasher::new();
        body.hash(&mut hasher);
        let etag =
            HeaderValue::from_str(&format!("\"{:016x}\"", hasher.finish())).expect("digits and quotes");
        Self { content_type: HeaderValue::from_static(content_type), etag, body }
    }

    fn answer(&self, asked: &HeaderMap) -> Response {
        let is_known = self.is_known(asked);
        let mut response = Response::default();
        if is_known {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
        } else {
            *response.body_mut() = Body::from(self.body.clone());
        }
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, self.content_type.clone());
        headers.insert(header::ETAG, self.etag.clone());
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        response.into_response()
    }

    /// Whether the client has this very file (RFC 9110, 13.1.2: a weak comparison).
    fn is_known(&self, asked: &HeaderMap) -> bool {
        let fields = asked.get_all(header::IF_NONE_MATCH).iter().filter_map(|field| field.to_str().ok());
        let mut tags = fields.flat_map(|field| field.split(',')).map(str::trim);
        tags.any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag).as_bytes() == self.etag.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_classic_script_has_the_same_code_and_exports_nothing() {
        let module = "const a = 1;\nfunction b() {}\n\nexport { a, b };\n";
        assert_eq!(
            classic(module),
            "\"use strict\";\n(() => {\nconst a = 1;\nfunction b() {}\n\nglobalThis.pushClient = { a, b };\n})();\n"
        );
        let script = classic(MODULE);
        assert!(!script.lines().any(|line| line.starts_with("export") || line.starts_with("import")));
    }

    #[test]
    fn the_module_evaluates_nothing() {
        for word in ["eval(", "Function(", "innerHTML", "insertAdjacentHTML", "document.write", "outerHTML"] {
            assert!(!MODULE.contains(word), "{word}");
        }
    }

    #[test]
    fn a_tag_is_compared_as_browsers_and_proxies_send_it() {
        let file = File::new(JAVASCRIPT, "one".into());
        let other = File::new(JAVASCRIPT, "two".into());
        let tag = file.etag.to_str().unwrap();
        assert_ne!(file.etag, other.etag);
        let is_known = |fields: &[&str]| {
            let mut headers = HeaderMap::new();
            for field in fields {
                headers.append(header::IF_NONE_MATCH, HeaderValue::from_str(field).unwrap());
            }
            file.is_known(&headers)
        };
        assert!(is_known(&[tag]) && is_known(&["\"x\"", tag]) && is_known(&["*"]));
        assert!(is_known(&[&format!("\"x\", W/{tag}")]));
        assert!(!is_known(&[]) && !is_known(&["\"x\""]) && !is_known(&["", tag.trim_matches('"')]));
    }
}
