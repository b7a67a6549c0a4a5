//! The rules of a hub ([`crate::guard`]) at the doors of its routes.
//!
//! Each route of streams has a layer in front, [`door`], which asks for the token, for the origin of a page that
//! publishes, and for the rates; and the server counts connections and refusals, of all routes (`serve::connection`).

mod credentials;

use std::net::{IpAddr, Ipv4Addr};

use axum::extract::{FromRequestParts, RawPathParams, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::request::Parts;
use http::{HeaderValue, StatusCode, header};

use super::origin::Origins;
use super::params::{Refusal, refuse, refuse_for};
use crate::guard::{Action, Denied, Guard, Party, Reason, Token, seconds};
use crate::{Hub, Stream, StreamName};
use credentials::Credentials;

/// Whose address a request counts for. [`Server`](crate::Server) adds it to each; without, all are one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ClientAddress(pub(crate) IpAddr);

/// What is asked at one route.
#[derive(Clone, Debug)]
pub(super) struct Door {
    guard: Guard,
    action: Action,
    /// Where the path does not name it.
    stream: Option<StreamName>,
}

impl Door {
    pub(super) fn new(hub: &Hub, action: Action) -> Self {
        Self { guard: hub.guard().clone(), action, stream: None }
    }

    /// For reading this one, at an address of its own.
    pub(super) fn of(stream: &Stream) -> Self {
        let (guard, name) = (stream.guard().clone(), stream.name().clone());
        Self { guard, action: Action::Subscribe, stream: Some(name) }
    }
}

/// Who has come through a door.
#[derive(Clone, Debug)]
pub(super) struct Caller {
    token: Option<Token>,
    address: IpAddr,
    party: Party,
}

impl Caller {
    /// Whether this one may read the stream as well.
    pub(super) fn may_read(&self, guard: &Guard, stream: &str) -> Result<(), Refusal> {
        guard.permit(Action::Subscribe, Some(stream), self.token.as_ref()).map(drop).map_err(denied)
    }

    /// A message to a stream, or the first of a batch. The door has counted it among the publisher's.
    pub(super) fn publishes(&self, guard: &Guard, stream: &StreamName) -> Result<(), Denied> {
        guard.publish_to(stream, 1)
    }

    /// The rest of a batch of so many messages.
    pub(super) fn publishes_all(&self, guard: &Guard, stream: &StreamName, messages: usize) {
        let rest = u32::try_from(messages.saturating_sub(1)).unwrap_or(u32::MAX);
        guard.publish_rest(self.party.clone(), stream, rest);
    }

    /// Whose messages a WebSocket brings: asked for each of them.
    pub(super) const fn speaker(&self) -> (Option<Token>, IpAddr) {
        (self.token, self.address)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Response> {
        parts.extensions.get().cloned().ok_or_else(|| {
            tracing::error!("a route that publishes has no door");
            super::text(StatusCode::INTERNAL_SERVER_ERROR, "This address is not guarded.")
        })
    }
}

/// The layer in front of a route.
pub(super) async fn door(State(door): State<Door>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    match admit(&door, &mut parts).await {
        Err(refusal) => *refusal,
        Ok((caller, is_in_query)) => {
            parts.extensions.insert(caller);
            let mut response = next.run(Request::from_parts(parts, body)).await;
            if is_in_query {
                response
                    .headers_mut()
                    .insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
            }
            response
        }
    }
}

async fn admit(door: &Door, parts: &mut Parts) -> Result<(Caller, bool), Refusal> {
    let named = RawPathParams::from_request_parts(parts, &()).await.ok();
    let named = named.as_ref().and_then(|params| params.iter().find(|(name, _)| *name == "stream"));
    let stream = door.stream.as_ref().map(StreamName::as_str).or_else(|| named.map(|(_, value)| value));
    let guard = &door.guard;
    if door.action != Action::Subscribe {
        is_of_our_page(parts)?;
    }
    let credentials = match Credentials::read(parts) {
        Ok(credentials) => credentials,
        // Where nothing is asked for, it is none of our business.
        Err(what) if guard.permit(door.action, stream, None).is_err() => {
            return Err(refuse(StatusCode::BAD_REQUEST, what));
        }
        Err(_) => Credentials::default(),
    };
    let party = guard.permit(door.action, stream, credentials.token.as_ref()).map_err(denied)?;
    let address = parts.extensions.get::<ClientAddress>();
    let address = address.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |address| address.0);
    let party = party.unwrap_or_else(|| Party::address(address));
    match door.action {
        Action::Subscribe => {}
        Action::Publish => guard.publish(party.clone(), 1).map_err(denied)?,
        Action::Send => guard.send(party.clone()).map_err(denied)?,
    }
    Ok((Caller { token: credentials.token, address, party }, credentials.is_in_query))
}

/// Refuses what a page of another site has made a browser send.
fn is_of_our_page(parts: &Parts) -> Result<(), Refusal> {
    let default = Origins::default();
    let origins = parts.extensions.get::<Origins>().unwrap_or(&default);
    origins.admits_if_page(&parts.headers).map_err(|what| refuse_for(Reason::Origin, what))
}

/// What a client is told that may not do something.
pub(crate) fn denied(denied: Denied) -> Refusal {
    let what = denied.to_string();
    let Denied { why, wait } = denied;
    let wait = wait.map(seconds);
    let mut refusal = refuse_for(why, &what);
    let challenge = match why {
        Reason::TokenMissing => Some("Bearer realm=\"push-server\""),
        Reason::TokenWrong => Some("Bearer realm=\"push-server\", error=\"invalid_token\""),
        Reason::TokenScope => Some("Bearer realm=\"push-server\", error=\"insufficient_scope\""),
        _ => None,
    };
    if let Some(challenge) = challenge {
        refusal.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
    }
    if let Some(wait) = wait {
        refusal.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(wait));
    }
    refusal
}
