//! `POST /streams/{stream}/messages`: publishing JSON, and taking along what has gathered.

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use tokio::time::timeout;

use super::Site;
use super::params::{Ask, Format, Refusal, Segments, refuse};
use super::poll::{Asks, Parts, take};
use super::streams::over;
use crate::hub::{Published, Start, Stream};
use crate::{Limits, PublishError};

pub(super) async fn publish(
    State(site): State<Site>,
    Segments(stream): Segments<String>,
    ask: Ask,
    request: Request,
) -> Response {
    answer(&site, &stream, &ask, request).await.unwrap_or_else(|refusal| *refusal)
}

async fn answer(site: &Site, stream: &str, ask: &Ask, request: Request) -> Result<Response, Refusal> {
    is_json(&ask.headers)?;
    site.knows(stream)?;
    let json = read(request.into_body(), site.hub.limits()).await?;
    let stream = site.stream(stream)?;
    // Before anything is published: a request that is refused has done nothing.
    let asks = match ask.has_start() {
        true => Some(Asks::new(&stream, ask, Start::Live, Format::Json, false)?),
        false => None,
    };
    let Published { position, receivers } = append(&stream, json).await?;
    let mut parts = vec![format!(r#"{{"position":"{position}","receivers":{receivers}"#).into()];
    if let Some(asks) = asks {
        let (answer, messages) = take(asks).await;
        parts.push(Bytes::from_static(br#","poll":"#));
        parts.extend(answer.json(messages));
    }
    parts.push(Bytes::from_static(b"}\n"));
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    ];
    Ok((headers, Body::new(Parts::new(parts))).into_response())
}

/// Refuses what does not say that it is JSON: what an HTML form sends is none, so no page of another site publishes
/// without asking first.
fn is_json(headers: &HeaderMap) -> Result<(), Refusal> {
    let unsupported = |what: &str| Err(refuse(StatusCode::UNSUPPORTED_MEDIA_TYPE, what));
    if headers.contains_key(header::CONTENT_ENCODING) {
        return unsupported("A message is published as it is, without a Content-Encoding.");
    }
    let media_type = headers.get(header::CONTENT_TYPE).and_then(|field| field.to_str().ok()).unwrap_or("");
    let mut parts = media_type.split(';').map(str::trim);
    let is_json = parts.next().is_some_and(|essence| essence.eq_ignore_ascii_case("application/json"));
    let charset = parts.find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim().eq_ignore_ascii_case("charset").then(|| value.trim().trim_matches('"'))
    });
    match is_json && charset.is_none_or(|charset| charset.eq_ignore_ascii_case("utf-8")) {
        true => Ok(()),
        false => unsupported("A message is published as Content-Type: application/json, in UTF-8."),
    }
}

/// The body, bounded in bytes and time.
async fn read(body: Body, limits: &Limits) -> Result<Bytes, Refusal> {
    let max = limits.message_bytes;
    let too_long = || {
        let what = format!("A message has message_bytes = {max} bytes at most.");
        refuse(StatusCode::PAYLOAD_TOO_LARGE, &what)
    };
    if http_body::Body::size_hint(&body).lower() > max as u64 {
        return Err(too_long());
    }
    match timeout(limits.body_read, to_bytes(body, max)).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(error)) if is_too_long(&error) => Err(too_long()),
        Ok(Err(_)) => Err(refuse(StatusCode::BAD_REQUEST, "The body of the request is not complete.")),
        Err(_) => Err(refuse(StatusCode::REQUEST_TIMEOUT, "The body of the request took too long.")),
    }
}

fn is_too_long(error: &axum::Error) -> bool {
    use std::error::Error as _;
    error.source().is_some_and(|source| source.is::<http_body_util::LengthLimitError>())
}

async fn append(stream: &Stream, json: Bytes) -> Result<Published, Refusal> {
    let limits = stream.limits();
    let Ok(published) = timeout(limits.publish_wait, stream.publish_json(json)).await else {
        let mut busy =
            refuse(StatusCode::SERVICE_UNAVAILABLE, "The server is behind; nothing was published.");
        busy.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        return Err(busy);
    };
    published.map_err(|error| match error {
        PublishError::TooLong { .. } => refuse(StatusCode::PAYLOAD_TOO_LARGE, &format!("{error}.")),
        PublishError::Ended => over(stream),
        PublishError::Json(_) => {
            let mut what = String::from("The body is no JSON that can be published");
            if let Some(source) = std::error::Error::source(&error) {
                what.push_str(&format!(": {source}"));
            }
            refuse(StatusCode::BAD_REQUEST, &format!("{what}."))
        }
        PublishError::Hessian(_) => refuse(StatusCode::UNPROCESSABLE_ENTITY, &format!("{error}.")),
    })
}
