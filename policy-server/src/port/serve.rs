//! The accept loop: no connection waits for another.

use std::{fmt::Display, io, net::SocketAddr, pin::pin};

use tokio::{
    net::{TcpListener, TcpStream},
    select,
    sync::watch,
    task::yield_now,
    time::sleep,
};
use tracing::{debug, warn};

use super::{
    accept::{Acceptor, BATCH},
    detect::{Protocol, REQUEST},
    early::Early,
    gate::{Gate, Newcomer, Open, Ticket},
    linger::Lingering,
    metrics::Counter,
    responder::{Responder, Sniffed},
};

/// Accepts connections until `shutdown` ends, answers those that ask for the policy, and calls `handler`
/// with every other one: the untouched connection, the peer's address and what the first byte suggests.
///
/// A connection whose first bytes are there when it is accepted, as they are under load, costs one look at
/// them: a policy request is answered on the spot, anything else goes to the handler in a task of its own.
/// Only one that sends nothing yet, or half a request, has a task to wait in, of some 600 bytes, beside what
/// the runtime holds for a socket. Accepting waits for nobody. A panic in the handler ends its own
/// connection only.
///
/// Connections beyond one of the bounds in [`Limits`](super::Limits) are closed at once; the bounds on the
/// unclassified spare those whose first bytes are there. Failed accepts are counted and retried, after a
/// pause if descriptors or memory are short.
///
/// When `shutdown` ends the listener is closed, connections that have sent nothing yet are closed unless they do within
/// [`first_byte_crowded`](super::Limits::first_byte_crowded), as who has just connected is about to, and what
/// became of the others is left to the caller, see [`Draining`]. Dropping the future does the same.
///
/// # Panics
///
/// Outside a tokio runtime with IO and time.
pub async fn serve<H, F>(
    listener: TcpListener,
    responder: Responder,
    shutdown: impl Future<Output = ()>,
    handler: H,
) -> Draining
where
    H: Fn(TcpStream, SocketAddr, Protocol) -> F + Clone + Send + 'static,
    F: Future<Output = ()> + Send + 'static,
{
    let gate = responder.gate().clone();
    let (_closing, closed) = watch::channel(());
    let lingering = Lingers(Some(Lingering::new(responder.clone())));
    let mut port = Port { responder, gate, closed, handler, lingering };
    match Acceptor::new(listener) {
        Ok(acceptor) => port.run(&acceptor, shutdown).await,
        // The runtime had it registered a moment ago.
        Err(error) => tracing::error!(%error, "cannot listen any longer"),
    }
    Draining { gate: port.gate.clone() }
}

/// What the accept loop works with.
struct Port<H> {
    responder: Responder,
    gate: Gate,
    /// Never sends: ends when the sender is gone.
    closed: watch::Receiver<()>,
    handler: H,
    lingering: Lingers,
}

impl<H, F> Port<H>
where
    H: Fn(TcpStream, SocketAddr, Protocol) -> F + Clone + Send + 'static,
    F: Future<Output = ()> + Send + 'static,
{
    async fn run(&mut self, acceptor: &Acceptor, shutdown: impl Future<Output = ()>) {
        let mut shutdown = pin!(shutdown);
        let mut batch = Vec::with_capacity(BATCH);
        loop {
            let accepted = select! {
                biased;
                () = &mut shutdown => break,
                () = self.lingering.look() => continue,
                accepted = acceptor.accept(&mut batch) => accepted,
            };
            let more = batch.len() == BATCH;
            for (stream, peer) in batch.drain(..) {
                self.admit(stream, peer);
            }
            match accepted {
                Err(e) => accept_failed(&self.responder, &e).await,
                Ok(()) if more => yield_now().await,
                Ok(()) => {}
            }
        }
    }

    /// Does for a new connection what needs no waiting, and starts a task for the rest.
    fn admit(&mut self, stream: std::net::TcpStream, peer: SocketAddr) {
        let open = match self.gate.open_place(Some(peer.ip())) {
            Ok(open) => open,
            Err(bound) => return refuse(&self.responder, &peer, bound),
        };
        match self.responder.early(&stream) {
            Err(end) => tell(self.responder.settle::<TcpStream>(Err(end)), peer),
            Ok(Early::Answered) => {
                debug!(%peer, "policy served");
                match self.gate.newcomer(Some(peer.ip())) {
                    Ok((newcomer, _)) => self.lingering.push(stream, (open, newcomer)),
                    // No room to stay in. It has its answer, and mostly sent all that it will ever send.
                    Err(_) => self.responder.count(Counter::Undrained),
                }
            }
            Ok(Early::First(first)) if first != REQUEST[0] => match TcpStream::from_std(stream) {
                Ok(stream) => {
                    let (handler, protocol) = (self.handler.clone(), Protocol::of(first));
                    self.responder.count(Counter::HandedOn);
                    tokio::spawn(async move {
                        let _open = open;
                        handler(stream, peer, protocol).await;
                    });
                }
                Err(e) => tell(self.responder.settle::<TcpStream>(Err(e.into())), peer),
            },
            Ok(early) => match (self.gate.newcomer(Some(peer.ip())), TcpStream::from_std(stream)) {
                (Err(bound), _) => refuse(&self.responder, &peer, bound),
                (_, Err(e)) => tell(self.responder.settle::<TcpStream>(Err(e.into())), peer),
                (Ok((newcomer, patience)), Ok(stream)) => {
                    self.wait(stream, peer, early, Ticket { open, newcomer, patience });
                }
            },
        }
    }

    /// Starts the task of a connection that has not shown what it is, or does not take all of its answer.
    fn wait(&self, stream: TcpStream, peer: SocketAddr, early: Early, ticket: Ticket) {
        let (responder, handler, mut closed) =
            (self.responder.clone(), self.handler.clone(), self.closed.clone());
        tokio::spawn(async move {
            let Ticket { open: _open, newcomer, patience } = ticket;
            let sniffed = match early {
                Early::Answering(rest) => responder.answer(stream, rest).await,
                Early::First(first) => responder.follow(stream, first).await,
                Early::Nothing | Early::Answered => {
                    let first = select! {
                        biased;
                        first = responder.first_byte(&stream, patience) => first,
                        // Who connected a moment ago is about to say something, and would take the end for an answer.
                        _ = closed.changed() => {
                            responder.first_byte(&stream, patience.min(responder.limits().first_byte_crowded)).await
                        }
                    };
                    match first {
                        Ok(first) => responder.follow(stream, first).await,
                        Err(end) => responder.settle(Err(end)),
                    }
                }
            };
            drop((closed, newcomer, responder));
            match sniffed {
                // On the heap, so that silent connections need not have room for it.
                Ok(Sniffed::Other(stream, protocol)) => Box::pin(handler(stream, peer, protocol)).await,
                sniffed => tell(sniffed, peer),
            }
        });
    }
}

/// Connections that linger go on doing so when the accept loop has ended.
struct Lingers(Option<Lingering>);

impl Lingers {
    fn push(&mut self, stream: std::net::TcpStream, places: (Open, Newcomer)) {
        if let Some(lingering) = &mut self.0 {
            lingering.push(stream, places);
        }
    }

    async fn look(&mut self) {
        match &mut self.0 {
            Some(lingering) => lingering.look().await,
            None => std::future::pending().await,
        }
    }
}

impl Drop for Lingers {
    fn drop(&mut self) {
        if let (Some(lingering), Ok(runtime)) = (self.0.take(), tokio::runtime::Handle::try_current()) {
            runtime.spawn(lingering.finish());
        }
    }
}

fn tell(sniffed: io::Result<Sniffed<TcpStream>>, peer: SocketAddr) {
    match sniffed {
        Ok(Sniffed::Policy) => debug!(%peer, "policy served"),
        Ok(Sniffed::Other(_, protocol)) => debug!(%peer, ?protocol, "handed on"),
        Ok(Sniffed::Closed(reason)) => debug!(%peer, %reason, "closed"),
        Err(error) => debug!(%peer, %error, "failed"),
    }
}

/// Counts a connection that was not let in. It is closed by being dropped.
pub(super) fn refuse(responder: &Responder, peer: &dyn Display, bound: Counter) {
    responder.count(bound);
    debug!(%peer, reason = bound.name(), "refused");
}

/// Counts a failed accept, and pauses if trying again at once would be in vain.
pub(super) async fn accept_failed(responder: &Responder, error: &io::Error) {
    responder.count(Counter::AcceptErrors);
    if !is_of_connection(error) {
        warn!(%error, "cannot accept, pausing");
        sleep(responder.limits().accept_backoff).await;
    }
}

/// Errors of the connection that was to be accepted, not of the listener: the next may be fine.
fn is_of_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}

/// The connections that are still open when [`serve`] has ended, on all ports that share its bounds. They live
/// on by themselves; dropping this forgets them.
#[derive(Debug)]
#[must_use = "the connections that are still open can be waited for"]
pub struct Draining {
    pub(super) gate: Gate,
}

impl Draining {
    /// How many are open.
    #[must_use]
    pub fn open(&self) -> usize {
        self.gate.open()
    }

    /// Ends when the last one has ended. Those of the policy protocol end within their limits, those of the
    /// handler when it says so: to be used with a timeout.
    pub async fn wait(self) {
        self.gate.empty().await;
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;
    use crate::policy::PolicyFile;

    #[tokio::test(start_paused = true)]
    async fn only_a_shortage_pauses_accepting() {
        let responder = Responder::new(&PolicyFile::default());
        let (aborted, too_many_files) = (io::ErrorKind::ConnectionAborted.into(), io::Error::other("EMFILE"));
        let start = Instant::now();
        accept_failed(&responder, &aborted).await;
        assert_eq!(start.elapsed().as_millis(), 0);
        accept_failed(&responder, &too_many_files).await;
        assert_eq!(start.elapsed(), responder.limits().accept_backoff);
        assert_eq!(responder.metrics().get(Counter::AcceptErrors), 2);
    }
}
