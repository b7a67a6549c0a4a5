//! What can go wrong between an application and its hub.

use crate::hub::ClientId;
use crate::name::StreamName;
use crate::position::Position;

/// A message was refused. Nothing was sent to anybody and the stream is as before.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PublishError {
    /// The value has no Hessian form, or defines a class beyond the 4,096 of the codec's shared table.
    #[error("the value cannot be written as Hessian: {0}")]
    Hessian(#[source] hessian::Error),
    /// The value has no JSON form, for example a map whose keys are not strings.
    #[error("the value cannot be written as JSON, which browsers read: {0}")]
    Json(#[source] serde_json::Error),
    /// The bytes are not exactly one Hessian 2.0 value (or, of a batch, not values that stand one after the other). The
    /// error tells the byte and what was expected there.
    #[error("no Hessian 2.0 value that can be published: {0}")]
    NotHessian(#[source] hessian::Error),
    /// One of the bodies is longer than [`Limits::message_bytes`](crate::Limits::message_bytes).
    #[error("the message has {bytes} bytes as {form}, more than message_bytes = {max}")]
    TooLong {
        /// Which body: `Hessian` or `JSON`.
        form: &'static str,
        /// Its length.
        bytes: usize,
        /// The limit.
        max: usize,
    },
    /// The logs of all streams are full, and this one holds too little to forget for the new message. It may be
    /// published later, when others' messages are too old.
    #[error("the logs of all streams are full: {bound} = {max} leaves no room for {bytes} bytes more")]
    Full {
        /// Which of the [`Limits`](crate::Limits): `log_bytes_in_all`.
        bound: &'static str,
        /// What the message needs.
        bytes: usize,
        /// The limit.
        max: usize,
    },
    /// The stream is closed, or the hub has ended its streams.
    #[error("the stream is closed, or the hub is shutting down")]
    Ended,
}

/// A batch was refused. Nothing was sent to anybody and the stream is as before.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BatchError {
    /// One of its messages would have been refused by itself.
    #[error("message {number} of the batch: {error}")]
    Message {
        /// Which: the first is 1.
        number: usize,
        /// Why.
        #[source]
        error: PublishError,
    },
    /// There is no message in it.
    #[error("a batch has one message at least")]
    Empty,
    /// It has too many messages.
    #[error("the batch has more messages than {bound} = {max}")]
    TooMany {
        /// [`Limits::batch_messages`](crate::Limits::batch_messages), or the stream's
        /// [`StreamConfig::log_messages`](crate::StreamConfig::log_messages) where that is less.
        bound: &'static str,
        /// Its value.
        max: usize,
    },
    /// The bodies of its messages, in Hessian and in JSON, are too long together.
    #[error("the messages of the batch are more than {bound} = {max} bytes, in Hessian and JSON together")]
    TooLong {
        /// Twice [`Limits::batch_bytes`](crate::Limits::batch_bytes), or the stream's
        /// [`StreamConfig::log_bytes`](crate::StreamConfig::log_bytes) where that is less.
        bound: &'static str,
        /// Its value.
        max: usize,
    },
    /// The batch was refused as a whole: it could not be read, the logs are full, or the stream has ended.
    #[error(transparent)]
    Refused(#[from] PublishError),
}

/// A direct message was refused. Nothing was sent and what waits for the client is as before.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// The value was refused as one to be published would be, or the stream has ended.
    #[error(transparent)]
    Refused(#[from] PublishError),
    /// No client of this name is present.
    #[error("client {0} is not present")]
    NoClient(ClientId),
    /// The message is longer than all that may wait for one client, though it may be published to all.
    #[error("a direct message of {bytes} bytes in both bodies is more than direct_bytes = {max}")]
    TooLong {
        /// Length of its Hessian and its JSON body together.
        bytes: usize,
        /// [`Limits::direct_bytes`](crate::Limits::direct_bytes).
        max: usize,
    },
    /// The client takes less than is sent to it, or all of them do.
    #[error("no room for a direct message to {client}: with it, more would wait than {bound} = {max}")]
    Full {
        /// Whom it was for.
        client: ClientId,
        /// Which of the [`Limits`](crate::Limits): `direct_messages`, `direct_bytes` or `direct_bytes_in_all`.
        bound: &'static str,
        /// Its value.
        max: usize,
    },
}

/// A reader could not subscribe.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SubscribeError {
    /// There are already [`Limits::clients`](crate::Limits::clients) others.
    #[error("there are clients = {max} present already")]
    TooManyClients {
        /// The limit.
        max: usize,
    },
}

/// A [`Reader`](crate::hub::Reader) gets nothing more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The stream is closed, or the hub has ended its streams; everything before that has been read.
    #[error("the stream has ended")]
    Ended,
    /// The reader was further behind than its stream allows, and the stream disconnects such readers.
    #[error("too slow: what follows {position} is more than the stream keeps for a slow reader")]
    Slow {
        /// Where it was. A subscription after this position is told what it has missed.
        position: Position,
    },
}

/// A stream could not be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// There are already [`Limits::streams`](crate::Limits::streams) others.
    #[error("cannot open stream {name}: there are streams = {max} already")]
    TooMany {
        /// The stream asked for.
        name: StreamName,
        /// The limit.
        max: usize,
    },
}
