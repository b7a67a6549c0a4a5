//! The accept loop: no connection waits for another.

use std::{fmt::Display, io, net::SocketAddr, pin::pin};

use tokio::{
    net::{TcpListener, TcpStream},
    select,
    sync::watch,
    time::sleep,
};
use tracing::{debug, warn};

use super::{
    detect::Protocol,
    gate::{Gate, Ticket},
    metrics::Counter,
    responder::{Responder, Sniffed},
};

/// Accepts connections until `shutdown` ends, answers those that ask for the policy, and calls `handler`
/// with every other one: the untouched connection, the peer's address and what the first byte suggests.
///
/// Each connection has one task, in which it is first sniffed and then handled; accepting never waits for
/// it. A silent connection holds that task: some 700 bytes, or the size of the handler's future if that is
/// larger. A handler whose future is large may box it. A panic in the handler ends its own connection only.
///
/// Connections beyond one of the bounds in [`Limits`](super::Limits) are closed at once. Failed accepts are
/// counted and retried, after a pause if descriptors or memory are short.
///
/// When `shutdown` ends the listener is closed, connections that sent nothing yet are closed, and what
/// became of the others is left to the caller, see [`Draining`]. Dropping the future does the same.
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
    let mut shutdown = pin!(shutdown);
    loop {
        let accepted = select! {
            biased;
            () = &mut shutdown => break,
            accepted = listener.accept() => accepted,
        };
        let (stream, peer) = match accepted {
            Ok(connection) => connection,
            Err(e) => {
                accept_failed(&responder, &e).await;
                continue;
            }
        };
        let Ticket { open, newcomer, patience } = match gate.admit(Some(peer.ip())) {
            Ok(ticket) => ticket,
            Err(bound) => {
                refuse(&responder, &peer, bound);
                continue;
            }
        };
        let (responder, handler, mut closed) = (responder.clone(), handler.clone(), closed.clone());
        tokio::spawn(async move {
            let _open = open;
            let first = select! {
                biased;
                first = responder.first_byte(&stream, patience) => first,
                // Never sends: ends when the sender is gone.
                _ = closed.changed() => return,
            };
            drop(closed);
            let sniffed = match first {
                Ok(first) => responder.follow(stream, first).await,
                Err(end) => responder.settle(Err(end)),
            };
            drop((newcomer, responder));
            match sniffed {
                Ok(Sniffed::Other(stream, protocol)) => handler(stream, peer, protocol).await,
                Ok(Sniffed::Policy) => debug!(%peer, "policy served"),
                Ok(Sniffed::Closed(reason)) => debug!(%peer, %reason, "closed"),
                Err(error) => debug!(%peer, %error, "failed"),
            }
        });
    }
    Draining { gate }
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

/// The connections that are still open when [`serve`] has ended, on all ports that share its bounds. They live on by themselves; dropping this
/// forgets them.
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
