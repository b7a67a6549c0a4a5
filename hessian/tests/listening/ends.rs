//! Ends and refusals: what is tried again, when, and what is not.

use crate::server::{Expecting, Server};
use hessian::client::Error;
use hessian::client::stream::{AT_ONCE, FIRST_WAIT, LONGEST_WAIT, Lost, MAX_REFUSALS, Verdict, listen};
use std::time::Duration;
use tokio::join;
use tokio::time::Instant;

const SECOND: Duration = Duration::from_secs(1);

/// A server that rotates is followed at once; one that ends each connection is not asked without a pause.
#[tokio::test(start_paused = true)]
async fn ends_are_followed_at_once_and_no_faster_than_stated() {
    let server = Server::start().await;
    let mut listener = Expecting::of(listen(server.url()));
    let connections = u64::from(AT_ONCE) + 20;
    let serve = async {
        for number in 1..=connections {
            let mut asked = server.answered("").await;
            asked.send([number]).await;
            asked.end().await;
        }
    };
    let read = async {
        let begin = Instant::now();
        for number in 1..=connections {
            listener.connected(if number == 1 { Verdict::Fresh } else { Verdict::Unknown }).await;
            listener.packet(number, None).await;
            let (why, after, failures) = listener.lost().await;
            assert!(matches!(why, Lost::Ended), "{why}");
            let at_once = number <= u64::from(AT_ONCE);
            assert_eq!((after.is_zero(), failures), (at_once, 0), "{number}: {after:?}");
        }
        // The last wait is told and not waited for.
        let least = FIRST_WAIT * 19;
        assert!(begin.elapsed() >= least && begin.elapsed() < least + SECOND, "{:?}", begin.elapsed());
    };
    join!(serve, read);
}

#[tokio::test(start_paused = true)]
async fn ends_without_a_packet_are_failures() {
    let server = Server::start().await;
    let mut listener = Expecting::of(listen(server.url()).max_failures(7));
    let serve = async {
        for _ in 0..8 {
            server.answered("").await.end().await;
        }
    };
    let read = async {
        for (number, most) in [1, 2, 4, 8, 16, 30, 30].into_iter().enumerate() {
            listener.connected(if number == 0 { Verdict::Fresh } else { Verdict::Unknown }).await;
            let (_, after, failures) = listener.lost().await;
            assert_eq!(failures as usize, number + 1);
            assert!(after >= SECOND * most / 2 && after <= SECOND * most, "{after:?} of {most}");
        }
        listener.connected(Verdict::Unknown).await;
        let error = listener.error().await;
        assert!(error.to_string().contains("before it has sent a packet"), "{error}");
    };
    join!(serve, read);
}

#[tokio::test(start_paused = true)]
async fn without_reconnecting_the_end_is_the_end() {
    let server = Server::start().await;
    let mut listener = Expecting::of(listen(server.url()).reconnect(false));
    join!(
        async {
            let mut asked = server.answered("").await;
            asked.send(1..=3).await;
            asked.end().await;
        },
        async {
            listener.connected(Verdict::Fresh).await;
            listener.packets(1..=3).await;
            listener.over().await;
            listener.over().await;
        }
    );
    // A cut is not an end.
    let mut listener = Expecting::of(listen(server.url()).reconnect(false));
    join!(
        async {
            let mut asked = server.answered("").await;
            asked.send(1..=3).await;
        },
        async {
            listener.connected(Verdict::Fresh).await;
            listener.packets(1..=3).await;
            let error = listener.error().await;
            assert!(matches!(error, Error::Io(_)), "{error:?}");
        }
    );
    let mut listener = Expecting::of(listen(server.url()).reconnect(false));
    join!(async { server.asked().await.refuse("503 Full", "", "full").await }, async {
        assert!(matches!(listener.error().await, Error::Status { .. }));
    });
}

#[tokio::test(start_paused = true)]
async fn what_a_server_refuses_for_good_is_an_error() {
    for (status, text) in [
        ("400 Bad Request", "since: a position is epoch:sequence."),
        ("401 Unauthorized", ""),
        ("403 Forbidden", "No."),
        ("404 Not Found", "No such stream."),
        ("410 Gone", "The stream is over."),
        ("501 Not Implemented", ""),
        ("204 No Content", ""),
    ] {
        let server = Server::start().await;
        let mut listener = Expecting::of(listen(server.url()).wait_for_server(true));
        join!(async { server.asked().await.refuse(status, "", text).await }, async {
            match listener.error().await {
                Error::Status { status: told, body } => {
                    assert!(status.starts_with(told.as_str()), "{status}: {told}");
                    assert_eq!(body, text);
                }
                error => panic!("{error:?}"),
            }
        });
    }
    let server = Server::start().await;
    let mut listener = Expecting::of(listen(server.url()));
    join!(
        async { server.asked().await.refuse("302 Found", "location: http://elsewhere/|", "").await },
        async {
            let error = listener.error().await;
            assert!(
                matches!(&error, Error::Redirect { location, .. } if location == "http://elsewhere/"),
                "{error:?}"
            );
        }
    );
}

/// A server that has worked is given some time to come to itself; `Gone` is how it ends a stream.
#[tokio::test(start_paused = true)]
async fn refusals_after_a_connection() {
    let server = Server::start().await;
    let mut listener = Expecting::of(listen(server.url()));
    let serve = async {
        for _ in 0..2 {
            let mut asked = server.answered("push-position: ab:0").await;
            asked.send([1]).await;
            drop(asked);
            for _ in 0..MAX_REFUSALS {
                server.asked().await.refuse("404 Not Found", "", "No such stream.").await;
            }
        }
        server.asked().await.refuse("404 Not Found", "", "No such stream.").await;
    };
    let read = async {
        for verdict in [Verdict::Fresh, Verdict::Unknown] {
            // That the second server contradicts its own positions is nobody's gap.
            listener.connected(verdict).await;
            listener.packet(1, Some("ab:1")).await;
            listener.lost().await;
            for failures in 1..=MAX_REFUSALS {
                assert_eq!(listener.lost().await.2, failures);
            }
        }
        assert!(matches!(listener.error().await, Error::Status { .. }));
    };
    join!(serve, read);
    let mut listener = Expecting::of(listen(server.url()));
    let serve = async {
        let mut asked = server.answered("").await;
        asked.send([1]).await;
        asked.end().await;
        server.asked().await.refuse("410 Gone", "", "The stream is over.").await;
    };
    let read = async {
        listener.connected(Verdict::Fresh).await;
        listener.packet(1, None).await;
        listener.lost().await;
        listener.over().await;
    };
    join!(serve, read);
}

#[tokio::test(start_paused = true)]
async fn later_is_later() {
    let server = Server::start().await;
    let mut listener = Expecting::of(listen(server.url()).max_retry_after(60 * SECOND));
    let serve = async {
        for (status, fields) in [
            ("503 Service Unavailable", "retry-after: 7|"),
            (
                "429 Too Many Requests",
                "retry-after: Sun, 06 Nov 1994 08:49:57 GMT|date: Sun, 06 Nov 1994 08:49:37 GMT|",
            ),
            ("500 Internal Server Error", "retry-after: 86400|"),
            ("502 Bad Gateway", ""),
        ] {
            server.asked().await.refuse(status, fields, "later").await;
        }
        server.answered("").await
    };
    let read = async {
        for (least, most) in [(7, 8), (20, 21), (60, 61), (4, 8)] {
            let told = Instant::now();
            let (why, after, _) = listener.lost().await;
            assert!(after >= SECOND * least && after <= SECOND * most, "{why}: {after:?}");
            assert!(told.elapsed() < SECOND * 62);
        }
        listener.connected(Verdict::Fresh).await;
    };
    let begin = Instant::now();
    join!(serve, read);
    assert!(begin.elapsed() >= SECOND * (7 + 20 + 60 + 4), "{:?}", begin.elapsed());
}

/// Nobody is there: told at once, unless the caller wants to wait.
#[tokio::test(start_paused = true)]
async fn a_server_that_is_not_there() {
    let port = Server::start().await.port();
    let url = format!("http://127.0.0.1:{port}/x?token=secret");
    let error = Expecting::of(listen(&url)).error().await;
    assert!(matches!(&error, Error::Connect { .. }), "{error:?}");
    assert!(error.to_string().contains("refused") && !error.to_string().contains("secret"), "{error}");
    let mut listener = Expecting::of(listen(&url).wait_for_server(true).max_failures(9));
    for failures in 1..=9 {
        let (why, after, told) = listener.lost().await;
        assert!(matches!(why, Lost::Failed(Error::Connect { .. })), "{why}");
        assert_eq!(told, failures);
        assert!(after <= LONGEST_WAIT);
    }
    assert!(matches!(listener.error().await, Error::Connect { .. }));
    // One that was there once is waited for.
    let server = Server::start().await;
    let mut listener = Expecting::of(listen(server.url()));
    join!(server.answered(""), async { listener.connected(Verdict::Fresh).await });
    drop(server);
    listener.lost().await;
    for failures in 1..20 {
        assert_eq!(listener.lost().await.2, failures + 1);
    }
}
