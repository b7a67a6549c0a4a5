//! One port for policy requests in clear, for TLS, and for policy requests inside TLS.

use std::{net::SocketAddr, sync::Arc};

use policy_server::{
    ListenConfig, PolicyFile, Responder, Sniffed,
    port::{Counter, Prefixed, Protocol, REQUEST},
    serve,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::{
    TlsAcceptor, TlsConnector, client,
    rustls::{ClientConfig, RootCertStore, ServerConfig, pki_types::PrivateKeyDer},
};

/// A port with a service that answers in clear and by TLS alike, and a client that trusts it.
fn start() -> (SocketAddr, Responder, TlsConnector) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (certificate, key) = (made.cert.der().clone(), made.signing_key.serialize_der());
    let mut roots = RootCertStore::empty();
    roots.add(certificate.clone()).unwrap();
    let client = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    let server = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], PrivateKeyDer::Pkcs8(key.into()))
        .unwrap();

    let acceptor = TlsAcceptor::from(Arc::new(server));
    let policy = PolicyFile::builder().allow("*.example.com", "443").build().unwrap();
    let responder = Responder::new(&policy);
    let listener = ListenConfig::default().bind(([127, 0, 0, 1], 0).into()).unwrap();
    let address = listener.local_addr().unwrap();
    let inside = responder.clone();
    let handler = move |stream, _, protocol| {
        let (acceptor, inside) = (acceptor.clone(), inside.clone());
        async move {
            if protocol != Protocol::Tls {
                return service(stream).await;
            }
            let Ok(stream) = acceptor.accept(stream).await else { return };
            if let Ok(Sniffed::Other(stream, _)) = inside.sniff_io(stream).await {
                service::<Prefixed<_>>(stream).await;
            }
        }
    };
    tokio::spawn(serve(listener, responder.clone(), std::future::pending(), handler));
    (address, responder, TlsConnector::from(Arc::new(client)))
}

/// Says back the line it was sent.
async fn service<Io: AsyncRead + AsyncWrite + Unpin>(mut io: Io) {
    let mut line = Vec::new();
    while line.last() != Some(&b'\n') {
        line.push(io.read_u8().await.unwrap());
    }
    io.write_all(&line).await.unwrap();
    io.shutdown().await.unwrap();
}

async fn tls(address: SocketAddr, connector: &TlsConnector) -> client::TlsStream<TcpStream> {
    let stream = TcpStream::connect(address).await.unwrap();
    connector.connect("localhost".try_into().unwrap(), stream).await.unwrap()
}

async fn ask<Io: AsyncRead + AsyncWrite + Unpin>(mut io: Io, bytes: &[u8]) -> Vec<u8> {
    io.write_all(bytes).await.unwrap();
    io.flush().await.unwrap();
    let mut answer = Vec::new();
    io.read_to_end(&mut answer).await.expect("a clean end");
    answer
}

#[tokio::test]
async fn clear_and_encrypted_policy_and_service_share_one_port() {
    let (address, responder, connector) = start();
    let wire = responder.wire();
    let clear = || async { TcpStream::connect(address).await.unwrap() };
    assert_eq!(ask(clear().await, REQUEST).await, wire);
    assert_eq!(ask(clear().await, b"GET /\n").await, b"GET /\n");
    assert_eq!(ask(tls(address, &connector).await, REQUEST).await, wire);
    assert_eq!(ask(tls(address, &connector).await, b"GET /\n").await, b"GET /\n");
    assert_eq!(responder.metrics().get(Counter::Served), 2);
}

#[tokio::test]
async fn inside_tls_the_request_may_be_cut_as_well() {
    let (address, responder, connector) = start();
    let mut stream = tls(address, &connector).await;
    for byte in &REQUEST[..22] {
        stream.write_all(&[*byte]).await.unwrap();
        stream.flush().await.unwrap();
    }
    assert_eq!(ask(stream, &REQUEST[22..]).await, responder.wire());
}
