//! A proxy on loopback between the browser and the server, which does to responses what bad networks do.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use policy_server::ListenConfig;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

/// What becomes of the requests for one transport.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rule {
    /// Answered by the proxy: 403.
    Refuse,
    /// Nothing of the response comes.
    Hold,
    /// The head of the response comes, and nothing after it: what opens, and lets nothing through.
    HoldBody,
}

/// A proxy; it ends with all its connections when dropped.
#[derive(Debug)]
pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    shared: Arc<Mutex<Shared>>,
    end: CancellationToken,
}

#[derive(Debug)]
struct Shared {
    target: SocketAddr,
    rules: HashMap<&'static str, Rule>,
    is_down: bool,
    /// Ends what is under way.
    cut: CancellationToken,
    /// Stops what is under way, without an end.
    freeze: CancellationToken,
}

impl Proxy {
    /// In front of `target`.
    pub(crate) fn start(target: SocketAddr) -> Self {
        let listener = ListenConfig::default().bind(([127, 0, 0, 1], 0).into()).expect("a port of loopback");
        let address = listener.local_addr().expect("it is bound");
        let (cut, freeze, end) =
            (CancellationToken::new(), CancellationToken::new(), CancellationToken::new());
        let shared =
            Arc::new(Mutex::new(Shared { target, rules: HashMap::new(), is_down: false, cut, freeze }));
        tokio::spawn(end.clone().run_until_cancelled_owned(accept(listener, shared.clone())));
        Self { address, shared, end }
    }

    fn with<T>(&self, act: impl FnOnce(&mut Shared) -> T) -> T {
        act(&mut self.shared.lock().expect("nobody panics with it"))
    }

    /// What becomes of requests for `transport` from now on.
    pub(crate) fn rule(&self, transport: &'static str, rule: Rule) {
        self.with(|shared| shared.rules.insert(transport, rule));
    }

    /// Cuts every connection, and lets new ones through.
    pub(crate) fn cut(&self) {
        self.with(|shared| std::mem::take(&mut shared.cut)).cancel();
    }

    /// Lets nothing more through on the connections that there are, without ending them.
    pub(crate) fn freeze(&self) {
        self.with(|shared| std::mem::take(&mut shared.freeze)).cancel();
    }

    /// Cuts every connection and every new one, until told otherwise.
    pub(crate) fn down(&self, is_down: bool) {
        self.with(|shared| shared.is_down = is_down);
        if is_down {
            self.cut();
        }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.cut();
        self.end.cancel();
    }
}

async fn accept(listener: TcpListener, shared: Arc<Mutex<Shared>>) {
    while let Ok((client, _)) = listener.accept().await {
        let cut = shared.lock().expect("nobody panics with it").cut.clone();
        let shared = shared.clone();
        tokio::spawn(cut.run_until_cancelled_owned(async move {
            // Whoever is gone is no concern of ours.
            let _ = pass(client, &shared).await;
        }));
    }
}

/// One request and its response: `Connection: close` is put in where it is no upgrade, so each has a path to go by.
async fn pass(mut client: TcpStream, shared: &Mutex<Shared>) -> std::io::Result<()> {
    let mut head = Vec::new();
    let end = loop {
        if let Some(at) = head.windows(4).position(|four| four == b"\r\n\r\n") {
            break at;
        }
        if client.read_buf(&mut head).await? == 0 {
            return Ok(());
        }
    };
    let text = String::from_utf8_lossy(&head[..end]).into_owned();
    let path = text.split([' ', '?']).nth(1).unwrap_or_default();
    let transport = path.rsplit('/').next().unwrap_or_default();
    let (target, rule, is_down, freeze) = {
        let shared = shared.lock().expect("nobody panics with it");
        (shared.target, shared.rules.get(transport).copied(), shared.is_down, shared.freeze.clone())
    };
    if is_down {
        return Ok(());
    }
    if rule == Some(Rule::Refuse) {
        let answer = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
        return client.write_all(answer).await;
    }
    let mut server = TcpStream::connect(target).await?;
    server.set_nodelay(true)?;
    client.set_nodelay(true)?;
    if text.to_ascii_lowercase().contains("\r\nupgrade:") {
        server.write_all(&head).await?;
    } else {
        let text = text.replace("Connection: keep-alive", "Connection: close");
        server.write_all(text.as_bytes()).await?;
        server.write_all(&head[end..]).await?;
    }
    let (mut from_client, mut to_client) = client.split();
    let (mut from_server, mut to_server) = server.split();
    let up = async {
        tokio::io::copy(&mut from_client, &mut to_server).await?;
        to_server.shutdown().await
    };
    let down = async {
        let (mut buffer, mut sent) = (vec![0; 16 << 10], Vec::new());
        loop {
            let read = from_server.read(&mut buffer).await?;
            if read == 0 {
                return to_client.shutdown().await;
            }
            match rule {
                _ if freeze.is_cancelled() => {}
                Some(Rule::Hold) => {}
                Some(Rule::HoldBody) => {
                    let before = sent.len();
                    sent.extend_from_slice(&buffer[..read]);
                    let head =
                        sent.windows(4).position(|four| four == b"\r\n\r\n").map_or(sent.len(), |at| at + 4);
                    to_client.write_all(&sent[before.min(head)..head]).await?;
                    sent.truncate(head);
                }
                _ => to_client.write_all(&buffer[..read]).await?,
            }
        }
    };
    // Whichever fails ends both; who has only said all may still listen.
    tokio::try_join!(up, down).map(drop)
}
