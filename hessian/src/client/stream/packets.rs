//! The simple forms: packets alone, and values alone.

use super::event::{Event, Packet};
use super::listener::Listener;
use crate::client::error::Result;
use crate::grammar::{Final, Grammar};
use futures_core::{FusedStream, Stream};
use serde::de::DeserializeOwned;
use std::fmt;
use std::future::poll_fn;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// Events that are passed over before others get their turn. Stops a flood of heartbeats from keeping a thread.
const MAX_PASSED_OVER: u32 = 1024;

/// The packets of a [`Listener`], and nothing else ([`Listener::packets`]).
#[derive(Debug)]
pub struct Packets<G = Final>(Listener<G>);

impl<G: Grammar> Packets<G> {
    pub(super) fn new(listener: Listener<G>) -> Self {
        Self(listener)
    }

    /// The next packet; `None` when nothing follows. Cancel safe.
    ///
    /// # Errors
    /// Why the stream has ended; nothing follows.
    pub async fn next(&mut self) -> Option<Result<Packet>> {
        poll_fn(|cx| self.poll_packet(cx)).await
    }

    /// The listener, to decode packets with.
    pub fn listener(&mut self) -> &mut Listener<G> {
        &mut self.0
    }

    fn poll_packet(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Packet>>> {
        for _ in 0..MAX_PASSED_OVER {
            match ready!(Pin::new(&mut self.0).poll_next(cx)) {
                None => return Poll::Ready(None),
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                Some(Ok(Event::Packet(packet))) => return Poll::Ready(Some(Ok(packet))),
                Some(Ok(_)) => {}
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

impl<G: Grammar> Stream for Packets<G> {
    type Item = Result<Packet>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_packet(cx)
    }
}

impl<G: Grammar> FusedStream for Packets<G> {
    fn is_terminated(&self) -> bool {
        self.0.is_terminated()
    }
}

/// The values of a [`Listener`]'s packets, one of each ([`Listener::values`]).
///
/// A value that is not a `T` is an error of its own, and the next one follows. Malformed data ends the stream.
pub struct Values<T, G = Final> {
    packets: Packets<G>,
    is_over: bool,
    value: PhantomData<fn() -> T>,
}

impl<T, G: Grammar> Values<T, G> {
    pub(super) fn new(listener: Listener<G>) -> Self {
        Self { packets: Packets::new(listener), is_over: false, value: PhantomData }
    }

    /// The listener.
    #[must_use]
    pub fn listener(&self) -> &Listener<G> {
        &self.packets.0
    }
}

impl<T: DeserializeOwned, G: Grammar> Values<T, G> {
    /// The next value; `None` when nothing follows. Cancel safe.
    ///
    /// # Errors
    /// [`Error::Codec`](crate::client::Error::Codec) for a packet that is not a `T`; anything else is why the stream has
    /// ended.
    pub async fn next(&mut self) -> Option<Result<T>> {
        poll_fn(|cx| self.poll_value(cx)).await
    }

    fn poll_value(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<T>>> {
        if self.is_over {
            return Poll::Ready(None);
        }
        Poll::Ready(match ready!(self.packets.poll_packet(cx)) {
            None => None,
            Some(Err(error)) => Some(Err(error)),
            Some(Ok(packet)) => {
                let value = self.packets.0.decode(&packet);
                self.is_over = self.packets.0.is_malformed();
                Some(value.map_err(Into::into))
            }
        })
    }
}

impl<T: DeserializeOwned, G: Grammar> Stream for Values<T, G> {
    type Item = Result<T>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_value(cx)
    }
}

impl<T: DeserializeOwned, G: Grammar> FusedStream for Values<T, G> {
    fn is_terminated(&self) -> bool {
        self.is_over || self.packets.is_terminated()
    }
}

impl<T, G> Unpin for Values<T, G> {}

impl<T, G> fmt::Debug for Values<T, G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Values").field(&self.packets.0).finish()
    }
}
