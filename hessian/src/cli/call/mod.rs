//! `hessian call`: a method of a service, from the command line.

mod argument;
mod date;
mod download;

use super::json::Style;
use super::options::LimitOptions;
use super::output::{self, Output};
use super::remote::{RequestOptions, block_on, ended, seconds, without_password};
use super::stop::{Outcome, Stop, tell};
use argument::Argument;
pub(super) use argument::GRAMMAR;
use clap::Args;
use hessian::client::{Client, Error};
use hessian::json;
use hessian::rpc::{Form, MAX_ARGUMENTS, ServiceFault};
use std::io::{Write as _, stderr};
use std::path::PathBuf;
use std::time::Duration;

pub(super) const EXAMPLES: &str = r#"
Examples:
  hessian call http://localhost:8080/math add 1 2
  hessian call http://localhost:8080/math add 3L 2.5
  hessian call http://localhost:8080/hello greet text:World @2024-01-31
  hessian call -u me:secret https://example.com/api save '{"$class": "example.User", "name": "Ann"}'
  hessian call http://localhost:8080/files download text:report.pdf --out report.pdf
  hessian call http://localhost:8080/old --hessian1 ping

The result is JSON on standard output, as `hessian json` writes it. A fault is told on stderr,
with Java's exception, its causes and stack traces; the exit code is 1 then, and 3 where there is
no service that answers."#;

#[derive(Debug, Args)]
pub(super) struct CallOptions {
    /// Where the service is: http://HOST:PORT/PATH, or https:
    url: String,
    /// The method; of overloaded ones Java has name_NUMBER and name_type_type too
    method: String,
    /// The arguments, see below
    #[arg(value_name = "ARGUMENT", allow_hyphen_values = true)]
    arguments: Vec<String>,
    /// Calls in Hessian 1, for services that know no other
    #[arg(long)]
    hessian1: bool,
    #[command(flatten)]
    request: RequestOptions,
    /// How long the answer may take, in seconds [default: 60]
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    timeout: Option<Duration>,
    /// How long the connection may take, in seconds [default: 10]
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    connect_timeout: Option<Duration>,
    /// Writes the bytes of a binary result, of any size, to this file; - for standard output
    #[arg(long, short, value_name = "FILE")]
    out: Option<PathBuf>,
    /// In several lines, indented; so it is on a terminal
    #[arg(long)]
    pretty: bool,
    /// In one line, on a terminal too
    #[arg(long, conflicts_with = "pretty")]
    compact: bool,
    #[command(flatten)]
    limits: LimitOptions,
}

pub(super) fn run(options: &CallOptions) -> Outcome {
    let limits = options.limits.limits();
    if options.arguments.len() > MAX_ARGUMENTS {
        return Err(Stop::unusable(format_args!("a method takes {MAX_ARGUMENTS} arguments at most")));
    }
    let arguments: Vec<Argument> = options
        .arguments
        .iter()
        .enumerate()
        .map(|(index, text)| {
            argument::argument(text, &limits)
                .map_err(|error| Stop::unusable(format_args!("argument {}, {text:?}: {error}", index + 1)))
        })
        .collect::<Outcome<_>>()?;
    let style = Style { pretty: options.pretty || !options.compact && output::is_terminal(), limits };
    let client = client(options).map_err(|error| ended(&options.url, &error))?;
    if let Some(path) = &options.out {
        return block_on(download::run(&client, &options.method, &arguments, path, |error| {
            failed(options, &style, error)
        }));
    }
    let reply = block_on(async {
        client.call_raw(&options.method, &*arguments).await.map_err(|error| failed(options, &style, &error))
    })?;
    let reply = reply.reply().map_err(|error| failed(options, &style, &error))?;
    let unread = |error: &dyn std::fmt::Display| {
        Stop::unreachable(format_args!("{}: the result: {error}", without_password(&options.url)))
    };
    let result = reply.result().map_err(|fault| unread(&fault))?;
    let text = style.document(&result.to_graph()).map_err(|error| unread(&error))?;
    Output::new().write(text)
}

fn client(options: &CallOptions) -> hessian::client::Result<Client> {
    let mut builder = Client::builder(&options.url).limits(options.limits.limits());
    if options.hessian1 {
        builder = builder.form(Form::One);
    }
    for (name, value) in options.request.fields() {
        builder = builder.header(name, value);
    }
    if let Some((user, password)) = options.request.user() {
        builder = builder.basic_auth(user, password);
    }
    if let Some(token) = options.request.bearer() {
        builder = builder.bearer(token);
    }
    if let Some(time) = options.timeout {
        builder = builder.timeout(time);
    }
    if let Some(time) = options.connect_timeout {
        builder = builder.connect_timeout(time);
    }
    builder.build()
}

fn failed(options: &CallOptions, style: &Style, error: &Error) -> Stop {
    match error {
        Error::Fault(fault) => {
            tell_fault(fault, style);
            Stop::told()
        }
        error => ended(&options.url, error),
    }
}

/// What the service says went wrong: one line, then Java's exception as Java prints it.
fn tell_fault(fault: &ServiceFault, style: &Style) {
    let message = match fault.message.as_str() {
        "" => "no message",
        message => message,
    };
    tell(format_args!("the service answered with a fault: {}: {message}", fault.code));
    // Who reads stderr no more is told nothing more.
    if let Some(exception) = &fault.exception {
        let _ = writeln!(stderr(), "{}", format!("{exception:#}").trim_end());
    }
    if let Some(detail) = &fault.detail
        && let Ok(detail) = json::to_string_with(detail, &style.limits)
    {
        let _ = writeln!(stderr(), "detail: {detail}");
    }
}
