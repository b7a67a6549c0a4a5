//! A WebSocket as the task of a controller's connection sees it: whole messages come in, whole frames go out.

use std::collections::VecDeque;
use std::io;
use std::net::Shutdown;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use socket2::SockRef;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::callbacks::Input;
use super::error::Error;
use super::output::Output;
use super::settings::READ;
use super::wire::{Failure, Received, Wire, write};
use crate::Limits;
use crate::transport::ws::{self, CloseReason, Incoming};

/// After its handshake. It holds a message while that comes in, up to `ws_message` bytes, and what one read has brought.
/// Nothing more is read before that is dealt with, so a client that says much is slowed by its own socket.
#[derive(Debug)]
pub(super) struct SocketWire {
    socket: Arc<TcpStream>,
    frames: Incoming,
    /// The message that is coming in.
    message: Vec<u8>,
    /// What has been heard and not been given yet.
    heard: VecDeque<Received>,
    /// The client breaks the rules: told after what came before.
    breach: Option<CloseReason>,
    /// Nothing that comes now means anything.
    is_over: bool,
    max_message: usize,
    /// For the client's answer to a close frame.
    patience: Duration,
    ignored: usize,
}

impl SocketWire {
    pub(super) fn new(socket: Arc<TcpStream>, limits: &Limits) -> Self {
        Self {
            socket,
            frames: Incoming::default(),
            message: Vec::new(),
            heard: VecDeque::new(),
            breach: None,
            is_over: false,
            max_message: limits.ws_message,
            patience: limits.ws_close,
            ignored: limits.ignored_input,
        }
    }

    /// Takes in what has come, which is unmasked in place.
    fn hear(&mut self, bytes: &mut [u8]) {
        let Self { frames, message, heard, breach, is_over, max_message, .. } = self;
        let fed = frames.feed(bytes, *max_message, |input| match input {
            ws::Input::Message { is_text, piece, is_last } => {
                message.extend_from_slice(piece);
                if is_last && breach.is_none() {
                    let data = std::mem::take(message);
                    match is_text && std::str::from_utf8(&data).is_err() {
                        true => *breach = Some(CloseReason { code: 1007, reason: "a text is UTF-8" }),
                        false => {
                            heard.push_back(Received::Input(Input::Message { is_text, data: data.into() }))
                        }
                    }
                }
            }
            ws::Input::Pong => {}
            _ if breach.is_some() => {}
            ws::Input::Ping(payload) => {
                // Only the latest need be answered (RFC 6455, 5.5.3).
                heard.retain(|received| !matches!(received, Received::Ping(_)));
                let mut pong = Vec::with_capacity(2 + payload.len());
                ws::pong(payload, &mut pong);
                heard.push_back(Received::Ping(pong.into()));
            }
            ws::Input::Close(code) => {
                let mut close = Vec::new();
                ws::close(code.map(|code| CloseReason { code, reason: "" }), &mut close);
                heard.push_back(Received::Goodbye(close.into()));
                *is_over = true;
            }
        });
        if let Err(why) = fed {
            breach.get_or_insert(why.close());
        }
    }

    /// Reads on until the client has answered the close frame, or has said it first and goes; within `ws_close`.
    pub(super) async fn finish(&mut self) {
        let patience = self.patience;
        let rest = async {
            if self.is_over {
                // Both have said it: the server ends the connection (RFC 6455, 7.1.1).
                SockRef::from(&*self.socket).shutdown(Shutdown::Write)?;
            }
            let mut left = self.ignored;
            while left > 0 {
                self.socket.readable().await?;
                let mut buffer = [0; READ];
                match self.socket.try_read(&mut buffer) {
                    Ok(0) => break,
                    Ok(read) => {
                        left = left.saturating_sub(read);
                        if !self.is_over && self.breach.is_none() {
                            self.hear(&mut buffer[..read]);
                            self.heard.clear();
                            if self.is_over {
                                break;
                            }
                        }
                    }
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    Err(error) => return Err(error),
                }
            }
            Ok(())
        };
        let _ = timeout(patience, rest).await;
    }

    /// Closes without sending what the kernel still holds; a reset gives that memory back at once.
    pub(super) fn abort(&mut self) {
        if let Err(error) = self.socket.set_zero_linger() {
            tracing::debug!(%error, "the socket is closed without a reset");
        }
    }
}

impl Wire for SocketWire {
    fn poll_write(&mut self, cx: &mut Context<'_>, out: &mut Output) -> Poll<io::Result<()>> {
        write(&self.socket, cx, out)
    }

    fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<Result<Received, Failure>> {
        loop {
            if let Some(received) = self.heard.pop_front() {
                if self.heard.is_empty() {
                    // An idle connection holds no buffer.
                    self.heard = VecDeque::new();
                }
                return Poll::Ready(Ok(received));
            }
            if self.is_over {
                return Poll::Pending;
            }
            if let Some(CloseReason { code, reason }) = self.breach {
                return Poll::Ready(Err(Error::Breach { code, reason }.into()));
            }
            let mut buffer = [0; READ];
            match self.socket.try_read(&mut buffer) {
                // No such client reads on.
                Ok(0) => return Poll::Ready(Err(Failure::Gone)),
                Ok(read) => self.hear(&mut buffer[..read]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    ready!(self.socket.poll_read_ready(cx))?;
                }
                Err(error) => return Poll::Ready(Err(error.into())),
            }
        }
    }

    fn is_gone(&self) -> bool {
        !matches!(self.socket.take_error(), Ok(None))
    }

    fn is_reusable(&self) -> bool {
        false
    }
}
