//! The settings of `push-server serve`: defaults, then a file, then the environment, then options.
//!
//! Each key stands once, in [`keys`]: its place in [`Settings`], what it may hold, whether a reload puts it in place, and
//! what it does. The file, the environment (`limits.log_bytes` is `PUSH_SERVER_LIMITS_LOG_BYTES`), `--set`,
//! `--print-config` and the table in the README all come of that.

mod file;
mod keys;
mod layers;
mod print;
mod problem;
mod settings;
mod streams;
mod value;

pub(crate) use keys::{KEYS, When};
pub(crate) use layers::{Layers, Override};
pub(crate) use print::print;
pub(crate) use settings::{Log, LogFormat, Policy, Public, Settings};
pub(crate) use streams::StreamSection;
pub(crate) use value::Found;
