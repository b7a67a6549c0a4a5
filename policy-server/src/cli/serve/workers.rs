//! The threads that serve: each has a runtime, and a socket of every port, of its own, so that a connection
//! never changes threads.

use std::{convert::Infallible, io, thread};

use policy_server::{
    Responder,
    port::{Protocol, serve, serve_unix},
};
use tokio::{
    net::{TcpListener, TcpStream, UnixListener},
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
    /// Dropped when nothing more is accepted here.
    pub(crate) accepting: Accepting,
}

/// One for each post; nothing is ever sent.
pub(crate) type Accepting = mpsc::Sender<Infallible>;

/// A runtime of one thread.
pub(crate) fn runtime() -> io::Result<runtime::Runtime> {
    runtime::Builder::new_current_thread().enable_all().build()
}

/// Serves `posts` on a thread of their own until everything is to end.
pub(crate) fn spawn(number: usize, posts: Vec<Post>, mut phase: Phase) -> io::Result<thread::JoinHandle<()>> {
    let runtime = runtime()?;
    thread::Builder::new().name(format!("serve-{number}")).spawn(move || {
        runtime.block_on(async move {
            let _serving = start(posts);
            phase.ended().await;
        });
    })
}

/// Serves `posts` on this thread; they stop accepting when the phase says so.
pub(crate) fn start(posts: Vec<Post>) -> JoinSet<()> {
    posts.into_iter().map(Post::serve).collect()
}

impl Post {
    async fn serve(self) {
        let Self { socket, responder, behind, mut phase, accepting } = self;
        let stopping = async move { phase.stopping().await };
        // Who still is connected then is waited for on all ports together.
        let result = match socket {
            Socket::Tcp(listener) => match TcpListener::from_std(listener) {
                Ok(listener) => {
                    let handler = move |stream, peer, protocol| behind.clone().tcp(stream, peer, protocol);
                    drop(serve(listener, responder, stopping, handler).await);
                    Ok(())
                }
                Err(e) => Err(e),
            },
            Socket::Unix(listener) => match UnixListener::from_std(listener) {
                Ok(listener) => {
                    let handler = move |stream, protocol| behind.clone().unix(stream, protocol);
                    drop(serve_unix(listener, responder, stopping, handler).await);
                    Ok(())
                }
                Err(e) => Err(e),
            },
        };
        if let Err(error) = result {
            tracing::error!(%error, "cannot serve a port");
        }
        drop(accepting);
    }
}

impl Behind {
    /// Small as long as the connection is silent: what follows is boxed.
    async fn tcp(self, stream: TcpStream, peer: std::net::SocketAddr, protocol: Protocol) {
        match self {
            Self::Upstream(proxy) => Box::pin(proxy.carry_tcp(stream, peer)).await,
            Self::Http(site) if protocol == Protocol::Http => Box::pin(site.serve(stream)).await,
            Self::Http(_) | Self::Nothing => {
                tracing::debug!(%peer, ?protocol, "neither policy nor what is served here, closed");
            }
        }
    }

    async fn unix(self, stream: policy_server::port::Prefixed<tokio::net::UnixStream>, protocol: Protocol) {
        match self {
            Self::Upstream(proxy) => Box::pin(proxy.carry_unix(stream)).await,
            Self::Http(site) if protocol == Protocol::Http => Box::pin(site.serve(stream)).await,
            Self::Http(_) | Self::Nothing => {
                tracing::debug!(peer = "unix", ?protocol, "neither policy nor what is served here, closed");
            }
        }
    }
}
