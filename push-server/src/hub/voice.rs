//! What the client of a WebSocket sends to be handled: in order, one message after the other, off the shard.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use bytes::Bytes;

use super::Shared;
use super::client::ClientId;
use super::stream::Stream;
use crate::guard::{Guard, Reason, Token, seconds};
use crate::messages::{self, Chain, Envelope, Refusal, Refused};
use crate::transport::ws;

/// The messages of one connection that have come whole, and the answers to them that have not left. Held while there is
/// such a thing; its task ends when there is nothing more to handle.
#[derive(Debug)]
pub(crate) struct Voice {
    said: Mutex<Said>,
    /// Wakes the connection's shard.
    waker: Waker,
}

#[derive(Debug, Default)]
struct Said {
    waiting: VecDeque<Words>,
    is_handled: bool,
    /// Frames.
    answers: VecDeque<Bytes>,
}

/// A message that comes, or has come: counted among [`Limits::bodies_in_all`](crate::Limits::bodies_in_all), piece by
/// piece.
#[derive(Debug)]
pub(crate) struct Words {
    shared: Arc<Shared>,
    is_text: bool,
    bytes: Vec<u8>,
    counted: usize,
    /// There was room for all of it. If not, none of it is held.
    fits: bool,
}

impl Words {
    pub(crate) fn new(shared: &Arc<Shared>, is_text: bool) -> Self {
        Self { shared: shared.clone(), is_text, bytes: Vec::new(), counted: 0, fits: true }
    }

    pub(crate) fn push(&mut self, piece: &[u8]) {
        self.fits = self.fits && self.shared.bodies.take(piece.len());
        match self.fits {
            true => {
                self.counted += piece.len();
                self.bytes.extend_from_slice(piece);
            }
            false => {
                self.bytes = Vec::new();
                self.shared.bodies.give_back(std::mem::take(&mut self.counted));
            }
        }
    }
}

impl Drop for Words {
    fn drop(&mut self) {
        self.shared.bodies.give_back(self.counted);
    }
}

/// Who handles what a client says, and who the client is in the eyes of the guard, if that is to be asked.
#[derive(Debug)]
pub(crate) struct Hearing {
    pub(crate) chain: Chain,
    pub(crate) caller: Option<(Option<Token>, IpAddr)>,
}

/// Who speaks, and to whom.
#[derive(Clone, Debug)]
pub(crate) struct Speaker {
    pub(crate) hearing: Arc<Hearing>,
    pub(crate) stream: Stream,
    pub(crate) client: Option<ClientId>,
}

/// More than [`Limits::ws_unanswered`](crate::Limits::ws_unanswered) messages.
#[derive(Debug)]
pub(crate) struct TooMany;

impl Voice {
    pub(crate) fn new(waker: Waker) -> Arc<Self> {
        Arc::new(Self { said: Mutex::default(), waker })
    }

    fn lock(&self) -> MutexGuard<'_, Said> {
        self.said.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes in a message, to be handled after those before it. `speaker` is asked for where nobody is at work.
    pub(crate) fn say(
        self: &Arc<Self>,
        words: Words,
        most: usize,
        speaker: impl FnOnce() -> Speaker,
    ) -> Result<(), TooMany> {
        let mut said = self.lock();
        let unanswered = said.waiting.len() + said.answers.len() + usize::from(said.is_handled);
        if unanswered >= most {
            return Err(TooMany);
        }
        said.waiting.push_back(words);
        if !said.is_handled {
            said.is_handled = true;
            drop(said);
            tokio::spawn(self.clone().handle(speaker()));
        }
        Ok(())
    }

    /// Answers a message that nobody handles, if there is room for one answer more. Else the client does not read them.
    pub(crate) fn refuse(&self, most: usize, guard: &Guard) {
        let mut said = self.lock();
        if said.answers.len() < most {
            let refusal = Refusal::new(Reason::Forbidden, "clients send no messages here");
            said.answers.push_back(refused(guard, None, &refusal));
            drop(said);
            self.waker.wake_by_ref();
        }
    }

    async fn handle(self: Arc<Self>, speaker: Speaker) {
        let mut next = self.next(None);
        while let Some(words) = next {
            let answer = speaker.answer(words).await;
            next = self.next(Some(answer));
            self.waker.wake_by_ref();
        }
    }

    /// Puts the answer to the last one down, and takes up the next.
    fn next(&self, answer: Option<Bytes>) -> Option<Words> {
        let mut said = self.lock();
        said.answers.extend(answer);
        let next = said.waiting.pop_front();
        said.is_handled = next.is_some();
        next
    }

    /// The next frame to send.
    pub(crate) fn answer(&self) -> Option<Bytes> {
        self.lock().answers.pop_front()
    }

    pub(crate) fn has_answer(&self) -> bool {
        !self.lock().answers.is_empty()
    }

    /// Whether nothing waits and nothing is being done.
    pub(crate) fn is_idle(&self) -> bool {
        let said = self.lock();
        said.waiting.is_empty() && said.answers.is_empty() && !said.is_handled
    }
}

impl Speaker {
    /// Has one message handled. The frame that answers it.
    async fn answer(&self, mut words: Words) -> Bytes {
        if !words.fits {
            let max = words.shared.bodies.max();
            let what = format!("the server holds as many bodies as it can: bodies_in_all = {max} bytes");
            return self.refused(None, &Refusal::new(Reason::Bodies, &what));
        }
        if !words.is_text {
            let what = "messages are sent as text, in JSON";
            return self.refused(None, &Refusal::new(Reason::MediaType, what));
        }
        // `words` stays, and is counted, until the message is dealt with.
        let text = std::mem::take(&mut words.bytes).into();
        self.dispatch(&text).await
    }

    async fn dispatch(&self, text: &Bytes) -> Bytes {
        let envelope = match Envelope::read(text) {
            Ok(envelope) => envelope,
            Err(what) => return self.refused(None, &Refusal::new(Reason::Malformed, &what)),
        };
        let id = envelope.id;
        if let Some((token, address)) = &self.hearing.caller {
            let guard = self.stream.guard();
            if let Err(denied) = guard.hears(self.stream.name(), token.as_ref(), *address) {
                let retry = denied.wait.map(seconds);
                let what = denied.to_string();
                return self.refused(id, &Refusal { retry, ..Refusal::new(denied.why, &what) });
            }
        }
        let message = match envelope.message(self.stream.clone(), self.client.clone()) {
            Ok(message) => message,
            Err(what) => return self.refused(id, &Refusal::new(Reason::Malformed, &what)),
        };
        match self.hearing.chain.dispatch(message).await {
            Ok(receipt) => frame("sent", id, |out| messages::receipt(&receipt, out)),
            Err(why) => {
                let is_for_people = matches!(why, Refused::ForPeople(_));
                let what = why.to_string();
                let refusal = Refusal::new(messages::reason(&why, &self.stream), &what);
                self.refused(id, &Refusal { is_for_people, ..refusal })
            }
        }
    }

    fn refused(&self, id: Option<u64>, refusal: &Refusal<'_>) -> Bytes {
        refused(self.stream.guard(), id, refusal)
    }
}

/// The frame that says it, counted as an answer of HTTP would be.
fn refused(guard: &Guard, id: Option<u64>, refusal: &Refusal<'_>) -> Bytes {
    guard.count(refusal.why);
    frame("refused", id, |out| refusal.write(out))
}

/// `{"event":"sent","id":7,…}`.
fn frame(event: &str, id: Option<u64>, members: impl FnOnce(&mut Vec<u8>)) -> Bytes {
    let id = id.map_or_else(|| "null".to_owned(), |id| id.to_string());
    let mut text = format!(r#"{{"event":"{event}","id":{id}"#).into_bytes();
    let head = text.len();
    text.push(b',');
    members(&mut text);
    if text.len() == head + 1 {
        text.pop();
    }
    text.push(b'}');
    let mut out = Vec::new();
    ws::notice(&text, &mut out);
    out.into()
}
