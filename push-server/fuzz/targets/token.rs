//! Tokens, in `Authorization` and in the query: any bytes there.

use axum::body::Body;
use http::{HeaderValue, Request, Uri};

use super::site;

/// What publishes, sends and reads; the seeds have them.
pub const TOKENS: [&str; 3] =
    ["publish-0123456789abcdef", "send-0123456789abcdef+/~", "read-0123456789abcdef._-"];

/// A byte that chooses what is asked for, then a query, a line feed, and fields of `Authorization`, a line each.
pub fn token(data: &[u8]) {
    let Some((&choice, rest)) = data.split_first() else { return };
    let mut lines = rest.split(|byte| *byte == b'\n');
    let query = lines.next().unwrap_or_default();
    let what = usize::from(choice) % TOKENS.len();
    let path = ["/streams/secret/messages?", "/streams/secret/send?", "/streams/secret/poll?"][what];
    let Ok(uri) = Uri::try_from([path.as_bytes(), query].concat()) else { return };
    let mut request = Request::builder().uri(uri);
    request =
        if what == 2 { request } else { request.method("POST").header("content-type", "application/json") };
    for line in lines {
        let Ok(value) = HeaderValue::from_bytes(line) else { return };
        request = request.header("authorization", value);
    }
    let request = request.body(Body::from(if what == 2 { "" } else { "[1]" })).unwrap();
    site::with_guarded(|site| {
        let before = site.published();
        let answer = site.ask(request);
        let has_done = answer.status == 200;
        if what != 2 {
            assert_eq!(site.published() - before, u64::from(has_done), "{}", answer.text);
        }
        let right = [b"\nBearer ".as_slice(), TOKENS[what].as_bytes()].concat();
        assert!(has_done || rest != right, "{}", answer.text);
        // Nobody gets in without the very token, and nobody is told one.
        assert!(!has_done || holds(rest, TOKENS[what]), "{}", answer.text);
        assert!(TOKENS.iter().all(|token| !answer.text.contains(token)), "{}", answer.text);
    });
}

/// Whether these bytes hold the token, as it is or escaped, or could in base64, which is not taken apart here.
fn holds(bytes: &[u8], token: &str) -> bool {
    let plain = percent_encoding::percent_decode(bytes).collect::<Vec<_>>();
    let has = |bytes: &[u8]| bytes.windows(token.len()).any(|window| window == token.as_bytes());
    let is_basic = bytes.windows(5).any(|window| window.eq_ignore_ascii_case(b"basic"));
    // A form's blank is none of any token.
    has(bytes) || has(&plain) || is_basic
}
