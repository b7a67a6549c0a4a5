//! The port over real sockets on loopback. No test waits for time to pass: deadlines run on paused time.

mod support;

use std::time::Duration;

use policy_server::{
    Limits, PolicyFile, Responder, Sniffed,
    port::{Counter, REQUEST, REQUEST_WITH_BLANK, Reason},
};
use support::{Port, policy, read_exactly, read_to_end};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpSocket, TcpStream},
    time::Instant,
};

/// The two ends of one connection: the accepted one and the peer's.
async fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let peer = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    (listener.accept().await.unwrap().0, peer)
}

#[tokio::test]
async fn both_forms_get_the_policy_and_one_nul_and_nothing_else() {
    let port = Port::start(Limits::default());
    let mut expected = policy().to_string().into_bytes();
    expected.push(0);
    for form in [REQUEST, REQUEST_WITH_BLANK] {
        assert_eq!(port.ask(form).await, expected);
    }
    assert_eq!(port.responder.metrics().get(Counter::Served), 2);
}

#[tokio::test]
async fn however_the_request_is_cut_the_answer_is_the_same() {
    let port = Port::start(Limits::default());
    let expected = policy().to_wire();
    for cut in 1..REQUEST.len() {
        let mut stream = port.connect().await;
        for segment in [&REQUEST[..cut], &REQUEST[cut..]] {
            stream.write_all(segment).await.unwrap();
            tokio::task::yield_now().await;
        }
        assert_eq!(read_to_end(&mut stream).await, expected, "cut after {cut} bytes");
    }
    let mut stream = port.connect().await;
    for byte in REQUEST {
        stream.write_all(&[*byte]).await.unwrap();
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(read_to_end(&mut stream).await, expected, "one byte per segment");
}

#[tokio::test]
async fn everything_else_is_handed_on_from_its_first_byte() {
    let port = Port::start(Limits::default());
    for (bytes, protocol) in [
        (&b"GET / HTTP/1.0\r\n\r\n"[..], "Http:"),
        (b"\x16\x03\x01\x02\x00\x01", "Tls:"),
        (b"\r\n\r\n\0\r\nQUIT\n", "Unknown:"),
        (b"\0", "Unknown:"),
        (b"POST / HTTP/1.1\r\n\r\n<policy-file-request/>\0", "Http:"),
    ] {
        for cut in 1..=bytes.len() {
            let mut stream = port.connect().await;
            stream.write_all(&bytes[..cut]).await.unwrap();
            assert_eq!(read_exactly(&mut stream, protocol.len()).await, protocol.as_bytes());
            stream.write_all(&bytes[cut..]).await.unwrap();
            assert_eq!(read_exactly(&mut stream, bytes.len()).await, bytes);
        }
    }
    assert_eq!(port.responder.metrics().get(Counter::Served), 0);
}

#[tokio::test]
async fn a_stranger_never_sees_the_policy_nor_its_own_bytes() {
    let port = Port::start(Limits::default());
    let mut refused = 0;
    for index in 1..REQUEST.len() {
        for value in [0, b' ', b'<', b'A', REQUEST[index] ^ 0x20, 0xff] {
            let mut bytes = REQUEST.to_vec();
            bytes[index] = value;
            if bytes != REQUEST {
                // A mutation into the longer form needs one byte more to be refused or not.
                bytes.push(b'x');
                assert_eq!(port.ask(&bytes).await, b"", "byte {index} set to {value:#04x}");
                refused += 1;
            }
        }
    }
    assert_eq!(port.responder.metrics().get(Counter::Mismatch), refused);
    assert_eq!(port.responder.metrics().get(Counter::Served), 0);
    assert_eq!(port.ask(REQUEST).await, policy().to_wire());
}

#[tokio::test]
async fn the_answer_survives_bytes_behind_the_request() {
    let port = Port::start(Limits::default());
    for extra in [1, 2, 64, 1000] {
        let mut bytes = REQUEST.to_vec();
        bytes.resize(REQUEST.len() + extra, b'\n');
        let mut stream = port.connect().await;
        stream.write_all(&bytes).await.unwrap();
        stream.write_all(b"more").await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.expect("an end of stream, not a reset");
        assert_eq!(answer, policy().to_wire(), "{extra} bytes more");
    }
}

#[tokio::test]
async fn a_peer_that_ended_its_side_still_gets_the_answer() {
    let port = Port::start(Limits::default());
    let mut stream = port.connect().await;
    stream.write_all(REQUEST).await.unwrap();
    stream.shutdown().await.unwrap();
    assert_eq!(read_to_end(&mut stream).await, policy().to_wire());
}

#[tokio::test]
async fn the_server_ends_its_side_and_waits_for_the_peer() {
    let (stream, mut peer) = pair().await;
    let responder = Responder::new(&policy());
    let sniffing = tokio::spawn({
        let responder = responder.clone();
        async move { responder.sniff(stream).await }
    });
    peer.write_all(REQUEST).await.unwrap();
    assert_eq!(read_to_end(&mut peer).await, policy().to_wire());
    assert!(!sniffing.is_finished(), "the connection is kept until the peer ends it");
    assert_eq!(responder.metrics().get(Counter::Served), 1);
    drop(peer);
    assert!(matches!(sniffing.await.unwrap(), Ok(Sniffed::Policy)));
    assert_eq!(responder.metrics().get(Counter::Undrained), 0);
}

#[tokio::test]
async fn early_ends_and_resets_are_told_apart() {
    for sent in [&b""[..], &REQUEST[..1], &REQUEST[..22], &REQUEST_WITH_BLANK[..23]] {
        let (stream, mut peer) = pair().await;
        peer.write_all(sent).await.unwrap();
        drop(peer);
        let sniffed = Responder::new(&policy()).sniff(stream).await.unwrap();
        assert!(matches!(sniffed, Sniffed::Closed(Reason::EndedEarly)), "{sniffed:?}");
    }
    let (stream, peer) = pair().await;
    peer.set_zero_linger().unwrap();
    drop(peer);
    let responder = Responder::new(&policy());
    assert!(responder.sniff(stream).await.is_err());
    assert_eq!(responder.metrics().get(Counter::Failed), 1);
}

#[tokio::test]
async fn silent_clients_stop_nobody() {
    let port = Port::start(Limits::default());
    let mut silent = Vec::new();
    for n in 0..200 {
        let mut stream = port.connect().await;
        stream.write_all(&REQUEST[..n % REQUEST.len()]).await.unwrap();
        silent.push(stream);
    }
    assert_eq!(port.ask(REQUEST).await, policy().to_wire());
    let mut http = port.connect().await;
    http.write_all(b"GET").await.unwrap();
    assert_eq!(read_exactly(&mut http, 8).await, b"Http:GET");
}

#[tokio::test]
async fn a_replaced_policy_is_served_from_then_on() {
    let port = Port::start(Limits::default());
    assert_eq!(port.ask(REQUEST).await, policy().to_wire());
    let other = PolicyFile::builder().allow("other.example", "1").build().unwrap();
    port.responder.replace(&other);
    assert_eq!(port.ask(REQUEST).await, other.to_wire());
}

#[tokio::test]
async fn too_many_unclassified_connections_are_closed_at_once() {
    let mut limits = Limits::default();
    limits.unclassified = 2;
    let port = Port::start(limits);
    let silent = [port.connect().await, port.connect().await];
    assert_eq!(port.ask(b"").await, b"");
    assert_eq!(port.responder.metrics().get(Counter::RefusedUnclassified), 1);
    // One shows what it is, and there is room again.
    let [mut first, _second] = silent;
    first.write_all(b"GET").await.unwrap();
    assert_eq!(read_exactly(&mut first, 8).await, b"Http:GET");
    assert_eq!(port.ask(REQUEST).await, policy().to_wire());
}

#[tokio::test]
async fn too_many_from_one_address_are_closed_at_once() {
    let mut limits = Limits::default();
    limits.unclassified_per_address = 1;
    let port = Port::start(limits);
    let _silent = port.connect().await;
    assert_eq!(port.ask(b"").await, b"");
    assert_eq!(port.responder.metrics().get(Counter::RefusedAddress), 1);
}

#[tokio::test]
async fn too_many_connections_are_closed_at_once() {
    let mut limits = Limits::default();
    limits.connections = 1;
    let port = Port::start(limits);
    let mut http = port.connect().await;
    http.write_all(b"GET").await.unwrap();
    assert_eq!(read_exactly(&mut http, 8).await, b"Http:GET");
    assert_eq!(port.ask(b"").await, b"");
    assert_eq!(port.responder.metrics().get(Counter::RefusedFull), 1);
}

#[tokio::test]
async fn a_panic_in_the_service_ends_one_connection_and_frees_its_place() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut limits = Limits::default();
    limits.connections = 1;
    let responder = Responder::with_limits(&policy(), limits);
    tokio::spawn(policy_server::serve(listener, responder, std::future::pending(), |_, _, _| async {
        panic!("on purpose")
    }));
    for _ in 0..3 {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(b"G").await.unwrap();
        assert_eq!(read_to_end(&mut stream).await, b"");
    }
}

#[tokio::test]
async fn stopping_closes_who_stays_silent_and_leaves_the_rest_to_the_caller() {
    let mut limits = Limits::default();
    limits.first_byte = Duration::from_secs(3_600);
    let port = Port::start(limits);
    let (mut silent, mut http) = (port.connect().await, port.connect().await);
    let mut late = port.connect().await;
    http.write_all(b"GET").await.unwrap();
    assert_eq!(read_exactly(&mut http, 8).await, b"Http:GET");
    let address = port.address;

    let draining = port.stop().await;
    assert!(TcpStream::connect(address).await.is_err(), "the listener is closed");
    // Who came just before, and what it says is on its way.
    late.write_all(REQUEST).await.unwrap();
    assert_eq!(read_to_end(&mut late).await, policy().to_wire());
    assert_eq!(read_to_end(&mut silent).await, b"");
    drop(late);
    http.write_all(b" /").await.unwrap();
    assert_eq!(read_exactly(&mut http, 2).await, b" /");
    drop(http);
    draining.wait().await;
}

#[tokio::test(start_paused = true)]
async fn a_silent_connection_is_closed_at_its_deadline() {
    let (stream, mut peer) = pair().await;
    let (start, responder) = (Instant::now(), Responder::new(&policy()));
    let sniffed = responder.sniff(stream).await.unwrap();
    assert!(matches!(sniffed, Sniffed::Closed(Reason::Silent)), "{sniffed:?}");
    assert_eq!(start.elapsed().as_secs(), Limits::default().first_byte.as_secs());
    assert_eq!(responder.metrics().get(Counter::Silent), 1);
    assert_eq!(peer.read(&mut [0]).await.unwrap(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_crowded_port_has_less_patience() {
    let mut limits = Limits::default();
    limits.unclassified = 2;
    limits.first_byte = Duration::from_secs(3600);
    let port = Port::start(limits.clone());
    let _first = port.connect().await;
    let mut second = port.connect().await;
    let start = Instant::now();
    assert_eq!(read_to_end(&mut second).await, b"");
    assert!(start.elapsed() < limits.first_byte_crowded * 2, "{:?}", start.elapsed());
}

/// An accepted connection whose kernel buffers hold less than the policy, and the policy.
async fn narrow() -> (TcpStream, TcpStream, PolicyFile) {
    // Set before the connection is made, or the window is wide already.
    let (listener, peer) = (TcpSocket::new_v4().unwrap(), TcpSocket::new_v4().unwrap());
    listener.set_send_buffer_size(1).unwrap();
    peer.set_recv_buffer_size(1).unwrap();
    listener.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = listener.listen(1).unwrap();
    let peer = peer.connect(listener.local_addr().unwrap()).await.unwrap();
    let stream = listener.accept().await.unwrap().0;
    let entries = (0..300).fold(PolicyFile::builder(), |b, n| b.allow(&format!("h{n}.example.com"), "80"));
    (stream, peer, entries.build().unwrap())
}

#[tokio::test]
async fn a_policy_larger_than_the_buffers_arrives_whole() {
    let (stream, mut peer, policy) = narrow().await;
    let responder = Responder::new(&policy);
    let sniffing = tokio::spawn(async move { responder.sniff(stream).await });
    peer.write_all(REQUEST).await.unwrap();
    assert_eq!(read_to_end(&mut peer).await, policy.to_wire());
    drop(peer);
    assert!(matches!(sniffing.await.unwrap(), Ok(Sniffed::Policy)));
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_does_not_take_the_policy_is_given_up() {
    let (stream, mut peer, policy) = narrow().await;
    peer.write_all(REQUEST).await.unwrap();
    let sniffed = Responder::new(&policy).sniff(stream).await.unwrap();
    assert!(matches!(sniffed, Sniffed::Closed(Reason::Unread)), "{sniffed:?}");
}

#[test]
fn the_future_of_a_silent_connection_is_small() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (stream, _peer) = runtime.block_on(pair());
    let _context = runtime.enter();
    let responder = Responder::new(&policy());
    let size = size_of_val(&responder.sniff(stream));
    assert!(size <= 640, "{size} bytes");
}
