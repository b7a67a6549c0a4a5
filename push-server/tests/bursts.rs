//! Messages that come faster than they can be sent, and messages that come alone: everybody gets each once, in order, however they leave.

mod support;

use std::io::{ErrorKind, Read};

use push_server::hub::{Connection, Overflow};
use push_server::{Framing, Hub, Limits, Start, StreamConfig, Transport, demo};
use socket2::SockRef;
use support::{Client, EPOCH, attach, wait_for};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::yield_now;

/// The event of a stream of numbers.
fn event(number: u64) -> String {
    format!("id: ab:{number}\ndata: {number}\n\n")
}

/// Reads without the runtime's help: what is there now, or nothing.
fn read_now(socket: &mut std::net::TcpStream) -> String {
    let mut bytes = [0; 1_024];
    match socket.read(&mut bytes) {
        Ok(read) => String::from_utf8(bytes[..read].to_vec()).unwrap(),
        Err(error) if error.kind() == ErrorKind::WouldBlock => String::new(),
        Err(error) => panic!("{error}"),
    }
}

/// Lets the shards come to rest, without waiting for anything.
async fn rest() {
    for _ in 0..20 {
        yield_now().await;
    }
}

/// On one thread, where nothing else runs until this test waits for something.
#[tokio::test]
async fn a_lone_message_to_few_readers_is_sent_before_publish_returns() {
    for (readers, is_sent) in [(1, true), (4, true), (5, false)] {
        let hub = Hub::start(EPOCH, Limits::default(), 2);
        let stream = demo::open(&hub).unwrap();
        let mut clients = Vec::new();
        for _ in 0..readers {
            let mut client = attach(&stream, Transport::Sse, Start::Live, false, "HEAD").await;
            client.until(b"HEAD").await;
            clients.push(client);
        }
        wait_for(|| stream.readers() == readers).await;
        rest().await;
        let published = stream.publish(&1).await.unwrap();
        assert_eq!(published.receivers, readers);
        for client in clients {
            let mut socket = client.socket.into_std().unwrap();
            assert_eq!(
                read_now(&mut socket),
                if is_sent { event(1) } else { String::new() },
                "{readers} readers"
            );
        }
    }
}

/// The clock stands still, so the second message is within a millisecond of the first.
#[tokio::test(start_paused = true)]
async fn a_message_right_after_another_is_left_to_the_shard_to_be_sent_with_its_followers() {
    let hub = Hub::start(EPOCH, Limits::default(), 1);
    let stream = demo::open(&hub).unwrap();
    let mut client = attach(&stream, Transport::Sse, Start::Live, false, "HEAD").await;
    client.until(b"HEAD").await;
    wait_for(|| stream.readers() == 1).await;
    rest().await;
    for number in 1..=5 {
        stream.publish(&number).await.unwrap();
    }
    let mut socket = client.socket.into_std().unwrap();
    assert_eq!(read_now(&mut socket), event(1));
    rest().await;
    assert_eq!(read_now(&mut socket), (2..=5).map(event).collect::<String>());
}

/// Publishers on both threads, readers of three forms, chunked or not, some of whom go early, streams of few readers and of many.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_reader_gets_every_message_once_and_in_order() {
    const MESSAGES: u64 = 1_500;
    let mut limits = Limits::default();
    // Short, so that publishers wait for the shards; replays are not tried here.
    limits.log_messages = 256;
    for readers in [1_usize, 3, 6, 40] {
        let hub = Hub::start(EPOCH, limits.clone(), 2);
        let stream = demo::open(&hub).unwrap();
        let mut reading = Vec::new();
        let ws = Transport::hessian(Framing::Ws);
        for number in 0..readers {
            let transport = [Transport::Sse, ws, Transport::Script][number % 3];
            let mut client = attach(&stream, transport, Start::Live, number % 4 > 1, "HEAD").await;
            client.until(b"HEAD").await;
            // Some go in the middle of it: whoever takes their places must not be passed over.
            let until = if number % 5 == 4 { MESSAGES / 2 } else { MESSAGES };
            reading.push((client, until));
        }
        wait_for(|| stream.readers() == readers).await;
        let readers = reading.into_iter().map(|(mut client, until)| {
            tokio::spawn(async move {
                for number in 1..=until {
                    let bytes = client.until(format!("({number})").as_bytes()).await;
                    assert!(bytes.len() < 120, "before {number}: {}", bytes.escape_ascii());
                }
            })
        });
        let readers: Vec<_> = readers.collect();
        let publisher = tokio::spawn(async move {
            for number in 1..=MESSAGES {
                stream.publish(&format!("({number})")).await.unwrap();
                match number % 97 {
                    0 => tokio::time::sleep(std::time::Duration::from_millis(2)).await,
                    1..10 => yield_now().await,
                    _ => {}
                }
            }
        });
        for reader in readers {
            reader.await.unwrap();
        }
        publisher.await.unwrap();
    }
}

/// Writes that the kernel takes a part of, in the middle of a message of many that leave together.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_reader_of_small_messages_gets_them_whole() {
    const MESSAGES: usize = 30_000;
    let mut limits = Limits::default();
    (limits.log_messages, limits.lag_messages) = (MESSAGES, MESSAGES as u64);
    let config = StreamConfig::new(&limits).overflow(Overflow::Disconnect);
    let hub = Hub::start(EPOCH, limits, 1);
    let stream = hub.open_with(&"slow".parse().unwrap(), &config).unwrap();
    let ws = Transport::hessian(Framing::Ws);
    let mut clients = Vec::new();
    for transport in [Transport::Sse, ws, ws] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut client = Client::new(TcpStream::connect(listener.local_addr().unwrap()).await.unwrap());
        let (socket, _) = listener.accept().await.unwrap();
        // No multiple of anything.
        SockRef::from(&socket).set_send_buffer_size(9_001).unwrap();
        let connection = Connection { socket, head: "HEAD".into(), chunked: true, permit: None };
        stream.subscribe(transport, Start::Live).attach(connection).unwrap();
        client.until(b"HEAD").await;
        clients.push(client);
    }
    wait_for(|| stream.readers() == 3).await;
    let value = |number: usize| demo::AddString { value: format!("{number:06}") };
    for number in 0..MESSAGES {
        stream.publish(&value(number)).await.unwrap();
        if number % 100 == 0 {
            yield_now().await;
        }
    }
    for mut client in clients {
        for number in 0..MESSAGES {
            let text = format!("{number:06}");
            let bytes = client.until(text.as_bytes()).await;
            // With the definition of the class, the first time.
            assert!(bytes.len() < if number == 0 { 120 } else { 70 }, "{}", bytes.escape_ascii());
        }
    }
}
