//! One room: its stream, and who is there by which name.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{SystemTime, UNIX_EPOCH};

use push_server::hub::PresenceEvent;
use push_server::messages::{ClientMessage, Failure};
use push_server::{ClientId, PublishError, SendError, Stream, StreamName};
use serde::Serialize;

use super::person::name_of;

/// Names that a room has at most: each coming and going tells all of them.
pub(crate) const PEOPLE: usize = 100;

/// The rooms by the names of their streams.
pub(crate) type Rooms = HashMap<StreamName, Room>;

/// A room; clones are the same one.
#[derive(Clone)]
pub(crate) struct Room {
    stream: Stream,
    /// The first who comes by a name has it, until they leave.
    people: Arc<Mutex<People>>,
}

/// By their names, [`folded`].
type People = BTreeMap<String, ClientId>;

/// What a room tells its people. All of it is text: pages show it as such.
#[derive(Serialize)]
#[serde(rename_all = "lowercase", tag = "what")]
pub(crate) enum Told {
    /// Somebody came or went, and this is who is there now.
    Came {
        name: String,
        here: Vec<String>,
        at: u64,
    },
    Left {
        name: String,
        here: Vec<String>,
        at: u64,
    },
    /// To everybody.
    Said {
        from: String,
        text: String,
        at: u64,
    },
    /// To one, and to the one who has said it.
    Whispered {
        from: String,
        to: String,
        text: String,
        at: u64,
    },
}

/// Milliseconds since 1970, as scripts count.
pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_millis() as u64)
}

impl Room {
    pub(crate) fn new(stream: Stream) -> Self {
        Self { stream, people: Arc::default() }
    }

    pub(crate) const fn stream(&self) -> &Stream {
        &self.stream
    }

    fn people(&self) -> MutexGuard<'_, People> {
        self.people.lock().expect("nobody panics with it")
    }

    /// The names, in alphabetical order.
    pub(crate) fn here(&self) -> Vec<String> {
        names(&self.people())
    }

    /// Who has this name, in capitals or not.
    pub(crate) fn find(&self, name: &str) -> Option<ClientId> {
        self.people().get(&folded(name)).cloned()
    }

    /// The name of whoever has sent `message`, if it is theirs.
    pub(crate) fn sender(&self, message: &ClientMessage) -> Result<String, Failure> {
        let named = message.sender().and_then(|id| Some((id, name_of(id)?)));
        let Some((id, name)) = named else {
            return Err(Failure::for_people("A name is 1 to 20 letters, digits, “-” and “_”."));
        };
        let mut people = self.people();
        // Faster, perhaps, than the news of their coming.
        self.come(&mut people, id);
        match people.get(&folded(name)) {
            Some(holder) if holder == id => Ok(name.to_owned()),
            Some(holder) => {
                let name = name_of(holder).unwrap_or(name);
                Err(Failure::for_people(format!("Somebody else here is called {name}.")))
            }
            None if people.len() >= PEOPLE => Err(Failure::for_people("The room is full.")),
            None => Err(Failure::for_people("You are not in this room.")),
        }
    }

    /// Tells the room who comes and goes, until the stream ends.
    pub(crate) async fn watch(self) {
        loop {
            let mut presence = self.stream.presence();
            {
                // Those that have come or gone while nobody watched.
                let mut people = self.people();
                let known: Vec<_> = people.values().cloned().collect();
                for id in &known {
                    self.leave(&mut people, id);
                }
                for id in presence.present() {
                    self.come(&mut people, id);
                }
            }
            loop {
                match presence.next().await {
                    Ok(Some(PresenceEvent::Joined(id))) => self.come(&mut self.people(), &id),
                    Ok(Some(PresenceEvent::Left(id))) => self.leave(&mut self.people(), &id),
                    Ok(Some(_)) => {}
                    Ok(None) => return,
                    Err(_) => break,
                }
            }
        }
    }

    // Both ask the stream who is there, as the news of it may be older than what has become of them since; and tell it while
    // they hold the list, so that nobody is told an older list after a newer one.

    fn come(&self, people: &mut People, id: &ClientId) {
        let Some(name) = name_of(id) else { return };
        let is_taken = people.len() >= PEOPLE || people.contains_key(&folded(name));
        if is_taken || !self.stream.clients().contains(id) {
            return;
        }
        people.insert(folded(name), id.clone());
        self.tell(&Told::Came { name: name.to_owned(), here: names(people), at: now() });
    }

    fn leave(&self, people: &mut People, id: &ClientId) {
        let Some(name) = name_of(id) else { return };
        if people.get(&folded(name)) != Some(id) || self.stream.clients().contains(id) {
            return;
        }
        people.remove(&folded(name));
        self.tell(&Told::Left { name: name.to_owned(), here: names(people), at: now() });
        // Whoever has waited for this name, or for room.
        for id in self.stream.clients() {
            self.come(people, &id);
        }
    }

    /// To each who is there now, and not into the history: that is for what people have said.
    fn tell(&self, told: &Told) {
        for id in self.stream.clients() {
            match self.stream.send_to(&id, told) {
                // They have gone meanwhile, or all of it has.
                Ok(_) | Err(SendError::NoClient(_) | SendError::Refused(PublishError::Ended)) => {}
                Err(error) => eprintln!("chat: somebody is not told who is here: {error}"),
            }
        }
    }
}

fn names(people: &People) -> Vec<String> {
    people.values().filter_map(name_of).map(str::to_owned).collect()
}

/// Two names that differ in capitals alone would be taken for one.
fn folded(name: &str) -> String {
    name.to_ascii_lowercase()
}
