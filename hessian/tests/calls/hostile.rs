//! Servers that mean harm, are broken, or are something else altogether.

use crate::server::{Server, ok, read_request};
use hessian::client::{Client, Error};
use hessian::rpc::Form;
use hessian::{ErrorKind, Limits};
use std::io;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

/// What comes of a call to a server that answers with these bytes.
async fn call(response: impl Into<Vec<u8>>) -> Result<String, Error> {
    let server = Server::says(response).await;
    Client::new(&server.address).unwrap().call("f", ()).await
}

/// The same, all ways of calling.
async fn failures(response: impl Into<Vec<u8>>) -> [Error; 3] {
    let response = response.into();
    let server = Server::says(response.clone()).await;
    let client = Client::new(&server.address).unwrap();
    [
        call(response).await.unwrap_err(),
        client.call_raw("f", ()).await.unwrap_err(),
        client.call_binary("f", ()).await.unwrap_err(),
    ]
}

#[tokio::test]
async fn a_page_is_told_with_its_beginning() {
    let page = "<html>\n  <h1>502\tBad\u{7} Gateway</h1>\u{e9}";
    for (status, told) in [
        ("502 Bad Gateway", "the server answered 502 Bad Gateway: <html> <h1>502 Bad\\u{7} Gateway</h1>é"),
        (
            "200 OK",
            "no Hessian reply (byte 0x3c where a reply (`H` or `r`) was expected at byte 0), but text/html: \
             <html> <h1>502 Bad\\u{7} Gateway</h1>é",
        ),
    ] {
        let head = format!("HTTP/1.1 {status}\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n");
        for error in failures(format!("{head}{page}")).await {
            assert_eq!(error.to_string(), told);
        }
        // A long one is cut, within a character too; one that never ends is not waited for.
        let long = format!("{head}{page}{}", "é".repeat(100_000));
        for error in failures(long).await {
            let told = error.to_string();
            assert!(told.ends_with("é…") && told.len() < 1400, "{told}");
        }
        // Bytes are not shown.
        for error in failures(format!("{head}<\0\u{1}")).await {
            assert!(!error.to_string().contains('<'), "{error}");
        }
    }
    let server = Server::says("HTTP/1.1 404 Not Found\r\nContent-Length: 5\r\n\r\nabcde").await;
    let client = Client::builder(&server.address).max_excerpt(3).build().unwrap();
    let error = client.call::<()>("f", ()).await.unwrap_err();
    assert_eq!(error.to_string(), "the server answered 404 Not Found: abc…");
}

#[tokio::test]
async fn what_begins_like_a_reply_is_told_where_it_is_none() {
    for (body, at) in [
        (&b"Hello there"[..], "byte 0x6c where a reply or a fault (`R` or `F`) was expected at byte 3"),
        (b"H\x02\x00R\x40", "byte 0x40 where a value was expected at byte 4"),
        (b"H\x02\x00R\x02a", "input ends inside a value"),
        (b"H\x02\x00", "input ends inside a value"),
        (b"r\x01\x00S\x00\x01a", "input ends inside a value"),
        (b"r\x01\x00S\x00\x01aN", "byte 0x4e where the end of a reply (`z`) was expected at byte 7"),
        (b"", "the reply is empty"),
    ] {
        let told = call(ok(body)).await.unwrap_err().to_string();
        assert!(told.contains(at), "{body:?}: {told}");
    }
}

#[tokio::test]
async fn what_java_does_not_look_at_is_not_looked_at() {
    let reply = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 6\r\n\r\nH\x02\x00R\x01a";
    assert_eq!(call(reply).await.unwrap(), "a");
    // HTTP/1.0: the end of the connection ends the reply.
    assert_eq!(call("HTTP/1.0 200 OK\r\n\r\nH\x02\x00R\x01a").await.unwrap(), "a");
    // A version that nobody has.
    assert_eq!(call(ok(b"H\x07\x09R\x01a")).await.unwrap(), "a");
}

#[tokio::test]
async fn what_follows_a_reply_is_an_error_unless_it_is_to_be_ignored() {
    for (form, body) in [(Form::Two, &b"H\x02\x00R\x01a\r\n"[..]), (Form::One, b"r\x01\x00S\x00\x01az\r\n")] {
        match call(ok(body)).await.unwrap_err() {
            Error::Codec(error) => {
                assert_eq!(error.kind(), &ErrorKind::TrailingBytes { count: 2 });
                assert_eq!(error.offset(), Some(body.len() as u64 - 2));
            }
            other => panic!("{other}"),
        }
        let server = Server::says(ok(body)).await;
        let client = Client::builder(&server.address).form(form).ignore_trailing(true).build().unwrap();
        assert_eq!(client.call::<String>("f", ()).await.unwrap(), "a");
    }
}

#[tokio::test]
async fn a_redirect_is_told_and_not_followed() {
    let elsewhere = Server::says(ok(b"H\x02\x00R\x01a")).await;
    let location = &elsewhere.address;
    let response =
        format!("HTTP/1.1 307 Temporary Redirect\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n");
    let error = call(response).await.unwrap_err();
    assert!(matches!(&error, Error::Redirect { location: told, .. } if told == location), "{error}");
    assert!(error.to_string().contains("not followed"));
    assert_eq!(elsewhere.connections(), 0);
}

#[tokio::test]
async fn a_reply_that_is_cut_off_is_an_error() {
    for response in [
        "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nH\x02\x00R\x01a",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nH\x02\x00R\x01a\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nH\x02\x00R\x01a",
        "HTTP/1.1 200 OK\r\nContent-Length: 10",
        "",
    ] {
        let error = call(response).await.unwrap_err();
        assert!(matches!(error, Error::Io(_)) && !error.is_unsent(), "{response:?}: {error}");
    }
    for response in
        ["SSH-2.0-OpenSSH_9.6\r\n", "HTTP/1.1 abc\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n"]
    {
        let error = call(response).await.unwrap_err();
        assert!(matches!(error, Error::Io(_)), "{response:?}: {error}");
    }
}

/// Answers with a beginning, and with something without end after it.
async fn endless(beginning: &'static str, again: &'static [u8]) -> Server {
    Server::raw(move |mut stream: TcpStream| async move {
        read_request(&mut stream).await;
        let _ = stream.write_all(beginning.as_bytes()).await;
        let again = again.repeat(8192 / again.len());
        while stream.write_all(&again).await.is_ok() {}
    })
    .await
}

#[tokio::test]
async fn what_never_ends_is_bounded() {
    let body = "HTTP/1.1 200 OK\r\n\r\nH\x02\x00R";
    let server = endless(body, b"R\x10\x00").await;
    let client = Client::builder(&server.address).max_reply(1 << 20).build().unwrap();
    match client.call::<String>("f", ()).await.unwrap_err() {
        Error::Codec(error) => {
            assert_eq!(error.kind(), &ErrorKind::Limit { limit: "max_reply", max: 1 << 20 })
        }
        other => panic!("{other}"),
    }
    // The default.
    let error = Client::new(&server.address).unwrap().call::<String>("f", ()).await.unwrap_err();
    assert!(error.to_string().contains("max_reply = 67108864"), "{error}");

    for (beginning, again) in [
        ("HTTP/1.1 200 OK\r\n", &b"X-More: and more\r\n"[..]),
        ("HTTP/1.1 200 OK\r\nX-Long: ", b"and more "),
        ("HTTP/1.1 ", b"2"),
    ] {
        let server = endless(beginning, again).await;
        let error = Client::new(&server.address).unwrap().call::<String>("f", ()).await.unwrap_err();
        assert!(matches!(error, Error::Io(_)), "{error}");
    }
    // What begins as a page, an error or a fault and does not end.
    for (beginning, again, told) in [
        ("HTTP/1.1 200 OK\r\n\r\n<html>", &b"more "[..], "no Hessian reply"),
        ("HTTP/1.1 500 Oops\r\n\r\n<html>", b"more ", "500 Internal"),
        ("HTTP/1.1 500 Oops\r\n\r\nH\x02\x00R", b"R\x10\x00", "500 Internal"),
        ("HTTP/1.1 200 OK\r\n\r\nH\x02\x00FH\x04code", b"R\x00\x01a", "max_reply"),
        ("HTTP/1.1 200 OK\r\n\r\nr\x01\x00H\x00\x01aS\x00\x01a", b"H\x00\x01aS\x00\x01a", "MAX_HEADERS"),
    ] {
        let server = endless(beginning, again).await;
        let client = Client::builder(&server.address).max_reply(100_000).build().unwrap();
        let error = client.call_binary("f", ()).await.unwrap_err();
        assert!(error.to_string().contains(told), "{told}: {error}");
    }
    // A binary of which nothing ever comes, and one before which something never ends.
    let server = endless("HTTP/1.1 200 OK\r\n\r\nH\x02\x00R", b"A\x00\x00").await;
    let error = Client::new(&server.address).unwrap().call_binary("f", ()).await.unwrap_err();
    assert!(error.to_string().contains("MAX_EMPTY_CHUNKS = 1024"), "{error}");
    let server = endless("HTTP/1.1 200 OK\r\n\r\nr\x01\x00H\x00\x01a", b"s\x00\x01a").await;
    let error = Client::new(&server.address).unwrap().call_binary("f", ()).await.unwrap_err();
    assert!(error.to_string().contains("MAX_BEFORE = 4096"), "{error}");
}

#[tokio::test]
async fn what_a_reply_makes_the_decoder_do_is_bounded() {
    let nested = [&b"H\x02\x00R"[..], &b"\x79".repeat(100_000)].concat();
    let server = Server::says(ok(&nested)).await;
    let error = Client::new(&server.address).unwrap().call_graph("f", ()).await.unwrap_err();
    assert!(error.to_string().contains("max_depth = 128"), "{error}");
    let server = Server::says(ok(b"H\x02\x00R\x04much")).await;
    let mut limits = Limits::new();
    limits.max_string = 3;
    let client = Client::builder(&server.address).limits(limits).build().unwrap();
    let error = client.call::<String>("f", ()).await.unwrap_err();
    assert!(error.to_string().contains("max_string = 3"), "{error}");
}

#[tokio::test]
async fn a_length_that_is_only_claimed_reserves_nothing() {
    let claim = "HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\nH\x02\x00R";
    let error = call(claim).await.unwrap_err();
    assert!(error.to_string().contains("max_reply"), "{error}");
}

/// A server that does something to each connection and then keeps it open.
async fn silent(response: &'static str) -> Server {
    Server::raw(move |mut stream: TcpStream| async move {
        read_request(&mut stream).await;
        let _ = stream.write_all(response.as_bytes()).await;
        std::future::pending::<()>().await;
    })
    .await
}

#[tokio::test(start_paused = true)]
async fn silence_ends_at_its_time() {
    // Nothing at all: the time of the call.
    let server = silent("").await;
    let start = tokio::time::Instant::now();
    let error = Client::new(&server.address).unwrap().call::<()>("f", ()).await.unwrap_err();
    assert_eq!(error.to_string(), "waited for the reply to a call: nothing after 60s");
    assert!(error.is_timeout() && !error.is_unsent());
    assert_eq!(start.elapsed().as_secs(), 60);
    // In the middle of a reply: the time between its pieces.
    for beginning in ["", "H\x02\x00R", "H\x02\x00R\x02a", "<html>", "H\x02\x00R\x22a", "r\x01"] {
        let response = format!("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{beginning}");
        let server = silent(response.leak()).await;
        let client = Client::builder(&server.address).idle_timeout(Duration::from_secs(7)).build().unwrap();
        let start = tokio::time::Instant::now();
        let error = client.call::<()>("f", ()).await.unwrap_err();
        if beginning == "<html>" {
            assert!(error.to_string().contains("<html>"), "{error}");
        } else {
            assert_eq!(error.to_string(), "waited for the next piece of the reply: nothing after 7s");
        }
        assert_eq!(start.elapsed().as_secs(), 7);
        let error = match client.call_binary("f", ()).await {
            Ok(mut binary) => loop {
                match binary.chunk().await {
                    Ok(Some(_)) => {}
                    Ok(None) => panic!("an end"),
                    Err(error) => break error,
                }
            },
            Err(error) => error,
        };
        assert!(error.is_timeout() || beginning == "<html>", "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_drip_is_stopped_by_the_time_of_the_call() {
    let server = Server::raw(|mut stream: TcpStream| async move {
        read_request(&mut stream).await;
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\nH\x02\x00RS\xff\xff").await;
        while stream.write_all(b"a").await.is_ok() {
            tokio::time::sleep(Duration::from_secs(5)).await;
        }
    })
    .await;
    let start = tokio::time::Instant::now();
    let error = Client::new(&server.address).unwrap().call::<String>("f", ()).await.unwrap_err();
    assert_eq!(error.to_string(), "waited for the reply to a call: nothing after 60s");
    assert_eq!(start.elapsed().as_secs(), 60);
    // For ever is possible, and is not the default.
    let client = Client::builder(&server.address).timeout(Duration::MAX).build().unwrap();
    let patience = Duration::from_secs(86_400);
    assert!(tokio::time::timeout(patience, client.call::<String>("f", ())).await.is_err());
}

#[tokio::test]
async fn no_server_is_told_with_its_address() {
    let address = {
        let server = Server::says("").await;
        server.address.clone()
    };
    // The listener is gone when its task is.
    tokio::task::yield_now().await;
    let client = Client::new(&address.replace("http://", "http://me:secret@")).unwrap();
    let error = client.call::<()>("f", ()).await.unwrap_err();
    match &error {
        Error::Connect { error, .. } => assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused),
        other => panic!("{other}"),
    }
    let told = format!("{error} {error:?} {client:?}");
    assert!(error.is_unsent() && told.contains("127.0.0.1:") && !told.contains("secret"), "{told}");
    assert!(error.to_string().ends_with("Connection refused (os error 111)"), "{error}");
    // A name that is none.
    let client = Client::new("http://no.such.host.invalid/").unwrap();
    assert!(client.call::<()>("f", ()).await.unwrap_err().is_unsent());
}

/// TLS to a server that never says a word: the handshake counts as connecting.
#[tokio::test(start_paused = true)]
async fn a_handshake_that_never_ends_is_no_connection() {
    let server = Server::raw(|stream| async move {
        let _open = stream;
        std::future::pending::<()>().await;
    })
    .await;
    let roots = rustls::RootCertStore::empty();
    let tls = rustls::ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    let client = Client::builder(&server.address.replace("http:", "https:"))
        .tls(hessian::client::Tls::Config(tls.into()))
        .connect_timeout(Duration::from_secs(3))
        .build()
        .unwrap();
    let start = tokio::time::Instant::now();
    let error = client.call::<()>("f", ()).await.unwrap_err();
    assert_eq!(error.to_string(), "waited for a connection: nothing after 3s");
    assert!(error.is_unsent() && error.is_timeout());
    assert_eq!(start.elapsed().as_secs(), 3);
}
