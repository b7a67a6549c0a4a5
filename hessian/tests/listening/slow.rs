//! Readers slower than their server: what waits, waits at the server.

use crate::server::{Expecting, Server};
use hessian::client::stream::{READ_AHEAD, Verdict, listen};
use hessian::packet::Framing;
use std::io::{Read as _, Write as _};
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::join;
use tokio::time::timeout;

/// A server that is not read is held up, and what it had to say is read later.
#[tokio::test]
async fn a_reader_that_stops_holds_the_server_up() {
    const PACKETS: u64 = 2000;
    let server = Server::start().await;
    let mut listener = Expecting::of(listen(server.url()));
    let body = vec![0x91; 60_000];
    let (held, is_held) = tokio::sync::oneshot::channel();
    let serve = async {
        let mut asked = server.answered("").await;
        let mut held = Some(held);
        let mut packet = Vec::new();
        Framing::Ws.frame(&[&body], &mut packet);
        let mut chunk = format!("{:x}\r\n", packet.len()).into_bytes();
        chunk.extend_from_slice(&packet);
        chunk.extend_from_slice(b"\r\n");
        for number in 0..PACKETS {
            let mut left = &chunk[..];
            while !left.is_empty() {
                let write = asked.socket.write(left);
                if held.is_none() {
                    let written = write.await.unwrap();
                    left = &left[written..];
                    continue;
                }
                match timeout(Duration::from_millis(200), write).await {
                    Ok(written) => left = &left[written.unwrap()..],
                    Err(_) => held.take().unwrap().send(number).unwrap(),
                }
            }
        }
        assert!(held.is_none(), "120 MB were taken by a client that does not read");
        asked
    };
    let read = async {
        listener.connected(Verdict::Fresh).await;
        let sent = is_held.await.unwrap();
        assert!(sent < PACKETS);
        for _ in 0..PACKETS {
            match listener.event().await {
                hessian::client::stream::Event::Packet(packet) => assert_eq!(packet.data().len(), body.len()),
                event => panic!("{event:?}"),
            }
        }
    };
    let (_asked, ()) = join!(serve, read);
}

/// Memory: the packet in hand and the bounds, however much has come and in whatever pieces.
#[test]
fn memory_is_flat() {
    for (size, count) in [(100, 200_000_usize), (64 << 10, 1000), (10 << 20, 8)] {
        let server = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let url = format!("http://{}/", server.local_addr().unwrap());
        // Elsewhere, so that only the client's allocations are counted.
        let serving = std::thread::spawn(move || {
            let (mut socket, _) = server.accept().unwrap();
            let mut request = [0; 4096];
            let _ = socket.read(&mut request).unwrap();
            let mut packet = Vec::new();
            Framing::Ws.frame(&[&vec![0x91; size]], &mut packet);
            let burst = packet.repeat((READ_AHEAD / packet.len()).max(1));
            let per_burst = burst.len() / packet.len();
            socket.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").unwrap();
            for _ in 0..count / per_burst {
                write!(socket, "{:x}\r\n", burst.len()).unwrap();
                socket.write_all(&burst).unwrap();
                socket.write_all(b"\r\n").unwrap();
            }
            socket.write_all(b"0\r\n\r\n").unwrap();
            count / per_burst * per_burst
        });
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let mut packets = listen(url).reconnect(false).open().unwrap().packets();
        let mut seen = 0;
        let measured = allocation_counter::measure(|| {
            runtime.block_on(async {
                while let Some(packet) = packets.next().await {
                    assert_eq!(packet.unwrap().data().len(), size);
                    seen += 1;
                }
            });
        });
        assert_eq!(seen, serving.join().unwrap());
        // A long packet: its frames, joined; both may be in buffers that have doubled.
        let bound = 8 * READ_AHEAD as u64 + if size > READ_AHEAD { 5 * size as u64 } else { 0 };
        assert!(measured.bytes_max < bound, "{size}: {} of {bound}", measured.bytes_max);
        // A buffer serves many packets.
        let most = 200 + (count as u64 * (size as u64 + 8)) / 4096;
        assert!(measured.count_total < most, "{size}: {} allocations, {most} at most", measured.count_total);
    }
}

/// A flood of heartbeats does not keep the thread from others.
#[tokio::test(flavor = "current_thread")]
async fn heartbeats_do_not_starve_others() {
    let server = Server::start().await;
    let mut packets = listen(server.url()).open().unwrap().packets();
    let flood = Framing::Ws.heartbeat().repeat(16 << 10);
    let serve = async {
        let mut asked = server.answered("").await;
        for _ in 0..100 {
            asked.chunk(&flood).await;
        }
        asked.send([1]).await;
        asked
    };
    let turns = std::cell::Cell::new(0_u32);
    let others = async {
        loop {
            turns.set(turns.get() + 1);
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        (_asked, packet) = async { join!(serve, packets.next()) } => {
            packet.unwrap().unwrap();
        }
        () = others => {}
    }
    // 1,638,400 heartbeats, at most 1,024 at a time.
    assert!(turns.get() > 1000, "{}", turns.get());
}
