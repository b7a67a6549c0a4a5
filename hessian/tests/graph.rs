//! Generic values: lossless, with references.

use hessian::Graph;

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

#[test]
fn what_java_wrote_is_written_again() {
    let mut checked = 0;
    for file in ["scalars", "strings", "lists", "maps", "objects", "refs"] {
        let path = format!("{}/tests/vectors/{file}.jsonl", env!("CARGO_MANIFEST_DIR"));
        for line in std::fs::read_to_string(path).unwrap().lines() {
            let Ok(vector) = serde_json::from_str::<serde_json::Value>(line) else { continue };
            let (Some(hex), None) = (vector["hex"].as_str(), vector.get("expect")) else { continue };
            let bytes = unhex(hex);
            let graph =
                Graph::from_slice(&bytes).unwrap_or_else(|error| panic!("{}: {error}", vector["name"]));
            let again = graph.to_vec().unwrap();
            // A stream of unknown length is cut into chunks as it was read.
            if vector["name"] != "inputstream_in_list" {
                assert_eq!(again, bytes, "{file} {}", vector["name"]);
            }
            assert_eq!(Graph::from_slice(&again).unwrap(), graph);
            checked += 1;
        }
    }
    assert!(checked > 400, "{checked}");
}

#[test]
fn one_byte_values_do_not_multiply_without_bound() {
    let mut bytes = vec![0x57];
    bytes.resize(1001, b'N');
    bytes.push(b'Z');
    let mut limits = hessian::Limits::new();
    limits.max_values = 1002;
    Graph::from_slice_with::<hessian::grammar::Final>(&bytes, limits).unwrap();
    limits.max_values = 1001;
    let error = Graph::from_slice_with::<hessian::grammar::Final>(&bytes, limits).unwrap_err();
    assert_eq!(error.kind(), &hessian::ErrorKind::Limit { limit: "max_values", max: 1001 });
}

#[test]
fn objects_of_hessian_1_become_objects_again() {
    use hessian::grammar::One;
    let mut made = Graph::builder();
    let leaf = made.map(Some("example.Leaf"));
    made.entry(leaf, "value", 1).entry(leaf, "up", leaf);
    let twin = made.map(Some("example.Leaf"));
    made.entry(twin, "value", 2).entry(twin, "up", leaf);
    let other = made.map(Some("example.Leaf"));
    made.entry(other, "other", ());
    let sorted = made.map(Some("java.util.TreeMap"));
    made.entry(sorted, "value", 3);
    let untyped = made.map(None);
    made.entry(untyped, "value", leaf);
    let numbered = made.map(Some("example.Counts"));
    made.entry(numbered, 1, "one");
    let twice = made.map(Some("example.Twice"));
    made.entry(twice, "a", 1).entry(twice, "a", 2);
    let empty = made.map(Some("example.Empty"));
    let list = made.list(None);
    for part in [leaf, twin, other, sorted, untyped, numbered, twice, empty] {
        made.push(list, part);
    }
    let mut bytes = Vec::new();
    made.finish(list).encode_to::<One>(&mut bytes).unwrap();

    let graph = Graph::from_slice_with::<One>(&bytes, hessian::Limits::new()).unwrap().objects_from_maps();
    let class = |index: usize| graph.root().index(index).unwrap().class().map(|class| &*class.name);
    let classes: Vec<_> = (0..8).map(class).collect();
    let leaf = Some("example.Leaf");
    assert_eq!(classes, [leaf, leaf, leaf, None, None, None, None, Some("example.Empty")]);
    let part = |index| graph.root().index(index).unwrap();
    assert_eq!(part(0).class(), part(1).class());
    assert_eq!(part(1).get("value").and_then(hessian::View::as_i32), Some(2));
    assert_eq!(part(1).get("up").and_then(hessian::View::id), part(0).id());
    assert_eq!(part(0).get("up").and_then(hessian::View::id), part(0).id());
    assert_eq!(part(4).get("value").and_then(hessian::View::id), part(0).id());
    // Written in Hessian 2 and read again it is the same, and only once another.
    let again = graph.to_vec().unwrap();
    assert_eq!(Graph::from_slice(&again).unwrap(), graph);
    assert_eq!(graph.clone().objects_from_maps(), graph);
}

#[test]
fn a_map_of_more_entries_than_a_class_may_have_fields_stays_a_map() {
    let most = hessian::Limits::new().max_fields as usize;
    for (count, is_object) in [(most, true), (most + 1, false)] {
        let mut made = Graph::builder();
        let map = made.map(Some("example.Wide"));
        for field in 0..count {
            made.entry(map, hessian::Value::from(format!("f{field}")), ());
        }
        let graph = made.finish(map).objects_from_maps();
        assert_eq!(graph.root().class().is_some(), is_object);
    }
}
