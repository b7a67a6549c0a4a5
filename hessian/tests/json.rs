//! Graphs to JSON and back, without loss.
#![cfg(feature = "json")]

use hessian::grammar::One;
use hessian::{Graph, GraphBuilder, Limits, hessian, json};
use std::io::Read;

fn unhex(text: &str) -> Vec<u8> {
    let digits: String = text.split_whitespace().collect();
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect()
}

/// The bytes of a vector.
fn bytes(vector: &serde_json::Value) -> Option<Vec<u8>> {
    use base64::Engine;
    if let Some(hex) = vector["hex"].as_str() {
        return Some(unhex(hex));
    }
    let packed = base64::engine::general_purpose::STANDARD.decode(vector["hex_gz_b64"].as_str()?).unwrap();
    let mut bytes = Vec::new();
    flate2::read::GzDecoder::new(&packed[..]).read_to_end(&mut bytes).unwrap();
    Some(bytes)
}

#[track_caller]
fn round_trip(graph: &Graph<'_>, what: &str) -> String {
    let text = json::to_string(graph).unwrap_or_else(|error| panic!("{what}: {error}"));
    let again = json::from_str(&text).unwrap_or_else(|error| panic!("{what}: {error}: {text}"));
    assert_eq!(&again, graph, "{what}");
    assert_eq!(again.to_vec().unwrap(), graph.to_vec().unwrap(), "{what}");
    assert_eq!(json::from_str(&json::to_string_pretty(graph).unwrap()).unwrap(), again, "{what}");
    text
}

#[test]
fn every_vector_comes_back() {
    let mut seen = 0;
    for file in ["scalars", "strings", "binary", "lists", "maps", "objects", "refs"] {
        let path = format!("{}/tests/vectors/{file}.jsonl", env!("CARGO_MANIFEST_DIR"));
        for line in std::fs::read_to_string(path).unwrap().lines() {
            let mut json = serde_json::Deserializer::from_str(line);
            json.disable_recursion_limit();
            let vector: serde_json::Value = serde::Deserialize::deserialize(&mut json).unwrap();
            let (Some(bytes), None) = (bytes(&vector), vector.get("expect")) else { continue };
            let name = vector["name"].as_str().unwrap();
            match Graph::from_slice(&bytes) {
                Ok(graph) => {
                    round_trip(&graph, name);
                    seen += 1;
                }
                Err(error) => assert!(error.is_limit(), "{name}: {error}"),
            }
        }
    }
    assert!(seen > 530, "{seen}");
}

#[test]
fn the_mapping_is_the_documented_one() {
    let mut shared = GraphBuilder::new();
    let leaf = shared.list(None);
    let map = shared.map(None);
    shared.entry(map, "a", leaf).entry(map, "b", leaf).entry(map, "me", map);
    let mut open = GraphBuilder::new();
    let list = open.open_list(None);
    let mut twice = GraphBuilder::new();
    let object = twice.object("x.Y", [("a", 1.into()), ("a", 2.into())]);
    for (graph, text) in [
        (hessian!([null, true, "x", 5, 5.0, -0.0, 1e300]), r#"[null,true,"x",5,5.0,-0.0,1e+300]"#),
        (hessian!([5_i64, 5_000_000_000_i64]), r#"[{"$long":"5"},5000000000]"#),
        (hessian!(i64::MAX), r#"{"$long":"9223372036854775807"}"#),
        (hessian!([f64::NAN, f64::INFINITY]), r#"[{"$double":"NaN"},{"$double":"Infinity"}]"#),
        (hessian!(f64::from_bits(0x7ff8_0000_0000_0001)), r#"{"$double":"0x7ff8000000000001"}"#),
        (hessian!(hessian::Date::from_millis(5)), r#"{"$date":5}"#),
        (hessian!(hessian::Date::from_millis(i64::MIN)), r#"{"$date":"-9223372036854775808"}"#),
        (hessian!(vec![1u8, 2]), r#"{"$binary":"AQI="}"#),
        (hessian!("[int" [1, 2]), r#"{"$type":"[int","$list":[1,2]}"#),
        (hessian!({ "a" => { "b" => 1 } }), r#"{"a":{"b":1}}"#),
        (hessian!("java.util.TreeMap" { "a" => 1 }), r#"{"$type":"java.util.TreeMap","a":1}"#),
        (hessian!({ 1 => "a", null => [] }), r#"{"$map":[[1,"a"],[null,[]]]}"#),
        (hessian!({ "$a" => 1 }), r#"{"$map":[["$a",1]]}"#),
        (hessian!({}), "{}"),
        (hessian!("a.B" { value: "hi" }), r#"{"$class":"a.B","value":"hi"}"#),
        (hessian!("a.B" {}), r#"{"$class":"a.B"}"#),
        (shared.finish(map), r#"{"$id":0,"a":{"$id":1,"$list":[]},"b":{"$ref":1},"me":{"$ref":0}}"#),
        (open.finish(list), r#"{"$open":true,"$list":[]}"#),
        (twice.finish(object), r#"{"$class":"x.Y","$members":[["a",1],["a",2]]}"#),
        (GraphBuilder::new().finish_all([1.into(), "x".into()]), r#"{"$roots":[1,"x"]}"#),
        (GraphBuilder::new().finish_all([]), r#"{"$roots":[]}"#),
    ] {
        assert_eq!(round_trip(&graph, text), text);
    }
    let utf16 = Graph::from_slice(b"\x02\xed\xa0\xbdA").unwrap();
    assert_eq!(round_trip(&utf16, "utf16"), r#"{"$utf16":"d83d0041"}"#);
    // What is text is text, however it is told.
    assert_eq!(json::from_str(r#"{"$utf16":"0061d83dde00"}"#).unwrap(), hessian!("a\u{1f600}"));
    // Kinds of errors.
    let mut limits = Limits::new();
    limits.max_values = 2;
    assert!(json::from_str_with("[1, 2]", &limits).unwrap_err().is_limit());
    assert!(json::from_str("[1, {\"a\":").unwrap_err().is_incomplete());
    limits.max_depth = 1;
    assert!(json::to_string_with(&hessian!([[1]]), &limits).unwrap_err().is_limit());
    let remote = unhex("72 740005 6170692e54 530003 752f78");
    let remote = Graph::from_slice_with::<One>(&remote, Limits::DEFAULT).unwrap();
    let text = json::to_string(&remote).unwrap();
    assert_eq!(text, r#"{"$type":"api.T","$remote":"u/x"}"#);
    assert_eq!(json::from_str(&text).unwrap(), remote);
}

#[test]
fn foreign_json_is_taken() {
    let graph = json::from_str(r#" {"b": [1, 2.5, 3000000000, {"a": {}}], "a": ""} "#).unwrap();
    assert_eq!(graph, hessian!({ "b" => [1, 2.5, 3_000_000_000_i64, { "a" => {} }], "a" => "" }));
    assert_eq!(json::from_str(r#"{"$long": 5}"#).unwrap(), hessian!(5_i64));
    assert_eq!(json::from_str(r#"{"$date": "5"}"#).unwrap(), hessian!(hessian::Date::from_millis(5)));
}

#[test]
fn what_is_wrong_is_told() {
    for (text, message) in [
        ("", "input ends"),
        ("1 2", "trailing"),
        (r#"{"$what": 1}"#, "$what is not known"),
        (r#"{"$long": "x"}"#, "64-bit"),
        (r#"{"$long": "1", "a": 1}"#, "a follows"),
        (r#"{"$double": "x"}"#, "Infinity"),
        (r#"{"$binary": "?"}"#, "base64"),
        (r#"{"$utf16": "d83"}"#, "four digits"),
        (r#"{"$utf16": "d83d00ü"}"#, "four digits"),
        (r#"{"$ref": 0}"#, "no $id 0"),
        (r#"[{"$id": 0}, {"$id": 0}]"#, "twice"),
        (r#"{"$id": 0, "$long": "1"}"#, "go with lists"),
        (r#"{"$class": "x", "$type": "y"}"#, "either"),
        (r#"{"$class": "x", "$list": []}"#, "go with lists"),
        (r#"{"$class": "x", "$map": []}"#, "$map goes with $type"),
        (r#"{"$map": [[1]]}"#, "a pair"),
        (r#"{"$map": [[1, 2, 3]]}"#, "a pair"),
        (r#"{"$class": "x", "$members": [[1, 2]]}"#, "a string"),
        (r#"{"a": 1, "$type": "x"}"#, "before other keys"),
        (r#"[{"$roots": []}]"#, "$roots is not known"),
        (r#"{"$remote": 5}"#, "a string"),
        ("18446744073709551615", "beyond 64 bits"),
        ("[1,", "input ends"),
    ] {
        let error = json::from_str(text).unwrap_err().to_string();
        assert!(error.contains(message), "{text}: {error}");
    }
}

#[test]
fn depth_and_size_are_bounded() {
    for deep in ["[".repeat(200_000), "{\"a\":".repeat(200_000), "{\"$map\":[[".repeat(200_000)] {
        assert!(json::from_str(&deep).unwrap_err().to_string().contains("max_depth"));
    }
    let mut limits = Limits::DEFAULT;
    limits.max_values = 10;
    assert!(json::from_str_with("[1,2,3,4,5,6,7,8,9]", &limits).is_ok());
    let error = json::from_str_with("[1,2,3,4,5,6,7,8,9,10]", &limits).unwrap_err().to_string();
    assert!(error.contains("max_values"), "{error}");
    // As deep as a decoder goes: back and forth; deeper by hand: an error.
    let nested = |depth: usize| {
        let mut builder = GraphBuilder::new();
        let mut inner = builder.map(None);
        for _ in 1..depth {
            let outer = builder.map(None);
            builder.entry(outer, 1, inner);
            inner = outer;
        }
        builder.finish(inner)
    };
    round_trip(&nested(128), "nested");
    assert!(json::to_string(&nested(129)).unwrap_err().to_string().contains("max_depth"));
    limits.max_depth = 129;
    let text = json::to_string_with(&nested(129), &limits).unwrap();
    assert!(json::to_string_pretty_with(&nested(130), &limits).unwrap_err().to_string().contains("129"));
    limits.max_values = 1000;
    assert_eq!(json::from_str_with(&text, &limits).unwrap(), nested(129));
}

#[test]
fn whole_numbers_are_longs_or_refused() {
    for text in ["9223372036854775807", "-9223372036854775808", " [9223372036854775807]"] {
        assert!(json::from_str(text).is_ok(), "{text}");
    }
    for text in
        ["9223372036854775808", "-9223372036854775809", "18446744073709551616", "1".repeat(400).as_str()]
    {
        for text in [text.to_owned(), format!("[1, {text}]"), format!(r#"{{"\"a": {text}}}"#)] {
            let error = json::from_str(&text).unwrap_err();
            assert!(error.to_string().contains("beyond 64 bits"), "{text}: {error}");
            assert!(error.offset().is_some());
        }
    }
    // Digits in strings and keys, and what says itself that it is a double.
    let graph =
        json::from_str(r#"{"99999999999999999999\\": "\"99999999999999999999", "d": 1e300, "z": -0}"#)
            .unwrap();
    assert_eq!(graph.root().get("d").unwrap().as_f64(), Some(1e300));
    assert_eq!(graph.root().get("z").unwrap().as_f64().map(f64::to_bits), Some((-0.0f64).to_bits()));
    assert_eq!(json::from_str("18446744073709551616.0").unwrap(), hessian!(18446744073709551616.0));
}

/// Names stand in each object: what is beyond short ones is bounded.
#[test]
fn long_names_are_not_written_without_end() {
    let objects = |name: &str, count: i32| {
        let mut builder = Graph::builder();
        let all = builder.list(None);
        for number in 0..count {
            let object = builder.object("x.Y", [(name, number.into())]);
            builder.push(all, object);
        }
        builder.finish(all)
    };
    let error = json::to_string(&objects(&"n".repeat(16 << 10), 1_000)).unwrap_err();
    let kind = hessian::ErrorKind::Limit { limit: "max_expansion", max: Limits::DEFAULT.max_expansion };
    assert_eq!(*error.kind(), kind);
    assert!(json::to_string(&objects("average_of_the_last_thirty_days", 100_000)).is_ok());
}
