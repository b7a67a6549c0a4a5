//! The bytes of a TCP connection as binary messages of a WebSocket, both ways. Knows neither the rest of the server nor its limits.

use std::io;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::{Sink, SinkExt as _, Stream, StreamExt as _};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::select;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Bytes, Error, Message};

/// What one relay may hold, and for how long.
#[derive(Clone, Debug)]
pub(crate) struct Bounds {
    /// Bytes of a message from the page.
    pub(crate) message: usize,
    /// Bytes read from the target at once.
    pub(crate) read: usize,
    /// Without a byte either way.
    pub(crate) idle: Duration,
    /// From the end of one direction to the end of the other.
    pub(crate) linger: Duration,
}

/// Why a relay ended before its time.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Broken {
    #[error("the page: {0}")]
    Page(#[from] Error),
    #[error("the target: {0}")]
    Target(#[from] io::Error),
    #[error("text is no part of a stream of bytes")]
    Text,
    #[error("nothing came for the idle time")]
    Idle,
    #[error("one direction ended, the other did not")]
    Lingers,
}

impl Broken {
    /// What the page is told, if it still listens.
    fn close(&self) -> Option<CloseFrame> {
        let (code, reason) = match self {
            Self::Page(Error::Capacity(_)) => (CloseCode::Size, "bridge_message"),
            Self::Page(_) => return None,
            Self::Target(_) => (CloseCode::Error, "the connection was lost"),
            Self::Text => (CloseCode::Unsupported, "bytes only"),
            Self::Idle => (CloseCode::Away, "bridge_idle"),
            Self::Lingers => (CloseCode::Away, "bridge_linger"),
        };
        Some(CloseFrame { code, reason: reason.into() })
    }
}

/// Carries bytes both ways, over `page`, whose handshake is done, until both directions have ended. Neither direction
/// holds more than one message and what the kernel takes of it.
pub(crate) async fn relay<P, T>(page: P, target: T, bounds: &Bounds) -> Result<(), Broken>
where
    P: AsyncRead + AsyncWrite + Unpin,
    T: AsyncRead + AsyncWrite,
{
    let config = WebSocketConfig::default()
        .max_message_size(Some(bounds.message))
        .max_frame_size(Some(bounds.message))
        .read_buffer_size(bounds.read)
        // Every message leaves at once, so there is never more than one.
        .write_buffer_size(0);
    let page = WebSocketStream::from_raw_socket(page, Role::Server, Some(config)).await;
    let (mut to_page, mut from_page) = page.split();
    let (from_target, to_target) = tokio::io::split(target);
    let result = carry(&mut to_page, &mut from_page, from_target, to_target, bounds).await;
    if let Err(broken) = &result
        && let Some(close) = broken.close()
    {
        // Who does not take it will see that the connection ends.
        let _ = timeout(bounds.linger, to_page.send(Message::Close(Some(close)))).await;
    }
    result
}

/// When a byte was last carried, in milliseconds.
struct Activity {
    begin: Instant,
    since: AtomicU64,
}

impl Activity {
    fn new() -> Self {
        Self { begin: Instant::now(), since: AtomicU64::new(0) }
    }

    fn now(&self) {
        let since = u64::try_from(self.begin.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.since.store(since, Ordering::Relaxed);
    }

    fn at(&self) -> Instant {
        self.begin + Duration::from_millis(self.since.load(Ordering::Relaxed))
    }
}

async fn carry(
    to_page: &mut (impl Sink<Message, Error = Error> + Unpin),
    from_page: &mut (impl Stream<Item = Result<Message, Error>> + Unpin),
    from_target: impl AsyncRead,
    to_target: impl AsyncWrite,
    bounds: &Bounds,
) -> Result<(), Broken> {
    let (mut from_target, mut to_target) = (pin!(from_target), pin!(to_target));
    let last = Activity::new();
    let mut up = pin!(async {
        while let Some(message) = from_page.next().await {
            match message? {
                Message::Binary(bytes) => {
                    last.now();
                    to_target.write_all(&bytes).await?;
                }
                Message::Text(_) => return Err(Broken::Text),
                Message::Close(_) => break,
                // Pings are answered by the library.
                _ => {}
            }
        }
        Ok(to_target.shutdown().await?)
    });
    let mut down = pin!(async {
        let mut buffer = vec![0; bounds.read];
        loop {
            let read = from_target.read(&mut buffer).await?;
            if read == 0 {
                break;
            }
            last.now();
            to_page.send(Message::Binary(Bytes::copy_from_slice(&buffer[..read]))).await?;
        }
        let over = CloseFrame { code: CloseCode::Normal, reason: "".into() };
        Ok(to_page.send(Message::Close(Some(over))).await?)
    });
    let mut idle = pin!(async {
        loop {
            let at = last.at() + bounds.idle;
            if at <= Instant::now() {
                break;
            }
            sleep_until(at).await;
        }
    });
    let lingers = |_| Broken::Lingers;
    select! {
        ended = &mut up => {
            ended?;
            timeout(bounds.linger, down).await.map_err(lingers)?
        }
        ended = &mut down => {
            ended?;
            timeout(bounds.linger, up).await.map_err(lingers)?
        }
        () = &mut idle => Err(Broken::Idle),
    }
}
