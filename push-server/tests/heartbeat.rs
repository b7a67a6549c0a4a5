//! Heartbeats, in paused time.

mod support;

use push_server::{Framing, Grammar, Hub, Limits, Start, Transport, demo};
use support::{EPOCH, attach, wait_for};
use tokio::time::{Duration, Instant, sleep};

const HEARTBEAT: Duration = Duration::from_secs(4);

fn hub() -> Hub {
    let mut limits = Limits::default();
    limits.heartbeat = HEARTBEAT;
    Hub::start(EPOCH, limits, 1)
}

const FORMS: [(Transport, &str); 11] = [
    (Transport::hessian(Framing::Ws), "\x05\x00"),
    (Transport::hessian(Framing::P), "P\x00\x00"),
    (Transport::hessian(Framing::Varint), "\x00"),
    (Transport::hessian(Framing::Marked), "\u{80}\x00"),
    (Transport::Script, "\n"),
    (Transport::Sse, ":\n\n"),
    (Transport::Xhr, "\n"),
    (Transport::Multipart, "\n"),
    (Transport::WsJson, "\u{89}\0"),
    (Transport::WsHessian, "\u{89}\0"),
    (Transport::Ruffle { framing: Framing::P, grammar: Grammar::Tutorial }, "\u{89}\0"),
];

#[tokio::test(start_paused = true)]
async fn a_silent_stream_beats_in_every_form() {
    for (transport, beat) in FORMS {
        let beat: Vec<u8> = beat.chars().map(|c| c as u8).collect();
        for chunked in [false, true] {
            // There are no chunks on a WebSocket.
            if chunked && transport.is_websocket() {
                continue;
            }
            let hub = hub();
            let stream = demo::open(&hub).unwrap();
            let mut client = attach(&stream, transport, Start::Live, chunked, "HEAD").await;
            client.until(b"HEAD").await;
            let begin = Instant::now();
            let expected = match chunked {
                true => [format!("{:x}\r\n", beat.len()).as_bytes(), &beat, b"\r\n"].concat(),
                false => beat.clone(),
            };
            for _ in 0..3 {
                assert_eq!(client.take(expected.len()).await, expected, "{transport:?}");
            }
            let took = begin.elapsed();
            assert!(took >= HEARTBEAT * 3 && took < HEARTBEAT * 3 + Duration::from_secs(1), "{took:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_puts_the_next_heartbeat_off() {
    let hub = hub();
    let stream = demo::open(&hub).unwrap();
    let mut client = attach(&stream, Transport::Sse, Start::Live, false, "HEAD").await;
    client.until(b"HEAD").await;
    wait_for(|| stream.readers() == 1).await;
    for number in 1..=5 {
        sleep(HEARTBEAT * 2 / 3).await;
        stream.publish(&number).await.unwrap();
        let event = format!("id: ab:{number}\ndata: {number}\n\n");
        assert_eq!(client.take(event.len()).await, event.as_bytes());
    }
    let last = Instant::now();
    assert_eq!(client.take(3).await, b":\n\n");
    assert!(last.elapsed() >= HEARTBEAT, "{:?}", last.elapsed());
}
