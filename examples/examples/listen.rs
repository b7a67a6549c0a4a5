//! Listens to a Hessian stream and prints each object as it comes, as a Rust struct and without one; and what becomes
//! of the connection: end the server and start it anew.
//!
//! Start the demo, `cargo run --release -p push-server -- demo`, and then
//! `cargo run --release -p examples --example listen -- http://127.0.0.1:8080/comet`.

use std::io::Write;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::bail;
use hessian::client::stream::{Event, listen};
use hessian::{Graph, Limits};
use serde::Deserialize;

/// The tutorial's object. The text is borrowed from the packet it came in.
#[derive(Debug, Deserialize)]
#[serde(rename = "example.AddString")]
struct AddString<'a> {
    value: &'a str,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever read the lines has seen enough, like `head`.
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("listen: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<std::io::Error>().is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
}

async fn run() -> anyhow::Result<()> {
    let Some(url) = std::env::args().nth(1) else {
        bail!("usage: listen URL, for instance http://127.0.0.1:8080/comet");
    };
    // Every bound has a default; this stream's packets are small.
    let mut limits = Limits::default();
    limits.max_packet = 1 << 20;
    let mut listener = listen(url).limits(limits).open()?;
    let mut out = std::io::stdout();
    let start = Instant::now();
    while let Some(event) = listener.next().await {
        let at = start.elapsed().as_secs_f64();
        match event? {
            Event::Connected(connected) => writeln!(out, "{at:7.3} s  connected: {}", connected.verdict)?,
            Event::Heartbeat => writeln!(out, "{at:7.3} s  heartbeat")?,
            Event::Packet(packet) => {
                match listener.decode::<AddString<'_>>(&packet) {
                    Ok(AddString { value }) => {
                        writeln!(out, "{at:7.3} s  AddString {{ value: {value:?} }}")?;
                    }
                    Err(error) => writeln!(out, "{at:7.3} s  not an AddString: {error}")?,
                }
                writeln!(out, "{:10}{}", "", describe(&listener.graph(&packet)?))?;
            }
            Event::Reconnecting { why, after, .. } => {
                writeln!(out, "{at:7.3} s  {why}; the next one in {after:.1?}")?;
            }
            _ => {}
        }
    }
    writeln!(out, "{:7.3} s  the stream is over", start.elapsed().as_secs_f64())?;
    Ok(())
}

/// Class and fields of an object of which the program knows nothing.
fn describe(graph: &Graph<'_>) -> String {
    let root = graph.root();
    let fields: Vec<_> = root.fields().map(|(name, value)| format!("{name} = {:?}", value.value())).collect();
    format!("{}: {}", root.type_name().unwrap_or("a value without a class"), fields.join(", "))
}
