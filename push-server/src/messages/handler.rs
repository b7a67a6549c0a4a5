//! What an application implements, and what it says about a message.

use std::error::Error;
use std::fmt;
use std::future::Future;

use bytes::Bytes;
use serde::Serialize;

use super::ClientMessage;
use crate::controller::BoxError;
use crate::hub::{Published, Sent};

/// Longest text for people that a sender is told, in bytes; what is longer is cut, at a character.
pub const PEOPLE_TEXT: usize = 1_024;

/// One of those who are asked about a message: takes it, or passes it on to the next.
///
/// Functions from [`ClientMessage`] to such a future are handlers too. A handler runs beside those of other messages, so what
/// it changes needs a lock, or a task of its own. One that panics fails like one that returns an error, and is asked
/// again about the next message.
pub trait Handler: Send + Sync + 'static {
    /// Whether this message is for this handler, and what came of it then.
    fn handle(&self, message: ClientMessage) -> impl Future<Output = Result<Verdict, Failure>> + Send;
}

impl<F, R> Handler for F
where
    F: Fn(ClientMessage) -> R + Send + Sync + 'static,
    R: Future<Output = Result<Verdict, Failure>> + Send,
{
    fn handle(&self, message: ClientMessage) -> impl Future<Output = Result<Verdict, Failure>> + Send {
        self(message)
    }
}

/// What a handler says.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum Verdict {
    /// It is for somebody else: the next one is asked.
    Pass,
    /// It was for this one: nobody else is asked. The sender is told what came of it.
    Accept(Receipt),
}

/// What became of a message, as its sender is told.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Receipt {
    /// A handler has taken it, and has nothing to say: `{}`.
    Accepted,
    /// A handler has taken it, and answers this JSON value: `{"reply":…}`.
    Reply(Bytes),
    /// It was published to the stream: `{"position":"ab:7","receivers":3}`.
    Published(Published),
    /// It was sent to one client: `{"receivers":1,"waits":false}`; or it `waits` for the client to
    /// come back.
    Sent(Sent),
}

impl Verdict {
    /// Taken, without a word.
    ///
    /// # Errors
    ///
    /// None; it ends a handler as it stands.
    pub const fn accept() -> Result<Self, Failure> {
        Ok(Self::Accept(Receipt::Accepted))
    }

    /// Taken, with this value for the sender, up to [`Limits::message_bytes`](crate::Limits::message_bytes) as JSON.
    ///
    /// # Errors
    ///
    /// The value has no JSON.
    pub fn reply<T: Serialize + ?Sized>(value: &T) -> Result<Self, Failure> {
        Ok(Self::Accept(Receipt::Reply(serde_json::to_vec(value)?.into())))
    }
}

impl From<Receipt> for Verdict {
    fn from(receipt: Receipt) -> Self {
        Self::Accept(receipt)
    }
}

/// Why a handler, whose message it was, has not done what it says. Nobody else is asked.
///
/// Of one of two kinds: what [people](Self::for_people) who use the page can understand and mend, which they are shown; and
/// everything else, any error by `?`, which is nobody's business but the operator's.
#[must_use]
pub struct Failure(Kind);

pub(super) enum Kind {
    ForPeople(String),
    Internal(BoxError),
}

impl Failure {
    /// Reaches the sender as it is, up to [`PEOPLE_TEXT`] bytes: as text, which pages show as text.
    pub fn for_people(text: impl Into<String>) -> Self {
        let mut text = text.into();
        if text.len() > PEOPLE_TEXT {
            let most = PEOPLE_TEXT - '…'.len_utf8();
            let end = (0..=most).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
            text.truncate(end);
            text.push('…');
        }
        Self(Kind::ForPeople(text))
    }

    /// Is logged, with its sources. The sender is told a reference to that line and nothing else.
    pub fn internal(error: impl Into<BoxError>) -> Self {
        Self(Kind::Internal(error.into()))
    }

    pub(super) fn into_kind(self) -> Kind {
        self.0
    }
}

/// As [`internal`](Failure::internal), but that a [`DeliverError`](super::DeliverError) is told as the system handler's own.
impl<E: Error + Send + Sync + 'static> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::internal(error)
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::ForPeople(text) => f.debug_tuple("ForPeople").field(text).finish(),
            Kind::Internal(error) => f.debug_tuple("Internal").field(error).finish(),
        }
    }
}
