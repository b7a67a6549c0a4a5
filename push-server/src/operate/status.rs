//! What is known of the running server, counted where it happens and looked at from outside.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use arc_swap::ArcSwap;
use bytes::Bytes;
use http::StatusCode;
use policy_server::Responder;
use policy_server::port::Counter;
use push_server::Hub;
use push_server::hub::{ClosedStreams, Overrun, StreamStats};
use push_server::lifecycle::Close;
use push_server::{Stream, Transport};
use serde::Serialize;
use tokio::sync::Mutex as Turn;
use tokio::task::spawn_blocking;
use tokio::time::Instant;

use super::metrics;
use super::phase::Phases;
use crate::config::Settings;

/// A snapshot is good for so long: who asks more often gets the same, and costs nothing.
const FRESH: Duration = Duration::from_millis(250);

/// What is known of the running server.
#[derive(Debug)]
pub(crate) struct Status {
    pub(crate) hub: Hub,
    pub(crate) responder: Responder,
    pub(crate) settings: ArcSwap<Settings>,
    pub(crate) phases: Phases,
    pub(crate) responses: Responses,
    pub(crate) reloads: Reloads,
    started: Instant,
    taken: Mutex<Taken>,
    metrics: Page,
    json: Page,
}

/// A text made of a snapshot, and when. It is made by one at a time; who asks meanwhile waits for that one.
type Page = Arc<Turn<Option<(Instant, Bytes)>>>;

#[derive(Debug, Default)]
struct Taken {
    last: Option<(Instant, Arc<Snapshot>)>,
    /// The streams that are told one by one: once told, always told, as long as they are open.
    told: BTreeSet<String>,
}

/// Responses by status. No more kinds than there are of these.
#[derive(Debug)]
pub(crate) struct Responses([AtomicU64; STATUSES]);

/// The statuses that have a meaning: 100 to 599.
const FIRST_STATUS: usize = 100;
const STATUSES: usize = 500;

impl Default for Responses {
    fn default() -> Self {
        Self([const { AtomicU64::new(0) }; STATUSES])
    }
}

impl Responses {
    pub(crate) fn count(&self, status: StatusCode) {
        let index = usize::from(status.as_u16()) - FIRST_STATUS;
        // 600 to 999 have no meaning, and nobody here answers so.
        if let Some(count) = self.0.get(index) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn told(&self) -> BTreeMap<String, u64> {
        let counts = self.0.iter().enumerate().map(|(index, count)| (index, count.load(Ordering::Relaxed)));
        let seen = counts.filter(|(_, count)| *count > 0);
        seen.map(|(index, count)| ((FIRST_STATUS + index).to_string(), count)).collect()
    }
}

/// How reloads ended.
#[derive(Debug, Default)]
pub(crate) struct Reloads {
    pub(crate) done: AtomicU64,
    pub(crate) refused: AtomicU64,
}

/// Everything at one moment.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Snapshot {
    /// Milliseconds since 1970.
    pub(crate) at: u64,
    /// Seconds.
    pub(crate) uptime: u64,
    pub(crate) version: &'static str,
    pub(crate) phase: &'static str,
    pub(crate) connections: Connections,
    /// Long polls that wait, and readers in the process.
    pub(crate) waiting_readers: usize,
    pub(crate) streams_open: usize,
    pub(crate) direct_bytes: usize,
    pub(crate) log_bytes: usize,
    pub(crate) idempotency_keys: usize,
    pub(crate) idempotency_forgotten: u64,
    /// Anything but 0 is a bug.
    pub(crate) shard_restarts: u64,
    /// All streams since the start, those that are closed too.
    pub(crate) all: Counted,
    pub(crate) streams: Vec<StreamRow>,
    /// Those that are not told one by one.
    pub(crate) other_streams: Others,
    pub(crate) responses: BTreeMap<String, u64>,
    /// Requests that were refused, by reason.
    pub(crate) refusals: BTreeMap<&'static str, u64>,
    pub(crate) port: BTreeMap<&'static str, u64>,
    /// Connections that do not stream: requests under way, and those that say nothing yet.
    pub(crate) port_open: usize,
    pub(crate) reloads: BTreeMap<&'static str, u64>,
}

/// Connections that stream.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Connections {
    pub(crate) open: BTreeMap<&'static str, usize>,
    pub(crate) opened: u64,
    pub(crate) closed: BTreeMap<&'static str, u64>,
    pub(crate) rotated: u64,
    /// Requests beyond `limits.connections`, which are not among the responses.
    pub(crate) turned_away: u64,
}

/// What only grows.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Counted {
    pub(crate) messages: u64,
    pub(crate) bytes: u64,
    /// How often a bound was overrun, by reason.
    pub(crate) overruns: BTreeMap<&'static str, u64>,
    /// Messages that did not reach somebody, by reason.
    pub(crate) dropped: BTreeMap<&'static str, u64>,
}

/// One stream.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct StreamRow {
    pub(crate) name: String,
    #[serde(flatten)]
    pub(crate) counted: Counted,
    /// Messages a second.
    pub(crate) rate: f64,
    pub(crate) readers: usize,
    pub(crate) clients: usize,
    pub(crate) lag: u64,
    pub(crate) held_messages: u64,
    pub(crate) held_bytes: u64,
}

/// Streams that are not told one by one.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Others {
    pub(crate) streams: usize,
    pub(crate) rate: f64,
    pub(crate) readers: usize,
    pub(crate) clients: usize,
    /// The most of all.
    pub(crate) lag: u64,
    pub(crate) held_messages: u64,
    pub(crate) held_bytes: u64,
}

impl Status {
    pub(crate) fn new(hub: Hub, responder: Responder, settings: Settings) -> Self {
        Self {
            hub,
            responder,
            settings: ArcSwap::from_pointee(settings),
            phases: Phases::new(),
            responses: Responses::default(),
            reloads: Reloads::default(),
            started: Instant::now(),
            taken: Mutex::default(),
            metrics: Page::default(),
            json: Page::default(),
        }
    }

    /// The snapshot as `/metrics` tells it. Nothing if it cannot be written.
    pub(crate) async fn metrics(self: &Arc<Self>) -> Option<Bytes> {
        self.page(&self.metrics, |snapshot| metrics::render(snapshot).ok().map(Bytes::from)).await
    }

    /// The snapshot as JSON. Nothing if it cannot be written.
    pub(crate) async fn json(self: &Arc<Self>) -> Option<Bytes> {
        self.page(&self.json, |snapshot| serde_json::to_vec(&*snapshot).ok().map(Bytes::from)).await
    }

    /// With thousands of streams it is megabytes that take a while: written beside those who serve, once for all who ask,
    /// and shared by all who are still reading it.
    async fn page(self: &Arc<Self>, page: &Page, write: fn(Arc<Snapshot>) -> Option<Bytes>) -> Option<Bytes> {
        let mut page = page.clone().lock_owned().await;
        if let Some((at, text)) = &*page
            && at.elapsed() < FRESH
        {
            return Some(text.clone());
        }
        let status = self.clone();
        // It keeps its turn to the end, also if the one who asked has gone.
        let written = spawn_blocking(move || {
            let text = write(status.snapshot())?;
            *page = Some((Instant::now(), text.clone()));
            Some(text)
        });
        written.await.ok()?
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Everything now, or a moment ago. O(streams) when it is not fresh.
    pub(crate) fn snapshot(&self) -> Arc<Snapshot> {
        let mut taken = self.taken();
        if let Some((at, snapshot)) = &taken.last
            && at.elapsed() < FRESH
        {
            return snapshot.clone();
        }
        let snapshot = Arc::new(self.take(&mut taken.told));
        taken.last = Some((Instant::now(), snapshot.clone()));
        snapshot
    }

    fn take(&self, told: &mut BTreeSet<String>) -> Snapshot {
        let stats = self.hub.stats();
        let (streams, closed) = self.hub.census();
        let streams: Vec<_> = streams.into_iter().map(|stream| (stream.stats(), stream)).collect();
        let all = total(&streams, &closed);
        let most = self.settings.load().metrics.streams;
        let (rows, other_streams) = rows(&streams, told, most);

        let mut open = BTreeMap::new();
        for (transport, count) in &stats.open {
            *open.entry(transport_name(*transport)).or_insert(0) += count;
        }
        let (opened, rotated, turned_away) = (stats.opened, stats.rotated, stats.turned_away);
        let closed = Close::ALL.into_iter().map(|why| (why.name(), stats.closed[why as usize])).collect();
        let port = self.responder.metrics().snapshot();
        let reloads = [("done", &self.reloads.done), ("refused", &self.reloads.refused)];
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        Snapshot {
            at: u64::try_from(now).unwrap_or(u64::MAX),
            uptime: self.started.elapsed().as_secs(),
            version: env!("CARGO_PKG_VERSION"),
            phase: self.phases.now().name(),
            connections: Connections { open, opened, closed, rotated, turned_away },
            waiting_readers: stats.readers,
            streams_open: streams.len(),
            direct_bytes: stats.direct_bytes,
            log_bytes: stats.log_bytes,
            idempotency_keys: stats.idempotency_keys,
            idempotency_forgotten: stats.idempotency_forgotten,
            shard_restarts: stats.shard_restarts,
            all,
            streams: rows,
            other_streams,
            responses: self.responses.told(),
            refusals: stats.refusals.iter().map(|(why, count)| (why.name(), count)).collect(),
            port: port.iter().map(|(counter, count)| (counter.name(), count)).collect(),
            port_open: self.responder.open(),
            reloads: reloads.map(|(name, count)| (name, count.load(Ordering::Relaxed))).into(),
        }
    }
}

/// What became of each connection to a port; the other counters of a port are something else.
pub(crate) fn is_outcome(counter: &str) -> bool {
    ![Counter::Undrained, Counter::AcceptErrors, Counter::Replaced]
        .iter()
        .any(|other| other.name() == counter)
}

fn by_reason(counts: [u64; Overrun::COUNT]) -> BTreeMap<&'static str, u64> {
    Overrun::ALL.into_iter().map(|why| (why.name(), counts[why as usize])).collect()
}

fn total(streams: &[(StreamStats, Stream)], closed: &ClosedStreams) -> Counted {
    let (mut messages, mut bytes) = (closed.published, closed.published_bytes);
    let (mut overruns, mut dropped) = (closed.overruns, closed.dropped);
    for (stats, _) in streams {
        messages += stats.published;
        bytes += stats.published_bytes;
        for why in 0..Overrun::COUNT {
            overruns[why] += stats.overruns[why];
            dropped[why] += stats.dropped[why];
        }
    }
    Counted { messages, bytes, overruns: by_reason(overruns), dropped: by_reason(dropped) }
}

/// The streams that are told one by one, at most `most`, by name, and the sum of the others. Places that are free go to
/// those that have the most readers, then the highest rate.
fn rows(
    streams: &[(StreamStats, Stream)],
    told: &mut BTreeSet<String>,
    most: usize,
) -> (Vec<StreamRow>, Others) {
    let mut by_use: Vec<_> = streams.iter().collect();
    by_use.sort_by(|(one, a), (other, b)| {
        let rate = other.rate.total_cmp(&one.rate);
        other.readers.cmp(&one.readers).then(rate).then_with(|| a.name().as_str().cmp(b.name().as_str()))
    });
    let open: BTreeSet<&str> = streams.iter().map(|(_, stream)| stream.name().as_str()).collect();
    told.retain(|name| open.contains(name.as_str()));
    while told.len() > most {
        told.pop_last();
    }
    for (_, stream) in &by_use {
        if told.len() >= most {
            break;
        }
        told.insert(stream.name().as_str().to_owned());
    }
    let (mut rows, mut others) = (Vec::new(), Others::default());
    for (stats, stream) in by_use {
        let name = stream.name().as_str();
        if told.contains(name) {
            rows.push(StreamRow {
                name: name.to_owned(),
                counted: Counted {
                    messages: stats.published,
                    bytes: stats.published_bytes,
                    overruns: by_reason(stats.overruns),
                    dropped: by_reason(stats.dropped),
                },
                rate: stats.rate,
                readers: stats.readers,
                clients: stats.clients,
                lag: stats.lag,
                held_messages: stats.held.0,
                held_bytes: stats.held.1,
            });
        } else {
            others.streams += 1;
            others.rate += stats.rate;
            others.readers += stats.readers;
            others.clients += stats.clients;
            others.lag = others.lag.max(stats.lag);
            others.held_messages += stats.held.0;
            others.held_bytes += stats.held.1;
        }
    }
    rows.sort_by(|one, other| one.name.cmp(&other.name));
    (rows, others)
}

/// As the URLs name them; packets are one, whatever their framing and grammar.
const fn transport_name(transport: Transport) -> &'static str {
    match transport {
        Transport::Hessian { .. } => "hessian",
        Transport::Script => "script",
        Transport::Sse => "sse",
        Transport::Xhr => "xhr",
        Transport::Multipart => "multipart",
        Transport::WsJson => "ws_json",
        Transport::WsHessian => "ws_hessian",
        Transport::Ruffle { .. } => "ruffle",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use policy_server::PolicyFile;
    use push_server::{Epoch, Limits};

    #[tokio::test]
    async fn pages_are_written_once_for_all_who_ask() {
        let status = Arc::new(status(&["a", "b"], 2).await);
        let (first, again) = tokio::join!(status.metrics(), status.metrics());
        let (first, again) = (first.unwrap(), again.unwrap());
        assert_eq!(first.as_ptr(), again.as_ptr(), "one text, however many read it");
        assert!(first.starts_with(b"# HELP push_server_ready"));
        let (first, again) = tokio::join!(status.json(), status.json());
        let (first, again) = (first.unwrap(), again.unwrap());
        assert_eq!(first.as_ptr(), again.as_ptr());
        assert!(first.starts_with(b"{"));
    }

    async fn status(names: &[&str], most: usize) -> Status {
        let hub = Hub::start(Epoch::new(1), Limits::default(), 1);
        for (count, name) in names.iter().enumerate() {
            let stream = hub.open(&name.parse().unwrap()).unwrap();
            for _ in 0..count {
                stream.publish(&1).await.unwrap();
            }
        }
        let mut settings = Settings::default();
        settings.metrics.streams = most;
        Status::new(hub, Responder::new(&PolicyFile::default()), settings)
    }

    fn told(status: &Status) -> Vec<String> {
        status.snapshot().streams.iter().map(|row| row.name.clone()).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn streams_told_one_by_one_are_bounded_stay_and_nothing_is_lost_from_the_sums() {
        let status = status(&["a", "b", "c", "d"], 2).await;
        assert_eq!(told(&status), ["c", "d"], "the busiest");
        // One that is told stays so, whatever becomes busier.
        for _ in 0..9 {
            status.hub.get("a").unwrap().publish(&1).await.unwrap();
        }
        tokio::time::advance(FRESH).await;
        assert_eq!(told(&status), ["c", "d"]);
        let before = status.snapshot();
        assert_eq!((before.all.messages, before.streams_open, before.other_streams.streams), (15, 4, 2));
        // Its place is free when it is closed, and its counts stay in the sum.
        assert!(status.hub.close_stream(&"d".parse().unwrap()));
        tokio::time::advance(FRESH).await;
        assert_eq!(told(&status), ["a", "c"]);
        let after = status.snapshot();
        assert_eq!((after.all.messages, after.all.bytes, after.streams_open), (15, before.all.bytes, 3));
    }

    #[tokio::test(start_paused = true)]
    async fn who_asks_often_gets_the_same() {
        let status = status(&["a"], 1).await;
        let first = status.snapshot();
        assert!(Arc::ptr_eq(&first, &status.snapshot()));
        tokio::time::advance(FRESH).await;
        assert!(!Arc::ptr_eq(&first, &status.snapshot()));
    }

    #[test]
    fn responses_are_counted_by_status() {
        let responses = Responses::default();
        for status in [100, 200, 200, 503, 599, 600, 999] {
            responses.count(StatusCode::from_u16(status).unwrap());
        }
        let told: Vec<_> = responses.told().into_iter().collect();
        let expected = [("100", 1), ("200", 2), ("503", 1), ("599", 1)];
        assert_eq!(told, expected.map(|(status, count)| (status.to_owned(), count)));
    }
}
