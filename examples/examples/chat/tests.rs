//! The rooms and their handlers, without a browser, in paused time.

use std::net::SocketAddr;

use examples::loopback;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::handlers::TEXT;
use super::room::PEOPLE;
use super::*;

const ANN: &str = "ann~0123456789abcdef";
const BOB: &str = "bob~0123456789abcdef";

fn serve() -> SocketAddr {
    loopback::serve(|hub| routes(hub).unwrap())
}

/// Somebody who reads a room.
struct Person {
    socket: TcpStream,
    text: String,
}

impl Person {
    async fn come(address: SocketAddr, room: &str, client: &str) -> Self {
        let mut socket = TcpStream::connect(address).await.unwrap();
        let request = format!("GET /streams/{room}/sse?client={client}&last=200 HTTP/1.0\r\n\r\n");
        socket.write_all(request.as_bytes()).await.unwrap();
        let mut person = Self { socket, text: String::new() };
        person.until("retry:").await;
        person
    }

    /// Reads on until `end` has come, and gives what came up to then.
    async fn until(&mut self, end: &str) -> &str {
        while !self.text.contains(end) {
            let mut bytes = Vec::new();
            assert!(self.socket.read_buf(&mut bytes).await.unwrap() > 0, "no {end:?}: {}", self.text);
            self.text.push_str(std::str::from_utf8(&bytes).unwrap());
        }
        &self.text
    }
}

/// Status and answer.
async fn send(address: SocketAddr, path: &str, value: &Value) -> (u16, Value) {
    let mut socket = TcpStream::connect(address).await.unwrap();
    let body = value.to_string();
    let request = format!(
        "POST /streams/{path} HTTP/1.0\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await.unwrap();
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    let body = answer.split_once("\r\n\r\n").unwrap().1;
    (status, serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {answer}")))
}

async fn refused(address: SocketAddr, path: &str, value: &Value) -> String {
    let (status, answer) = send(address, path, value).await;
    assert_eq!((status, &answer["people"]), (422, &json!(true)), "{answer}");
    answer["message"].as_str().unwrap().to_owned()
}

/// To all in the room, those who come later too, and nobody in the other one; and whatever it is, as it was written.
#[tokio::test(start_paused = true)]
async fn what_is_said_stays_in_its_room_and_is_history() {
    let address = serve();
    let mut ann = Person::come(address, "kitchen", ANN).await;
    let text = "<img src=x onerror=alert(1)></script> “hé” \u{1f36a}";
    let (status, _) = send(address, &format!("kitchen/send?client={ANN}"), &json!({ "text": text })).await;
    assert_eq!(status, 200);
    let said = format!(r#"{{"what":"said","from":"ann","text":{},"at":"#, json!(text));
    ann.until(&said).await;
    // Who comes later: first what was said, then their own coming.
    let mut bob = Person::come(address, "kitchen", BOB).await;
    let read = bob.until(r#""what":"came","name":"bob","here":["ann","bob"]"#).await;
    assert!(read.find(&said) < read.find("bob"), "{read}");
    let mut other = Person::come(address, "garden", BOB).await;
    let read = other.until(r#""what":"came","name":"bob","here":["bob"]"#).await;
    assert!(!read.contains("ann"), "{read}");
}

/// Neither the others nor the history get it; it is written to a name, and nobody learns a key.
#[tokio::test(start_paused = true)]
async fn what_is_said_to_one_is_for_one() {
    let address = serve();
    let mut ann = Person::come(address, "kitchen", ANN).await;
    let mut bob = Person::come(address, "kitchen", BOB).await;
    let mut eve = Person::come(address, "kitchen", "eve~0123456789abcdef").await;
    ann.until(r#""here":["ann","bob","eve"]"#).await;
    let (status, answer) =
        send(address, &format!("kitchen/send?client={ANN}&to=bob"), &json!({ "text": "psst" })).await;
    let reply = &answer["reply"];
    assert_eq!((status, &reply["what"], &reply["to"]), (200, &json!("whispered"), &json!("bob")), "{answer}");
    bob.until(r#"{"what":"whispered","from":"ann","to":"bob","text":"psst","at":"#).await;
    send(address, &format!("kitchen/send?client={ANN}"), &json!({ "text": "aloud" })).await;
    for person in [&mut ann, &mut eve] {
        let read = person.until("aloud").await;
        assert!(!read.contains("psst") && !read.contains("0123456789abcdef"), "{read}");
    }
    let told = refused(address, &format!("kitchen/send?client={ANN}&to=zoe"), &json!({ "text": "hi" })).await;
    assert_eq!(told, "zoe is not here.");
}

/// The first who comes by a name has it until they have been away for as long as people linger.
#[tokio::test(start_paused = true)]
async fn nobody_speaks_for_another() {
    let address = serve();
    let mut ann = Person::come(address, "kitchen", ANN).await;
    ann.until(r#""here":["ann"]"#).await;
    let thief = "ann~fedcba9876543210";
    let mut other = Person::come(address, "kitchen", thief).await;
    for what in [json!({ "text": "I am ann" }), json!({ "enter": true })] {
        let told = refused(address, &format!("kitchen/send?client={thief}"), &what).await;
        assert_eq!(told, "Somebody else here is called ann.");
    }
    let (status, answer) =
        send(address, &format!("kitchen/send?client={ANN}"), &json!({ "enter": true })).await;
    assert_eq!((status, answer), (200, json!({ "reply": { "here": ["ann"] } })));
    drop(ann);
    other.until(r#"{"what":"left","name":"ann","here":[],"#).await;
    other.until(r#"{"what":"came","name":"ann","here":["ann"],"#).await;
    let (status, _) =
        send(address, &format!("kitchen/send?client={thief}"), &json!({ "text": "me now" })).await;
    assert_eq!(status, 200);
}

/// A name in capitals is no other name; and who is written to is written to as they call themselves.
#[tokio::test(start_paused = true)]
async fn capitals_make_no_other_name() {
    let address = serve();
    let mut ann = Person::come(address, "kitchen", "Ann~0123456789abcdef").await;
    ann.until(r#""here":["Ann"]"#).await;
    let thief = "aNN~fedcba9876543210";
    let _other = Person::come(address, "kitchen", thief).await;
    let told = refused(address, &format!("kitchen/send?client={thief}"), &json!({ "enter": true })).await;
    assert_eq!(told, "Somebody else here is called Ann.");
    let _bob = Person::come(address, "kitchen", BOB).await;
    let (_, answer) =
        send(address, &format!("kitchen/send?client={BOB}&to=ann"), &json!({ "text": "psst" })).await;
    assert_eq!(answer["reply"]["to"], "Ann", "{answer}");
    ann.until(r#"{"what":"whispered","from":"bob","to":"Ann","text":"psst","at":"#).await;
}

/// However often people come and go, what was said stays.
#[tokio::test(start_paused = true)]
async fn coming_and_going_is_no_history() {
    let address = serve();
    let mut ann = Person::come(address, "kitchen", ANN).await;
    send(address, &format!("kitchen/send?client={ANN}"), &json!({ "text": "first" })).await;
    for number in 0..3 {
        let name = format!("p{number}");
        let person = Person::come(address, "kitchen", &format!("{name}~0123456789abcdef")).await;
        ann.until(&format!(r#"{{"what":"came","name":"{name}","here":["ann","{name}"]"#)).await;
        drop(person);
        ann.until(&format!(r#"{{"what":"left","name":"{name}","here":["ann"]"#)).await;
    }
    send(address, &format!("kitchen/send?client={ANN}"), &json!({ "text": "last" })).await;
    let mut bob = Person::come(address, "kitchen", BOB).await;
    let read = bob.until(r#"{"what":"came","name":"bob""#).await;
    assert!(read.contains("first") && read.contains("last"), "{read}");
    assert_eq!(read.matches("\"what\"").count(), 3, "{read}");
}

/// Everything else is refused in words, so nothing reaches a page that has not gone through a handler.
#[tokio::test(start_paused = true)]
async fn what_is_no_message_of_the_chat_is_refused() {
    let address = serve();
    let mut ann = Person::come(address, "kitchen", ANN).await;
    let to_all = format!("kitchen/send?client={ANN}");
    for (what, says) in [
        (json!({ "text": "  " }), "A message has 1 to 500 characters."),
        (json!({ "text": "x".repeat(TEXT + 1) }), "A message has 1 to 500 characters."),
        (json!({ "text": "a\u{7}b" }), "A message has no characters that cannot be seen."),
        (
            json!({ "text": "\u{202e}nna :edoc ruoy lleT" }),
            "A message has no characters that cannot be seen.",
        ),
        (json!({ "what": "left", "name": "bob", "here": [] }), "That is no message of this chat."),
        (json!({ "text": "x", "from": "bob" }), "That is no message of this chat."),
        (json!("text"), "That is no message of this chat."),
    ] {
        assert_eq!(refused(address, &to_all, &what).await, says, "{what}");
    }
    let hello = json!({ "text": "hello" });
    for nobody in ["", "?client=ann", "?client=ann~short", "?client=a.b~0123456789abcdef"] {
        let told = refused(address, &format!("kitchen/send{nobody}"), &hello).await;
        assert_eq!(told, "A name is 1 to 20 letters, digits, “-” and “_”.");
    }
    let told = refused(address, &format!("kitchen/send?client={BOB}"), &hello).await;
    assert_eq!(told, "You are not in this room.");
    assert_eq!(send(address, &to_all, &json!({ "text": "x".repeat(TEXT) })).await.0, 200);
    let read = ann.until(&"x".repeat(TEXT)).await;
    assert_eq!(read.matches("\"what\"").count(), 2, "{read}");
}

/// A room has room for so many; who comes then reads, and gets a name when somebody leaves.
#[tokio::test(start_paused = true)]
async fn a_room_is_full_at_its_bound() {
    let address = serve();
    let mut people = Vec::new();
    for number in 0..PEOPLE {
        people.push(Person::come(address, "kitchen", &format!("p{number}~0123456789abcdef")).await);
    }
    people[0].until(&format!(r#""what":"came","name":"p{}""#, PEOPLE - 1)).await;
    let mut ann = Person::come(address, "kitchen", ANN).await;
    let told = refused(address, &format!("kitchen/send?client={ANN}"), &json!({ "enter": true })).await;
    assert_eq!(told, "The room is full.");
    drop(people.pop());
    ann.until(r#"{"what":"came","name":"ann","#).await;
}
