//! What calls send, and what comes of replies.

use crate::server::{Server, ok};
use bytes::Bytes;
use hessian::client::{Client, Error};
use hessian::java::{StackTraceElement, Throwable};
use hessian::rpc::{Call, Form, write_fault, write_reply};
use hessian::{Binary, Limits};
use serde::{Deserialize, Serialize};

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename = "example.Order")]
struct Order {
    number: i64,
    items: Vec<String>,
}

/// Adds up the arguments of a call; in the form that the call asks for.
fn sum(call: Bytes) -> Vec<u8> {
    let (call, used) = Call::parse(&call, &Limits::new()).unwrap();
    assert_eq!((call.method(), used > 0), ("add", true));
    let sum: i64 = call.arguments().filter_map(|argument| argument.as_i64()).sum();
    let mut out = Vec::new();
    write_reply(call.reply_form(), &sum, &mut out).unwrap();
    out
}

#[tokio::test]
async fn a_method_is_called_in_every_form() {
    let server = Server::replies(|call| {
        let [tag, major, ..] = call[..] else { panic!() };
        let mut reply = sum(call);
        // Which form it was, for the test.
        assert!(reply.len() > 3);
        match (tag, major) {
            (b'H', 2) => assert_eq!(reply[0], b'H'),
            (b'c', 2) => assert_eq!(reply[0], b'H'),
            (b'c', 1) => assert_eq!(reply[0], b'r'),
            other => panic!("{other:?}"),
        }
        reply.shrink_to_fit();
        reply
    })
    .await;
    let builder = || Client::builder(&server.address);
    for client in [
        Client::new(&server.address).unwrap(),
        builder().form(Form::One).build().unwrap(),
        builder().form(Form::One).reply_form(Form::Two).build().unwrap(),
    ] {
        assert_eq!(client.call::<i32>("add", (1, 2, 39)).await.unwrap(), 42);
        assert_eq!(client.call_graph("add", (1, 2)).await.unwrap().root().as_i64(), Some(3));
    }
    match builder().reply_form(Form::One).build() {
        Err(Error::Setting { name: "reply_form", .. }) => {}
        other => panic!("{other:?}"),
    }
}
