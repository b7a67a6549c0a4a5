//! `Accept`: which of several forms a client likes best (RFC 9110, section 12.5.1).
//!
//! By hand, though there is a crate, `headers-accept` (0.3): it refuses a whole field for one element that it does not
//! know, and among these is the `*; q=.2` that Java's `URLConnection` sends by itself; and among forms that are liked
//! equally it takes the first that the client names, where the contract here is the first that we name.

use http::{HeaderMap, header};

/// One element of `Accept`.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Range<'a> {
    kind: &'a str,
    subtype: &'a str,
    quality: f32,
}

impl<'a> Range<'a> {
    /// Nothing, if this is no range. Parameters other than `q` are passed over: none of our types has a meaning that
    /// depends on one.
    fn parse(text: &'a str) -> Option<Self> {
        let mut parts = text.split(';').map(str::trim);
        let (kind, subtype) = match parts.next()? {
            // Java's URLConnection says so.
            "*" => ("*", "*"),
            range => range.split_once('/')?,
        };
        let quality = parts.find_map(|parameter| {
            let (name, value) = parameter.split_once('=')?;
            name.trim().eq_ignore_ascii_case("q").then(|| value.trim())
        });
        let quality = match quality {
            None => 1.0,
            Some(quality) => quality.parse().ok().filter(|quality| (0.0..=1.0).contains(quality))?,
        };
        Some(Self { kind, subtype, quality })
    }

    /// How closely it names `media_type`: the more, the closer; nothing if it does not.
    fn names(&self, media_type: &str) -> Option<u8> {
        let (kind, subtype) = media_type.split_once('/')?;
        match (self.kind, self.subtype) {
            ("*", "*") => Some(0),
            (own, "*") if own.eq_ignore_ascii_case(kind) => Some(1),
            (own, of) if own.eq_ignore_ascii_case(kind) && of.eq_ignore_ascii_case(subtype) => Some(2),
            _ => None,
        }
    }
}

/// The offer, a media type and what it stands for, that the client likes best; the first among equals. Nothing if it
/// takes none of them. Who says nothing takes everything, and so does who says nothing that can be understood.
pub(super) fn choose<T: Copy>(headers: &HeaderMap, offers: &[(&str, T)]) -> Option<T> {
    let fields = headers.get_all(header::ACCEPT).iter().filter_map(|field| field.to_str().ok());
    let ranges: Vec<_> = fields.flat_map(|field| field.split(',')).filter_map(Range::parse).collect();
    if ranges.is_empty() {
        return offers.first().map(|offer| offer.1);
    }
    let mut best: Option<(f32, T)> = None;
    for (media_type, offer) in offers {
        let closest = ranges.iter().filter_map(|range| Some((range.names(media_type)?, range.quality)));
        // The last among equally close ones.
        let quality = closest.max_by_key(|(closeness, _)| *closeness).map_or(0.0, |(_, quality)| quality);
        if quality > best.map_or(0.0, |(best, _)| best) {
            best = Some((quality, *offer));
        }
    }
    best.map(|(_, offer)| offer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;
    use proptest::prelude::*;

    const OFFERS: [(&str, &str); 3] = [
        ("text/event-stream", "sse"),
        ("application/x-hessian", "hessian"),
        ("application/json", "longpoll"),
    ];

    fn chosen(accept: &[&str]) -> Option<&'static str> {
        let mut headers = HeaderMap::new();
        for field in accept {
            headers.append(header::ACCEPT, HeaderValue::from_str(field).unwrap());
        }
        choose(&headers, &OFFERS)
    }

    #[test]
    fn the_best_liked_is_chosen_and_the_first_among_equals() {
        for (accept, expected) in [
            (&[][..], Some("sse")),
            (&["*/*"], Some("sse")),
            (&["*; q=.2"], Some("sse")),
            (&["application/json"], Some("longpoll")),
            (&["Application/JSON; charset=utf-8"], Some("longpoll")),
            (&["application/*"], Some("hessian")),
            (&["application/json, application/x-hessian"], Some("hessian")),
            (&["application/x-hessian;q=0.5, application/json"], Some("longpoll")),
            (&["application/x-hessian;q=0.5", "application/json ; Q=0.4"], Some("hessian")),
            (&["*/*, text/event-stream;q=0"], Some("hessian")),
            (&["application/*;q=0.9, application/x-hessian;q=0.1, */*;q=0.2"], Some("longpoll")),
            (&["image/png"], None),
            (&["*/*;q=0"], None),
            (&["text/*;q=0.001"], Some("sse")),
            // What cannot be understood is passed over.
            (&["nonsense, application/json"], Some("longpoll")),
            (&["application/json;q=2, application/x-hessian"], Some("hessian")),
            (&["application/json;q=NaN, application/x-hessian"], Some("hessian")),
            (&[""], Some("sse")),
            (&[",;,/"], None),
        ] {
            assert_eq!(chosen(accept), expected, "{accept:?}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_said_is_answered(accept in "[ -~]{0,80}") {
            let _ = chosen(&[&accept]);
        }

        #[test]
        fn the_one_named_alone_is_chosen(index in 0..3usize, quality in 1..=1_000u32) {
            let (media_type, expected) = OFFERS[index];
            let accept = format!("{media_type};q={}", f64::from(quality) / 1_000.0);
            prop_assert_eq!(chosen(&[&accept]), Some(expected));
        }
    }
}
