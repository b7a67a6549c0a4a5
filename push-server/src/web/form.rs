//! The parameters of `/serverComet.message`, as a form writes them.

use http::{HeaderMap, header};
use percent_encoding::percent_decode;

/// A message in the form of the framework. Empty ids are none: pages wrote them so.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Form {
    pub(super) stream_id: String,
    pub(super) client_id: Option<String>,
    pub(super) client: Option<String>,
    pub(super) message: String,
}

/// Whether a body is a form by its type.
pub(super) fn is_form(headers: &HeaderMap) -> bool {
    let media_type = headers.get(header::CONTENT_TYPE).and_then(|field| field.to_str().ok()).unwrap_or("");
    let essence = media_type.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/x-www-form-urlencoded")
        && !headers.contains_key(header::CONTENT_ENCODING)
}

impl Form {
    /// Reads all `parts`, the query and the body, as one: servlets know no difference. Others are passed over: pages add
    /// `&_=123` so that no cache answers. Each value is copied once.
    ///
    /// The reading that browsers do is lenient: what is no UTF-8 becomes U+FFFD, and the first of two wins. Here both are
    /// refused, so that what is handled is what was sent.
    pub(super) fn read(parts: &[&[u8]]) -> Result<Self, String> {
        let (mut stream, mut client_id, mut client, mut message) = (None, None, None, None);
        let pairs = parts.iter().flat_map(|part| part.split(|byte| *byte == b'&'));
        for pair in pairs.filter(|pair| !pair.is_empty()) {
            let mut halves = pair.splitn(2, |byte| *byte == b'=');
            let (name, value) = (halves.next().unwrap_or_default(), halves.next().unwrap_or_default());
            let Ok(name) = decode(name) else { continue };
            let place = match &*name {
                "streamId" => &mut stream,
                "clientId" => &mut client_id,
                "client" => &mut client,
                "message" => &mut message,
                _ => continue,
            };
            let value = decode(value)
                .map_err(|()| format!("{name}: escapes stand for bytes of UTF-8, which these are not."))?;
            if place.replace(value).is_some() {
                return Err(format!("{name} is given twice."));
            }
        }
        let missing = |name| {
            format!(
                "{name} is missing: a message is ?streamId=…&message=…, and &clientId=… if it is for one client."
            )
        };
        let none_if_empty = |id: Option<String>| id.filter(|id| !id.is_empty());
        Ok(Self {
            stream_id: stream.ok_or_else(|| missing("streamId"))?,
            client_id: none_if_empty(client_id),
            client: none_if_empty(client),
            message: message.ok_or_else(|| missing("message"))?,
        })
    }
}

/// One name or value: `+` is a blank, `%41` a byte.
fn decode(text: &[u8]) -> Result<String, ()> {
    let text: Vec<u8> = text.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
    let bytes = percent_decode(&text).collect();
    String::from_utf8(bytes).map_err(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(query: &str) -> Result<Form, String> {
        Form::read(&[query.as_bytes(), b""])
    }

    #[test]
    fn parameters_are_read_as_a_form_writes_them() {
        let form = read("streamId=news&clientId=ann&_=17&message=1+%2B%201%3D%262&client=bob").unwrap();
        assert_eq!((form.stream_id.as_str(), form.message.as_str()), ("news", "1 + 1=&2"));
        assert_eq!((form.client_id.as_deref(), form.client.as_deref()), (Some("ann"), Some("bob")));
        // In whichever part, and without a sign where there is nothing.
        let form = Form::read(&[b"streamId=news&clientId=", b"message"]).unwrap();
        assert_eq!(form, Form { stream_id: "news".into(), ..Form::default() });
        // A percent sign that begins no escape is one.
        assert_eq!(read("streamId=a&message=100%").unwrap().message, "100%");
    }

    #[test]
    fn what_is_missing_or_unclear_is_refused_by_name() {
        for (query, what) in [
            ("", "streamId is missing"),
            ("streamId=a", "message is missing"),
            ("message=a", "streamId is missing"),
            ("streamid=a&message=b", "streamId is missing"),
            ("streamId=a&message=b&message=c", "message is given twice"),
            ("streamId=a&message=b&%73treamId=a", "streamId is given twice"),
            ("streamId=a&message=%ff", "message: escapes stand for bytes of UTF-8"),
            ("streamId=a&message=%ed%a0%80", "message: escapes stand for bytes of UTF-8"),
            ("streamId=a&clientId=%c3&message=", "clientId: escapes"),
        ] {
            assert!(read(query).unwrap_err().starts_with(what), "{query}");
        }
    }

    proptest! {
        #[test]
        fn every_text_comes_as_it_was(message in "\\PC*", id in "[\\PC&&[^\0]]{1,9}") {
            let escape = |text: &str| percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string();
            let form = read(&format!("message={}&streamId={}", escape(&message), escape(&id)));
            prop_assert_eq!(form, Ok(Form { stream_id: id, message, ..Form::default() }));
        }
    }
}
