//! Listens to a Hessian stream and prints each object as it comes, as a Rust struct and without one.
//!
//! Start the demo, `cargo run --release -p push-server -- demo`, and then
//! `cargo run --release -p examples --example listen -- http://127.0.0.1:8080/comet`.

use std::io::Write;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context, bail};
use futures_util::{StreamExt, TryStreamExt};
use hessian::packet::Packet;
use hessian::{Graph, Limits, PacketCodec, ValueDecoder};
use http_body_util::{BodyExt, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::{Request, Response, Uri, header};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use tokio::net::TcpStream;
use tokio_util::codec::FramedRead;
use tokio_util::io::StreamReader;

/// The tutorial's object. The text is borrowed from the packet it came in.
#[derive(Debug, Deserialize)]
#[serde(rename = "example.AddString")]
struct AddString<'a> {
    value: &'a str,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match listen().await {
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

async fn listen() -> anyhow::Result<()> {
    let Some(url) = std::env::args().nth(1) else {
        bail!("usage: listen URL, for instance http://127.0.0.1:8080/comet");
    };
    let response = get(&url).await.with_context(|| format!("cannot open {url}"))?;

    // Every bound has a default; this stream's packets are small.
    let mut limits = Limits::default();
    limits.max_packet = 1 << 20;

    // HTTP gives bytes in pieces of any size; the codec makes packets of them, whatever their framing.
    let body = response.into_body().into_data_stream().map_err(std::io::Error::other);
    let mut packets = FramedRead::new(StreamReader::new(body), PacketCodec::recognising(&limits));

    // Classes are defined once in a stream and then numbered: a decoder lives as long as the stream.
    let mut typed = <ValueDecoder>::new(limits);
    let mut generic = <ValueDecoder>::new(limits);
    let mut out = std::io::stdout();
    let start = Instant::now();
    while let Some(packet) = packets.next().await {
        let at = start.elapsed().as_secs_f64();
        match packet? {
            Packet::Heartbeat => writeln!(out, "{at:7.3} s  heartbeat")?,
            Packet::Data(data) => {
                match typed.decode::<AddString<'_>>(&data) {
                    Ok(AddString { value }) => {
                        writeln!(out, "{at:7.3} s  AddString {{ value: {value:?} }}")?;
                    }
                    Err(error) => writeln!(out, "{at:7.3} s  not an AddString: {error}")?,
                }
                writeln!(out, "{:10}{}", "", describe(&generic.graph(&data)?))?;
            }
        }
    }
    writeln!(out, "{:7.3} s  the stream has ended", start.elapsed().as_secs_f64())?;
    Ok(())
}

/// Class and fields of an object of which the program knows nothing.
fn describe(graph: &Graph<'_>) -> String {
    let root = graph.root();
    let fields: Vec<_> = root.fields().map(|(name, value)| format!("{name} = {:?}", value.value())).collect();
    format!("{}: {}", root.type_name().unwrap_or("a value without a class"), fields.join(", "))
}

async fn get(url: &str) -> anyhow::Result<Response<Incoming>> {
    let uri: Uri = url.parse()?;
    if uri.scheme_str() != Some("http") {
        bail!("only http:// here");
    }
    let host = uri.host().context("no host")?;
    let stream = TcpStream::connect((host, uri.port_u16().unwrap_or(80))).await?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let authority = uri.authority().context("no host")?.as_str();
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let request = Request::get(path).header(header::HOST, authority).body(Empty::<Bytes>::new())?;
    let response = sender.send_request(request).await?;
    if !response.status().is_success() {
        bail!("the server answers {}", response.status());
    }
    let content_type = response.headers().get(header::CONTENT_TYPE);
    let content_type = content_type.map_or("of no type", |value| value.to_str().unwrap_or("of an odd type"));
    if !content_type.contains("hessian") {
        bail!("it is {content_type}, not a Hessian stream");
    }
    Ok(response)
}
