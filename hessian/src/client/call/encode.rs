//! A call as the body of a request.

use super::super::error::{Error, Result};
use super::builder::Settings;
use super::overload;
use super::upload::{Once, Source};
use crate::encode::parts::Parts;
use crate::rpc::{Arguments, Form, write_call_for};
use bytes::Bytes;
use std::collections::VecDeque;

/// A call that was encoded.
pub(in super::super) struct Encoded {
    pub(super) form: Form,
    pub(super) parts: VecDeque<Part>,
}

/// A part of a call.
pub(super) enum Part {
    /// What is there.
    Bytes(Bytes),
    /// A binary but for its last chunk, which is empty.
    Upload(Source),
}

impl Encoded {
    pub(super) fn has_uploads(&self) -> bool {
        self.parts.iter().any(|part| matches!(part, Part::Upload(_)))
    }
}

/// Encodes a call.
pub(super) fn encode(settings: &Settings, method: &str, arguments: &impl Arguments) -> Result<Encoded> {
    let form = settings.form;
    let reply = settings.reply_form.unwrap_or(form);
    let mut call = Parts::default();
    write_call_for(form, reply, method, arguments, &mut call).map_err(Error::Arguments)?;
    if settings.overload_names {
        let method = overload::name(&call.bytes).map_err(Error::Arguments)?;
        call = Parts::default();
        write_call_for(form, reply, &method, arguments, &mut call).map_err(Error::Arguments)?;
    }
    let mut bytes = call.bytes.freeze();
    let mut parts = VecDeque::with_capacity(2 * call.later.len() + 1);
    let mut start = 0;
    for (at, later) in call.later {
        parts.push_back(Part::Bytes(bytes.split_to(at - start)));
        parts.push_back(Part::Upload(Once::take(&*later)?));
        start = at;
    }
    parts.push_back(Part::Bytes(bytes));
    Ok(Encoded { form, parts })
}
