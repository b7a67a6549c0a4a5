//! A controller and where its connection is in its life: what makes that `close` is told exactly once.

use std::any::Any;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use tokio::time::timeout;

use super::callbacks::{Controller, Flow, Input, Reason};
use super::context::Context;
use super::error::Error;
use super::handle::Handle;
use crate::lifecycle::{Action, Event, State};

/// An event that the controller is told of.
#[derive(Debug)]
pub(super) enum Call {
    Begin,
    Resume,
    Read(Input),
    Timeout,
}

impl Call {
    const fn name(&self) -> &'static str {
        match self {
            Self::Begin => "begin",
            Self::Resume => "resume",
            Self::Read(_) => "read",
            Self::Timeout => "timeout",
        }
    }
}

/// The controller, with the table of [`lifecycle`](crate::lifecycle) around it. Dropped before its end, it tells
/// [`Reason::Cut`].
#[derive(Debug)]
pub(super) struct Life<C: Controller> {
    controller: C,
    handle: Handle,
    state: State,
    has_begun: bool,
}

impl<C: Controller> Life<C> {
    /// For a controller that is about to begin.
    pub(super) const fn new(controller: C, handle: Handle) -> Self {
        Self { controller, handle, state: State::Begin, has_begun: false }
    }

    /// The table's answer to `event`. If that is to close, the controller is told `reason`.
    pub(super) fn on(&mut self, event: Event, reason: Reason) -> Action {
        let (state, action) = self.state.on(event);
        self.state = state;
        if let Action::Close(_) = action {
            let id = self.handle.id();
            tracing::debug!(connection = id, ?reason, "a controller's connection closed");
            // Before: nobody wakes what is being told of its end.
            // Attributes' destructors are the application's, too.
            let dropped = catch_unwind(AssertUnwindSafe(|| self.handle.close()));
            if let Err(panic) = dropped {
                let error = Error::panic("an attribute's destructor", &*panic);
                tracing::error!(connection = id, %error, "a controller's connection closed all the same");
            }
            let told = catch_unwind(AssertUnwindSafe(|| self.controller.close(reason)));
            if let Err(panic) = told {
                let error = Error::panic("close", &*panic);
                tracing::error!(connection = id, %error, "a controller's connection closed all the same");
            }
        }
        action
    }

    /// Tells the controller.
    ///
    /// # Errors
    ///
    /// It failed, panicked, or took too long.
    pub(super) async fn call(&mut self, call: Call, cx: &mut Context) -> Result<Flow, Error> {
        let (name, after) = (call.name(), cx.settings().callback_time);
        self.has_begun = true;
        let controller = &mut self.controller;
        let callback = async move {
            match call {
                Call::Begin => controller.begin(cx).await,
                Call::Resume => controller.resume(cx).await,
                Call::Read(input) => controller.read(cx, input).await,
                Call::Timeout => controller.timeout(cx).await,
            }
        };
        shielded(name, after, callback).await?.map_err(|source| Error::Callback { callback: name, source })
    }

    /// Tells the controller of `error`. What fails in there is logged.
    pub(super) async fn call_error(&mut self, cx: &mut Context, error: &Error) {
        let (id, after) = (self.handle.id(), cx.settings().callback_time);
        let controller = &mut self.controller;
        if let Err(error) = shielded("error", after, async move { controller.error(cx, error).await }).await {
            tracing::error!(connection = id, %error, "a controller failed while it was told of a failure");
        }
    }
}

impl<C: Controller> Drop for Life<C> {
    fn drop(&mut self) {
        if self.has_begun {
            self.on(Event::Fail, Reason::Cut);
        }
    }
}

/// Runs a callback so that neither a panic nor waiting for ever gets out of it.
async fn shielded<T>(
    name: &'static str,
    after: Duration,
    callback: impl Future<Output = T>,
) -> Result<T, Error> {
    let mut callback = pin!(callback);
    let caught = poll_fn(|cx| {
        // What the panic leaves broken is the controller, of which only `error` and `close` are called after it.
        match catch_unwind(AssertUnwindSafe(|| callback.as_mut().poll(cx))) {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(value)) => Poll::Ready(Ok(value)),
            Err(panic) => Poll::Ready(Err::<T, Box<dyn Any + Send>>(panic)),
        }
    });
    match timeout(after, caught).await {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(panic)) => Err(Error::panic(name, &*panic)),
        Err(_) => Err(Error::Overdue { callback: name, after }),
    }
}
