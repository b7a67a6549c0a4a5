//! What becomes of connections: when a call is dropped, when the server closes them, when there are many.

use crate::server::{Server, ok, read_request};
use hessian::client::{Client, Error};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Notify;

#[tokio::test]
async fn a_call_that_is_dropped_closes_its_connection_and_harms_no_other() {
    let (closed, calls) = (Arc::new(Notify::new()), Arc::new(AtomicUsize::new(0)));
    let server = {
        let (closed, calls) = (Arc::clone(&closed), Arc::clone(&calls));
        Server::raw(move |mut stream: TcpStream| {
            let (closed, calls) = (Arc::clone(&closed), Arc::clone(&calls));
            async move {
                while let Some(_request) = read_request(&mut stream).await {
                    if calls.fetch_add(1, Ordering::SeqCst) == 0 {
                        // Half a reply; then whoever is there goes away.
                        stream
                            .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nH\x02\x00R")
                            .await
                            .unwrap();
                        assert_eq!(stream.read(&mut [0]).await.unwrap_or_default(), 0);
                        closed.notify_one();
                        return;
                    }
                    stream.write_all(&ok(b"H\x02\x00R\x91")).await.unwrap();
                }
            }
        })
        .await
    };
    let client = Client::new(&server.address).unwrap();
    let dropped = {
        let client = client.clone();
        tokio::spawn(async move { client.call::<i32>("f", ()).await })
    };
    while calls.load(Ordering::SeqCst) == 0 {
        tokio::task::yield_now().await;
    }
    dropped.abort();
    closed.notified().await;
    for _ in 0..3 {
        assert_eq!(client.call::<i32>("f", ()).await.unwrap(), 1);
    }
    assert_eq!(server.connections(), 2);
}

/// The server takes a call and closes: whether it did something nobody knows. It is not sent again.
#[tokio::test]
async fn a_call_that_may_have_been_seen_is_not_sent_twice() {
    let calls = Arc::new(AtomicUsize::new(0));
    let server = {
        let calls = Arc::clone(&calls);
        Server::raw(move |mut stream: TcpStream| {
            let calls = Arc::clone(&calls);
            async move {
                for answered in 0.. {
                    if read_request(&mut stream).await.is_none() {
                        return;
                    }
                    calls.fetch_add(1, Ordering::SeqCst);
                    // The first on each connection is answered, the second is not.
                    match answered {
                        0 => stream.write_all(&ok(b"H\x02\x00R\x91")).await.unwrap(),
                        _ => return,
                    }
                }
            }
        })
        .await
    };
    let client = Client::new(&server.address).unwrap();
    assert_eq!(client.call::<i32>("f", ()).await.unwrap(), 1);
    let error = client.call::<i32>("f", ()).await.unwrap_err();
    assert!(matches!(error, Error::Io(_)) && !error.is_unsent(), "{error}");
    assert_eq!((calls.load(Ordering::SeqCst), server.connections()), (2, 1));
    // The next call has another connection.
    assert_eq!(client.call::<i32>("f", ()).await.unwrap(), 1);
}

/// A connection that the server closed while it was kept costs no call.
#[tokio::test]
async fn a_connection_that_was_closed_meanwhile_is_replaced() {
    let server = Server::raw(|mut stream: TcpStream| async move {
        read_request(&mut stream).await;
        // Says that it stays, and does not.
        stream.write_all(&ok(b"H\x02\x00R\x91")).await.unwrap();
    })
    .await;
    let client = Client::new(&server.address).unwrap();
    for connections in 1..10 {
        assert_eq!(client.call::<i32>("f", ()).await.unwrap(), 1);
        assert_eq!(server.connections(), connections);
        // The end of the connection arrives.
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test]
async fn connections_that_are_not_used_are_closed() {
    tokio::time::pause();
    let server = Server::replies(|_| b"H\x02\x00R\x91".to_vec()).await;
    let client = Client::new(&server.address).unwrap();
    client.call::<i32>("f", ()).await.unwrap();
    tokio::time::advance(Duration::from_secs(9)).await;
    client.call::<i32>("f", ()).await.unwrap();
    assert_eq!(server.connections(), 1);
    tokio::time::advance(Duration::from_secs(11)).await;
    client.call::<i32>("f", ()).await.unwrap();
    assert_eq!(server.connections(), 2);
}

#[tokio::test(start_paused = true)]
async fn calls_beyond_the_bound_wait_within_their_time() {
    let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let server = {
        let (running, most) = (Arc::clone(&running), Arc::clone(&most));
        Server::http(move |_request| {
            let (running, most) = (Arc::clone(&running), Arc::clone(&most));
            async move {
                most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                tokio::time::sleep(Duration::from_secs(1)).await;
                running.fetch_sub(1, Ordering::SeqCst);
                hyper::Response::new(http_body_util::Full::from(&b"H\x02\x00R\x91"[..]))
            }
        })
        .await
    };
    let client = Client::builder(&server.address).max_calls(3).build().unwrap();
    let calls: Vec<_> = (0..10)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { client.call::<i32>("f", ()).await })
        })
        .collect();
    let start = tokio::time::Instant::now();
    for call in calls {
        assert_eq!(call.await.unwrap().unwrap(), 1);
    }
    assert_eq!((most.load(Ordering::SeqCst), start.elapsed().as_secs()), (3, 4));

    let client =
        Client::builder(&server.address).max_calls(1).timeout(Duration::from_millis(1500)).build().unwrap();
    let (first, second) = tokio::join!(client.call::<i32>("f", ()), client.call::<i32>("f", ()));
    assert!(first.is_ok() && second.unwrap_err().is_timeout());
}
