//! Servers that mean harm, and servers that are something else.

use crate::server::{Expecting, Server};
use hessian::client::stream::{READ_AHEAD, Verdict, listen};
use hessian::client::{Error, stream};
use hessian::packet::Framing;
use hessian::{ErrorKind, Limits};
use tokio::io::AsyncWriteExt;
use tokio::join;

/// The error that a listener ends with when the server answers so, after the packets it gives.
async fn ends_with(listen: impl FnOnce(String) -> stream::Listen, answer: &[u8]) -> Error {
    let server = Server::start().await;
    let mut listener = Expecting::of(listen(server.url()).reconnect(false));
    let serve = async {
        let mut asked = server.asked().await;
        // The client may have seen enough.
        let _ = asked.socket.write_all(answer).await;
        asked
    };
    let read = async {
        loop {
            match listener.0.next().await.expect("an error is the last item") {
                Ok(_) => {}
                Err(error) => break error,
            }
        }
    };
    let (_asked, error) = join!(serve, read);
    assert!(listener.0.next().await.is_none(), "nothing follows {error}");
    error
}

fn stream(body: &[u8]) -> Vec<u8> {
    [b"HTTP/1.1 200 OK\r\n\r\n", body].concat()
}

#[tokio::test]
async fn a_packet_beyond_the_limit_is_an_error_that_says_where() {
    let mut limits = Limits::new();
    limits.max_packet = 1000;
    for (framing, begin) in [
        (Framing::Ws, &b"\x05\x01\x91\x05\x7e\x03\xe9"[..]),
        (Framing::P, b"P\x00\x01\x91P\x03\xe9"),
        (Framing::Varint, b"\x01\x91\x00\x87\x69"),
        (Framing::Marked, b"\x80\x01\x91\x80\x00\x80\x87\x69"),
    ] {
        let error = ends_with(|url| listen(url).limits(limits).framing(framing), &stream(begin)).await;
        let Error::Codec(error) = error else { panic!("{error:?}") };
        assert_eq!(error.kind(), &ErrorKind::Limit { limit: "max_packet", max: 1000 });
        assert!(error.offset().is_some(), "{error}");
    }
    // One that is as long as it may be.
    let server = Server::start().await;
    let mut listener = listen(server.url()).limits(limits).open().unwrap().packets();
    let serve = async {
        let mut asked = server.answered("").await;
        let mut packet = Vec::new();
        Framing::Ws.frame(&[&[0; 1000]], &mut packet);
        asked.chunk(&packet).await;
        asked
    };
    let (_asked, packet) = join!(serve, listener.next());
    assert_eq!(packet.unwrap().unwrap().data().len(), 1000);
}

#[tokio::test]
async fn garbage_is_an_error_and_is_not_asked_for_again() {
    for (framing, garbage) in [
        (Framing::P, &b"P\x00\x01\x91garbage"[..]),
        (Framing::Marked, b"\x80\x01\x91\x80\x00garbage"),
        (Framing::Varint, b"\xff\xff\xff\xff\xff\xff\xff"),
    ] {
        let error = ends_with(|url| listen(url).framing(framing), &stream(garbage)).await;
        let Error::Codec(error) = error else { panic!("{error:?}") };
        assert!(matches!(error.kind(), ErrorKind::InvalidFrame(_)), "{error}");
    }
    // Frames that say nothing, for ever.
    let empty = stream(&b"\x80\x00".repeat(5000));
    let error = ends_with(|url| listen(url).framing(Framing::Ws), &empty).await;
    assert!(error.to_string().contains("max_empty_frames"), "{error}");
    // With reconnecting as without.
    let server = Server::start().await;
    let mut listener = Expecting::of(listen(server.url()).framing(Framing::P));
    join!(
        async {
            let mut asked = server.answered("push-position: ab:0").await;
            asked.chunk(b"garbage").await;
            asked.closed().await;
        },
        async {
            listener.connected(Verdict::Fresh).await;
            assert!(matches!(listener.error().await, Error::Codec(_)));
            drop(listener);
        }
    );
}

/// A page, JSON, a body that is compressed: told as what they are, not decoded as nonsense.
#[tokio::test]
async fn what_is_no_stream_of_packets() {
    for (fields, body, told) in [
        (
            "content-type: text/html; charset=utf-8\r\ncontent-length: 13\r\n",
            "<html>\u{7}</html>",
            "text/html; charset=utf-8: <html> </html",
        ),
        ("content-type: application/json\r\ncontent-length: 2\r\n", "{}", "application/json: {}"),
        ("content-encoding: gzip\r\ncontent-length: 2\r\n", "\x1f\x1f", "gzip"),
    ] {
        let answer = format!("HTTP/1.1 200 OK\r\n{fields}\r\n{body}");
        let error = ends_with(listen, answer.as_bytes()).await;
        assert!(matches!(error, Error::NoReply { .. }), "{error:?}");
        assert!(error.to_string().contains(told), "{error}");
    }
    let html = b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\n\r\n\x05\x01\x91";
    let server = Server::start().await;
    let mut listener = Expecting::of(listen(server.url()).any_content_type(true).reconnect(false));
    join!(async { server.asked().await.write(html).await }, async {
        listener.connected(Verdict::Fresh).await;
        assert!(
            matches!(listener.event().await, stream::Event::Packet(packet) if packet.data() == &b"\x91"[..])
        );
        listener.over().await;
    });
}

#[tokio::test]
async fn heads_are_bounded() {
    let long = format!("HTTP/1.1 200 OK\r\nx: {}\r\n\r\n", "y".repeat(3 * READ_AHEAD));
    let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "x: y\r\n".repeat(1000));
    let endless = format!("HTTP/1.1 200 OK\r\n{}", "x: y\r\n".repeat(READ_AHEAD));
    for head in [&long, &many, &endless] {
        let error = ends_with(listen, head.as_bytes()).await;
        assert!(matches!(error, Error::Io(_)), "{error:?}");
    }
}

#[tokio::test]
async fn what_is_no_http() {
    for answer in [
        &b"\x05\x01\x91"[..],
        b"220 mail.example.com ESMTP\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/9.9 200 OK\r\n\r\n",
        b"HTTP/1.1 999999 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nfffffffffffffffff\r\n",
    ] {
        let server = Server::start().await;
        let mut listener = Expecting::of(listen(server.url()).reconnect(false));
        let serve = async {
            let mut asked = server.asked().await;
            asked.write(answer).await;
            asked.socket.shutdown().await.unwrap();
            asked
        };
        let read = async {
            loop {
                if let Err(error) = listener.0.next().await.expect("an error") {
                    break error;
                }
            }
        };
        let (_asked, error) = join!(serve, read);
        assert!(matches!(error, Error::Io(_)), "{error:?}");
    }
}

#[test]
fn what_cannot_be_asked_for() {
    let wrong = [
        listen("example.com/stream"),
        listen("ftp://me:secret@example.com/stream"),
        listen("me:secret@example.com/stream"),
        listen("http://h/").header("a b", "c"),
        listen("http://h/").header("a", "b\r\nc: d"),
        listen("http://h/").header("Content-Length", "7"),
        listen("http://h/").bearer("secret\n"),
        listen("http://h/").basic_auth("a:b", "secret"),
        listen("http://h/").preamble("x"),
        listen("tcp://h:1").post("x"),
        listen("tcp://h:1").header("a", "b"),
        listen("http://me:secret@h/?token=secret").preamble("secret"),
    ];
    for listen in wrong {
        assert!(!format!("{listen:?}").contains("secret"), "{listen:?}");
        let error = listen.open().unwrap_err();
        assert!(matches!(error, Error::Address(..) | Error::Setting { .. }), "{error:?}");
        assert!(!error.to_string().contains("secret"), "{error}");
    }
}
