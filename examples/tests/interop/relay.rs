//! A way to an example that can fall silent, as a network does that has gone: connections stay open, and nothing comes.

use std::net::SocketAddr;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

pub(crate) struct Relay {
    pub(crate) address: SocketAddr,
    is_silent: watch::Sender<bool>,
}

impl Relay {
    pub(crate) async fn start(example: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
        let address = listener.local_addr().expect("it is bound");
        let (is_silent, silence) = watch::channel(false);
        tokio::spawn(async move {
            while let Ok((browser, _)) = listener.accept().await {
                tokio::spawn(relay(browser, example, silence.clone()));
            }
        });
        Self { address, is_silent }
    }

    /// Passes on nothing more, in either direction.
    pub(crate) fn fall_silent(&self) {
        self.is_silent.send_replace(true);
    }

    /// Passes on what comes by new connections; the silent ones end.
    pub(crate) fn speak(&self) {
        self.is_silent.send_replace(false);
    }
}

async fn relay(mut browser: TcpStream, example: SocketAddr, mut silence: watch::Receiver<bool>) {
    let Ok(mut server) = TcpStream::connect(example).await else { return };
    tokio::select! {
        biased;
        _ = silence.wait_for(|is_silent| *is_silent) => {}
        _ = copy_bidirectional(&mut browser, &mut server) => return,
    }
    // Both sockets are held, and not read.
    let _ = silence.wait_for(|is_silent| !*is_silent).await;
}
