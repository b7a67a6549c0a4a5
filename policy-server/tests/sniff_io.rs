//! The generic sniff over pipes in memory, where time is paused and every byte is placed by the test.

use std::time::Duration;

use policy_server::{
    Limits, PolicyFile, Responder, Sniffed,
    port::{Counter, Prefixed, Protocol, REQUEST, REQUEST_WITH_BLANK, Reason},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex},
    task::JoinHandle,
    time::{Instant, sleep},
};

fn responder() -> Responder {
    Responder::new(&PolicyFile::builder().allow("*.example.com", "8080").build().unwrap())
}

type Sniffing = JoinHandle<std::io::Result<Sniffed<Prefixed<DuplexStream>>>>;

/// A pipe that holds `size` bytes at a time, sniffed at its other end.
fn start(responder: &Responder, size: usize) -> (DuplexStream, Sniffing) {
    let (peer, io) = duplex(size);
    let responder = responder.clone();
    (peer, tokio::spawn(async move { responder.sniff_io(io).await }))
}

async fn reason(sniffing: Sniffing) -> Reason {
    match sniffing.await.unwrap().unwrap() {
        Sniffed::Closed(reason) => reason,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn one_byte_at_a_time_is_enough_for_both_forms() {
    for form in [REQUEST, REQUEST_WITH_BLANK] {
        let responder = responder();
        let (peer, sniffing) = start(&responder, 1);
        let (mut from, mut to) = tokio::io::split(peer);
        to.write_all(form).await.unwrap();
        let mut answer = vec![0; responder.wire().len()];
        from.read_exact(&mut answer).await.unwrap();
        assert_eq!(answer, responder.wire());
        assert_eq!(from.read(&mut [0]).await.unwrap(), 0);
        drop((from, to));
        assert!(matches!(sniffing.await.unwrap(), Ok(Sniffed::Policy)));
    }
}

#[tokio::test]
async fn every_mutation_is_refused_however_it_comes() {
    let responder = responder();
    let mut refused = 0;
    for (index, value) in (1..REQUEST.len()).flat_map(|i| (0..=255u8).map(move |v| (i, v))) {
        let mut bytes = REQUEST.to_vec();
        bytes[index] = value;
        if bytes == REQUEST {
            continue;
        }
        for size in [1, 64] {
            let (peer, sniffing) = start(&responder, size);
            let (mut from, mut to) = tokio::io::split(peer);
            // A mutation into the longer form is one only with the next byte.
            let sent = [&bytes[..], b"x"].concat();
            let sending = async {
                let _ = to.write_all(&sent).await;
            };
            let mut answer = Vec::new();
            let (_, read) = tokio::join!(sending, from.read_to_end(&mut answer));
            assert_eq!((read.unwrap(), answer.len()), (0, 0), "byte {index} set to {value:#04x}");
            assert!(
                matches!(reason(sniffing).await, Reason::Mismatch { at } if at == index || at == index + 1)
            );
            refused += 1;
        }
    }
    assert_eq!(responder.metrics().get(Counter::Mismatch), refused);
    assert_eq!(responder.metrics().get(Counter::Served), 0);
}

#[tokio::test]
async fn everything_else_comes_back_whole() {
    for (bytes, protocol) in [
        (&b"GET /a/rather/long/path/of/a/request HTTP/1.1\r\nHost: a\r\n\r\n"[..], Protocol::Http),
        (b"\x16\x03\x01", Protocol::Tls),
        (b"\0", Protocol::Unknown),
    ] {
        for size in [1, 7, 24, 25, 1024] {
            let (mut peer, sniffing) = start(&responder(), size);
            let sending = tokio::spawn(async move {
                peer.write_all(bytes).await.unwrap();
                peer.shutdown().await.unwrap();
                peer
            });
            let Ok(Sniffed::Other(mut io, hint)) = sniffing.await.unwrap() else { panic!() };
            assert_eq!(hint, protocol);
            let mut read = Vec::new();
            io.read_to_end(&mut read).await.unwrap();
            assert_eq!(read, bytes, "{size} bytes at a time");
            sending.await.unwrap();
        }
    }
}

#[tokio::test(start_paused = true)]
async fn silence_ends_at_its_deadline() {
    let (start_of_test, (_peer, sniffing)) = (Instant::now(), start(&responder(), 64));
    assert_eq!(reason(sniffing).await, Reason::Silent);
    assert_eq!(start_of_test.elapsed(), Limits::default().first_byte);
}

#[tokio::test(start_paused = true)]
async fn a_byte_a_second_is_too_slow() {
    let (responder, start_of_test) = (responder(), Instant::now());
    let (mut peer, sniffing) = start(&responder, 64);
    let slow = tokio::spawn(async move {
        for byte in REQUEST {
            sleep(Duration::from_secs(1)).await;
            if peer.write_all(&[*byte]).await.is_err() {
                break;
            }
        }
        peer
    });
    assert_eq!(reason(sniffing).await, Reason::Stalled);
    // The deadline runs from the first byte, and no later byte moves it.
    assert_eq!(start_of_test.elapsed(), Duration::from_secs(1) + Limits::default().request);
    let mut answer = Vec::new();
    slow.await.unwrap().read_to_end(&mut answer).await.unwrap();
    assert_eq!(answer, b"");
    assert_eq!(responder.metrics().get(Counter::Stalled), 1);
}

#[tokio::test(start_paused = true)]
async fn a_complete_request_is_answered_without_waiting() {
    let (responder, start_of_test) = (responder(), Instant::now());
    let (mut peer, _sniffing) = start(&responder, 1024);
    sleep(Duration::from_millis(4900)).await;
    peer.write_all(REQUEST).await.unwrap();
    let mut answer = Vec::new();
    peer.read_to_end(&mut answer).await.unwrap();
    assert_eq!(answer, responder.wire());
    assert_eq!(start_of_test.elapsed(), Duration::from_millis(4900));
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_never_reads_is_given_up() {
    let (responder, start_of_test) = (responder(), Instant::now());
    let (mut peer, sniffing) = start(&responder, 32);
    peer.write_all(REQUEST).await.unwrap();
    assert_eq!(reason(sniffing).await, Reason::Unread);
    assert_eq!(start_of_test.elapsed(), Limits::default().answer);
    assert_eq!(responder.metrics().get(Counter::Served), 0);
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_stays_is_closed_after_the_drain() {
    let (responder, start_of_test) = (responder(), Instant::now());
    let (mut peer, sniffing) = start(&responder, 1024);
    peer.write_all(REQUEST).await.unwrap();
    assert!(matches!(sniffing.await.unwrap(), Ok(Sniffed::Policy)));
    assert_eq!(start_of_test.elapsed(), Limits::default().drain);
    assert_eq!(responder.metrics().get(Counter::Served), 1);
    assert_eq!(responder.metrics().get(Counter::Undrained), 1);
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_keeps_sending_is_closed_after_so_many_bytes() {
    let (responder, start_of_test) = (responder(), Instant::now());
    let (mut peer, sniffing) = start(&responder, 1024);
    peer.write_all(REQUEST).await.unwrap();
    let noise = [0; 256];
    while peer.write_all(&noise).await.is_ok() {}
    assert!(matches!(sniffing.await.unwrap(), Ok(Sniffed::Policy)));
    assert_eq!(start_of_test.elapsed(), Duration::ZERO);
    assert_eq!(responder.metrics().get(Counter::Undrained), 1);
}

#[cfg(unix)]
#[tokio::test]
async fn unix_sockets_work_alike() {
    let responder = responder();
    let (mut peer, io) = tokio::net::UnixStream::pair().unwrap();
    let sniffing = tokio::spawn({
        let responder = responder.clone();
        async move { responder.sniff_io(io).await }
    });
    peer.write_all(REQUEST).await.unwrap();
    let mut answer = Vec::new();
    peer.read_to_end(&mut answer).await.unwrap();
    assert_eq!(answer, responder.wire());
    drop(peer);
    assert!(matches!(sniffing.await.unwrap(), Ok(Sniffed::Policy)));
}
