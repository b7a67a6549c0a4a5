//! Controllers.

mod callbacks;
mod context;
mod error;
mod form;
mod handle;
mod head;
mod input;
mod life;
mod output;
mod route;
mod run;
mod settings;
mod suspend;
mod wire;

#[cfg(test)]
mod tests;

pub use callbacks::{Controller, Flow, Input, Reason, Result};
pub use context::Context;
pub use error::{BoxError, Error, WriteError};
pub use form::Form;
pub use handle::Handle;
pub use input::BadBody;
pub use route::{route, router};
pub use settings::{CALLBACK_TIME, INPUT_BYTES, LONGEST_WAIT, PENDING_BYTES, READ, TIMEOUT};
pub use suspend::Suspend;

pub(crate) use suspend::{Launch, Seat, Takeover, Vacated};
