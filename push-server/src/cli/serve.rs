//! `push-server serve`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;

use super::{Misuse, raise_descriptors, say};
use crate::config::{Found, Layers, Override, print};
use crate::operate::{self, logs, ports::Ports};

const AFTER: &str = "\
Settings come from defaults, then --config FILE (TOML), then the environment (PUSH_SERVER_LIMITS_STALL=30s), then
options; --print-config prints what comes of them, each key explained, as a file that starts the same server.

SIGHUP reads them again, and keeps every connection. SIGTERM and SIGINT end in good order: /readyz says 503, the ports
close, clients are told to come back, spread over drain.window; a second signal ends at once. Standard output gets a
line for each port and then `ready`; logs go to standard error. Exit codes: 0 after a signal, 1 for a failure, 2 for what
was asked for wrongly.";

/// Serves streams to whoever reads them, and publishes what is posted; a stream is opened by its first use
#[derive(Args)]
#[command(after_help = AFTER)]
pub(crate) struct ServeArgs {
    /// A file of settings. Every key is optional
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// Where clients come: HOST:PORT, or fd:NAME for a socket of the service manager. May be given several times
    #[arg(long, value_name = "ADDR")]
    listen: Vec<String>,

    /// Answers policy requests on this port and nothing else, as 843 is used. May be given several times
    #[arg(long, value_name = "ADDR")]
    policy_only: Vec<String>,

    /// For operators: /healthz, /readyz, /metrics and /console. May be given several times
    #[arg(long, value_name = "ADDR")]
    admin: Vec<String>,

    /// What of that everybody sees on the ports of clients: nothing, health or all
    #[arg(long, value_name = "WHAT")]
    public: Option<String>,

    /// The Flash socket policy
    #[arg(long, value_name = "FILE")]
    policy: Option<String>,

    /// Instead of a file: movies of this domain may open sockets, to the ports that are listened on or to these. May be
    /// given several times
    #[arg(long, value_name = "DOMAIN[:PORTS]")]
    allow: Vec<String>,

    /// Pages that may open WebSockets and bridges here beside those of this host, as browsers write it:
    /// https://www.example.com. Several times, or separated by commas
    #[arg(long, value_name = "SCHEME://HOST[:PORT]", value_delimiter = ',')]
    origin: Vec<String>,

    /// No Ruffle bridge: whoever reaches /ruffle reaches all of this port, past the rules of a proxy in front of it
    #[arg(long)]
    no_bridge: bool,

    /// The time over which clients leave at the end: 10s
    #[arg(long, value_name = "TIME")]
    drain_window: Option<String>,

    /// How logs are written: text or json
    #[arg(long, value_name = "FORMAT")]
    log_format: Option<String>,

    /// Any key: --set limits.heartbeat=20s. May be given several times
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,

    /// Prints the settings, as a file, and ends
    #[arg(long)]
    print_config: bool,

    /// Reads the settings and the policy, says what is wrong with them, and ends
    #[arg(long, conflicts_with = "print_config")]
    check_config: bool,
}

impl ServeArgs {
    /// The options as keys.
    fn overrides(&self) -> Result<Vec<Override>, Misuse> {
        let mut overrides = Vec::new();
        for text in &self.set {
            let Some((key, value)) = text.split_once('=') else {
                return Err(format!(
                    "--set {text:?}: no value; write KEY=VALUE, such as --set limits.stall=30s"
                )
                .into());
            };
            let (key, found) = (key.trim().to_owned(), Found::Word(value.trim().to_owned()));
            overrides.push(Override { option: "--set".to_owned(), key, found });
        }
        let mut put = |option: &str, key: &str, found| {
            overrides.push(Override { option: option.to_owned(), key: key.to_owned(), found });
        };
        for (option, key, list) in [
            ("--listen", "listen", &self.listen),
            ("--policy-only", "policy.listen", &self.policy_only),
            ("--admin", "admin.listen", &self.admin),
            ("--allow", "policy.allow", &self.allow),
            ("--origin", "access.origins", &self.origin),
        ] {
            if !list.is_empty() {
                put(option, key, Found::List(list.iter().cloned().map(Found::Word).collect()));
            }
        }
        for (option, key, word) in [
            ("--public", "admin.public", &self.public),
            ("--policy", "policy.file", &self.policy),
            ("--drain-window", "drain.window", &self.drain_window),
            ("--log-format", "log.format", &self.log_format),
        ] {
            if let Some(word) = word {
                put(option, key, Found::Word(word.clone()));
            }
        }
        if self.no_bridge {
            put("--no-bridge", "limits.bridges", Found::Word("0".to_owned()));
        }
        Ok(overrides)
    }
}

pub(crate) fn run(args: &ServeArgs) -> anyhow::Result<ExitCode> {
    let layers = Layers::of_process(args.config.clone(), args.overrides()?);
    let settings = layers.load().map_err(|problems| Misuse::new(&problems))?;
    if args.print_config {
        say(&print(&settings));
        return Ok(ExitCode::SUCCESS);
    }
    if args.check_config {
        operate::files(&settings, &[]).map_err(Misuse)?;
        say("The settings are right.\n");
        return Ok(ExitCode::SUCCESS);
    }
    let logs = logs::start(&settings.log)?;
    if let Some(most) = raise_descriptors()
        && (settings.limits.connections as u64) > most
    {
        tracing::warn!(
            descriptors = most,
            limits.connections = settings.limits.connections,
            "fewer open files than connections; raise LimitNOFILE or the hard limit of ulimit -n"
        );
    }
    let ports = Ports::bind(&settings).map_err(Misuse::from)?;
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    if settings.threads > 0 {
        builder.worker_threads(settings.threads);
    }
    let runtime = builder.enable_all().build().context("cannot start")?;
    let result = runtime.block_on(operate::run(settings, layers, ports, logs));
    // A look at a file that hangs holds up nobody.
    runtime.shutdown_background();
    result
}
