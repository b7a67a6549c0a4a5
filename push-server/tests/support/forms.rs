//! Every form of a stream as a client understands it, also if it was cut off anywhere. By the book, and nothing of
//! the server's own.

use hessian::grammar::{Draft, Final, Grammar, Tutorial};
use hessian::packet::{Framing, Packet};
use hessian::{Limits, StreamDecoder};
use serde_json::Value;

/// The transports, as the URL names them.
pub(crate) const STREAMING: [&str; 8] = [
    "sse",
    "xhr",
    "multipart",
    "script",
    "hessian",
    "hessian?framing=p&grammar=tutorial",
    "hessian?framing=varint&grammar=draft",
    "hessian?framing=marked",
];
pub(crate) const POLLS: [&str; 4] = ["longpoll", "poll", "longpoll?format=hessian", "poll?format=hessian"];

/// What a client has understood of one response.
#[derive(Debug, Default)]
pub(crate) struct Understood {
    pub(crate) resume: Option<String>,
    pub(crate) messages: Vec<Value>,
    /// Those for this client alone.
    pub(crate) direct: Vec<Value>,
    /// `rotate` or `end`.
    pub(crate) farewell: Option<String>,
    /// Where to go on.
    pub(crate) position: String,
}

/// Understands `response`, which may end anywhere after its head.
pub(crate) fn understand(transport: &str, response: &[u8]) -> Understood {
    let end = response.windows(4).position(|four| four == b"\r\n\r\n").expect("a whole head");
    let head = std::str::from_utf8(&response[..end]).unwrap();
    let body = &response[end + 4..];
    let field = |name: &str| {
        let line = head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        line.map(ToOwned::to_owned)
    };
    let body = match field("transfer-encoding").as_deref() {
        Some("chunked") => dechunked(body),
        _ => body.to_vec(),
    };
    let is_whole = field("content-length").is_some_and(|length| length == body.len().to_string());
    let mut understood = Understood {
        resume: field("push-resume"),
        position: field("push-position").expect("every answer says where it begins"),
        ..Understood::default()
    };
    match transport.split(['?', '&']).next().unwrap() {
        "sse" => events(&body, &mut understood),
        "xhr" => lines(&body).for_each(|line| object(line, &mut understood)),
        "multipart" => parts(&body).into_iter().for_each(|part| object(&part, &mut understood)),
        "script" => lines(&body).for_each(|line| tag(line, &mut understood)),
        "hessian" => packets(transport, &body, &mut understood),
        "longpoll" | "poll" if !is_whole => {}
        "longpoll" | "poll" if field("content-type").as_deref() == Some("application/x-hessian") => {
            packets(transport, &body, &mut understood);
            understood.position = field("push-next-position").unwrap();
            understood.farewell = field("push-next").filter(|next| next == "end");
        }
        "longpoll" | "poll" => answer(&serde_json::from_slice(&body).unwrap(), &mut understood),
        other => panic!("{other}"),
    }
    understood
}

/// As much of a chunked body as has come.
fn dechunked(mut bytes: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    while let Some(end) = bytes.windows(2).position(|two| two == b"\r\n") {
        let length = usize::from_str_radix(std::str::from_utf8(&bytes[..end]).unwrap(), 16).unwrap();
        bytes = &bytes[end + 2..];
        let taken = length.min(bytes.len());
        body.extend_from_slice(&bytes[..taken]);
        bytes = bytes.get(length + 2..).unwrap_or_default();
    }
    body
}

/// The lines that are complete.
fn lines(body: &[u8]) -> impl Iterator<Item = &str> {
    let end = body.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    std::str::from_utf8(&body[..end]).unwrap().lines()
}

fn events(body: &[u8], understood: &mut Understood) {
    let end = body.windows(2).rposition(|two| two == b"\n\n").map_or(0, |at| at + 2);
    for event in std::str::from_utf8(&body[..end]).unwrap().split_terminator("\n\n") {
        let field = |name| event.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        if let Some(id) = field("id") {
            understood.position = id.to_owned();
        }
        let Some(data) = field("data") else { continue };
        match field("event") {
            None if field("id").is_none() => understood.direct.push(serde_json::from_str(data).unwrap()),
            None => understood.messages.push(serde_json::from_str(data).unwrap()),
            Some("resume") => assert_eq!(understood.resume.as_deref(), Some(data)),
            Some(farewell) => understood.farewell = Some(farewell.to_owned()),
        }
    }
}

fn object(text: &str, understood: &mut Understood) {
    if text.trim().is_empty() {
        return;
    }
    let object: Value = serde_json::from_str(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    let position = object.get("position").and_then(Value::as_str);
    if let Some(position) = position {
        understood.position = position.to_owned();
    }
    match (object.get("event").and_then(Value::as_str), position) {
        (None, None) => understood.direct.push(object["data"].clone()),
        (None, Some(_)) => understood.messages.push(object["data"].clone()),
        (Some("begin"), _) => {
            let resume = object["resume"].as_str().unwrap();
            assert_eq!(understood.resume.as_deref().unwrap_or("fresh"), resume);
        }
        (Some(event), _) => understood.farewell = Some(event.to_owned()),
    }
}

/// The bodies of the parts that are complete (RFC 2046, 5.1.1).
fn parts(body: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(body);
    let mut parts: Vec<_> = text.split("\r\n--push-server-part").map(ToOwned::to_owned).collect();
    // What is after the last boundary is no part yet, or the end.
    parts.pop();
    parts.into_iter().map(|part| part.split_once("\r\n\r\n").unwrap().1.to_owned()).collect()
}

fn tag(line: &str, understood: &mut Understood) {
    let call =
        line.strip_prefix("<script type=\"text/javascript\">").and_then(|l| l.strip_suffix(";</script>"));
    let arguments = |call: &str| -> Vec<Value> {
        let (_, arguments) = call.split_once('(').unwrap();
        let arguments = arguments.strip_suffix(')').unwrap();
        serde_json::from_str(&format!("[{arguments}]")).unwrap()
    };
    match call {
        Some(call) if call.starts_with("comet_update(") => {
            let [data, position] = arguments(call).try_into().unwrap();
            match position.as_str() {
                Some(position) => {
                    understood.position = position.to_owned();
                    understood.messages.push(data);
                }
                None => understood.direct.push(data),
            }
        }
        Some(call) if call.starts_with("comet_call(\"comet_end\"") => {
            understood.farewell = arguments(call)[1].as_str().map(ToOwned::to_owned);
        }
        Some(call) if call.starts_with("comet_call(\"comet_resume\"") => {
            assert_eq!(understood.resume.as_deref(), arguments(call)[1].as_str());
        }
        _ => {}
    }
}

/// Packets in the framing and the grammar that `transport` names; counts positions from the one in the head.
fn packets(transport: &str, body: &[u8], understood: &mut Understood) {
    match transport.split_once("grammar=").map(|(_, grammar)| grammar) {
        Some("tutorial") => packets_in::<Tutorial>(transport, body, understood),
        Some("draft") => packets_in::<Draft>(transport, body, understood),
        _ => packets_in::<Final>(transport, body, understood),
    }
}

fn packets_in<G: Grammar>(transport: &str, body: &[u8], understood: &mut Understood) {
    let framing = match transport.split(['?', '&']).find_map(|part| part.strip_prefix("framing=")) {
        None | Some("ws") => Framing::Ws,
        Some("p") => Framing::P,
        Some("varint") => Framing::Varint,
        Some("marked") => Framing::Marked,
        Some(other) => panic!("{other}"),
    };
    let mut decoder = StreamDecoder::<G>::new(Some(framing), Limits::default());
    decoder.push(body);
    while let Some(packet) = decoder.next_packet().unwrap() {
        if let Packet::Data(data) = packet {
            let value = decoder.graph(&data).unwrap();
            understood.messages.push(serde_json::to_value(&value).unwrap());
        }
    }
    let (epoch, sequence) = understood.position.split_once(':').unwrap();
    let sequence = sequence.parse::<u64>().unwrap() + understood.messages.len() as u64;
    understood.position = format!("{epoch}:{sequence}");
}

fn answer(answer: &Value, understood: &mut Understood) {
    assert_eq!(answer["from"].as_str(), Some(&*understood.position));
    assert_eq!(understood.resume.as_deref().unwrap_or("fresh"), answer["resume"].as_str().unwrap());
    for message in answer["messages"].as_array().unwrap() {
        object(&message.to_string(), understood);
    }
    assert_eq!(answer["position"].as_str(), Some(&*understood.position));
    assert_eq!(answer["next"].is_null(), understood.farewell.is_some());
}
