//! What can be done for a connection without waiting: mostly everything, as who connects has something to say.
//!
//! Under load the first bytes are there when a connection is accepted. A policy request is answered on the
//! spot then, with no task, no timer and no registration of its own.

use std::{
    io::{self, Read as _},
    net::TcpStream,
};

use bytes::{Buf as _, Bytes};

use super::{
    answer,
    detect::{REQUEST, REQUEST_MAX, Verdict, classify},
    metrics::Counter,
    responder::{End, Reason, Responder},
};

/// How far a connection came without waiting.
#[derive(Debug)]
pub(super) enum Early {
    /// Not a byte is there.
    Nothing,
    /// A policy request is answered, this side of the stream ended.
    Answered,
    /// A policy request is read, and this much of the answer was more than the kernel takes at once.
    Answering(Bytes),
    /// This is the first byte. It decides, or it is `<` and there is more to come or to refuse.
    First(u8),
}

impl Responder {
    /// Looks at a connection that does not block, and answers a policy request that is there in whole.
    ///
    /// Takes bytes from a policy request only.
    pub(super) fn early(&self, mut stream: &TcpStream) -> Result<Early, End> {
        let mut head = [0; REQUEST_MAX];
        let seen = match stream.peek(&mut head) {
            Ok(0) => return Err(Reason::EndedEarly.into()),
            Ok(n) => &head[..n],
            Err(e) if is_not_yet(&e) => return Ok(Early::Nothing),
            Err(e) => return Err(e.into()),
        };
        if seen[0] != REQUEST[0] || classify(seen) != Verdict::Policy {
            return Ok(Early::First(seen[0]));
        }
        // These very bytes are at the front of the kernel's buffer; what stands behind them is drained later.
        let n = stream.read(&mut head)?;
        debug_assert_eq!(classify(&head[..n]), Verdict::Policy);
        let mut wire = self.wire();
        match answer::send_now(stream, &wire) {
            Ok(sent) => wire.advance(sent),
            Err(e) if is_not_yet(&e) => {}
            Err(e) => return Err(e.into()),
        }
        if wire.has_remaining() {
            return Ok(Early::Answering(wire));
        }
        answer::end_now(stream)?;
        self.count(Counter::Served);
        Ok(Early::Answered)
    }
}

fn is_not_yet(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}
