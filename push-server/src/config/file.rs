//! Reads a file of TOML into what was written for each key, with its line.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use toml::de::{DeTable, DeValue};

use super::keys::{is_section, key};
use super::layers::{Entry, unknown_key};
use super::problem::{Place, Problem};
use super::streams::{self, StreamSection};
use super::value::Found;

/// Bytes of a file of settings; with every key and comment it has some 20 KiB.
pub(super) const MOST_BYTES: u64 = 1 << 20;

/// What the file says, in its order, and what is wrong with it: all of it, so that one start tells everything.
#[derive(Debug, Default)]
pub(super) struct Content {
    pub(super) entries: Vec<Entry>,
    /// Those of single streams.
    pub(super) sections: Vec<Section>,
    pub(super) problems: Vec<Problem>,
}

/// A section of which there may be several.
#[derive(Debug)]
pub(super) struct Section {
    pub(super) place: Option<Place>,
    pub(super) entries: Vec<Entry<StreamSection>>,
}

/// Reads the file.
pub(super) fn read(path: &Path) -> Content {
    match text(path) {
        Ok(text) => parse(&text, path),
        Err(problem) => Content { problems: vec![problem], ..Content::default() },
    }
}

fn text(path: &Path) -> Result<String, Problem> {
    let cannot = |error: &dyn std::fmt::Display| Problem {
        place: None,
        key: None,
        what: format!(
            "cannot read the settings in {}: {error}; give a file of TOML with --config FILE",
            path.display()
        ),
    };
    let bytes = bounded(path).map_err(|error| cannot(&error))?;
    String::from_utf8(bytes).map_err(|error| {
        let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
        let what = "the file is not UTF-8; save it as UTF-8".to_owned();
        Problem { place: Some(Place::File(path.to_owned(), line)), key: None, what }
    })
}

fn bounded(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(MOST_BYTES + 1).read_to_end(&mut bytes)?;
    match bytes.len() as u64 > MOST_BYTES {
        true => Err(io::Error::other(format!("it has more than {MOST_BYTES} bytes"))),
        false => Ok(bytes),
    }
}

fn parse(text: &str, path: &Path) -> Content {
    let place = |at: usize| {
        let line = 1 + text.as_bytes().iter().take(at).filter(|byte| **byte == b'\n').count();
        Some(Place::File(path.to_owned(), line))
    };
    let (table, errors) = DeTable::parse_recoverable(text);
    let mut reader =
        Reader { place: &place, entries: Vec::new(), sections: Vec::new(), problems: Vec::new() };
    for error in errors {
        let what = error.message().trim().replace('\n', ", ");
        let what = format!("this is no TOML: {what}");
        reader.problems.push(Problem {
            place: place(error.span().map_or(0, |span| span.start)),
            key: None,
            what,
        });
    }
    if reader.problems.is_empty() {
        reader.table("", table.get_ref());
    }
    reader.entries.sort_by_key(|(_, at)| *at);
    let Reader { entries, sections, problems, .. } = reader;
    Content { entries: entries.into_iter().map(|(entry, _)| entry).collect(), sections, problems }
}

struct Reader<'p> {
    place: &'p dyn Fn(usize) -> Option<Place>,
    entries: Vec<(Entry, usize)>,
    sections: Vec<Section>,
    problems: Vec<Problem>,
}

impl Reader<'_> {
    /// Goes into sections that are known, so no deeper than those.
    fn table(&mut self, section: &str, table: &DeTable<'_>) {
        for (name, value) in table {
            let at = name.span().start;
            let name = match section {
                "" => name.get_ref().to_string(),
                _ => format!("{section}.{}", name.get_ref()),
            };
            match value.get_ref() {
                DeValue::Table(table) if is_section(&name) => self.table(&name, table),
                DeValue::Array(items) if name == streams::SECTION => {
                    items.iter().for_each(|item| self.section(item.get_ref(), item.span().start));
                }
                value => match key(&name) {
                    Some(key) => {
                        let entry = Entry { key, place: (self.place)(at), found: found(value) };
                        self.entries.push((entry, at));
                    }
                    None => self.problems.push(unknown_key(&name, (self.place)(at))),
                },
            }
        }
    }
}

impl Reader<'_> {
    /// One section of a stream.
    fn section(&mut self, value: &DeValue<'_>, at: usize) {
        let DeValue::Table(table) = value else {
            return self.problems.push(unknown_key(streams::SECTION, (self.place)(at)));
        };
        let mut entries: Vec<_> = table.iter().collect();
        entries.sort_by_key(|(name, _)| name.span().start);
        let mut section = Section { place: (self.place)(at), entries: Vec::new() };
        for (name, value) in entries {
            let place = (self.place)(name.span().start);
            match streams::key(name.get_ref()) {
                Some(key) => section.entries.push(Entry { key, place, found: found(value.get_ref()) }),
                None => self.problems.push(streams::unknown_key(name.get_ref(), place)),
            }
        }
        self.sections.push(section);
    }
}

fn found(value: &DeValue<'_>) -> Found {
    match value {
        DeValue::String(text) => Found::Text(text.to_string()),
        DeValue::Integer(number) if number.radix() == 10 => Found::Number(number.as_str().to_owned()),
        DeValue::Integer(_) => Found::Other("a number that is not decimal"),
        DeValue::Float(number) => Found::Number(number.as_str().to_owned()),
        DeValue::Boolean(flag) => Found::Flag(*flag),
        DeValue::Datetime(_) => Found::Other("a date"),
        DeValue::Array(items) => Found::List(items.iter().map(|item| item_found(item.get_ref())).collect()),
        DeValue::Table(_) => Found::Other("a table"),
    }
}

/// Lists of lists are expected nowhere.
fn item_found(value: &DeValue<'_>) -> Found {
    match value {
        DeValue::Array(_) => Found::Other("a list"),
        value => found(value),
    }
}
