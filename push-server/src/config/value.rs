//! What a key may hold, how it is read from a file or a word, and how it is written.

use std::fmt::Write as _;
use std::time::Duration;

use push_server::guard::{MAX_TOKENS, Token};

/// What a key holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    /// A number, of bytes too.
    Number(u64),
    Time(Duration),
    Flag(bool),
    Text(String),
    List(Vec<String>),
    /// Nothing was said, and something else counts.
    Unset,
}

/// What a key may hold.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    Number {
        least: u64,
        most: u64,
    },
    /// A number of bytes: `64KiB`.
    Bytes {
        least: u64,
        most: u64,
    },
    /// `30s`, `1h 30m`.
    Time {
        least: Duration,
        most: Duration,
    },
    Flag,
    Choice(&'static [&'static str]),
    Text(Form),
    /// Several such texts; where a word is all there is, they are separated by commas.
    List(Form),
    /// Several tokens, which are kept as their digests and told to nobody.
    Tokens,
}

/// What a text has to be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Form {
    /// "an address, such as 0.0.0.0:8080".
    pub(crate) expected: &'static str,
    /// What is wrong with it.
    pub(crate) check: fn(&str) -> Result<(), String>,
}

/// What was written for a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// In the environment or on the command line, where everything is text.
    Word(String),
    Text(String),
    Number(String),
    Flag(bool),
    List(Vec<Self>),
    /// Something else, by its name in TOML.
    Other(&'static str),
}

/// What was found in place of what was expected.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Wrong(pub(crate) String);

/// So much of a wrong text is told.
const SHOWN: usize = 60;

impl Found {
    /// As it is told to people: escaped, and not all of what is long.
    fn tell(&self) -> String {
        let quoted = |text: &str| {
            let shown: String = text.chars().take(SHOWN).collect();
            let rest = if shown.len() < text.len() { " …" } else { "" };
            format!("{shown:?}{rest}")
        };
        match self {
            Self::Word(text) => quoted(text),
            Self::Text(text) => format!("the text {}", quoted(text)),
            Self::Number(number) => format!("the number {number}"),
            Self::Flag(flag) => format!("the boolean {flag}"),
            Self::List(items) => format!("a list of {}", items.len()),
            Self::Other(name) => (*name).to_owned(),
        }
    }

    /// The items of a list; of a word, between commas. Nothing between commas, as in a variable that is set to nothing,
    /// is no item.
    fn items(&self) -> Option<Vec<Self>> {
        match self {
            Self::Word(word) => {
                let items = word.split(',').map(str::trim).filter(|item| !item.is_empty());
                Some(items.map(|item| Self::Word(item.to_owned())).collect())
            }
            Self::List(items) => Some(items.clone()),
            _ => None,
        }
    }

    const fn text(&self) -> Option<&str> {
        match self {
            Self::Word(text) | Self::Text(text) => Some(text.as_str()),
            _ => None,
        }
    }

    fn number(&self) -> Option<u64> {
        match self {
            Self::Word(text) | Self::Number(text) => text.parse().ok(),
            _ => None,
        }
    }
}

impl Kind {
    /// Any number from `least` on.
    pub(crate) const fn from(least: u64) -> Self {
        Self::Number { least, most: u64::MAX >> 1 }
    }

    /// Any number of bytes from `least` on.
    pub(crate) const fn bytes(least: u64) -> Self {
        Self::Bytes { least, most: u64::MAX >> 1 }
    }

    /// Any time from so many milliseconds on.
    pub(crate) const fn time(least: u64) -> Self {
        Self::Time { least: Duration::from_millis(least), most: push_server::LONGEST }
    }

    /// Reads what was written.
    ///
    /// # Errors
    ///
    /// What was found, and what is expected in its place.
    pub(crate) fn read(&self, found: &Found) -> Result<Value, Wrong> {
        let value = match self {
            Self::Number { .. } => found.number().map(Value::Number),
            // 0 needs no unit.
            Self::Bytes { .. } => found.text().and_then(bytes).or_else(|| found.number()).map(Value::Number),
            Self::Time { .. } => match (found.text(), found.number()) {
                (_, Some(0)) => Some(Value::Time(Duration::ZERO)),
                (Some(text), _) => humantime::parse_duration(text).ok().map(Value::Time),
                _ => None,
            },
            Self::Flag => match found {
                Found::Flag(flag) => Some(Value::Flag(*flag)),
                Found::Word(word) => word.parse().ok().map(Value::Flag),
                _ => None,
            },
            Self::Choice(choices) => {
                found.text().filter(|text| choices.contains(text)).map(|text| Value::Text(text.to_owned()))
            }
            Self::Text(form) => {
                return found
                    .text()
                    .map_or_else(|| Err(self.wrong(found)), |text| form.read(text))
                    .map(Value::Text);
            }
            Self::List(form) => return self.read_list(form, found),
            Self::Tokens => return self.read_tokens(found),
        };
        value.filter(|value| self.admits(value)).ok_or_else(|| self.wrong(found))
    }

    fn read_list(&self, form: &Form, found: &Found) -> Result<Value, Wrong> {
        let items = found.items().ok_or_else(|| self.wrong(found))?;
        let texts = items.iter().map(|item| {
            item.text().map_or_else(
                || Err(Wrong(format!("found {} in the list; expected {}", item.tell(), form.expected))),
                |text| form.read(text),
            )
        });
        texts.collect::<Result<_, _>>().map(Value::List)
    }

    /// Whatever is wrong: it is not told, as it may be most of a token.
    fn read_tokens(&self, found: &Found) -> Result<Value, Wrong> {
        let unlike = || Wrong(format!("found no list of texts; expected {}", self.expected(found)));
        let digest = |item: Found| {
            let token = item.text().ok_or_else(unlike)?.parse::<Token>();
            token
                .map(|token| token.to_string())
                .map_err(|problem| Wrong(format!("found no token: {problem}")))
        };
        let digests =
            found.items().ok_or_else(unlike)?.into_iter().map(digest).collect::<Result<Vec<_>, _>>()?;
        match digests.len() {
            ..=MAX_TOKENS => Ok(Value::List(digests)),
            count => Err(Wrong(format!("found {count} tokens; expected {MAX_TOKENS} at most"))),
        }
    }

    fn admits(&self, value: &Value) -> bool {
        match (self, value) {
            (Self::Number { least, most } | Self::Bytes { least, most }, Value::Number(number)) => {
                (least..=most).contains(&number)
            }
            (Self::Time { least, most }, Value::Time(time)) => (least..=most).contains(&time),
            _ => true,
        }
    }

    fn wrong(&self, found: &Found) -> Wrong {
        Wrong(format!("found {}; expected {}", found.tell(), self.expected(found)))
    }

    /// What is right, beside what was found.
    fn expected(&self, found: &Found) -> String {
        match self {
            Self::Number { least, most } => format!("a number {}", range(least, most, u64::to_string)),
            Self::Bytes { least, most } => {
                let range = range(least, most, |bytes| show_bytes(*bytes));
                format!("a number of bytes {range}, such as \"64KiB\" (B, KiB, MiB, GiB, TiB)")
            }
            Self::Time { least, most } => {
                let unit = match found.number() {
                    Some(number) => format!("\"{number}s\""),
                    None => "\"500ms\", \"30s\" or \"1h 30m\"".to_owned(),
                };
                let range = match *most >= push_server::LONGEST {
                    true if least.is_zero() => String::new(),
                    true => format!(" of {} at least", show_time(*least)),
                    false => format!(" from {} to {}", show_time(*least), show_time(*most)),
                };
                format!("a time{range} with its unit, such as {unit}")
            }
            Self::Flag => "true or false".to_owned(),
            Self::Choice(choices) => choices.iter().fold(String::from("one of"), |mut text, choice| {
                let _ = write!(text, " \"{choice}\"");
                text
            }),
            Self::Text(form) => format!("{}, in quotation marks", form.expected),
            Self::Tokens => "a list [\"…\", \"…\"] of tokens".to_owned(),
            Self::List(form) => format!("a list [\"…\", \"…\"], each {}", form.expected),
        }
    }

    /// As a file of TOML has it.
    pub(crate) fn write(&self, value: &Value) -> String {
        match (self, value) {
            (Self::Bytes { .. }, Value::Number(bytes)) => format!("\"{}\"", show_bytes(*bytes)),
            (_, Value::Number(number)) => number.to_string(),
            (_, Value::Time(time)) => format!("\"{}\"", show_time(*time)),
            (_, Value::Flag(flag)) => flag.to_string(),
            (_, Value::Text(text)) => quote(text),
            (_, Value::List(items)) => {
                format!("[{}]", items.iter().map(|item| quote(item)).collect::<Vec<_>>().join(", "))
            }
            (_, Value::Unset) => String::new(),
        }
    }
}

impl Form {
    fn read(&self, text: &str) -> Result<String, Wrong> {
        match (self.check)(text) {
            Ok(()) => Ok(text.to_owned()),
            Err(problem) => {
                let found = Found::Word(text.to_owned()).tell();
                Err(Wrong(format!("found {found}: {problem}; expected {}", self.expected)))
            }
        }
    }
}

fn range(least: &u64, most: &u64, show: impl Fn(&u64) -> String) -> String {
    match *most >= u64::MAX >> 1 {
        true => format!("from {} on", show(least)),
        false => format!("from {} to {}", show(least), show(most)),
    }
}

const UNITS: [(&str, u32); 5] = [("TiB", 40), ("GiB", 30), ("MiB", 20), ("KiB", 10), ("B", 0)];

/// Reads `64KiB`, with or without a space.
fn bytes(text: &str) -> Option<u64> {
    let (unit, shift) = UNITS.into_iter().find(|(unit, _)| text.ends_with(unit))?;
    let number: u64 = text.strip_suffix(unit)?.trim_end().parse().ok()?;
    number.checked_mul(1 << shift)
}

/// In the largest unit that leaves no rest.
pub(crate) fn show_bytes(bytes: u64) -> String {
    let fits = |(_, shift): &(&str, u32)| bytes > 0 && bytes.trailing_zeros() >= *shift;
    let (unit, shift) = UNITS.into_iter().find(fits).unwrap_or(("B", 0));
    format!("{}{unit}", bytes >> shift)
}

pub(crate) fn show_time(time: Duration) -> String {
    humantime::format_duration(time).to_string()
}

/// A basic string of TOML.
fn quote(text: &str) -> String {
    let mut quoted = String::from("\"");
    for char in text.chars() {
        match char {
            '"' | '\\' => quoted.extend(['\\', char]),
            '\u{0}'..='\u{1f}' | '\u{7f}' => {
                let _ = write!(quoted, "\\u{:04x}", u32::from(char));
            }
            _ => quoted.push(char),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(kind: Kind, text: &str) -> Result<Value, String> {
        kind.read(&Found::Word(text.to_owned())).map_err(|wrong| wrong.0)
    }

    #[test]
    fn bytes_have_units_of_1024() {
        for (text, bytes) in
            [("0", 0), ("1", 1), ("512B", 512), ("64KiB", 64 << 10), ("3 MiB", 3 << 20), ("1TiB", 1 << 40)]
        {
            assert_eq!(word(Kind::bytes(0), text), Ok(Value::Number(bytes)), "{text}");
        }
        for bytes in [0, 1, 1023, 1024, 1025, 64 << 10, 5 << 30] {
            assert_eq!(word(Kind::bytes(0), &show_bytes(bytes)), Ok(Value::Number(bytes)));
        }
        for text in ["64KB", "64kib", "KiB", "-1", "1.5MiB", "99999999TiB", ""] {
            let problem = word(Kind::bytes(0), text).unwrap_err();
            assert!(problem.contains("such as \"64KiB\""), "{problem}");
        }
        assert!(word(Kind::bytes(8192), "1KiB").unwrap_err().contains("from 8KiB on"));
    }

    #[test]
    fn times_have_a_unit() {
        assert_eq!(word(Kind::time(0), "1h 30m"), Ok(Value::Time(Duration::from_secs(5400))));
        assert_eq!(word(Kind::time(0), "0"), Ok(Value::Time(Duration::ZERO)));
        let problem = Kind::time(0).read(&Found::Number("30".into())).unwrap_err().0;
        assert_eq!(problem, "found the number 30; expected a time with its unit, such as \"30s\"");
        assert!(word(Kind::time(1), "0s").unwrap_err().contains("of 1ms at least"));
        assert!(word(Kind::time(0), "999999years").is_err(), "longer than anything waits");
    }

    #[test]
    fn tokens_are_kept_as_digests_and_told_to_nobody() {
        let read = word(Kind::Tokens, "abcdefghijklmnop, qrstuvwxyz012345").unwrap();
        let Value::List(digests) = &read else { panic!("{read:?}") };
        assert!(digests.len() == 2 && digests.iter().all(|digest| digest.starts_with("sha256:")));
        let texts = digests.iter().map(|digest| Found::Text(digest.clone())).collect();
        assert_eq!(Kind::Tokens.read(&Found::List(texts)), Ok(read.clone()), "what was printed is read back");
        let secret = "hunter2 is my secret";
        for found in [
            Found::Word(secret.to_owned()),
            Found::Text(secret.to_owned()),
            Found::List(vec![Found::Text(secret.to_owned())]),
            Found::List(vec![Found::Number("4711".to_owned())]),
        ] {
            let Wrong(problem) = Kind::Tokens.read(&found).unwrap_err();
            assert!(!problem.contains("hunter2") && !problem.contains("4711"), "{problem}");
        }
        let many = vec!["abcdefghijklmnop"; MAX_TOKENS + 1].join(",");
        assert!(word(Kind::Tokens, &many).unwrap_err().contains("256 at most"));
    }

    #[test]
    fn what_is_wrong_is_told_escaped_and_cut() {
        let long = "\u{1b}[31m".repeat(100);
        let problem = word(Kind::Flag, &long).unwrap_err();
        assert!(problem.contains("\\u{1b}[31m") && problem.len() < 300, "{problem}");
        assert!(!problem.contains('\u{1b}'));
    }

    #[test]
    fn texts_are_written_so_that_toml_reads_them_back() {
        let text = "a \"quoted\" \\ text\u{0}\n\u{7f} Ä";
        let document = format!("x = {}", quote(text));
        let table = toml::de::DeTable::parse(&document).unwrap();
        let value = table.get_ref().values().next().unwrap().get_ref().as_str();
        assert_eq!(value, Some(text));
    }
}
