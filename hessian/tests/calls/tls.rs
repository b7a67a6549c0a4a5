//! Services over TLS.

use crate::server::{ok, read_request};
use hessian::client::{Client, Error, Tls};
use std::sync::Arc;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

#[tokio::test]
async fn a_server_proves_who_it_is() {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = made.signing_key.serialize_der().try_into().unwrap();
    let config = rustls::ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let serving = tokio::spawn(async move {
        let acceptor = TlsAcceptor::from(Arc::new(config));
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            read_request(&mut stream).await;
            stream.write_all(&ok(b"H\x02\x00R\x91")).await.unwrap();
            stream.shutdown().await.unwrap();
        }
    });
    let with = |roots: rustls::RootCertStore, host: &str| {
        let tls = rustls::ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        let address = format!("https://{host}:{port}/service");
        Client::builder(&address).tls(Tls::Config(Arc::new(tls))).build().unwrap()
    };
    let mut roots = rustls::RootCertStore::empty();
    roots.add(made.cert.der().clone()).unwrap();
    assert_eq!(with(roots.clone(), "localhost").call::<i32>("f", ()).await.unwrap(), 1);
    // Nobody vouches for it; and it is somebody else.
    for (client, told) in [
        (with(rustls::RootCertStore::empty(), "localhost"), "invalid peer certificate: UnknownIssuer"),
        (with(roots, "127.0.0.1"), "invalid peer certificate: certificate not valid for name \"127.0.0.1\""),
    ] {
        let error = client.call::<i32>("f", ()).await.unwrap_err();
        assert!(matches!(error, Error::Connect { .. }) && error.is_unsent(), "{error:?}");
        assert!(error.to_string().contains(told), "{error}");
    }
    serving.abort();
}
