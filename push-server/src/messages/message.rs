//! One message of a client, on its way through the chain.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::check::check;

use crate::hub::{ClientId, Stream};

/// What a client has sent on a stream: a JSON value, whoever it came from and in whichever form. Cloning costs reference
/// counts.
#[derive(Clone, Debug)]
pub struct ClientMessage {
    stream: Stream,
    sender: Option<ClientId>,
    recipient: Option<ClientId>,
    json: Bytes,
}

/// This is no message.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BadMessage {
    /// Not one JSON value.
    #[error("a message is one JSON value: {0}")]
    Json(#[from] serde_json::Error),
    /// It is longer than [`Limits::message_bytes`](crate::Limits::message_bytes).
    #[error("the message has {bytes} bytes as JSON, more than message_bytes = {max}")]
    TooLong {
        /// Its length.
        bytes: usize,
        /// The limit.
        max: usize,
    },
}

impl ClientMessage {
    /// One JSON value, which is checked and not copied. O(n). What passes can be read as any type that fits: strings have no
    /// halves of surrogate pairs, and values are nested 127 deep at most.
    ///
    /// # Errors
    ///
    /// [`BadMessage`].
    pub fn of_json(stream: Stream, json: impl Into<Bytes>) -> Result<Self, BadMessage> {
        let json = json.into();
        // With its blanks: of those that are cut off, JSON knows not all.
        check(&json)?;
        let json = json.slice_ref(json.trim_ascii());
        Self::checked(stream, json)
    }

    /// A text, which becomes a JSON string. Copied once.
    ///
    /// # Errors
    ///
    /// [`BadMessage::TooLong`]: with its escapes, the text may be longer than it was.
    pub fn of_text(stream: Stream, text: &str) -> Result<Self, BadMessage> {
        Self::of_value(stream, text)
    }

    /// A value of the program's own.
    ///
    /// # Errors
    ///
    /// [`BadMessage`].
    pub fn of_value<T: Serialize + ?Sized>(stream: Stream, value: &T) -> Result<Self, BadMessage> {
        Self::checked(stream, serde_json::to_vec(value)?.into())
    }

    fn checked(stream: Stream, json: Bytes) -> Result<Self, BadMessage> {
        let (bytes, max) = (json.len(), stream.limits().message_bytes);
        match bytes <= max {
            true => Ok(Self { stream, sender: None, recipient: None, json }),
            false => Err(BadMessage::TooLong { bytes, max }),
        }
    }

    /// Who says that it has sent it.
    #[must_use]
    pub fn sent_by(mut self, sender: Option<ClientId>) -> Self {
        self.sender = sender;
        self
    }

    /// Whom it is for. `None`: everybody on the stream.
    #[must_use]
    pub fn meant_for(mut self, recipient: Option<ClientId>) -> Self {
        self.recipient = recipient;
        self
    }

    /// The stream that it was sent on.
    #[must_use]
    pub const fn stream(&self) -> &Stream {
        &self.stream
    }

    /// The name that the sender has given, if it has one. Nobody has checked it.
    #[must_use]
    pub const fn sender(&self) -> Option<&ClientId> {
        self.sender.as_ref()
    }

    /// The client that it is for, if it is for one.
    #[must_use]
    pub const fn recipient(&self) -> Option<&ClientId> {
        self.recipient.as_ref()
    }

    /// The value, as it came but for blanks around it.
    #[must_use]
    pub const fn json(&self) -> &Bytes {
        &self.json
    }

    /// The value as a type of the application's. O(n).
    ///
    /// # Errors
    ///
    /// serde's: this is another value. A handler passes such a message on.
    pub fn parse<'m, T: Deserialize<'m>>(&'m self) -> serde_json::Result<T> {
        serde_json::from_slice(&self.json)
    }
}
