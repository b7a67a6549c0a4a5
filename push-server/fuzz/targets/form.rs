//! `/serverComet.message`: parameters of any bytes, in the query and in a body.

use axum::body::Body;
use axum::extract::Query;
use http::{Request, Uri};

use super::site;

/// Any bytes as a query and, after a line feed, a body.
pub fn form(data: &[u8]) {
    let (query, body) = match data.iter().position(|byte| *byte == b'\n') {
        Some(at) => (&data[..at], Some(&data[at + 1..])),
        None => (data, None),
    };
    let Ok(uri) = Uri::try_from([b"/serverComet.message?".as_slice(), query].concat()) else { return };
    // Without a fragment.
    let query = &uri.query().unwrap_or_default().as_bytes().to_vec();
    let mut request = match body {
        None => Request::get(uri),
        Some(_) => {
            Request::post(uri).header("content-type", "application/x-www-form-urlencoded; charset=utf-8")
        }
    };
    request = request.header("sec-fetch-site", "same-origin");
    let request = request.body(Body::from(body.unwrap_or_default().to_vec())).unwrap();
    site::with(|site| {
        let before = site.published();
        let answer = site.ask(request);
        let accepted = answer.status == 200;
        let text = match expected(query, body.unwrap_or_default()) {
            Some(Said { stream, to: None, text }) if stream == "news" => Some(text),
            _ => None,
        };
        match text {
            // What fits, with its escapes, is published as it was.
            Some(text) if accepted => {
                assert_eq!(site.published(), before + 1);
                assert_eq!(site.latest(), text.as_str());
            }
            Some(text) => {
                let length = serde_json::to_vec(&text).unwrap().len().max(body.unwrap_or_default().len());
                assert!(answer.status == 413 && length > site::MESSAGE, "{text:?}: {}", answer.text);
                assert_eq!(site.published(), before);
            }
            // Whether a U+FFFD was there or was put there, one cannot tell.
            None if site.published() > before => {
                assert_eq!(site.latest().as_str().map(|text| text.contains('\u{fffd}')), Some(true))
            }
            // Another stream, a client that is not there, or a refusal.
            None => {}
        }
    });
}

/// What a message says.
struct Said {
    stream: String,
    to: Option<String>,
    text: String,
}

/// The same by another reader, which is lenient: so what it has mended is none, nor what is there twice.
fn expected(query: &[u8], body: &[u8]) -> Option<Said> {
    let mut pairs = pairs(query)?;
    pairs.extend(self::pairs(body)?);
    let one = |name: &str| {
        let mut values = pairs.iter().filter(|(key, _)| key == name).map(|(_, value)| value);
        match (values.next(), values.next()) {
            (None, _) => Some(None),
            (Some(value), None) => Some((!value.contains('\u{fffd}')).then_some(value)?.clone().into()),
            _ => None,
        }
    };
    let (stream, to, from) = (one("streamId")??, one("clientId")?, one("client")?);
    let is_name = |id: &String| id.parse::<push_server::ClientId>().is_ok();
    if !from.is_none_or(|from| from.is_empty() || is_name(&from)) {
        return None;
    }
    Some(Said { stream, to: to.filter(|to| !to.is_empty()), text: one("message")?? })
}

/// Of bytes that a URL has room for.
fn pairs(part: &[u8]) -> Option<Vec<(String, String)>> {
    let escaped: String = part
        .iter()
        .map(|byte| match byte {
            b'&' | b'=' | b'+' | b'%' => char::from(*byte).to_string(),
            byte if byte.is_ascii_alphanumeric() => char::from(*byte).to_string(),
            byte => format!("%{byte:02x}"),
        })
        .collect();
    let uri = Uri::try_from(format!("/?{escaped}")).ok()?;
    Query::try_from_uri(&uri).ok().map(|Query(pairs)| pairs)
}
