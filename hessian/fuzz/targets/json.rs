//! The JSON mapping.

use super::{generate, limits};
use hessian::{Graph, json};

/// A graph made of the bytes, and one that they are, survive as JSON.
pub fn round_trip(data: &[u8]) {
    let made = generate::value(data);
    for bytes in [&made[..], data] {
        if let Ok(graph) = Graph::from_slice_with::<hessian::grammar::Final>(bytes, limits()) {
            survives(&graph);
        }
    }
}

/// What is read is written and read again.
pub fn read(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(graph) = json::from_str_with(text, &limits()) {
        survives(&graph);
    }
}

fn survives(graph: &Graph<'_>) {
    let Ok(text) = json::to_string(graph) else {
        // The writer's only limit.
        return;
    };
    let again = json::from_str_with(&text, &limits()).unwrap_or_else(|error| panic!("{error}: {text}"));
    assert_eq!(*graph, again, "{text}");
    assert_eq!(json::to_string(&again).unwrap_or_default(), text);
    let pretty = json::to_string_pretty(graph).unwrap_or_else(|error| panic!("{error}: {text}"));
    assert_eq!(json::from_str_with(&pretty, &limits()).unwrap_or_else(|error| panic!("{error}")), again);
}
