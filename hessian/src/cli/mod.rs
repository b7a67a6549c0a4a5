//! The `hessian` command.

mod call;
mod check;
mod documents;
mod dump;
mod encode;
mod input;
mod json;
mod listen;
mod options;
mod output;
mod remote;
mod stop;
mod vectors;

use anstream::ColorChoice;
use clap::{Args, CommandFactory as _, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use std::process::ExitCode;
use stop::Outcome;

/// Looks at Hessian data, converts it, listens to streams and calls services.
#[derive(Debug, Parser)]
#[command(name = "hessian", version, after_help = stop::TABLE)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    /// When to use colours; `auto` does on a terminal, unless NO_COLOR is set
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    color: When,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum When {
    Auto,
    Always,
    Never,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Explains bytes: values, packets, calls, replies, envelopes; follows a stream as it arrives
    #[command(after_help = dump::EXAMPLES)]
    Dump(dump::DumpOptions),
    /// Turns Hessian into JSON, without loss; packets as they arrive, one line each
    #[command(after_help = json::EXAMPLES)]
    Json(json::JsonOptions),
    /// Turns JSON into Hessian: values, packets, a call or a reply
    #[command(after_help = encode::EXAMPLES)]
    Encode(encode::EncodeOptions),
    /// Prints the packets of a stream as they arrive, a line of JSON each, over as many connections as it takes
    #[command(after_help = listen::EXAMPLES)]
    Listen(listen::ListenOptions),
    /// Calls a method of a service and prints its result as JSON
    #[command(after_help = [call::GRAMMAR, "\n", call::EXAMPLES].concat())]
    Call(call::CallOptions),
    /// Checks the codec against files of vectors, one JSON object a line; exit code 1 when any line fails
    #[command(after_help = check::EXAMPLES)]
    Vectors(check::VectorsOptions),
    /// Prints the completions of a shell
    #[command(after_help = COMPLETIONS)]
    Completions(CompletionsOptions),
}

#[derive(Debug, Args)]
struct CompletionsOptions {
    /// The shell
    shell: Shell,
}

const COMPLETIONS: &str = "\
Examples:
  hessian completions bash > ~/.local/share/bash-completion/completions/hessian
  hessian completions zsh > ~/.zfunc/_hessian
  hessian completions fish > ~/.config/fish/completions/hessian.fish";

/// Runs the command that the arguments name.
pub(crate) fn run() -> ExitCode {
    let Cli { command, color } = Cli::parse();
    match color {
        When::Auto => ColorChoice::Auto,
        When::Always => ColorChoice::Always,
        When::Never => ColorChoice::Never,
    }
    .write_global();
    let outcome = match &command {
        Command::Dump(options) => dump::run(options),
        Command::Json(options) => json::run(options),
        Command::Encode(options) => encode::run(options),
        Command::Listen(options) => listen::run(options),
        Command::Call(options) => call::run(options),
        Command::Vectors(options) => check::run(options),
        Command::Completions(options) => complete(options),
    };
    outcome.map_or_else(stop::Stop::end, |()| ExitCode::SUCCESS)
}

fn complete(options: &CompletionsOptions) -> Outcome {
    let mut script = Vec::new();
    clap_complete::generate(options.shell, &mut Cli::command(), "hessian", &mut script);
    output::Output::new().write(script)
}
