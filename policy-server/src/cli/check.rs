//! `check`: would a player let this SWF connect, and if not, why?

use std::{
    io::{Write as _, stdout},
    process::ExitCode,
};

use clap::Args;
use policy_server::{
    Origin,
    player::{
        Conclusion, Fetched, Happened, Location, Patience, Question, Report, TcpDial, Visit, ask,
        host_and_port,
    },
    policy::Step,
};
use serde_json::{Value, json};

use super::{Misuse, lint};

/// Do what a player does before it lets a SWF connect, and explain the verdict.
///
/// Asks port 843 first, for 3 s, then the policies that the SWF names, then the port itself.
///
/// Exit code: 0 granted, 1 denied, 2 wrong arguments or no port of the host reached.
#[derive(Args)]
pub(crate) struct CheckArgs {
    /// The host the SWF connects to. With a port, its policy is asked for as if the SWF had named it.
    #[arg(value_name = "HOST[:PORT]")]
    target: String,
    /// Where the SWF is loaded from: a host or a URL; file:/// for local content.
    #[arg(long, value_name = "DOMAIN")]
    origin: Origin,
    /// The port that the SWF connects to. Default: the one in HOST:PORT.
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    to_port: Option<u16>,
    /// What the SWF gives to Security.loadPolicyFile: xmlsocket://host:port or an http URL. May be repeated.
    #[arg(long, value_name = "URL")]
    policy: Vec<Location>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Exit code when nothing could be asked.
const UNREACHABLE: u8 = 2;

pub(crate) fn run(args: CheckArgs) -> anyhow::Result<ExitCode> {
    let CheckArgs { target, origin, to_port, policy, json } = args;
    let (host, port) = host_and_port(&target).map_err(|e| Misuse(format!("{target}: {e}")))?;
    let Some(to_port) = to_port.or(port) else {
        return Err(Misuse("name the port that the SWF connects to: --to-port PORT".into()).into());
    };
    let mut question = Question::new(host.clone(), to_port, origin);
    for location in port.map(|port| Location::Socket { host, port }).into_iter().chain(policy) {
        question = question.load_policy_file(location);
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let report = runtime.block_on(ask(&question, &TcpDial, &Patience::default()));
    // Name look-ups cannot be called off, and nobody waits for one.
    runtime.shutdown_background();

    let text = if json { format!("{:#}", in_json(&report)) } else { report.to_string() };
    // Who has closed standard output wants the exit code alone.
    let _ = writeln!(stdout(), "{text}");
    Ok(match report.conclusion() {
        Conclusion::Granted => ExitCode::SUCCESS,
        Conclusion::Denied => ExitCode::FAILURE,
        Conclusion::Unreachable => ExitCode::from(UNREACHABLE),
    })
}

fn in_json(report: &Report) -> Value {
    let question = report.question();
    json!({
        "conclusion": report.conclusion().as_str(),
        "host": question.host(),
        "port": question.port(),
        "origin": question.origin().to_string(),
        "origin_notes": origin_notes(question.origin()),
        "look_up_milliseconds": report.looked_up_after().as_secs_f64() * 1e3,
        "visits": report.visits().iter().map(|visit| visit_in_json(report, visit)).collect::<Vec<_>>(),
        "granted_by": report.verdict().granted_by().map(step),
        "missing_entry": report.missing_entry(),
        "advice": report.advice(),
    })
}

fn visit_in_json(report: &Report, visit: &Visit) -> Value {
    let mut value = json!({
        "role": visit.role().name(),
        "location": visit.location().to_string(),
        "happened": visit.happened().name(),
        "milliseconds": visit.after().as_secs_f64() * 1e3,
        "message": visit.happened().to_string(),
        "remedy": visit.happened().remedy(),
    });
    match visit.happened() {
        Happened::Failed(fault) => value["fault"] = fault.name().into(),
        Happened::Void(outcome) => value["outcome"] = outcome.name().into(),
        Happened::Fetched(fetched) => {
            value["bytes"] = fetched.text.len().into();
            value["remarks"] = remarks(fetched);
            value["steps"] = report.steps(visit).map(step).collect();
            value["findings"] = visit.findings().iter().map(lint::in_json).collect();
        }
        _ => {}
    }
    value
}

fn origin_notes(origin: &Origin) -> Value {
    origin.notes().map(|note| json!({ "note": note.name(), "message": note.to_string() })).collect()
}

fn remarks(fetched: &Fetched) -> Value {
    let remarks = fetched.remarks.iter();
    remarks.map(|r| json!({ "remark": r.name(), "message": r.to_string(), "remedy": r.remedy() })).collect()
}

fn step(step: &Step) -> Value {
    json!({
        "policy_port": step.policy_port,
        "line": step.line,
        "outcome": step.outcome.name(),
        "message": step.outcome.to_string(),
        "remedy": step.outcome.remedy(),
    })
}
