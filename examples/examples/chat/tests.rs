//! The rooms and their handlers, without a browser, in paused time.

use std::net::SocketAddr;

use examples::loopback;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::handlers::{LINES, TEXT};
use super::room::{PEOPLE, UNCONFIRMED};
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
    async fn read(address: SocketAddr, room: &str, client: &str) -> Self {
        let mut socket = TcpStream::connect(address).await.unwrap();
        let request = format!("GET /streams/{room}/sse?client={client}&last=200 HTTP/1.0\r\n\r\n");
        socket.write_all(request.as_bytes()).await.unwrap();
        let mut person = Self { socket, text: String::new() };
        person.until("retry:").await;
        person
    }

    /// As the page does: reads, and enters by that name.
    async fn come(address: SocketAddr, room: &str, client: &str) -> Self {
        let person = Self::read(address, room, client).await;
        enter(address, room, client).await;
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

/// What the room says to whoever comes, or comes back.
async fn enter(address: SocketAddr, room: &str, client: &str) -> Value {
    let (status, mut answer) =
        send(address, &format!("{room}/send?client={client}"), &json!({ "enter": true })).await;
    assert_eq!(status, 200, "{answer}");
    answer["reply"].take()
}

/// The number of a whisper of ann's to bob, and whether it waits for him.
async fn whisper(address: SocketAddr, text: &str) -> (u64, bool) {
    let path = format!("kitchen/send?client={ANN}&to=bob");
    let (status, answer) = send(address, &path, &json!({ "text": text })).await;
    assert_eq!(status, 200, "{answer}");
    let reply = &answer["reply"];
    (reply["whisper"]["number"].as_u64().unwrap(), reply["waits"].as_bool().unwrap())
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
    let whisper = &answer["reply"]["whisper"];
    assert_eq!(
        (status, &whisper["what"], &whisper["to"]),
        (200, &json!("whispered"), &json!("bob")),
        "{answer}"
    );
    assert_eq!(answer["reply"]["waits"], false, "{answer}");
    bob.until(r#"{"what":"whispered","number":1,"from":"ann","to":"bob","text":"psst","at":"#).await;
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
    let other = Person::read(address, "kitchen", thief).await;
    for what in [json!({ "text": "I am ann" }), json!({ "enter": true })] {
        let told = refused(address, &format!("kitchen/send?client={thief}"), &what).await;
        assert_eq!(told, "Somebody else here is called ann.");
    }
    assert_eq!(enter(address, "kitchen", ANN).await, json!({ "here": ["ann"], "unconfirmed": [] }));
    // Who goes after ann is told that she has gone.
    let mut bob = Person::come(address, "kitchen", BOB).await;
    drop(ann);
    bob.until(r#"{"what":"left","name":"ann","here":["bob"],"#).await;
    let (status, _) =
        send(address, &format!("kitchen/send?client={thief}"), &json!({ "text": "me now" })).await;
    bob.until(r#"{"what":"came","name":"ann","here":["ann","bob"],"#).await;
    drop(other);
    assert_eq!(status, 200);
}

/// A name in capitals is no other name; and who is written to is written to as they call themselves.
#[tokio::test(start_paused = true)]
async fn capitals_make_no_other_name() {
    let address = serve();
    let mut ann = Person::come(address, "kitchen", "Ann~0123456789abcdef").await;
    ann.until(r#""here":["Ann"]"#).await;
    let thief = "aNN~fedcba9876543210";
    let _other = Person::read(address, "kitchen", thief).await;
    let told = refused(address, &format!("kitchen/send?client={thief}"), &json!({ "enter": true })).await;
    assert_eq!(told, "Somebody else here is called Ann.");
    let _bob = Person::come(address, "kitchen", BOB).await;
    let (_, answer) =
        send(address, &format!("kitchen/send?client={BOB}&to=ann"), &json!({ "text": "psst" })).await;
    assert_eq!(answer["reply"]["whisper"]["to"], "Ann", "{answer}");
    ann.until(r#"{"what":"whispered","number":1,"from":"bob","to":"Ann","text":"psst","at":"#).await;
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
        (
            json!({ "text": "a\u{7}b" }),
            "A message has no control characters, and none that turn text around.",
        ),
        (
            json!({ "text": "\u{202e}nna :edoc ruoy lleT" }),
            "A message has no control characters, and none that turn text around.",
        ),
        (json!({ "text": "1\n".repeat(LINES) + "2" }), "A message has 10 lines at most."),
        (json!({ "text": "1\r".repeat(LINES) + "2" }), "A message has 10 lines at most."),
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

/// An empty line from somebody is none that anybody would want to read; nor is it a fault if text has tabs, Windows' ends of
/// lines, or what joins the parts of a picture.
#[tokio::test(start_paused = true)]
async fn messages_can_be_seen() {
    let address = serve();
    let mut ann = Person::come(address, "kitchen", ANN).await;
    let to_all = format!("kitchen/send?client={ANN}");
    for nothing in ['\u{200b}', '\u{feff}', '\u{2060}', '\u{ad}', '\u{3164}', '\u{e0041}', '\u{2800}'] {
        let told = refused(address, &to_all, &json!({ "text": format!("{nothing}\n{nothing}") })).await;
        assert_eq!(told, "There is nothing to be seen in this message.", "{nothing:?}");
    }
    let family = "\u{1f468}\u{200d}\u{1f469}\u{200d}\u{1f466}";
    for (text, said) in [
        ("a\tb", "a b"),
        ("a\r\nb\rc\u{2028}d", "a\nb\nc\nd"),
        (family, family),
        ("\u{645}\u{6cc}\u{200c}\u{631}\u{648}\u{645}", "\u{645}\u{6cc}\u{200c}\u{631}\u{648}\u{645}"),
        ("\u{301}", "\u{301}"),
    ] {
        assert_eq!(send(address, &to_all, &json!({ "text": text })).await.0, 200, "{text:?}");
        ann.until(&format!(r#"{{"what":"said","from":"ann","text":{},"#, json!(said))).await;
    }
}

/// Its page has not said that it has come, so bob is given it again: also what went to a connection that he had left already.
/// (By the clock, which must not run away with him.)
#[tokio::test]
async fn a_whisper_waits_for_who_is_away() {
    let address = serve();
    let mut ann = Person::come(address, "kitchen", ANN).await;
    let bob = Person::come(address, "kitchen", BOB).await;
    drop(bob);
    for number in 1..=3 {
        assert_eq!(whisper(address, &format!("psst {number}")).await.0, number);
    }
    let _bob = Person::read(address, "kitchen", BOB).await;
    let reply = enter(address, "kitchen", BOB).await;
    let texts = |reply: &Value| -> Vec<Value> {
        reply["unconfirmed"].as_array().unwrap().iter().map(|whisper| whisper["text"].clone()).collect()
    };
    assert_eq!(texts(&reply), ["psst 1", "psst 2", "psst 3"]);
    assert_eq!(reply["unconfirmed"][0]["what"], "whispered");
    // Nobody else has it, and nobody else confirms it.
    assert_eq!(texts(&enter(address, "kitchen", ANN).await), [""; 0]);
    for client in [ANN, BOB] {
        send(address, &format!("kitchen/send?client={client}"), &json!({ "got": 2 })).await;
    }
    let read = ann.until(r#"{"what":"confirmed","number":2}"#).await;
    assert_eq!(read.matches("confirmed").count(), 1, "{read}");
    assert_eq!(texts(&enter(address, "kitchen", BOB).await), ["psst 1", "psst 3"]);
}

/// Whoever has whispered is told, at once if it waits, and in the end if nobody came for it.
#[tokio::test]
async fn a_whisper_that_nobody_gets_is_told() {
    let address = serve();
    let mut ann = Person::come(address, "kitchen", ANN).await;
    // Gone altogether, as the server knows: by an answer that has ended.
    let poll = |client| format!("GET /streams/kitchen/poll?client={client} HTTP/1.0\r\n\r\n");
    let mut bob = TcpStream::connect(address).await.unwrap();
    bob.write_all(poll(BOB).as_bytes()).await.unwrap();
    bob.read_to_string(&mut String::new()).await.unwrap();
    enter(address, "kitchen", BOB).await;
    assert_eq!(whisper(address, "psst").await, (1, true));
    tokio::time::pause();
    ann.until(r#"{"what":"left","name":"bob","here":["ann"]"#).await;
    ann.until(r#"{"what":"unconfirmed","number":1}"#).await;
    let path = format!("kitchen/send?client={ANN}&to=bob");
    assert_eq!(refused(address, &path, &json!({ "text": "psst" })).await, "bob is not here.");
}

#[tokio::test(start_paused = true)]
async fn so_many_whispers_wait_at_most() {
    let address = serve();
    let _ann = Person::come(address, "kitchen", ANN).await;
    let _bob = Person::come(address, "kitchen", BOB).await;
    for _ in 0..UNCONFIRMED {
        whisper(address, "psst").await;
    }
    let path = format!("kitchen/send?client={ANN}&to=bob");
    let told = refused(address, &path, &json!({ "text": "psst" })).await;
    assert_eq!(told, "Too much waits for bob already.");
    send(address, &format!("kitchen/send?client={BOB}"), &json!({ "got": 1 })).await;
    whisper(address, "psst").await;
}

/// Also while the connection is still there; and nobody else can have them leave.
#[tokio::test(start_paused = true)]
async fn who_leaves_has_left_at_once() {
    let address = serve();
    let mut ann = Person::come(address, "kitchen", ANN).await;
    let _bob = Person::come(address, "kitchen", BOB).await;
    let leave = json!({ "enter": false });
    send(address, "kitchen/send?client=bob~fedcba9876543210", &leave).await;
    assert_eq!(enter(address, "kitchen", ANN).await["here"], json!(["ann", "bob"]));
    let (number, _) = whisper(address, "psst").await;
    assert_eq!(send(address, &format!("kitchen/send?client={BOB}"), &leave).await, (200, json!({})));
    assert_eq!(enter(address, "kitchen", ANN).await["here"], json!(["ann"]));
    ann.until(&format!(r#"{{"what":"unconfirmed","number":{number}}}"#)).await;
    // And comes back.
    enter(address, "kitchen", BOB).await;
    assert_eq!(enter(address, "kitchen", ANN).await["here"], json!(["ann", "bob"]));
}

/// A room has room for so many; who comes then reads, and gets a name when somebody has left.
#[tokio::test(start_paused = true)]
async fn a_room_is_full_at_its_bound() {
    let address = serve();
    let mut people = Vec::new();
    for number in 0..PEOPLE {
        people.push(Person::come(address, "kitchen", &format!("p{number}~0123456789abcdef")).await);
    }
    people[0].until(&format!(r#""what":"came","name":"p{}""#, PEOPLE - 1)).await;
    let _ann = Person::read(address, "kitchen", ANN).await;
    let told = refused(address, &format!("kitchen/send?client={ANN}"), &json!({ "enter": true })).await;
    assert_eq!(told, "The room is full.");
    drop(people.pop());
    people[0].until(r#""what":"left","name":"p99","#).await;
    enter(address, "kitchen", ANN).await;
}
