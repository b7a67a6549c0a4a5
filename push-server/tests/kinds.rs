//! What is published in each kind, and how each kind of reader gets it.

mod support;

use std::time::Duration;

use hessian::grammar::{Draft, Final, Tutorial};
use hessian::packet::Packet;
use hessian::{Date, Graph, StreamDecoder, hessian};
use push_server::hub::Reader;
use push_server::{Framing, Grammar, Hub, Limits, PublishError, Start, Stream, StreamConfig, Transport};
use support::EPOCH;

const MANY: usize = usize::MAX;

fn stream() -> Stream {
    let hub = Hub::start(EPOCH, Limits::default(), 1);
    hub.open(&"s".parse().unwrap()).unwrap()
}

fn reader(stream: &Stream, framing: Framing, grammar: Grammar) -> Reader {
    stream.subscribe(Transport::Hessian { framing, grammar }, Start::Latest(u64::MAX)).into_reader()
}

/// The values that a reader of this form decodes, from the first message on.
fn decoded<G: hessian::grammar::Grammar>(
    stream: &Stream,
    framing: Framing,
    grammar: Grammar,
) -> Vec<Graph<'static>> {
    let mut reader = reader(stream, framing, grammar);
    let batch = reader.try_batch(MANY, MANY).unwrap().unwrap();
    let mut decoder = StreamDecoder::<G>::new(Some(framing), hessian::Limits::new());
    batch.messages.iter().for_each(|message| decoder.push(&reader.render(message)));
    let mut values = Vec::new();
    while let Some(Packet::Data(packet)) = decoder.next_packet().unwrap() {
        values.push(decoder.graph(&packet).unwrap().into_owned());
    }
    decoder.finish().unwrap();
    values
}

/// The JSON bodies of all messages.
fn json(stream: &Stream) -> Vec<String> {
    let batch = reader(stream, Framing::Ws, Grammar::Final).try_batch(MANY, MANY).unwrap().unwrap();
    batch.messages.iter().map(|m| String::from_utf8(m.json().to_vec()).unwrap()).collect()
}

#[tokio::test]
async fn each_kind_reaches_each_reader() {
    let stream = stream();
    let graph = hessian!("example.Tick" { symbol: "A", at: Date::from_millis(5), sizes: [1, 2] });
    stream.publish_graph(&graph).await.unwrap();
    stream.publish_json(r#" {"z": [1, 5000000000, 1.5, true, null], "a": "\u00fc"} "#).await.unwrap();
    stream.publish_bytes(&b"\x00\xff\x10"[..]).await.unwrap();
    stream.publish("typed").await.unwrap();
    // A class that the stream knows already, from a generic value.
    stream.publish_graph(&graph).await.unwrap();
    assert_eq!(
        json(&stream),
        [
            r#"{"symbol":"A","at":5,"sizes":[1,2]}"#,
            r#"{"z": [1, 5000000000, 1.5, true, null], "a": "\u00fc"}"#,
            r#""AP8Q""#,
            r#""typed""#,
            r#"{"symbol":"A","at":5,"sizes":[1,2]}"#,
        ]
    );
    let expected = [
        graph.clone(),
        hessian!({ "z" => [1, 5_000_000_000_i64, 1.5, true, ()], "a" => "ü" }),
        Graph::scalar(b"\x00\xff\x10".to_vec()),
        hessian!("typed"),
        graph,
    ];
    for framing in [Framing::Ws, Framing::P, Framing::Varint, Framing::Marked] {
        assert_eq!(decoded::<Final>(&stream, framing, Grammar::Final), expected);
        assert_eq!(decoded::<Draft>(&stream, framing, Grammar::Draft), expected);
        assert_eq!(decoded::<Tutorial>(&stream, framing, Grammar::Tutorial), expected);
    }
}

/// Classes are numbered in each grammar by themselves, and only those that its readers meet.
#[tokio::test]
async fn a_draft_reader_who_joins_late_gets_the_definitions_it_lacks() {
    let stream = stream();
    for number in 0..20 {
        let class = format!("example.C{number}");
        let mut builder = Graph::builder();
        let object = builder.object(&class, [("n", number.into())]);
        stream.publish_graph(&builder.finish(object)).await.unwrap();
    }
    let mut late = stream
        .subscribe(Transport::Hessian { framing: Framing::P, grammar: Grammar::Draft }, Start::Latest(1))
        .into_reader();
    let batch = late.try_batch(MANY, MANY).unwrap().unwrap();
    assert_eq!(late.render(&batch.messages[0]), b"P\0\x13O\x0bexample.C19\x91\x01no\x90\xa3"[..]);
    let all = decoded::<Draft>(&stream, Framing::P, Grammar::Draft);
    assert_eq!(all, decoded::<Final>(&stream, Framing::Ws, Grammar::Final));
}

/// The readers of the tutorials would take it for something else: they get null, and the count of messages is right.
#[tokio::test]
async fn what_the_tutorials_readers_lack_becomes_null() {
    let stream = stream();
    stream.publish(&(i64::MAX, 1)).await.unwrap();
    stream.publish(&2).await.unwrap();
    let values = decoded::<Tutorial>(&stream, Framing::P, Grammar::Tutorial);
    assert_eq!(values, [hessian!(()), hessian!(2)]);
    assert_eq!(decoded::<Draft>(&stream, Framing::P, Grammar::Draft)[0], hessian!([i64::MAX, 1]));
}

#[tokio::test]
async fn what_has_no_other_form_is_refused_whole() {
    let stream = stream();
    for bad in ["", "{", "1 2", "nul", "\"\\ud800\"", "18446744073709551615", "\u{feff}1"] {
        let error = stream.publish_json(bad).await.unwrap_err();
        assert!(matches!(error, PublishError::Json(_)), "{bad}: {error}");
    }
    let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
    assert!(matches!(stream.publish_json(deep).await, Err(PublishError::Json(_))));
    let mut cycle = Graph::builder();
    let list = cycle.list(None);
    cycle.push(list, list);
    assert!(matches!(stream.publish_graph(&cycle.finish(list)).await, Err(PublishError::Json(_))));
    let long = vec![0; Limits::default().message_bytes];
    assert!(matches!(stream.publish_bytes(long).await, Err(PublishError::TooLong { form: "JSON", .. })));
    assert_eq!(stream.position().sequence, 0);
}

/// As the table of [`Stream`] says: what has a class keeps it, what has only a type loses that, and nothing else.
#[tokio::test]
async fn lists_and_maps_arrive_without_their_types() {
    let stream = stream();
    let mut builder = Graph::builder();
    let list = builder.list(Some("java.util.LinkedList"));
    let map = builder.map(Some("java.util.TreeMap"));
    builder.entry(map, "a", 1);
    builder.push(list, map);
    let object = builder.object("example.Held", [("list", list.into())]);
    stream.publish_graph(&builder.finish(object)).await.unwrap();
    let expected = [hessian!("example.Held" { list: [{ "a" => 1 }] })];
    for framing in [Framing::Ws, Framing::P] {
        assert_eq!(decoded::<Final>(&stream, framing, Grammar::Final), expected);
        assert_eq!(decoded::<Draft>(&stream, framing, Grammar::Draft), expected);
        assert_eq!(decoded::<Tutorial>(&stream, framing, Grammar::Tutorial), expected);
    }
}

/// The bound that all streams of a hub share, as [`Limits`] says: past it a new class is refused, and nothing else is.
#[tokio::test]
async fn a_hub_has_4_096_classes() {
    const CLASSES: i32 = 4_096;
    let hub = Hub::start(EPOCH, Limits::default(), 1);
    let [stream, other] = ["s", "other"].map(|name| {
        let config = StreamConfig::new(&Limits::default()).history(5_000, 1 << 30, Duration::from_secs(60));
        hub.open_with(&name.parse().unwrap(), &config).unwrap()
    });
    let object = |number: i32| {
        let mut builder = Graph::builder();
        let object = builder.object(&format!("example.C{number}"), [("n", number.into())]);
        builder.finish(object)
    };
    for number in 0..CLASSES {
        stream.publish_graph(&object(number)).await.unwrap();
    }
    for stream in [&stream, &other] {
        let refused = stream.publish_graph(&object(CLASSES)).await.unwrap_err();
        assert!(matches!(refused, PublishError::Hessian(_)), "{refused}");
        assert!(refused.to_string().contains("4096"), "{refused}");
    }
    assert_eq!(stream.position().sequence, u64::try_from(CLASSES).unwrap());
    // Those that are known, and what has none.
    stream.publish_graph(&object(CLASSES - 1)).await.unwrap();
    other.publish_graph(&object(0)).await.unwrap();
    other.publish_json(r#"{"n": 1}"#).await.unwrap();
    // A newcomer gets every definition, and reads with the default limits of the codec.
    let values = decoded::<Final>(&stream, Framing::Ws, Grammar::Final);
    assert_eq!(values.len(), 4_097);
    assert_eq!((&values[4_095], &values[4_096]), (&object(CLASSES - 1), &object(CLASSES - 1)));
    assert_eq!(decoded::<Draft>(&stream, Framing::P, Grammar::Draft), values);
}
