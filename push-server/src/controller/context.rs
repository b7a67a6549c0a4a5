//! What a callback has in hand: the output, the attributes, the timeout, the joined stream.

use std::any::Any;
use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode};
use serde::Serialize;
use tokio::time::Instant;

use super::error::WriteError;
use super::form::{Form, Shared};
use super::handle::Handle;
use super::output::{Envelope, Output};
use super::settings::Settings;
use crate::hub::{Batch, CountedController, Delivery, Hub, Reader, Resume, Subscription};
use crate::transport::{Farewell, ws};
use crate::{LONGEST, Limits, Position};

/// The connection in the hands of a callback. Other threads have its [`Handle`].
#[derive(Debug)]
pub struct Context {
    handle: Handle,
    pub(super) hub: Hub,
    _counted: CountedController,
    settings: Settings,
    pub(super) envelope: Envelope,
    pub(super) out: Output,
    /// Classes that a Hessian reader has met.
    knows: u32,
    /// Something was written that is an answer to a long poll.
    has_answer: bool,
    /// Until the head has left.
    headers: Option<Box<HeaderMap>>,
    joined: Option<(Position, Resume)>,
    pub(super) reader: Option<Box<Reader>>,
    batch: Option<Box<Batch>>,
    has_stream_ended: bool,
    /// The stream has ended because the hub has.
    pub(super) has_hub_ended: bool,
    pub(super) rotates_at: Option<Instant>,
}

impl Context {
    pub(super) fn new(hub: Hub, settings: Settings, headers: HeaderMap, envelope: Envelope) -> Self {
        let rotates_at = settings.lifetime.map(|lifetime| Instant::now() + lifetime.min(LONGEST));
        Self {
            handle: Handle::new(),
            _counted: hub.count_controller(),
            hub,
            settings,
            envelope,
            out: Output::default(),
            knows: 0,
            has_answer: false,
            headers: Some(headers.into()),
            joined: None,
            reader: None,
            batch: None,
            has_stream_ended: false,
            has_hub_ended: false,
            rotates_at,
        }
    }

    /// The connection as other threads may have it: a clone costs a reference count.
    #[must_use]
    pub const fn handle(&self) -> &Handle {
        &self.handle
    }

    /// The hub of the server.
    #[must_use]
    pub const fn hub(&self) -> &Hub {
        &self.hub
    }

    /// The form in which values go to this client.
    #[must_use]
    pub const fn form(&self) -> &Form {
        &self.settings.form
    }

    /// Whether the connection ends with the first thing that is written, as a long poll does.
    #[must_use]
    pub const fn is_long_poll(&self) -> bool {
        self.settings.is_long_poll
    }

    /// The attribute `name`, as [`Handle::get`] gives it.
    #[must_use]
    pub fn get<T: Any + Send + Sync>(&self, name: &str) -> Option<Arc<T>> {
        self.handle.get(name)
    }

    /// Sets the attribute `name`, as [`Handle::set`] does.
    pub fn set<T: Any + Send + Sync>(&self, name: impl Into<Cow<'static, str>>, value: T) {
        self.handle.set(name, value);
    }

    /// The response's header fields, in [`begin`](super::Controller::begin); `None` once they have left. What frames
    /// the body (`content-length`, `transfer-encoding`, `connection`) is not taken from here.
    #[must_use]
    pub fn headers_mut(&mut self) -> Option<&mut HeaderMap> {
        self.headers.as_deref_mut()
    }

    /// After how much time without an event [`timeout`](super::Controller::timeout) is called, from the return of
    /// this callback on. `None`: never, where heartbeats show that the client is there; else after
    /// [`LONGEST_WAIT`](super::LONGEST_WAIT).
    pub const fn set_timeout(&mut self, timeout: Option<Duration>) {
        self.settings.timeout = timeout;
    }

    /// What [`set_timeout`](Self::set_timeout) has set, or the [request](super::Suspend::timeout).
    #[must_use]
    pub const fn timeout(&self) -> Option<Duration> {
        self.settings.timeout
    }

    /// Sends `value` in the connection's form. Encoded in that form alone, into one allocation.
    ///
    /// # Errors
    ///
    /// [`WriteError`]; nothing of it is sent.
    pub fn send<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), WriteError> {
        let mut knows = self.knows;
        let classes = self.hub.classes();
        let body = self.settings.form.value(value, &mut knows, classes, self.hub.limits())?;
        self.put(body)?;
        self.knows = knows;
        Ok(())
    }

    /// Sends JSON (RFC 8259, in UTF-8), which is checked: parsed once, and copied once into its frame.
    ///
    /// # Errors
    ///
    /// [`WriteError`]; nothing of it is sent.
    pub fn send_json(&mut self, json: impl Into<Bytes>) -> Result<(), WriteError> {
        let mut knows = self.knows;
        let classes = self.hub.classes();
        let body = self.settings.form.json(&json.into(), &mut knows, classes, self.hub.limits())?;
        self.put(body)?;
        self.knows = knows;
        Ok(())
    }

    /// Writes bytes into the body as they are, whatever the form; on a WebSocket, as a binary message. It is upon you
    /// that the client can read them there: of what comes from others nothing is escaped. Copied once.
    ///
    /// # Errors
    ///
    /// [`WriteError::Full`]; nothing of it is written.
    pub fn write(&mut self, bytes: impl AsRef<[u8]>) -> Result<(), WriteError> {
        let bytes = bytes.as_ref();
        if !self.settings.form.is_websocket() {
            return self.put(bytes.to_vec());
        }
        let mut message = Vec::new();
        ws::binary(&[bytes], &mut message);
        self.put(message)
    }

    /// Bytes that wait to be sent. 0 when a callback is called.
    #[must_use]
    pub const fn pending(&self) -> usize {
        self.out.len()
    }

    fn put(&mut self, body: Vec<u8>) -> Result<(), WriteError> {
        let (bytes, pending, max) = (body.len(), self.out.len(), self.settings.pending_bytes);
        if bytes > max.saturating_sub(pending) {
            return Err(WriteError::Full { bytes, pending, max });
        }
        if bytes > 0 {
            self.separate();
            self.out.push_body(body, self.envelope);
        }
        Ok(())
    }

    /// What stands before each element of the array that answers a long poll.
    fn separate(&mut self) {
        let is_first = !std::mem::replace(&mut self.has_answer, true);
        if self.is_array() {
            self.out.push(Bytes::from_static(if is_first { b"[" } else { b"," }));
        }
    }

    const fn is_array(&self) -> bool {
        self.settings.is_long_poll && matches!(self.settings.form, Form::Json)
    }

    /// Reads a stream from now on: whenever it has news, [`resume`](super::Controller::resume) is called with a
    /// [`batch`](Self::batch). A second stream takes the place of the first.
    ///
    /// Subscribe with [`cx.form().transport()`](Form::transport). Nothing is copied for this connection, and it is
    /// as bound to the stream's [`StreamConfig`](crate::StreamConfig) as a connection of the hub's: one that reads
    /// too slowly is cut off, or skips, as that says. Joined in `begin`, the client is told of the place where it
    /// begins as one of the hub's is (header `push-position`, and so on).
    pub fn join(&mut self, subscription: Subscription) {
        self.joined = Some((subscription.position(), subscription.resume()));
        self.batch = None;
        self.has_stream_ended = false;
        self.reader = Some(subscription.into_reader().into());
    }

    /// Reads no stream any more.
    pub fn leave(&mut self) {
        (self.reader, self.batch, self.joined) = (None, None, None);
    }

    /// What the joined stream has: at most 64 messages, and no more than 256 KiB as JSON and one message. Taken away;
    /// the rest comes with the next resume.
    #[must_use]
    pub fn batch(&mut self) -> Option<Batch> {
        self.batch.take().map(|batch| *batch)
    }

    /// Whether the joined stream has ended: closed, or the hub has. Everything before was given.
    #[must_use]
    pub const fn has_stream_ended(&self) -> bool {
        self.has_stream_ended
    }

    /// Sends a message of the joined stream as its readers get it: bytes shared with them, where the form is one of
    /// the hub's. Not counted for `pending_bytes`, as the batch is bounded.
    pub fn deliver(&mut self, delivery: &Delivery) {
        let is_chunked = self.envelope.is_chunked();
        let sent = self.settings.form.delivery(delivery, &mut self.knows, self.hub.classes(), is_chunked);
        self.separate();
        match sent {
            Shared::Framed(bytes) => self.out.push(bytes),
            Shared::Own(body) => self.out.push_body(body, self.envelope),
        }
    }

    /// Sends everything that the joined stream has, and tells what was skipped where the form can. Returns the
    /// number of messages.
    pub fn forward(&mut self) -> usize {
        let Some(batch) = self.batch() else { return 0 };
        if let Some(gap) = batch.gap {
            let to = Position { sequence: *gap.end(), ..batch.position };
            if let Some(notice) = self.settings.form.gap(*gap.start(), to, self.envelope.is_chunked()) {
                self.has_answer = true;
                self.out.push(notice);
            }
        }
        batch.messages.iter().for_each(|delivery| self.deliver(delivery));
        batch.messages.len()
    }

    pub(super) fn limits(&self) -> &Limits {
        self.hub.limits()
    }

    pub(super) const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Whether the stream may be asked for more: what it gave last has been taken.
    pub(super) fn awaits_news(&self) -> bool {
        self.reader.is_some() && self.batch.is_none()
    }

    /// The stream has news, or none any more.
    pub(super) fn stream_has(&mut self, batch: Option<Batch>) {
        match batch {
            Some(batch) => self.batch = Some(batch.into()),
            None => {
                // Where it has come to, for the farewell.
                if let (Some(reader), Some((position, _))) = (self.reader.take(), &mut self.joined) {
                    *position = reader.position();
                    self.has_hub_ended = !reader.stream().is_closed();
                }
                self.has_stream_ended = true;
            }
        }
    }

    /// Whether what was written answers the long poll.
    pub(super) const fn is_answered(&self) -> bool {
        self.settings.is_long_poll && self.has_answer
    }

    /// Whether the head has left.
    pub(super) const fn has_head_left(&self) -> bool {
        self.headers.is_none()
    }

    /// The fields of the head, which leaves now.
    pub(super) fn take_headers(&mut self) -> HeaderMap {
        let mut headers = self.headers.take().map(|headers| *headers).unwrap_or_default();
        let position = match &self.reader {
            // After the answer; before the first message of a stream.
            Some(reader) if self.settings.is_long_poll => Some(reader.position()),
            _ => self.joined.map(|(position, _)| position),
        };
        if let Some(position) = position {
            headers.insert("push-position", text(&position));
        }
        if let Some((_, resume)) = self.joined.filter(|&(_, resume)| resume != Resume::Fresh) {
            headers.insert("push-resume", text(&resume));
        }
        if self.settings.beats() {
            headers.insert("push-heartbeat", text(&self.limits().heartbeat.as_secs_f64()));
        }
        if let Some(lifetime) = self.settings.lifetime {
            headers.insert("push-rotate", text(&lifetime.as_secs_f64()));
        }
        headers
    }

    /// What a long poll without an answer is answered with. (An `EventSource` never comes back after 204.)
    pub(super) const fn empty_status(&self) -> StatusCode {
        if matches!(self.settings.form, Form::Raw(_)) { StatusCode::NO_CONTENT } else { StatusCode::OK }
    }

    /// What comes between head and first value.
    pub(super) fn preamble(&self) -> Vec<u8> {
        let (heartbeat, lifetime) = (self.limits().heartbeat, self.settings.lifetime);
        self.settings.form.preamble(self.joined, heartbeat, lifetime)
    }

    /// Has silence broken.
    pub(super) fn beat(&mut self) {
        self.out.push_body(self.settings.form.heartbeat().to_vec(), self.envelope);
    }

    /// Appends what comes last.
    pub(super) fn say_farewell(&mut self, why: Farewell) {
        // Who polls comes back in any case.
        let why = if self.settings.is_long_poll { Farewell::Rotate } else { why };
        if self.is_array() {
            self.out.push(Bytes::from_static(if self.has_answer { b"]" } else { b"[]" }));
        } else if !(self.settings.is_long_poll && matches!(self.settings.form, Form::Sse)) {
            let position = self.reader.as_ref().map(|reader| reader.position());
            let position = position.or_else(|| self.joined.map(|(position, _)| position));
            self.out.push_body(self.settings.form.farewell(why, position), self.envelope);
        }
    }
}

fn text(value: &impl ToString) -> HeaderValue {
    HeaderValue::from_str(&value.to_string()).expect("letters, digits and a colon")
}
