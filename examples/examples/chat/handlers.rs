//! What people send, and who deals with it: the chain is asked in this order.

use push_server::SendError;
use push_server::messages::{ClientMessage, Failure, Handler, Verdict};
use serde::{Deserialize, Serialize};

use super::person::name_of;
use super::room::{Room, Rooms, Told, now};

/// Longest text, in characters.
pub(crate) const TEXT: usize = 500;

/// `{"enter":true}`: who is here? Asked by whoever has come, or come back.
pub(crate) struct Enter(Rooms);

/// `{"text":"hello"}`: to all, or to the one whose name it is sent to.
pub(crate) struct Say(Rooms);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entering {
    #[serde(rename = "enter")]
    _enter: bool,
}

#[derive(Serialize)]
struct Here {
    here: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Saying {
    text: String,
}

impl Enter {
    pub(crate) const fn new(rooms: Rooms) -> Self {
        Self(rooms)
    }
}

impl Handler for Enter {
    async fn handle(&self, message: ClientMessage) -> Result<Verdict, Failure> {
        let Ok(Entering { .. }) = message.parse() else { return Ok(Verdict::Pass) };
        let room = room(&self.0, &message)?;
        room.sender(&message)?;
        Verdict::reply(&Here { here: room.here() })
    }
}

impl Say {
    pub(crate) const fn new(rooms: Rooms) -> Self {
        Self(rooms)
    }
}

impl Handler for Say {
    async fn handle(&self, message: ClientMessage) -> Result<Verdict, Failure> {
        let Ok(Saying { text }) = message.parse() else { return Ok(Verdict::Pass) };
        let room = room(&self.0, &message)?;
        let from = room.sender(&message)?;
        let text = text.trim().to_owned();
        if text.is_empty() || text.chars().count() > TEXT {
            return Err(Failure::for_people(format!("A message has 1 to {TEXT} characters.")));
        }
        if text.chars().any(is_hidden) {
            return Err(Failure::for_people("A message has no characters that cannot be seen."));
        }
        let at = now();
        let Some(to) = message.recipient() else {
            room.stream().publish(&Told::Said { from, text, at }).await?;
            return Verdict::accept();
        };
        // By name, as nobody knows the keys of others.
        let asked = to.as_str();
        let gone = || Failure::for_people(format!("{asked} is not here."));
        let id = room.find(asked).ok_or_else(gone)?;
        let to = name_of(&id).unwrap_or(asked).to_owned();
        let whisper = Told::Whispered { from, to: to.clone(), text, at };
        match room.stream().send_to(&id, &whisper) {
            Ok(_) => Verdict::reply(&whisper),
            Err(SendError::NoClient(_)) => Err(gone()),
            Err(SendError::Full { .. }) => {
                Err(Failure::for_people(format!("Too much waits for {to} already.")))
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// Control characters but for the ends of lines, and those that embed, override or isolate the direction of text: with them a
/// line can be made to read as another one. (The marks of direction that text in Arabic or Hebrew needs do no harm.)
const fn is_hidden(character: char) -> bool {
    let is_control = matches!(character, '\0'..='\u{9}' | '\u{b}'..='\u{1f}' | '\u{7f}'..='\u{9f}');
    is_control || matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The last one: what nobody else has taken would be delivered as it is, and look like the server's word.
pub(crate) async fn refuse(_: ClientMessage) -> Result<Verdict, Failure> {
    Err(Failure::for_people("That is no message of this chat."))
}

fn room<'r>(rooms: &'r Rooms, message: &ClientMessage) -> Result<&'r Room, Failure> {
    rooms.get(message.stream().name()).ok_or_else(|| Failure::for_people("There is no such room."))
}
