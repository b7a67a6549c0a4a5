//! `hessian encode`: JSON as Hessian.

use super::documents::Documents;
use super::input::InputOptions;
use super::options::{FramingName, LimitOptions};
use super::output::{self, Output};
use super::stop::{Outcome, Stop};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::{Args, ValueEnum};
use hessian::grammar::{Dialect, Draft, Final, One, Tutorial};
use hessian::rpc::{Form, MAX_ARGUMENTS};
use hessian::{Graph, StreamEncoder, json};
use std::fs::File;
use std::io::Write as _;
use std::path::PathBuf;

pub(super) const EXAMPLES: &str = r#"Examples:
  echo '{"$class":"example.Tick","price":1.5}' | hessian encode --hex
  hessian encode --framing ws ticks.jsonl --out ticks.bin       a stream: a packet for each document
  echo '2 {"$long":"3"}' | hessian encode --call add | curl -s --data-binary @- http://localhost/api
  hessian json value.bin | hessian encode | cmp - value.bin     there and back

The input are JSON documents, with or without line breaks between them, as `hessian json` writes
them; any other JSON will do. Whole numbers become ints where they fit, else longs; numbers with a
point or an exponent become doubles."#;

#[derive(Debug, Args)]
pub(super) struct EncodeOptions {
    /// The file of JSON; standard input without one and for `-`
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    /// Packets of this framing, one for each document; without it values one after the other
    #[arg(long)]
    framing: Option<FramingName>,
    /// A call of this method, whose arguments are the documents
    #[arg(long, value_name = "METHOD", conflicts_with = "framing")]
    call: Option<String>,
    /// A reply, whose value is the one document
    #[arg(long, conflicts_with_all = ["framing", "call"])]
    reply: bool,
    /// The call or reply is one of Hessian 1
    #[arg(long)]
    hessian1: bool,
    /// The grammar of values and packets
    #[arg(long, default_value = "final", conflicts_with_all = ["call", "reply", "hessian1"])]
    grammar: DialectName,
    /// Writes hexadecimal digits
    #[arg(long, short = 'x')]
    hex: bool,
    /// Writes base64
    #[arg(long, conflicts_with = "hex")]
    base64: bool,
    /// Writes to this file instead of standard output
    #[arg(long, short, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Writes bytes to a terminal
    #[arg(long, short)]
    force: bool,
    #[command(flatten)]
    limits: LimitOptions,
}

/// The grammar in which values are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum DialectName {
    /// Hessian 2.0, as Java 4 writes it
    Final,
    /// The draft of 2007-2008: Java 3.1-3.2
    Draft,
    /// The draft as the Flash client of the streaming tutorial reads it: what it misreads is refused
    Tutorial,
    /// Hessian 1
    One,
}

/// Where the bytes go.
enum Sink {
    File(File, PathBuf),
    Bytes(Output),
    Hex(Output),
    /// With what is no group of three yet.
    Base64(Output, Vec<u8>),
}

impl Sink {
    fn open(options: &EncodeOptions) -> Outcome<Self> {
        if let Some(path) = &options.out {
            let file = File::create(path)
                .map_err(|error| Stop::unusable(format_args!("{}: {error}", path.display())))?;
            return Ok(Self::File(file, path.clone()));
        }
        Ok(match (options.hex, options.base64) {
            (true, _) => Self::Hex(Output::new()),
            (_, true) => Self::Base64(Output::new(), Vec::new()),
            _ => {
                output::refuse_terminal(options.force)?;
                Self::Bytes(Output::new())
            }
        })
    }

    fn write(&mut self, bytes: &[u8]) -> Outcome {
        match self {
            Self::File(file, path) => file
                .write_all(bytes)
                .map_err(|error| Stop::unusable(format_args!("{}: {error}", path.display()))),
            Self::Bytes(out) => out.write(bytes),
            Self::Hex(out) => {
                let lines: String = bytes
                    .chunks(32)
                    .map(|line| line.iter().map(|byte| format!("{byte:02x} ")).collect::<String>())
                    .map(|line| format!("{}\n", line.trim_end()))
                    .collect();
                out.write(lines)
            }
            Self::Base64(out, rest) => {
                rest.extend_from_slice(bytes);
                let whole = rest.len() / 3 * 3;
                let text = STANDARD.encode(&rest[..whole]);
                rest.drain(..whole);
                out.write(text)
            }
        }
    }

    fn finish(mut self) -> Outcome {
        match &mut self {
            Self::Base64(out, rest) => out.write(STANDARD.encode(rest) + "\n"),
            _ => Ok(()),
        }
    }
}

pub(super) fn run(options: &EncodeOptions) -> Outcome {
    match options.grammar {
        DialectName::Final => encode::<Final>(options),
        DialectName::Draft => encode::<Draft>(options),
        DialectName::Tutorial => encode::<Tutorial>(options),
        DialectName::One => encode::<One>(options),
    }
}

fn encode<G: Dialect>(options: &EncodeOptions) -> Outcome {
    if options.hessian1 && options.call.is_none() && !options.reply {
        return Err(Stop::unusable(
            "--hessian1 is for --call and --reply; values of Hessian 1: --grammar one",
        ));
    }
    let limits = options.limits.limits();
    let mut sink = Sink::open(options)?;
    let mut input = InputOptions::of(options.file.clone()).open()?;
    let name = input.name().to_owned();
    let mut documents = Documents::default();
    let mut stream = options.framing.map(|framing| StreamEncoder::<G>::new(framing.into()));
    let mut gathered = Vec::new();
    let (mut number, mut bytes) = (0_usize, Vec::new());
    let mut is_whole = false;
    while !is_whole {
        let read = input.read()?;
        is_whole = read.is_empty();
        documents.push(read);
        while let Some(document) = documents.next(is_whole) {
            number += 1;
            let failed = |error: &dyn std::fmt::Display| {
                Stop::failed(format_args!("{name}: document {number}: {error}"))
            };
            let text = std::str::from_utf8(&document).map_err(|error| failed(&error))?;
            let graph = json::from_str_with(text, &limits).map_err(|error| failed(&error))?;
            if options.call.is_some() || options.reply {
                let max = if options.reply { 1 } else { MAX_ARGUMENTS };
                if number > max {
                    return Err(failed(&format_args!("{max} at most were expected")));
                }
                gathered.push(graph);
                continue;
            }
            bytes.clear();
            let done = match &mut stream {
                Some(stream) => stream.encode_graph(&graph, &mut bytes),
                None => graph.encode_to::<G>(&mut bytes),
            };
            done.map_err(|error| failed(&error))?;
            sink.write(&bytes)?;
        }
        if documents.len() as u64 > limits.max_packet {
            return Err(Stop::failed(format_args!(
                "{name}: document {}: longer than max_packet = {} bytes, which have to be in memory at once",
                number + 1,
                limits.max_packet
            )));
        }
    }
    if options.call.is_some() || options.reply {
        sink.write(
            &message(options, &gathered).map_err(|error| Stop::failed(format_args!("{name}: {error}")))?,
        )?;
    }
    sink.finish()
}

fn message(options: &EncodeOptions, values: &[Graph<'static>]) -> hessian::Result<Vec<u8>> {
    let form = if options.hessian1 { Form::One } else { Form::Two };
    let mut bytes = Vec::new();
    match &options.call {
        Some(method) => hessian::rpc::write_call(form, method, &values, &mut bytes)?,
        None => hessian::rpc::write_reply(form, &values.first(), &mut bytes)?,
    }
    Ok(bytes)
}
