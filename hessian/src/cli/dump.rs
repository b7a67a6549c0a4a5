//! `hessian dump`: bytes explained.

use super::input::{Input, InputOptions};
use super::options::{FramingName, GrammarName, LimitOptions, in_grammar};
use super::output::{self, Output};
use super::stop::{Outcome, Stop, tell};
use clap::{Args, ValueEnum};
use hessian::Limits;
use hessian::dump::{Dump, Failure, Follow, Kind};
use hessian::envelope::{DEFLATION, Envelope};
use hessian::grammar::Grammar;
use hessian::packet::Framing;

/// Envelopes in each other that are opened.
const MAX_ENVELOPES: usize = 8;

pub(super) const EXAMPLES: &str = "\
Examples:
  hessian dump packets.bin                            what it is is told by its first bytes
  curl -sN http://localhost:8080/comet | hessian dump  each packet as it arrives
  hessian dump --hex <<< '48 02 00 52 91'             bytes pasted from a log
  hessian dump --base64 --as values body.txt          a body as text, told what it is
  hessian dump --as packets --framing p old.bin       a stream of 2008

A line has the offset, the bytes (the first eight), the opcode where it is a letter, and what they
mean. What is malformed is shown up to the place of the failure; the exit code is 1 then.";

#[derive(Debug, Args)]
pub(super) struct DumpOptions {
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
    /// Characters of each string that are shown
    #[arg(long, value_name = "NUMBER", default_value_t = 60)]
    max_text: usize,
    /// Stops after so many lines
    #[arg(long, value_name = "NUMBER")]
    max_lines: Option<usize>,
    #[command(flatten)]
    limits: LimitOptions,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum KindName {
    /// Values one after the other
    Values,
    /// A stream of packets
    Packets,
    /// A call, a reply or a fault of Hessian 2 or Hessian 1
    #[value(alias = "call", alias = "reply")]
    Rpc,
    /// A message in an envelope: a compressed one is opened
    Envelope,
}

/// What bytes are, and how packets of them are framed.
#[derive(Debug, Clone, Copy)]
pub(super) enum Chosen {
    Values,
    Packets(Option<Framing>),
    Message,
}

/// What the person has told, or what the first bytes tell: these are appended to `bytes`. True if it was told by bytes.
pub(super) fn choose<G: Grammar>(
    kind: Option<KindName>,
    framing: Option<FramingName>,
    dump: &Dump<G>,
    input: &mut Input,
    bytes: &mut Vec<u8>,
) -> Outcome<(Chosen, bool)> {
    match (kind, framing) {
        (Some(KindName::Values), _) => return Ok((Chosen::Values, false)),
        (Some(KindName::Packets), framing) => return Ok((Chosen::Packets(framing.map(Into::into)), false)),
        (Some(KindName::Rpc | KindName::Envelope), _) => return Ok((Chosen::Message, false)),
        (None, Some(framing)) => return Ok((Chosen::Packets(Some(framing.into())), false)),
        (None, None) => {}
    }
    let mut is_whole = false;
    loop {
        match dump.recognise(bytes, is_whole) {
            Some(Kind::Packets(framing)) => return Ok((Chosen::Packets(Some(framing)), true)),
            Some(Kind::Message) => return Ok((Chosen::Message, true)),
            Some(_) => return Ok((Chosen::Values, true)),
            None => {
                let read = input.read()?;
                is_whole = read.is_empty();
                bytes.extend_from_slice(read);
            }
        }
    }
}

impl Chosen {
    /// What to call it.
    fn name(self) -> &'static str {
        match self {
            Self::Values => "values",
            Self::Packets(Some(Framing::Ws)) => "packets of the ws framing",
            Self::Packets(Some(Framing::P)) => "packets of the p framing",
            Self::Packets(Some(Framing::Varint)) => "packets of the varint framing",
            Self::Packets(Some(Framing::Marked)) => "packets of the marked framing",
            Self::Packets(_) => "packets",
            Self::Message => "a message",
        }
    }

    /// The end of a message about a failure: how to say what the bytes are.
    pub(super) fn hint(self, was_recognised: bool) -> String {
        // The head of a message is like nothing else.
        if !was_recognised || matches!(self, Self::Message) {
            return String::new();
        }
        format!(" (read as {}, by how it begins; --as and --framing tell otherwise)", self.name())
    }
}

pub(super) fn run(options: &DumpOptions) -> Outcome {
    in_grammar!(options.grammar, dump(options))
}

fn dump<G: Grammar>(options: &DumpOptions) -> Outcome {
    let limits = options.limits.limits();
    let dump = Dump::<G>::new()
        .max_text(options.max_text)
        .max_lines(options.max_lines.unwrap_or(usize::MAX))
        .limits(limits)
        .marks(output::marks());
    let mut input = options.input.open()?;
    let mut first = Vec::new();
    let (chosen, was_recognised) = choose(options.kind, options.framing, &dump, &mut input, &mut first)?;
    let mut out = Output::new();
    let failure = match chosen {
        Chosen::Values => follow(dump.follow_values(), &first, &mut input, &mut out)?,
        Chosen::Packets(framing) => follow(dump.follow_packets(framing), &first, &mut input, &mut out)?,
        Chosen::Message => {
            input.read_rest(&mut first, limits.max_packet, "max_packet")?;
            message(&dump, &limits, first, &mut out)?
        }
    };
    match failure {
        None => Ok(()),
        Some(failure) => {
            let hint = chosen.hint(was_recognised);
            Err(Stop::failed(format_args!("{}: {failure}{hint}", input.name())))
        }
    }
}

/// Shows what arrives as it arrives.
fn follow<G: Grammar>(
    mut follow: Follow<G>,
    first: &[u8],
    input: &mut Input,
    out: &mut Output,
) -> Outcome<Option<Failure>> {
    let mut text = String::new();
    // A String takes everything.
    let _ = follow.push(first, &mut text);
    let mut is_empty = first.is_empty();
    while !follow.is_over() {
        out.write(&text)?;
        text.clear();
        let bytes = input.read()?;
        if bytes.is_empty() {
            let _ = follow.finish(&mut text);
            break;
        }
        is_empty = false;
        let _ = follow.push(bytes, &mut text);
    }
    out.write(&text)?;
    if is_empty {
        tell(format_args!("{}: nothing to show, not a byte", input.name()));
    }
    Ok(follow.failure().cloned())
}

/// Shows a message, and the ones in its envelopes.
fn message<G: Grammar>(
    dump: &Dump<G>,
    limits: &Limits,
    mut bytes: Vec<u8>,
    out: &mut Output,
) -> Outcome<Option<Failure>> {
    for _ in 0..MAX_ENVELOPES {
        let mut text = String::new();
        let failure = dump.write_rpc(&bytes, &mut text).unwrap_or_default();
        out.write(&text)?;
        if failure.is_some() {
            return Ok(failure);
        }
        let inside = match Envelope::parse(&bytes, limits) {
            Ok((envelope, _)) if envelope.method() == DEFLATION => envelope.inflate(limits),
            _ => return Ok(None),
        };
        bytes = match inside {
            Ok(inside) => inside,
            Err(error) => return Err(Stop::failed(format_args!("the envelope cannot be opened: {error}"))),
        };
        out.write(format!("\nin the envelope, {} bytes:\n\n", bytes.len()))?;
        if !matches!(dump.recognise(&bytes, true), Some(Kind::Message)) {
            let mut text = String::new();
            let mut follow = dump.follow_values();
            let _ = follow.push(&bytes, &mut text).and_then(|()| follow.finish(&mut text));
            out.write(&text)?;
            return Ok(follow.failure().cloned());
        }
    }
    Err(Stop::failed(format_args!("more than {MAX_ENVELOPES} envelopes in each other")))
}
