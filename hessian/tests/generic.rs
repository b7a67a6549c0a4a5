//! Generic values: made by hand, as literals, through serde.

use hessian::java::Throwable;
use hessian::ser::Serializer;
use hessian::{
    ErrorKind, Graph, GraphBuilder, Limits, Shared, Value, ValueDecoder, View, from_graph, from_slice,
    from_slice_with, hessian, to_graph, to_vec,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

fn unhex(text: &str) -> Vec<u8> {
    let digits: String = text.split_whitespace().collect();
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect()
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename = "example.AddString")]
struct AddString {
    value: String,
}

#[test]
fn literals_are_what_they_say() {
    let name = "computed";
    let graph = hessian!({
        "list" => [1, 2_i64, 3.5, true, null, -4, "five", [], [[6]],],
        "typed" => "[int" [1, 2, 3],
        "object" => "example.AddString" { value: "hi" },
        "empty" => "example.Empty" {},
        "sorted" => "java.util.TreeMap" { "a" => { 1 => 2 }, "b" => name },
        ("odd key") => name.len() as i32 + 1,
        [1, 2] => hessian::Date::from_millis(5),
    });
    let root = graph.root();
    assert_eq!(root.pointer("/list/6").and_then(View::as_str), Some("five"));
    assert_eq!(root.pointer("/list/8/0/0").and_then(View::as_i64), Some(6));
    assert!(matches!(root.pointer("/list/1").map(View::value), Some(Value::Long(2))));
    assert_eq!(root.get("typed").and_then(View::type_name), Some("[int"));
    assert_eq!(root.pointer("/object/value").and_then(View::as_str), Some("hi"));
    assert_eq!(root.get("empty").and_then(View::class).map(|class| class.fields.len()), Some(0));
    assert_eq!(root.pointer("/sorted/b").and_then(View::as_str), Some("computed"));
    assert_eq!(root.get("odd key").and_then(View::as_i64), Some(9));
    assert_eq!(root.entries().last().map(|(key, _)| key.values().len()), Some(2));
    assert_eq!((root.len(), root.items().len()), (7, 0));
    let typed = root.get("typed").unwrap();
    assert_eq!(typed.items().map(View::as_i32).collect::<Vec<_>>(), [Some(1), Some(2), Some(3)]);
    assert!(root.pointer("/list/7").unwrap().is_empty() && !typed.is_empty());
    let bytes = graph.to_vec().unwrap();
    assert_eq!(Graph::from_slice(&bytes).unwrap(), graph);
    assert_eq!(hessian!(7).to_vec().unwrap(), [0x97]);
    assert_eq!(hessian!(null).to_vec().unwrap(), b"N");
}

#[test]
fn graphs_by_hand_share_and_cycle_as_java_writes_them() {
    // The ring of three of the vectors: a -> b -> c -> a.
    let mut graph = GraphBuilder::new();
    let ring: Vec<_> = ["a", "b", "c"].map(|id| graph.object("model.M$Node", [("id", id.into())])).to_vec();
    for (at, &node) in ring.iter().enumerate() {
        graph.field(node, "next", ring[(at + 1) % 3]).field(node, "extra", ());
    }
    let bytes = graph.finish(ring[0]).to_vec().unwrap();
    let java = "430c6d6f64656c2e4d244e6f646593026964046e65787405657874726160016160016260016351904e4e4e";
    assert_eq!(bytes, unhex(java));
}

#[test]
fn what_is_not_reached_is_dropped() {
    let mut graph = Graph::builder();
    let lost = graph.list(Some("lost"));
    let kept = graph.map(None);
    graph.push(lost, kept);
    let graph = graph.finish(kept);
    assert_eq!(graph.len(), 1);
    assert_eq!(graph.to_vec().unwrap(), b"HZ");
}

#[test]
fn typed_values_and_graphs_convert() {
    let value = BTreeMap::from([("x".to_owned(), vec![AddString { value: "1".into() }])]);
    let graph = to_graph(&value).unwrap();
    assert_eq!(from_graph::<BTreeMap<String, Vec<AddString>>>(graph.root()).unwrap(), value);
    let part = graph.root().pointer("/x/0").unwrap();
    let borrowed: BTreeMap<&str, &str> = from_graph(part).unwrap();
    assert_eq!(borrowed["value"], "1");
    let error = from_graph::<BTreeMap<String, Vec<i32>>>(graph.root()).unwrap_err();
    assert_eq!(error.to_string(), "a string where an integer was expected in x[0]");
}

#[derive(Debug, PartialEq, Serialize, Deserialize, Clone)]
#[serde(rename = "E")]
enum Update {
    #[serde(rename = "example.Move")]
    Move {
        x: i32,
        y: i32,
    },
    Red,
    Count(i32),
    Pair(i32, i32),
    At(hessian::Date),
    Any(Graph<'static>),
}

#[test]
fn enums_options_and_dates_come_from_graphs() {
    let updates = vec![
        Update::Move { x: 1, y: 2 },
        Update::Red,
        Update::Count(3),
        Update::Pair(4, 5),
        Update::At(hessian::Date::from_millis(6)),
        Update::Any(hessian!("x.Y" { z: [1] })),
    ];
    let graph = to_graph(&updates).unwrap();
    assert_eq!(from_graph::<Vec<Update>>(graph.root()).unwrap(), updates);
    assert_eq!(from_slice::<Vec<Update>>(&to_vec(&updates).unwrap()).unwrap(), updates);
    assert_eq!(from_graph::<Option<i8>>(hessian!(null).root()).unwrap(), None);
    assert!(from_graph::<i8>(hessian!(300).root()).unwrap_err().to_string().contains("300"));
}

#[test]
fn cycles_and_multiplication_are_refused_by_types_that_cannot_hold_them() {
    let cycle = Graph::from_slice(b"\x79\x51\x90").unwrap();
    assert!(from_graph::<serde_json::Value>(cycle.root()).unwrap_err().to_string().contains("leads back"));
    assert!(serde_json::to_string(&cycle).unwrap_err().to_string().contains("leads back"));
    let mut graph = GraphBuilder::new();
    let mut list = graph.list(None);
    for _ in 0..60 {
        let outer = graph.list(None);
        graph.push(outer, list).push(outer, list);
        list = outer;
    }
    let graph = graph.finish(list);
    let mut limits = Limits::new();
    limits.max_expansion = 1 << 16;
    let error = hessian::from_graph_with::<serde_json::Value>(graph.root(), &limits).unwrap_err();
    assert_eq!(error.kind(), &ErrorKind::Limit { limit: "max_expansion", max: 1 << 16 });
    assert!(serde_json::to_writer(std::io::sink(), &graph).is_err());
    assert_eq!(Graph::from_slice(&graph.to_vec().unwrap()).unwrap(), graph);
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Envelope {
    before: Vec<i32>,
    body: Graph<'static>,
    after: AddString,
}

#[test]
fn a_graph_inside_typed_data_keeps_classes_types_and_references() {
    let mut builder = GraphBuilder::new();
    let list = builder.list(Some("java.util.LinkedList"));
    let object = builder.object("example.AddString", [("value", "in".into())]);
    builder.push(list, object).push(list, object).push(list, list);
    let value =
        Envelope { before: vec![1], body: builder.finish(list), after: AddString { value: "out".into() } };
    let bytes = to_vec(&value).unwrap();
    // One definition for the class of the graph and of the struct.
    assert_eq!(bytes.windows(17).filter(|window| window == b"example.AddString").count(), 1);
    assert_eq!(from_slice::<Envelope>(&bytes).unwrap(), value);
    let graph = Graph::from_slice(&bytes).unwrap();
    assert_eq!(graph.root().pointer("/body/2").unwrap().id(), graph.root().get("body").unwrap().id());
    assert_eq!(from_graph::<Envelope>(graph.root()).unwrap(), value);
    let mut table = hessian::ClassTable::new();
    let mut body = Vec::new();
    assert_eq!(table.encode(&value, &mut body).unwrap(), 2);
    assert_eq!([table.definitions(0, 2), &body].concat().len(), bytes.len());
}

#[test]
fn graphs_follow_references_out_of_their_part() {
    // [a = [x = {}, 5], {"k": x, "l": a, "m": x}]: the map as a graph refers to x, then to what has x in it.
    let bytes = unhex("7a 7a 48 5a 95 48 016b 5192 016c 5191 016d 5192 5a");
    let (_, graph): (serde::de::IgnoredAny, Graph<'static>) = from_slice(&bytes).unwrap();
    let root = graph.root();
    assert_eq!(root.get("k").unwrap().id(), root.get("m").unwrap().id());
    assert_eq!(root.get("k").unwrap().id(), root.pointer("/l/0").unwrap().id());
    assert_eq!(root.pointer("/l/1").and_then(View::as_i64), Some(5));
    assert_eq!(graph.len(), 3);
    // Read again because a reference leads to it: the same graph.
    let bytes = unhex("7a 79 79 79 5192 51 91");
    let [a, b] = from_slice::<[Vec<Graph<'static>>; 2]>(&bytes).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(a, b);
    // A cycle through what encloses it cannot be cut out.
    assert!(from_slice::<Vec<Graph<'static>>>(&unhex("79 79 51 90")).is_err());
}

#[test]
fn graphs_read_other_formats() {
    let graph: Graph<'static> = serde_json::from_str(r#"{"a": [1, 5000000000, 1.5, null, "x"]}"#).unwrap();
    assert_eq!(graph, hessian!({ "a" => [1, 5_000_000_000_i64, 1.5, null, "x"] }));
    assert_eq!(serde_json::to_string(&graph).unwrap(), r#"{"a":[1,5000000000,1.5,null,"x"]}"#);
}

#[derive(Debug, Serialize, Deserialize)]
struct Two {
    a: Shared<AddString>,
    b: Shared<AddString>,
    c: AddString,
}

#[test]
fn shared_values_stay_shared() {
    let one = Shared::new(AddString { value: "x".into() });
    let two = Two { a: one.clone(), b: one.clone(), c: AddString { value: "x".into() } };
    let bytes = to_vec(&[&two, &two]).unwrap();
    let java = "7a 43 03 54776f 93 0161 0162 0163 60
        43 11 6578616d706c652e416464537472696e67 91 05 76616c7565 61 0178 5192 61 0178 60 5192 5192 61 0178";
    assert_eq!(bytes, unhex(java));
    let [first, second] = from_slice::<[Two; 2]>(&bytes).unwrap();
    assert!(Shared::ptr_eq(&first.a, &first.b) && Shared::ptr_eq(&first.a, &second.b));
    assert_eq!(*second.a, second.c);
    let graph = Graph::from_slice(&bytes).unwrap();
    let [first, second] = from_graph::<[Two; 2]>(graph.root()).unwrap();
    assert!(Shared::ptr_eq(&first.a, &second.a));
    // A reference to a value that was not decoded as shared gives a new one; scalars are written each time.
    let (plain, shared): (AddString, Shared<AddString>) =
        from_slice(&to_vec(&[&one, &one]).unwrap()).unwrap();
    assert_eq!(plain, *shared);
    let text = Shared::new("text".to_owned());
    assert_eq!(to_vec(&[&text, &text]).unwrap(), to_vec(&["text", "text"]).unwrap());
    assert_eq!(from_slice::<Vec<Shared<String>>>(&to_vec(&[&text, &text]).unwrap()).unwrap()[1], text);
    assert_eq!(serde_json::to_string(&[&text, &text]).unwrap(), r#"["text","text"]"#);
    assert!(from_slice::<Vec<Shared<Vec<i32>>>>(&unhex("79 5191")).is_err());
    assert!(from_slice::<Vec<Shared<Vec<Shared<Vec<i32>>>>>>(&unhex("79 79 5191")).is_err());
}

/// Another value may be made where one was that is gone: it is not taken for it.
#[test]
fn shared_values_that_are_dropped_before_the_packet_ends_are_not_taken_for_others() {
    #[derive(Serialize)]
    struct Item(#[serde(serialize_with = "temporary")] i32);

    fn temporary<S: serde::Serializer>(value: &i32, serializer: S) -> Result<S::Ok, S::Error> {
        Shared::new(vec![*value]).serialize(serializer)
    }

    let items: Vec<Item> = (0..4).map(Item).collect();
    assert_eq!(to_vec(&items).unwrap(), to_vec(&[[0], [1], [2], [3]]).unwrap());
    let mut out = Vec::new();
    let mut serializer = <Serializer<'_, _>>::new(&mut out);
    for number in 0..3 {
        serializer.encode(&Shared::new(vec![number])).unwrap();
    }
    assert_eq!(out, unhex("7990 7991 7992"));
    // Only as long as that.
    let shared = Arc::new(vec![1]);
    to_vec(&[Shared(Arc::clone(&shared)), Shared(Arc::clone(&shared))]).unwrap();
    serde_json::to_string(&Shared(Arc::clone(&shared))).unwrap();
    assert_eq!(Arc::strong_count(&shared), 1);
}

#[derive(Debug, Serialize, Deserialize)]
enum Kind {
    One(Shared<AddString>),
    Many(Shared<Vec<i32>>),
}

#[test]
fn shared_values_in_variants() {
    let (one, many) = (Shared::new(AddString { value: "x".into() }), Shared::new(vec![1]));
    let all = [Kind::One(one.clone()), Kind::Many(many.clone()), Kind::One(one), Kind::Many(many)];
    let bytes = to_vec(&all).unwrap();
    let decoded: Vec<Kind> = from_slice(&bytes).unwrap();
    match &decoded[..] {
        [Kind::One(a), Kind::Many(b), Kind::One(c), Kind::Many(d)] => {
            assert!(Shared::ptr_eq(a, c) && Shared::ptr_eq(b, d));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_string_is_one_value_in_however_many_pieces() {
    let mut limits = Limits::new();
    limits.max_values = 1;
    let read = |bytes: &str| {
        Graph::from_slice_with::<hessian::grammar::Final>(&unhex(bytes), limits).map(Graph::into_owned)
    };
    // Java's emoji, twice in one string.
    let graph = read("04 eda0bd edb880 eda0bd edb880").unwrap();
    assert_eq!(graph.root().as_str(), Some("\u{1f600}\u{1f600}"));
    // In chunks; bytes in chunks.
    assert_eq!(read("520001 61 520001 62 0163").unwrap().root().as_str(), Some("abc"));
    assert_eq!(read("410001 61 410001 62 2163").unwrap().root().as_bytes(), Some(&b"abc"[..]));
    assert_eq!(read("79 0161").unwrap_err().kind(), &ErrorKind::Limit { limit: "max_values", max: 1 });
}

/// What a graph holds once and tells often counts by its bytes, in every way out of it.
#[test]
fn graphs_do_not_grow_without_bound_as_trees() {
    // One text of a megabyte in a list that ten elements name.
    let mut builder = GraphBuilder::new();
    let text = builder.list(None);
    builder.push(text, "x".repeat(1 << 20));
    let all = builder.list(None);
    (0..10).for_each(|_| {
        builder.push(all, text);
    });
    let graph = builder.finish(all);
    let refused = |error: hessian::Error| {
        assert!(matches!(error.kind(), ErrorKind::Limit { limit: "max_expansion", .. }), "{error}");
    };
    refused(from_graph::<Vec<Vec<String>>>(graph.root()).unwrap_err());
    refused(from_graph::<Vec<Graph<'_>>>(graph.root()).unwrap_err());
    assert!(serde_json::to_string(&graph).unwrap_err().to_string().contains("max_expansion"));
    let mut limits = Limits::new();
    limits.max_expansion = 10 << 20;
    assert_eq!(hessian::from_graph_with::<Vec<Vec<String>>>(graph.root(), &limits).unwrap().len(), 10);
    // Objects of long names.
    let mut builder = GraphBuilder::new();
    let all = builder.list(None);
    for number in 0..1_000 {
        let object = builder.object("x.Y", [(&*"n".repeat(16 << 10), number.into())]);
        builder.push(all, object);
    }
    let graph = builder.finish(all);
    refused(from_graph::<Vec<BTreeMap<String, i32>>>(graph.root()).unwrap_err());
    assert!(serde_json::to_string(&graph).unwrap_err().to_string().contains("max_expansion"));
    // A big one that says everything once is none of it.
    let big = to_graph(&vec!["x".repeat(1 << 20); 12]).unwrap();
    assert_eq!(from_graph::<Vec<String>>(big.root()).unwrap().len(), 12);
    assert!(serde_json::to_string(&big).is_ok());
}

/// As maps, though their names are told 100,000 times.
#[test]
fn many_small_objects_are_no_attack() {
    #[derive(Clone, Serialize)]
    struct Tick {
        symbol: &'static str,
        price: i32,
        average_of_the_last_thirty_days: i32,
    }
    let ticks = vec![Tick { symbol: "A", price: 1, average_of_the_last_thirty_days: 2 }; 100_000];
    let bytes = to_vec(&ticks).unwrap();
    assert_eq!(from_slice::<serde_json::Value>(&bytes).unwrap().as_array().unwrap().len(), 100_000);
    let graph = Graph::from_slice(&bytes).unwrap();
    assert_eq!(from_graph::<serde_json::Value>(graph.root()).unwrap().as_array().unwrap().len(), 100_000);
}

/// The bound on their values is one for all graphs of a packet.
#[test]
fn graphs_of_a_packet_have_one_bound() {
    let bytes = to_vec(&vec![vec![1; 9]; 10]).unwrap();
    let mut limits = Limits::new();
    // Each list counts its values, itself and its end.
    limits.max_values = 110;
    assert_eq!(from_slice_with::<Vec<Graph<'_>>>(&bytes, &limits).unwrap().len(), 10);
    limits.max_values -= 1;
    let error = from_slice_with::<Vec<Graph<'_>>>(&bytes, &limits).unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::Limit { limit: "max_values", max: 109 });
}

#[test]
fn binaries_of_one_chunk_keep_to_their_bound() {
    let mut limits = Limits::new();
    limits.max_binary = 10;
    let refused = |error: hessian::Error| {
        assert_eq!(*error.kind(), ErrorKind::Limit { limit: "max_binary", max: 10 });
    };
    for length in [11, 100, 2_000] {
        let bytes = to_vec(&hessian::Binary::from(vec![7; length])).unwrap();
        refused(from_slice_with::<Vec<u8>>(&bytes, &limits).unwrap_err());
        refused(from_slice_with::<hessian::Binary>(&bytes, &limits).unwrap_err());
        refused(hessian::from_bytes_with::<hessian::Binary>(&bytes.clone().into(), &limits).unwrap_err());
        refused(Graph::from_slice_with::<hessian::grammar::Final>(&bytes, limits).unwrap_err());
    }
    let bytes = to_vec(&hessian::Binary::from(vec![7; 10])).unwrap();
    assert_eq!(from_slice_with::<Vec<u8>>(&bytes, &limits).unwrap().len(), 10);
}

/// In chunks: the bound is one for all of them, and a surrogate pair may stand in two.
#[test]
fn names_in_chunks() {
    let class = |chunks: &str| unhex(&format!("43 {chunks} 91 0178 60 91"));
    let mut limits = Limits::new();
    limits.max_name = 8;
    type Map = BTreeMap<String, i32>;
    let nine = class("520004 61616161 520004 61616161 0161");
    for error in [
        Graph::from_slice_with::<hessian::grammar::Final>(&nine, limits).unwrap_err(),
        from_slice_with::<Map>(&nine, &limits).unwrap_err(),
    ] {
        assert_eq!(*error.kind(), ErrorKind::Limit { limit: "max_name", max: 8 });
    }
    let eight = class("520004 61616161 520003 616161 0161");
    assert!(Graph::from_slice_with::<hessian::grammar::Final>(&eight, limits).is_ok());
    assert!(from_slice_with::<Map>(&eight, &limits).is_ok());
    // The halves of an emoji, as Java writes them.
    let halves = class("520002 61 eda0bd 520001 edb880 0162");
    let graph = Graph::from_slice(&halves).unwrap();
    assert_eq!(&*graph.root().class().unwrap().name, "a\u{1f600}b");
    assert_eq!(from_slice::<Graph<'_>>(&halves).unwrap(), graph);
    for broken in [class("520001 eda0bd 0162"), class("520001 61 01 eda0bd"), class("520001 edb880 00")] {
        assert_eq!(*Graph::from_slice(&broken).unwrap_err().kind(), ErrorKind::LoneSurrogate);
        assert_eq!(*from_slice::<Map>(&broken).unwrap_err().kind(), ErrorKind::LoneSurrogate);
    }
}

#[test]
#[should_panic(expected = "another builder")]
fn remote_objects_of_another_builder_are_refused() {
    let mut other = GraphBuilder::new();
    let remote = other.remote(Some("x.Y"), "http://localhost/");
    let _ = GraphBuilder::new().finish(remote);
}

#[test]
fn graphs_of_one_decode_share_their_names() {
    let graph =
        hessian!(["example.AddString" { value: "[int" [1] }, "example.AddString" { value: "[int" [2] }]);
    let graphs: Vec<Graph<'_>> = from_slice(&graph.to_vec().unwrap()).unwrap();
    let [one, two] = [0, 1].map(|at: usize| graphs[at].root().class().unwrap());
    assert!(Arc::ptr_eq(&one.name, &two.name) && Arc::ptr_eq(&one.fields, &two.fields));
    let [one, two] = [0, 1].map(|at: usize| graphs[at].root().get("value").unwrap().type_name().unwrap());
    assert!(one == "[int" && std::ptr::eq(one, two));
    // A part of a graph, and an exception made of one.
    let part = graphs[0].root().to_graph();
    assert!(Arc::ptr_eq(&part.root().class().unwrap().fields, &graphs[1].root().class().unwrap().fields));
    let thrown = hessian!("x.Ex" { detailMessage: null, stackTrace: null, own: 1 });
    let thrown: Vec<Throwable> = from_slice(&to_vec(&[&thrown, &thrown]).unwrap()).unwrap();
    assert!(Arc::ptr_eq(&thrown[0].class, &thrown[1].class));
    assert!(Arc::ptr_eq(&thrown[0].fields[0].0, &thrown[1].fields[0].0));
}

/// Names are copied once for a stream, not once for each of its packets.
#[test]
fn graphs_of_a_stream_share_their_names() {
    let mut decoder = <ValueDecoder>::new(Limits::new());
    let first = decoder.graph(b"C\x01K\x92\x01x\x01y\x60\x91\x71\x04[int\x91").unwrap();
    let second: Graph<'_> = decoder.decode(b"\x60\x91\x71\x90\x91").unwrap();
    assert_eq!(first, second);
    // A packet that cannot be read into what was asked for: what it defines is defined once more.
    decoder.decode::<Vec<(Graph<'_>, i32)>>(b"\x79\x7aC\x01L\x91\x01z\x61\x91\x01x").unwrap_err();
    let third = decoder.graph(b"\x60\x91\x71\x90\x91").unwrap();
    for graph in [&second, &third] {
        let (class, expected) = (graph.root().class().unwrap(), first.root().class().unwrap());
        assert!(Arc::ptr_eq(&class.name, &expected.name) && Arc::ptr_eq(&class.fields, &expected.fields));
        let types = [graph, &first].map(|graph| graph.root().get("y").unwrap().type_name().unwrap());
        assert!(types[0] == "[int" && std::ptr::eq(types[0], types[1]));
    }
    let class = decoder.graph(b"\x61\x91").unwrap().root().class().unwrap().clone();
    assert_eq!((&*class.name, class.fields.len()), ("L", 1));
}

/// More of them than are searched one by one.
#[test]
fn graphs_of_many_classes_and_types() {
    let mut builder = GraphBuilder::new();
    let all = builder.list(None);
    for index in 0..40 {
        // Each twice, the second time in another order.
        let name = format!("x.C{}", if index < 20 { index } else { (index * 7) % 20 });
        let list = builder.list(Some(&name));
        let object = builder.object(&name, [(&*name, index.into())]);
        builder.push(all, list).push(all, object);
    }
    let graph = builder.finish(all);
    let bytes = graph.to_vec().unwrap();
    assert_eq!(Graph::from_slice(&bytes).unwrap(), graph);
    assert_eq!(from_slice::<Graph<'_>>(&bytes).unwrap().to_vec().unwrap(), bytes);
    let parts: Vec<Graph<'_>> = from_slice(&bytes).unwrap();
    assert!(parts.iter().zip(graph.root().items()).all(|(part, item)| *part == item.to_graph()));
}

#[test]
fn positions_in_pointers_are_plain_digits() {
    let graph = hessian!([10, 11, { "+1" => 12, "01" => 13 }]);
    let at = |path: &str| graph.root().pointer(path).and_then(View::as_i64);
    assert_eq!([at("/0"), at("/1")], [Some(10), Some(11)]);
    for path in ["/+1", "/01", "/00", "/-0", "/", "/1 ", "/1x", "/18446744073709551617"] {
        assert_eq!(at(path), None, "{path}");
    }
    assert_eq!([at("/2/+1"), at("/2/01")], [Some(12), Some(13)]);
}

/// An object of the enum's own name is its variant once, not for ever.
#[test]
fn enums_that_hold_themselves_end() {
    #[derive(Debug, Deserialize)]
    enum Expression {
        #[expect(dead_code, reason = "never made")]
        Expression(Box<Self>),
    }
    for graph in [hessian!("Expression" { value: 1 }), hessian!("Expression" { "value" => 1 })] {
        let error = from_graph::<Expression>(graph.root()).unwrap_err();
        assert!(error.to_string().contains("the content of a variant"), "{error}");
    }
}
