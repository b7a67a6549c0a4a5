//! Checks the codec against files of vectors (`tests/vectors/README.md` describes their lines).

mod data;
mod decode;
mod malformed;
mod message;
mod model;
mod stream;
mod value;

use hessian::grammar::{Draft, Final, Grammar, One};
use serde_json::Value as Json;
use std::path::Path;

/// Stack of the thread that checks: the descriptions of values are nested as the values are.
const STACK: usize = 256 << 20;

/// How often inputs are cut to be decoded at once, which costs the square of their length. Up to `all` bytes at every
/// byte; longer ones at every byte of their first and last `edge` bytes and at every `stride`th between. The push parser
/// is asked at every byte of every input.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Effort {
    pub(crate) all: usize,
    pub(crate) edge: usize,
    pub(crate) stride: usize,
    /// What `all` is for calls, replies and envelopes.
    pub(crate) messages: usize,
}

impl Effort {
    fn of_messages(self) -> Self {
        Self { all: self.messages, ..self }
    }

    fn cuts(self, len: usize) -> impl Iterator<Item = usize> {
        let edge = if len <= self.all { len } else { self.edge.min(len / 2) };
        let between = (edge..len - edge.min(len - edge)).step_by(self.stride);
        (0..edge).chain(between).chain((len - edge).max(edge)..len)
    }
}

/// What became of a line.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) line: usize,
    pub(crate) name: String,
    pub(crate) reason: String,
}

/// What became of a file.
#[derive(Debug, Default)]
pub(crate) struct Report {
    pub(crate) passed: usize,
    pub(crate) failures: Vec<Failure>,
    /// Lines with values of more than `all` bytes.
    pub(crate) long: usize,
}

/// Checks every line of a file.
pub(crate) fn check_file(path: &Path, effort: Effort) -> Result<Report, String> {
    let text = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
    if text.trim().is_empty() {
        return Err("no line in it".into());
    }
    let run = move || {
        let mut report = Report::default();
        for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            let (name, done) = check_line(line, effort, &mut report);
            match done {
                Ok(()) => report.passed += 1,
                Err(reason) => report.failures.push(Failure { line: index + 1, name, reason }),
            }
        }
        report
    };
    let thread =
        std::thread::Builder::new().stack_size(STACK).spawn(run).map_err(|error| error.to_string())?;
    thread.join().map_err(|_| "a check panicked".to_owned())
}

fn check_line(line: &str, effort: Effort, report: &mut Report) -> (String, Result<(), String>) {
    let json: Json = match parse(line) {
        Ok(json) => json,
        Err(error) => return (String::new(), Err(format!("no JSON: {error}"))),
    };
    let name = json["name"].as_str().unwrap_or_default().to_owned();
    let check = std::panic::AssertUnwindSafe(|| check_vector(&json, effort, report));
    let done = std::panic::catch_unwind(check).unwrap_or_else(|_| Err("a panic".into()));
    (name, done)
}

fn parse(line: &str) -> serde_json::Result<Json> {
    let mut deserializer = serde_json::Deserializer::from_str(line);
    // Values nest as deep as the checks allow; the stack is made for it.
    deserializer.disable_recursion_limit();
    let json = serde::Deserialize::deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(json)
}

/// The grammar of a line decides which codec is checked.
fn check_vector(line: &Json, effort: Effort, report: &mut Report) -> Result<(), String> {
    match line["grammar"].as_str() {
        None | Some("final") => check_grammar::<Final>(line, effort, report),
        Some("draft" | "draft-2007-10") => check_grammar::<Draft>(line, effort, report),
        Some("hessian1") => check_grammar::<One>(line, effort, report),
        Some(other) => Err(format!("a grammar that is not known: {other}")),
    }
}

/// The shape of a line tells its kind.
fn check_grammar<G: Grammar>(line: &Json, effort: Effort, report: &mut Report) -> Result<(), String> {
    let has = |key: &str| line.get(key).is_some();
    if has("encodings") {
        return value::check_alternates::<G>(line, effort);
    }
    let Some(bytes) = data::bytes(line, "")? else {
        return match has("request_hex") || has("reply_hex") || has("reply_hex_gz_b64") {
            true => message::check_exchange(line, effort.of_messages()),
            false => Err("a line of a shape that is not known".into()),
        };
    };
    if has("packets") {
        return stream::check::<G>(line, &bytes, effort);
    }
    if has("reply_hex") {
        // A value, and the reply that it makes.
        message::check_exchange(line, effort.of_messages())?;
    } else if !has("why") && message::is_message(line, &bytes) {
        return message::check(line, &bytes, effort.of_messages());
    }
    report.long += usize::from(bytes.len() > effort.all);
    if has("expect") {
        return malformed::check::<G>(line, &bytes, effort);
    }
    if has("value") {
        return value::check::<G>(line, &bytes, effort);
    }
    if has("java") {
        return value::check_described::<G>(line, &bytes, effort);
    }
    Err("a line of a shape that is not known".into())
}
