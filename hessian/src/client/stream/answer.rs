//! What a server's response head says about a stream.

use super::backoff::LONGEST;
use super::event::Verdict;
use super::position::Position;
use http::{HeaderMap, StatusCode, header};
use std::time::{Duration, SystemTime};

/// A heartbeat that a server promises is taken for at least this, so that no server can make its clients come back
/// without a pause.
pub const LEAST_HEARTBEAT: Duration = Duration::from_millis(50);

/// … and for at most this, so that a dead stream is noticed whatever the server promised.
pub const LONGEST_HEARTBEAT: Duration = Duration::from_secs(3600);

/// What a head tells of positions, as `push-server` writes them.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// Before the first packet.
    pub(super) position: Option<Position>,
    /// Each packet is the next position.
    pub(super) counts: bool,
    pub(super) heartbeat: Option<Duration>,
    resume: Option<Resume>,
}

#[derive(Debug)]
enum Resume {
    Complete,
    Gap(u64, u64),
    EpochChanged,
}

impl Told {
    /// Reads the fields that are there. What is no position, time or verdict is passed over.
    pub(super) fn of(head: &HeaderMap) -> Self {
        let field = |name: &str| head.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
        Self {
            position: field("push-position").and_then(|position| position.parse().ok()),
            counts: field("push-counting") != Some("none"),
            heartbeat: field("push-heartbeat").and_then(seconds),
            resume: field("push-resume").and_then(|verdict| match verdict {
                "complete" => Some(Resume::Complete),
                "epoch-changed" => Some(Resume::EpochChanged),
                _ => {
                    let (from, to) = verdict.strip_prefix("gap ")?.split_once('-')?;
                    let (from, to) = (from.parse().ok()?, to.parse().ok()?);
                    (from <= to).then_some(Resume::Gap(from, to))
                }
            }),
        }
    }

    /// What became of the place that was asked for. Where the head contradicts itself, its position is believed: it is
    /// what packets are counted from.
    pub(super) fn verdict(&self, asked: Option<Position>, is_first: bool) -> Verdict {
        let Some(asked) = asked else { return if is_first { Verdict::Fresh } else { Verdict::Unknown } };
        match (&self.resume, self.position) {
            (Some(Resume::EpochChanged), _) => Verdict::NewEpoch,
            (_, Some(here)) if here.epoch != asked.epoch => Verdict::NewEpoch,
            (_, Some(here)) if here.sequence > asked.sequence => {
                Verdict::Gap { from: asked.sequence + 1, to: here.sequence }
            }
            (Some(Resume::Gap(from, to)), _) => Verdict::Gap { from: *from, to: *to },
            (_, Some(here)) if here == asked => Verdict::Complete,
            (Some(Resume::Complete), None) => Verdict::Complete,
            (_, _) => Verdict::Unknown,
        }
    }

    /// Where the first packet comes after: what the head says, else what its verdict means.
    pub(super) fn place(&self, asked: Option<Position>) -> Option<Position> {
        self.position.or_else(|| match self.resume {
            Some(Resume::Complete) => asked,
            Some(Resume::Gap(_, to)) => asked.map(|asked| Position { sequence: to, ..asked }),
            Some(Resume::EpochChanged) | None => None,
        })
    }
}

/// A time that a server promises, if it is one.
fn seconds(text: &str) -> Option<Duration> {
    let seconds: f64 = text.parse().ok()?;
    if seconds.is_nan() || seconds <= 0.0 {
        return None;
    }
    let time = Duration::try_from_secs_f64(seconds).unwrap_or(LONGEST_HEARTBEAT);
    Some(time.clamp(LEAST_HEARTBEAT, LONGEST_HEARTBEAT))
}

/// What a refusal means for the next attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    /// Asking again may help, later.
    Later,
    /// It has worked before, or has not: a server in the middle of being replaced says so for a while.
    Perhaps,
    /// Never.
    Never,
    /// The stream is over.
    Gone,
}

impl Refused {
    pub(super) fn by(status: StatusCode) -> Self {
        match status {
            StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY | StatusCode::TOO_MANY_REQUESTS => {
                Self::Later
            }
            StatusCode::GONE => Self::Gone,
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::PROXY_AUTHENTICATION_REQUIRED => {
                Self::Never
            }
            // These will never serve this request.
            StatusCode::NOT_IMPLEMENTED | StatusCode::HTTP_VERSION_NOT_SUPPORTED => Self::Never,
            status if status.is_server_error() => Self::Later,
            status if status.is_client_error() => Self::Perhaps,
            _ => Self::Never,
        }
    }
}

/// How long the server wants to be left alone, at most `longest`: seconds, or a date by its own clock if it tells it
/// (RFC 9110, section 10.2.3).
pub(super) fn retry_after(head: &HeaderMap, longest: Duration) -> Option<Duration> {
    let field = |name| head.get(name)?.to_str().ok().map(str::trim);
    let told = field(header::RETRY_AFTER)?;
    let wait = match told.bytes().all(|byte| byte.is_ascii_digit()) && !told.is_empty() {
        // Too many digits are a long time.
        true => told.parse().map_or(LONGEST, Duration::from_secs),
        false => {
            let until = httpdate::parse_http_date(told).ok()?;
            let date = field(header::DATE).and_then(|date| httpdate::parse_http_date(date).ok());
            until.duration_since(date.unwrap_or_else(SystemTime::now)).unwrap_or_default()
        }
    };
    Some(wait.min(longest).min(LONGEST))
}

/// Whether a response of this type can be a stream of packets: not what servers show to people, and not another
/// format. Java's servers say `x-application/hessian`, `application/octet-stream`, nothing, …
pub(super) fn may_be_packets(head: &HeaderMap) -> bool {
    let Some(media_type) = head.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()) else {
        return true;
    };
    let essence = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let (kind, subtype) = essence.split_once('/').unwrap_or((&essence, ""));
    let other = ["text", "image", "audio", "video", "font", "multipart"].contains(&kind);
    !(other || subtype.ends_with("json") || subtype.ends_with("xml"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(fields: &[(&'static str, &str)]) -> HeaderMap {
        fields.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn verdicts() {
        let asked: Position = "ab:7".parse().unwrap();
        for (resume, position, verdict) in [
            (Some("complete"), Some("ab:7"), Verdict::Complete),
            (Some("complete"), None, Verdict::Complete),
            (None, Some("ab:7"), Verdict::Complete),
            (Some("gap 8-9"), Some("ab:9"), Verdict::Gap { from: 8, to: 9 }),
            (Some("gap 8-9"), None, Verdict::Gap { from: 8, to: 9 }),
            (None, Some("ab:12"), Verdict::Gap { from: 8, to: 12 }),
            (Some("epoch-changed"), Some("cd:0"), Verdict::NewEpoch),
            (Some("epoch-changed"), Some("ab:3"), Verdict::NewEpoch),
            (Some("complete"), Some("cd:7"), Verdict::NewEpoch),
            (None, None, Verdict::Unknown),
            // What contradicts itself, and what is nonsense.
            (Some("complete"), Some("ab:9"), Verdict::Gap { from: 8, to: 9 }),
            (Some("complete"), Some("ab:3"), Verdict::Unknown),
            (Some("gap 8-9"), Some("ab:100"), Verdict::Gap { from: 8, to: 100 }),
            (Some("gap 9-8"), Some("ab:7"), Verdict::Complete),
            (Some("gap -"), None, Verdict::Unknown),
            (Some("gap 1-99999999999999999999"), None, Verdict::Unknown),
            (Some("yes"), Some("x"), Verdict::Unknown),
        ] {
            let fields = [("push-resume", resume), ("push-position", position)];
            let fields: Vec<_> = fields.iter().filter_map(|(name, value)| Some((*name, (*value)?))).collect();
            let told = Told::of(&head(&fields));
            assert_eq!(told.verdict(Some(asked), false), verdict, "{fields:?}");
            assert_eq!(told.verdict(None, true), Verdict::Fresh);
            assert_eq!(told.verdict(None, false), Verdict::Unknown);
        }
    }

    #[test]
    fn a_verdict_without_a_position_tells_the_place() {
        let asked: Option<Position> = "ab:7".parse().ok();
        for (fields, place) in [
            (&[("push-resume", "complete")][..], Some("ab:7")),
            (&[("push-resume", "gap 8-9")], Some("ab:9")),
            (&[("push-resume", "epoch-changed")], None),
            (&[], None),
            (&[("push-resume", "complete"), ("push-position", "cd:1")], Some("cd:1")),
        ] {
            let place = place.map(|place| place.parse().unwrap());
            assert_eq!(Told::of(&head(fields)).place(asked), place, "{fields:?}");
            assert!(fields.len() > 1 || Told::of(&head(fields)).place(None).is_none());
        }
    }

    #[test]
    fn heartbeats_are_bounded_times() {
        for (text, heartbeat) in [
            ("15", Some(Duration::from_secs(15))),
            ("0.25", Some(Duration::from_millis(250))),
            ("0.0001", Some(LEAST_HEARTBEAT)),
            ("1e300", Some(LONGEST_HEARTBEAT)),
            ("inf", Some(LONGEST_HEARTBEAT)),
            ("0", None),
            ("-1", None),
            ("NaN", None),
            ("soon", None),
            ("", None),
        ] {
            assert_eq!(Told::of(&head(&[("push-heartbeat", text)])).heartbeat, heartbeat, "{text:?}");
        }
    }

    #[test]
    fn retry_after_is_a_bounded_time_or_a_date() {
        let longest = Duration::from_secs(300);
        let date = "Sun, 06 Nov 1994 08:49:37 GMT";
        for (told, date, wait) in [
            ("7", None, Some(7)),
            ("0", None, Some(0)),
            ("999999999999999999999999", None, Some(300)),
            ("Sun, 06 Nov 1994 08:50:07 GMT", Some(date), Some(30)),
            ("Sun, 06 Nov 1994 08:00:00 GMT", Some(date), Some(0)),
            ("Sun, 06 Nov 1994 08:50:07 GMT", None, Some(0)),
            ("Thu, 06 Nov 2994 08:50:07 GMT", None, Some(300)),
            ("-1", None, None),
            ("", None, None),
            ("soon", None, None),
        ] {
            let mut head = head(&[("retry-after", told)]);
            if let Some(date) = date {
                head.insert("date", date.parse().unwrap());
            }
            assert_eq!(retry_after(&head, longest), wait.map(Duration::from_secs), "{told:?}");
        }
        assert_eq!(retry_after(&HeaderMap::new(), longest), None);
    }

    #[test]
    fn statuses() {
        for (status, refused) in [
            (400, Refused::Perhaps),
            (401, Refused::Never),
            (403, Refused::Never),
            (404, Refused::Perhaps),
            (408, Refused::Later),
            (410, Refused::Gone),
            (429, Refused::Later),
            (500, Refused::Later),
            (501, Refused::Never),
            (502, Refused::Later),
            (503, Refused::Later),
            (301, Refused::Never),
            (204, Refused::Never),
        ] {
            assert_eq!(Refused::by(StatusCode::from_u16(status).unwrap()), refused, "{status}");
        }
    }

    #[test]
    fn pages_and_json_are_no_packets() {
        for (media_type, may) in [
            ("application/x-hessian", true),
            ("x-application/hessian", true),
            ("application/octet-stream", true),
            ("application/hessian;charset=x", true),
            ("odd", true),
            ("text/html; charset=utf-8", false),
            ("TEXT/plain", false),
            ("application/json", false),
            ("application/problem+json", false),
            ("application/soap+xml", false),
        ] {
            assert_eq!(may_be_packets(&head(&[("content-type", media_type)])), may, "{media_type}");
        }
        assert!(may_be_packets(&HeaderMap::new()));
    }
}
