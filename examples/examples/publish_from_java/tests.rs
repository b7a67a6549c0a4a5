//! The example's server, without a browser and without Java: the calls that Caucho's library makes, from Rust.

use std::net::SocketAddr;

use examples::loopback;
use hessian::client::Client;
use serde::Serialize;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::*;

#[derive(Serialize)]
#[serde(rename = "example.Headline")]
struct Headline {
    title: &'static str,
    place: &'static str,
}

/// The example, served until the test ends.
fn serve() -> (SocketAddr, Stream) {
    let mut news = None;
    let address = loopback::serve(|hub| {
        news = Some(open(hub).unwrap());
        routes(hub)
    });
    (address, news.unwrap())
}

async fn poll(address: SocketAddr) -> Value {
    let mut client = TcpStream::connect(address).await.unwrap();
    client.write_all(b"GET /streams/news/poll?last=10 HTTP/1.0\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.unwrap();
    serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
}

#[tokio::test]
async fn what_is_published_by_a_call_browsers_read_and_no_key_publishes_twice() {
    let (address, news) = serve();
    let publisher = Client::new(&format!("http://{address}/hessian")).unwrap();
    let headline = Headline { title: "First <b>apricots</b>", place: "Yerevan" };
    for _ in 0..3 {
        let answer: Value = publisher.call("publishOnce", ("news", &headline, "a-key")).await.unwrap();
        assert_eq!(answer["receivers"], 0, "{answer}");
        assert_eq!(answer["position"], news.position().to_string(), "{answer}");
    }
    let messages = &poll(address).await["messages"];
    assert_eq!(messages.as_array().unwrap().len(), 1, "{messages}");
    assert_eq!(messages[0]["data"], json!({ "title": "First <b>apricots</b>", "place": "Yerevan" }));
}

/// There is one stream, whatever Java asks for.
#[tokio::test]
async fn another_stream_is_not_there() {
    let (address, _news) = serve();
    let publisher = Client::new(&format!("http://{address}/hessian")).unwrap();
    let refused = publisher.call::<Value>("publish", ("rumours", "psst")).await.unwrap_err();
    assert!(refused.to_string().contains("java.util.NoSuchElementException"), "{refused}");
}
