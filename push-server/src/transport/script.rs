//! Script tags into a hidden iframe, the "forever iframe": browsers run each tag as it arrives.
//!
//! Source of the form: Caucho's tutorial "server-push servlet", whose page defines `comet_update(value)` and
//! whose stream calls it. Here the tags call a function of the iframe's own document that hands on to the
//! parent page, so that all connections share the same bytes whatever the parent calls its function.

use std::fmt::Write as _;

use crate::position::Position;

/// The media type of the document. The charset is fixed: `message` escapes what is dangerous in UTF-8.
pub const CONTENT_TYPE: &str = "text/html; charset=utf-8";

/// The function of the parent page that gets each value, unless the request names another.
pub const DEFAULT_CALLBACK: &str = "comet_update";

/// Longest name of a callback, in bytes.
pub const MAX_CALLBACK: usize = 64;

/// A line feed between tags: browsers add it to the text node before it and draw nothing.
pub const HEARTBEAT: &[u8] = b"\n";

/// Tells the parent page, if it defines `comet_end`, and completes the document.
pub const FAREWELL: &[u8] =
    b"<script type=\"text/javascript\">comet_end(\"complete\");</script>\n</body></html>\n";

/// Bytes of the preamble at least. Browsers hold back the first bytes of a document to guess its type and
/// encoding: 256 in old Internet Explorer, 1 KiB in WebKit and Chromium, some antivirus proxies more.
pub const PADDING: usize = 2_048;

/// A checked name of a JavaScript function of the parent page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Callback(Box<str>);

/// The text is no name of a callback.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a callback is 1 to {MAX_CALLBACK} letters, digits, '_' and '$', not starting with a digit")]
pub struct BadCallback;

impl Callback {
    /// Accepts one ASCII identifier. No dots: a path like `document.forms.0.submit` would let a foreign page
    /// that frames this URL call any method of ours.
    ///
    /// # Errors
    ///
    /// [`BadCallback`] for anything else.
    pub fn new(name: &str) -> Result<Self, BadCallback> {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'$');
        let fits = (1..=MAX_CALLBACK).contains(&name.len());
        if fits && !name.as_bytes()[0].is_ascii_digit() && name.bytes().all(allowed) {
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

/// The beginning of the document: padding, and the two functions that the tags call. They look the parent's
/// functions up at each call, so the parent may define them after the iframe has begun to load.
#[must_use]
pub fn preamble(callback: &Callback) -> Vec<u8> {
    let mut html = String::with_capacity(PADDING + 512);
    html.push_str(
        "<!DOCTYPE html>\n<html><head><meta charset=\"utf-8\"><title>stream</title></head><body>\n",
    );
    let padding = PADDING.saturating_sub(html.len() + "<!--  -->\n".len());
    let _ = writeln!(html, "<!-- {:padding$} -->", "Padding, for browsers that hold back the beginning.");
    let _ = writeln!(
        html,
        "<script type=\"text/javascript\">\n\
         function comet_update(value, position) {{ window.parent.{}(value, position); }}\n\
         function comet_end(reason) {{\n  var end = window.parent.comet_end;\n  \
         if (typeof end === \"function\") end(reason);\n}}\n\
         </script>",
        callback.0
    );
    html.into_bytes()
}

/// One message: a call with the value and its position.
pub(crate) fn message(json: &[u8], position: Position, out: &mut Vec<u8>) {
    out.extend_from_slice(b"<script type=\"text/javascript\">comet_update(");
    escape(json, out);
    out.extend_from_slice(format!(", \"{position}\");</script>\n").as_bytes());
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

    fn escaped(value: &str) -> String {
        let mut out = Vec::new();
        escape(&serde_json::to_vec(value).unwrap(), &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_message_is_one_call_with_value_and_position() {
        let mut out = Vec::new();
        let position = Position { epoch: Epoch::new(0xab), sequence: 7 };
        message(br#"{"value":"Lorem"}"#, position, &mut out);
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "<script type=\"text/javascript\">comet_update({\"value\":\"Lorem\"}, \"ab:7\");</script>\n"
        );
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
            &"x".repeat(MAX_CALLBACK + 1),
        ] {
            assert_eq!(Callback::new(bad), Err(BadCallback), "{bad:?}");
        }
    }

    #[test]
    fn the_preamble_is_long_enough_and_names_the_callback() {
        let text = String::from_utf8(preamble(&Callback::new("show").unwrap())).unwrap();
        assert!(text.len() >= PADDING);
        assert!(text.contains("window.parent.show(value, position)"));
        let padding = text.split("<!--").nth(1).unwrap().split("-->").next().unwrap();
        assert!(padding.len() > 1_024);
    }
}
