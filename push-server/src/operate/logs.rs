//! Where logs go, and which.

use std::env;
use std::fmt;
use std::io::{IsTerminal as _, stderr};

use anyhow::anyhow;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::reload::Handle;

use crate::cli::Misuse;
use crate::config::{Log, LogFormat};

/// What is logged can be changed.
pub(crate) struct Logs(Box<dyn Fn(EnvFilter) -> Result<(), String> + Send + Sync>);

impl fmt::Debug for Logs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Logs")
    }
}

/// Logs go to standard error, as `RUST_LOG` says, or as the settings say. Text of strangers is logged escaped: in JSON by
/// its grammar, as text by `Debug`.
pub(crate) fn start(log: &Log) -> anyhow::Result<Logs> {
    let filter = filter(&log.filter).map_err(Misuse::from)?;
    let builder =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(stderr).log_internal_errors(false);
    let (started, logs) = match log.format {
        LogFormat::Text => {
            let builder =
                builder.with_target(false).with_ansi(stderr().is_terminal()).with_filter_reloading();
            let logs = Logs::new(builder.reload_handle());
            (builder.try_init(), logs)
        }
        LogFormat::Json => {
            let builder = builder.json().flatten_event(true).with_filter_reloading();
            let logs = Logs::new(builder.reload_handle());
            (builder.try_init(), logs)
        }
    };
    started.map(|()| logs).map_err(|error| anyhow!("cannot start logging: {error}"))
}

/// Warnings alone, for a demo that speaks to people on standard output.
pub(crate) fn start_quiet() -> anyhow::Result<()> {
    let filter = filter("warn").map_err(Misuse::from)?;
    let builder =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(stderr).log_internal_errors(false);
    builder.try_init().map_err(|error| anyhow!("cannot start logging: {error}"))
}

impl Logs {
    fn new<S: 'static>(handle: Handle<EnvFilter, S>) -> Self {
        Self(Box::new(move |filter| handle.reload(filter).map_err(|error| error.to_string())))
    }

    /// Logs as `text` says from now on, unless `RUST_LOG` says otherwise.
    pub(crate) fn set(&self, text: &str) -> Result<(), String> {
        (self.0)(filter(text)?)
    }
}

fn filter(text: &str) -> Result<EnvFilter, String> {
    let (name, text) = match env::var(EnvFilter::DEFAULT_ENV) {
        Ok(text) if !text.is_empty() => (EnvFilter::DEFAULT_ENV, text),
        _ => ("log.filter", text.to_owned()),
    };
    EnvFilter::try_new(&text)
        .map_err(|error| format!("{name}={text:?}: {error}; write a level, such as debug"))
}
