//! Replies as they came.

use super::super::error::{Error, Result};
use super::builder::Settings;
use super::pieces::Pieces;
use crate::error::ErrorKind;
use crate::limits::Limits;
use crate::rpc::{Reply, read_reply_bytes, value_of};
use bytes::{Bytes, BytesMut};
use serde::Deserialize;
use serde::de::IgnoredAny;

/// Room that is made for a reply at once, whatever length is claimed for it.
const MAX_CLAIMED: u64 = 1 << 20;

/// The reply of a service as it came, in one buffer. It is no fault.
#[derive(Debug, Clone)]
pub struct RawReply {
    bytes: Bytes,
    limits: Limits,
    ignore_trailing: bool,
}

impl RawReply {
    /// What was received, unless it is a fault.
    pub(super) fn of(bytes: Bytes, settings: &Settings) -> Result<Self> {
        match value_of(&bytes, &settings.limits)? {
            Some(_) => Ok(Self { bytes, limits: settings.limits, ignore_trailing: settings.ignore_trailing }),
            None => Err(fault(&bytes, settings)),
        }
    }

    /// Its bytes.
    #[must_use]
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// Its value, decoded from the bytes themselves; it may borrow from them.
    ///
    /// # Errors
    /// [`Error::Codec`]: malformed, more than the [`Limits`] allow, or not what the type takes.
    pub fn read<'de, T: Deserialize<'de>>(&'de self) -> Result<T> {
        let (outcome, used) = read_reply_bytes(&self.bytes, &self.limits)?;
        let value = outcome.map_err(Error::Fault)?;
        self.check_end(used)?;
        Ok(value)
    }

    /// The whole reply without a type: its value is [`Reply::result`].
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn reply(&self) -> Result<Reply<'_>> {
        let (reply, used) = Reply::parse(&self.bytes, &self.limits)?;
        self.check_end(used)?;
        Ok(reply)
    }

    fn check_end(&self, used: usize) -> Result<()> {
        match self.bytes.len() - used {
            0 => Ok(()),
            _ if self.ignore_trailing => Ok(()),
            count => Err(crate::Error::at(used as u64, ErrorKind::TrailingBytes { count }).into()),
        }
    }
}

/// What a fault says.
pub(super) fn fault(bytes: &Bytes, settings: &Settings) -> Error {
    let mut read = read_reply_bytes::<IgnoredAny>(bytes, &settings.limits);
    if let Err(error) = &read
        && error.is_incomplete()
        && bytes.starts_with(b"r")
        && bytes.ends_with(b"z")
    {
        // The specification of Hessian 1 ends a fault and its reply by one `z`; Java writes one for each.
        let ended = Bytes::from([bytes, &b"z"[..]].concat());
        if let Ok((Err(fault), _)) = read_reply_bytes::<IgnoredAny>(&ended, &settings.limits) {
            read = Ok((Err(fault), bytes.len()));
        }
    }
    match read {
        Ok((Err(fault), _)) => Error::Fault(fault),
        Ok((Ok(_), used)) => crate::Error::at(used as u64, ErrorKind::Incomplete { needed: 1 }).into(),
        Err(error) => error.into(),
    }
}

/// Collects the pieces of a reply; what is none is told apart at its first byte.
pub(super) async fn collect(pieces: &mut Pieces, settings: &Settings, content_type: &str) -> Result<Bytes> {
    let max = settings.max_reply;
    let expected = pieces.expected();
    let Some(first) = pieces.next().await? else { return Err(none(content_type)) };
    if let Some(error) = is_none(&first) {
        let body = excerpt(first, pieces, settings.max_excerpt).await;
        return Err(Error::NoReply { content_type: content_type.to_owned(), body, error });
    }
    if expected.is_some_and(|bytes| bytes > max) {
        return Err(too_long(max));
    }
    collect_from(first, pieces, settings).await
}

/// Collects the pieces of a reply whose beginning is there. One that came in one piece is not copied.
pub(super) async fn collect_from(first: Bytes, pieces: &mut Pieces, settings: &Settings) -> Result<Bytes> {
    let max = settings.max_reply;
    if first.len() as u64 > max {
        return Err(too_long(max));
    }
    if pieces.is_at_end() {
        return Ok(first);
    }
    let room = pieces.expected().unwrap_or_default().min(MAX_CLAIMED) as usize;
    let Some(second) = pieces.next().await? else { return Ok(first) };
    let mut joined = BytesMut::with_capacity(first.len() + second.len().max(room));
    joined.extend_from_slice(&first);
    drop(first);
    let mut next = Some(second);
    while let Some(piece) = next {
        if (joined.len() + piece.len()) as u64 > max {
            return Err(too_long(max));
        }
        joined.extend_from_slice(&piece);
        drop(piece);
        next = pieces.next().await?;
    }
    Ok(joined.freeze())
}

fn too_long(max: u64) -> Error {
    crate::Error::new(ErrorKind::Limit { limit: "max_reply", max }).into()
}

/// There is nothing at all.
pub(super) fn none(content_type: &str) -> Error {
    let error = crate::Error::at(0, ErrorKind::Incomplete { needed: 1 });
    Error::NoReply { content_type: content_type.to_owned(), body: String::new(), error }
}

/// What is wrong with the beginning of something that is no reply.
pub(super) fn is_none(bytes: &[u8]) -> Option<crate::Error> {
    let at = |offset, found, expected| {
        Some(crate::Error::at(offset, ErrorKind::UnexpectedByte { found, expected }))
    };
    match *bytes {
        [b'H', _, _, b'R' | b'F', ..] | [b'r', ..] => None,
        [b'H', _, _, found, ..] => at(3, found, crate::rpc::RESULT),
        [b'H', ..] | [] => None,
        [found, ..] => at(0, found, crate::rpc::REPLY),
    }
}

/// The beginning of what is no reply, for a message: text, its white space as single spaces, control characters escaped.
/// Empty if it is no text.
pub(super) async fn excerpt(first: Bytes, pieces: &mut Pieces, max: usize) -> String {
    // A byte more than is shown tells that it is cut.
    let mut bytes = first[..first.len().min(max.saturating_add(1))].to_vec();
    // What stops here is not what went wrong.
    while bytes.len() < max
        && let Ok(Some(piece)) = pieces.next().await
    {
        bytes.extend_from_slice(&piece);
    }
    let cut = bytes.len() > max;
    bytes.truncate(max);
    let text = match std::str::from_utf8(&bytes) {
        Ok(text) => text,
        // A character that was cut.
        Err(error) if error.error_len().is_none() => {
            std::str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or_default()
        }
        Err(_) => return String::new(),
    };
    if text.contains('\0') {
        return String::new();
    }
    let mut shown = shown(text);
    if cut {
        shown.push('…');
    }
    shown
}

/// A stranger's text on one line.
pub(super) fn shown(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        if !shown.is_empty() {
            shown.push(' ');
        }
        for character in word.chars() {
            match character.is_control() {
                true => shown.extend(character.escape_debug()),
                false => shown.push(character),
            }
        }
    }
    shown
}
