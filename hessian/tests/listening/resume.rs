//! Lost connections: what is lost with them, and what is told of it.

use crate::server::{Expecting, Server};
use hessian::client::stream::{Event, Lost, Position, Verdict, listen};
use std::time::Duration;
use tokio::join;

fn position(text: &str) -> Option<Position> {
    Some(text.parse().unwrap())
}

#[tokio::test(start_paused = true)]
async fn goes_on_where_the_connection_was_cut() {
    let server = Server::start().await;
    let mut listener = Expecting::of(listen(server.url()));
    let serve = async {
        let mut first = server.answered("push-position: ab:5|push-heartbeat: 15").await;
        assert_eq!(first.field("last-event-id"), None);
        first.send(6..=8).await;
        first.heartbeat().await;
        // Half a packet: it does not count.
        let packet = first.packet(9);
        first.chunk(&packet[..packet.len() / 2]).await;
        drop(first);
        let mut second = server.answered("push-position: ab:8|push-resume: complete").await;
        assert_eq!(second.field("last-event-id"), Some("ab:8"));
        second.send(9..=10).await;
        second.end().await;
        let third = server.answered("push-position: ab:10|push-resume: complete").await;
        assert_eq!(third.field("last-event-id"), Some("ab:10"));
        third.closed().await;
    };
    let read = async {
        let connected = listener.connected(Verdict::Fresh).await;
        assert_eq!(connected.position, position("ab:5"));
        assert_eq!(connected.heartbeat, Some(Duration::from_secs(15)));
        for number in 6..=8 {
            listener.packet(number, Some(&format!("ab:{number}"))).await;
        }
        assert!(matches!(listener.event().await, Event::Heartbeat));
        let (why, after, failures) = listener.lost().await;
        assert!(matches!(why, Lost::Failed(_)), "{why}");
        assert!(after >= Duration::from_millis(500) && after <= Duration::from_secs(1) && failures == 0);
        listener.connected(Verdict::Complete).await;
        listener.packet(9, Some("ab:9")).await;
        listener.packet(10, Some("ab:10")).await;
        let (why, after, failures) = listener.lost().await;
        assert!(matches!(why, Lost::Ended), "{why}");
        assert_eq!((after, failures), (Duration::ZERO, 0));
        listener.connected(Verdict::Complete).await;
        drop(listener);
    };
    join!(serve, read);
}

/// Wherever the connection is cut, in the head, in a chunk's length, in a packet or between two: each message once.
#[tokio::test(start_paused = true)]
async fn a_cut_at_any_byte_loses_nothing() {
    const MESSAGES: u64 = 4;
    let whole = {
        let server = Server::start().await;
        let (mut asked, _client) = join!(server.asked(), async {
            let mut listener = Expecting::of(listen(server.url()));
            tokio::time::timeout(Duration::from_millis(1), listener.event()).await.unwrap_err();
        });
        let mut stream = Vec::new();
        for number in 1..=MESSAGES {
            let packet = asked.packet(number);
            stream.extend_from_slice(format!("{:x}\r\n", packet.len()).as_bytes());
            stream.extend_from_slice(&packet);
            stream.extend_from_slice(b"\r\n");
            stream.extend_from_slice(b"2\r\n\x05\x00\r\n");
        }
        let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\npush-position: ab:0\r\n\r\n";
        [head.as_bytes(), &stream, b"0\r\n\r\n"].concat()
    };
    let head = whole.windows(4).position(|end| end == b"\r\n\r\n").unwrap() + 4;
    for cut in 0..whole.len() {
        let server = Server::start().await;
        let mut listener = Expecting::of(listen(server.url()).wait_for_server(true));
        let serve = async {
            let mut first = server.asked().await;
            first.write(&whole[..cut]).await;
            drop(first);
            let mut second = server.asked().await;
            let since: Option<Position> = second.field("last-event-id").map(|since| since.parse().unwrap());
            assert_eq!(since.is_some(), cut >= head, "cut at {cut}");
            let place = since.map_or(0, |since| since.sequence);
            let resume = if since.is_some() { "|push-resume: complete" } else { "" };
            second.answer(&format!("push-position: ab:{place}{resume}")).await;
            second.send(place + 1..=MESSAGES).await;
            second
        };
        let read = async {
            let (mut next, mut connections, mut verdicts) = (1, Vec::new(), Vec::new());
            while next <= MESSAGES {
                match listener.event().await {
                    Event::Packet(packet) => {
                        let value: crate::server::Numbered = listener.0.decode(&packet).unwrap();
                        assert_eq!(
                            (value.number, packet.position()),
                            (next, position(&format!("ab:{next}")))
                        );
                        connections.push(packet.connection());
                        next += 1;
                    }
                    Event::Connected(connected) => verdicts.push(connected.verdict),
                    _ => {}
                }
            }
            // Only one that has come to the end of the first connection has to be told of the second here.
            if verdicts.len() < 2 && connections.last() == Some(&1) && cut >= head {
                while verdicts.len() < 2 {
                    if let Event::Connected(connected) = listener.event().await {
                        verdicts.push(connected.verdict);
                    }
                }
            }
            let expected: &[_] =
                if cut < head { &[Verdict::Fresh] } else { &[Verdict::Fresh, Verdict::Complete] };
            assert_eq!(verdicts, expected, "cut at {cut}");
        };
        join!(serve, read);
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_lost_is_told() {
    let server = Server::start().await;
    let mut listener = Expecting::of(listen(server.url()));
    let serve = async {
        let mut asked = server.answered("push-position: ab:5").await;
        asked.send([6]).await;
        asked.end().await;
        let mut asked = server.answered("push-position: ab:9|push-resume: gap 7-9").await;
        assert_eq!(asked.field("last-event-id"), Some("ab:6"));
        asked.send([10]).await;
        asked.end().await;
        let mut asked = server.answered("push-position: cd:0|push-resume: epoch-changed").await;
        assert_eq!(asked.field("last-event-id"), Some("ab:10"));
        asked.send([1]).await;
        asked.end().await;
        // Nothing has come from the place that it was told.
        let asked = server.answered("push-position: cd:1|push-resume: complete").await;
        assert_eq!(asked.field("last-event-id"), Some("cd:1"));
        asked.end().await;
        let asked = server.answered("push-position: cd:1|push-resume: complete").await;
        assert_eq!(asked.field("last-event-id"), Some("cd:1"));
        asked.end().await;
        // A server that has forgotten what positions are.
        let mut asked = server.answered("").await;
        assert_eq!(asked.field("last-event-id"), Some("cd:1"));
        asked.send([2]).await;
        asked.end().await;
        let mut asked = server.answered("push-position: cd:7").await;
        assert_eq!(asked.field("last-event-id"), None);
        asked.send([8]).await;
        asked
    };
    let read = async {
        listener.connected(Verdict::Fresh).await;
        listener.packet(6, Some("ab:6")).await;
        listener.lost().await;
        let gap = listener.connected(Verdict::Gap { from: 7, to: 9 }).await;
        assert_eq!((gap.verdict.lost(), gap.position), (Some(3), position("ab:9")));
        listener.packet(10, Some("ab:10")).await;
        listener.lost().await;
        listener.connected(Verdict::NewEpoch).await;
        listener.packet(1, Some("cd:1")).await;
        for _ in 0..2 {
            listener.lost().await;
            listener.connected(Verdict::Complete).await;
        }
        listener.lost().await;
        listener.connected(Verdict::Unknown).await;
        listener.packet(2, None).await;
        listener.lost().await;
        listener.connected(Verdict::Unknown).await;
        listener.packet(8, Some("cd:8")).await;
    };
    join!(serve, read);
}

#[tokio::test(start_paused = true)]
async fn servers_without_positions_are_come_back_to() {
    let server = Server::start().await;
    let mut listener = Expecting::of(listen(server.url()));
    let serve = async {
        for number in 1..=3 {
            let mut asked = server.answered("").await;
            assert_eq!(asked.field("last-event-id"), None);
            asked.send([number, number]).await;
        }
    };
    let read = async {
        for number in 1..=3 {
            listener.connected(if number == 1 { Verdict::Fresh } else { Verdict::Unknown }).await;
            listener.packets([number, number]).await;
            listener.lost().await;
        }
    };
    join!(serve, read);
}

/// Direct messages, and streams that drop: packets are no count of positions.
#[tokio::test(start_paused = true)]
async fn packets_that_are_not_counted_have_no_position() {
    let server = Server::start().await;
    let mut listener = Expecting::of(listen(server.url()));
    let serve = async {
        let asked = server.answered("push-position: ab:5|push-counting: none").await;
        asked.end().await;
        // Nothing has come: the place is still right.
        let mut asked =
            server.answered("push-position: ab:5|push-resume: complete|push-counting: none").await;
        assert_eq!(asked.field("last-event-id"), Some("ab:5"));
        asked.send([6]).await;
        asked.end().await;
        let asked = server.answered("push-position: ab:7|push-counting: none").await;
        assert_eq!(asked.field("last-event-id"), None);
        asked
    };
    let read = async {
        listener.connected(Verdict::Fresh).await;
        listener.lost().await;
        listener.connected(Verdict::Complete).await;
        listener.packet(6, None).await;
        listener.lost().await;
        listener.connected(Verdict::Unknown).await;
    };
    join!(serve, read);
}

#[tokio::test(start_paused = true)]
async fn begins_where_another_listener_was() {
    let server = Server::start().await;
    let mut listener = Expecting::of(listen(server.url()).since("ab:41".parse().unwrap()));
    assert_eq!(listener.0.position(), position("ab:41"));
    let serve = async {
        let mut asked = server.answered("push-position: ab:41|push-resume: complete").await;
        assert_eq!(asked.field("last-event-id"), Some("ab:41"));
        asked.send([42]).await;
        asked
    };
    let read = async {
        listener.connected(Verdict::Complete).await;
        listener.packet(42, Some("ab:42")).await;
    };
    join!(serve, read);
    let mut listener = Expecting::of(listen_at(&server).since("ab:41".parse().unwrap()));
    join!(server.answered(""), async { listener.connected(Verdict::Unknown).await });
}

fn listen_at(server: &Server) -> hessian::client::stream::Listen {
    listen(server.url())
}

/// A call of `next` that is given up, at any moment, takes nothing with it.
#[tokio::test]
async fn next_is_cancel_safe() {
    let server = Server::start().await;
    let mut listener =
        listen(server.url()).backoff(Duration::from_millis(1), Duration::from_millis(1)).open().unwrap();
    let serve = async {
        let mut place = 0;
        while place < 300 {
            let mut asked = server.asked().await;
            assert_eq!(
                asked.field("last-event-id").map(str::to_owned),
                (place > 0).then(|| format!("ab:{place}"))
            );
            asked.answer(&format!("push-position: ab:{place}|push-resume: complete")).await;
            for _ in 0..30 {
                place += 1;
                let packet = asked.packet(place);
                for piece in packet.chunks(7) {
                    asked.chunk(piece).await;
                    tokio::task::yield_now().await;
                }
            }
            asked.end().await;
        }
    };
    let read = async {
        let (mut next, mut given_up) = (1, 0_u32);
        while next <= 300 {
            let event = tokio::select! {
                biased;
                event = listener.next() => event,
                () = tokio::task::yield_now() => {
                    given_up += 1;
                    continue;
                }
            };
            if let Event::Packet(packet) = event.unwrap().unwrap() {
                assert_eq!(packet.position(), position(&format!("ab:{next}")));
                next += 1;
            }
        }
        assert!(given_up > 30, "{given_up}");
    };
    join!(serve, read);
}
