//! The settings as a file that starts the same server, each key with what it does.

use std::fmt::Write as _;

use super::keys::{KEYS, When};
use super::settings::Settings;
use super::streams::{self, STREAM_KEYS, StreamSection};
use super::value::Value;

/// Columns of a comment.
const WIDTH: usize = 100;

/// A complete file: what is set now, with each key's meaning, default and variable.
pub(crate) fn print(settings: &Settings) -> String {
    let defaults = Settings::default();
    let mut file = String::from(
        "# Settings of push-server: `push-server serve --config FILE`. Every key may be left out.\n\
         # A key is also a variable of the environment, which is over the file, and --set KEY=VALUE, which is over both.\n\
         # * counts from a reload on (SIGHUP); the others from the next start on.\n",
    );
    let mut section = "";
    for key in KEYS {
        if key.section() != section {
            section = key.section();
            let _ = write!(file, "\n\n[{section}]");
        }
        file.push('\n');
        comment(&mut file, key.help);
        let mark = if key.when == When::Reload { " *" } else { "" };
        let _ = writeln!(file, "# Default: {}; {}{mark}", key.show(&defaults), key.variable());
        let _ = writeln!(file, "{} = {}", key.short(), key.show(settings));
    }
    streams(&mut file, &settings.streams);
    file
}

/// The sections of single streams, below what their keys mean.
fn streams(file: &mut String, sections: &[StreamSection]) {
    file.push_str("\n\n");
    comment(file, streams::HELP);
    let mark = |text: &str| text.replace("# ", "#   ");
    let defaults = StreamSection::default();
    file.push_str("#\n# [[streams]] *\n");
    for key in STREAM_KEYS {
        let mut help = String::new();
        comment(&mut help, key.help);
        let default = match key.get(&defaults) {
            Value::Unset => String::new(),
            _ => format!("; default: {}", key.show(&defaults)),
        };
        let _ = writeln!(file, "# {}{default}", key.short());
        file.push_str(&mark(&help));
    }
    for section in sections {
        file.push_str("\n[[streams]]\n");
        for key in STREAM_KEYS.iter().filter(|key| key.get(section) != key.get(&defaults)) {
            let _ = writeln!(file, "{} = {}", key.short(), key.show(section));
        }
    }
}

/// Wraps `text` at words.
fn comment(file: &mut String, text: &str) {
    let mut column = WIDTH;
    for word in text.split(' ') {
        if column + 1 + word.len() > WIDTH {
            file.push_str(if column == WIDTH { "# " } else { "\n# " });
            column = 2;
        } else {
            file.push(' ');
            column += 1;
        }
        file.push_str(word);
        column += word.len();
    }
    file.push('\n');
}

/// The keys as a table of the README, which a test holds against it.
#[cfg(test)]
pub(super) fn table() -> String {
    let defaults = Settings::default();
    let row = |key: &super::keys::Key| {
        let mark = if key.when == When::Reload { "yes" } else { "" };
        format!("| `{}` | `{}` | {mark} | {} |\n", key.name, key.show(&defaults), key.help)
    };
    KEYS.iter()
        .map(row)
        .fold(String::from("| key | default | reload | |\n| --- | --- | --- | --- |\n"), |table, row| {
            table + &row
        })
}

/// The keys of single streams as the README's second table.
#[cfg(test)]
pub(super) fn stream_table() -> String {
    let defaults = StreamSection::default();
    STREAM_KEYS.iter().fold(String::from("| key | default | |\n| --- | --- | --- |\n"), |table, key| {
        let default = match key.get(&defaults) {
            Value::Unset => String::new(),
            _ => format!("`{}`", key.show(&defaults)),
        };
        table + &format!("| `{}` | {default} | {} |\n", key.short(), key.help)
    })
}
