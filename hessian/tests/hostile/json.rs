//! JSON made to cost far more than its sender.

use super::inputs::Input;
use hessian::{Limits, Result};

/// What is read by the `json` feature.
pub(crate) fn inputs() -> Vec<Input> {
    let mut inputs = Vec::new();
    let mut add = |name, bytes: Vec<u8>, end| {
        inputs.push(Input { name, bytes, ways: vec![(("json", read), end)], reaches: None });
    };
    add("200,000 `[`", b"[".repeat(200_000), "max_depth");
    add("200,000 `{\"a\":`", b"{\"a\":".repeat(200_000), "max_depth");
    add("200,000 `{\"$remote\":`", b"{\"$remote\":".repeat(200_000), "invalid JSON");
    add("200,000 `{\"$map\":[[`", b"{\"$map\":[[".repeat(200_000), "max_depth");
    add("200,000 `{\"$list\":[`", b"{\"$list\":[".repeat(200_000), "max_depth");
    let pair = [b"{\"$map\":[[1,2,".to_vec(), b"[".repeat(200_000)].concat();
    add("200,000 `[` where a pair has ended", pair, "incomplete");
    add("5,000,000 values", [b"[0".to_vec(), b",0".repeat(5_000_000), b"]".to_vec()].concat(), "max_values");
    add("200,000 empty objects", [b"[0".to_vec(), b",{}".repeat(200_000), b"]".to_vec()].concat(), "value");
    add("a number of 1,000,000 digits", vec![b'9'; 1_000_000], "an integer beyond 64 bits");
    add(
        "a number of 1,000,000 digits and a point",
        [vec![b'9'; 1_000_000], b".5".to_vec()].concat(),
        "invalid JSON",
    );
    let classes = (0..50_000).map(|number| format!(",{{\"$class\":\"{number}\",\"{number}\":0}}"));
    add("50,000 classes", format!("[0{}]", classes.collect::<String>()).into(), "value");

    inputs
}

fn read(bytes: &[u8], limits: &Limits) -> Result<()> {
    let text = std::str::from_utf8(bytes).map_err(std::io::Error::other)?;
    hessian::json::from_str_with(text, limits).map(drop)
}
