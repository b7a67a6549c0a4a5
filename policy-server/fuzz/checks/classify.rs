//! The verdict on a connection depends on its bytes alone: not on how they are cut, nor on what follows.

use policy_server::port::{REQUEST, REQUEST_MAX, REQUEST_WITH_BLANK, Verdict, classify};

pub(crate) fn check(bytes: &[u8]) {
    let whole = classify(bytes);
    let is_request = bytes.starts_with(REQUEST) || bytes.starts_with(REQUEST_WITH_BLANK);
    assert_eq!(whole == Verdict::Policy, is_request);

    // Byte by byte the first decision is the decision.
    let decided = (0..=bytes.len()).map(|n| classify(&bytes[..n])).find(|v| *v != Verdict::NeedMore);
    assert_eq!(decided.unwrap_or(Verdict::NeedMore), whole);
    if bytes.len() >= REQUEST_MAX {
        assert_ne!(whole, Verdict::NeedMore);
    }
    if let Verdict::Mismatch { at } = whole {
        assert_eq!(classify(&bytes[..at]), Verdict::NeedMore);
    }
}
