//! Servers that fall silent, at every place where they can.

use crate::server::{Expecting, Server};
use hessian::client::Error;
use hessian::client::stream::{CONNECT_TIMEOUT, Event, HEAD_TIMEOUT, Lost, SILENCE, Verdict, listen};
use std::time::Duration;
use tokio::join;
use tokio::time::{Instant, sleep};

const SECOND: Duration = Duration::from_secs(1);

fn is_timeout(why: &Lost) -> Option<Duration> {
    match why {
        Lost::Failed(Error::Timeout { after, .. }) => Some(*after),
        _ => None,
    }
}

/// The time after which a dead stream is noticed: stated, and kept to.
#[tokio::test(start_paused = true)]
async fn a_dead_stream_is_noticed() {
    let (five, half) = (5 * SECOND, SECOND / 2);
    for (heartbeat, given, silence) in [
        ("", None, Some(SILENCE)),
        ("push-heartbeat: 15", None, Some(30 * SECOND)),
        ("push-heartbeat: 0.25", None, Some(half)),
        ("push-heartbeat: 15", Some(Some(five)), Some(five)),
        ("", Some(Some(five)), Some(five)),
    ] {
        let server = Server::start().await;
        let mut listen = listen(server.url());
        if let Some(given) = given {
            listen = listen.silence(given);
        }
        let mut listener = Expecting::of(listen);
        let serve = async {
            let mut asked = server.answered(heartbeat).await;
            asked.send([1]).await;
            asked.closed().await;
        };
        let read = async {
            assert_eq!(listener.connected(Verdict::Fresh).await.silence, silence);
            listener.packet(1, None).await;
            let begin = Instant::now();
            let (why, ..) = listener.lost().await;
            assert_eq!(is_timeout(&why), silence, "{why}");
            let silence = silence.unwrap();
            assert!(
                begin.elapsed() >= silence && begin.elapsed() < silence + SECOND / 100,
                "{:?}",
                begin.elapsed()
            );
        };
        join!(serve, read);
    }
}

#[tokio::test(start_paused = true)]
async fn heartbeats_keep_a_stream_alive_and_so_does_every_byte() {
    let server = Server::start().await;
    let mut listener = Expecting::of(listen(server.url()));
    let serve = async {
        let mut asked = server.answered("push-heartbeat: 15").await;
        for _ in 0..10_000 {
            sleep(29 * SECOND).await;
            asked.heartbeat().await;
        }
        // A packet that comes byte by byte.
        let packet = asked.packet(1);
        for byte in packet {
            sleep(29 * SECOND).await;
            asked.chunk(&[byte]).await;
        }
        asked.closed().await;
    };
    let read = async {
        listener.connected(Verdict::Fresh).await;
        for _ in 0..10_000 {
            assert!(matches!(listener.event().await, Event::Heartbeat));
        }
        listener.packet(1, None).await;
        assert_eq!(is_timeout(&listener.lost().await.0), Some(30 * SECOND));
        drop(listener);
    };
    join!(serve, read);
}

#[tokio::test(start_paused = true)]
async fn silence_may_be_for_ever_and_may_begin_within_a_packet() {
    let server = Server::start().await;
    let mut listener = Expecting::of(listen(server.url()).silence(None));
    join!(
        async {
            let mut asked = server.answered("push-heartbeat: 15").await;
            sleep(SECOND * 86_400 * 365).await;
            asked.send([1]).await;
            asked
        },
        async {
            assert_eq!(listener.connected(Verdict::Fresh).await.silence, None);
            listener.packet(1, None).await;
        }
    );
    let mut listener = Expecting::of(listen(server.url()).silence(SECOND));
    join!(
        async {
            let mut asked = server.answered("").await;
            let packet = asked.packet(1);
            asked.chunk(&packet[..packet.len() - 1]).await;
            asked.closed().await;
        },
        async {
            listener.connected(Verdict::Fresh).await;
            assert_eq!(is_timeout(&listener.lost().await.0), Some(SECOND));
            drop(listener);
        }
    );
}

/// A slow caller is not a silent server: only the time that is waited counts.
#[tokio::test(start_paused = true)]
async fn the_callers_own_time_does_not_count() {
    let server = Server::start().await;
    let mut listener = Expecting::of(listen(server.url()).silence(10 * SECOND));
    join!(
        async {
            let mut asked = server.answered("").await;
            asked.send([1]).await;
            sleep(1000 * SECOND).await;
            sleep(9 * SECOND).await;
            asked.send([2]).await;
            asked
        },
        async {
            listener.connected(Verdict::Fresh).await;
            listener.packet(1, None).await;
            sleep(1000 * SECOND).await;
            listener.packet(2, None).await;
        }
    );
}

#[tokio::test(start_paused = true)]
async fn a_head_that_does_not_come_or_does_not_end() {
    // Nothing; a part; one that goes on for ever, slowly.
    for (text, again) in
        [("", ""), ("HTTP/1.1 200 OK\r\ncontent-ty", ""), ("HTTP/1.1 200 OK\r\n", "x-more: 1\r\n")]
    {
        let server = Server::start().await;
        let mut listener = Expecting::of(listen(server.url()));
        let serve = async {
            let mut asked = server.asked().await;
            asked.write(text.as_bytes()).await;
            for _ in 0..100 {
                sleep(SECOND).await;
                if again.is_empty()
                    || tokio::io::AsyncWriteExt::write_all(&mut asked.socket, again.as_bytes()).await.is_err()
                {
                    break;
                }
            }
            asked.closed().await;
        };
        let read = async {
            let begin = Instant::now();
            match listener.error().await {
                Error::Timeout { after, .. } => assert_eq!(after, HEAD_TIMEOUT),
                error => panic!("{error:?}"),
            }
            assert!(begin.elapsed() >= HEAD_TIMEOUT && begin.elapsed() < HEAD_TIMEOUT + SECOND);
        };
        join!(serve, read);
    }
}

/// TLS that never begins is part of connecting.
#[tokio::test(start_paused = true)]
async fn a_connection_that_does_not_come_about() {
    let server = Server::start().await;
    let (_, tls) = crate::forms::certificate();
    let mut listener = Expecting::of(listen(format!("tls://127.0.0.1:{}", server.port())).tls(tls));
    let begin = Instant::now();
    let (_socket, error) = join!(server.accept(), listener.error());
    assert!(matches!(error, Error::Timeout { after, .. } if after == CONNECT_TIMEOUT), "{error:?}");
    assert!(begin.elapsed() >= CONNECT_TIMEOUT && begin.elapsed() < CONNECT_TIMEOUT + SECOND);
}
