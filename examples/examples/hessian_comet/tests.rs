//! The example's server, without a browser, in paused time.

use std::net::SocketAddr;

use examples::loopback;
use hessian::StreamDecoder;
use push_server::demo;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::timer_service::AddString;
use super::*;

/// The example, served until the test ends.
fn serve() -> SocketAddr {
    loopback::serve(|hub| {
        let timer = TimerService::new(hub.open(&"comet".parse().unwrap()).unwrap());
        tokio::spawn(timer.clone().run());
        routes(hub, &timer).merge(ruffle::routes(None).unwrap())
    })
}

async fn ask(address: SocketAddr, parts: &[&str]) -> TcpStream {
    let mut client = TcpStream::connect(address).await.unwrap();
    for part in parts {
        client.write_all(part.as_bytes()).await.unwrap();
    }
    client
}

/// The head of the answer, and `count` bytes after it.
async fn read(client: &mut TcpStream, count: usize) -> (String, Vec<u8>) {
    let mut bytes = Vec::new();
    loop {
        if let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n")
            && bytes.len() >= at + 4 + count
        {
            let body = bytes.split_off(at + 4);
            return (String::from_utf8(bytes).unwrap(), body);
        }
        assert!(client.read_buf(&mut bytes).await.unwrap() > 0, "ended after {bytes:?}");
    }
}

/// One packet of 2008, by hand: the first has the definition of the class, in the draft's grammar.
fn packet_of_2008(line: &str, is_first: bool) -> Vec<u8> {
    let mut data = Vec::new();
    if is_first {
        data.extend_from_slice(b"O\x11example.AddString\x91\x05value");
    }
    data.extend_from_slice(b"o\x90");
    match u8::try_from(line.len()) {
        Ok(length @ 0..=31) => data.push(length),
        Ok(length) => data.extend_from_slice(&[b'S', 0, length]),
        Err(_) => panic!("the Latin has short lines"),
    }
    data.extend_from_slice(line.as_bytes());
    let mut packet = b"P".to_vec();
    packet.extend_from_slice(&u16::try_from(data.len()).unwrap().to_be_bytes());
    packet.extend_from_slice(&data);
    packet
}

/// Byte for byte what the Flash client of 2008 asked and read: HTTP/1.0 in three writes, a body without chunks, framing `p`,
/// the draft.
#[tokio::test(start_paused = true)]
async fn the_client_of_2008_gets_its_bytes() {
    let address = serve();
    let host = format!("Host: {address}\r\n");
    let mut client = ask(address, &["GET /2008/comet HTTP/1.0\r\n", &host, "\r\n"]).await;
    // Whichever line it came for, those that follow it are the Latin's, in order.
    let (head, first) = read(&mut client, 3).await;
    assert!(head.starts_with("HTTP/1.0 200 OK\r\n"), "{head}");
    let fields = head.to_ascii_lowercase();
    assert!(!fields.contains("transfer-encoding") && !fields.contains("content-length"), "{head}");
    let mut bytes = first;
    while bytes.len() < 400 {
        assert!(client.read_buf(&mut bytes).await.unwrap() > 0);
    }
    let matches = |skipped: usize| {
        let lines = demo::lines().cycle().skip(skipped).enumerate();
        let expected: Vec<u8> = lines.take(12).flat_map(|(at, line)| packet_of_2008(line, at == 0)).collect();
        expected.starts_with(&bytes)
    };
    assert!((0..demo::lines().count()).any(matches), "{}", bytes.escape_ascii());
}

/// Today's Java and Rust clients read Hessian 2.0 in its present framing.
#[tokio::test(start_paused = true)]
async fn clients_of_today_get_hessian_2() {
    let mut client = ask(serve(), &["GET /comet HTTP/1.0\r\n\r\n"]).await;
    let (_, mut bytes) = read(&mut client, 1).await;
    let mut decoder: StreamDecoder = StreamDecoder::new(Some(Framing::Ws), hessian::Limits::default());
    let mut lines = Vec::new();
    while lines.len() < 3 {
        decoder.push(&bytes);
        while let Some(packet) = decoder.next_packet().unwrap() {
            if let hessian::packet::Packet::Data(data) = packet {
                let AddString { value } = decoder.decode(&data).unwrap();
                lines.push(value);
            }
        }
        bytes.clear();
        assert!(client.read_buf(&mut bytes).await.unwrap() > 0);
    }
    let latin: Vec<_> = demo::lines().collect();
    let at = latin.iter().position(|line| *line == lines[0]).expect("a line of the Latin");
    assert_eq!(lines, latin[at..at + 3]);
}

/// The port knows policy requests from HTTP.
#[tokio::test(start_paused = true)]
async fn the_policy_is_on_the_same_port() {
    let address = serve();
    let mut client = ask(address, &["<policy-file-request/>\0"]).await;
    let mut policy = String::new();
    client.read_to_string(&mut policy).await.unwrap();
    let port = address.port();
    assert!(policy.contains(&format!("<allow-access-from domain=\"*\" to-ports=\"{port}\"/>")), "{policy}");
    assert!(policy.ends_with("</cross-domain-policy>\n\0"), "{policy}");
}

#[test]
fn a_folder_without_ruffle_is_told() {
    let error = ruffle::routes(Some("/nowhere".as_ref())).unwrap_err().to_string();
    assert!(error.contains("/nowhere/ruffle.js") && error.contains("npm install"), "{error}");
}

/// Nothing beside the folder is served.
#[tokio::test(start_paused = true)]
async fn ruffle_is_served_from_its_folder_alone() {
    use std::fs;
    let folder = std::env::temp_dir().join(format!("ruffle-{}", std::process::id()));
    fs::create_dir_all(folder.join("player")).unwrap();
    fs::write(folder.join("secret"), "secret").unwrap();
    fs::write(folder.join("player/ruffle.js"), "// Ruffle").unwrap();
    fs::write(folder.join("player/core.wasm"), b"\0asm").unwrap();
    let address = loopback::serve(|_| ruffle::routes(Some(&folder.join("player"))).unwrap());
    for (path, expected) in [
        ("/player/ruffle.js", "// Ruffle"),
        ("/player/core.wasm", "content-type: application/wasm\r\n"),
        ("/player/../secret", "404 Not Found"),
        ("/player/%2e%2e/secret", "404 Not Found"),
        ("/player/..%2fsecret", "404 Not Found"),
    ] {
        let mut client = ask(address, &["GET ", path, " HTTP/1.0\r\n\r\n"]).await;
        let mut answer = Vec::new();
        client.read_to_end(&mut answer).await.unwrap();
        let answer = String::from_utf8_lossy(&answer).into_owned();
        assert!(answer.contains(expected), "{path}: {answer}");
    }
    fs::remove_dir_all(folder).unwrap();
}
