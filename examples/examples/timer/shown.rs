//! Shows what becomes of a connection: a controller around another one, which tells each call to the visitor's page.

use push_server::controller::{Context, Controller, Error, Flow, Input, Reason, Result};
use push_server::{ClientId, Stream};
use serde::Serialize;

/// Calls `inner`, and tells the visitor by a message of its own on the stream `steps`.
pub(crate) struct Shown<C> {
    inner: C,
    steps: Stream,
    visitor: Option<ClientId>,
}

/// One step of the state machine: which call it was, and what came of it.
#[derive(Serialize)]
struct Step {
    call: &'static str,
    then: String,
}

impl<C> Shown<C> {
    pub(crate) const fn new(inner: C, steps: Stream, visitor: Option<ClientId>) -> Self {
        Self { inner, steps, visitor }
    }

    fn tell(&self, call: &'static str, then: impl Into<String>) {
        if let Some(visitor) = &self.visitor {
            // A page that does not listen at the moment is not told: there is no way back from the show to the connection.
            let _ = self.steps.send_to(visitor, &Step { call, then: then.into() });
        }
    }

    fn tell_of(&self, call: &'static str, result: &Result) {
        let then = match result {
            Ok(Flow::Suspend) => "suspended",
            Ok(Flow::Complete) => "complete",
            Err(_) => "failed",
        };
        self.tell(call, then);
    }
}

impl<C: Controller> Controller for Shown<C> {
    async fn begin(&mut self, cx: &mut Context) -> Result {
        let result = self.inner.begin(cx).await;
        self.tell_of("begin", &result);
        result
    }

    async fn resume(&mut self, cx: &mut Context) -> Result {
        let result = self.inner.resume(cx).await;
        self.tell_of("resume", &result);
        result
    }

    async fn read(&mut self, cx: &mut Context, input: Input) -> Result {
        self.inner.read(cx, input).await
    }

    async fn timeout(&mut self, cx: &mut Context) -> Result {
        let result = self.inner.timeout(cx).await;
        self.tell_of("timeout", &result);
        result
    }

    async fn error(&mut self, cx: &mut Context, error: &Error) {
        self.inner.error(cx, error).await;
    }

    fn close(&mut self, reason: Reason) {
        self.inner.close(reason);
        self.tell("close", format!("{reason:?}"));
    }
}
