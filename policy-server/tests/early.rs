//! Connections whose bytes are there before they are accepted: what is done for them without waiting. Peers
//! connect and send while nobody accepts yet, so that no test depends on who is faster.

use std::time::Duration;

use policy_server::{
    Limits, ListenConfig, PolicyFile, Responder,
    port::{Counter, REQUEST, REQUEST_WITH_BLANK},
    serve,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpSocket, TcpStream},
    sync::oneshot,
    task::JoinHandle,
    time::Instant,
};

fn policy() -> PolicyFile {
    PolicyFile::builder().allow("*.example.com", "8080").build().unwrap()
}

/// What came until the stream ended or was reset.
async fn read_to_end(stream: &mut TcpStream) -> Vec<u8> {
    let mut received = Vec::new();
    let _ = stream.read_to_end(&mut received).await;
    received
}

/// A port that is bound, and not served yet.
struct Closed {
    listener: TcpListener,
    responder: Responder,
}

struct Opened {
    responder: Responder,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<policy_server::port::Draining>,
}

impl Closed {
    fn new(limits: Limits) -> Self {
        // Its backlog holds all that a test sends ahead.
        let listener = ListenConfig::default().bind(([127, 0, 0, 1], 0).into()).unwrap();
        Self { listener, responder: Responder::with_limits(&policy(), limits) }
    }

    async fn peer(&self, bytes: &[u8]) -> TcpStream {
        let mut stream = TcpStream::connect(self.listener.local_addr().unwrap()).await.unwrap();
        stream.set_nodelay(true).unwrap();
        stream.write_all(bytes).await.unwrap();
        stream
    }

    /// Serves from now on; the service answers with what it reads first.
    fn open(self) -> Opened {
        let Self { listener, responder } = self;
        let (stop, stopped) = oneshot::channel();
        let shutdown = async { drop(stopped.await) };
        let service = |mut stream: TcpStream, _, protocol| async move {
            let mut bytes = [0; 1024];
            let n = stream.read(&mut bytes).await.unwrap_or(0);
            let _ = stream.write_all(format!("{protocol:?}:").as_bytes()).await;
            let _ = stream.write_all(&bytes[..n]).await;
        };
        let serving = tokio::spawn(serve(listener, responder.clone(), shutdown, service));
        Opened { responder, stop, serving }
    }
}

impl Opened {
    fn count(&self, counter: Counter) -> u64 {
        self.responder.metrics().get(counter)
    }
}

#[tokio::test]
async fn each_kind_of_first_bytes_gets_what_it_should() {
    let port = Closed::new(Limits::default());
    let mut policies = Vec::new();
    for bytes in [REQUEST, REQUEST_WITH_BLANK, &[REQUEST, b"and more"].concat(), &[REQUEST; 9].concat()] {
        policies.push(port.peer(bytes).await);
    }
    let mut http = port.peer(b"GET / HTTP/1.0\r\n\r\n").await;
    let mut tls = port.peer(b"\x16\x03\x01").await;
    let mut halves = Vec::new();
    for cut in 1..REQUEST.len() {
        halves.push((cut, port.peer(&REQUEST[..cut]).await));
    }
    let mut ended = port.peer(b"").await;
    ended.shutdown().await.unwrap();

    let port = port.open();
    for stream in &mut policies {
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.expect("an end of stream, not a reset");
        assert_eq!(answer, policy().to_wire());
    }
    assert_eq!(read_to_end(&mut http).await, b"Http:GET / HTTP/1.0\r\n\r\n");
    assert_eq!(read_to_end(&mut tls).await, b"Tls:\x16\x03\x01");
    for (cut, stream) in &mut halves {
        stream.write_all(&REQUEST[*cut..]).await.unwrap();
        assert_eq!(read_to_end(stream).await, policy().to_wire(), "cut after {cut} bytes");
    }
    assert_eq!(read_to_end(&mut ended).await, b"");
    assert_eq!(port.count(Counter::Served), 4 + 22);
    assert_eq!((port.count(Counter::HandedOn), port.count(Counter::EndedEarly)), (2, 1));
}

#[tokio::test]
async fn no_mutation_of_a_single_byte_gets_the_policy() {
    for index in 0..REQUEST.len() {
        let port = Closed::new(Limits::default());
        let mut peers = Vec::new();
        for value in (0..=255u8).filter(|value| *value != REQUEST[index]) {
            // A mutation into the longer form needs one byte more to be refused or not.
            let mut bytes = [REQUEST, b"x"].concat();
            bytes[index] = value;
            peers.push((value, bytes.clone(), port.peer(&bytes).await));
        }
        let port = port.open();
        for (value, bytes, stream) in &mut peers {
            let answer = read_to_end(stream).await;
            match index {
                0 => assert!(answer.ends_with(bytes), "{value:#04x} goes to the service, untouched"),
                _ => assert_eq!(answer, b"", "byte {index} set to {value:#04x}"),
            }
        }
        let refused = if index == 0 { Counter::HandedOn } else { Counter::Mismatch };
        assert_eq!((port.count(refused), port.count(Counter::Served)), (255, 0));
    }
}

#[tokio::test]
async fn bytes_that_are_there_need_no_room_among_the_undecided() {
    let mut limits = Limits::default();
    limits.unclassified = 0;
    let port = Closed::new(limits);
    let (mut asking, mut http, mut silent) =
        (port.peer(REQUEST).await, port.peer(b"GET /").await, port.peer(b"").await);
    let port = port.open();
    assert_eq!(read_to_end(&mut asking).await, policy().to_wire());
    assert_eq!(read_to_end(&mut http).await, b"Http:GET /");
    assert_eq!(read_to_end(&mut silent).await, b"");
    assert_eq!((port.count(Counter::Served), port.count(Counter::HandedOn)), (1, 1));
    assert_eq!((port.count(Counter::RefusedUnclassified), port.count(Counter::Undrained)), (1, 1));
}

#[tokio::test]
async fn who_has_its_answer_keeps_its_place_until_it_closes_also_when_the_port_stops() {
    let port = Closed::new(Limits::default());
    let mut peer = port.peer(REQUEST).await;
    let port = port.open();
    assert_eq!(read_to_end(&mut peer).await, policy().to_wire());
    assert_eq!(port.responder.open(), 1);

    port.stop.send(()).unwrap();
    let draining = port.serving.await.unwrap();
    assert_eq!(draining.open(), 1);
    // What it still sends is no reason for a reset.
    peer.write_all(b"thanks").await.unwrap();
    drop(peer);
    draining.wait().await;
    assert_eq!(port.responder.metrics().get(Counter::Undrained), 0);
}

#[tokio::test(start_paused = true)]
async fn who_never_closes_is_closed_at_the_deadline() {
    let port = Closed::new(Limits::default());
    let mut peer = port.peer(REQUEST).await;
    let port = port.open();
    assert_eq!(read_to_end(&mut peer).await, policy().to_wire());
    let start = Instant::now();
    while port.responder.open() > 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let (elapsed, drain) = (start.elapsed(), Limits::default().drain);
    assert!(elapsed <= drain + Duration::from_millis(2) && elapsed > drain / 2, "{elapsed:?}");
    assert_eq!((port.count(Counter::Served), port.count(Counter::Undrained)), (1, 1));
}

/// A port whose peers take less than the policy at a time.
async fn narrow() -> (Closed, TcpStream, PolicyFile) {
    let (listener, peer) = (TcpSocket::new_v4().unwrap(), TcpSocket::new_v4().unwrap());
    listener.set_send_buffer_size(1).unwrap();
    peer.set_recv_buffer_size(1).unwrap();
    listener.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = listener.listen(1).unwrap();
    let mut peer = peer.connect(listener.local_addr().unwrap()).await.unwrap();
    peer.write_all(REQUEST).await.unwrap();
    let entries = (0..300).fold(PolicyFile::builder(), |b, n| b.allow(&format!("h{n}.example.com"), "80"));
    let policy = entries.build().unwrap();
    (Closed { listener, responder: Responder::new(&policy) }, peer, policy)
}

#[tokio::test]
async fn an_answer_that_is_too_large_for_one_go_arrives_whole() {
    let (port, mut peer, policy) = narrow().await;
    let port = port.open();
    assert_eq!(read_to_end(&mut peer).await, policy.to_wire());
    drop(peer);
    assert_eq!(port.count(Counter::Served), 1);
}

#[tokio::test(start_paused = true)]
async fn who_does_not_take_such_an_answer_is_given_up() {
    let (port, _peer, _) = narrow().await;
    let port = port.open();
    tokio::time::sleep(Limits::default().answer + Duration::from_millis(1)).await;
    while port.responder.open() > 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert_eq!((port.count(Counter::Unread), port.count(Counter::Served)), (1, 0));
}

#[tokio::test]
async fn resets_before_the_accept_disturb_nobody() {
    let port = Closed::new(Limits::default());
    for bytes in [&b""[..], b"GET", REQUEST] {
        let peer = port.peer(bytes).await;
        peer.set_zero_linger().unwrap();
        drop(peer);
    }
    let mut asking = port.peer(REQUEST).await;
    let _port = port.open();
    assert_eq!(read_to_end(&mut asking).await, policy().to_wire());
}
