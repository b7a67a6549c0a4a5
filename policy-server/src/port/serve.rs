//! The accept loop: no connection waits for another.

use std::{io, net::SocketAddr, pin::pin, sync::Arc};

use tokio::{
    net::{TcpListener, TcpStream},
    select,
    sync::{Semaphore, watch},
    time::sleep,
};
use tracing::{debug, warn};

use super::{
    detect::Protocol,
    metrics::Counter,
    responder::{Responder, Sniffed},
};

/// Accepts connections until `shutdown` ends, answers those that ask for the policy, and calls `handler`
/// with every other one: the untouched connection, the peer's address and what the first byte suggests.
///
/// Each connection has one task, in which it is first sniffed and then handled; accepting never waits for
/// it. A silent connection occupies a task as large as the handler's future, so box a large one inside the
/// handler. A panic in the handler ends its own connection only.
///
/// When more than [`Limits::connections`](super::Limits::connections) are open or more than
/// [`Limits::unclassified`](super::Limits::unclassified) have not shown what they are, newcomers are closed
/// at once. Failed accepts are counted and retried, after a pause if descriptors or memory are short.
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
    let limits = responder.limits().clone();
    let connections = u32::try_from(limits.connections).unwrap_or(u32::MAX);
    let open = Arc::new(Semaphore::new(connections as usize));
    let unclassified = Arc::new(Semaphore::new(limits.unclassified.min(Semaphore::MAX_PERMITS)));
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
                responder.count(Counter::AcceptErrors);
                if !is_of_connection(&e) {
                    warn!(error = %e, "cannot accept, pausing");
                    sleep(limits.accept_backoff).await;
                }
                continue;
            }
        };
        let Ok(permit) = Arc::clone(&open).try_acquire_owned() else {
            responder.count(Counter::RefusedFull);
            debug!(%peer, "refused: too many connections");
            continue;
        };
        let Ok(newcomer) = Arc::clone(&unclassified).try_acquire_owned() else {
            responder.count(Counter::RefusedUnclassified);
            debug!(%peer, "refused: too many connections that have not shown what they are");
            continue;
        };
        let crowded = unclassified.available_permits() < limits.unclassified / 2;
        let patience = if crowded { limits.first_byte_crowded } else { limits.first_byte };
        let (responder, handler, mut closed) = (responder.clone(), handler.clone(), closed.clone());
        tokio::spawn(async move {
            let _permit = permit;
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
    Draining { open, connections }
}

/// Errors of the connection that was to be accepted, not of the listener: the next may be fine.
fn is_of_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}

/// The connections that are still open when [`serve`] has ended. They live on by themselves; dropping this
/// forgets them.
#[derive(Debug)]
#[must_use = "the connections that are still open can be waited for"]
pub struct Draining {
    open: Arc<Semaphore>,
    connections: u32,
}

impl Draining {
    /// How many are open.
    #[must_use]
    pub fn open(&self) -> usize {
        self.connections as usize - self.open.available_permits()
    }

    /// Ends when the last one has ended. Those of the policy protocol end within their limits, those of the
    /// handler when it says so: to be used with a timeout.
    pub async fn wait(self) {
        // Fails only for a closed semaphore, and nothing closes it.
        let _ = self.open.acquire_many(self.connections).await;
    }
}
