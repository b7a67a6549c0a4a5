//! What arguments share, and how they are read.

use super::support::{post, send};
use bytes::Bytes;
use hessian::rpc::{CallHead, Form, ServiceFault};
use hessian::service::{Methods, Service};
use hessian::{Binary, ErrorKind, Graph, Limits, Shared};
use serde::{Deserialize, Serialize};

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename = "example.Point")]
struct Point {
    x: i32,
    y: i32,
}

/// As Java writes them: the second argument is the first one again.
const SAME: [&[u8]; 2] = [
    b"H\x02\0C\x04same\x92C\x0dexample.Point\x92\x01x\x01y\x60\x91\x92\x51\x90",
    b"c\x02\0m\0\x04sameMt\0\x0dexample.PointS\0\x01xI\0\0\0\x01S\0\x01yI\0\0\0\x02zR\0\0\0\0z",
];

#[test]
fn references_go_from_one_argument_to_another() {
    for call in SAME {
        let head = CallHead::parse(call, &Limits::new()).unwrap();
        assert_eq!(head.method(), "same");
        assert_eq!(head.count_in(call, &Limits::new()).unwrap(), 2);
        let (a, b): (Point, Point) = head.arguments(call, &Limits::new()).unwrap();
        assert_eq!((&a, &b), (&Point { x: 1, y: 2 }, &a));
        let (a, b): (Shared<Point>, Shared<Point>) = head.arguments(call, &Limits::new()).unwrap();
        assert!(Shared::ptr_eq(&a, &b));
    }
}

/// Hessian 1 has headers, whose values are counted before the arguments.
#[test]
fn references_lead_into_headers_too() {
    let call = b"c\x01\0H\0\x01aVI\0\0\0\x07zH\0\x02bbVI\0\0\0\x08zH\0\x01cR\0\0\0\x01m\0\x01mR\0\0\0\x01VI\0\0\0\x09zR\0\0\0\x02R\0\0\0\0z";
    let head = CallHead::parse(call, &Limits::new()).unwrap();
    assert_eq!((head.method(), head.form(), head.reply_form()), ("m", Form::One, Form::One));
    assert_eq!(head.count_in(call, &Limits::new()).unwrap(), 4);
    type Four = (Vec<i32>, Vec<i32>, Vec<i32>, Vec<i32>);
    let values: Four = head.arguments(call, &Limits::new()).unwrap();
    assert_eq!(values, (vec![8], vec![9], vec![9], vec![7]));
}

#[test]
fn a_call_cut_anywhere_is_incomplete() {
    for call in SAME {
        for cut in 0..call.len() {
            let cut = &call[..cut];
            let read = CallHead::parse(cut, &Limits::new())
                .and_then(|head| head.arguments::<(Point, Point)>(cut, &Limits::new()));
            assert!(read.unwrap_err().is_incomplete(), "{}", cut.len());
        }
    }
}

#[test]
fn what_follows_a_call_is_ignored() {
    for call in SAME {
        let call = [call, b"rest"].concat();
        let head = CallHead::parse(&call, &Limits::new()).unwrap();
        head.arguments::<(Point, Point)>(&call, &Limits::new()).unwrap();
    }
}

#[test]
fn errors_tell_the_byte_of_the_message_and_the_place() {
    for (call, offset) in
        [(&b"H\x02\0C\x01m\x92\x90\x01x"[..], 8), (b"c\x01\0m\0\x01mI\0\0\0\0S\0\x01xz", 12)]
    {
        let head = CallHead::parse(call, &Limits::new()).unwrap();
        let error = head.arguments::<(i32, i32)>(call, &Limits::new()).unwrap_err();
        assert_eq!((error.offset(), &*error.path()), (Some(offset), "arguments[1]"), "{error}");
        let error = head.arguments::<(i32,)>(call, &Limits::new()).unwrap_err();
        assert_eq!(error.kind(), &ErrorKind::ArgumentCount { found: 2, expected: 1 });
        assert!(!error.is_malformed());
    }
}

#[test]
fn names_and_counts_are_bounded() {
    let limits = Limits::new();
    let kind = |call: &[u8]| CallHead::parse(call, &limits).unwrap_err().kind().clone();
    let long = [&b"H\x02\0CS\x04\x01"[..], &[b'a'; 0x401], b"\x90"].concat();
    assert_eq!(kind(&long), ErrorKind::Limit { limit: "max_name", max: 1024 });
    let long = [&b"c\x01\0m\x04\x01"[..], &[b'a'; 0x401], b"z"].concat();
    assert_eq!(kind(&long), ErrorKind::Limit { limit: "max_name", max: 1024 });
    assert_eq!(kind(b"H\x02\0C\x01m\xc9\x00"), ErrorKind::Limit { limit: "MAX_ARGUMENTS", max: 255 });
    assert_eq!(kind(b"H\x02\0C\x01m\x8f"), ErrorKind::NegativeLength(-1));
    assert!(matches!(kind(b"H\x02\0C\x91"), ErrorKind::UnexpectedByte { found: 0x91, .. }));
    let many = [&b"c\x01\0m\0\x01m"[..], &[b'N'; 256], b"z"].concat();
    let head = CallHead::parse(&many, &limits).unwrap();
    for error in
        [head.count_in(&many, &limits).unwrap_err(), head.arguments::<()>(&many, &limits).unwrap_err()]
    {
        assert_eq!(error.kind(), &ErrorKind::Limit { limit: "MAX_ARGUMENTS", max: 255 });
    }
    // A name in chunks, and one that is not ASCII.
    let head =
        CallHead::parse(&[b"H\x02\0CR\0\x01a\x02b", "é".as_bytes(), b"\x90"].concat(), &limits).unwrap();
    assert_eq!((head.method(), head.count()), ("abé", Some(0)));
    let head = CallHead::parse("c\x01\0m\0\x01éz".as_bytes(), &limits).unwrap();
    assert_eq!((head.method(), head.count()), ("é", None));
}

/// A head is of the bytes that it was read from; of others it may tell nonsense, but nothing worse.
#[test]
fn a_head_with_other_bytes_is_harmless() {
    let head = CallHead::parse(SAME[0], &Limits::new()).unwrap();
    assert!(head.arguments::<(Point, Point)>(b"", &Limits::new()).is_err());
    assert!(head.arguments::<(Point, Point)>(SAME[1], &Limits::new()).is_err());
}

#[tokio::test]
async fn binary_arguments_share_the_body() {
    let service = Service::new(Methods::new().method("at", async |binary: Binary, whole: i64| {
        let start = binary.chunks()[0].as_ptr() as i64;
        Ok::<_, ServiceFault>((start - whole, binary.len()))
    }));
    let mut call = Vec::with_capacity(5000);
    hessian::rpc::write_call(Form::Two, "at", &(Binary::from(vec![1; 4000]), 0_i64), &mut call).unwrap();
    call.pop();
    // Its own address as the second argument.
    let address = call.as_ptr() as i64;
    call.extend_from_slice(b"L");
    call.extend_from_slice(&address.to_be_bytes());
    let answered = send(&service, post(Bytes::from(call))).await;
    assert_eq!(answered.reply::<(i64, usize)>().unwrap(), (11, 4000));
}

/// An object of Hessian 1 is a map of a type.
#[test]
fn values_without_types_keep_their_types() {
    for call in SAME {
        let head = CallHead::parse(call, &Limits::new()).unwrap();
        let (a, b): (Graph<'static>, Graph<'static>) = head.arguments(call, &Limits::new()).unwrap();
        for graph in [a, b] {
            assert_eq!(graph.root().type_name(), Some("example.Point"), "{:?}", head.form());
        }
    }
}
