//! Enums, whatever serde makes of them.

use hessian::{Graph, from_graph, from_slice, to_vec};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::fmt::Debug;

#[track_caller]
fn round_trip<T: Serialize + DeserializeOwned + PartialEq + Debug>(value: &T) {
    let bytes = to_vec(value).unwrap();
    assert_eq!(from_slice::<T>(&bytes).unwrap(), *value, "from the slice");
    let graph = Graph::from_slice(&bytes).unwrap();
    assert_eq!(from_graph::<T>(graph.root()).unwrap(), *value, "from the graph");
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename = "example.Color")]
enum Color {
    #[serde(rename = "RED")]
    Red,
    #[serde(rename = "GREEN")]
    Green,
}

#[test]
fn adjacently_tagged() {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(tag = "t", content = "c")]
    enum Adjacent {
        One(i32),
        Fields { x: i32 },
        Unit,
        Pair(i32, i32),
    }

    round_trip(&vec![Adjacent::One(1), Adjacent::Fields { x: 2 }, Adjacent::Unit, Adjacent::Pair(1, 2)]);
}

#[test]
fn java_enums_where_serde_keeps_values() {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Inner {
        #[serde(with = "hessian::java::enumeration")]
        color: Color,
    }
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Flat {
        x: i32,
        #[serde(flatten)]
        inner: Inner,
    }
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(tag = "type")]
    enum Tagged {
        Painted {
            #[serde(with = "hessian::java::enumeration")]
            color: Color,
        },
    }
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(untagged)]
    enum Untagged {
        Number(i32),
        Color(#[serde(with = "hessian::java::enumeration")] Color),
        Text(String),
    }

    round_trip(&Flat { x: 1, inner: Inner { color: Color::Red } });
    round_trip(&Tagged::Painted { color: Color::Green });
    round_trip(&vec![Untagged::Number(1), Untagged::Color(Color::Red), Untagged::Text("x".into())]);
    round_trip(&Inner { color: Color::Green });
    assert_eq!(serde_json::to_string(&Inner { color: Color::Red }).unwrap(), r#"{"color":"RED"}"#);
    let refused = from_slice::<Inner>(b"C\x01I\x91\x05colorC\x05Color\x92\x04name\x01x\x60\x61\x03RED\x91");
    assert!(refused.unwrap_err().to_string().contains("unknown field `x`"));
}

#[test]
fn a_variant_of_the_enums_own_name() {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Foo {
        a: i32,
    }
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(rename = "FooE")]
    enum Own {
        #[serde(rename = "FooE")]
        Foo(Foo),
        Bar,
    }
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    enum Named {
        Named { name: String },
        Bar,
    }

    round_trip(&vec![Own::Foo(Foo { a: 1 }), Own::Bar]);
    round_trip(&vec![Named::Named { name: "x".into() }, Named::Bar, Named::Named { name: "y".into() }]);
}
