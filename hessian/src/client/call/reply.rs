//! Replies as they came.

use super::super::error::{Error, Result};
use super::builder::Settings;
use super::pieces::Pieces;
use crate::error::ErrorKind;
use crate::limits::Limits;
use crate::rpc::{Reply, ServiceFault, read_reply_bytes};
use bytes::{Bytes, BytesMut};
use serde::Deserialize;

/// Room that is made for a reply at once, whatever length is claimed for it.
const MAX_CLAIMED: u64 = 1 << 20;

/// The reply of a service as it came, in one buffer.
#[derive(Debug, Clone)]
pub struct RawReply {
    bytes: Bytes,
    limits: Limits,
    ignore_trailing: bool,
}

impl RawReply {
    pub(super) fn new(bytes: Bytes, settings: &Settings) -> Self {
        Self { bytes, limits: settings.limits, ignore_trailing: settings.ignore_trailing }
    }

    /// Its bytes.
    #[must_use]
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// Its value, which may borrow from it.
    ///
    /// # Errors
    /// [`Error::Fault`], and [`Error::Codec`] for what the type does not take.
    pub fn read<'de, T: Deserialize<'de>>(&'de self) -> Result<T> {
        let (outcome, used) = read_reply_bytes(&self.bytes, &self.limits)?;
        let value = outcome.map_err(Error::Fault)?;
        self.check_end(used)?;
        Ok(value)
    }

    /// The whole reply without a type: its value is [`Reply::result`].
    ///
    /// # Errors
    /// [`Error::Fault`] and [`Error::Codec`].
    pub fn reply(&self) -> Result<Reply<'_>> {
        let (reply, used) = Reply::parse(&self.bytes, &self.limits)?;
        if let Err(fault) = reply.result() {
            return Err(Error::Fault(Box::new(ServiceFault::of(fault)?)));
        }
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

/// Collects the pieces of a reply; what is none is told apart at its first byte.
pub(super) async fn collect(pieces: &mut Pieces, settings: &Settings, content_type: &str) -> Result<Bytes> {
    let max = settings.max_reply;
    let too_long = || Err(crate::Error::new(ErrorKind::Limit { limit: "max_reply", max }).into());
    let expected = pieces.expected();
    let Some(first) = pieces.next().await? else {
        let error = crate::Error::at(0, ErrorKind::Incomplete { needed: 1 });
        return Err(Error::NoReply { content_type: content_type.to_owned(), body: String::new(), error });
    };
    if let Some(error) = is_none(&first) {
        let body = excerpt(first, pieces, settings.max_excerpt).await;
        return Err(Error::NoReply { content_type: content_type.to_owned(), body, error });
    }
    if expected.is_some_and(|bytes| bytes > max) || first.len() as u64 > max {
        return too_long();
    }
    if pieces.is_at_end() {
        return Ok(first);
    }
    let Some(second) = pieces.next().await? else { return Ok(first) };
    let room = expected.unwrap_or_default().min(MAX_CLAIMED) as usize;
    let mut joined = BytesMut::with_capacity(room.max(first.len() + second.len()));
    joined.extend_from_slice(&first);
    drop(first);
    let mut next = Some(second);
    while let Some(piece) = next {
        if (joined.len() + piece.len()) as u64 > max {
            return too_long();
        }
        joined.extend_from_slice(&piece);
        drop(piece);
        next = pieces.next().await?;
    }
    Ok(joined.freeze())
}

/// What is wrong with the beginning of something that is no reply.
fn is_none(bytes: &[u8]) -> Option<crate::Error> {
    let at = |offset, found, expected| {
        Some(crate::Error::at(offset, ErrorKind::UnexpectedByte { found, expected }))
    };
    match *bytes {
        [b'H', _, _, b'R' | b'F', ..] | [b'r', ..] => None,
        [b'H', _, _, found, ..] => at(3, found, "a reply or a fault (`R` or `F`)"),
        [b'H', ..] | [] => None,
        [found, ..] => at(0, found, crate::rpc::REPLY),
    }
}

/// The beginning of what is no reply, for a message: text, its white space as single spaces, control characters escaped.
/// Empty if it is no text.
pub(super) async fn excerpt(first: Bytes, pieces: &mut Pieces, max: usize) -> String {
    let mut bytes = first.to_vec();
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
