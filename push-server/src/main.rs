//! The `push-server` binary: reads the world (arguments, signals, the clock) and hands values to the library.

use std::convert::Infallible;
use std::future::pending;
use std::io::{self, Write as _, stderr, stdout};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::process::ExitCode;

use anyhow::Context as _;
use axum::routing::get;
use axum::{Extension, Router};
use clap::builder::FalseyValueParser;
use clap::{Args, Parser, Subcommand};
use http::{Uri, header};
use policy_server::{ListenConfig, PolicyFile, Responder};
use push_server::web::{self, Access, Origins};
use push_server::{Epoch, Hub, Limits, PublishError, Server, demo};
use tokio::net::{TcpListener, lookup_host};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;
use tracing_subscriber::EnvFilter;

/// Streams values to many clients as they become available: Hessian packets, script tags, server-sent events, JSON.
#[derive(Parser)]
#[command(version, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serves streams to whoever reads them, and publishes what is posted; a stream is opened by its first use.
    Serve(Listen),
    /// Serves the streaming tutorial's demo: a line of Latin every two seconds, in every form.
    Demo(Listen),
}

#[derive(Args)]
struct Listen {
    /// Address or name, and port, to listen on: 0.0.0.0:8080, [::]:8080, localhost:8080; port 0 lets the
    /// system choose.
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:8080")]
    listen: String,

    /// No Ruffle bridge: whoever reaches /ruffle reaches all of this port, past the rules of a proxy in front of it.
    #[arg(long, env = "PUSH_SERVER_NO_BRIDGE", value_parser = FalseyValueParser::new())]
    no_bridge: bool,

    /// Pages that may open WebSockets and bridges here beside those of this host, as browsers write it:
    /// https://www.example.com, http://localhost:3000. No wildcards. Several times, or separated by commas.
    #[arg(long = "origin", env = "PUSH_SERVER_ORIGIN", value_name = "SCHEME://HOST[:PORT]", value_delimiter = ',',
          value_parser = origin)]
    origins: Vec<String>,
}

impl Listen {
    fn limits(&self) -> Limits {
        let mut limits = Limits::default();
        if self.no_bridge {
            limits.bridges = 0;
        }
        limits
    }

    fn origins(&self) -> Origins {
        let named = self.origins.iter().filter(|origin| !origin.is_empty());
        named.fold(Origins::same_host(), |origins, origin| origins.and(origin))
    }
}

/// An origin as browsers send it (RFC 6454, section 6.2): what is written otherwise would never match. Nothing between
/// commas, as in a variable that is set to nothing, is none.
fn origin(text: &str) -> Result<String, &'static str> {
    const WHOLE: &str =
        "an origin is scheme://host or scheme://host:port, without a path or a slash at the end";
    let text = text.trim();
    if text.is_empty() {
        return Ok(String::new());
    }
    let uri = text.parse::<Uri>().map_err(|_| WHOLE)?;
    let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else { return Err(WHOLE) };
    let host = authority.host();
    let is_whole = match authority.port_u16() {
        None => format!("{scheme}://{host}").eq_ignore_ascii_case(text),
        Some(port) => format!("{scheme}://{host}:{port}").eq_ignore_ascii_case(text),
    };
    match (scheme, authority.port_u16()) {
        _ if !is_whole => Err(WHOLE),
        _ if host.contains('*') => Err("each origin is named: there are no wildcards"),
        ("ws" | "wss", _) => Err("the origin of a page is http:// or https://, also where it opens ws://"),
        ("http", Some(80)) | ("https", Some(443)) => Err("browsers leave out :80 of http and :443 of https"),
        _ => Ok(text.to_owned()),
    }
}

/// Exit code for what the caller got wrong: arguments (as clap has it), an address that cannot be used.
const USAGE: u8 = 2;

fn main() -> ExitCode {
    let command = Cli::parse().command;
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(stderr).log_internal_errors(false).init();
    // A connection is a descriptor; the soft limit is often 1,024.
    if let Err(error) = rlimit::increase_nofile_limit(u64::MAX) {
        tracing::warn!(%error, "cannot raise the number of open files");
    }
    match run(&command) {
        Ok(code) => code,
        Err(error) => {
            complain(&format!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

/// Tells the user. Who has gone (`| head -1`) or has no room (`> /dev/full`) is not told, and stops nobody:
/// `println!` would panic, and the streams would end without a farewell.
fn say(text: &str) {
    let mut out = stdout();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// Tells the user what went wrong, or nobody.
fn complain(what: &str) {
    let _ = writeln!(stderr(), "push-server: {what}");
}

#[tokio::main]
async fn run(command: &Command) -> anyhow::Result<ExitCode> {
    let (Command::Serve(listening) | Command::Demo(listening)) = command;
    let listener = match listen(&listening.listen).await {
        Ok(listener) => listener,
        Err(error) => {
            complain(&format!("{error}; choose another with --listen HOST:PORT"));
            return Ok(ExitCode::from(USAGE));
        }
    };
    // Before the address is told: who reads it may send a signal at once.
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen for Ctrl-C")?;
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
    let asked_to_end = async || {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    };
    let address = listener.local_addr().context("cannot tell the listening address")?;
    let shards = std::thread::available_parallelism().map_or(1, usize::from);
    let hub = Hub::start(Epoch::now(), listening.limits(), shards);
    let policy = PolicyFile::builder().allow("*", &address.port().to_string()).build()?;
    let origins = Extension(listening.origins());
    match command {
        Command::Demo(_) => {
            let stream = demo::open(&hub)?;
            let router = demo::router(hub.clone(), &stream, policy.to_string()).layer(origins);
            let server = Server::new(hub.clone(), router, Responder::new(&policy));
            say(&demo_welcome(address));
            let lines = async move { demo::publish(&stream, demo::PACE).await };
            serve(server, listener, lines, asked_to_end).await?;
        }
        Command::Serve(_) => {
            let help = serve_help(address);
            let router = streams(hub.clone(), policy.to_string(), help.clone()).layer(origins);
            let server = Server::new(hub.clone(), router, Responder::new(&policy));
            say(&format!("push-server: a stream is opened by its first use. Ctrl-C ends it.\n\n{help}\n"));
            serve(server, listener, pending(), asked_to_end).await?;
        }
    }
    say(&format!("Ended after {} streaming connections.\n", hub.stats().opened));
    Ok(ExitCode::SUCCESS)
}

/// Listens on the first of the addresses of `host_port` that can be listened on.
async fn listen(host_port: &str) -> io::Result<TcpListener> {
    let named =
        |error: io::Error| io::Error::new(error.kind(), format!("cannot listen on {host_port}: {error}"));
    let mut problem = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for address in lookup_host(host_port).await.map_err(named)? {
        match ListenConfig::default().bind(address) {
            Ok(listener) => return Ok(listener),
            // This one names the address.
            Err(error) => problem = error,
        }
    }
    Err(problem)
}

/// Serves, with `publisher` at work, until `asked_to_end` returns, and ends in good order; a second time it
/// ends at once.
///
/// # Errors
///
/// When the publisher ended: a server without news is of no use. Every stream is told before. And when not
/// every stream could be told, because the end was cut short.
async fn serve(
    server: Server,
    listener: TcpListener,
    publisher: impl Future<Output = Result<Infallible, PublishError>> + Send + 'static,
    mut asked_to_end: impl AsyncFnMut(),
) -> anyhow::Result<()> {
    let (end, ending) = oneshot::channel::<()>();
    let serving = server.serve(listener, async {
        let _ = ending.await;
    });
    tokio::pin!(serving);
    let mut publisher = tokio::spawn(publisher);
    let result = tokio::select! {
        () = &mut serving => anyhow::bail!("the server ended unasked"),
        () = asked_to_end() => Ok(()),
        ended = &mut publisher => Err(match ended {
            Ok(Err(error)) => error.into(),
            Err(error) => anyhow::Error::from(error),
        }),
    };
    say("\nEnding: telling every stream. Ctrl-C once more ends at once.\n");
    drop(end);
    tokio::select! {
        () = &mut serving => {}
        () = asked_to_end() => anyhow::bail!("ended at once, before every connection was told"),
    }
    publisher.abort();
    result.context("the publisher ended")
}

/// The streams of `hub`, open to everybody, with `crossdomain.xml` and a page of help.
fn streams(hub: Hub, cross_domain: String, help: String) -> Router {
    let cross_domain = ([(header::CONTENT_TYPE, "text/x-cross-domain-policy")], cross_domain);
    Router::new()
        .route("/", get(|| async { help }))
        .route("/crossdomain.xml", get(|| async { cross_domain }))
        .merge(web::router_with(hub, Access::ALL))
}

/// One command for each thing that can be done.
fn serve_help(address: SocketAddr) -> String {
    let (host, port) = (reachable(address), address.port());
    let url = format!("http://{host}/streams/news");
    format!(
        "  Read         curl -sN {url}/sse
  Publish      curl -s -H 'Content-Type: application/json' -d '{{\"text\":\"hello\"}}' {url}/messages
  Poll         curl -s '{url}/longpoll?last=1'
  Hessian      curl -sN {url}/hessian | xxd
  Flash 2008   {url}/hessian?framing=p&grammar=tutorial
  Browser      import {{ connect }} from \"http://{host}/push-client.js\"; connect(\"{url}\")
  Others       {url}/ xhr, multipart, script, poll, ws, ruffle
  Policy       printf '<policy-file-request/>\\0' | nc -q3 {} {port} | xxd
",
        host.ip()
    )
}

/// What is served and one command for each client.
fn demo_welcome(address: SocketAddr) -> String {
    let (host, port) = (reachable(address), address.port());
    let url = format!("http://{host}");
    let nc_host = host.ip();
    let ipv4 = match address.ip() {
        // What `ListenConfig` leaves to the system, which takes IPv4 as well unless it is told otherwise.
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => format!("\n  Over IPv4    http://127.0.0.1:{port}/"),
        _ => String::new(),
    };
    format!(
        "push-server demo: a line of Latin every two seconds. Ctrl-C ends it.

  Browser      {url}/{ipv4}
  Rust         cargo run --release -p examples --example listen -- {url}/comet
  Java         examples/java/run ReadComet {url}/comet 5
  curl         curl -sN {url}/comet | xxd
  HTTP/1.0     curl -sN --http1.0 {url}/comet | xxd
  SSE          curl -sN {url}/comet/sse
  Script tags  curl -sN {url}/comet/script
  Policy       printf '<policy-file-request/>\\0' | nc -q3 {nc_host} {port} | xxd
               curl -s {url}/crossdomain.xml

"
    )
}

/// An address that a client on this machine can use: the unspecified one listens everywhere.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        let loopback = match address {
            SocketAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        };
        address.set_ip(loopback);
    }
    address
}

#[cfg(test)]
mod tests {
    use super::*;
    use push_server::Stream;
    use std::sync::Arc;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::{net::TcpStream, sync::Notify, time::Instant};

    /// A server, its stream, and a client that has sent `request`.
    async fn start(more: Router, request: &str) -> (Server, Stream, TcpListener, TcpStream) {
        let listener = listen("127.0.0.1:0").await.unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        client.write_all(request.as_bytes()).await.unwrap();
        let hub = Hub::start(Epoch::new(1), Limits::default(), 1);
        let stream = demo::open(&hub).unwrap();
        let policy = PolicyFile::builder().allow("*", "1").build().unwrap();
        let router = demo::router(hub.clone(), &stream, String::new()).merge(more);
        (Server::new(hub, router, Responder::new(&policy)), stream, listener, client)
    }

    #[test]
    fn an_origin_is_what_browsers_send_or_is_refused() {
        for good in ["https://www.example.com", "http://localhost:3000", "http://[::1]:81", "app://x"] {
            assert_eq!(origin(&format!(" {good} ")), Ok(good.to_owned()));
        }
        assert_eq!(origin(" "), Ok(String::new()));
        for (bad, says) in [
            ("www.example.com", "scheme://host"),
            ("null", "scheme://host"),
            ("https://example.com/", "slash"),
            ("https://ann@example.com", "scheme://host"),
            ("http://example.com:99999", "scheme://host"),
            ("http://example.com:", "scheme://host"),
            ("https://*.example.com", "wildcards"),
            ("wss://example.com", "https://"),
            ("https://example.com:443", ":443"),
            ("HTTP://example.com:80", ":80"),
        ] {
            let refusal = origin(bad).unwrap_err();
            assert!(refusal.contains(says), "{bad}: {refusal}");
        }
    }

    /// The error comes out, and the readers are told before.
    #[tokio::test]
    async fn a_publisher_that_fails_ends_the_server_with_its_error() {
        let (server, stream, listener, mut client) =
            start(Router::new(), "GET /comet/sse HTTP/1.0\r\n\r\n").await;
        let publisher = async move {
            while stream.readers() == 0 {
                tokio::task::yield_now().await;
            }
            let too_long = "x".repeat(Limits::default().message_bytes);
            stream.publish(&too_long).await?;
            pending().await
        };
        let error = serve(server, listener, publisher, pending).await.unwrap_err();
        let error = format!("{error:#}");
        assert!(error.contains("publisher") && error.contains("message_bytes"), "{error}");
        let mut text = String::new();
        client.read_to_string(&mut text).await.unwrap();
        assert!(text.ends_with("event: rotate\ndata: 1:0\n\n"), "{text}");
    }

    /// A request that is never answered holds the end up for the whole drain time, or until the second Ctrl-C.
    #[tokio::test(start_paused = true)]
    async fn a_second_ctrl_c_ends_at_once() {
        for asks in [1, 2] {
            let under_way = Arc::new(Notify::new());
            let never = {
                let under_way = under_way.clone();
                get(async move || {
                    under_way.notify_one();
                    pending::<()>().await;
                })
            };
            let more = Router::new().route("/never", never);
            let (server, _, listener, _client) = start(more, "GET /never HTTP/1.0\r\n\r\n").await;
            let mut asked = 0;
            let asked_to_end = async || {
                asked += 1;
                match asked {
                    1 => under_way.notified().await,
                    _ if asks == 1 => pending().await,
                    _ => {}
                }
            };
            let begin = Instant::now();
            let result = serve(server, listener, pending(), asked_to_end).await;
            let (took, drain) = (begin.elapsed(), Limits::default().drain);
            if asks == 1 {
                assert!(result.is_ok() && took >= drain, "{result:?} after {took:?}");
            } else {
                assert!(result.unwrap_err().to_string().contains("at once"));
                assert!(took < drain, "{took:?}");
            }
        }
    }

    #[test]
    fn origins_are_written_as_browsers_do() {
        let parse = |arguments: &[&str]| match Cli::try_parse_from(arguments)?.command {
            Command::Serve(listen) | Command::Demo(listen) => Ok::<_, clap::Error>(listen),
        };
        let listen = parse(&[
            "x",
            "serve",
            "--origin",
            "https://a.example,http://b.example:81",
            "--origin",
            "http://[::1]:3000",
        ]);
        let expected = Origins::same_host().and("https://a.example").and("http://b.example:81");
        assert_eq!(listen.unwrap().origins(), expected.and("http://[::1]:3000"));
        for wrong in
            ["a.example", "https://a.example/", "https://a.example/x", "https://u@a.example", "null", "*"]
        {
            let error = parse(&["x", "serve", "--origin", wrong]).err().expect(wrong).to_string();
            assert!(error.contains("scheme://host"), "{error}");
        }
        assert_eq!(parse(&["x", "demo", "--no-bridge"]).unwrap().limits().bridges, 0);
        assert_eq!(parse(&["x", "demo"]).unwrap().limits().bridges, Limits::default().bridges);
    }

    #[test]
    fn an_address_is_told_that_a_client_can_use() {
        for (address, url) in [
            ("127.0.0.1:80", "http://127.0.0.1:80/"),
            ("0.0.0.0:8080", "http://127.0.0.1:8080/"),
            ("[::1]:8080", "http://[::1]:8080/"),
            ("[::]:8080", "http://[::1]:8080/"),
        ] {
            let text = demo_welcome(address.parse().unwrap());
            assert!(text.contains(&format!("Browser      {url}\n")), "{text}");
        }
        let both = demo_welcome("[::]:8080".parse().unwrap());
        assert!(both.contains("http://127.0.0.1:8080/\n"), "{both}");
        assert!(!demo_welcome("[::1]:8080".parse().unwrap()).contains("127.0.0.1"));
    }
}
