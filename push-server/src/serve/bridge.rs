//! Connections that are bridges for Flash movies: see [`transport::ruffle`](crate::transport::ruffle).

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::{StatusCode, Version};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::relay::{Bounds, relay};
use crate::Limits;
use crate::guard::{Guard, Permit, Reason};
use crate::web::{Place, refusal};

/// A request that has become one end of a bridge.
#[derive(Debug)]
pub(super) struct Bridge {
    pub(super) target: SocketAddr,
    pub(super) place: Arc<Place>,
    /// The response head that completes the handshake.
    pub(super) head: Bytes,
}

impl Bridge {
    /// Connects to the target, answers the handshake on `page`, and carries bytes until the end. The permit is that of the page's
    /// connection.
    pub(super) async fn run(
        self,
        mut page: TcpStream,
        limits: &Limits,
        permit: Option<Permit>,
        guard: &Guard,
    ) {
        let Self { target, place, head } = self;
        let connected = timeout(limits.bridge_connect, TcpStream::connect(target)).await;
        let (answer, connected) = match connected {
            Ok(Ok(connected)) => (head, Some(connected)),
            _ => {
                let what = "The bridge cannot reach its own port.";
                guard.count(Reason::BridgeTarget);
                (refusal(Version::HTTP_11, StatusCode::BAD_GATEWAY, what).into(), None)
            }
        };
        if !matches!(timeout(limits.stall, page.write_all(&answer)).await, Ok(Ok(()))) {
            return;
        }
        let Some(connected) = connected else { return };
        if let Ok(end) = connected.local_addr() {
            place.comes_from(end);
        }
        if let Err(error) = connected.set_nodelay(true) {
            tracing::debug!(%error, "cannot set TCP_NODELAY");
        }
        let bounds = Bounds {
            message: limits.bridge_message,
            read: limits.bridge_read,
            idle: limits.bridge_idle,
            linger: limits.bridge_linger,
        };
        if let Err(broken) = relay(page, connected, &bounds).await {
            tracing::debug!(%broken, "a bridge ended");
        }
        drop((place, permit));
    }
}
