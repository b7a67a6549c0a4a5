//! The counters of all ports in the format of OpenMetrics, which Prometheus reads.

use std::{
    fmt,
    sync::Arc,
    sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed},
    time::{SystemTime, UNIX_EPOCH},
};

use policy_server::{Responder, port::Counter};
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric as _, text},
    metrics::{MetricType, counter::ConstCounter, gauge::ConstGauge},
    registry::Registry,
};

use super::{proxy, sockets::Role};

/// What is known of the whole process.
pub(crate) struct Metrics(Registry);

/// Counters of reloads.
#[derive(Debug)]
pub(crate) struct Reloads {
    pub(crate) replaced: AtomicU64,
    pub(crate) refused: AtomicU64,
    /// When the policy that is served was read, in seconds since 1970.
    loaded: AtomicI64,
    /// What the linter finds wrong with it.
    errors: AtomicI64,
}

impl Reloads {
    /// Of a policy with this number of lint errors, which is served now.
    pub(crate) fn new(errors: usize) -> Self {
        let reloads = Self {
            replaced: AtomicU64::default(),
            refused: AtomicU64::default(),
            loaded: AtomicI64::default(),
            errors: AtomicI64::default(),
        };
        reloads.serves(errors);
        reloads
    }

    pub(crate) fn replaced(&self, errors: usize) {
        self.replaced.fetch_add(1, Relaxed);
        self.serves(errors);
    }

    pub(crate) fn refused(&self) {
        self.refused.fetch_add(1, Relaxed);
    }

    fn serves(&self, errors: usize) {
        self.errors.store(i64::try_from(errors).unwrap_or(i64::MAX), Relaxed);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        self.loaded.store(i64::try_from(now).unwrap_or(i64::MAX), Relaxed);
    }
}

/// A port as the metrics see it.
#[derive(Debug)]
pub(crate) struct PortMetrics {
    pub(crate) name: String,
    pub(crate) role: Role,
    pub(crate) responder: Responder,
    pub(crate) proxy: Option<Arc<proxy::Counters>>,
}

impl Metrics {
    pub(crate) fn new(ports: Vec<PortMetrics>, reloads: Arc<Reloads>) -> Self {
        let mut registry = Registry::with_prefix("policy_server");
        registry.register_collector(Box::new(Ports { ports, reloads }));
        Self(registry)
    }

    pub(crate) fn render(&self) -> Result<String, fmt::Error> {
        let mut out = String::new();
        text::encode(&mut out, &self.0)?;
        Ok(out)
    }
}

#[derive(Debug)]
struct Ports {
    ports: Vec<PortMetrics>,
    reloads: Arc<Reloads>,
}

/// Each connection that was accepted ends in exactly one of these, so that their sum is all of them.
const OUTCOMES: [Counter; 12] = [
    Counter::Served,
    Counter::HandedOn,
    Counter::Mismatch,
    Counter::Silent,
    Counter::Stalled,
    Counter::Unread,
    Counter::EndedEarly,
    Counter::Failed,
    Counter::RefusedFull,
    Counter::RefusedUnclassified,
    Counter::RefusedPerAddress,
    Counter::RefusedAddress,
];

impl Collector for Ports {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        self.outcomes(&mut encoder)?;
        self.by_listener(&mut encoder, Counter::Undrained, "undrained")?;
        self.by_listener(&mut encoder, Counter::AcceptErrors, "accept_errors")?;
        let open = self.ports.first().map_or(0, |port| port.responder.open());
        let help = "Connections that are open, on all listeners";
        gauge(&mut encoder, "connections_open", help, i64::try_from(open).unwrap_or(i64::MAX))?;
        let (replaced, refused) = (self.reloads.replaced.load(Relaxed), self.reloads.refused.load(Relaxed));
        let mut family =
            encoder.encode_descriptor("policy_reloads", "Policies read anew", None, MetricType::Counter)?;
        for (result, count) in [("replaced", replaced), ("refused", refused)] {
            let labels = [("result", result)];
            ConstCounter::new(count).encode(family.encode_family(&labels)?)?;
        }
        let help = "When the policy that is served was read, seconds since 1970";
        gauge(&mut encoder, "policy_loaded_timestamp_seconds", help, self.reloads.loaded.load(Relaxed))?;
        let help = "What the linter finds wrong with the policy that is served";
        gauge(&mut encoder, "policy_lint_errors", help, self.reloads.errors.load(Relaxed))?;
        self.upstream(&mut encoder)
    }
}

impl Ports {
    fn outcomes(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let help = "Connections by what became of them";
        let mut family = encoder.encode_descriptor("connections", help, None, MetricType::Counter)?;
        for port in &self.ports {
            for counter in OUTCOMES {
                let reason = match (counter, port.role) {
                    // Nothing is behind such a port: it is closed.
                    (Counter::HandedOn, Role::PolicyOnly) => "not_policy",
                    _ => counter.name(),
                };
                let labels = [("listener", port.name.as_str()), ("reason", reason)];
                let count = ConstCounter::new(port.responder.metrics().get(counter));
                count.encode(family.encode_family(&labels)?)?;
            }
        }
        Ok(())
    }

    fn by_listener(&self, encoder: &mut DescriptorEncoder<'_>, counter: Counter, name: &str) -> fmt::Result {
        let help = counter.help().trim_end_matches('.');
        let mut family = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
        for port in &self.ports {
            let labels = [("listener", port.name.as_str())];
            let count = ConstCounter::new(port.responder.metrics().get(counter));
            count.encode(family.encode_family(&labels)?)?;
        }
        Ok(())
    }

    fn upstream(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let proxied =
            || self.ports.iter().filter_map(|port| Some((port.name.as_str(), port.proxy.as_ref()?)));
        if proxied().next().is_none() {
            return Ok(());
        }
        let help = "Connections to the upstream by what became of them";
        let mut family =
            encoder.encode_descriptor("upstream_connections", help, None, MetricType::Counter)?;
        for (listener, counters) in proxied() {
            for (result, count) in counters.results() {
                let labels = [("listener", listener), ("result", result)];
                ConstCounter::new(count).encode(family.encode_family(&labels)?)?;
            }
        }
        let help = "Connections to the upstream that are open";
        let mut family =
            encoder.encode_descriptor("upstream_connections_open", help, None, MetricType::Gauge)?;
        for (listener, counters) in proxied() {
            let labels = [("listener", listener)];
            ConstGauge::new(counters.open()).encode(family.encode_family(&labels)?)?;
        }
        let help = "Bytes carried, by direction";
        let mut family = encoder.encode_descriptor("upstream_bytes", help, None, MetricType::Counter)?;
        for (listener, counters) in proxied() {
            for (direction, count) in counters.bytes() {
                let labels = [("listener", listener), ("direction", direction)];
                ConstCounter::new(count).encode(family.encode_family(&labels)?)?;
            }
        }
        Ok(())
    }
}

fn gauge(encoder: &mut DescriptorEncoder<'_>, name: &str, help: &str, value: i64) -> fmt::Result {
    let metric = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
    ConstGauge::new(value).encode(metric)
}
