//! The accept loop over Unix sockets, for a front-end server on the same machine.

use std::pin::pin;

use tokio::{
    net::{UnixListener, UnixStream},
    select,
};
use tracing::debug;

use super::{
    detect::Protocol,
    gate::Ticket,
    prefixed::Prefixed,
    responder::{Responder, Sniffed},
    serve::{Draining, accept_failed, refuse},
};

/// As [`serve`](super::serve), over Unix sockets. Peers have no address there, so that no bound per address
/// applies to them, and cannot be peeked at, so that the handler gets a [`Prefixed`].
///
/// When `shutdown` ends, connections that are still silent are left to their deadline.
pub async fn serve_unix<H, F>(
    listener: UnixListener,
    responder: Responder,
    shutdown: impl Future<Output = ()>,
    handler: H,
) -> Draining
where
    H: Fn(Prefixed<UnixStream>, Protocol) -> F + Clone + Send + 'static,
    F: Future<Output = ()> + Send + 'static,
{
    let mut shutdown = pin!(shutdown);
    loop {
        let accepted = select! {
            biased;
            () = &mut shutdown => break,
            accepted = listener.accept() => accepted,
        };
        let stream = match accepted {
            Ok((stream, _unnamed)) => stream,
            Err(e) => {
                accept_failed(&responder, &e).await;
                continue;
            }
        };
        let Ticket { open, newcomer, patience } = match responder.gate().admit(None) {
            Ok(ticket) => ticket,
            Err(bound) => {
                refuse(&responder, &"unix", bound);
                continue;
            }
        };
        let (responder, handler) = (responder.clone(), handler.clone());
        tokio::spawn(async move {
            let _open = open;
            let sniffed = responder.sniff_io_within(stream, patience).await;
            drop((newcomer, responder));
            match sniffed {
                Ok(Sniffed::Other(stream, protocol)) => handler(stream, protocol).await,
                Ok(Sniffed::Policy) => debug!(peer = "unix", "policy served"),
                Ok(Sniffed::Closed(reason)) => debug!(peer = "unix", %reason, "closed"),
                Err(error) => debug!(peer = "unix", %error, "failed"),
            }
        });
    }
    Draining { gate: responder.gate().clone() }
}

#[cfg(test)]
mod tests {
    use std::{future::pending, time::Duration};

    use tokio::{io::AsyncReadExt as _, time::Instant};

    use super::*;
    use crate::{policy::PolicyFile, port::Limits};

    #[tokio::test(start_paused = true)]
    async fn a_crowd_of_silent_peers_is_given_less_time() {
        let path = std::env::temp_dir().join(format!("policy-server-crowd-{}", std::process::id()));
        let listener = UnixListener::bind(&path).unwrap();
        let limits = Limits { unclassified: 2, ..Limits::default() };
        let (first_byte, crowded) = (limits.first_byte, limits.first_byte_crowded);
        let responder = Responder::with_limits(&PolicyFile::default(), limits);
        let server = tokio::spawn(serve_unix(listener, responder, pending(), async |_, _| {}));
        let start = Instant::now();
        let mut ends = Vec::new();
        for _ in 0..2 {
            let mut silent = UnixStream::connect(&path).await.unwrap();
            ends.push(tokio::spawn(async move {
                assert_eq!(silent.read(&mut [0]).await.unwrap(), 0);
                start.elapsed()
            }));
        }
        std::fs::remove_file(&path).unwrap();
        let [first, second]: [_; 2] = ends.try_into().unwrap();
        let took: [Duration; 2] = [first.await.unwrap(), second.await.unwrap()];
        assert_eq!(took, [first_byte, crowded]);
        server.abort();
    }
}
