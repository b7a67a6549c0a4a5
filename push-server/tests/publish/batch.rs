//! Several messages in one request: all of them, or none.

use std::time::Duration;

use push_server::{BatchError, Limits, StreamConfig};
use serde_json::json;

use crate::support::{EPOCH, TestServer, wait_for};
use crate::{HESSIAN, JSON, LINES, answer, assert_refused, body};

#[tokio::test]
async fn a_batch_stands_in_the_stream_without_a_gap() {
    let server = TestServer::open(Limits::default(), EPOCH).await;
    let mut sse = server.ask("GET /streams/news/sse HTTP/1.0\r\n\r\n").await;
    sse.head().await;
    let stream = server.hub.get("news").unwrap();
    wait_for(|| stream.readers() == 1).await;
    // Readers of JSON get each text as it was written.
    let told = body(&answer(&server, "news/batch", JSON, b" [1, {\"b\": 1.0, \"a\": 2} ,\n\"x\"]").await);
    assert_eq!(told, json!({"position": "ab:3", "first": "ab:1", "messages": 3, "receivers": 1}));
    sse.until(b"id: ab:1\ndata: 1\n\nid: ab:2\ndata: {\"b\": 1.0, \"a\": 2}\n\nid: ab:3\ndata: \"x\"\n\n")
        .await;
    let told = body(&answer(&server, "news/batch", LINES, b"{\"n\":1}\n\n {\"n\": 2} \r\n").await);
    assert_eq!(told, json!({"position": "ab:5", "first": "ab:4", "messages": 2, "receivers": 1}));
    sse.until(b"id: ab:4\ndata: {\"n\":1}\n\nid: ab:5\ndata: {\"n\": 2}\n\n").await;
    // A list, the same list again by reference, and a class that is defined once.
    let two = b"\x7a\x91\x92\x51\x90C\x01A\x91\x01n\x60\x93\x60\x94";
    let told = body(&answer(&server, "news/batch", HESSIAN, two).await);
    assert_eq!(told, json!({"position": "ab:9", "first": "ab:6", "messages": 4, "receivers": 1}));
    sse.until(b"id: ab:6\ndata: [1,2]\n\nid: ab:7\ndata: [1,2]\n\nid: ab:8\ndata: {\"n\":3}\n\nid: ab:9\ndata: {\"n\":4}\n\n").await;
    // One of one message, with what has gathered.
    let told = body(&answer(&server, "news/batch?since=ab:8", LINES, b"0").await);
    let messages = json!([{"position": "ab:9", "data": {"n": 4}}, {"position": "ab:10", "data": 0}]);
    assert_eq!(
        (&told["position"], &told["messages"], &told["poll"]["messages"]),
        (&json!("ab:10"), &json!(1), &messages)
    );
    server.stop().await;
}

#[tokio::test]
async fn one_that_is_wrong_is_named_and_none_is_published() {
    let mut limits = Limits::default();
    (limits.message_bytes, limits.batch_messages, limits.batch_bytes) = (64, 4, 400);
    let server = TestServer::open(limits, EPOCH).await;
    let long = format!("[1,\"{}\"]", "x".repeat(63));
    let heavy = format!("{0}\n{0}\n{0}\n{0}", format!("[{}1]", "1,".repeat(25)));
    for (fields, content, status, why) in [
        (JSON, &b"{\"n\":1}"[..], 400, "The body is no array of JSON: it does not begin with [."),
        (JSON, b"[1,", 400, "The body is no array of JSON: EOF"),
        (JSON, b"[1] 2", 400, "trailing characters"),
        (JSON, b"[]", 400, "a batch has one message at least."),
        (LINES, b"\n \n", 400, "a batch has one message at least."),
        (JSON, b"[1,18446744073709551615]", 400, "Message 2 of the batch: no JSON that can be published: "),
        (LINES, b"1\n\n{]\n3", 400, "Message 2 of the batch, in line 3: no JSON that can be published: "),
        (LINES, b"1 2", 400, "Message 1 of the batch, in line 1: "),
        (
            JSON,
            long.as_bytes(),
            413,
            "Message 2 of the batch: the message has 65 bytes as JSON, more than message_bytes = 64.",
        ),
        (JSON, b"[1,2,3,4,5]", 413, "more messages than batch_messages = 4."),
        (HESSIAN, b"\x91\x92\x93\x94\x95", 413, "more messages than batch_messages = 4."),
        (HESSIAN, b"", 400, "a batch has one message at least."),
        (
            HESSIAN,
            b"\x91\x02a",
            400,
            "The body is no Hessian 2.0 value that can be published: input ends inside a value",
        ),
        (HESSIAN, b"\x91\x92\x60", 400, "object of class number 0, but 0 classes are defined at byte 3"),
        (HESSIAN, b"\x91\x79\x51\x90", 422, "Message 2 of the batch: the value cannot be written as JSON"),
        (JSON, &[b' '; 401], 413, "A batch has batch_bytes = 400 bytes at most."),
        ("Content-Type: text/plain\r\n", b"1", 415, "application/x-ndjson"),
    ] {
        println!("{}", content.escape_ascii());
        assert_refused(&answer(&server, "comet/batch", fields, content).await, status, why);
    }
    // In its own bytes it is within the bound, and so is each form of each message.
    let answered = answer(&server, "comet/batch", LINES, heavy.as_bytes()).await;
    assert!(answered.starts_with("HTTP/1.0 200 "), "{answered}");
    assert_eq!(server.stream.position().sequence, 4, "a batch that is refused has done nothing");
    // Lines are several messages, wherever they are posted.
    assert_refused(&answer(&server, "comet/messages", LINES, b"1").await, 415, "/streams/{stream}/batch");
    let get = server.answer("GET /streams/comet/batch HTTP/1.0\r\n\r\n").await;
    assert!(get.starts_with("HTTP/1.0 405 "), "{get}");
    server.stop().await;
}

/// A few bytes that refer to a large value again and again would be many large messages.
#[tokio::test]
async fn references_do_not_make_a_small_body_a_large_batch() {
    let server = TestServer::open(Limits::default(), EPOCH).await;
    let mut body = vec![b'W'];
    body.extend(vec![b'N'; 100_000]);
    body.push(b'Z');
    for _ in 0..100 {
        body.extend([0x51, 0x90]);
    }
    assert_refused(
        &answer(&server, "comet/batch", HESSIAN, &body).await,
        413,
        "more than twice batch_bytes = 2097152 bytes",
    );
    assert_eq!(server.hub.stats().log_bytes, 0);
    server.stop().await;
}

/// The last messages of a batch must not push out its first, before anybody has seen them.
#[tokio::test]
async fn a_batch_fits_into_the_log_of_its_stream() {
    let server = TestServer::open(Limits::default(), EPOCH).await;
    let hour = Duration::from_secs(3_600);
    let config = StreamConfig::new(server.hub.limits()).history(3, 400, hour);
    let stream = server.hub.open_with(&"small".parse().unwrap(), &config).unwrap();
    stream.publish(&0).await.unwrap();
    let four = answer(&server, "small/batch", JSON, b"[1,2,3,4]").await;
    assert_refused(&four, 413, "more messages than log_messages of the stream = 3.");
    let long = format!("[\"{0}\",\"{0}\"]", "x".repeat(110));
    let long = answer(&server, "small/batch", JSON, long.as_bytes()).await;
    assert_refused(&long, 413, "more than log_bytes of the stream = 400 bytes");
    let told = body(&answer(&server, "small/batch", JSON, b"[1,2,3]").await);
    assert_eq!((&told["first"], &told["position"]), (&json!("ab:2"), &json!("ab:4")));
    let poll = server.answer("GET /streams/small/poll?since=ab:0 HTTP/1.0\r\n\r\n").await;
    assert_eq!(body(&poll)["resume"], "gap 1-1", "{poll}");
    assert_eq!(body(&poll)["messages"].as_array().unwrap().len(), 3);
    server.stop().await;
}

/// Where all logs are full, a batch is refused as a whole.
#[tokio::test]
async fn a_batch_for_which_there_is_no_room_is_refused_as_a_whole() {
    let mut limits = Limits::default();
    limits.log_bytes_in_all = 8 << 10;
    let server = TestServer::open(limits, EPOCH).await;
    let one = format!("\"{}\"", "x".repeat(500));
    let batch = |count: usize| format!("[{}]", vec![&*one; count].join(","));
    body(&answer(&server, "one/batch", JSON, batch(3).as_bytes()).await);
    let before = server.hub.stats().log_bytes;
    let refused = answer(&server, "other/batch", JSON, batch(5).as_bytes()).await;
    assert_refused(&refused, 503, "log_bytes_in_all = 8192");
    assert_eq!(
        (server.hub.get("other").unwrap().position().sequence, server.hub.stats().log_bytes),
        (0, before)
    );
    // What a stream holds itself, it forgets for it.
    let told = body(&answer(&server, "one/batch", JSON, batch(5).as_bytes()).await);
    assert_eq!(told["position"], "ab:8");
    assert!(server.hub.stats().log_bytes <= 8 << 10);
    server.stop().await;
}

/// Batches that are nearly all that the log holds: none pushes out what a reader in good health has not been given.
#[tokio::test]
async fn readers_get_all_of_batches_as_large_as_the_log() {
    let mut limits = Limits::default();
    limits.log_messages = 256;
    let server = TestServer::open(limits, EPOCH).await;
    let mut readers = Vec::new();
    for transport in ["xhr", "sse", "hessian"] {
        let mut reader =
            server.ask(&format!("GET /streams/comet/{transport}?rotate=0 HTTP/1.0\r\n\r\n")).await;
        reader.head().await;
        readers.push(reader);
    }
    wait_for(|| server.stream.readers() == 3).await;
    for round in 0..40 {
        let numbers: Vec<_> = (0..250).map(|n| 1_000 + round * 250 + n).collect();
        server.stream.publish_batch(&numbers).await.unwrap();
        let [xhr, sse, hessian] = &mut readers[..] else { unreachable!() };
        let last = numbers[249];
        let lines = String::from_utf8(xhr.until(format!("\"data\":{last}}}\n").as_bytes()).await).unwrap();
        assert_eq!(lines.lines().filter(|line| line.contains("\"data\"")).count(), 250);
        let events = String::from_utf8(sse.until(format!("data: {last}\n\n").as_bytes()).await).unwrap();
        let data: Vec<i32> =
            events.lines().filter_map(|line| line.strip_prefix("data: ")?.parse().ok()).collect();
        assert_eq!(data, numbers);
        let packets = numbers.iter().flat_map(|number| {
            let value = hessian::to_vec(number).unwrap();
            [&[5, u8::try_from(value.len()).unwrap()], &value[..]].concat()
        });
        let packets: Vec<u8> = packets.collect();
        assert_eq!(hessian.take(packets.len()).await, packets);
    }
    server.stop().await;
}

/// The library's own way, without HTTP.
#[tokio::test]
async fn an_application_publishes_batches() {
    let server = TestServer::open(Limits::default(), EPOCH).await;
    let stream = &server.stream;
    let published = stream.publish_batch(&[1, 2, 3]).await.unwrap();
    assert_eq!((published.first.sequence, published.last.sequence, published.messages()), (1, 3, 3));
    let published = stream.publish_json_batch(["[1]", "{}"]).await.unwrap();
    assert_eq!((published.first.sequence, published.messages()), (4, 2));
    let published = stream.publish_hessian_batch(b"\x91\x92").await.unwrap();
    assert_eq!((published.last.sequence, published.messages()), (7, 2));
    assert!(matches!(stream.publish_batch::<i32>(&[]).await, Err(BatchError::Empty)));
    let error = stream.publish_json_batch(["1", "{"]).await.unwrap_err();
    assert!(matches!(error, BatchError::Message { number: 2, .. }), "{error}");
    assert_eq!(stream.position().sequence, 7);
    server.stop().await;
}
