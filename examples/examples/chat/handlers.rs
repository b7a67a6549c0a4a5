//! What people send, and who deals with it: the chain is asked in this order.

use push_server::ClientId;
use push_server::messages::{ClientMessage, Failure, Handler, Verdict};
use serde::{Deserialize, Serialize};

use super::person::NO_NAME;
use super::room::{Room, Rooms, Told, now};

/// Longest text, in characters, and in lines: nobody fills the page of another.
pub(crate) const TEXT: usize = 500;
pub(crate) const LINES: usize = 10;

/// `{"enter":true}`: who is here, and what has been whispered to me? Asked by whoever has come, or come back. `{"enter":false}`
/// is said by whoever leaves.
pub(crate) struct Enter(Rooms);

/// `{"text":"hello"}`: to all, or to the one whose name it is sent to.
pub(crate) struct Say(Rooms);

/// `{"got":7}`: the whisper of this number has come.
pub(crate) struct Confirm(Rooms);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entering {
    enter: bool,
}

#[derive(Serialize)]
struct Here {
    here: Vec<String>,
    unconfirmed: Vec<Told>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Saying {
    text: String,
}

#[derive(Serialize)]
struct Whispering {
    whisper: Told,
    /// Whoever it is for is not connected: it waits until they are, or have left.
    waits: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Confirming {
    got: u64,
}

impl Enter {
    pub(crate) const fn new(rooms: Rooms) -> Self {
        Self(rooms)
    }
}

impl Handler for Enter {
    async fn handle(&self, message: ClientMessage) -> Result<Verdict, Failure> {
        let Ok(Entering { enter }) = message.parse() else { return Ok(Verdict::Pass) };
        let (room, sender) = room(&self.0, &message)?;
        if !enter {
            room.leave(sender);
            return Verdict::accept();
        }
        room.enter(sender)?;
        Verdict::reply(&Here { here: room.here(), unconfirmed: room.unconfirmed(sender) })
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
        let (room, sender) = room(&self.0, &message)?;
        let from = room.enter(sender)?;
        let text = checked(&text).map_err(Failure::for_people)?;
        let Some(to) = message.recipient() else {
            room.stream().publish(&Told::Said { from, text, at: now() }).await?;
            return Verdict::accept();
        };
        // By name, as nobody knows the keys of others.
        let (whisper, is_connected) = room.whisper(sender, from, to.as_str(), text)?;
        Verdict::reply(&Whispering { whisper, waits: !is_connected })
    }
}

impl Confirm {
    pub(crate) const fn new(rooms: Rooms) -> Self {
        Self(rooms)
    }
}

impl Handler for Confirm {
    async fn handle(&self, message: ClientMessage) -> Result<Verdict, Failure> {
        let Ok(Confirming { got }) = message.parse() else { return Ok(Verdict::Pass) };
        let (room, sender) = room(&self.0, &message)?;
        room.confirm(sender, got);
        Verdict::accept()
    }
}

/// The text with blanks for tabs and one kind of line end; or what is wrong with it.
fn checked(text: &str) -> Result<String, String> {
    let text =
        text.trim().replace("\r\n", "\n").replace(['\r', '\u{2028}', '\u{2029}'], "\n").replace('\t', " ");
    if text.is_empty() || text.chars().count() > TEXT {
        Err(format!("A message has 1 to {TEXT} characters."))
    } else if text.lines().count() > LINES {
        Err(format!("A message has {LINES} lines at most."))
    } else if text.chars().any(deceives) {
        Err("A message has no control characters, and none that turn text around.".to_owned())
    } else if !text.chars().any(is_seen) {
        Err("There is nothing to be seen in this message.".to_owned())
    } else {
        Ok(text)
    }
}

/// Control characters but for the ends of lines, and those that embed, override or isolate the direction of text: with them a
/// line can be made to read as another one. (The marks of direction that text in Arabic or Hebrew needs do no harm.)
const fn deceives(character: char) -> bool {
    let is_control = matches!(character, '\0'..='\u{9}' | '\u{b}'..='\u{1f}' | '\u{7f}'..='\u{9f}');
    is_control || matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Neither a blank, nor what is shown as nothing: Unicode's `Default_Ignorable_Code_Point`. Among others these do join
/// letters and colour flags, so they are no harm.
fn is_seen(character: char) -> bool {
    let is_nothing = matches!(character,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fff8}' | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}');
    // And of Braille, what has no dots.
    !is_nothing && !character.is_whitespace() && character != '\u{2800}'
}

/// The last one: what nobody else has taken would be delivered as it is, and look like the server's word.
pub(crate) async fn refuse(_: ClientMessage) -> Result<Verdict, Failure> {
    Err(Failure::for_people("That is no message of this chat."))
}

/// The room, and who has sent the message.
fn room<'r>(rooms: &'r Rooms, message: &'r ClientMessage) -> Result<(&'r Room, &'r ClientId), Failure> {
    let room =
        rooms.get(message.stream().name()).ok_or_else(|| Failure::for_people("There is no such room."))?;
    let sender = message.sender().ok_or_else(|| Failure::for_people(NO_NAME))?;
    Ok((room, sender))
}
