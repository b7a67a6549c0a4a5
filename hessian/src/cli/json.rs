//! `hessian json`: Hessian as JSON.

use super::dump::{Chosen, KindName, choose};
use super::input::{Input, InputOptions};
use super::options::{FramingName, GrammarName, LimitOptions, in_grammar};
use super::output::{self, Output};
use super::stop::{Outcome, Stop};
use clap::Args;
use hessian::dump::Dump;
use hessian::envelope::{DEFLATION, Envelope};
use hessian::grammar::Grammar;
use hessian::packet::{Framing, Packet};
use hessian::rpc::{Call, Reply};
use hessian::{Graph, Limits, StreamDecoder, ValueDecoder, View, json};
use std::fmt::Display;

pub(super) const EXAMPLES: &str = r#"Examples:
  hessian json value.bin                                  a value, on a terminal in several lines
  curl -sN http://localhost:8080/comet | hessian json | jq .   each packet as it arrives
  hessian json --hex <<< '48 02 00 43 03 61 64 64 91 92'  a call: {"call":"add","arguments":[2]}
  hessian json value.bin | hessian encode | cmp - value.bin   and back

Nothing is lost: what JSON has not is an object whose first key begins with `$`:
{"$class":"example.Tick","price":1.5}, {"$long":"5"}, {"$date":894621091000}, {"$binary":"AQI="},
{"$type":"[int","$list":[1,2]}, {"$ref":0} for what has the "$id":0, {"$roots":[1,2]} for several
values in one. A call is {"call":…,"arguments":[…]}, a reply {"reply":…}, a fault {"fault":{…}};
envelopes are opened. Heartbeats are left out."#;

#[derive(Debug, Args)]
pub(super) struct JsonOptions {
    #[command(flatten)]
    input: InputOptions,
    /// What the bytes are; told by how they begin without it
    #[arg(long = "as", value_name = "KIND")]
    kind: Option<KindName>,
    /// How packets are cut into frames; told by the first byte without it
    #[arg(long)]
    framing: Option<FramingName>,
    /// The grammar of values and packets; messages tell theirs
    #[arg(long, default_value = "final")]
    grammar: GrammarName,
    /// In several lines, indented; so are values on a terminal
    #[arg(long)]
    pretty: bool,
    /// Each document in one line, on a terminal too
    #[arg(long, conflicts_with = "pretty")]
    compact: bool,
    #[command(flatten)]
    limits: LimitOptions,
}

/// How JSON is written.
#[derive(Debug, Clone, Copy)]
pub(super) struct Style {
    pub(super) pretty: bool,
    pub(super) limits: Limits,
}

impl Style {
    /// A graph, with a line break after it.
    pub(super) fn document(&self, graph: &Graph<'_>) -> hessian::Result<String> {
        let mut text = self.text(graph)?;
        text.push('\n');
        Ok(text)
    }

    fn text(&self, graph: &Graph<'_>) -> hessian::Result<String> {
        match self.pretty {
            true => json::to_string_pretty_with(graph, &self.limits),
            false => json::to_string_with(graph, &self.limits),
        }
    }

    fn view(&self, view: View<'_, '_>) -> hessian::Result<String> {
        json::to_string_with(&view.to_graph(), &self.limits)
    }
}

pub(super) fn run(options: &JsonOptions) -> Outcome {
    in_grammar!(options.grammar, convert(options))
}

fn convert<G: Grammar>(options: &JsonOptions) -> Outcome {
    let limits = options.limits.limits();
    let mut input = options.input.open()?;
    let mut first = Vec::new();
    let dump = Dump::<G>::new().limits(limits);
    let (chosen, was_recognised) = choose(options.kind, options.framing, &dump, &mut input, &mut first)?;
    let is_lines = matches!(chosen, Chosen::Packets(_));
    let pretty = options.pretty || !options.compact && !is_lines && output::is_terminal();
    let style = Style { pretty, limits };
    let mut out = Output::new();
    let told = |name: &str, what: String| {
        Stop::failed(format_args!("{name}: {what}{}", chosen.hint(was_recognised)))
    };
    match chosen {
        Chosen::Packets(framing) => packets::<G>(framing, &style, &first, &mut input, &mut out, &told),
        Chosen::Values => {
            input.read_rest(&mut first, limits.max_packet, "max_packet")?;
            let text = values::<G>(&first, &style).map_err(|error| told(input.name(), error.to_string()))?;
            out.write(text)
        }
        Chosen::Message => {
            input.read_rest(&mut first, limits.max_packet, "max_packet")?;
            let text = message(&first, &style).map_err(|error| told(input.name(), error.to_string()))?;
            out.write(text + "\n")
        }
    }
}

fn values<G: Grammar>(bytes: &[u8], style: &Style) -> hessian::Result<String> {
    match bytes {
        [] => Ok(String::new()),
        bytes => style.document(&ValueDecoder::<G>::new(style.limits).graph(bytes)?),
    }
}

/// A line for each packet, as it arrives.
fn packets<G: Grammar>(
    framing: Option<Framing>,
    style: &Style,
    first: &[u8],
    input: &mut Input,
    out: &mut Output,
    told: &dyn Fn(&str, String) -> Stop,
) -> Outcome {
    let mut decoder = StreamDecoder::<G>::new(framing, style.limits);
    decoder.push(first);
    let mut number = 0_u64;
    loop {
        loop {
            let failed = |error: &dyn Display| told(input.name(), format!("packet {number}: {error}"));
            match decoder.next_packet().map_err(|error| failed(&error))? {
                Some(Packet::Data(data)) => {
                    let graph = decoder.graph(&data).map_err(|error| failed(&error))?;
                    out.write(style.document(&graph).map_err(|error| failed(&error))?)?;
                }
                Some(Packet::Heartbeat) => {}
                None => break,
            }
            number += 1;
        }
        let bytes = input.read()?;
        if bytes.is_empty() {
            let end = decoder.finish();
            return end
                .map_err(|_| told(input.name(), format!("packet {number}: cut off: the packet goes on")));
        }
        decoder.push(bytes);
    }
}

/// A call, reply, fault, or what is in an envelope.
fn message(bytes: &[u8], style: &Style) -> hessian::Result<String> {
    let limits = &style.limits;
    match bytes {
        [b'E', ..] | [b'H', _, _, b'E', ..] => {
            let (envelope, _) = Envelope::parse(bytes, limits)?;
            if envelope.method() == DEFLATION {
                // One in the other is what nobody sends: what is inside is a message or a value.
                let inside = envelope.inflate(limits)?;
                return match inside.as_slice() {
                    [b'H', _, _, b'C' | b'R' | b'F', ..] | [b'c' | b'r', 1 | 2, 0, ..] => {
                        message(&inside, style)
                    }
                    inside => {
                        style.text(&Graph::from_slice_with::<hessian::grammar::Final>(inside, *limits)?)
                    }
                };
            }
            let mut sealed = hessian::GraphBuilder::new();
            let map = sealed.map(None);
            sealed.entry(map, "envelope", envelope.method().to_owned());
            sealed.entry(map, "body", envelope.body().to_vec());
            style.text(&sealed.finish(map))
        }
        [b'c', ..] | [b'H', _, _, b'C', ..] => {
            let (call, _) = Call::parse(bytes, limits)?;
            let method = quoted(call.method());
            let names: Vec<_> = call.headers().map(|(name, _)| quoted(name)).collect();
            let values = roots(call.values(), limits)?;
            Ok(match names.as_slice() {
                [] => format!(r#"{{"call":{method},"arguments":{values}}}"#),
                // References lead from the ones to the others: they stay together.
                names => {
                    let names = names.join(",");
                    format!(r#"{{"call":{method},"headers":[{names}],"headers_and_arguments":{values}}}"#)
                }
            })
        }
        _ => {
            let (reply, _) = Reply::parse(bytes, limits)?;
            match reply.result() {
                Ok(value) => Ok(format!(r#"{{"reply":{}}}"#, style.view(value)?)),
                Err(fault) => {
                    let entries: Vec<_> = fault
                        .entries()
                        .map(|(key, value)| {
                            let key = key.as_str().map_or_else(|| style.view(key), |key| Ok(quoted(key)))?;
                            Ok(format!("{key}:{}", style.view(value)?))
                        })
                        .collect::<hessian::Result<_>>()?;
                    Ok(format!(r#"{{"fault":{{{}}}}}"#, entries.join(",")))
                }
            }
        }
    }
}

/// The values of a graph as a JSON list.
fn roots(graph: &Graph<'_>, limits: &Limits) -> hessian::Result<String> {
    let text = json::to_string_with(graph, limits)?;
    if graph.roots().len() == 1 {
        return Ok(format!("[{text}]"));
    }
    Ok(text.strip_prefix(r#"{"$roots":"#).and_then(|text| text.strip_suffix('}')).unwrap_or(&text).to_owned())
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
