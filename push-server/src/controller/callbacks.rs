//! What an application implements.

use std::future::Future;

use bytes::Bytes;

use super::context::Context;
use super::error::{BoxError, Error};

/// What becomes of the connection after a callback.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[must_use]
pub enum Flow {
    /// It waits for the next event. The servlets of Resin returned `true`.
    Suspend,
    /// It ends in good order: what was written leaves, then the form's farewell. Resin's `false`.
    Complete,
}

/// What a callback returns. Any error will do, `?` converts it; it is then told to
/// [`error`](Controller::error), and the connection ends.
pub type Result<T = Flow> = std::result::Result<T, BoxError>;

/// What the client has sent on the connection.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Input {
    /// The next piece of the request body, as it has arrived: 1 byte to [`READ`](super::READ). Pieces are no
    /// messages; the client's packets are cut and joined on the way.
    Data(Bytes),
    /// The request body is complete.
    End,
    /// A message on a WebSocket, whole and unmasked: up to [`Limits::ws_message`](crate::Limits::ws_message) bytes.
    Message {
        /// It came as text, which is UTF-8, and not as bytes.
        is_text: bool,
        /// What it says. Copied once.
        data: Bytes,
    },
}

/// Why a connection has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// The application ended it, by [`Flow::Complete`] or [`Handle::complete`](super::Handle::complete), or the
    /// stream that it had joined ended; the client was told.
    Complete,
    /// Its [`lifetime`](super::Suspend::lifetime) was over; the client was told to come back.
    Rotated,
    /// The server is ending; the client was told to come back.
    Shutdown,
    /// The client has gone.
    Peer,
    /// The client took nothing for [`Limits::stall`](crate::Limits::stall).
    Stalled,
    /// The client fell further behind the joined stream than that allows.
    Slow,
    /// A callback failed or panicked, the request body was not what HTTP allows or too long, or the socket failed.
    Failed,
    /// Its task was dropped: the server did not end in time, or the runtime ended.
    Cut,
}

/// The application's part of one connection: its state, and what it does at each event.
///
/// Callbacks of one connection never run at the same time, so they have `&mut self` and need no locks; what other
/// threads hold is a [`Handle`](super::Handle). Each is called only once everything that was written before has
/// gone to the kernel, so a client that reads slowly has its controller called less often, and wakes meanwhile
/// become one. A callback may await; it holds up nobody else, and is cut off after
/// [`Suspend::callback_time`](super::Suspend::callback_time). While it runs, nothing is sent or noticed on its own
/// connection: what it writes leaves when it returns.
///
/// ```text
///  begin ---> suspended ---> resume | read | timeout ---> suspended ... ---> close
///    |                                 |                                       ^
///    +--------- Flow::Complete --------+---- farewell -------------------------+
///    +--------- an error, a panic -----+---- error ----------------------------+
/// ```
///
/// [`close`](Self::close) is called exactly once on every path, and nothing after it.
pub trait Controller: Send + 'static {
    /// The request has come. What is written here is the beginning of the answer; the head leaves when this
    /// returns. Register [`cx.handle()`](Context::handle) with those who have news, or
    /// [`join`](Context::join) a stream. A wake that comes from here on is not lost.
    ///
    /// # Errors
    ///
    /// The client is answered with 500.
    fn begin(&mut self, cx: &mut Context) -> impl Future<Output = Result> + Send;

    /// There is news: somebody called [`Handle::wake`](super::Handle::wake) since the last time, however often, or
    /// the joined stream has a [`batch`](Context::batch). Left out, it forwards what the stream has, and completes
    /// when that has ended.
    ///
    /// # Errors
    ///
    /// They are told to [`error`](Self::error).
    fn resume(&mut self, cx: &mut Context) -> impl Future<Output = Result> + Send {
        async {
            cx.forward();
            Ok(if cx.has_stream_ended() { Flow::Complete } else { Flow::Suspend })
        }
    }

    /// The client has sent something: a part of the request body, a message on a WebSocket. Left out, it is dropped.
    ///
    /// # Errors
    ///
    /// They are told to [`error`](Self::error).
    fn read(&mut self, cx: &mut Context, input: Input) -> impl Future<Output = Result> + Send {
        let _ = (cx, input);
        async { Ok(Flow::Suspend) }
    }

    /// Nothing was told to the controller for the connection's [timeout](Context::set_timeout). Left out, it
    /// completes: a long poll without news. After [`Flow::Suspend`] the time begins anew.
    ///
    /// # Errors
    ///
    /// They are told to [`error`](Self::error).
    fn timeout(&mut self, cx: &mut Context) -> impl Future<Output = Result> + Send {
        let _ = cx;
        async { Ok(Flow::Complete) }
    }

    /// The connection has failed and [`close`](Self::close) follows. What is written here leaves if the socket
    /// still takes it, without a farewell: the client sees a body that was cut short. Only where the head has not
    /// left yet (in `begin`, in a long poll) the client gets a status and a short text instead. A client that has
    /// gone is no failure. Left out, the error is logged.
    fn error(&mut self, cx: &mut Context, error: &Error) -> impl Future<Output = ()> + Send {
        tracing::debug!(connection = cx.handle().id(), %error, "a connection failed");
        async {}
    }

    /// The connection has ended. Called exactly once after [`begin`](Self::begin) was called, whatever happened,
    /// also after a panic of a callback or when the task is dropped. A panic in here is logged.
    fn close(&mut self, reason: Reason) {
        let _ = reason;
    }
}
