//! The system handler: what nobody else takes goes to one client, or to all.

use std::time::Duration;

use tokio::time::timeout;

use super::{ClientMessage, Receipt};
use crate::{PublishError, SendError};

/// A message was not delivered. Nobody has got it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DeliverError {
    /// The stream does not take it.
    #[error(transparent)]
    Publish(#[from] PublishError),
    /// The client that it is for does not.
    #[error(transparent)]
    Send(#[from] SendError),
    /// The server was behind with what was published before.
    #[error("the server is behind: not published within publish_wait = {after:?}")]
    Behind {
        /// [`Limits::publish_wait`](crate::Limits::publish_wait).
        after: Duration,
    },
}

/// What the system handler does, for handlers that have something to do besides: sends the message to its recipient, or else
/// publishes it to its stream, as it is.
///
/// # Errors
///
/// [`DeliverError`]. A handler that returns it by `?` has the sender told as the system handler would.
pub async fn deliver(message: &ClientMessage) -> Result<Receipt, DeliverError> {
    let (stream, json) = (message.stream(), message.json().clone());
    if let Some(client) = message.recipient() {
        return Ok(Receipt::Sent(stream.send_json_to(client, json)?));
    }
    let after = stream.limits().publish_wait;
    match timeout(after, stream.publish_json(json)).await {
        Ok(published) => Ok(Receipt::Published(published?)),
        Err(_) => Err(DeliverError::Behind { after }),
    }
}
