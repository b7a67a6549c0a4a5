//! Calls, replies and envelopes.

use super::limits;
use hessian::envelope::Envelope;
use hessian::rpc::{Call, Reply};

/// What is read is written and read again.
pub fn parse(data: &[u8]) {
    if let Ok((call, used)) = Call::parse(data, &limits()) {
        assert!(used <= data.len());
        assert!(call.arguments().len() <= hessian::rpc::MAX_ARGUMENTS);
        let mut out = Vec::new();
        call.write(&mut out).unwrap_or_else(|error| panic!("{error}: {call:?}"));
        let (again, used) = Call::parse(&out, &limits()).unwrap_or_else(|error| panic!("{error}: {call:?}"));
        assert_eq!((again.method(), used), (call.method(), out.len()));
        assert_eq!(again.values(), call.values());
        assert_eq!(again.headers().len(), call.headers().len());
        assert_eq!((again.form(), again.reply_form()), (call.form(), call.reply_form()));
    }
    if let Ok((reply, used)) = Reply::parse(data, &limits()) {
        assert!(used <= data.len());
        let mut out = Vec::new();
        reply.write(&mut out).unwrap_or_else(|error| panic!("{error}: {reply:?}"));
        let (again, used) =
            Reply::parse(&out, &limits()).unwrap_or_else(|error| panic!("{error}: {reply:?}"));
        assert_eq!(used, out.len());
        assert_eq!(again.values(), reply.values());
        match (reply.result(), again.result()) {
            (Ok(_), Ok(_)) => {}
            (Err(fault), Err(again)) => assert_eq!(fault.to_string(), again.to_string()),
            (result, again) => panic!("{result:?}, then {again:?}"),
        }
    }
    if let Ok((envelope, used)) = Envelope::parse(data, &limits()) {
        assert!(used <= data.len());
        let mut out = Vec::new();
        envelope.write(&mut out).unwrap_or_else(|error| panic!("{error}: {envelope:?}"));
        let (again, used) =
            Envelope::parse(&out, &limits()).unwrap_or_else(|error| panic!("{error}: {envelope:?}"));
        assert_eq!((again.body(), used), (envelope.body(), out.len()));
        if let Ok(inflated) = envelope.inflate(&limits()) {
            assert!(inflated.len() as u64 <= limits().max_inflated);
        }
    }
}
