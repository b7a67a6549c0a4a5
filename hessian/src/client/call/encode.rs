//! A call as the body of a request.

use super::super::error::{Error, Result};
use super::builder::Settings;
use crate::rpc::{Arguments, write_call_for};
use bytes::{Bytes, BytesMut};

/// A call that was encoded.
pub(super) struct Encoded {
    pub(super) body: Bytes,
}

/// Encodes a call.
pub(super) fn encode(settings: &Settings, method: &str, arguments: &impl Arguments) -> Result<Encoded> {
    let form = settings.form;
    let reply = settings.reply_form.unwrap_or(form);
    let mut out = BytesMut::new();
    write_call_for(form, reply, method, arguments, &mut out).map_err(Error::Arguments)?;
    Ok(Encoded { body: out.freeze() })
}
