//! Handlers in their order, and what they cannot do to the rest.

use std::any::type_name;
use std::fmt;
use std::future::Future;
use std::hash::{BuildHasher as _, RandomState};
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::FutureExt as _;
use tokio::time::{Instant, timeout_at};

use super::handler::Kind;
use super::{ClientMessage, DeliverError, Failure, Handler, Receipt, Verdict, deliver};
use crate::controller::{BoxError, panic_text};
use crate::hub::Handling;

/// The handlers of an application, in the order in which they are asked, and the system handler behind them
/// ([`deliver`]). Cloning costs a reference count; an empty one is the system handler alone.
#[derive(Clone, Default)]
pub struct Chain(Arc<Links>);

#[derive(Default)]
struct Links {
    handlers: Vec<Arc<dyn Link>>,
    failures: Failures,
}

/// A handler whose future is in a box: one allocation for each message that it is asked about.
trait Link: Send + Sync {
    fn name(&self) -> &'static str;
    fn ask(&self, message: ClientMessage) -> Asked<'_>;
}

type Asked<'h> = Pin<Box<dyn Future<Output = Result<Verdict, Failure>> + Send + 'h>>;

impl<H: Handler> Link for H {
    fn name(&self) -> &'static str {
        type_name::<H>()
    }

    fn ask(&self, message: ClientMessage) -> Asked<'_> {
        Box::pin(self.handle(message))
    }
}

/// Why a message was refused, as its sender is told.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Refused {
    /// For the people who have sent it ([`Failure::for_people`]).
    #[error("{0}")]
    ForPeople(String),
    /// A handler failed, panicked, or took longer than [`Limits::handler_time`](crate::Limits::handler_time). The log says
    /// more.
    #[error("the message could not be handled; the server's log tells why, under {reference}")]
    Internal {
        /// What the line in the log has, too.
        reference: String,
    },
    /// The system handler could not deliver it.
    #[error(transparent)]
    Undelivered(#[from] DeliverError),
    /// The handlers have as many in hand as they may.
    #[error("the handlers have handlers_at_once = {max} messages in hand already")]
    Busy {
        /// [`Limits::handlers_at_once`](crate::Limits::handlers_at_once).
        max: usize,
    },
}

impl Chain {
    /// The system handler alone.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// With one more, which is asked after those that are there. O(handlers).
    #[must_use]
    pub fn with(self, handler: impl Handler) -> Self {
        let mut handlers = self.0.handlers.clone();
        handlers.push(Arc::new(handler));
        Self(Arc::new(Links { handlers, failures: Failures::default() }))
    }

    /// Asks the handlers in their order until one accepts the message or fails, and delivers what none has taken. Dropped,
    /// it ends where it is, so whoever may go away leaves it to a task.
    ///
    /// # Errors
    ///
    /// [`Refused`].
    pub async fn dispatch(&self, message: ClientMessage) -> Result<Receipt, Refused> {
        let stream = message.stream();
        let limits = stream.limits();
        let deadline = Instant::now() + limits.handler_time;
        let _place = Handling::begin(stream).ok_or(Refused::Busy { max: limits.handlers_at_once })?;
        for handler in &self.0.handlers {
            let asked = async { handler.ask(message.clone()).await };
            let said = match timeout_at(deadline, AssertUnwindSafe(asked).catch_unwind()).await {
                Ok(Ok(said)) => said,
                Ok(Err(panic)) => Err(Failure::internal(format!("it panicked: {}", panic_text(&*panic)))),
                Err(_) => Err(Failure::internal(format!(
                    "not done within handler_time = {:?}",
                    limits.handler_time
                ))),
            };
            let said = said.and_then(|verdict| match verdict {
                Verdict::Accept(Receipt::Reply(json)) if json.len() > limits.message_bytes => {
                    let (bytes, max) = (json.len(), limits.message_bytes);
                    Err(Failure::internal(format!(
                        "a reply of {bytes} bytes, more than message_bytes = {max}"
                    )))
                }
                verdict => Ok(verdict),
            });
            match said {
                Ok(Verdict::Pass) => {}
                Ok(Verdict::Accept(receipt)) => return Ok(receipt),
                Err(failure) => return Err(self.0.failures.refuse(failure, handler.name(), &message)),
            }
        }
        Ok(deliver(&message).await?)
    }
}

impl fmt::Debug for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.0.handlers.iter().map(|handler| handler.name());
        f.debug_list().entries(names).finish()
    }
}

/// Counts what goes wrong, so that a sender can name it to an operator.
struct Failures {
    /// Of this process: counts begin anew with each.
    run: u32,
    count: AtomicU64,
}

impl Default for Failures {
    fn default() -> Self {
        let run = RandomState::new().hash_one(()) as u32;
        Self { run, count: AtomicU64::new(0) }
    }
}

impl Failures {
    fn refuse(&self, failure: Failure, handler: &str, message: &ClientMessage) -> Refused {
        let error = match failure.into_kind() {
            Kind::ForPeople(text) => return Refused::ForPeople(text),
            Kind::Internal(error) => match error.downcast::<DeliverError>() {
                Ok(error) => return Refused::Undelivered(*error),
                Err(error) => error,
            },
        };
        let reference = format!("{:08x}-{}", self.run, self.count.fetch_add(1, Ordering::Relaxed) + 1);
        // As `Debug` shows it: what a client has sent may be a part of it, and is not to begin lines of the log.
        let error = with_sources(&error);
        let (stream, sender) = (message.stream().name(), message.sender().map(tracing::field::display));
        tracing::error!(reference, handler, %stream, sender, ?error, "a message was not handled");
        Refused::Internal { reference }
    }
}

fn with_sources(error: &BoxError) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(": ");
        text.push_str(&error.to_string());
        source = error.source();
    }
    text
}
