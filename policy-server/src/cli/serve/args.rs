//! The options of `serve`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use policy_server::service::Address;

use super::{
    address::UpstreamAddress, limits::LimitArgs, policy::Grant, proxy::ProxyProtocol, user::Account,
};

const EXAMPLES: &str = "\
Examples:
  The policy on the port of the web server, which moves to 8080, and on 843:
    policy-server serve --listen 0.0.0.0:80 --policy-only 0.0.0.0:843 \\
      --policy /etc/policy-server/policy.xml --upstream 127.0.0.1:8080 --user nobody
  One line instead of a file, and no web server behind:
    policy-server serve --listen 127.0.0.1:8080 --allow 'www.example.com:8080'
  Sockets from systemd, by their FileDescriptorName:
    policy-server serve --listen fd:http --policy-only fd:policy --policy policy.xml
  What a player gets:
    printf '<policy-file-request/>\\0' | nc -q3 127.0.0.1 8080

Standard output gets one line for each port, `listen 127.0.0.1:8080`, `policy-only ...` or `admin ...`, and
then `ready`. Logs go to standard error; RUST_LOG chooses what is logged (default: info).

SIGHUP reloads the policy file, as does a change of it. SIGTERM and SIGINT stop in good order, a second one at
once. Exit codes: 0 after a signal, 1 for a failure while serving, 2 for what was asked for wrongly.";

/// Serves a policy on one or several ports, and hands everything else on
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ServeArgs {
    /// Answers policy requests on this port and hands everything else on: HOST:PORT, unix:PATH or, for a
    /// socket of the service manager, fd:NAME. May be given several times
    #[arg(long, value_name = "ADDR", required_unless_present = "policy_only")]
    pub(crate) listen: Vec<Address>,

    /// Answers policy requests on this port and closes everything else, as 843 is used. May be given several
    /// times
    #[arg(long, value_name = "ADDR")]
    pub(crate) policy_only: Vec<Address>,

    /// The policy file
    #[arg(long, value_name = "FILE")]
    pub(crate) policy: Option<PathBuf>,

    /// Instead of a file: SWFs of this domain may connect to these ports, as in
    /// '*.example.com:8080,9000-9010'. May be given several times
    #[arg(long, value_name = "DOMAIN:PORTS", conflicts_with = "policy")]
    pub(crate) allow: Vec<Grant>,

    /// The server that gets everything else: HOST:PORT or unix:PATH. Without it --listen serves HTTP itself:
    /// /crossdomain.xml, and /healthz and /metrics unless --admin has them
    #[arg(long, value_name = "ADDR", requires = "listen")]
    pub(crate) upstream: Option<UpstreamAddress>,

    /// Tells the upstream who the client is, by a header of the PROXY protocol
    #[arg(long, value_name = "VERSION", requires = "upstream")]
    pub(crate) proxy_protocol: Option<ProxyProtocol>,

    /// Serves /healthz and /metrics here, over HTTP
    #[arg(long, value_name = "ADDR")]
    pub(crate) admin: Option<Address>,

    /// Becomes this user after listening: NAME, NAME:GROUP, or numbers. For a start as root
    #[arg(long, value_name = "NAME[:GROUP]")]
    pub(crate) user: Option<Account>,

    /// Access rights of Unix sockets that are made here, octal. By default what the umask leaves
    #[arg(long, value_name = "MODE", value_parser = mode)]
    pub(crate) unix_mode: Option<u32>,

    /// Threads that serve
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(crate) threads: u16,

    /// How logs are written
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) log_format: LogFormat,

    #[command(flatten)]
    pub(crate) limits: LimitArgs,
}

/// How logs are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// A line for people.
    Text,
    /// An object a line, for programs.
    Json,
}

fn mode(text: &str) -> Result<u32, String> {
    match u32::from_str_radix(text, 8) {
        Ok(mode @ 0..=0o777) => Ok(mode),
        _ => Err("expected access rights in octal, such as 660".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_are_octal_and_rights_alone() {
        assert_eq!(mode("660"), Ok(0o660));
        assert!(mode("999").is_err() && mode("7777").is_err() && mode("").is_err());
    }
}
