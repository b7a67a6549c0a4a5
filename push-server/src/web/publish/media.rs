//! What a body says that it is.

use http::{HeaderMap, StatusCode, header};

use crate::web::params::{Refusal, refuse};

/// A media type that can be published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Media {
    Json,
    /// A JSON text in each line.
    Lines,
    Hessian,
}

/// Each has to be asked for by a page of another site: what an HTML form or a plain `fetch` sends is none of them, so no
/// such page publishes unless CORS lets it.
const TYPES: [(&str, Media); 4] = [
    ("application/json", Media::Json),
    ("application/x-ndjson", Media::Lines),
    ("application/x-hessian", Media::Hessian),
    // What Java's own Hessian client says.
    ("x-application/hessian", Media::Hessian),
];

impl Media {
    /// The type of a body; lines are a batch.
    pub(super) fn of(headers: &HeaderMap, is_batch: bool) -> Result<Self, Refusal> {
        let unsupported = |what: &str| Err(refuse(StatusCode::UNSUPPORTED_MEDIA_TYPE, what));
        if headers.contains_key(header::CONTENT_ENCODING) {
            return unsupported("A message is published as it is, without a Content-Encoding.");
        }
        let field = headers.get(header::CONTENT_TYPE).and_then(|field| field.to_str().ok()).unwrap_or("");
        let mut parts = field.split(';').map(str::trim);
        let essence = parts.next().unwrap_or_default();
        let charset = parts.find_map(|parameter| {
            let (name, value) = parameter.split_once('=')?;
            name.trim().eq_ignore_ascii_case("charset").then(|| value.trim().trim_matches('"'))
        });
        let media =
            TYPES.iter().find(|(name, _)| name.eq_ignore_ascii_case(essence)).map(|(_, media)| *media);
        match media {
            Some(Self::Json | Self::Lines) if charset.is_some_and(|it| !it.eq_ignore_ascii_case("utf-8")) => {
                unsupported("JSON is published in UTF-8.")
            }
            Some(Self::Lines) if !is_batch => {
                unsupported("Lines of JSON are several messages: publish them to /streams/{stream}/batch.")
            }
            Some(media) => Ok(media),
            None if is_batch => unsupported(
                "A batch is published as Content-Type: application/json, an array, application/x-ndjson, in UTF-8, \
                 or application/x-hessian.",
            ),
            None => unsupported(
                "A message is published as Content-Type: application/json, in UTF-8, or application/x-hessian.",
            ),
        }
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Lines => "lines",
            Self::Hessian => "hessian",
        }
    }
}

/// Refuses what is not one message in JSON.
pub(in crate::web) fn is_json(headers: &HeaderMap) -> Result<(), Refusal> {
    match Media::of(headers, false) {
        Ok(Media::Json) => Ok(()),
        Err(refusal) if headers.contains_key(header::CONTENT_ENCODING) => Err(refusal),
        _ => Err(refuse(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "A client sends its messages as Content-Type: application/json, in UTF-8.",
        )),
    }
}
