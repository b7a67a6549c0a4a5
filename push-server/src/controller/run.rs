//! The task of one connection: one callback after the other, what they write, and the wait between them.

use std::future::{pending, poll_fn};
use std::time::Duration;

use bytes::Bytes;
use http::{StatusCode, Version};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use super::callbacks::{Controller, Flow, Reason};
use super::context::Context;
use super::error::Error;
use super::handle::Signal;
use super::input::BadBody;
use super::life::{Call, Life};
use super::output::{Envelope, Output};
use super::wire::{Failure, Received, Wire};
use crate::ReadError;
use crate::guard::Reason as Refused;
use crate::lifecycle::Event;
use crate::transport::{Farewell, LAST_CHUNK};
use crate::web::{Extent, SHUTTING_DOWN, head, refusal, switching_protocols};

/// Messages of the joined stream that are taken at once, and bytes of their JSON after which no more are.
const BATCH: usize = 64;
const BATCH_BYTES: usize = 256 << 10;

/// After a client has ended its direction and was sent something: time for a reset to come back.
const HALF_CLOSED: Duration = Duration::from_secs(1);

/// What the request asks of the connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked {
    pub(super) version: Version,
    /// The next request may follow.
    pub(super) keeps_alive: bool,
}

/// What is to be done with the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum After {
    /// Serve the next request.
    Reuse,
    Close,
    /// What the kernel holds is given up.
    Abort,
}

/// What the wait ended with.
enum Next {
    Call(Call),
    End(Reason),
}

/// A connection from `begin` to `close`. It is what the connection's task holds, so its future borrows it: what an
/// async function takes by value, its future holds twice.
pub(super) struct Run<C: Controller, W> {
    life: Life<C>,
    cx: Context,
    pub(super) wire: W,
    asked: Asked,
    stop: CancellationToken,
    /// When something was sent last: being woken is no news to the client.
    silent_since: Instant,
    /// When to look whether a client that has ended its direction has gone altogether.
    look: Option<Instant>,
    /// When it is to leave, once the hub's clients are to.
    leaves_at: Option<Instant>,
    leaving: Leaving,
}

/// How far a connection has come that is to leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Leaving {
    Stays,
    /// It is given what its stream had when its time came, up to this message.
    Reads(u64),
    /// It has been told that this was all.
    Told,
}

impl<C: Controller, W: Wire> Run<C, W> {
    pub(super) fn new(controller: C, cx: Context, wire: W, asked: Asked, stop: CancellationToken) -> Self {
        let life = Life::new(controller, cx.handle().clone());
        let silent_since = Instant::now();
        // Who comes when everybody leaves is sent on at once.
        let leaves_at = cx.hub().is_leaving().then_some(silent_since);
        Self { life, cx, wire, asked, stop, silent_since, look: None, leaves_at, leaving: Leaving::Stays }
    }

    pub(super) fn into_wire(self) -> W {
        self.wire
    }

    /// Serves it.
    pub(super) async fn serve(&mut self) -> After {
        match self.live().await {
            Ok(after) => after,
            Err(Failure::Gone) => {
                self.life.on(Event::Peer, Reason::Peer);
                After::Close
            }
            Err(Failure::Failed(error)) => self.fail(error).await,
        }
    }

    async fn live(&mut self) -> Result<After, Failure> {
        let mut call = Call::Begin;
        loop {
            let flow = self.life.call(call, &mut self.cx).await?;
            if flow == Flow::Complete || self.cx.is_answered() {
                let is_stopping =
                    self.stop.is_cancelled() || self.cx.has_hub_ended || self.leaving != Leaving::Stays;
                let is_shutdown = self.cx.has_stream_ended() && is_stopping;
                let reason = if is_shutdown { Reason::Shutdown } else { Reason::Complete };
                return self.end(reason).await;
            }
            self.send().await?;
            self.life.on(Event::Drained, Reason::Complete);
            call = match self.wait().await? {
                Next::Call(call) => call,
                Next::End(reason) => return self.end_from_outside(reason).await,
            };
            self.life.on(Event::Wake, Reason::Complete);
        }
    }

    /// Waits for the next event. Nothing waits to be sent.
    async fn wait(&mut self) -> Result<Next, Failure> {
        let handle = self.cx.handle().clone();
        let heartbeat = self.cx.settings().beats().then_some(self.cx.limits().heartbeat);
        let timeout = self.cx.settings().wait().map(|wait| Instant::now() + wait);
        loop {
            if self.leaving != Leaving::Stays {
                return self.leave();
            }
            let beat = heartbeat.map(|heartbeat| self.silent_since + heartbeat);
            let times = [timeout, beat, self.look, self.cx.rotates_at, self.leaves_at];
            let next = times.into_iter().flatten().min();
            let awaits_news = self.cx.awaits_news();
            let Context { reader, hub, .. } = &mut self.cx;
            let news = async {
                match reader {
                    Some(reader) => reader.next_batch(BATCH, BATCH_BYTES).await,
                    None => pending().await,
                }
            };
            let timer = async {
                match next {
                    Some(next) => sleep_until(next).await,
                    None => pending().await,
                }
            };
            // None before another: whoever has much to say leaves the others their turn.
            tokio::select! {
                signal = handle.signal() => return Ok(match signal {
                    Signal::Wake => Next::Call(Call::Resume),
                    Signal::Complete => Next::End(Reason::Complete),
                }),
                news = news, if awaits_news => {
                    match news {
                        Ok(batch) => self.cx.stream_has(Some(batch)),
                        Err(error @ ReadError::Slow { .. }) => return Err(Error::Stream(error).into()),
                        Err(_) => self.cx.stream_has(None),
                    }
                    return Ok(Next::Call(Call::Resume));
                }
                received = poll_fn(|cx| self.wire.poll_receive(cx)) => match received? {
                    Received::Input(input) => return Ok(Next::Call(Call::Read(input))),
                    Received::HalfClosed => {
                        // Who has gone altogether answers this with a reset.
                        if heartbeat.is_some() {
                            self.beat().await?;
                        }
                        self.look = Some(Instant::now() + HALF_CLOSED);
                    }
                    Received::Ping(pong) => {
                        self.cx.out.push(pong);
                        self.send().await?;
                    }
                    Received::Goodbye(close) => {
                        self.cx.out.push(close);
                        self.send().await?;
                        return Err(Failure::Gone);
                    }
                },
                // The joined stream's end comes after its last message.
                () = self.stop.cancelled(), if !awaits_news => return Ok(Next::End(Reason::Shutdown)),
                at = hub.time_to_leave(), if self.leaves_at.is_none() => self.leaves_at = Some(at),
                () = timer => {
                    let now = Instant::now();
                    let is_due = |at: Option<Instant>| at.is_some_and(|at| at <= now);
                    if is_due(self.leaves_at) {
                        let head = self.cx.reader.as_ref().map(|reader| reader.stream().position().sequence);
                        self.leaving = Leaving::Reads(head.unwrap_or_default());
                        continue;
                    }
                    if self.look.take_if(|at| *at <= now).is_some() && self.wire.is_gone() {
                        return Err(Failure::Gone);
                    }
                    if is_due(beat) {
                        self.beat().await?;
                    }
                    if is_due(self.cx.rotates_at) {
                        return Ok(Next::End(Reason::Rotated));
                    }
                    if is_due(timeout) {
                        // News that came at the same time wins.
                        let call = if handle.take_wake() { Call::Resume } else { Call::Timeout };
                        return Ok(Next::Call(call));
                    }
                }
            }
        }
    }

    /// What comes next for a connection that is to leave: what its stream had by then, that this is all, and the end.
    fn leave(&mut self) -> Result<Next, Failure> {
        let awaits_news = self.cx.awaits_news();
        let (Leaving::Reads(head), true, Some(reader)) = (self.leaving, awaits_news, &mut self.cx.reader)
        else {
            return Ok(Next::End(Reason::Shutdown));
        };
        let batch = match reader.position().sequence < head {
            true => reader.try_batch(BATCH, BATCH_BYTES),
            false => Ok(None),
        };
        let batch = match batch {
            Err(error @ ReadError::Slow { .. }) => return Err(Error::Stream(error).into()),
            batch => batch.unwrap_or_default(),
        };
        if batch.is_none() {
            self.leaving = Leaving::Told;
        }
        self.cx.stream_has(batch);
        Ok(Next::Call(Call::Resume))
    }

    async fn beat(&mut self) -> Result<(), Failure> {
        self.cx.beat();
        self.send().await
    }

    /// Ends in good order because somebody else than the controller says so: what it was woken for before, it does.
    async fn end_from_outside(&mut self, reason: Reason) -> Result<After, Failure> {
        // Who wakes it from here on is told that it is too late.
        self.cx.handle().complete();
        if self.cx.handle().take_wake() {
            // It ends either way.
            let _ = self.life.call(Call::Resume, &mut self.cx).await?;
        }
        self.end(reason).await
    }

    /// Ends in good order.
    async fn end(&mut self, reason: Reason) -> Result<After, Failure> {
        self.cx.handle().complete();
        self.life.on(Event::Complete, reason);
        let after = if self.cx.settings().is_long_poll {
            self.answer(reason)
        } else {
            self.open();
            let comes_back = matches!(reason, Reason::Rotated | Reason::Shutdown);
            let why = if comes_back { Farewell::Rotate } else { Farewell::Complete };
            self.cx.say_farewell(why);
            if self.cx.envelope.is_chunked() {
                self.cx.out.push(Bytes::from_static(LAST_CHUNK));
            }
            After::Close
        };
        self.drain().await?;
        self.life.on(Event::Drained, reason);
        Ok(after)
    }

    /// Puts head and preamble before what a stream's first callback has written.
    fn open(&mut self) {
        if self.cx.has_head_left() {
            return;
        }
        let headers = self.cx.take_headers();
        let extent = if self.cx.envelope.is_chunked() { Extent::Chunked } else { Extent::Close };
        let mut preamble = Output::default();
        preamble.push_body(self.cx.preamble(), self.cx.envelope);
        self.cx.out.prepend(preamble);
        let head = match self.cx.settings().form.is_websocket() {
            true => switching_protocols(&headers),
            false => head(self.asked.version, StatusCode::OK, &headers, extent),
        };
        self.cx.out.push_front(head.into());
    }

    /// Makes the whole answer to a long poll of what was written.
    fn answer(&mut self, reason: Reason) -> After {
        let has_answer = self.cx.is_answered();
        let is_ending = reason == Reason::Shutdown;
        if is_ending && !has_answer {
            return self.refuse(Refused::Ending, StatusCode::SERVICE_UNAVAILABLE, SHUTTING_DOWN);
        }
        self.cx.say_farewell(Farewell::Rotate);
        let mut preamble = Output::default();
        preamble.push_body(self.cx.preamble(), Envelope::Collected);
        self.cx.out.prepend(preamble);
        let status =
            if self.cx.out.is_empty() && !has_answer { self.cx.empty_status() } else { StatusCode::OK };
        let keeps_alive = self.asked.keeps_alive && !is_ending && self.wire.is_reusable();
        let extent = Extent::Length { bytes: self.cx.out.len(), keeps_alive };
        let headers = self.cx.take_headers();
        self.cx.out.push_front(head(self.asked.version, status, &headers, extent).into());
        if keeps_alive { After::Reuse } else { After::Close }
    }

    /// Answers with an error and a short text.
    fn refuse(&mut self, why: Refused, status: StatusCode, what: &str) -> After {
        self.cx.hub().guard().count(why);
        self.cx.take_headers();
        self.cx.out.clear();
        self.cx.out.push(refusal(self.asked.version, status, what).into());
        After::Close
    }

    /// Tells the controller what went wrong, the client if it can still be told, and closes.
    async fn fail(&mut self, error: Error) -> After {
        // What waits is of no use to who does not read, and may be half of what the failed callback had to say.
        self.cx.handle().complete();
        if !self.cx.has_head_left() {
            self.cx.out.clear();
        }
        self.life.call_error(&mut self.cx, &error).await;
        let (reason, event, after) = match &error {
            Error::Stalled { .. } => (Reason::Stalled, Event::Timeout, After::Abort),
            Error::Stream(_) => (Reason::Slow, Event::Slow, After::Close),
            _ => (Reason::Failed, Event::Fail, After::Close),
        };
        if !matches!(error, Error::Stalled { .. } | Error::Socket(_)) {
            if !self.cx.has_head_left() {
                let (status, what) = status(&error);
                self.refuse(Refused::of(status).unwrap_or(Refused::OtherServer), status, what);
            } else {
                let last = self.cx.settings().form.failure(&error);
                self.cx.out.push(last.into());
            }
            // Without a last chunk: what is cut short should not look complete.
            let _ = self.drain().await;
        }
        self.life.on(event, reason);
        after
    }

    /// Sends what was written, unless it is kept until the answer is complete.
    async fn send(&mut self) -> Result<(), Failure> {
        if self.cx.settings().is_long_poll {
            return Ok(());
        }
        self.open();
        if !self.cx.out.is_empty() {
            self.silent_since = Instant::now();
        }
        self.drain().await
    }

    async fn drain(&mut self) -> Result<(), Failure> {
        let stall = self.cx.limits().stall;
        drain(&mut self.wire, &mut self.cx.out, stall).await
    }
}

/// Writes until the kernel has taken everything. Each time that it takes something, the client has `stall` anew.
async fn drain(wire: &mut impl Wire, out: &mut Output, stall: Duration) -> Result<(), Failure> {
    while !out.is_empty() {
        match timeout(stall, poll_fn(|cx| wire.poll_write(cx, out))).await {
            Ok(written) => written?,
            Err(_) => return Err(Error::Stalled { after: stall }.into()),
        }
    }
    Ok(())
}

/// How a client is told that nothing became of its request.
fn status(error: &Error) -> (StatusCode, &'static str) {
    match error {
        Error::Body(BadBody::TooLong { .. }) => {
            (StatusCode::PAYLOAD_TOO_LARGE, "The request body is too long.")
        }
        Error::Body(_) => (StatusCode::BAD_REQUEST, "The request body is not what its head says."),
        Error::Stream(_) => (StatusCode::SERVICE_UNAVAILABLE, "Too slow for this stream."),
        _ => (StatusCode::INTERNAL_SERVER_ERROR, "This address failed."),
    }
}
