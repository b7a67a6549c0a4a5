//! A stream that is read: connection after connection, as one.

use super::answer::Refused;
use super::backoff::{Backoff, End};
use super::builder::SILENCE;
use super::connect::{Failure, Opened, Plan, connect};
use super::connection::{Broken, Connection};
use super::decoding::Decoding;
use super::event::{Connected, Event, Lost, Packet, Verdict};
use super::position::Position;
use super::{Packets, Values};
use crate::client::error::{Error, Result};
use crate::grammar::{Final, Grammar};
use crate::limits::Limits;
use crate::packet::{Framing, Packet as Data};
use crate::value::Graph;
use futures_core::{FusedStream, Stream};
use serde::Deserialize;
use std::fmt;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::{Instant, Sleep, sleep};

/// A server that has worked before may refuse by a status that would else be final (400, 404, …) so often in a row: it
/// may be in the middle of being replaced.
pub const MAX_REFUSALS: u32 = 5;

/// What a listener is told by its builder.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    pub(super) limits: Limits,
    pub(super) framing: Option<Framing>,
    pub(super) since: Option<Position>,
    /// `None`: as the server says.
    pub(super) silence: Option<Option<Duration>>,
    pub(super) reconnect: bool,
    pub(super) wait_for_server: bool,
    pub(super) max_failures: u32,
    pub(super) first_wait: Duration,
    pub(super) longest_wait: Duration,
}

/// An endless stream of packets, over as many connections as it takes. See the [module](super) for what is
/// guaranteed.
///
/// It is a [`Stream`] of events that ends after its first error, and works only while it is polled: there is no task
/// behind it. Dropping it closes its connection. To be polled within a tokio runtime whose I/O and time are enabled.
pub struct Listener<G = Final> {
    plan: Arc<Plan>,
    settings: Settings,
    state: State,
    backoff: Backoff,
    /// Refusals in a row by a server that has worked before.
    refusals: u32,
    /// How many connections there have been.
    connections: u64,
    /// After the last packet that was handed out, as far as that is known.
    place: Option<Position>,
    decoding: Decoding<G>,
}

enum State {
    /// A connection is to be made.
    Closed,
    Opening(Pin<Box<dyn Future<Output = Result<Opened, Failure>> + Send>>),
    Open(Box<Connection>),
    Waiting(Pin<Box<Sleep>>),
    /// Nothing follows.
    Over,
}

impl<G: Grammar> Listener<G> {
    pub(super) fn new(plan: Arc<Plan>, settings: Settings) -> Self {
        Self {
            plan,
            state: State::Closed,
            backoff: Backoff::new(settings.first_wait, settings.longest_wait),
            refusals: 0,
            connections: 0,
            place: settings.since,
            decoding: Decoding::new(settings.limits),
            settings,
        }
    }

    /// What happens next; `None` when nothing follows. Cancel safe: what a call that was given up would have told, the
    /// next one tells.
    ///
    /// # Errors
    /// Why the stream has ended; nothing follows.
    pub async fn next(&mut self) -> Option<Result<Event>> {
        poll_fn(|cx| self.poll_event(cx)).await
    }

    /// The place after the last packet that was handed out, or that was given to begin with, if positions are known:
    /// where a listener would go on that takes this one's place.
    #[must_use]
    pub fn position(&self) -> Option<Position> {
        self.place
    }

    /// The framing of this connection, once it is known.
    #[must_use]
    pub fn framing(&self) -> Option<Framing> {
        match &self.state {
            State::Open(connection) => connection.framing(),
            _ => self.settings.framing,
        }
    }

    /// Decodes the one value of a packet of this listener; text and bytes may be borrowed from it.
    ///
    /// Classes are defined once in a connection: packets are decoded (or [skipped](Self::skip)) all, and in order. Only
    /// the last one may be decoded again, into another type. When a value is not what `T` takes, the next packet can be
    /// decoded all the same.
    ///
    /// # Errors
    /// As [`from_slice`](crate::from_slice), after malformed data for every later packet of the connection; a packet out
    /// of order, or of an earlier connection once one of a later has been decoded.
    pub fn decode<'de, T: Deserialize<'de>>(&mut self, packet: &'de Packet) -> crate::Result<T> {
        self.decoding.decode(packet)
    }

    /// Decodes all values of a packet without a type, as [`decode`](Self::decode) does the one.
    ///
    /// # Errors
    /// As [`decode`](Self::decode).
    pub fn graph<'de>(&mut self, packet: &'de Packet) -> crate::Result<Graph<'de>> {
        self.decoding.graph(packet)
    }

    /// Takes in what a packet defines, and nothing else.
    ///
    /// # Errors
    /// As [`decode`](Self::decode).
    pub fn skip(&mut self, packet: &Packet) -> crate::Result<()> {
        self.decoding.skip(packet)
    }

    pub(super) fn is_malformed(&self) -> bool {
        self.decoding.is_broken()
    }

    /// The packets alone. Gaps and lost connections are then told by nothing but the log.
    #[must_use]
    pub fn packets(self) -> Packets<G> {
        Packets::new(self)
    }

    /// The packets alone, decoded into `T`.
    #[must_use]
    pub fn values<T>(self) -> Values<T, G> {
        Values::new(self)
    }

    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Event>>> {
        loop {
            match &mut self.state {
                State::Over => return Poll::Ready(None),
                State::Closed => {
                    self.state = State::Opening(Box::pin(connect(self.plan.clone(), self.place)));
                }
                State::Waiting(sleep) => {
                    ready!(sleep.as_mut().poll(cx));
                    self.state = State::Closed;
                }
                State::Opening(opening) => {
                    return Poll::Ready(match ready!(opening.as_mut().poll(cx)) {
                        Ok(opened) => Some(Ok(self.opened(opened))),
                        Err(failure) => self.failed(failure),
                    });
                }
                State::Open(connection) => {
                    return Poll::Ready(match ready!(connection.poll_packet(cx)) {
                        Ok(Some(Data::Data(data))) => Some(Ok(self.packet(data))),
                        Ok(Some(Data::Heartbeat)) => Some(Ok(Event::Heartbeat)),
                        Ok(None) => self.lost(Lost::Ended),
                        Err(Broken::Lost(error)) => self.lost(Lost::Failed(error)),
                        Err(Broken::Garbage(error)) => self.end(error.into()),
                    });
                }
            }
        }
    }

    /// Packets follow.
    fn opened(&mut self, opened: Opened) -> Event {
        let told = opened.told;
        let verdict = told.verdict(self.place, self.connections == 0);
        self.connections += 1;
        self.refusals = 0;
        self.place = told.place(self.place);
        let promised = told.heartbeat.map_or(SILENCE, |heartbeat| heartbeat * 2);
        let silence = self.settings.silence.unwrap_or(Some(promised));
        let connection = Connection::new(opened.source, &self.settings, silence, told.counts);
        self.state = State::Open(Box::new(connection));
        let (url, position) = (&self.plan.target.shown, self.place.map(tracing::field::display));
        match verdict {
            Verdict::Gap { .. } | Verdict::NewEpoch => tracing::warn!(%url, %verdict, position, "connected"),
            Verdict::Complete => tracing::debug!(%url, %verdict, position, "connected"),
            _ => tracing::info!(%url, %verdict, position, "connected"),
        }
        Event::Connected(Connected { verdict, position: self.place, heartbeat: told.heartbeat, silence })
    }

    fn packet(&mut self, data: bytes::Bytes) -> Event {
        let State::Open(connection) = &mut self.state else { unreachable!("it has brought a packet") };
        let number = connection.count();
        self.place = self.place.filter(|_| connection.counts).map(Position::next);
        Event::Packet(Packet { data, position: self.place, connection: self.connections, number })
    }

    /// The connection has come to its end.
    fn lost(&mut self, why: Lost) -> Option<Result<Event>> {
        let State::Open(connection) = std::mem::replace(&mut self.state, State::Over) else {
            unreachable!("it was open")
        };
        let now = Instant::now();
        let end = End {
            is_clean: matches!(why, Lost::Ended),
            lasted: now.saturating_duration_since(connection.opened),
            brought_packets: connection.packets > 0,
        };
        // Its socket is closed before another one is opened.
        drop(connection);
        if !self.settings.reconnect {
            return match why {
                Lost::Ended => self.finish(),
                Lost::Failed(error) => self.end(error),
            };
        }
        let wait = self.backoff.ended(end, now);
        self.again(why, wait)
    }

    /// A connection did not come about.
    fn failed(&mut self, failure: Failure) -> Option<Result<Event>> {
        let has_worked = self.connections > 0;
        let again = match failure.refused {
            None => has_worked || self.settings.wait_for_server,
            Some(Refused::Later) => true,
            Some(Refused::Perhaps) => {
                self.refusals += 1;
                has_worked && self.refusals <= MAX_REFUSALS
            }
            Some(Refused::Never) => false,
            Some(Refused::Gone) if has_worked => return self.finish(),
            Some(Refused::Gone) => false,
        };
        if !again || !self.settings.reconnect {
            return self.end(failure.error);
        }
        let wait = self.backoff.failed(failure.retry_after);
        self.again(Lost::Failed(failure.error), wait)
    }

    fn again(&mut self, why: Lost, after: Duration) -> Option<Result<Event>> {
        let failures = self.backoff.failures();
        if failures > self.settings.max_failures {
            return self.end(match why {
                Lost::Failed(error) => error,
                Lost::Ended => Error::Io(io::Error::new(
                    io::ErrorKind::UnexpectedEof,
                    "the server ends each connection before it has sent a packet",
                )),
            });
        }
        let url = &self.plan.target.shown;
        match &why {
            Lost::Ended if failures == 0 => {
                tracing::debug!(%url, ?after, "the server has ended the connection")
            }
            why => tracing::warn!(%url, %why, failures, ?after, "no connection; another one is tried"),
        }
        self.state = match after {
            Duration::ZERO => State::Closed,
            after => State::Waiting(Box::pin(sleep(after))),
        };
        Some(Ok(Event::Reconnecting { why, after, failures }))
    }

    fn end(&mut self, error: Error) -> Option<Result<Event>> {
        self.state = State::Over;
        tracing::warn!(url = %self.plan.target.shown, %error, "the stream has ended");
        Some(Err(error))
    }

    fn finish(&mut self) -> Option<Result<Event>> {
        self.state = State::Over;
        tracing::info!(url = %self.plan.target.shown, "the stream is over");
        None
    }
}

// Nothing in it is pinned but what is boxed; a grammar is a name.
impl<G> Unpin for Listener<G> {}

impl<G: Grammar> Stream for Listener<G> {
    type Item = Result<Event>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_event(cx)
    }
}

impl<G: Grammar> FusedStream for Listener<G> {
    fn is_terminated(&self) -> bool {
        matches!(self.state, State::Over)
    }
}

impl<G> fmt::Debug for Listener<G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.state {
            State::Closed => "closed",
            State::Opening(_) => "opening",
            State::Open(_) => "open",
            State::Waiting(_) => "waiting",
            State::Over => "over",
        };
        f.debug_struct("Listener")
            .field("url", &self.plan.target.shown)
            .field("state", &state)
            .field("connections", &self.connections)
            .field("position", &self.place)
            .finish_non_exhaustive()
    }
}
