//! The port that an example serves, from its opening until Ctrl-C.

use std::io::Write as _;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use anyhow::{Context as _, bail};
use axum::Router;
use policy_server::{ListenConfig, PolicyFile, Responder};
use push_server::{Epoch, Hub, Limits, Server};
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Where to listen, as an option of the command line: `#[command(flatten)] listen: Listen`.
#[derive(Clone, Copy, Debug, clap::Args)]
pub struct Listen {
    /// Address and port to listen on; port 0 lets the system choose
    #[arg(long = "listen", value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8080")]
    address: SocketAddr,
}

/// A port that is open but not served yet, and the hub whose streams it will serve.
///
/// ```no_run
/// use clap::Parser;
/// use examples::{Listen, Site};
///
/// #[derive(Parser)]
/// struct Options {
///     #[command(flatten)]
///     listen: Listen,
/// }
///
/// # #[tokio::main]
/// # async fn main() -> anyhow::Result<()> {
/// let site = Site::open(Options::parse().listen)?;
/// let routes = push_server::web::router(site.hub().clone());
/// site.serve(routes).await
/// # }
/// ```
#[derive(Debug)]
pub struct Site {
    listener: TcpListener,
    address: SocketAddr,
    hub: Hub,
    policy: PolicyFile,
    stops: [Signal; 2],
}

impl Site {
    /// Opens the port. Its hub has the default limits, and its socket policy lets movies of any page connect to it.
    ///
    /// # Errors
    ///
    /// When the address cannot be listened on.
    pub fn open(listen: Listen) -> anyhow::Result<Self> {
        Self::open_with(listen, Limits::default())
    }

    /// The same, its hub with these limits.
    ///
    /// # Errors
    ///
    /// When the address cannot be listened on.
    pub fn open_with(listen: Listen, limits: Limits) -> anyhow::Result<Self> {
        let listener = ListenConfig::default()
            .bind(listen.address)
            .context("cannot listen; choose another address with --listen ADDRESS:PORT")?;
        let address = listener.local_addr()?;
        // Before the address is told: who reads it may send a signal at once.
        let stops = [signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?];
        let policy = PolicyFile::builder().allow("*", &address.port().to_string()).build()?;
        Ok(Self { listener, address, hub: Hub::start(Epoch::now(), limits, 1), policy, stops })
    }

    /// The hub of this port.
    #[must_use]
    pub const fn hub(&self) -> &Hub {
        &self.hub
    }

    /// The address of a page, as somebody on this machine can open it.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", reachable(self.address))
    }

    /// Serves `routes`, and the socket policy on the same port, until Ctrl-C or SIGTERM; then every client is told, and
    /// comes back to the next server. A second one ends at once.
    ///
    /// # Errors
    ///
    /// At the second one.
    pub async fn serve(self, routes: Router) -> anyhow::Result<()> {
        say(&format!("Open {}   Ctrl-C ends it.\n", self.url("/")));
        let Self { listener, hub, policy, stops: [mut interrupt, mut terminate], .. } = self;
        let mut asked = async || tokio::select! { _ = interrupt.recv() => {}, _ = terminate.recv() => {} };
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let serving = Server::new(hub, routes, Responder::new(&policy)).serve(listener, async {
            let _ = stopped.await;
        });
        tokio::pin!(serving);
        tokio::select! { () = &mut serving => bail!("the server ended unasked"), () = asked() => {} }
        drop(stop);
        tokio::select! { () = &mut serving => Ok(()), () = asked() => bail!("ended at once, before every client was told") }
    }
}

/// Tells whoever started the example. Nobody reads any more after `| head -1`: that stops nothing, as `println!` would.
pub fn say(text: &str) {
    let mut out = std::io::stdout();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// The unspecified address listens everywhere; none can be opened by that name.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        let is_ipv4 = address.is_ipv4();
        address.set_ip(if is_ipv4 { Ipv4Addr::LOCALHOST.into() } else { Ipv6Addr::LOCALHOST.into() });
    }
    address
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_told_that_can_be_opened() {
        for (listening, told) in [
            ("127.0.0.1:80", "127.0.0.1:80"),
            ("0.0.0.0:8080", "127.0.0.1:8080"),
            ("[::1]:8080", "[::1]:8080"),
            ("[::]:8080", "[::1]:8080"),
        ] {
            assert_eq!(reachable(listening.parse().unwrap()).to_string(), told);
        }
    }
}
