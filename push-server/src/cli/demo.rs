//! `push-server demo`.

use std::convert::Infallible;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use axum::Extension;
use clap::Args;
use policy_server::service::{Address, Passed};
use policy_server::{PolicyFile, Responder};
use push_server::web::Origins;
use push_server::{Epoch, Hub, Limits, PublishError, Server, demo};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use super::{Misuse, address, origin, raise_descriptors, reachable, say};
use crate::operate::{logs, ports, signals::Stops};

/// Serves the streaming tutorial's demo: a line of Latin every two seconds, in every form
#[derive(Args)]
pub(crate) struct DemoArgs {
    /// Address or name, and port, to listen on: 0.0.0.0:8080, [::]:8080, localhost:8080; port 0 lets the
    /// system choose
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:8080", value_parser = address)]
    listen: Address,

    /// No Ruffle bridge: whoever reaches /ruffle reaches all of this port, past the rules of a proxy in front of it
    #[arg(long)]
    no_bridge: bool,

    /// Pages that may open WebSockets and bridges here beside those of this host, as browsers write it:
    /// https://www.example.com, http://localhost:3000. Several times, or separated by commas
    #[arg(long = "origin", value_name = "SCHEME://HOST[:PORT]", value_delimiter = ',', value_parser = origin)]
    origins: Vec<String>,
}

pub(crate) fn run(args: &DemoArgs) -> anyhow::Result<ExitCode> {
    logs::start_quiet()?;
    raise_descriptors();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("cannot start")?;
    runtime.block_on(start(args))
}

async fn start(args: &DemoArgs) -> anyhow::Result<ExitCode> {
    let listener = ports::listen(&args.listen, &mut Passed::from_env())
        .map_err(|error| Misuse::from(format!("{error}; choose another with --listen HOST:PORT")))?;
    // Before the address is told: who reads it may send a signal at once.
    let mut stops = Stops::listen()?;
    let address = listener[0].local_addr().context("cannot tell the listening address")?;
    let listener = TcpListener::from_std(listener.into_iter().next().context("no port")?)?;
    let shards = std::thread::available_parallelism().map_or(1, usize::from);
    let mut limits = Limits::default();
    if args.no_bridge {
        limits.bridges = 0;
    }
    let hub = Hub::start(Epoch::now(), limits, shards);
    let policy = PolicyFile::builder().allow("*", &address.port().to_string()).build()?;
    let origins = args.origins.iter().fold(Origins::same_host(), |origins, origin| origins.and(origin));
    let stream = demo::open(&hub)?;
    let router = demo::router(hub.clone(), &stream, policy.to_string()).layer(Extension(origins));
    let server = Server::new(hub.clone(), router, Responder::new(&policy));
    say(&welcome(address));
    let lines = async move { demo::publish(&stream, demo::PACE).await };
    serve(server, listener, lines, async || stops.asked().await).await?;
    say(&format!("Ended after {} streaming connections.\n", hub.stats().opened));
    Ok(ExitCode::SUCCESS)
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
        () = &mut serving => bail!("the server ended unasked"),
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
        () = asked_to_end() => bail!("ended at once, before every connection was told"),
    }
    publisher.abort();
    result.context("the publisher ended")
}

/// What is served and one command for each client.
fn welcome(address: SocketAddr) -> String {
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::pending;

    use axum::Router;
    use axum::routing::get;
    use push_server::{Limits, Stream};
    use std::sync::Arc;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;
    use tokio::{net::TcpStream, sync::Notify, time::Instant};

    /// A server, its stream, and a client that has sent `request`.
    async fn start(more: Router, request: &str) -> (Server, Stream, TcpListener, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        client.write_all(request.as_bytes()).await.unwrap();
        let hub = Hub::start(Epoch::new(1), Limits::default(), 1);
        let stream = demo::open(&hub).unwrap();
        let policy = PolicyFile::builder().allow("*", "1").build().unwrap();
        let router = demo::router(hub.clone(), &stream, String::new()).merge(more);
        (Server::new(hub, router, Responder::new(&policy)), stream, listener, client)
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
    fn an_address_is_told_that_a_client_can_use() {
        for (address, url) in [
            ("127.0.0.1:80", "http://127.0.0.1:80/"),
            ("0.0.0.0:8080", "http://127.0.0.1:8080/"),
            ("[::1]:8080", "http://[::1]:8080/"),
            ("[::]:8080", "http://[::1]:8080/"),
        ] {
            let text = welcome(address.parse().unwrap());
            assert!(text.contains(&format!("Browser      {url}\n")), "{text}");
        }
        let both = welcome("[::]:8080".parse().unwrap());
        assert!(both.contains("http://127.0.0.1:8080/\n"), "{both}");
        assert!(!welcome("[::1]:8080".parse().unwrap()).contains("127.0.0.1"));
    }
}
