//! The port for health and metrics.

use std::{
    collections::VecDeque,
    io,
    mem::MaybeUninit,
    os::fd::AsFd,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use socket2::SockRef;
use tokio::{
    io::Interest,
    net::{TcpListener, TcpStream, UnixListener, UnixStream},
    sync::Semaphore,
    task::AbortHandle,
    time::{sleep, timeout},
};

use super::{http::Site, sockets::Socket};

/// Connections at a time. For one more the oldest that has sent nothing is closed; if there is none it waits, as each
/// ends within its lifetime.
pub(crate) const CONNECTIONS: usize = 64;

/// For the head of a request, whatever ports that are public allow: who asks for health waits seconds at most.
const HEADER: Duration = Duration::from_secs(2);

/// After an accept that failed.
const BACKOFF: Duration = Duration::from_millis(50);

/// Serves until it is dropped.
pub(crate) async fn serve(socket: Socket, site: Site) {
    let listener = match socket {
        Socket::Tcp(listener) => TcpListener::from_std(listener).map(Listener::Tcp),
        Socket::Unix(listener) => UnixListener::from_std(listener).map(Listener::Unix),
    };
    let listener = match listener {
        Ok(listener) => listener,
        Err(error) => return tracing::error!(%error, "cannot serve the admin port"),
    };
    let mut site = site;
    site.limits.header = site.limits.header.min(HEADER);
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    let mut silent = Silent::default();
    loop {
        let accepted = match &listener {
            Listener::Tcp(listener) => listener.accept().await.map(|(stream, _)| Stream::Tcp(stream)),
            Listener::Unix(listener) => listener.accept().await.map(|(stream, _)| Stream::Unix(stream)),
        };
        let stream = match accepted {
            Ok(stream) => stream,
            Err(error) => {
                tracing::warn!(%error, "cannot accept on the admin port, pausing");
                sleep(BACKOFF).await;
                continue;
            }
        };
        if places.available_permits() == 0 {
            silent.close_oldest();
        }
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        let site = site.clone();
        let has_begun = Arc::new(AtomicBool::new(false));
        let begun = Arc::clone(&has_begun);
        let task = tokio::spawn(async move {
            let _place = place;
            if stream.begins().await.is_err() {
                return;
            }
            begun.store(true, Relaxed);
            match stream {
                Stream::Tcp(stream) => site.serve(stream).await,
                Stream::Unix(stream) => site.serve(stream).await,
            }
        });
        silent.add(task.abort_handle(), has_begun);
    }
}

/// Connections that have sent nothing yet, the oldest first. Who connects and says nothing cannot keep others out.
#[derive(Default)]
struct Silent(VecDeque<(AbortHandle, Arc<AtomicBool>)>);

impl Silent {
    fn add(&mut self, task: AbortHandle, has_begun: Arc<AtomicBool>) {
        self.forget_others();
        self.0.push_back((task, has_begun));
    }

    fn close_oldest(&mut self) {
        self.forget_others();
        if let Some((task, _)) = self.0.pop_front() {
            task.abort();
        }
    }

    /// Those that are left are open, and so no more than there are places.
    fn forget_others(&mut self) {
        self.0.retain(|(task, has_begun)| !task.is_finished() && !has_begun.load(Relaxed));
    }
}

enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Stream {
    /// Ends when there is something to be read, which the end is as well, or time is over.
    async fn begins(&self) -> io::Result<()> {
        let looked = async {
            loop {
                let result = match self {
                    Self::Tcp(stream) => {
                        stream.readable().await?;
                        stream.try_io(Interest::READABLE, || look(stream))
                    }
                    Self::Unix(stream) => {
                        stream.readable().await?;
                        stream.try_io(Interest::READABLE, || look(stream))
                    }
                };
                match result {
                    // Being told that it is readable is a hint.
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    result => return result,
                }
            }
        };
        timeout(HEADER, looked).await?
    }
}

fn look(stream: &impl AsFd) -> io::Result<()> {
    SockRef::from(stream).peek(&mut [MaybeUninit::uninit()]).map(drop)
}

enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener),
}
