//! Where logs go.

use std::io::stderr;

use anyhow::anyhow;
use tracing_subscriber::EnvFilter;

use super::args::LogFormat;
use crate::cli::Misuse;

/// Logs go to standard error, as `RUST_LOG` says or from `info` on.
pub(crate) fn start(format: LogFormat) -> anyhow::Result<()> {
    let filter = match std::env::var(EnvFilter::DEFAULT_ENV) {
        Ok(text) if !text.is_empty() => EnvFilter::try_new(&text)
            .map_err(|e| Misuse(format!("RUST_LOG={text:?}: {e}; write a level, such as debug")))?,
        _ => EnvFilter::new("info"),
    };
    let builder =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(stderr).log_internal_errors(false);
    match format {
        LogFormat::Text => builder.with_target(false).with_ansi(is_terminal()).try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    }
    .map_err(|e| anyhow!("cannot start logging: {e}"))
}

fn is_terminal() -> bool {
    std::io::IsTerminal::is_terminal(&stderr())
}
