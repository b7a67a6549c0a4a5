//! The body of a response, piece by piece: decompressed, and watched for silence.

use super::super::error::{Error, Result, told};
use bytes::Bytes;
use http::{HeaderMap, header};
use http_body::Body;
use hyper::body::Incoming;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::{Instant, Sleep};

/// What is waited for.
const NEXT_PIECE: &str = "the next piece of the reply";

/// The pieces of a body.
pub(super) struct Pieces {
    body: Incoming,
    #[cfg(feature = "deflate")]
    inflate: Option<super::inflate::Inflate>,
    idle_timeout: Duration,
    /// Made when the body is waited for.
    idle: Option<Pin<Box<Sleep>>>,
    waiting: bool,
}

impl Pieces {
    /// The body of a response with these headers.
    ///
    /// # Errors
    /// An encoding that was not asked for.
    pub(super) fn new(
        headers: &HeaderMap,
        body: Incoming,
        idle_timeout: Duration,
    ) -> std::result::Result<Self, Unknown> {
        let encoding = headers.get(header::CONTENT_ENCODING).map(|value| value.as_bytes());
        let deflated = match encoding {
            None => false,
            Some(value) if value.is_empty() || value.eq_ignore_ascii_case(b"identity") => false,
            Some(value) if cfg!(feature = "deflate") && value.eq_ignore_ascii_case(b"deflate") => true,
            Some(value) => return Err(Unknown(String::from_utf8_lossy(value).into_owned())),
        };
        #[cfg(not(feature = "deflate"))]
        let _ = deflated;
        Ok(Self {
            body,
            #[cfg(feature = "deflate")]
            inflate: deflated.then(super::inflate::Inflate::new),
            idle_timeout,
            idle: None,
            waiting: false,
        })
    }

    /// Bytes that are still to come, where the server told how many.
    pub(super) fn expected(&self) -> Option<u64> {
        #[cfg(feature = "deflate")]
        if self.inflate.is_some() {
            return None;
        }
        self.body.size_hint().exact()
    }

    /// True when no piece follows for certain.
    pub(super) fn is_at_end(&self) -> bool {
        #[cfg(feature = "deflate")]
        if self.inflate.is_some() {
            return false;
        }
        self.body.is_end_stream()
    }

    /// The next piece, which is not empty; `None` at the end.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>> {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    /// As [`next`](Self::next).
    pub(super) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>>> {
        #[cfg(feature = "deflate")]
        if self.inflate.is_some() {
            return self.poll_inflated(cx);
        }
        self.poll_raw(cx)
    }

    #[cfg(feature = "deflate")]
    fn poll_inflated(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>>> {
        loop {
            let Some(inflate) = &mut self.inflate else { return self.poll_raw(cx) };
            if let Some(piece) = inflate.next()? {
                return Poll::Ready(Ok(Some(piece)));
            }
            match ready!(self.poll_raw(cx))? {
                Some(piece) => {
                    if let Some(inflate) = &mut self.inflate {
                        inflate.push(piece);
                    }
                }
                None => {
                    let Some(inflate) = &mut self.inflate else { return Poll::Ready(Ok(None)) };
                    inflate.finish()?;
                    return Poll::Ready(Ok(None));
                }
            }
        }
    }

    /// The next piece as it was sent.
    fn poll_raw(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>>> {
        loop {
            match Pin::new(&mut self.body).poll_frame(cx) {
                Poll::Ready(frame) => {
                    self.waiting = false;
                    return Poll::Ready(match frame {
                        None => Ok(None),
                        Some(Err(error)) => Err(Error::Io(told(error))),
                        Some(Ok(frame)) => match frame.into_data() {
                            Ok(data) if !data.is_empty() => Ok(Some(data)),
                            // Trailers, and pieces without anything in them.
                            _ => continue,
                        },
                    });
                }
                Poll::Pending => {
                    let after = self.idle_timeout;
                    let idle = self.idle.get_or_insert_with(|| Box::pin(tokio::time::sleep(after)));
                    if !self.waiting {
                        self.waiting = true;
                        if let Some(deadline) = Instant::now().checked_add(after) {
                            idle.as_mut().reset(deadline);
                        }
                    }
                    ready!(idle.as_mut().poll(cx));
                    return Poll::Ready(Err(Error::Timeout { what: NEXT_PIECE, after }));
                }
            }
        }
    }
}

/// An encoding that was not asked for.
#[derive(Debug)]
pub(super) struct Unknown(pub(super) String);
