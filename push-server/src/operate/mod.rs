//! A server in operation: its ports, what operators see of it, how it reloads and how it ends.

mod console;
pub(crate) mod logs;
mod metrics;
mod pages;
mod phase;
mod policy;
pub(crate) mod ports;
mod reload;
mod rules;
pub(crate) mod signals;
mod site;
mod status;

use std::future::pending;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use policy_server::{PolicyFile, Responder, service};
use push_server::guard::Rules;
use push_server::lifecycle::Close;
use push_server::{Epoch, Hub, Server};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{Instant, sleep};

use crate::cli::{Misuse, reachable, say};
use crate::config::{Layers, Settings};
use console::Console;
use logs::Logs;
use phase::Phase;
use ports::Ports;
use reload::Reloader;
use signals::Stops;
use site::Site;
use status::Status;

/// Serves until a signal, and ends in good order.
///
/// # Errors
///
/// When something cannot be begun, when no port is left, and when the end was cut short.
pub(crate) async fn run(
    settings: Settings,
    layers: Layers,
    ports: Ports,
    logs: Logs,
) -> anyhow::Result<ExitCode> {
    // Before the addresses are told: who reads them may send a signal at once.
    let mut stops = Stops::listen()?;
    let mut hangup = signal(SignalKind::hangup()).context("cannot listen for SIGHUP")?;
    let served_on = ports.served_on();
    let (policy, rules) = files(&settings, &served_on).map_err(Misuse)?;
    let shards = match settings.threads {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        threads => threads,
    };
    let hub = Hub::start(Epoch::now(), settings.limits.clone(), shards);
    if let Some(doubt) = rules::doubt(&settings, &rules) {
        tracing::warn!("{doubt}");
    }
    hub.guard().replace(rules);
    let responder = Responder::with_limits(&policy, settings.port.clone());
    let status = Arc::new(Status::new(hub.clone(), responder.clone(), settings.clone()));
    let console = Console::start(status.clone());

    let addresses = announce(&ports)?;
    let help: Arc<str> = help(addresses[0]).into();
    let clients = Site::new(site::clients(&status, &settings, &policy, &console, help.clone()));
    let operators = Site::new(site::operators(&status, &settings, &console));
    let server = Server::new(hub.clone(), clients.router(Some(status.clone())), responder.clone());
    let serving = server.serve_all(tokio_listeners(ports.clients)?, status.phases.clone().draining());
    tokio::pin!(serving);
    for listener in tokio_listeners(ports.policy)? {
        let closing = status.phases.clone();
        let closing = async move {
            let _ = closing.draining().await;
        };
        // Nothing is behind such a port: what is no policy request is closed.
        tokio::spawn(policy_server::serve(listener, responder.clone(), closing, |_, _, _| async {}));
    }
    // Beside everything else: it stays to the end, and clients cannot take its room.
    let nobody = Responder::new(&PolicyFile::default());
    // Not counted: who looks is no client, and would change what he looks at.
    let admin = Server::new(console.hub().clone(), operators.router(None), nobody);
    let listeners = tokio_listeners(ports.admin)?;
    let admin = tokio::spawn(async move {
        // Without a port the server would end, and the console with it.
        if !listeners.is_empty() {
            admin.serve_all(listeners, pending()).await;
        }
    });
    say("ready\n");
    tracing::info!(?addresses, version = env!("CARGO_PKG_VERSION"), "serving");
    service::ready();

    let watchers = console.hub().clone();
    let reloader =
        Reloader { status: status.clone(), layers, logs, clients, operators, console, served_on, help };
    loop {
        tokio::select! {
            () = &mut serving => bail!("no port is left"),
            _ = hangup.recv() => tokio::select! {
                () = reloader.reload() => {}
                // Files that hang hold up nobody who comes, and no end. Nothing is put in place half.
                () = &mut serving => bail!("no port is left"),
                () = stops.asked() => break,
            },
            () = stops.asked() => break,
        }
    }
    service::stopping();
    let cut_before = cut(&hub);
    let ending = async {
        let drain = status.settings.load().drain.clone();
        status.phases.set(Phase::Leaving);
        let open: usize = hub.stats().open.iter().map(|(_, count)| *count).sum();
        tracing::info!(open, delay = ?drain.delay, window = ?drain.window, "ending; a second signal ends at once");
        tokio::select! {
            () = sleep(drain.delay) => {}
            // There is no port left to be served meanwhile.
            () = &mut serving => return,
        }
        status.phases.set(Phase::Draining(drain.window));
        // Who watches on a port of clients must not hold it.
        tokio::join!(serving, async {
            let end = Instant::now() + drain.window;
            while Instant::now() < end && !is_idle(&hub) {
                sleep(LOOK).await;
            }
            watchers.end().await;
        });
    };
    tokio::select! {
        () = ending => {}
        () = stops.asked() => bail!("ended at once, before every connection was told"),
    }
    admin.abort();
    let cut = cut(&hub) - cut_before;
    if cut > 0 {
        tracing::warn!(
            cut,
            "connections were cut while ending, as they took too little of what was due to them"
        );
    }
    tracing::info!(streamed = hub.stats().opened, "ended");
    Ok(ExitCode::SUCCESS)
}

/// Connections that did not get everything that was due to them.
fn cut(hub: &Hub) -> u64 {
    let closed = hub.stats().closed;
    [Close::Timeout, Close::Slow, Close::Failed].into_iter().map(|why| closed[why as usize]).sum()
}

/// What the settings name: the policy, for these ports, and the rules with their tokens.
///
/// # Errors
///
/// A line for each thing that is wrong.
pub(crate) fn files(settings: &Settings, served_on: &[u16]) -> Result<(PolicyFile, Rules), Vec<String>> {
    match (policy::load(&settings.policy, served_on), rules::load(settings)) {
        (Ok(policy), Ok(rules)) => Ok((policy, rules)),
        (policy, rules) => Err(policy.err().into_iter().chain(rules.err().into_iter().flatten()).collect()),
    }
}

fn tokio_listeners(listeners: Vec<std::net::TcpListener>) -> anyhow::Result<Vec<TcpListener>> {
    let listeners = listeners.into_iter().map(TcpListener::from_std).collect::<Result<_, _>>();
    listeners.context("cannot listen")
}

/// How often it is looked whether the last client has left.
const LOOK: Duration = Duration::from_millis(50);

fn is_idle(hub: &Hub) -> bool {
    let stats = hub.stats();
    stats.readers == 0 && stats.open.iter().all(|(_, count)| *count == 0)
}

/// Tells where it listens; the addresses for clients.
fn announce(ports: &Ports) -> anyhow::Result<Vec<SocketAddr>> {
    let mut clients = Vec::new();
    for (name, listeners) in
        [("listen", &ports.clients), ("policy-only", &ports.policy), ("admin", &ports.admin)]
    {
        for listener in listeners {
            let address = listener.local_addr().context("cannot tell the listening address")?;
            match name {
                "listen" => say(&format!("{name} {address} http://{}/\n", reachable(address))),
                "admin" => say(&format!("{name} {address} http://{}/console\n", reachable(address))),
                _ => say(&format!("{name} {address}\n")),
            }
            if name == "listen" {
                clients.push(address);
            }
        }
    }
    Ok(clients)
}

/// One command for each thing that can be done.
fn help(address: SocketAddr) -> String {
    let (host, port) = (reachable(address), address.port());
    let url = format!("http://{host}/streams/news");
    format!(
        "push-server: a stream is opened by its first use.

  Read         curl -sN {url}/sse
  Publish      curl -s -H 'Content-Type: application/json' -d '{{\"text\":\"hello\"}}' {url}/messages
  Poll         curl -s '{url}/longpoll?last=1'
  Hessian      curl -sN {url}/hessian | xxd
  Flash 2008   {url}/hessian?framing=p&grammar=tutorial
  Browser      import {{ connect }} from \"http://{host}/push-client.js\"; connect(\"{url}\")
  Others       {url}/ xhr, multipart, script, poll, ws, ruffle
  Policy       printf '<policy-file-request/>\\0' | nc -q3 {} {port} | xxd
  Health       curl -s http://{host}/readyz; metrics and a console: --admin 127.0.0.1:9880, or --public all
",
        host.ip()
    )
}

/// How often the console gets something new.
pub(crate) const PACE: Duration = Duration::from_secs(1);
