//! `policy-server serve`.

mod address;
mod admin;
mod args;
mod descriptors;
mod http;
mod limits;
mod logs;
mod metrics;
mod own;
mod phase;
mod policy;
mod proxy;
mod quiet;
mod reload;
mod sockets;
mod user;
mod workers;

use std::{
    io::{Write as _, stdout},
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use anyhow::{Context as _, anyhow};
use policy_server::{Limits, Responder, service};
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::mpsc,
    time::{sleep, timeout},
};

pub(crate) use self::args::ServeArgs;
use self::{
    http::{Site, UrlPolicy},
    metrics::{Metrics, PortMetrics, Reloads},
    own::OwnPorts,
    phase::Lifecycle,
    policy::{Loaded, Source, Stamp},
    proxy::{Proxy, Upstream},
    reload::Reloader,
    sockets::{Port, Role},
    workers::{Behind, Post},
};
use super::Misuse;

/// How often it is looked whether the last connection has ended.
const DRAIN_LOOK: Duration = Duration::from_millis(20);

/// Binds and becomes an ordinary user while there is one thread, then serves.
pub(crate) fn run(args: &ServeArgs) -> anyhow::Result<ExitCode> {
    logs::start(args.log_format)?;
    let source = Source::new(args.policy.as_deref(), &args.allow).map_err(Misuse)?;
    let limits = descriptors::limits(args).map_err(Misuse)?;
    let ports = sockets::bind(args).map_err(Misuse)?;
    if let Some(user) = &args.user {
        user.assume()?;
    }
    // As the user that will read it again.
    let served_on = served_on(&ports);
    let stamp = source.path().and_then(Stamp::of);
    let loaded = source.load(&served_on).map_err(|error| match &args.user {
        Some(user) => Misuse(format!("{error} (as the user {user})")),
        None => Misuse(error),
    })?;
    tracing::info!(entries = loaded.policy.access().len(), "policy loaded");
    loaded.log(&source);
    let runtime = workers::runtime().context("cannot start")?;
    let result = runtime.block_on(serve(args, ports, Start { source, served_on, stamp, loaded, limits }));
    // A look at a file that hangs holds up nobody.
    runtime.shutdown_background();
    result
}

/// The policy to begin with, and the bounds that this machine allows.
struct Start {
    limits: Limits,
    source: Source,
    served_on: Vec<u16>,
    stamp: Option<Stamp>,
    loaded: Loaded,
}

async fn serve(args: &ServeArgs, mut ports: Vec<Port>, start: Start) -> anyhow::Result<ExitCode> {
    // Before anyone is told of the ports: who reads it may send a signal at once.
    let listen = |kind| signal(kind).context("cannot listen for signals");
    let hangup = listen(SignalKind::hangup())?;
    let mut stops =
        Stops { interrupt: listen(SignalKind::interrupt())?, terminate: listen(SignalKind::terminate())? };

    let upstream = tokio::select! {
        upstream = find_upstream(args, &ports) => upstream?,
        // A resolver may take its time.
        () = stops.asked() => return Ok(ExitCode::SUCCESS),
    };
    let (lifecycle, phase) = Lifecycle::start();
    let responder = Responder::with_limits(&start.loaded.policy, start.limits.clone());
    let url_policy = UrlPolicy::default();
    url_policy.set(start.loaded.policy.to_url_policy());
    let reloads = Arc::new(Reloads::new(start.loaded.error_count()));

    // The counters of all ports are known before any port is served.
    let players = || ports.iter().filter(|port| port.role != Role::Admin);
    let plans: Vec<_> =
        players().map(|port| Plan::new(args, port.role, &responder, upstream.as_ref())).collect();
    let counted = players().zip(&plans).map(|(port, plan)| plan.metrics(port)).collect();
    let metrics = Arc::new(Metrics::new(counted, Arc::clone(&reloads)));
    let site =
        |url_policy, metrics| Site { url_policy, metrics, limits: args.limits.http(), phase: phase.clone() };
    let admin = site(None, Some(Arc::clone(&metrics)));
    let public = site(Some(url_policy.clone()), args.admin.is_none().then_some(metrics));

    let mut posts: Vec<Vec<Post>> = (0..args.threads).map(|_| Vec::new()).collect();
    let mut plans = plans.into_iter();
    for port in &mut ports {
        if port.role == Role::Admin {
            for socket in port.sockets.drain(..) {
                tokio::spawn(admin::serve(socket, admin.clone()));
            }
        } else if let Some(plan) = plans.next() {
            let behind = plan.behind(port.role, &public);
            for (posts, socket) in posts.iter_mut().zip(port.sockets.drain(..)) {
                let (responder, behind) = (plan.responder.clone(), behind.clone());
                posts.push(Post { socket, responder, behind, phase: phase.clone() });
            }
        }
    }
    let (failed, mut failures) = mpsc::channel(1);
    let mut threads = Vec::new();
    for (number, posts) in posts.drain(1..).enumerate() {
        let thread = workers::spawn(number + 1, posts, phase.clone(), failed.clone());
        threads.push(thread.context("cannot start a thread")?);
    }
    tokio::spawn(workers::attend(posts.remove(0), phase, failed));
    announce(&ports);
    service::ready();

    let Start { source, served_on, stamp, .. } = start;
    let reloader = Reloader { source, served_on, responder: responder.clone(), url_policy, reloads };
    tokio::spawn(reloader.run(hangup, stamp));

    let result = tokio::select! {
        () = stops.asked() => {
            stop(&lifecycle, failures, &responder, args.limits.stop(), &mut stops).await;
            Ok(ExitCode::SUCCESS)
        }
        failure = failures.recv() => Err(anyhow!(failure.unwrap_or_else(|| "no port is left".to_owned()))),
    };
    lifecycle.end();
    for thread in threads {
        // A panic was told already.
        let _ = thread.join();
    }
    result
}

/// What a port is served with.
struct Plan {
    responder: Responder,
    proxy: Option<Proxy>,
}

impl Plan {
    fn new(args: &ServeArgs, role: Role, responder: &Responder, upstream: Option<&Arc<Upstream>>) -> Self {
        let proxy = |upstream| Proxy::new(Arc::clone(upstream), args.proxy_protocol, args.limits.proxy());
        let proxy = upstream.filter(|_| role == Role::Dual).map(proxy);
        Self { responder: responder.for_another_port(), proxy }
    }

    fn metrics(&self, port: &Port) -> PortMetrics {
        PortMetrics {
            name: port.name.clone(),
            role: port.role,
            responder: self.responder.clone(),
            proxy: self.proxy.as_ref().map(Proxy::counters),
        }
    }

    fn behind(&self, role: Role, public: &Site) -> Behind {
        match (&self.proxy, role) {
            (Some(proxy), _) => Behind::Upstream(proxy.clone()),
            (None, Role::Dual) => Behind::Http(public.clone()),
            (None, Role::PolicyOnly | Role::Admin) => Behind::Nothing,
        }
    }
}

/// Ends in good order: nothing new is accepted, what is open may end until `time` is over or another signal
/// comes, and the rest is cut.
async fn stop(
    lifecycle: &Lifecycle,
    mut failures: mpsc::Receiver<String>,
    responder: &Responder,
    time: Duration,
    stops: &mut Stops,
) {
    tracing::info!(open = responder.open(), "stopping; another signal stops at once");
    service::stopping();
    lifecycle.stop();
    let drained = timeout(time, async {
        // Until all ports are closed another thread might let somebody in.
        while failures.recv().await.is_some() {}
        while responder.open() > 0 {
            sleep(DRAIN_LOOK).await;
        }
    });
    tokio::select! {
        _ = drained => {}
        () = stops.asked() => tracing::info!("stopping at once"),
    }
    match responder.open() {
        0 => tracing::info!("stopped"),
        cut => tracing::warn!(cut, "stopped; connections that were still open are cut"),
    }
}

struct Stops {
    interrupt: Signal,
    terminate: Signal,
}

impl Stops {
    async fn asked(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// Tells standard output which ports there are; whoever has closed it is not told.
fn announce(ports: &[Port]) {
    let mut text = String::new();
    for port in ports {
        tracing::info!(port = port.role.name(), address = port.name, "serving");
        text.push_str(&format!("{} {}\n", port.role.name(), port.name));
    }
    text.push_str("ready\n");
    let mut out = stdout();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// TCP ports where players ask.
fn served_on(ports: &[Port]) -> Vec<u16> {
    let players = ports.iter().filter(|port| port.role != Role::Admin);
    let mut numbers: Vec<_> = players.filter_map(|port| Some(port.address?.port())).collect();
    numbers.sort_unstable();
    numbers.dedup();
    numbers
}

async fn find_upstream(args: &ServeArgs, ports: &[Port]) -> anyhow::Result<Option<Arc<Upstream>>> {
    let Some(address) = &args.upstream else { return Ok(None) };
    let upstream = Upstream::resolve(address, OwnPorts::of(ports))
        .await
        .map_err(|e| Misuse(format!("the upstream {address}: {e}")))?;
    Ok(Some(Arc::new(upstream)))
}
