//! The threads that serve: each has a runtime, and a socket of every port, of its own, so that a connection
//! never changes threads.

use std::{io, net::SocketAddr, thread};

use policy_server::{
    Responder,
    port::{Prefixed, Protocol, serve, serve_unix},
};
use tokio::{
    net::{TcpListener, TcpStream, UnixListener, UnixStream},
    runtime,
    sync::mpsc,
    task::JoinSet,
};

use super::{http::Site, phase::Phase, proxy::Proxy, sockets::Socket};

/// What stands behind a port.
#[derive(Clone)]
pub(crate) enum Behind {
    Upstream(Proxy),
    Http(Site),
    Nothing,
}

/// A port on one thread.
pub(crate) struct Post {
    pub(crate) socket: Socket,
    pub(crate) responder: Responder,
    pub(crate) behind: Behind,
    pub(crate) phase: Phase,
}

/// A runtime of one thread.
pub(crate) fn runtime() -> io::Result<runtime::Runtime> {
    runtime::Builder::new_current_thread().enable_all().build()
}

/// Serves `posts` on a thread of their own until everything is to end.
pub(crate) fn spawn(
    number: usize,
    posts: Vec<Post>,
    mut phase: Phase,
    failed: mpsc::Sender<String>,
) -> io::Result<thread::JoinHandle<()>> {
    let runtime = runtime()?;
    thread::Builder::new().name(format!("serve-{number}")).spawn(move || {
        runtime.block_on(async move {
            tokio::spawn(attend(posts, phase.clone(), failed));
            phase.ended().await;
        });
    })
}

/// Serves `posts` on this thread until the phase says that nothing more is to be accepted. A port that ends
/// before that is told to `failed`, which is closed when nothing more is accepted here.
pub(crate) async fn attend(posts: Vec<Post>, phase: Phase, failed: mpsc::Sender<String>) {
    let mut serving: JoinSet<_> = posts.into_iter().map(Post::serve).collect();
    while let Some(ended) = serving.join_next().await {
        let problem = match ended {
            Ok(Ok(())) if phase.is_stopping() => continue,
            Ok(Ok(())) => "a port can no longer be served".to_owned(),
            Ok(Err(e)) => format!("a port cannot be served: {e}"),
            Err(e) => format!("a port is no longer served: {e}"),
        };
        // One reason is enough.
        let _ = failed.try_send(problem);
    }
}

impl Post {
    async fn serve(self) -> io::Result<()> {
        let Self { socket, responder, behind, mut phase } = self;
        let stopping = async move { phase.stopping().await };
        // Who still is connected then is waited for on all ports together.
        match socket {
            Socket::Tcp(listener) => {
                let handler = move |stream, peer, protocol| behind.clone().tcp(stream, peer, protocol);
                let _ = serve(TcpListener::from_std(listener)?, responder, stopping, handler).await;
            }
            Socket::Unix(listener) => {
                let handler = move |stream, protocol| behind.clone().unix(stream, protocol);
                let _ = serve_unix(UnixListener::from_std(listener)?, responder, stopping, handler).await;
            }
        }
        Ok(())
    }
}

impl Behind {
    /// Small as long as the connection is silent: what follows is boxed.
    async fn tcp(self, stream: TcpStream, peer: SocketAddr, protocol: Protocol) {
        match self {
            Self::Upstream(proxy) => Box::pin(proxy.carry_tcp(stream, peer)).await,
            Self::Http(site) if protocol == Protocol::Http => Box::pin(site.serve(stream)).await,
            Self::Http(_) | Self::Nothing => {
                tracing::debug!(%peer, ?protocol, "neither policy nor what is served here, closed");
            }
        }
    }

    async fn unix(self, stream: Prefixed<UnixStream>, protocol: Protocol) {
        match self {
            Self::Upstream(proxy) => Box::pin(proxy.carry_unix(stream)).await,
            Self::Http(site) if protocol == Protocol::Http => Box::pin(site.serve(stream)).await,
            Self::Http(_) | Self::Nothing => {
                tracing::debug!(peer = "unix", ?protocol, "neither policy nor what is served here, closed");
            }
        }
    }
}
