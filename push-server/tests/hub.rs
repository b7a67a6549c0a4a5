//! What publishers see, and the bounds they meet.

mod support;

use std::collections::BTreeMap;

use push_server::{Hub, Limits, OpenError, Position, PublishError, Published, Start, Transport, demo};
use support::{EPOCH, attach, wait_for};

const fn at(sequence: u64) -> Position {
    Position { epoch: EPOCH, sequence }
}

#[tokio::test]
async fn publishing_answers_with_the_position_and_the_number_of_readers() {
    let hub = Hub::start(EPOCH, Limits::default(), 3);
    let stream = demo::open(&hub).unwrap();
    assert_eq!(stream.publish("alone").await.unwrap(), Published { position: at(1), receivers: 0 });
    let mut readers = Vec::new();
    for _ in 0..4 {
        readers.push(attach(&stream, Transport::Sse, Start::Live, false, "HEAD").await);
    }
    wait_for(|| stream.readers() == 4).await;
    assert_eq!(stream.publish("heard").await.unwrap(), Published { position: at(2), receivers: 4 });
    assert_eq!(stream.position(), at(2));
    for reader in &mut readers {
        assert_eq!(reader.until(b"\n\n").await, b"HEADid: ab:2\ndata: \"heard\"\n\n");
    }
    // Another stream has its own readers and its own count.
    let other = hub.open(&"other".parse().unwrap()).unwrap();
    assert_eq!(other.publish("unheard").await.unwrap(), Published { position: at(1), receivers: 0 });
    assert!(hub.get("other").is_some() && hub.get("third").is_none() && hub.get("a/b").is_none());
}

/// Messages published between the moment a reader is given its place and the moment its shard has it.
#[tokio::test]
async fn nothing_is_lost_between_subscribing_and_the_first_message() {
    let hub = Hub::start(EPOCH, Limits::default(), 1);
    let stream = demo::open(&hub).unwrap();
    let subscription = stream.subscribe(Transport::Sse, Start::Live);
    stream.publish(&1).await.unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = tokio::net::TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (socket, _) = listener.accept().await.unwrap();
    let head = bytes::Bytes::from_static(b"HEAD");
    let connection = push_server::hub::Connection { socket, head, chunked: false, permit: None };
    stream.publish(&2).await.unwrap();
    subscription.attach(connection).unwrap();
    stream.publish(&3).await.unwrap();
    let expected = "HEADid: ab:1\ndata: 1\n\nid: ab:2\ndata: 2\n\nid: ab:3\ndata: 3\n\n";
    let got = support::Client::new(client).take(expected.len()).await;
    assert_eq!(String::from_utf8(got).unwrap(), expected);
}

#[tokio::test]
async fn a_refused_message_leaves_the_stream_as_it_was() {
    let mut limits = Limits::default();
    limits.message_bytes = 100;
    let hub = Hub::start(EPOCH, limits, 1);
    let stream = demo::open(&hub).unwrap();
    stream.publish(&"x".repeat(98)).await.unwrap();
    let error = stream.publish(&"x".repeat(99)).await.unwrap_err();
    assert!(matches!(error, PublishError::TooLong { form: "JSON", bytes: 101, max: 100 }), "{error}");
    // "1e+300" and a comma each as JSON, nine bytes each as Hessian.
    let error = stream.publish(&[1e300; 12]).await.unwrap_err();
    assert!(matches!(error, PublishError::TooLong { form: "Hessian", max: 100, .. }), "{error}");
    // Hessian can have keys that are no text; browsers could not read it.
    let error = stream.publish(&BTreeMap::from([(vec![1], 1)])).await.unwrap_err();
    assert!(matches!(error, PublishError::Json(_)), "{error}");
    assert_eq!(stream.position(), at(1));
}

#[tokio::test]
async fn streams_are_bounded_and_opening_twice_is_one() {
    let mut limits = Limits::default();
    limits.streams = 2;
    let hub = Hub::start(EPOCH, limits, 1);
    for name in ["a", "b", "a"] {
        hub.open(&name.parse().unwrap()).unwrap();
    }
    let Err(OpenError::TooMany { name, max: 2 }) = hub.open(&"c".parse().unwrap()) else {
        panic!("a third stream was opened");
    };
    assert_eq!(name.as_str(), "c");
}
