//! One room: its stream, who is there by which name, and what was whispered to them.
//!
//! Whether a message has reached somebody is known only when they say so: a connection may be dead without anybody having
//! noticed. So a whisper is kept until its reader's page has confirmed it; a page that comes back is given again what it has
//! not, and whoever has whispered is told what became of it.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{SystemTime, UNIX_EPOCH};

use push_server::hub::PresenceEvent;
use push_server::messages::Failure;
use push_server::{ClientId, PublishError, SendError, Stream, StreamName};
use serde::Serialize;

use super::person::{NO_NAME, name_of};

/// Names that a room has at most: each coming and going tells all of them.
pub(crate) const PEOPLE: usize = 100;
/// Whispers to one of them that are not confirmed.
pub(crate) const UNCONFIRMED: usize = 50;

/// The rooms by the names of their streams.
pub(crate) type Rooms = HashMap<StreamName, Room>;

/// A room; clones are the same one.
#[derive(Clone)]
pub(crate) struct Room {
    stream: Stream,
    people: Arc<Mutex<People>>,
}

#[derive(Default)]
struct People {
    /// By their names, [`folded`]. The first who comes by a name has it, until they leave.
    here: BTreeMap<String, Person>,
    /// Of the last whisper.
    number: u64,
}

struct Person {
    id: ClientId,
    /// Each with whoever has whispered it.
    unconfirmed: Vec<(ClientId, Whisper)>,
}

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
    Whispered(Whisper),
    /// To the one who has said it: the other has it; or has left, and is not known to have it.
    Confirmed {
        number: u64,
    },
    Unconfirmed {
        number: u64,
    },
}

#[derive(Clone, Serialize)]
pub(crate) struct Whisper {
    number: u64,
    from: String,
    to: String,
    text: String,
    at: u64,
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
        self.people().names()
    }

    /// The name of this client, who is here from now on: if it reads the room, and the name is its own.
    pub(crate) fn enter(&self, id: &ClientId) -> Result<String, Failure> {
        let name = name_of(id).ok_or_else(|| Failure::for_people(NO_NAME))?;
        let mut people = self.people();
        match people.here.get(&folded(name)) {
            Some(person) if person.id == *id => {}
            Some(person) => {
                let name = name_of(&person.id).unwrap_or(name);
                return Err(Failure::for_people(format!("Somebody else here is called {name}.")));
            }
            None if !self.stream.clients().contains(id) => {
                return Err(Failure::for_people("You are not in this room."));
            }
            None if people.here.len() >= PEOPLE => return Err(Failure::for_people("The room is full.")),
            None => {
                people.here.insert(folded(name), Person { id: id.clone(), unconfirmed: Vec::new() });
                let told = Told::Came { name: name.to_owned(), here: people.names(), at: now() };
                self.tell_all(&people, &told);
            }
        }
        Ok(name.to_owned())
    }

    pub(crate) fn leave(&self, id: &ClientId) {
        self.lose(&mut self.people(), id);
    }

    /// Tells the room who is gone without having left, until the stream ends.
    pub(crate) async fn watch(self) {
        loop {
            let mut presence = self.stream.presence();
            {
                // Those that have gone while nobody watched.
                let mut people = self.people();
                let known: Vec<_> = people.here.values().map(|person| person.id.clone()).collect();
                for id in known.iter().filter(|id| !presence.present().contains(id)) {
                    self.lose(&mut people, id);
                }
            }
            loop {
                match presence.next().await {
                    Ok(Some(PresenceEvent::Left(id))) => {
                        let mut people = self.people();
                        // They may be back meanwhile.
                        if !self.stream.clients().contains(&id) {
                            self.lose(&mut people, &id);
                        }
                    }
                    Ok(Some(_)) => {}
                    Ok(None) => return,
                    Err(_) => break,
                }
            }
        }
    }

    /// To the one who has this name, in capitals or not. Also tells whether they are connected at the moment.
    pub(crate) fn whisper(
        &self,
        sender: &ClientId,
        from: String,
        to: &str,
        text: String,
    ) -> Result<(Told, bool), Failure> {
        let mut people = self.people();
        let People { here, number } = &mut *people;
        let gone = || Failure::for_people(format!("{to} is not here."));
        let Person { id, unconfirmed } = here.get_mut(&folded(to)).ok_or_else(gone)?;
        let to = name_of(id).unwrap_or(to).to_owned();
        let full = || Failure::for_people(format!("Too much waits for {to} already."));
        if unconfirmed.len() >= UNCONFIRMED {
            return Err(full());
        }
        *number += 1;
        let whisper = Whisper { number: *number, from, to: to.clone(), text, at: now() };
        let told = Told::Whispered(whisper.clone());
        let sent = self.stream.send_to(id, &told).map_err(|error| match error {
            SendError::NoClient(_) => gone(),
            SendError::Full { .. } => full(),
            error => error.into(),
        })?;
        unconfirmed.push((sender.clone(), whisper));
        Ok((told, sent.is_connected))
    }

    /// What was whispered to this client and is not confirmed, oldest first.
    pub(crate) fn unconfirmed(&self, id: &ClientId) -> Vec<Told> {
        let mut people = self.people();
        let unconfirmed = people.person(id).map(|person| &*person.unconfirmed).unwrap_or_default();
        unconfirmed.iter().map(|(_, whisper)| Told::Whispered(whisper.clone())).collect()
    }

    /// This client has the whisper of this number.
    pub(crate) fn confirm(&self, id: &ClientId, number: u64) {
        let mut people = self.people();
        let Some(Person { unconfirmed, .. }) = people.person(id) else { return };
        if let Some(index) = unconfirmed.iter().position(|(_, whisper)| whisper.number == number) {
            let (sender, _) = unconfirmed.remove(index);
            self.tell(&sender, &Told::Confirmed { number });
        }
    }

    fn lose(&self, people: &mut People, id: &ClientId) {
        let Some(name) = name_of(id) else { return };
        let Entry::Occupied(entry) = people.here.entry(folded(name)) else { return };
        if entry.get().id != *id {
            return;
        }
        let Person { unconfirmed, .. } = entry.remove();
        self.tell_all(people, &Told::Left { name: name.to_owned(), here: people.names(), at: now() });
        for (sender, Whisper { number, .. }) in unconfirmed {
            self.tell(&sender, &Told::Unconfirmed { number });
        }
    }

    /// To each who is there now, and not into the history: that is for what people have said. By whoever holds the list, so
    /// that nobody is told an older one after a newer one.
    fn tell_all(&self, people: &People, told: &Told) {
        for person in people.here.values() {
            self.tell(&person.id, told);
        }
    }

    fn tell(&self, id: &ClientId, told: &Told) {
        match self.stream.send_to(id, told) {
            // They have gone meanwhile, or all of it has.
            Ok(_) | Err(SendError::NoClient(_) | SendError::Refused(PublishError::Ended)) => {}
            Err(error) => eprintln!("chat: somebody is not told what happens in the room: {error}"),
        }
    }
}

impl People {
    fn names(&self) -> Vec<String> {
        self.here.values().filter_map(|person| name_of(&person.id)).map(str::to_owned).collect()
    }

    fn person(&mut self, id: &ClientId) -> Option<&mut Person> {
        self.here.get_mut(&folded(name_of(id)?)).filter(|person| person.id == *id)
    }
}

/// Two names that differ in capitals alone would be taken for one.
fn folded(name: &str) -> String {
    name.to_ascii_lowercase()
}
