//! A server on loopback that does what a test tells it, connection by connection.

use hessian::StreamEncoder;
use hessian::client::stream::{Event, Listener, Lost, Packet, Position};
use hessian::client::{Error, stream};
use hessian::grammar::Final;
use hessian::packet::Framing;
use serde::{Deserialize, Serialize};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What the packets of these tests hold: a class, so that a lost definition shows.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename = "example.Numbered")]
pub(crate) struct Numbered {
    pub(crate) number: u64,
}

pub(crate) struct Server {
    listener: TcpListener,
}

/// A connection whose request has been read.
pub(crate) struct Asked {
    pub(crate) socket: TcpStream,
    pub(crate) request: String,
    pub(crate) encoder: StreamEncoder<Final>,
}

impl Server {
    pub(crate) async fn start() -> Self {
        Self { listener: TcpListener::bind(("127.0.0.1", 0)).await.unwrap() }
    }

    pub(crate) fn port(&self) -> u16 {
        self.listener.local_addr().unwrap().port()
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}/stream", self.port())
    }

    /// The next connection, before anything was read.
    pub(crate) async fn accept(&self) -> TcpStream {
        self.listener.accept().await.unwrap().0
    }

    /// The next connection, after its request head.
    pub(crate) async fn asked(&self) -> Asked {
        let mut socket = self.accept().await;
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            request.push(socket.read_u8().await.unwrap());
        }
        let request = String::from_utf8(request).unwrap();
        Asked { socket, request, encoder: StreamEncoder::new(Framing::Ws) }
    }

    /// The next connection, answered with a stream in chunks that has these fields.
    pub(crate) async fn answered(&self, fields: &str) -> Asked {
        let mut asked = self.asked().await;
        asked.answer(fields).await;
        asked
    }
}

impl Asked {
    /// What the client has sent in this field.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        let fields = self.request.lines().filter_map(|line| line.split_once(": "));
        fields.filter(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value).next()
    }

    pub(crate) async fn write(&mut self, bytes: &[u8]) {
        self.socket.write_all(bytes).await.unwrap();
    }

    pub(crate) async fn answer(&mut self, fields: &str) {
        let fields = fields.split('|').filter(|field| !field.is_empty());
        let fields: String = fields.map(|field| format!("{field}\r\n")).collect();
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/x-hessian\r\ntransfer-encoding: chunked\r\n{fields}\r\n"
        );
        self.write(head.as_bytes()).await;
    }

    /// A status, with a text.
    pub(crate) async fn refuse(mut self, status: &str, fields: &str, text: &str) {
        let fields: String =
            fields.split('|').filter(|field| !field.is_empty()).map(|f| format!("{f}\r\n")).collect();
        let head = format!(
            "HTTP/1.1 {status}\r\ncontent-type: text/plain\r\ncontent-length: {}\r\n{fields}\r\n{text}",
            text.len()
        );
        self.write(head.as_bytes()).await;
    }

    pub(crate) async fn chunk(&mut self, bytes: &[u8]) {
        let mut chunk = format!("{:x}\r\n", bytes.len()).into_bytes();
        chunk.extend_from_slice(bytes);
        chunk.extend_from_slice(b"\r\n");
        self.write(&chunk).await;
    }

    /// The packet with this number, as the next of this connection.
    pub(crate) fn packet(&mut self, number: u64) -> Vec<u8> {
        let mut packet = Vec::new();
        self.encoder.encode(&Numbered { number }, &mut packet).unwrap();
        packet
    }

    /// Sends packets of these numbers, each in a chunk.
    pub(crate) async fn send(&mut self, numbers: impl IntoIterator<Item = u64>) {
        for number in numbers {
            let packet = self.packet(number);
            self.chunk(&packet).await;
        }
    }

    pub(crate) async fn heartbeat(&mut self) {
        self.chunk(Framing::Ws.heartbeat()).await;
    }

    /// Ends the response in good order.
    pub(crate) async fn end(mut self) {
        self.write(b"0\r\n\r\n").await;
    }

    /// Waits until the client has closed.
    pub(crate) async fn closed(mut self) {
        let mut rest = Vec::new();
        let _ = self.socket.read_to_end(&mut rest).await;
    }
}

/// A listener of events that a test expects one by one.
pub(crate) struct Expecting(pub(crate) Listener);

impl Expecting {
    pub(crate) fn of(listen: stream::Listen) -> Self {
        Self(listen.open().unwrap())
    }

    pub(crate) async fn event(&mut self) -> Event {
        self.0.next().await.expect("an event").expect("no error")
    }

    pub(crate) async fn connected(&mut self, verdict: stream::Verdict) -> stream::Connected {
        match self.event().await {
            Event::Connected(connected) => {
                assert_eq!(connected.verdict, verdict);
                connected
            }
            event => panic!("{event:?}"),
        }
    }

    /// The packet with this number, and the place after it.
    pub(crate) async fn packet(&mut self, number: u64, position: Option<&str>) -> Packet {
        match self.event().await {
            Event::Packet(packet) => {
                assert_eq!(self.0.decode::<Numbered>(&packet).unwrap(), Numbered { number });
                let position: Option<Position> = position.map(|position| position.parse().unwrap());
                assert_eq!((packet.position(), self.0.position()), (position, position));
                packet
            }
            event => panic!("{event:?}"),
        }
    }

    pub(crate) async fn packets(&mut self, numbers: impl IntoIterator<Item = u64>) {
        for number in numbers {
            self.packet(number, None).await;
        }
    }

    /// Why the connection is gone, after how long another one is tried, and how many have failed.
    pub(crate) async fn lost(&mut self) -> (Lost, Duration, u32) {
        match self.event().await {
            Event::Reconnecting { why, after, failures } => (why, after, failures),
            event => panic!("{event:?}"),
        }
    }

    /// The error that ends the stream.
    pub(crate) async fn error(&mut self) -> Error {
        let error = self.0.next().await.expect("an error").expect_err("an error");
        assert!(self.0.next().await.is_none(), "nothing follows");
        assert!(self.0.next().await.is_none(), "nothing follows");
        error
    }

    pub(crate) async fn over(&mut self) {
        let next = self.0.next().await;
        assert!(next.is_none(), "{next:?}");
    }
}
