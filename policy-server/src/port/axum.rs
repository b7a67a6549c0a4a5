//! The port as a listener for `axum::serve`.

use std::{io, net::SocketAddr, ops::Deref};

use axum::{
    extract::connect_info::Connected,
    serve::{IncomingStream, Listener},
};
use tokio::{
    net::{TcpListener, TcpStream},
    select,
    task::JoinSet,
};
use tracing::debug;

use super::{
    gate::{Gate, Ticket},
    responder::{Responder, Sniffed},
    serve::{accept_failed, refuse},
};

/// A [`TcpListener`] for `axum::serve` whose port answers policy requests; axum gets everything else, TLS
/// included, as untouched connections.
///
/// Connections are sniffed side by side, within the bounds of [`Limits`](super::Limits); more are closed at
/// once. [`Limits::connections`](super::Limits::connections) counts only those here, as
/// axum does not tell when a connection ends: [`serve`](super::serve), with hyper in its handler, bounds
/// them, and needs one task less per connection.
///
/// When it is dropped, answers under way are still completed.
#[derive(Debug)]
pub struct PolicyListener {
    listener: TcpListener,
    responder: Responder,
    gate: Gate,
    sniffing: JoinSet<Option<(TcpStream, SocketAddr)>>,
}

impl PolicyListener {
    /// Puts `responder` in front of `listener`.
    #[must_use]
    pub fn new(listener: TcpListener, responder: Responder) -> Self {
        let gate = responder.gate().clone();
        Self { listener, responder, gate, sniffing: JoinSet::new() }
    }

    fn start(&mut self, stream: TcpStream, peer: SocketAddr) {
        let Ticket { open, newcomer, patience } = match self.gate.admit(Some(peer.ip())) {
            Ok(ticket) => ticket,
            Err(bound) => return refuse(&self.responder, &peer, bound),
        };
        let responder = self.responder.clone();
        self.sniffing.spawn(async move {
            let _admitted = (open, newcomer);
            let sniffed = match responder.first_byte(&stream, patience).await {
                Ok(first) => responder.follow(stream, first).await,
                Err(end) => responder.settle(Err(end)),
            };
            match sniffed {
                Ok(Sniffed::Other(stream, _)) => return Some((stream, peer)),
                Ok(Sniffed::Policy) => debug!(%peer, "policy served"),
                Ok(Sniffed::Closed(reason)) => debug!(%peer, %reason, "closed"),
                Err(error) => debug!(%peer, %error, "failed"),
            }
            None
        });
    }
}

impl Listener for PolicyListener {
    type Io = TcpStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (TcpStream, SocketAddr) {
        loop {
            // Both branches may be dropped unfinished without a loss.
            let accepted = select! {
                Some(sniffed) = self.sniffing.join_next() => match sniffed {
                    Ok(Some(connection)) => return connection,
                    Ok(None) | Err(_) => continue,
                },
                accepted = self.listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, peer)) => self.start(stream, peer),
                Err(e) => accept_failed(&self.responder, &e).await,
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

impl Drop for PolicyListener {
    fn drop(&mut self) {
        self.sniffing.detach_all();
    }
}

/// The peer's address, for `into_make_service_with_connect_info::<PeerAddr>()`: axum itself knows how to
/// tell a `SocketAddr` for its own listeners only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerAddr(pub SocketAddr);

impl Connected<IncomingStream<'_, PolicyListener>> for PeerAddr {
    fn connect_info(stream: IncomingStream<'_, PolicyListener>) -> Self {
        Self(*stream.remote_addr())
    }
}

impl Deref for PeerAddr {
    type Target = SocketAddr;

    fn deref(&self) -> &SocketAddr {
        &self.0
    }
}
