//! A snapshot in the format of OpenMetrics, which Prometheus reads.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;

use super::phase::Phase;
use super::status::{Others, Snapshot, StreamRow, is_outcome};

/// The media type of what [`render`] writes.
pub(crate) const MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The label of streams that are not told one by one. No stream is called so.
const OTHERS: &str = "(others)";

/// Writes the snapshot.
pub(crate) fn render(snapshot: Arc<Snapshot>) -> Result<String, fmt::Error> {
    let mut registry = Registry::with_prefix("push_server");
    registry.register_collector(Box::new(Collected(snapshot)));
    let mut out = String::new();
    text::encode(&mut out, &registry)?;
    Ok(out)
}

#[derive(Debug)]
struct Collected(Arc<Snapshot>);

impl Collector for Collected {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let Snapshot { connections, all, .. } = &*self.0;
        let mut out = Families(&mut encoder);
        let is_serving = self.0.phase == Phase::Serving.name();
        out.gauge("ready", "1 while everything is served, 0 when the server ends", u64::from(is_serving))?;
        out.gauge("uptime_seconds", "Since the start", self.0.uptime)?;
        out.gauges(
            "connections_open",
            "Connections that stream, by transport",
            "transport",
            &connections.open,
        )?;
        out.counter("connections_opened", "Connections that began to stream", connections.opened)?;
        out.counters(
            "connections_closed",
            "Connections that ended, by reason",
            "reason",
            &connections.closed,
        )?;
        let help = "Connections that were told to come back; also in connections_closed as complete";
        out.counter("connections_rotated", help, connections.rotated)?;
        let help = "Requests answered with 503 because limits.connections were open; not in http_responses";
        out.counter("turned_away", help, connections.turned_away)?;
        out.gauge("waiting_readers", "Long polls that wait", self.0.waiting_readers as u64)?;
        out.gauge(
            "direct_bytes",
            "Bytes of messages that wait for their client",
            self.0.direct_bytes as u64,
        )?;
        out.gauge("log_bytes", "Bytes that the logs of all streams hold", self.0.log_bytes as u64)?;
        let keys = self.0.idempotency_keys as u64;
        out.gauge("idempotency_keys", "Idempotency keys that are remembered", keys)?;
        let help =
            "Idempotency keys forgotten before their time, to make room: retries would be published again";
        out.counter("idempotency_forgotten", help, self.0.idempotency_forgotten)?;
        out.counter("shard_restarts", "Anything but 0 is a bug", self.0.shard_restarts)?;
        out.gauge("streams_open", "Streams", self.0.streams_open as u64)?;
        out.counter("messages", "Messages published to all streams, closed ones too", all.messages)?;
        out.counter("message_bytes", "Bytes of their bodies", all.bytes)?;
        let help = "How often a reader or client went past a bound, by reason";
        out.counters("overruns", help, "reason", &all.overruns)?;
        out.counters(
            "dropped_messages",
            "Messages that did not reach somebody, by reason",
            "reason",
            &all.dropped,
        )?;
        let help = "Requests that were refused, by reason: those of the application's routes too";
        out.counters("refusals", help, "reason", &self.0.refusals)?;
        out.counters("http_responses", "Responses, by status", "code", &self.0.responses)?;
        let of_port = |wanted: bool| {
            self.0
                .port
                .iter()
                .filter(move |(name, _)| is_outcome(name) == wanted)
                .map(|(name, n)| (*name, *n))
                .collect()
        };
        let outcomes: BTreeMap<_, u64> = of_port(true);
        let help = "Connections to all ports, by what became of them; handed_on are those of HTTP";
        out.counters("port_connections", help, "reason", &outcomes)?;
        let events: BTreeMap<_, u64> = of_port(false);
        out.counters("port_events", "What else happened on the ports", "event", &events)?;
        out.gauge(
            "port_connections_open",
            "Connections to all ports that do not stream: requests, and those that say nothing yet",
            self.0.port_open as u64,
        )?;
        out.counters("reloads", "Reloads of the settings, by how they ended", "result", &self.0.reloads)?;
        self.streams(&mut out)
    }
}

impl Collected {
    fn streams(&self, out: &mut Families<'_, '_>) -> fmt::Result {
        let (rows, others) = (&self.0.streams, &self.0.other_streams);
        out.by_stream("stream_messages", "Messages published since the stream was opened", rows, |row| {
            row.counted.messages
        })?;
        out.by_stream("stream_message_bytes", "Bytes of their bodies", rows, |row| row.counted.bytes)?;
        out.family(
            "stream_overruns",
            "How often a reader or client went past a bound",
            MetricType::Counter,
            |family| by_reason(family, rows, |row| &row.counted.overruns),
        )?;
        let help = "Messages that did not reach somebody";
        out.family("stream_dropped_messages", help, MetricType::Counter, |family| {
            by_reason(family, rows, |row| &row.counted.dropped)
        })?;
        out.gauges_by_stream(
            "stream_rate",
            "Messages a second",
            rows,
            others,
            |row| row.rate,
            |others| others.rate,
        )?;
        type Gauge = (&'static str, &'static str, fn(&StreamRow) -> u64, fn(&Others) -> u64);
        let gauges: [Gauge; 5] = [
            ("stream_readers", "Readers", |row| row.readers as u64, |others| others.readers as u64),
            (
                "stream_clients",
                "Clients present by name",
                |row| row.clients as u64,
                |others| others.clients as u64,
            ),
            (
                "stream_lag_messages",
                "How far the furthest reader with a full socket is behind",
                |row| row.lag,
                |others| others.lag,
            ),
            (
                "stream_held_messages",
                "Messages in the log",
                |row| row.held_messages,
                |others| others.held_messages,
            ),
            ("stream_held_bytes", "Bytes of their bodies", |row| row.held_bytes, |others| others.held_bytes),
        ];
        for (name, help, of_row, of_others) in gauges {
            out.gauges_by_stream(
                name,
                help,
                rows,
                others,
                |row| signed(of_row(row)),
                |others| signed(of_others(others)),
            )?;
        }
        Ok(())
    }
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// Writes families of metrics.
struct Families<'e, 'w>(&'e mut DescriptorEncoder<'w>);

/// Writes one metric of a family with its labels.
type Put<'f> = dyn FnMut(&[(&str, &str)], &dyn Erased) -> fmt::Result + 'f;

/// A metric, whatever its type.
trait Erased {
    fn put(&self, encoder: prometheus_client::encoding::MetricEncoder<'_>) -> fmt::Result;
}

impl<M: EncodeMetric> Erased for M {
    fn put(&self, encoder: prometheus_client::encoding::MetricEncoder<'_>) -> fmt::Result {
        self.encode(encoder)
    }
}

fn by_reason(
    put: &mut Put<'_>,
    rows: &[StreamRow],
    counts: impl Fn(&StreamRow) -> &BTreeMap<&'static str, u64>,
) -> fmt::Result {
    for row in rows {
        for (reason, count) in counts(row) {
            put(&[("stream", &row.name), ("reason", reason)], &ConstCounter::new(*count))?;
        }
    }
    Ok(())
}

impl Families<'_, '_> {
    fn family(
        &mut self,
        name: &str,
        help: &str,
        kind: MetricType,
        fill: impl FnOnce(&mut Put<'_>) -> fmt::Result,
    ) -> fmt::Result {
        let mut family = self.0.encode_descriptor(name, help, None, kind)?;
        fill(&mut |labels, metric| metric.put(family.encode_family(&labels)?))
    }

    fn gauge(&mut self, name: &str, help: &str, value: u64) -> fmt::Result {
        let metric = self.0.encode_descriptor(name, help, None, MetricType::Gauge)?;
        ConstGauge::new(signed(value)).encode(metric)
    }

    fn counter(&mut self, name: &str, help: &str, value: u64) -> fmt::Result {
        let metric = self.0.encode_descriptor(name, help, None, MetricType::Counter)?;
        ConstCounter::new(value).encode(metric)
    }

    fn counters(
        &mut self,
        name: &str,
        help: &str,
        label: &str,
        counts: &BTreeMap<impl AsRef<str>, u64>,
    ) -> fmt::Result {
        self.family(name, help, MetricType::Counter, |put| {
            counts
                .iter()
                .try_for_each(|(value, count)| put(&[(label, value.as_ref())], &ConstCounter::new(*count)))
        })
    }

    fn gauges(
        &mut self,
        name: &str,
        help: &str,
        label: &str,
        values: &BTreeMap<&'static str, usize>,
    ) -> fmt::Result {
        self.family(name, help, MetricType::Gauge, |put| {
            values.iter().try_for_each(|(value, count)| {
                put(&[(label, value)], &ConstGauge::new(signed(*count as u64)))
            })
        })
    }

    fn by_stream(
        &mut self,
        name: &str,
        help: &str,
        rows: &[StreamRow],
        count: impl Fn(&StreamRow) -> u64,
    ) -> fmt::Result {
        self.family(name, help, MetricType::Counter, |put| {
            rows.iter().try_for_each(|row| put(&[("stream", &row.name)], &ConstCounter::new(count(row))))
        })
    }

    /// And the sum of the others, where there are some.
    fn gauges_by_stream<N>(
        &mut self,
        name: &str,
        help: &str,
        rows: &[StreamRow],
        others: &Others,
        of_row: impl Fn(&StreamRow) -> N,
        of_others: impl Fn(&Others) -> N,
    ) -> fmt::Result
    where
        ConstGauge<N>: EncodeMetric,
    {
        self.family(name, help, MetricType::Gauge, |put| {
            for row in rows {
                put(&[("stream", &row.name)], &ConstGauge::new(of_row(row)))?;
            }
            match others.streams {
                0 => Ok(()),
                _ => put(&[("stream", OTHERS)], &ConstGauge::new(of_others(others))),
            }
        })
    }
}
