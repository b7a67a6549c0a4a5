//! HTTP/1.0 and 1.1, bare connections, TLS; every framing and grammar; packets, values, a thread that waits.

use crate::server::{Expecting, Numbered, Server};
use hessian::client::stream::{Event, Verdict, listen};
use hessian::client::{Error, Tls};
use hessian::grammar::{Dialect, Draft, Final, Grammar, Tutorial};
use hessian::packet::Framing;
use hessian::{Limits, StreamEncoder};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::join;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::PrivatePkcs8KeyDer;
use tokio_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig, crypto};

/// What a Flash or Java server of 2008 says: no length, the end of the connection is the end.
#[tokio::test(start_paused = true)]
async fn http_1_0_ends_with_the_connection() {
    let server = Server::start().await;
    let mut listener = Expecting::of(listen(server.url()));
    let serve = async {
        for (number, ending) in [(1, &b""[..]), (2, b"\x05"), (3, b"")] {
            let mut asked = server.asked().await;
            let packet = asked.packet(number);
            asked.write(b"HTTP/1.0 200 OK\r\nContent-Type: x-application/hessian\r\n\r\n").await;
            asked.write(&packet).await;
            asked.write(ending).await;
        }
    };
    let read = async {
        for (number, is_whole) in [(1, true), (2, false), (3, true)] {
            listener.connected(if number == 1 { Verdict::Fresh } else { Verdict::Unknown }).await;
            listener.packet(number, None).await;
            let (why, after, _) = listener.lost().await;
            assert_eq!(matches!(why, hessian::client::stream::Lost::Ended), is_whole, "{why}");
            assert_eq!(after.is_zero(), is_whole);
        }
    };
    join!(serve, read);
}

#[tokio::test(start_paused = true)]
async fn a_response_of_a_length_ends_with_it() {
    let server = Server::start().await;
    let mut listener = Expecting::of(listen(server.url()).reconnect(false));
    join!(
        async {
            let mut asked = server.asked().await;
            let packet = asked.packet(1);
            asked
                .write(format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", packet.len()).as_bytes())
                .await;
            asked.write(&packet).await;
            // It stays open.
            asked.closed().await;
        },
        async {
            listener.connected(Verdict::Fresh).await;
            listener.packet(1, None).await;
            listener.over().await;
        }
    );
}

#[tokio::test(start_paused = true)]
async fn bare_connections() {
    let server = Server::start().await;
    let url = format!("tcp://127.0.0.1:{}", server.port());
    let mut listener = Expecting::of(listen(&url).preamble("NEWS\n").silence(Duration::from_secs(9)));
    let serve = async {
        for number in 1..=2 {
            let mut socket = server.accept().await;
            let mut said = [0; 5];
            socket.read_exact(&mut said).await.unwrap();
            assert_eq!(&said, b"NEWS\n");
            let mut encoder = <StreamEncoder>::new(Framing::Ws);
            let mut bytes = Vec::new();
            encoder.encode(&Numbered { number }, &mut bytes).unwrap();
            for byte in bytes {
                socket.write_all(&[byte]).await.unwrap();
            }
        }
        let mut socket = server.accept().await;
        socket.read_exact(&mut [0; 5]).await.unwrap();
        socket.write_all(b"\x05\x01").await.unwrap();
        drop(socket);
        server.accept().await
    };
    let read = async {
        for number in 1..=2 {
            listener.connected(if number == 1 { Verdict::Fresh } else { Verdict::Unknown }).await;
            listener.packet(number, None).await;
            assert!(matches!(listener.lost().await.0, hessian::client::stream::Lost::Ended));
        }
        listener.connected(Verdict::Unknown).await;
        let (why, ..) = listener.lost().await;
        assert!(why.to_string().contains("inside a packet"), "{why}");
        listener.connected(Verdict::Unknown).await;
        let (why, ..) = listener.lost().await;
        assert!(why.to_string().contains("9s"), "{why}");
    };
    join!(serve, read);
}

/// A certificate for `localhost`, at the server and with those who believe it.
pub(crate) fn certificate() -> (TlsAcceptor, Tls) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
    let provider = Arc::new(crypto::ring::default_provider());
    let server = ServerConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key.into())
        .unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(made.cert.der().clone()).unwrap();
    let client = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    (TlsAcceptor::from(Arc::new(server)), Tls::Config(Arc::new(client)))
}

#[tokio::test]
async fn tls_with_and_without_http() {
    let (acceptor, tls) = certificate();
    for scheme in ["https", "tls"] {
        let server = Server::start().await;
        let url = format!("{scheme}://localhost:{}", server.port());
        let mut listener = Expecting::of(listen(&url).tls(tls.clone()));
        let serve = async {
            let mut socket = acceptor.accept(server.accept().await).await.unwrap();
            if scheme == "https" {
                let mut request = Vec::new();
                while !request.ends_with(b"\r\n\r\n") {
                    request.push(socket.read_u8().await.unwrap());
                }
                assert!(request.starts_with(b"GET / HTTP/1.1\r\n"));
                socket.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
            }
            let mut packet = Vec::new();
            <StreamEncoder>::new(Framing::Ws).encode(&Numbered { number: 1 }, &mut packet).unwrap();
            socket.write_all(&packet).await.unwrap();
            socket
        };
        let read = async {
            listener.connected(Verdict::Fresh).await;
            listener.packet(1, None).await;
        };
        let (_socket, ()) = join!(serve, read);
        // Nobody else is believed.
        let mut listener = Expecting::of(listen_as_a_stranger(&url));
        let (_refused, error) =
            join!(async { acceptor.accept(server.accept().await).await.map(drop) }, listener.error());
        assert!(matches!(&error, Error::Connect { .. }), "{error:?}");
        assert!(error.to_string().contains("certificate"), "{error}");
    }
}

fn listen_as_a_stranger(url: &str) -> hessian::client::stream::Listen {
    let (_, tls) = certificate();
    listen(url).tls(tls)
}

async fn reads<G: Grammar + Dialect>(framing: Framing, chosen: Option<Framing>) {
    let server = Server::start().await;
    let mut listen = listen(server.url());
    if let Some(chosen) = chosen {
        listen = listen.framing(chosen);
    }
    let mut listener = listen.open_in::<G>().unwrap();
    let serve = async {
        let mut asked = server.answered("").await;
        let mut encoder = StreamEncoder::<G>::new(framing);
        for number in 1..=3 {
            let mut packet = framing.heartbeat().to_vec();
            encoder.encode(&Numbered { number }, &mut packet).unwrap();
            asked.chunk(&packet).await;
        }
        asked
    };
    let read = async {
        let mut next = 1;
        while next <= 3 {
            if let Event::Packet(packet) = listener.next().await.unwrap().unwrap() {
                assert_eq!(listener.decode::<Numbered>(&packet).unwrap().number, next);
                let graph = listener.graph(&packet).unwrap();
                assert_eq!(graph.root().type_name(), Some("example.Numbered"));
                next += 1;
            }
        }
        assert_eq!(listener.framing(), Some(framing));
    };
    let (_asked, ()) = join!(serve, read);
}

#[tokio::test(start_paused = true)]
async fn every_framing_and_grammar() {
    for framing in [Framing::Ws, Framing::P, Framing::Varint, Framing::Marked] {
        for chosen in [None, Some(framing)] {
            reads::<Final>(framing, chosen).await;
            reads::<Draft>(framing, chosen).await;
            reads::<Tutorial>(framing, chosen).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn requests_are_as_they_were_described() {
    let server = Server::start().await;
    let url = format!("http://127.0.0.1:{}/a/b?client=me", server.port());
    let mut listener = Expecting::of(listen(&url));
    let (asked, _) = join!(server.answered(""), listener.connected(Verdict::Fresh));
    assert!(asked.request.starts_with("GET /a/b?client=me HTTP/1.1\r\n"), "{}", asked.request);
    assert_eq!(asked.field("host"), Some(&*format!("127.0.0.1:{}", server.port())));
    assert_eq!(asked.field("accept"), Some("application/x-hessian, */*;q=0.5"));
    assert_eq!((asked.field("authorization"), asked.field("content-length")), (None, None));
    let mut listener = Expecting::of(
        listen(&url).post(&b"\x90"[..]).header("X-Trace", "7").header("accept", "x/y").bearer("t0ken"),
    );
    let serve = async {
        let mut asked = server.asked().await;
        assert_eq!(asked.socket.read_u8().await.unwrap(), 0x90);
        asked.answer("").await;
        asked
    };
    let (asked, _) = join!(serve, listener.connected(Verdict::Fresh));
    assert!(asked.request.starts_with("POST /a/b?client=me HTTP/1.1\r\n"), "{}", asked.request);
    assert_eq!(asked.field("content-length"), Some("1"));
    assert_eq!(asked.field("content-type"), Some("application/x-hessian"));
    assert_eq!((asked.field("x-trace"), asked.field("accept")), (Some("7"), Some("x/y")));
    assert_eq!(asked.field("authorization"), Some("Bearer t0ken"));
    let url = format!("http://Aladdin:open%20sesame@127.0.0.1:{}/", server.port());
    let mut listener = Expecting::of(listen(&url));
    let (asked, _) = join!(server.answered(""), listener.connected(Verdict::Fresh));
    assert_eq!(asked.field("authorization"), Some("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="));
}

#[tokio::test(start_paused = true)]
async fn packets_and_values_alone() {
    let server = Server::start().await;
    let mut packets = listen(server.url()).open().unwrap().packets();
    let serve = async {
        for round in 0..2 {
            let mut asked = server.answered("").await;
            asked.heartbeat().await;
            asked.send([round * 2 + 1, round * 2 + 2]).await;
            asked.end().await;
        }
    };
    let read = async {
        for number in 1..=4_u64 {
            let packet = packets.next().await.unwrap().unwrap();
            assert_eq!(packet.connection(), number.div_ceil(2));
            assert_eq!(packets.listener().decode::<Numbered>(&packet).unwrap(), Numbered { number });
        }
        drop(packets);
    };
    join!(serve, read);

    let mut values = listen(server.url()).reconnect(false).open().unwrap().values::<Numbered>();
    let serve = async {
        let mut asked = server.answered("").await;
        asked.send([1]).await;
        let mut other = Vec::new();
        asked.encoder.encode("something else", &mut other).unwrap();
        asked.chunk(&other).await;
        asked.send([2]).await;
        // Malformed: an object of a class that nobody has defined.
        asked.chunk(b"\x05\x01\x6f").await;
        asked.send([3]).await;
        asked
    };
    let read = async {
        assert_eq!(values.next().await.unwrap().unwrap(), Numbered { number: 1 });
        assert!(matches!(values.next().await.unwrap(), Err(Error::Codec(_))));
        assert_eq!(values.next().await.unwrap().unwrap(), Numbered { number: 2 });
        assert!(matches!(values.next().await.unwrap(), Err(Error::Codec(_))));
        assert!(values.next().await.is_none());
    };
    let (_asked, ()) = join!(serve, read);
}

#[tokio::test(start_paused = true)]
async fn it_is_a_stream_and_closes_its_connection() {
    use futures_util::{StreamExt, TryStreamExt};
    let server = Server::start().await;
    let listener = listen(server.url()).reconnect(false).open().unwrap();
    let serve = async {
        let mut asked = server.answered("").await;
        asked.send(1..=5).await;
        asked.closed().await;
    };
    let read = async {
        let packets = listener.try_filter_map(|event| async {
            Ok(match event {
                Event::Packet(packet) => Some(packet),
                _ => None,
            })
        });
        let mut packets = std::pin::pin!(packets.take(5));
        let mut count = 0;
        while let Some(packet) = packets.next().await {
            packet.unwrap();
            count += 1;
        }
        assert_eq!(count, 5);
    };
    join!(serve, read);
    // Also while it connects, and while it waits.
    let mut listener = listen(server.url()).open().unwrap();
    tokio::select! {
        event = listener.next() => panic!("{event:?}"),
        asked = server.asked() => {
            drop(listener);
            asked.closed().await;
        }
    }
    fn is_send<T: Send + Unpin>(_: &T) {}
    is_send(&listen(server.url()).open().unwrap());
    is_send(&listen(server.url()).open().unwrap().values::<Numbered>());
}

#[test]
fn a_thread_that_waits() {
    let server = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let url = format!("tcp://{}", server.local_addr().unwrap());
    let serving = std::thread::spawn(move || {
        use std::io::Write as _;
        let (mut socket, _) = server.accept().unwrap();
        let mut bytes = Vec::new();
        let mut encoder = <StreamEncoder>::new(Framing::Ws);
        for number in 1..=3 {
            encoder.encode(&Numbered { number }, &mut bytes).unwrap();
        }
        socket.write_all(&bytes).unwrap();
    });
    let mut events = listen(url).reconnect(false).limits(Limits::new()).blocking().unwrap();
    assert!(matches!(events.next(), Some(Ok(Event::Connected(_)))));
    for number in 1..=3 {
        let Some(Ok(Event::Packet(packet))) = events.next() else { panic!() };
        assert_eq!(events.decode::<Numbered>(&packet).unwrap(), Numbered { number });
    }
    assert!(events.next().is_none());
    serving.join().unwrap();
}
