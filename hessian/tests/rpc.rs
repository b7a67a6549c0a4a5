//! Calls, replies and faults of typed values, in both forms.

use hessian::rpc::{self, Call, Form, MAX_ARGUMENTS, MAX_HEADERS, Reply};
use hessian::{ErrorKind, Limits};
use serde::Serialize;

const FORMS: [Form; 2] = [Form::One, Form::Two];

#[derive(Serialize)]
#[serde(rename = "example.Point")]
struct Point {
    x: i32,
    y: i32,
}

fn limit_of(error: &hessian::Error) -> &'static str {
    match error.kind() {
        ErrorKind::Limit { limit, .. } => limit,
        other => panic!("a limit expected, found {other}"),
    }
}

#[test]
fn calls_are_those_of_java() {
    let mut out = Vec::new();
    rpc::write_call(Form::Two, "methodNull", &(), &mut out).unwrap();
    assert_eq!(out, b"H\x02\x00C\x0amethodNull\x90");
    out.clear();
    rpc::write_call(Form::One, "add", &(1, 2), &mut out).unwrap();
    assert_eq!(out, b"c\x01\x00m\x00\x03addI\x00\x00\x00\x01I\x00\x00\x00\x02z");
}

#[test]
fn arguments_share_their_classes() {
    for form in FORMS {
        let mut out = b"before".to_vec();
        let points = (Point { x: 1, y: 2 }, [Point { x: 3, y: 4 }], "語");
        rpc::write_call(form, "draw", &points, &mut out).unwrap();
        let bytes = &out[6..];
        let (call, used) = Call::parse(bytes, &Limits::new()).unwrap();
        assert_eq!((call.form(), call.method(), used), (form, "draw", bytes.len()));
        assert_eq!(call.reply_form(), form);
        let arguments: Vec<_> = call.arguments().collect();
        assert_eq!(arguments.len(), 3);
        assert_eq!(arguments[0].type_name(), Some("example.Point"));
        assert_eq!(arguments[1].pointer("/0/y").unwrap().as_i64(), Some(4));
        assert_eq!(arguments[2].as_str(), Some("語"));
        let definitions = bytes.windows(13).filter(|window| *window == b"example.Point").count();
        assert_eq!(definitions, if form == Form::Two { 1 } else { 2 }, "{form:?}");
        for cut in 0..bytes.len() {
            assert!(Call::parse(&bytes[..cut], &Limits::new()).unwrap_err().is_incomplete(), "{cut}");
        }
    }
}

#[test]
fn the_default_java_client_wants_hessian_2_back() {
    let (call, _) = Call::parse(b"c\x02\x00m\x00\x04nonez", &Limits::new()).unwrap();
    assert_eq!((call.form(), call.reply_form()), (Form::One, Form::Two));
    let (call, _) = Call::parse(b"c\x00\x01m\x00\x04nonez", &Limits::new()).unwrap();
    assert_eq!((call.form(), call.reply_form()), (Form::One, Form::One));
}

#[test]
fn headers_come_before_the_arguments_and_share_their_references() {
    let bytes = b"c\x01\x00H\x00\x01aVzH\x00\x01bR\x00\x00\x00\x00m\x00\x01mR\x00\x00\x00\x00z";
    let (call, used) = Call::parse(bytes, &Limits::new()).unwrap();
    assert_eq!(used, bytes.len());
    let headers: Vec<_> = call.headers().map(|(name, value)| (name, value.id())).collect();
    assert_eq!(headers.len(), 2);
    assert_eq!((headers[0].0, headers[1].0), ("a", "b"));
    let argument = call.arguments().next().unwrap().id();
    assert!(argument.is_some() && headers.iter().all(|(_, id)| *id == argument));
    let mut again = Vec::new();
    call.write(&mut again).unwrap();
    assert_eq!(again, bytes);
}

#[test]
fn replies_and_faults() {
    for form in FORMS {
        let mut out = Vec::new();
        rpc::write_reply(form, &Some([1.5]), &mut out).unwrap();
        let (reply, used) = Reply::parse(&out, &Limits::new()).unwrap();
        assert_eq!((reply.form(), used), (form, out.len()));
        assert_eq!(reply.result().unwrap().index(0).unwrap().as_f64(), Some(1.5));

        for detail in [None, Some(Point { x: 1, y: 2 })] {
            let mut out = Vec::new();
            rpc::write_fault(form, "ServiceException", "no <luck>", detail.as_ref(), &mut out).unwrap();
            let (reply, used) = Reply::parse(&out, &Limits::new()).unwrap();
            assert_eq!(used, out.len());
            let fault = reply.result().unwrap_err();
            assert_eq!(fault.to_string(), "ServiceException: no <luck>");
            assert_eq!(fault.detail().and_then(|detail| detail.type_name()), detail.map(|_| "example.Point"));
            for cut in 0..out.len() {
                assert!(Reply::parse(&out[..cut], &Limits::new()).unwrap_err().is_incomplete(), "{cut}");
            }
        }
    }
}

#[test]
fn what_cannot_be_written_leaves_no_trace() {
    for form in FORMS {
        let mut out = b"before".to_vec();
        rpc::write_call(form, "m", &(1, u64::MAX), &mut out).unwrap_err();
        rpc::write_reply(form, &u64::MAX, &mut out).unwrap_err();
        rpc::write_fault(form, "c", "m", Some(&u64::MAX), &mut out).unwrap_err();
        assert_eq!(out, b"before");
    }
    let mut out = Vec::new();
    rpc::write_call(Form::One, &"m".repeat(0x1_0000), &(), &mut out).unwrap_err();
    assert!(out.is_empty());
}

#[test]
fn arguments_headers_and_names_have_limits() {
    let call = |count: usize| [b"c\x01\x00m\x00\x01m", &*b"N".repeat(count), b"z"].concat();
    let bytes = call(MAX_ARGUMENTS);
    assert_eq!(Call::parse(&bytes, &Limits::new()).unwrap().0.arguments().len(), MAX_ARGUMENTS);
    assert_eq!(
        limit_of(&Call::parse(&call(MAX_ARGUMENTS + 1), &Limits::new()).unwrap_err()),
        "MAX_ARGUMENTS"
    );
    assert_eq!(
        limit_of(&Call::parse(b"H\x02\x00C\x01m\xc9\x00", &Limits::new()).unwrap_err()),
        "MAX_ARGUMENTS"
    );
    let kind = ErrorKind::NegativeLength(-1);
    assert_eq!(Call::parse(b"H\x02\x00C\x01m\x8f", &Limits::new()).unwrap_err().kind(), &kind);

    let headers = |count: usize| [b"c\x01\x00", &*b"H\x00\x01hN".repeat(count), b"m\x00\x01mz"].concat();
    assert_eq!(Call::parse(&headers(MAX_HEADERS), &Limits::new()).unwrap().0.headers().len(), MAX_HEADERS);
    assert_eq!(limit_of(&Call::parse(&headers(MAX_HEADERS + 1), &Limits::new()).unwrap_err()), "MAX_HEADERS");

    let mut limits = Limits::new();
    limits.max_name = 3;
    assert_eq!(limit_of(&Call::parse(b"c\x01\x00m\x00\x04none", &limits).unwrap_err()), "max_name");
    assert!(Call::parse(b"H\x02\x00C\x04none\x90", &limits).unwrap_err().is_limit());
    assert_eq!(Call::parse(b"H\x02\x00C\x03non\x90", &limits).unwrap().0.method(), "non");
}

#[test]
fn errors_tell_the_byte_of_the_message() {
    for (bytes, offset) in [
        (&b"P\x02\x00"[..], 0),
        (b"H\x02\x00D", 3),
        (b"H\x02\x00C\x90", 4),
        (b"H\x02\x00C\x01m\x4e", 6),
        (b"H\x02\x00C\x01m\x92\x90\x40", 8),
        (b"c\x01\x00n", 3),
        (b"c\x01\x00m\x00\x01\xff", 4),
        (b"c\x01\x00m\x00\x01mI\x00\x00\x00\x00\xff", 12),
    ] {
        let error = Call::parse(bytes, &Limits::new()).unwrap_err();
        assert!(error.is_malformed(), "{error}");
        assert_eq!(error.offset(), Some(offset), "{error}: {bytes:02x?}");
    }
    let error = Reply::parse(b"H\x02\x00F\x90", &Limits::new()).unwrap_err();
    assert_eq!(error.offset(), Some(4), "{error}");
}

#[test]
fn replies_are_read_into_types_without_a_copy() {
    for form in FORMS {
        let mut out = Vec::new();
        rpc::write_reply(form, &("text", [1, 2]), &mut out).unwrap();
        let len = out.len();
        out.extend_from_slice(b"behind");
        let limits = Limits::new();
        let (value, used) = rpc::read_reply::<(&str, (i32, i32))>(&out, &limits).unwrap();
        let (text, numbers) = value.unwrap();
        assert_eq!((text, numbers, used), ("text", (1, 2), len));
        assert!(out.as_ptr_range().contains(&text.as_ptr()));
        for cut in 0..len {
            let error = rpc::read_reply::<(&str, (i32, i32))>(&out[..cut], &limits).unwrap_err();
            assert!(error.is_incomplete(), "{form:?} {cut}: {error}");
        }
        let shared = bytes::Bytes::from(out);
        let (value, _) = rpc::read_reply_bytes::<(&str, (i32, i32))>(&shared, &limits).unwrap();
        assert_eq!(value.unwrap().0, "text");
    }
}

#[test]
fn what_a_typed_reply_does_not_take_is_told_at_its_byte() {
    let limits = Limits::new();
    for (reply, at) in
        [(&b"H\x02\x00R\x7a\x91\x01a"[..], 6), (b"r\x01\x00V\x6c\x00\x00\x00\x01S\x00\x01azz", 9)]
    {
        let error = rpc::read_reply::<Vec<i32>>(reply, &limits).unwrap_err();
        assert_eq!(error.offset(), Some(at), "{error}");
    }
    let error = rpc::read_reply::<i32>(b"<html>", &limits).unwrap_err();
    assert_eq!(error.to_string(), "byte 0x3c where a reply (`H` or `r`) was expected at byte 0");
    let error = rpc::read_reply::<i32>(b"H\x02\x00C", &limits).unwrap_err();
    assert_eq!(error.to_string(), "byte 0x43 where a reply or a fault (`R` or `F`) was expected at byte 3");
    // References count from the value.
    let (twice, _) = rpc::read_reply::<Vec<Vec<i32>>>(b"H\x02\x00R\x7a\x79\x91\x51\x91", &limits).unwrap();
    assert_eq!(twice.unwrap(), [[1], [1]]);
}

#[test]
fn faults_of_typed_replies_are_kept_whole() {
    let limits = Limits::new();
    for form in FORMS {
        let mut out = Vec::new();
        let thrown = hessian::java::Throwable::new("com.example.Unknown", "no");
        rpc::write_fault(form, rpc::SERVICE_EXCEPTION, "no", Some(&thrown), &mut out).unwrap();
        let (value, used) = rpc::read_reply::<i32>(&out, &limits).unwrap();
        let fault = value.unwrap_err();
        assert_eq!(
            (used, &*fault.code, fault.exception.as_deref()),
            (out.len(), "ServiceException", Some(&thrown))
        );
        for cut in 0..out.len() {
            assert!(rpc::read_reply::<i32>(&out[..cut], &limits).unwrap_err().is_incomplete(), "{cut}");
        }
    }
    // Another detail than an exception.
    let fault = b"H\x02\x00FH\x04code\x01a\x07message\x01b\x06detail\x91Z";
    let (value, _) = rpc::read_reply::<i32>(fault, &limits).unwrap();
    assert_eq!(value.unwrap_err().detail.unwrap().root().as_i64(), Some(1));
}

#[test]
fn a_call_tells_the_form_of_its_reply() {
    for (form, reply, bytes) in [
        (Form::One, Form::One, &b"c\x01\x00m\x00\x01fz"[..]),
        (Form::One, Form::Two, b"c\x02\x00m\x00\x01fz"),
        (Form::Two, Form::Two, b"H\x02\x00C\x01f\x90"),
    ] {
        let mut out = Vec::new();
        rpc::write_call_for(form, reply, "f", &(), &mut out).unwrap();
        assert_eq!(out, bytes);
        let (call, _) = Call::parse(&out, &Limits::new()).unwrap();
        assert_eq!((call.form(), call.reply_form()), (form, reply));
    }
}
