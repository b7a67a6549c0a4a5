//! Everyone else on the port while something is tested on it: silent clients, slow ones, policy clients, TLS clients.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use policy_server::port::{Counter, REQUEST};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::service::Service;
use crate::site;

/// Clients that connect and say nothing, again as soon as they are closed.
pub(crate) const SILENT: usize = 400;
/// Clients that send a policy request, one byte a second.
const SLOW_POLICY: usize = 100;
/// Clients that send an HTTP request, one byte a second.
const SLOW_HTTP: usize = 50;
/// TLS clients that say nothing after the handshake.
const SILENT_TLS: usize = 20;
/// Clients that ask for the policy again and again; half of them inside TLS, with HTTP inside TLS in turn.
const PLAYERS: usize = 8;

const BYTE_EVERY: Duration = Duration::from_secs(1);
/// Between two requests of a player: the machine is for the others too.
const BREATH: Duration = Duration::from_millis(10);
/// How long a player waits for a policy.
const PLAYERS_PATIENCE: Duration = Duration::from_secs(3);

/// A crowd that is there. Whoever of it is treated wrongly panics, which [`Crowd::leave`] passes on.
pub(crate) struct Crowd {
    clients: JoinSet<()>,
    seen: Arc<Seen>,
}

/// What its members have seen.
#[derive(Debug, Default)]
struct Seen {
    silent_now: AtomicUsize,
    slow_closed: AtomicU64,
    answers: AtomicU64,
    answers_in_tls: AtomicU64,
    http_in_tls: AtomicU64,
    slowest_micros: AtomicU64,
}

/// What one member needs to know.
#[derive(Clone)]
struct Place {
    address: SocketAddr,
    policy: Arc<[u8]>,
    tls: TlsConnector,
    seen: Arc<Seen>,
}

impl Crowd {
    /// Comes to `service` and returns when the crowd is complete.
    pub(crate) async fn come(service: &Service) -> Self {
        let mut roots = RootCertStore::empty();
        roots.add(service.certificate.clone()).expect("the service's certificate");
        let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        let seen = Arc::new(Seen::default());
        let place = Place {
            address: service.address,
            policy: site::answer(&service.policy).into(),
            tls: TlsConnector::from(Arc::new(config)),
            seen: Arc::clone(&seen),
        };
        let mut clients = JoinSet::new();
        (0..SILENT).for_each(|_| drop(clients.spawn(silent(place.clone()))));
        (0..SLOW_POLICY).for_each(|_| drop(clients.spawn(slow_policy(place.clone()))));
        (0..SLOW_HTTP).for_each(|_| drop(clients.spawn(slow_http(place.clone()))));
        (0..SILENT_TLS).for_each(|_| drop(clients.spawn(silent_in_tls(place.clone()))));
        (0..PLAYERS).for_each(|i| drop(clients.spawn(player(place.clone(), i % 2 == 1))));
        let mut crowd = Self { clients, seen };
        let start = Instant::now();
        while crowd.silent() < SILENT || crowd.seen.slow_closed.load(Ordering::Relaxed) == 0 {
            crowd.assert_well();
            assert!(start.elapsed() < Duration::from_secs(20), "no crowd: {:?}", crowd.seen);
            sleep(Duration::from_millis(20)).await;
        }
        println!("the crowd is there after {} ms: {:?}", start.elapsed().as_millis(), crowd.seen);
        crowd
    }

    /// How many silent clients are connected now.
    pub(crate) fn silent(&self) -> usize {
        self.seen.silent_now.load(Ordering::Relaxed)
    }

    /// Members stay until they are sent away: whoever has ended has panicked.
    fn assert_well(&mut self) {
        if let Some(ended) = self.clients.try_join_next() {
            ended.expect("nobody in the crowd is treated wrongly");
            panic!("a member of the crowd has ended by itself");
        }
    }

    /// Says what the crowd has seen; fails if anything of it was wrong.
    pub(crate) fn leave(mut self, service: &Service) {
        self.assert_well();
        let metrics = service.responder.metrics();
        let counted = |counter| metrics.get(counter);
        println!("the crowd has seen {:?}", self.seen);
        println!("the port has counted {:?}", metrics.snapshot());
        let seen = |count: &AtomicU64| count.load(Ordering::Relaxed);
        for count in [&self.seen.answers, &self.seen.answers_in_tls, &self.seen.http_in_tls] {
            assert!(seen(count) > 0, "every kind of client was served: {:?}", self.seen);
        }
        // Each of these is closed at its own deadline, and told apart from the others.
        assert!(counted(Counter::Stalled) >= seen(&self.seen.slow_closed), "slow requests stall");
        let answers = seen(&self.seen.answers) + seen(&self.seen.answers_in_tls);
        assert!(counted(Counter::Served) >= answers, "an answer that came was counted");
        for refused in [Counter::RefusedFull, Counter::RefusedUnclassified, Counter::RefusedAddress] {
            assert_eq!(counted(refused), 0, "no crowd of this size is turned away");
        }
    }
}

async fn connect(place: &Place) -> TcpStream {
    let stream = TcpStream::connect(place.address).await.expect("the port takes everyone");
    stream.set_nodelay(true).expect("an option of TCP");
    stream
}

async fn connect_tls(place: &Place) -> TlsStream<TcpStream> {
    let name = "localhost".try_into().expect("a name");
    place.tls.connect(name, connect(place).await).await.expect("a handshake")
}

/// Whatever comes until the stream ends or is reset.
async fn rest(mut io: impl AsyncRead + Unpin) -> Vec<u8> {
    let mut read = Vec::new();
    let _ = io.read_to_end(&mut read).await;
    read
}

async fn silent(place: Place) {
    loop {
        let stream = connect(&place).await;
        place.seen.silent_now.fetch_add(1, Ordering::Relaxed);
        let read = rest(stream).await;
        place.seen.silent_now.fetch_sub(1, Ordering::Relaxed);
        assert!(read.is_empty(), "who says nothing is told nothing: {}", read.escape_ascii());
    }
}

async fn slow_policy(place: Place) {
    loop {
        let mut stream = connect(&place).await;
        for byte in REQUEST {
            if stream.write_all(&[*byte]).await.is_err() {
                break;
            }
            sleep(BYTE_EVERY).await;
        }
        let read = rest(stream).await;
        assert!(read.is_empty(), "the policy is for those who ask in time: {}", read.escape_ascii());
        place.seen.slow_closed.fetch_add(1, Ordering::Relaxed);
    }
}

/// The service has no objection: it waits for an HTTP request as long as hyper does.
async fn slow_http(place: Place) {
    loop {
        let mut stream = connect(&place).await;
        for byte in b"GET /part/1 HTTP/1.0\r\n\r\n" {
            stream.write_all(&[*byte]).await.expect("a request may take its time");
            sleep(BYTE_EVERY).await;
        }
        let read = rest(stream).await;
        assert!(read.ends_with(b"part 1"), "{}", read.escape_ascii());
    }
}

async fn silent_in_tls(place: Place) {
    loop {
        let read = rest(connect_tls(&place).await).await;
        assert!(read.is_empty(), "who says nothing is told nothing: {}", read.escape_ascii());
    }
}

async fn ask(mut io: impl AsyncRead + AsyncWrite + Unpin, request: &[u8]) -> Vec<u8> {
    io.write_all(request).await.expect("the port reads");
    io.flush().await.expect("the port reads");
    let mut answer = Vec::new();
    io.read_to_end(&mut answer).await.expect("an answer and a clean end");
    answer
}

async fn player(place: Place, in_tls: bool) {
    let seen = &place.seen;
    loop {
        let start = Instant::now();
        let answer = match in_tls {
            true => ask(connect_tls(&place).await, REQUEST).await,
            false => ask(connect(&place).await, REQUEST).await,
        };
        let took = start.elapsed();
        site::assert_same(&answer, &place.policy);
        assert!(took < PLAYERS_PATIENCE, "a player has left: the policy took {took:?}");
        seen.slowest_micros.fetch_max(u64::try_from(took.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
        if in_tls {
            seen.answers_in_tls.fetch_add(1, Ordering::Relaxed);
            let http = ask(connect_tls(&place).await, b"GET /part/2 HTTP/1.0\r\n\r\n").await;
            assert!(http.ends_with(b"part 2"), "{}", http.escape_ascii());
            seen.http_in_tls.fetch_add(1, Ordering::Relaxed);
        } else {
            seen.answers.fetch_add(1, Ordering::Relaxed);
        }
        sleep(BREATH).await;
    }
}
