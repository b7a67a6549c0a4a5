//! The answers to polls, for clients that no stream reaches: each is whole at once, with a length.
//!
//! A *long poll* is answered as soon as there is a message, or empty when its time is over; the client asks again at
//! once. An *interval poll* is answered at once with what has gathered; the client asks again after the interval that
//! the answer says, at once if there is more, or whenever it has something to publish: the answer to a publication
//! carries what has gathered as well (piggyback).
//!
//! As JSON:
//!
//! ```json
//! {"resume":"complete","from":"ab:6","messages":[{"position":"ab:7","data":…}],"position":"ab:7","next":0}
//! ```
//!
//! | member | |
//! | --- | --- |
//! | `resume` | the verdict on the place that was asked for: `fresh`, `complete`, `gap 3-6`, `epoch-changed` |
//! | `from` | the position before the first message |
//! | `messages` | messages and notices in order, maybe none: the objects of the [table](super#json-objects) |
//! | `position` | where to go on: `?since=` of the next poll |
//! | `next` | seconds to wait before the next poll; 0: at once; null: the stream is over, there is no next one |
//!
//! As Hessian (`?format=hessian`, or by `Accept`) the body is the packets of the messages, one each and maybe none, in
//! the framing and grammar asked for, each answer a stream of its own: class definitions begin anew. The header fields
//! of the answer, which the JSON form has as well, say the rest: `push-position` is `from`, `push-resume` (not if
//! fresh), `push-gap` as `8-9`, `push-next-position`, and `push-next`, seconds or `end`.
//!
//! An answer that is lost with its connection is asked for again from the same position, so nothing is lost and
//! nothing comes twice. Direct messages have no position: those in a lost answer are lost.
//!
//! A long poll whose client has gone is not noticed before its answer, so for `wait` seconds at most (60,
//! [`Limits::poll_longest_wait`](crate::Limits::poll_longest_wait)): it counts as a reader until then.

use std::ops::RangeInclusive;
use std::time::Duration;

use bytes::Bytes;

use super::{Farewell, json};
use crate::hub::Resume;
use crate::position::Position;

/// What an answer says beside the messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) resume: Resume,
    /// Before the first message.
    pub(crate) from: Position,
    /// Skipped after `from`.
    pub(crate) gap: Option<RangeInclusive<u64>>,
    /// After the last message.
    pub(crate) position: Position,
    /// When to ask again; never if the stream is over.
    pub(crate) next: Option<Duration>,
}

impl Answer {
    /// The answer as JSON, around `messages`, which are objects: shared, not copied.
    pub(crate) fn json(&self, messages: Vec<Bytes>) -> Vec<Bytes> {
        let Self { resume, from, position, .. } = self;
        let next = self.next_in().unwrap_or_else(|| "null".to_owned());
        let notice = |write: &dyn Fn(&mut Vec<u8>)| {
            let mut notice = Vec::new();
            write(&mut notice);
            Bytes::from(notice)
        };
        let gap = self.gap.as_ref().map(|gap| {
            let to = Position { sequence: *gap.end(), ..*position };
            notice(&|out| json::gap(*gap.start(), to, out))
        });
        let is_over = self.next.is_none();
        let end = is_over.then(|| notice(&|out| json::farewell(Farewell::Complete, *position, out)));
        let mut parts = Vec::with_capacity(2 * messages.len() + 4);
        parts.push(format!(r#"{{"resume":"{resume}","from":"{from}","messages":["#).into());
        for (index, object) in gap.into_iter().chain(messages).chain(end).enumerate() {
            if index > 0 {
                parts.push(Bytes::from_static(b","));
            }
            parts.push(object);
        }
        parts.push(format!("],\"position\":\"{position}\",\"next\":{next}}}\n").into());
        parts
    }

    /// Seconds until the next poll, if there is one.
    pub(crate) fn next_in(&self) -> Option<String> {
        self.next.map(|next| next.as_secs_f64().to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::position::Epoch;
    use serde_json::{Value, json};

    fn at(sequence: u64) -> Position {
        Position { epoch: Epoch::new(0xab), sequence }
    }

    fn text(answer: &Answer, messages: &[&'static str]) -> String {
        let messages = messages.iter().map(|message| Bytes::from_static(message.as_bytes())).collect();
        String::from_utf8(answer.json(messages).concat()).unwrap()
    }

    #[test]
    fn an_answer_is_one_object() {
        let mut answer = Answer {
            resume: Resume::Complete,
            from: at(3),
            gap: None,
            position: at(3),
            next: Some(Duration::ZERO),
        };
        let empty = r#"{"resume":"complete","from":"ab:3","messages":[],"position":"ab:3","next":0}"#;
        assert_eq!(text(&answer, &[]), format!("{empty}\n"));
        answer.gap = Some(4..=6);
        answer.resume = Resume::Gap { from: 1, to: 3 };
        answer.position = at(8);
        answer.next = Some(Duration::from_millis(2_500));
        let messages = ["{\"position\":\"ab:7\",\"data\":1}\n", "{\"position\":\"ab:8\",\"data\":2}\n"];
        let expected = json!({
            "resume": "gap 1-3", "from": "ab:3",
            "messages": [
                {"event": "gap", "from": 4, "to": 6, "position": "ab:6"},
                {"position": "ab:7", "data": 1}, {"position": "ab:8", "data": 2},
            ],
            "position": "ab:8", "next": 2.5,
        });
        assert_eq!(serde_json::from_str::<Value>(&text(&answer, &messages)).unwrap(), expected);
        answer.gap = None;
        answer.next = None;
        let over = r#""messages":[{"event":"end","position":"ab:8"}],"position":"ab:8","next":null}"#;
        assert!(text(&answer, &[]).ends_with(&format!("{over}\n")));
    }
}
