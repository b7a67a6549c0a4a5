//! Long polls and interval polls: one request, one answer. What they say: [`transport::poll`](crate::transport::poll).

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};
use http_body::{Frame, SizeHint};
use tokio::time::timeout;

use super::negotiate::choose;
use super::params::{Ask, Format, Refusal, refuse};
use super::streams::{describe, field, subscribe};
use crate::error::ReadError;
use crate::hub::{Batch, Resume, Start, Stream, Subscription};
use crate::transport::Transport;
use crate::transport::poll::Answer;

const OFFERS: [(&str, Format); 2] =
    [("application/json", Format::Json), ("application/x-hessian", Format::Hessian)];

/// What one poll asks for.
#[derive(Debug)]
pub(super) struct Asks {
    subscription: Subscription,
    wait: Duration,
    /// What the client is told to wait when there is nothing more.
    interval: Duration,
}

/// The form of the answer: as the query says, or as the client likes best.
fn format(ask: &Ask) -> Result<Format, Refusal> {
    if let Some(format) = ask.format()? {
        return Ok(format);
    }
    choose(&ask.headers, &OFFERS).ok_or_else(|| {
        refuse(StatusCode::NOT_ACCEPTABLE, "A poll is answered as application/json or application/x-hessian.")
    })
}

impl Asks {
    /// Reads the request for a poll of `stream`; `is_long` if it may wait for messages.
    pub(super) fn new(
        stream: &Stream,
        ask: &Ask,
        start: Start,
        format: Format,
        is_long: bool,
    ) -> Result<Self, Refusal> {
        let transport = match format {
            // A line of it is an object of the answer.
            Format::Json => Transport::Xhr,
            Format::Hessian => ask.hessian()?,
        };
        let limits = stream.limits();
        let (wait, interval) = match is_long {
            true if ask.is_head => (Duration::ZERO, Duration::ZERO),
            true => (ask.wait(limits)?, Duration::ZERO),
            false => (Duration::ZERO, limits.poll_interval),
        };
        Ok(Self { subscription: subscribe(stream, transport, ask, start)?, wait, interval })
    }
}

/// What is there, or comes in time, and what to say about it.
pub(super) async fn take(asks: Asks) -> (Answer, Vec<Bytes>) {
    let Asks { subscription, wait, interval } = asks;
    let (resume, from) = (subscription.resume(), subscription.position());
    let limits = subscription.stream().limits();
    let (messages, bytes) = (limits.poll_messages, limits.poll_bytes);
    let mut reader = subscription.into_reader();
    // Who has lost something is told at once.
    let is_news = matches!(resume, Resume::Gap { .. } | Resume::EpochChanged);
    let batch = match reader.try_batch(messages, bytes) {
        Ok(None) if !is_news && !wait.is_zero() => {
            match timeout(wait, reader.next_batch(messages, bytes)).await {
                Ok(batch) => batch.map(Some),
                Err(_) => Ok(None),
            }
        }
        batch => batch,
    };
    let mut answer = Answer { resume, from, gap: None, position: from, next: Some(interval) };
    let mut objects = Vec::new();
    match batch {
        Ok(None) => {}
        Ok(Some(Batch { gap, messages, position, .. })) => {
            objects.extend(messages.iter().map(|message| reader.render(message)));
            if position.sequence < reader.stream().position().sequence {
                answer.next = Some(Duration::ZERO);
            }
            (answer.gap, answer.position) = (gap, position);
        }
        // More came at once than a live reader may be behind. From the same place it is a replay, which only the log
        // bounds, and what that has lost the next verdict tells.
        Err(ReadError::Slow { position }) => {
            (answer.position, answer.next) = (position, Some(Duration::ZERO))
        }
        // The server ends: the next one goes on with the stream.
        Err(ReadError::Ended) if !reader.stream().is_closed() => {}
        Err(ReadError::Ended) => answer.next = None,
    }
    (answer, objects)
}

/// Answers a poll.
pub(super) async fn answer(
    stream: &Stream,
    ask: &Ask,
    start: Start,
    is_long: bool,
) -> Result<Response, Refusal> {
    let format = format(ask)?;
    let asks = Asks::new(stream, ask, start, format, is_long)?;
    let mut response = Response::default();
    describe(&asks.subscription, response.headers_mut());
    let (answer, messages) = take(asks).await;
    let (media_type, parts) = match format {
        Format::Json => ("application/json", answer.json(messages)),
        Format::Hessian => ("application/x-hessian", messages),
    };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    headers.insert(header::VARY, HeaderValue::from_static("accept"));
    if let Some(gap) = &answer.gap {
        headers.insert("push-gap", field(format_args!("{}-{}", gap.start(), gap.end())));
    }
    headers.insert("push-next-position", field(answer.position));
    headers.insert("push-next", field(answer.next_in().as_deref().unwrap_or("end")));
    *response.body_mut() = Body::new(Parts::new(parts));
    Ok(response)
}

/// A body of shared parts, whose length is known: the bodies of messages are not copied on their way to the socket.
#[derive(Debug)]
pub(super) struct Parts {
    parts: VecDeque<Bytes>,
    left: u64,
}

impl Parts {
    pub(super) fn new(parts: Vec<Bytes>) -> Self {
        let left = parts.iter().map(|part| part.len() as u64).sum();
        Self { parts: parts.into(), left }
    }
}

impl http_body::Body for Parts {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let part = self.parts.pop_front();
        self.left -= part.as_ref().map_or(0, |part| part.len() as u64);
        Poll::Ready(part.map(|part| Ok(Frame::data(part))))
    }

    fn is_end_stream(&self) -> bool {
        self.parts.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}
