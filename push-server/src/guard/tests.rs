//! The rules asked, without HTTP.

use super::*;
use tokio::time::advance;

const READ: &str = "token-to-read-payroll";
const OLD: &str = "token-to-publish-old";
const NEW: &str = "token-to-publish-new";

fn tokens(texts: &[&str]) -> Tokens {
    Tokens::new(texts.iter().map(|text| Token::new(text).unwrap())).unwrap()
}

fn guard(limits: &Limits, change: impl FnOnce(&mut Rules)) -> Guard {
    let (guard, mut rules) = (Guard::new(limits), Rules::default());
    change(&mut rules);
    guard.replace(rules);
    guard
}

fn why(guard: &Guard, action: Action, stream: &str, token: Option<&str>) -> Option<Reason> {
    let token = token.and_then(|token| Token::given(token.as_bytes()));
    guard.permit(action, Some(stream), token.as_ref()).err().map(|denied| denied.why)
}

#[tokio::test]
async fn each_list_is_for_one_thing_and_a_token_can_be_changed() {
    use Action::{Publish, Send, Subscribe};
    let guard = guard(&Limits::default(), |rules| {
        rules.publish = tokens(&[OLD, NEW]);
        let mut open = StreamRule::new("payroll-open".parse().unwrap());
        open.publishes = Some(Rate::new(1, 1));
        let mut rule = StreamRule::new("payroll-*".parse().unwrap());
        rule.subscribe = tokens(&[READ]);
        rules.streams = vec![open, rule];
    });
    for (action, stream, token, expected) in [
        (Publish, "news", None, Some(Reason::TokenMissing)),
        (Publish, "news", Some(OLD), None),
        (Publish, "news", Some(NEW), None),
        (Publish, "news", Some(READ), Some(Reason::TokenScope)),
        (Publish, "news", Some("nobody-knows-this-one"), Some(Reason::TokenWrong)),
        (Publish, "news", Some(""), Some(Reason::TokenWrong)),
        (Subscribe, "news", None, None),
        (Subscribe, "news", Some("nobody-knows-this-one"), None),
        (Subscribe, "payroll-1", None, Some(Reason::TokenMissing)),
        (Subscribe, "payroll-1", Some(READ), None),
        (Subscribe, "payroll-1", Some(NEW), Some(Reason::TokenScope)),
        (Subscribe, "payroll-1", Some("nobody-knows-this-one"), Some(Reason::TokenWrong)),
        // The first that fits, and no other.
        (Subscribe, "payroll-open", None, None),
        // Who sends publishes.
        (Send, "payroll-1", None, Some(Reason::TokenMissing)),
        (Send, "payroll-1", Some(READ), Some(Reason::TokenScope)),
        (Send, "payroll-1", Some(NEW), None),
    ] {
        assert_eq!(why(&guard, action, stream, token), expected, "{action:?} {stream} {token:?}");
    }
    // The old one is taken away.
    let mut rules = Rules::clone(&guard.rules());
    rules.publish = tokens(&[NEW]);
    guard.replace(rules);
    assert_eq!(why(&guard, Publish, "news", Some(OLD)), Some(Reason::TokenWrong));
    assert_eq!(why(&guard, Publish, "news", Some(NEW)), None);
}

/// A token for publishing would be asked in vain, if whoever comes could send to all instead.
#[tokio::test]
async fn who_sends_is_asked_as_who_publishes_unless_told_otherwise() {
    const SEND: &str = "token-to-send-messages";
    let (missing, scope, forbidden) =
        (Some(Reason::TokenMissing), Some(Reason::TokenScope), Some(Reason::Forbidden));
    for (publish, send, senders, [nobody, publisher, sender]) in [
        (&[][..], &[][..], Senders::Permitted, [None; 3]),
        (&[NEW], &[], Senders::Permitted, [missing, None, Some(Reason::TokenWrong)]),
        (&[NEW], &[SEND], Senders::Permitted, [missing, scope, None]),
        (&[], &[SEND], Senders::Permitted, [missing, Some(Reason::TokenWrong), None]),
        (&[NEW], &[], Senders::Anybody, [None; 3]),
        (&[NEW], &[SEND], Senders::Anybody, [missing, scope, None]),
        (&[NEW], &[SEND], Senders::Nobody, [forbidden; 3]),
        (&[], &[], Senders::Nobody, [forbidden; 3]),
    ] {
        let guard = guard(&Limits::default(), |rules| {
            (rules.publish, rules.send, rules.senders) = (tokens(publish), tokens(send), senders);
        });
        let asked = [None, Some(NEW), Some(SEND)].map(|token| why(&guard, Action::Send, "news", token));
        assert_eq!(asked, [nobody, publisher, sender], "{publish:?} {send:?} {senders:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn publishers_and_streams_have_rates_of_their_own() {
    let guard = guard(&Limits::default(), |rules| {
        rules.rates.publishes = Rate::new(1, 3);
        rules.rates.stream_publishes = Rate::new(10, 2);
        let mut rule = StreamRule::new("slow".parse().unwrap());
        rule.publishes = Some(Rate::new(1, 1));
        rules.streams = vec![rule];
    });
    let one = || Party::address([10, 0, 0, 1].into());
    assert_eq!(guard.publish(one(), 3), Ok(()));
    let denied = guard.publish(one(), 1).unwrap_err();
    assert_eq!((denied.why, denied.wait), (Reason::PublishRate, Some(Duration::from_secs(1))));
    assert_eq!(guard.publish(Party::token(&Token::new(OLD).unwrap()), 1), Ok(()), "another");
    let to = |stream: &str| guard.publish_to(&stream.parse().unwrap(), 1).map_err(|denied| denied.wait);
    assert_eq!((to("slow"), to("slow")), (Ok(()), Err(Some(Duration::from_secs(1)))));
    assert_eq!((to("news"), to("news")), (Ok(()), Ok(())));
    assert_eq!(to("news"), Err(Some(Duration::from_millis(100))));
    // Another rate counts at once, and what was counted stays.
    let mut rules = Rules::clone(&guard.rules());
    rules.rates.publishes = Rate::new(100, 3);
    guard.replace(rules);
    advance(Duration::from_millis(100)).await;
    assert!(guard.publish(one(), 1).is_err());
    advance(Duration::from_secs(3)).await;
    assert_eq!(guard.publish(one(), 1), Ok(()));
}

#[tokio::test(start_paused = true)]
async fn an_address_has_so_many_connections_and_comes_so_often() {
    let limits = Limits { connections_per_address: 2, ..Limits::default() };
    let guard = guard(&limits, |rules| rules.rates.connects = Rate::new(1, 3));
    let connect = |address: &str| guard.connect(address.parse().unwrap());
    let held = [connect("10.0.0.1").unwrap(), connect("10.0.0.1").unwrap()];
    assert_eq!(connect("10.0.0.1").unwrap_err().why, Reason::AddressConnections);
    assert!(connect("10.0.0.2").is_ok());
    drop(held);
    assert!(connect("10.0.0.1").is_ok());
    let denied = connect("10.0.0.1").unwrap_err();
    assert_eq!((denied.why, denied.wait), (Reason::ConnectRate, Some(Duration::from_secs(1))));
    // Who was refused by the rate holds no place.
    advance(Duration::from_secs(60)).await;
    assert!(connect("10.0.0.1").is_ok());
    // Of IPv6, a network.
    for host in 0..3 {
        assert!(connect(&format!("2001:db8::{host}")).is_ok());
    }
    assert!(connect("2001:db8::9").is_err());
}
