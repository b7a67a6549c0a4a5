//! A listener for programs without an asynchronous runtime.

use super::event::{Event, Packet};
use super::listener::Listener;
use crate::client::error::{Error, Result};
use crate::grammar::{Final, Grammar};
use crate::value::Graph;
use serde::Deserialize;
use tokio::runtime::{Builder, Runtime};

/// A [`Listener`] whose events are waited for by the thread that asks ([`Listen::blocking`](super::Listen::blocking)).
///
/// It is an iterator that ends after its first error. Not to be used within an asynchronous runtime, where it
/// panics: it blocks.
#[derive(Debug)]
pub struct Blocking<G = Final> {
    // Before the runtime: its connection lives on it.
    listener: Listener<G>,
    runtime: Runtime,
}

impl<G: Grammar> Blocking<G> {
    /// Waits for the events of `listener`, on a runtime of its own without a thread of its own.
    ///
    /// # Errors
    /// [`Error::Io`]: the system gives no resources to wait with.
    pub fn new(listener: Listener<G>) -> Result<Self> {
        let runtime = Builder::new_current_thread().enable_io().enable_time().build().map_err(Error::Io)?;
        Ok(Self { listener, runtime })
    }

    /// As [`Listener::decode`].
    ///
    /// # Errors
    /// As [`Listener::decode`].
    pub fn decode<'de, T: Deserialize<'de>>(&mut self, packet: &'de Packet) -> crate::Result<T> {
        self.listener.decode(packet)
    }

    /// As [`Listener::graph`].
    ///
    /// # Errors
    /// As [`Listener::graph`].
    pub fn graph<'de>(&mut self, packet: &'de Packet) -> crate::Result<Graph<'de>> {
        self.listener.graph(packet)
    }

    /// The listener.
    #[must_use]
    pub fn listener(&self) -> &Listener<G> {
        &self.listener
    }
}

impl<G: Grammar> Iterator for Blocking<G> {
    type Item = Result<Event>;

    fn next(&mut self) -> Option<Self::Item> {
        self.runtime.block_on(self.listener.next())
    }
}
