//! `policy-server serve`.

use std::process::ExitCode;

use clap::Args;

use super::Misuse;

/// Serves a policy on one or several ports, and hands everything else on.
#[derive(Args)]
pub(crate) struct ServeArgs {}

pub(crate) fn run(_args: ServeArgs) -> anyhow::Result<ExitCode> {
    Err(Misuse("nothing to serve; give --policy FILE or --allow DOMAIN:PORTS".to_owned()).into())
}
