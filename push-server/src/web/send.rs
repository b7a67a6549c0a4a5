//! `POST /streams/{stream}/send` and `/serverComet.message`: what clients send, for the chain of handlers.

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::request::Parts as Head;
use http::{HeaderValue, Method, StatusCode, header};

use super::Site;
use super::form::{self, Form};
use super::guard::Caller;
use super::origin::Origins;
use super::params::{Ask, Format, Refusal, Segments, refuse, refuse_for, refuse_for_now};
use super::poll::{Asks, Parts, take};
use super::publish::{Held, is_json, read};
use super::streams::over;
use crate::guard::Reason;
use crate::hub::{BadClientId, ClientId, Start, Stream};
use crate::messages::{self, BadMessage, ClientMessage, Receipt, Refused};

/// The JSON form.
pub(super) async fn by_name(
    State(site): State<Site>,
    Segments(stream): Segments<String>,
    caller: Caller,
    ask: Ask,
    request: Request,
) -> Response {
    json(&site, &stream, &caller, &ask, request).await.unwrap_or_else(|refusal| *refusal)
}

async fn json(
    site: &Site,
    stream: &str,
    caller: &Caller,
    ask: &Ask,
    request: Request,
) -> Result<Response, Refusal> {
    is_json(&ask.headers)?;
    let (head, body) = request.into_parts();
    origins(&head).admits_if_page(&head.headers).map_err(|what| refuse_for(Reason::Origin, what))?;
    let (sender, recipient) = (ask.client()?, ask.to()?);
    site.knows(stream)?;
    if ask.has_start() {
        caller.may_read(site.hub.guard(), stream)?;
    }
    let mut held = Held::new(&site.hub);
    let json = read(body, one(site), &mut held).await?;
    let stream = site.stream(stream)?;
    // Before anything is done: a request that is refused has done nothing.
    let asks = match ask.has_start() {
        true => Some(Asks::new(&stream, ask, Start::Live, Format::Json, false)?),
        false => None,
    };
    let message = ClientMessage::of_json(stream, json).map_err(|error| bad_message(&error))?;
    let receipt = dispatch(site, message.sent_by(sender).meant_for(recipient), held).await?;
    Ok(answer(&receipt, asks).await)
}

/// The form of the framework.
pub(super) async fn framework(State(site): State<Site>, request: Request) -> Response {
    text(&site, request).await.unwrap_or_else(|refusal| *refusal)
}

async fn text(site: &Site, request: Request) -> Result<Response, Refusal> {
    let (head, body) = request.into_parts();
    if head.method == Method::HEAD {
        return Err(refuse(StatusCode::METHOD_NOT_ALLOWED, "HEAD sends nothing."));
    }
    origins(&head).vouch(&head.headers).map_err(|what| refuse_for(Reason::Origin, what))?;
    let mut held = Held::new(&site.hub);
    let body = match head.method {
        Method::POST => read(body, one(site), &mut held).await?,
        _ => Bytes::new(),
    };
    if !body.is_empty() && !form::is_form(&head.headers) {
        let what = "The parameters are in the query, or in a body of application/x-www-form-urlencoded.";
        return Err(refuse(StatusCode::UNSUPPORTED_MEDIA_TYPE, what));
    }
    let query = head.uri.query().unwrap_or_default().as_bytes();
    let form = Form::read(&[query, &body]).map_err(|what| refuse(StatusCode::BAD_REQUEST, &what))?;
    let id = |name: &str, text: Option<String>| -> Result<Option<ClientId>, Refusal> {
        let id = text.map(|text| text.parse()).transpose();
        id.map_err(|error: BadClientId| refuse(StatusCode::BAD_REQUEST, &format!("{name}: {error}.")))
    };
    let (sender, recipient) = (id("client", form.client)?, id("clientId", form.client_id)?);
    let stream = site.stream(&form.stream_id)?;
    let message = ClientMessage::of_text(stream, &form.message).map_err(|error| bad_message(&error))?;
    let receipt = dispatch(site, message.sent_by(sender).meant_for(recipient), held).await?;
    Ok(answer(&receipt, None).await)
}

/// The bound of a message, its name and what has it.
fn one(site: &Site) -> (&'static str, &'static str, usize) {
    ("A message", "message_bytes", site.hub.limits().message_bytes)
}

fn origins(head: &Head) -> Origins {
    head.extensions.get::<Origins>().cloned().unwrap_or_default()
}

/// In a task of its own: a client that goes away, as one does that only meant to send, interrupts no handler.
async fn dispatch(site: &Site, message: ClientMessage, held: Held) -> Result<Receipt, Refusal> {
    let chain = site.chain.clone().unwrap_or_default();
    let stream = message.stream().clone();
    let task = tokio::spawn(async move {
        let handled = chain.dispatch(message).await;
        drop(held);
        handled
    });
    match task.await {
        Ok(handled) => handled.map_err(|why| refusal(&why, &stream)),
        // The runtime ends.
        Err(_) => Err(refuse_for_now(Reason::Ending, 1, super::SHUTTING_DOWN)),
    }
}

/// What became of it, and with `asks` what has gathered.
async fn answer(receipt: &Receipt, asks: Option<Asks>) -> Response {
    let mut json = vec![b'{'];
    messages::receipt(receipt, &mut json);
    let has_members = json.len() > 1;
    let mut parts = vec![json.into()];
    if let Some(asks) = asks {
        let (answer, messages) = take(asks).await;
        parts.push(Bytes::from_static(if has_members { br#","poll":"# } else { br#""poll":"# }));
        parts.extend(answer.json(messages));
    }
    parts.push(Bytes::from_static(b"}\n"));
    object(StatusCode::OK, Body::new(Parts::new(parts)))
}

fn object(status: StatusCode, body: Body) -> Response {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    ];
    (status, headers, body).into_response()
}

fn bad_message(error: &BadMessage) -> Refusal {
    let status = match error {
        BadMessage::TooLong { .. } => StatusCode::PAYLOAD_TOO_LARGE,
        BadMessage::Json(_) => StatusCode::BAD_REQUEST,
    };
    refuse(status, &format!("{error}."))
}

/// An object where scripts have to know whom the text is for; else a line of text, as everywhere.
fn refusal(refused: &Refused, stream: &Stream) -> Refusal {
    let why = messages::reason(refused, stream);
    if let Refused::ForPeople(text) = refused {
        let mut json = vec![b'{'];
        messages::Refusal { is_for_people: true, ..messages::Refusal::new(why, text) }.write(&mut json);
        json.extend_from_slice(b"}\n");
        let mut answer = object(why.status(), json.into());
        answer.extensions_mut().insert(why);
        return Box::new(answer);
    }
    match (why, messages::retry(why)) {
        (Reason::Gone | Reason::Ending, _) => over(stream),
        (why, Some(seconds)) => refuse_for_now(why, seconds, &format!("{refused}.")),
        (why, None) => refuse_for(why, &format!("{refused}.")),
    }
}
