//! `hessian listen`: the packets of a stream, over as many connections as they take.

use super::json::Style;
use super::options::{FramingName, GrammarName, LimitOptions, in_grammar};
use super::output::{self, Output};
use super::remote::{RequestOptions, block_on, ended, seconds, without_password};
use super::stop::{Outcome, Stop, tell};
use clap::Args;
use hessian::client::listen;
use hessian::client::stream::{Connected, Event, Listener, Packet, Position};
use hessian::dump::{Dump, Follow};
use hessian::grammar::Grammar;
use hessian::packet::Framing;
use std::cell::Cell;
use std::time::Duration;

pub(super) const EXAMPLES: &str = "\
Examples:
  hessian listen http://localhost:8080/comet                 a line of JSON for each packet, until Ctrl-C
  hessian listen http://localhost:8080/comet --count 3 | jq .
  hessian listen http://localhost:8080/comet --since 19a4f3c2b10:42   what came after a place too
  hessian listen tcp://localhost:7000 --framing p --grammar draft --dump
  hessian listen http://localhost:8080/comet --raw > stream.bin

Lost connections are made again, and go on where the server offers it: what became of the stream
meanwhile (complete, a gap, a new epoch) is told on stderr, and at the end the place to go on from
with --since. Ends with code 0 after --count packets, when the server ends a stream that is not made
again (--no-reconnect, --raw), and when nobody reads the output any more, which is noticed at the
next packet; with 130 by Ctrl-C.";

#[derive(Debug, Args)]
pub(super) struct ListenOptions {
    /// Where the stream is: http://HOST:PORT/PATH, https:, or without HTTP tcp://HOST:PORT, tls:
    url: String,
    /// Goes on after this place, EPOCH:SEQUENCE, as an earlier run has told it at its end
    #[arg(long, value_name = "POSITION")]
    since: Option<Position>,
    /// How packets are cut into frames; told by the first byte without it
    #[arg(long)]
    framing: Option<FramingName>,
    /// The grammar of the values
    #[arg(long, default_value = "final")]
    grammar: GrammarName,
    #[command(flatten)]
    request: RequestOptions,
    /// Ends after so many packets
    #[arg(long, short = 'n', value_name = "NUMBER", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
    /// Explains the packets as `hessian dump` does, each with a frame of its own
    #[arg(long)]
    dump: bool,
    /// Writes the packets as bytes, each with a frame of its own; one connection: another one defines its classes anew
    #[arg(long, conflicts_with = "dump")]
    raw: bool,
    /// With --raw: writes bytes to a terminal
    #[arg(long, short)]
    force: bool,
    /// Ends with the connection
    #[arg(long)]
    no_reconnect: bool,
    /// Waits for a server that does not answer yet
    #[arg(long, conflicts_with = "no_reconnect")]
    wait: bool,
    /// After what silence a connection is taken for dead, in seconds; else as the server promises, or 300
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    silence: Option<Duration>,
    /// Tells nothing about connections
    #[arg(long, short)]
    quiet: bool,
    #[command(flatten)]
    limits: LimitOptions,
}

pub(super) fn run(options: &ListenOptions) -> Outcome {
    if options.raw {
        output::refuse_terminal(options.force)?;
    }
    in_grammar!(options.grammar, listen_in(options))
}

fn listen_in<G: Grammar>(options: &ListenOptions) -> Outcome {
    let mut listen = listen(options.url.as_str())
        .limits(options.limits.limits())
        .reconnect(!options.no_reconnect && !options.raw)
        .wait_for_server(options.wait);
    if let Some(since) = options.since {
        listen = listen.since(since);
    }
    if let Some(framing) = options.framing {
        listen = listen.framing(framing.into());
    }
    if let Some(silence) = options.silence {
        listen = listen.silence(silence);
    }
    for (name, value) in options.request.fields() {
        listen = listen.header(name, value);
    }
    if let Some((user, password)) = options.request.user() {
        listen = listen.basic_auth(user, password);
    }
    if let Some(token) = options.request.bearer() {
        listen = listen.bearer(token);
    }
    let mut listener = listen.open_in::<G>().map_err(|error| ended(&options.url, &error))?;
    let place = Cell::new(options.since);
    let outcome = block_on(async {
        tokio::select! {
            // Packets that are there do not keep a person from ending it.
            biased;
            interrupted = tokio::signal::ctrl_c() => match interrupted {
                Ok(()) => Err(Stop::interrupted()),
                Err(error) => Err(Stop::unusable(format_args!("cannot listen for Ctrl-C: {error}"))),
            },
            done = Listening::new(options, &place).run(&mut listener) => done,
        }
    });
    if let (false, Some(position)) = (options.quiet, place.get()) {
        tell(format_args!("--since {position} goes on from here"));
    }
    outcome
}

struct Listening<'o, G> {
    options: &'o ListenOptions,
    /// After the last packet that was written.
    place: &'o Cell<Option<Position>>,
    out: Output,
    style: Style,
    dump: Dump<G>,
    /// The dump of this connection.
    follow: Follow<G>,
}

impl<'o, G: Grammar> Listening<'o, G> {
    fn new(options: &'o ListenOptions, place: &'o Cell<Option<Position>>) -> Self {
        let limits = options.limits.limits();
        let dump = Dump::new().max_lines(usize::MAX).limits(limits).marks(output::marks());
        let follow = dump.follow_packets(Some(Framing::Ws));
        Self { options, place, out: Output::new(), style: Style { pretty: false, limits }, dump, follow }
    }

    async fn run(mut self, listener: &mut Listener<G>) -> Outcome {
        let mut left = self.options.count.unwrap_or(u64::MAX);
        while let Some(event) = listener.next().await {
            match event.map_err(|error| ended(&self.options.url, &error))? {
                Event::Connected(connected) => self.connected(&connected, listener),
                Event::Packet(packet) => {
                    self.packet(&packet, listener)?;
                    self.place.set(packet.position());
                    left -= 1;
                    if left == 0 {
                        return Ok(());
                    }
                }
                Event::Heartbeat => self.heartbeat(listener)?,
                Event::Reconnecting { why, after, .. } => {
                    self.note(format_args!("{why}; another connection in {:.1} s", after.as_secs_f64()));
                }
                _ => {}
            }
        }
        self.note("the server has ended the stream");
        Ok(())
    }

    fn note(&self, what: impl std::fmt::Display) {
        if !self.options.quiet {
            tell(format_args!("{}: {what}", without_password(&self.options.url)));
        }
    }

    fn connected(&mut self, connected: &Connected, listener: &Listener<G>) {
        // Another connection defines its classes anew.
        self.follow = self.dump.follow_packets(Some(framing(listener)));
        let mut what = format!("connected ({})", connected.verdict);
        if let Some(position) = connected.position {
            self.place.set(Some(position));
            what += &format!(", at {position}");
        }
        if let Some(heartbeat) = connected.heartbeat {
            what += &format!(", heartbeat {:.1} s", heartbeat.as_secs_f64());
        }
        self.note(what);
    }

    fn packet(&mut self, packet: &Packet, listener: &mut Listener<G>) -> Outcome {
        if self.options.raw || self.options.dump {
            let mut framed = Vec::with_capacity(packet.data().len() + 8);
            framing(listener).frame(&[packet.data()], &mut framed);
            return self.bytes(&framed, listener);
        }
        let text = listener.graph(packet).and_then(|graph| self.style.document(&graph));
        let text = text.map_err(|error| {
            Stop::unreachable(format_args!("{}: a packet: {error}", without_password(&self.options.url)))
        })?;
        self.out.write(text)
    }

    fn heartbeat(&mut self, listener: &Listener<G>) -> Outcome {
        if self.options.raw || self.options.dump {
            return self.bytes(framing(listener).heartbeat(), listener);
        }
        Ok(())
    }

    /// Bytes of a packet in its frame.
    fn bytes(&mut self, bytes: &[u8], listener: &Listener<G>) -> Outcome {
        if self.options.raw {
            return self.out.write(bytes);
        }
        if self.follow.packets() == 0 {
            // The framing is known by the first packet.
            self.follow = self.dump.follow_packets(Some(framing(listener)));
        }
        let mut text = String::new();
        // A String takes everything.
        let _ = self.follow.push(bytes, &mut text);
        self.out.write(text)?;
        match self.follow.failure() {
            Some(failure) => {
                Err(Stop::unreachable(format_args!("{}: {failure}", without_password(&self.options.url))))
            }
            None => Ok(()),
        }
    }
}

fn framing<G: Grammar>(listener: &Listener<G>) -> Framing {
    listener.framing().unwrap_or_default()
}
