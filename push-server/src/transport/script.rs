//! Script tags into a hidden iframe, the "forever iframe": browsers run each tag as it arrives.
//!
//! Source of the form: Caucho's tutorial "server-push servlet", whose page defines `comet_update(value)` and
//! whose stream calls it. Here the tags call a function of the iframe's own document that hands on to the
//! parent page, so that all connections share the same bytes whatever the parent calls its function.

use std::fmt::Write as _;

use super::Farewell;
use crate::hub::Resume;
use crate::position::Position;

/// The media type of the document. The charset is fixed: `message` escapes what is dangerous in UTF-8.
pub const CONTENT_TYPE: &str = "text/html; charset=utf-8";

/// The function of the parent page that gets each value, unless the request names another.
pub const DEFAULT_CALLBACK: &str = "comet_update";

/// Longest name of a callback, in bytes.
pub const MAX_CALLBACK: usize = 64;

/// A line feed between tags: browsers add it to the text node before it and draw nothing.
pub const HEARTBEAT: &[u8] = b"\n";

/// Bytes of the preamble at least. Browsers hold back the first bytes of a document to guess its type and
/// encoding: 256 in old Internet Explorer, 1 KiB in WebKit and Chromium, some antivirus proxies more.
pub const PADDING: usize = 2_048;

/// A checked name of a JavaScript function of the parent page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Callback(Box<str>);

/// The text is no name of a callback.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a callback is 1 to {MAX_CALLBACK} letters, digits, '_' and '$', not starting with a digit, and no function of every page that runs or hands on a text"
)]
pub struct BadCallback;

/// Functions of every page that run a text as code, or open it as an address, which may be code; and the one that hands
/// a message to whatever listens in the page.
const RUN_TEXT: [&str; 8] =
    ["eval", "execScript", "Function", "open", "postMessage", "setImmediate", "setInterval", "setTimeout"];

impl Callback {
    /// Accepts one ASCII identifier. No dots: a path like `document.forms.0.submit` would let a foreign page
    /// that frames this URL call any method of ours. Nor a function that takes a message for a program.
    ///
    /// # Errors
    ///
    /// [`BadCallback`] for anything else.
    pub fn new(name: &str) -> Result<Self, BadCallback> {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'$');
        let fits = (1..=MAX_CALLBACK).contains(&name.len());
        if fits
            && !name.as_bytes()[0].is_ascii_digit()
            && name.bytes().all(allowed)
            && !RUN_TEXT.contains(&name)
        {
            Ok(Self(name.into()))
        } else {
            Err(BadCallback)
        }
    }
}

impl Default for Callback {
    fn default() -> Self {
        Self(DEFAULT_CALLBACK.into())
    }
}

/// The beginning of the document: padding, the functions that the tags call, and for a reader that came back, what
/// it missed. Without a parent page, when somebody opens the address itself, they call nothing: a link must not choose
/// which function of this server's own origin gets a message. The functions look the parent's functions up at each call, so the parent may define them after the
/// iframe has begun to load. Beside the callback these are, each only if the parent defines it:
///
/// | function | called with | when |
/// | --- | --- | --- |
/// | `comet_resume` | the verdict, as `gap 3-7`, and the position before the first message | once, in a document that resumes |
/// | `comet_gap` | the first and the last sequence skipped | a slow reader on a stream that drops |
/// | `comet_end` | `complete` or `rotate`, and the position | last |
#[must_use]
pub fn preamble(callback: &Callback, position: Position, resume: Resume) -> Vec<u8> {
    let mut html = String::with_capacity(PADDING + 1_024);
    html.push_str(
        "<!DOCTYPE html>\n<html><head><meta charset=\"utf-8\"><title>stream</title></head><body>\n",
    );
    let padding = PADDING.saturating_sub(html.len() + "<!--  -->\n".len());
    let _ = writeln!(html, "<!-- {:padding$} -->", "Padding, for browsers that hold back the beginning.");
    let _ = writeln!(
        html,
        "<script type=\"text/javascript\">\n\
         function comet_update(value, position) {{\n  \
         if (window.parent !== window) window.parent.{}(value, position);\n}}\n\
         function comet_call(name, a, b) {{\n  var f = window.parent !== window && window.parent[name];\n  \
         if (typeof f === \"function\") f(a, b);\n}}\n\
         </script>",
        callback.0
    );
    if resume != Resume::Fresh {
        let _ = writeln!(
            html,
            "<script type=\"text/javascript\">comet_call(\"comet_resume\", \"{resume}\", \"{position}\");</script>"
        );
    }
    html.into_bytes()
}

/// One message: a call with the value and its position, or null for a direct message, which has none.
pub(crate) fn message(json: &[u8], position: Option<Position>, out: &mut Vec<u8>) {
    out.extend_from_slice(b"<script type=\"text/javascript\">comet_update(");
    match names_a_prototype(json).then(|| std::str::from_utf8(json)) {
        Some(Ok(text)) => {
            out.extend_from_slice(b"JSON.parse(");
            escape(serde_json::Value::from(text).to_string().as_bytes(), out);
            out.push(b')');
        }
        _ => escape(json, out),
    }
    match position {
        Some(position) => out.extend_from_slice(format!(", \"{position}\");</script>\n").as_bytes()),
        None => out.extend_from_slice(b", null);</script>\n"),
    }
}

/// Tells the parent page what was skipped.
pub(crate) fn gap(from: u64, to: Position, out: &mut Vec<u8>) {
    let to = to.sequence;
    let call =
        format!("<script type=\"text/javascript\">comet_call(\"comet_gap\", {from}, {to});</script>\n");
    out.extend_from_slice(call.as_bytes());
}

/// Tells the parent page, and completes the document.
pub(crate) fn farewell(why: Farewell, position: Position, out: &mut Vec<u8>) {
    let why = why.as_str();
    let call = format!(
        "<script type=\"text/javascript\">comet_call(\"comet_end\", \"{why}\", \"{position}\");</script>\n\
         </body></html>\n"
    );
    out.extend_from_slice(call.as_bytes());
}

/// Whether a key may be `__proto__`, in whatever spelling: in JSON it is a key as any other, in a program it sets an
/// object's prototype, and twice is an error. A text that holds it is taken for one, too.
fn names_a_prototype(json: &[u8]) -> bool {
    json.windows(9).any(|window| window == b"__proto__" || window.starts_with(b"\\u00"))
}

/// Makes JSON safe inside a script tag, where two languages read it.
///
/// HTML ends the script at `</script` and changes its mind about the rest at `<!--`, whatever JavaScript
/// thinks; JavaScript before 2019 takes U+2028 and U+2029 for line ends inside a string. In JSON all of them
/// can stand only inside strings, where an escape means the same. `>` and `&` are escaped for readers that
/// treat the document as XML.
fn escape(json: &[u8], out: &mut Vec<u8>) {
    out.reserve(json.len());
    let mut rest = json;
    while let Some(at) = rest.iter().position(|b| matches!(b, b'<' | b'>' | b'&' | 0xe2)) {
        let (plain, special) = rest.split_at(at);
        out.extend_from_slice(plain);
        let (escaped, used): (&[u8], usize) = match special {
            [b'<', ..] => (b"\\u003c", 1),
            [b'>', ..] => (b"\\u003e", 1),
            [b'&', ..] => (b"\\u0026", 1),
            [0xe2, 0x80, 0xa8, ..] => (b"\\u2028", 3),
            [0xe2, 0x80, 0xa9, ..] => (b"\\u2029", 3),
            other => (&other[..1], 1),
        };
        out.extend_from_slice(escaped);
        rest = &special[used..];
    }
    out.extend_from_slice(rest);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::position::Epoch;
    use proptest::prelude::*;

    const POSITION: Position = Position { epoch: Epoch::new(0xab), sequence: 7 };

    fn escaped(value: &str) -> String {
        let mut out = Vec::new();
        escape(&serde_json::to_vec(value).unwrap(), &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_message_is_one_call_with_value_and_position() {
        let mut out = Vec::new();
        message(br#"{"value":"Lorem"}"#, Some(POSITION), &mut out);
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "<script type=\"text/javascript\">comet_update({\"value\":\"Lorem\"}, \"ab:7\");</script>\n"
        );
    }

    /// As a program it would be an error, or set a prototype.
    #[test]
    fn a_key_named_proto_is_a_key() {
        for key in ["__proto__", "\\u005f_proto__"] {
            let json = format!(r#"{{"{key}":"<b>","a":1}}"#);
            let mut out = Vec::new();
            message(json.as_bytes(), None, &mut out);
            let script = String::from_utf8(out).unwrap();
            let text = script.split_once("comet_update(JSON.parse(").unwrap().1;
            let text = text.strip_suffix("), null);</script>\n").unwrap();
            assert!(!text.contains('<'));
            assert_eq!(serde_json::from_str::<String>(text).unwrap(), json);
        }
    }

    #[test]
    fn nothing_in_a_value_can_leave_the_script() {
        assert_eq!(escaped("</script><b>&"), r#""\u003c/script\u003e\u003cb\u003e\u0026""#);
        assert_eq!(escaped("<!--<script"), r#""\u003c!--\u003cscript""#);
        assert_eq!(escaped("a\u{2028}b\u{2029}c"), r#""a\u2028b\u2029c""#);
        // Neighbours of the two line separators stay as they are, also at the end.
        assert_eq!(escaped("\u{2027}\u{202a}€â"), "\"\u{2027}\u{202a}€â\"");
        assert_eq!(escaped("\0\n\r\"\\"), r#""\u0000\n\r\"\\""#);
    }

    proptest! {
        #[test]
        fn escaping_keeps_the_value_and_leaves_nothing_special(text in "(\\PC|[<>&\u{2028}\u{2029}\u{0}-\u{1f}/!-])*") {
            let script = escaped(&text);
            let special = ['<', '>', '&', '\u{2028}', '\u{2029}', '\n', '\r'];
            prop_assert!(!script.contains(special));
            prop_assert_eq!(serde_json::from_str::<String>(&script).unwrap(), text);
        }
    }

    #[test]
    fn a_callback_is_one_identifier() {
        for good in ["comet_update", "f", "$", "_x9", &"x".repeat(MAX_CALLBACK)] {
            assert!(Callback::new(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "9a",
            "a.b",
            "a b",
            "a(",
            "a;b",
            "a'",
            "</script>",
            "ä",
            "a\n",
            "eval",
            "setTimeout",
            "open",
            "postMessage",
            &"x".repeat(MAX_CALLBACK + 1),
        ] {
            assert_eq!(Callback::new(bad), Err(BadCallback), "{bad:?}");
        }
    }

    #[test]
    fn the_preamble_is_long_enough_and_names_the_callback() {
        let text =
            String::from_utf8(preamble(&Callback::new("show").unwrap(), POSITION, Resume::Fresh)).unwrap();
        assert!(text.len() >= PADDING);
        assert!(text.contains("if (window.parent !== window) window.parent.show(value, position);"));
        let padding = text.split("<!--").nth(1).unwrap().split("-->").next().unwrap();
        assert!(padding.len() > 1_024);
    }

    #[test]
    fn what_is_not_a_message_calls_a_function_of_its_own() {
        let text = |write: &dyn Fn(&mut Vec<u8>)| {
            let mut out = Vec::new();
            write(&mut out);
            String::from_utf8(out).unwrap()
        };
        let script = |call: &str| format!("<script type=\"text/javascript\">{call}</script>\n");
        assert_eq!(text(&|out| message(b"1", None, out)), script("comet_update(1, null);"));
        assert_eq!(text(&|out| gap(5, POSITION, out)), script("comet_call(\"comet_gap\", 5, 7);"));
        assert_eq!(
            text(&|out| farewell(Farewell::Rotate, POSITION, out)),
            script("comet_call(\"comet_end\", \"rotate\", \"ab:7\");") + "</body></html>\n"
        );
        let resumed = preamble(&Callback::default(), POSITION, Resume::Gap { from: 5, to: 7 });
        let told = script("comet_call(\"comet_resume\", \"gap 5-7\", \"ab:7\");");
        assert!(String::from_utf8(resumed).unwrap().ends_with(&told));
    }
}
