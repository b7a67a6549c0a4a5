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
