//! Binaries of any size, there and back.

use crate::server::{Server, ok, read_request};
use allocation_counter::measure;
use bytes::{Buf, Bytes};
use futures_util::{StreamExt, TryStreamExt, stream};
use hessian::client::{Client, Error, Upload};
use hessian::rpc::{Call, Form, write_reply};
use hessian::{Binary, ErrorKind, Limits};
use http_body_util::{BodyExt, Full};
use hyper::Response;
use serde::Serialize;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const FORMS: [Form; 2] = [Form::One, Form::Two];

fn client(address: &str, form: Form) -> Client {
    Client::builder(address).form(form).build().unwrap()
}

/// Bytes that are another at each place.
fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at * 31 + at / 251) as u8).collect()
}

/// A reply with a binary in chunks of one size.
fn chunked(form: Form, bytes: &[u8], size: usize) -> Vec<u8> {
    let (mut reply, opcode) = match form {
        Form::One => (b"r\x01\x00".to_vec(), b'b'),
        Form::Two => (b"H\x02\x00R".to_vec(), b'A'),
    };
    for chunk in bytes.chunks(size) {
        reply.push(opcode);
        reply.extend_from_slice(&(chunk.len() as u16).to_be_bytes());
        reply.extend_from_slice(chunk);
    }
    match form {
        Form::One => reply.extend_from_slice(b"B\x00\x00z"),
        Form::Two => reply.push(0x20),
    }
    reply
}

#[tokio::test]
async fn a_binary_is_read_however_it_is_cut() {
    let bytes = pattern(5000);
    for form in FORMS {
        for size in [1, 7, 4999, 5000, 8189] {
            let reply = chunked(form, &bytes, size);
            for piece in [1, 2, 3, 1000, reply.len()] {
                if size * piece == 1 {
                    // 15,000 pieces of a byte each.
                    continue;
                }
                let reply = reply.clone();
                let server = Server::raw(move |mut stream: TcpStream| {
                    let reply = reply.clone();
                    async move {
                        read_request(&mut stream).await;
                        stream
                            .write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
                            .await
                            .unwrap();
                        // Each piece is a chunk of HTTP, which hyper hands on by itself.
                        let mut response = Vec::new();
                        for piece in reply.chunks(piece) {
                            response.extend_from_slice(format!("{:x}\r\n", piece.len()).as_bytes());
                            response.extend_from_slice(piece);
                            response.extend_from_slice(b"\r\n");
                        }
                        response.extend_from_slice(b"0\r\n\r\n");
                        stream.write_all(&response).await.unwrap();
                    }
                })
                .await;
                let client = client(&server.address, form);
                let mut read = Vec::new();
                let mut binary = client.call_binary("f", ()).await.unwrap();
                while let Some(chunk) = binary.chunk().await.unwrap() {
                    assert!(!chunk.is_empty());
                    read.extend_from_slice(&chunk);
                }
                assert!(read == bytes, "{form:?} {size} {piece}");
                assert_eq!(binary.received(), 5000);
                assert!(binary.chunk().await.unwrap().is_none());
            }
        }
    }
}

#[tokio::test]
async fn a_binary_is_a_stream_and_a_reader() {
    for len in [0, 1, 15, 16, 1023, 1024, 100_000] {
        for form in FORMS {
            let bytes = pattern(len);
            let mut reply = Vec::new();
            write_reply(form, &Binary::from(&bytes[..]), &mut reply).unwrap();
            let server = Server::replies(move |_| reply.clone()).await;
            let client = client(&server.address, form);
            let streamed: Vec<Bytes> =
                client.call_binary("f", ()).await.unwrap().try_collect().await.unwrap();
            assert!(streamed.concat() == bytes);
            let mut read = Vec::new();
            client.call_binary("f", ()).await.unwrap().read_to_end(&mut read).await.unwrap();
            assert!(read == bytes);
            let mut binary = client.call_binary("f", ()).await.unwrap();
            let mut exact = vec![0; len / 2];
            binary.read_exact(&mut exact).await.unwrap();
            assert!(exact == bytes[..len / 2] && binary.received() as usize == len / 2);
            let mut rest = Vec::new();
            binary.read_to_end(&mut rest).await.unwrap();
            assert!(rest == bytes[len / 2..]);
            drop(binary);
            // All were read to their end: one connection.
            assert_eq!(server.connections(), 1);
        }
    }
}

#[tokio::test]
async fn a_result_of_another_type_is_told_at_once() {
    for (value, found) in
        [(&b"N"[..], "null"), (b"\x91", "an int"), (b"\x01a", "a string"), (b"C\x01a\x90\x60", "an object")]
    {
        let server = Server::says(ok(&[b"H\x02\x00R", value].concat())).await;
        match client(&server.address, Form::Two).call_binary("f", ()).await.unwrap_err() {
            Error::Codec(error) => {
                let expected = "binary".into();
                assert_eq!(error.kind(), &ErrorKind::UnexpectedType { found, expected });
                assert_eq!(error.offset(), Some(4));
            }
            other => panic!("{other}"),
        }
    }
}

#[tokio::test]
async fn a_binary_that_is_cut_off_or_has_more_behind_it_is_an_error() {
    for form in FORMS {
        let reply = chunked(form, &pattern(100), 50);
        for cut in 5..reply.len() {
            let server = Server::says([&b"HTTP/1.0 200 OK\r\n\r\n"[..], &reply[..cut]].concat()).await;
            let read = async {
                let mut binary = client(&server.address, form).call_binary("f", ()).await?;
                while binary.chunk().await?.is_some() {}
                Ok::<_, Error>(())
            };
            match read.await.unwrap_err() {
                Error::Io(error) => assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof),
                other => panic!("{cut}: {other}"),
            }
        }
        let server = Server::says(ok(&[&reply[..], b"\r\n"].concat())).await;
        let mut binary = client(&server.address, form).call_binary("f", ()).await.unwrap();
        let error = loop {
            match binary.chunk().await {
                Ok(chunk) => assert!(chunk.is_some()),
                Err(error) => break error,
            }
        };
        assert!(error.to_string().starts_with("2 bytes follow"), "{error}");
        // An error is the end.
        assert!(binary.next().await.is_none());
        let ignoring = Client::builder(&server.address).form(form).ignore_trailing(true).build().unwrap();
        let read: Vec<Bytes> = ignoring.call_binary("f", ()).await.unwrap().try_collect().await.unwrap();
        assert_eq!(read.concat().len(), 100);
    }
}

/// Answers with the lengths and sums of the binaries of a call.
fn sums(bytes: &[u8]) -> Vec<u8> {
    let (call, used) = Call::parse(bytes, &Limits::new()).unwrap();
    assert_eq!(used, bytes.len());
    let mut sums = Vec::new();
    for argument in call.arguments() {
        let bytes =
            argument.as_bytes().or_else(|| argument.get("content").and_then(|content| content.as_bytes()));
        if let Some(bytes) = bytes {
            sums.push((bytes.len() as i64, bytes.iter().map(|&byte| i64::from(byte)).sum::<i64>()));
        }
    }
    let mut out = Vec::new();
    write_reply(call.reply_form(), &sums, &mut out).unwrap();
    out
}

fn sum_of(bytes: &[u8]) -> (i64, i64) {
    (bytes.len() as i64, bytes.iter().map(|&byte| i64::from(byte)).sum())
}

#[derive(Serialize)]
#[serde(rename = "example.File")]
struct File {
    name: &'static str,
    content: Upload,
    owner: &'static str,
}

#[tokio::test]
async fn uploads_stand_anywhere_in_the_arguments() {
    let server = Server::replies(|call| sums(&call)).await;
    let bytes = pattern(200_000);
    let pieces = |size: usize| {
        let pieces: Vec<_> = bytes.chunks(size).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
        Upload::stream(stream::iter(pieces))
    };
    for form in FORMS {
        let client = client(&server.address, form);
        let file = || File { name: "a", content: pieces(70_000), owner: "me" };
        let reader = Upload::reader(io::Cursor::new(bytes.clone()));
        let blocking = Upload::blocking(io::Cursor::new(bytes.clone()));
        let empty = Upload::reader(tokio::io::empty());
        // The second file has its class's definition from the first.
        let arguments = (1, file(), reader, pieces(100), empty, blocking, file(), Binary::from(&bytes[..]));
        let sums: Vec<(i64, i64)> = client.call("f", arguments).await.unwrap();
        let (whole, nothing) = (sum_of(&bytes), (0, 0));
        assert_eq!(sums, [whole, whole, whole, nothing, whole, whole, whole]);
    }
    let client = Client::builder(&server.address).overload_names(true).build().unwrap();
    let sums: Vec<(i64, i64)> = client.call("f", (pieces(100),)).await.unwrap();
    assert_eq!(sums, [sum_of(&bytes)]);
}

#[tokio::test]
async fn an_upload_is_sent_once() {
    let server = Server::replies(|call| sums(&call)).await;
    let client = client(&server.address, Form::Two);
    let upload = Upload::reader(&b"abc"[..]);
    let error = client.call::<()>("f", (&upload, &upload)).await.unwrap_err();
    assert!(error.is_unsent() && error.to_string().contains("stands twice"), "{error}");
    let upload = Upload::reader(&b"abc"[..]);
    assert_eq!(client.call::<Vec<(i64, i64)>>("f", (&upload,)).await.unwrap(), [sum_of(b"abc")]);
    let error = client.call::<()>("f", (&upload,)).await.unwrap_err();
    assert!(error.to_string().contains("sent before"), "{error}");
    // It is nothing elsewhere.
    for error in [
        hessian::to_vec(&upload).unwrap_err().to_string(),
        hessian::to_graph(&upload).unwrap_err().to_string(),
        serde_json::to_string(&upload).unwrap_err().to_string(),
    ] {
        assert!(error.contains("only be an argument"), "{error}");
    }
}

#[tokio::test]
async fn a_source_that_fails_fails_the_call_and_its_connection() {
    let server = Server::replies(|call| sums(&call)).await;
    let client = client(&server.address, Form::Two);
    let pieces = [Ok(Bytes::from(vec![1; 100_000])), Err(io::Error::other("the disk is on fire"))];
    match client.call::<()>("f", (Upload::stream(stream::iter(pieces)),)).await.unwrap_err() {
        Error::Upload(error) => assert_eq!(error.to_string(), "the disk is on fire"),
        other => panic!("{other}"),
    }
    assert_eq!(client.call::<Vec<(i64, i64)>>("f", ()).await.unwrap(), []);
    assert_eq!(server.connections(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_upload_that_does_not_go_on_is_given_up() {
    let server = Server::replies(|call| sums(&call)).await;
    let idle = Duration::from_secs(7);
    let client = Client::builder(&server.address).idle_timeout(idle).build().unwrap();
    // A source that stops.
    let stops = stream::iter([Ok(Bytes::from_static(b"abc"))]).chain(stream::pending());
    let start = tokio::time::Instant::now();
    let error = client.call::<()>("f", (Upload::stream(stops),)).await.unwrap_err();
    assert_eq!(error.to_string(), "waited for an upload to go on: nothing after 7s");
    assert_eq!(start.elapsed(), idle);
    // A slow one may take longer than the call may.
    let slow = stream::iter(0..100).then(async |_| {
        tokio::time::sleep(Duration::from_secs(6)).await;
        Ok(Bytes::from_static(b"abc"))
    });
    let start = tokio::time::Instant::now();
    let sums: Vec<(i64, i64)> = client.call("f", (Upload::stream(slow),)).await.unwrap();
    assert_eq!((sums, start.elapsed().as_secs()), (vec![sum_of(&b"abc".repeat(100))], 600));
    // A server that does not read; and one that reads all and says nothing.
    for (reads, told, after) in
        [(false, "waited for an upload to go on", 7), (true, "waited for the reply to a call", 60)]
    {
        let server = Server::raw(move |mut stream: TcpStream| async move {
            if reads {
                tokio::io::copy(&mut stream, &mut tokio::io::sink()).await.unwrap();
            }
            std::future::pending::<()>().await;
        })
        .await;
        let client = Client::builder(&server.address).idle_timeout(idle).build().unwrap();
        let much =
            stream::iter((0..if reads { 10 } else { 10_000 }).map(|_| Ok(Bytes::from_static(&[7; 10_000]))));
        let start = tokio::time::Instant::now();
        let error = client.call::<()>("f", (Upload::stream(much),)).await.unwrap_err();
        assert!(error.to_string().starts_with(told), "{error}");
        assert_eq!(start.elapsed().as_secs(), after);
    }
}

/// A service that has seen enough answers before the upload is at its end.
#[tokio::test]
async fn a_reply_before_the_end_of_an_upload_is_taken() {
    let server = Server::raw(|mut stream: TcpStream| async move {
        let mut beginning = vec![0; 10_000];
        stream.read_exact(&mut beginning).await.unwrap();
        stream.write_all(&ok(b"H\x02\x00R\x04much")).await.unwrap();
        std::future::pending::<()>().await;
    })
    .await;
    let endless = stream::repeat_with(|| Ok(Bytes::from_static(&[7; 10_000])));
    let reply: String =
        client(&server.address, Form::Two).call("f", (Upload::stream(endless),)).await.unwrap();
    assert_eq!(reply, "much");
}

/// So many bytes go through, and so many are in memory at most. Client and server share one thread: both count.
const HUGE: u64 = 300 << 20;
const MEMORY: u64 = 2 << 20;

fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let peak = measure(|| runtime.block_on(test)).bytes_max;
    println!("{} KiB at most", peak >> 10);
    assert!(peak < MEMORY, "{peak} bytes");
}

#[test]
fn a_huge_result_is_read_in_constant_memory() {
    for form in FORMS {
        run(async move {
            let server = Server::raw(move |mut stream: TcpStream| async move {
                read_request(&mut stream).await;
                let whole = chunked(form, &[7; 8000], 8000);
                let (start, end) = match form {
                    Form::One => (3, 4),
                    Form::Two => (4, 1),
                };
                let chunk = &whole[start..whole.len() - end];
                stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
                stream.write_all(&whole[..start]).await.unwrap();
                let many = chunk.repeat(8);
                for _ in 0..HUGE / 64_000 {
                    stream.write_all(&many).await.unwrap();
                }
                stream.write_all(&whole[whole.len() - end..]).await.unwrap();
            })
            .await;
            let mut binary = client(&server.address, form).call_binary("f", ()).await.unwrap();
            while let Some(chunk) = binary.chunk().await.unwrap() {
                assert!(chunk[0] == 7 && chunk[chunk.len() - 1] == 7);
            }
            assert_eq!(binary.received(), HUGE / 64_000 * 64_000);
        });
    }
}

/// Counts the bytes of a call's binary without keeping them.
async fn count(mut body: hyper::body::Incoming) -> u64 {
    let (mut parser, mut input, mut count) = (<hessian::Parser>::new(unbounded()), bytes::BytesMut::new(), 0);
    let head = b"H\x02\x00C\x01f\x91";
    while input.len() < head.len() {
        input.extend_from_slice(&body.frame().await.unwrap().unwrap().into_data().unwrap());
    }
    assert_eq!(input.split_to(head.len()), head[..]);
    loop {
        match parser.step(&input).unwrap() {
            hessian::Step::Event { event: hessian::Event::Binary { bytes, .. }, used } => {
                assert!(bytes.iter().all(|&byte| byte == 7));
                count += bytes.len() as u64;
                input.advance(used);
            }
            hessian::Step::Event { event, .. } => panic!("{event:?}"),
            hessian::Step::NeedMore { used, .. } => {
                input.advance(used);
                input.extend_from_slice(&body.frame().await.unwrap().unwrap().into_data().unwrap());
            }
            hessian::Step::Done => break,
        }
    }
    assert!(input.is_empty() && body.frame().await.is_none());
    count
}

fn unbounded() -> Limits {
    let mut limits = Limits::new();
    limits.max_binary = u64::MAX;
    limits
}

#[test]
fn a_huge_upload_is_sent_in_constant_memory() {
    run(async {
        let total = Arc::new(AtomicU64::new(0));
        let server = {
            let total = Arc::clone(&total);
            Server::http(move |request| {
                let total = Arc::clone(&total);
                async move {
                    total.store(count(request.into_body()).await, Ordering::SeqCst);
                    Response::new(Full::from(&b"H\x02\x00R\x91"[..]))
                }
            })
            .await
        };
        let client = client(&server.address, Form::Two);
        let reader = tokio::io::repeat(7).take(HUGE);
        assert_eq!(client.call::<i32>("f", (Upload::reader(reader),)).await.unwrap(), 1);
        assert_eq!(total.load(Ordering::SeqCst), HUGE);
        // Pieces that are larger than what goes at once.
        let pieces = stream::iter((0..HUGE >> 20).map(|_| Ok(Bytes::from_static(&[7; 1 << 20]))));
        assert_eq!(client.call::<i32>("f", (Upload::stream(pieces),)).await.unwrap(), 1);
        assert_eq!(total.load(Ordering::SeqCst), HUGE);
    });
}
