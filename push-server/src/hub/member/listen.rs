//! What the client of a member says: on a WebSocket it is heard, up to its goodbye; elsewhere it is read and dropped.

use std::io;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::{Member, Parting, gone};
use crate::hub::hears::{Heard, Hears, Listener};
use crate::hub::voice::{Hearing, Speaker};
use crate::hub::{Shared, Stream};
use crate::lifecycle::Event;
use crate::transport::ws::CloseReason;

/// Bytes read at once of what a client sends although nobody listens.
const READ: usize = 4 << 10;

impl Member {
    /// A heartbeat's time begins, in which a WebSocket client may say as much again.
    pub(crate) const fn next_interval(&mut self) {
        if self.transport.is_websocket() {
            self.ignored = 0;
        }
    }

    /// Everything is sent, the close frame too, and the client has not answered that.
    pub(crate) const fn awaits_close(&self) -> bool {
        matches!(self.parting, Parting::Said) && self.transport.is_websocket() && self.rest.is_empty()
    }

    /// What it means when there is nothing more to say or to wait for.
    pub(crate) const fn outcome(&self) -> Event {
        self.outcome
    }

    /// Reads what the client sends: to notice when it goes, and what it says on a WebSocket.
    pub(crate) fn read(&mut self, shared: &Arc<Shared>) -> Option<Event> {
        let mut buffer = [0; READ];
        while !self.half_closed {
            match self.socket.try_read(&mut buffer) {
                Ok(0) if self.transport.is_websocket() => return Some(self.left()),
                Ok(0) => self.half_closed = true,
                Ok(read) => {
                    self.ignored = self.ignored.saturating_add(read);
                    let event = match self.transport.is_websocket() {
                        true => self.hear(&mut buffer[..read], shared),
                        false => (self.ignored > shared.limits.ignored_input).then_some(Event::Fail),
                    };
                    if event.is_some() {
                        return event;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    match self.socket.poll_read_ready(&mut Context::from_waker(&self.waker)) {
                        Poll::Ready(Ok(())) => {}
                        Poll::Ready(Err(error)) => return Some(gone(&error)),
                        Poll::Pending => return None,
                    }
                }
                Err(error) => return Some(gone(&error)),
            }
        }
        None
    }

    /// A WebSocket client has ended its direction: no such client reads on.
    const fn left(&self) -> Event {
        match self.parting {
            Parting::Said => self.outcome,
            _ => Event::Peer,
        }
    }

    /// Takes in what a WebSocket client says.
    fn hear(&mut self, bytes: &mut [u8], shared: &Arc<Shared>) -> Option<Event> {
        if self.outcome != Event::Drained {
            // It has said goodbye, or what nobody understands.
            return (self.ignored > shared.limits.ws_input).then_some(self.outcome);
        }
        let mut hears = self.hears.take().map_or_else(Hears::default, |hears| *hears);
        let heard = match self.ignored > shared.limits.ws_input {
            true => Heard::Breach(CloseReason { code: 1008, reason: "ws_input" }),
            false => {
                let speaker = |hearing: &Arc<Hearing>| Speaker {
                    hearing: hearing.clone(),
                    stream: Stream { channel: self.channel.clone(), shared: shared.clone() },
                    client: self.client.as_ref().map(|client| client.slot().id().clone()),
                };
                let (waker, hearing) = (&self.waker, self.hearing.as_ref());
                hears.hear(bytes, &Listener { shared, waker, hearing, speaker: &speaker })
            }
        };
        let why = match heard {
            Heard::Fine => {
                // Most of what is heard is a pong, and nobody holds room for that.
                if !hears.is_idle() {
                    self.hears = Some(hears.into());
                }
                return None;
            }
            _ if self.awaits_close() => return Some(self.outcome),
            // Our close frame is on its way: that is the answer, as soon as it is whole.
            _ if matches!(self.parting, Parting::Said) => {
                self.outcome = Event::Peer;
                return None;
            }
            Heard::Close(code) => {
                self.outcome = Event::Peer;
                code.map(|code| CloseReason { code, reason: "" })
            }
            Heard::Breach(why) => {
                self.outcome = Event::Fail;
                Some(why)
            }
        };
        self.parting = Parting::Close(why);
        Some(Event::Complete)
    }

    /// Whether the peer has answered what was sent with a reset, as one does that has closed altogether.
    pub(crate) fn is_gone(&self) -> bool {
        !matches!(self.socket.take_error(), Ok(None))
    }
}
