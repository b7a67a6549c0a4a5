//! What a call may cost, and what is done when it would cost more.

use super::support::{Answered, call_of, post, send};
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use hessian::rpc::{Form, ServiceFault};
use hessian::service::{Methods, Options, Service};
use http::{Request, StatusCode};
use http_body::Frame;
use http_body_util::StreamBody;
use std::convert::Infallible;
use std::future::pending;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep};
use tower_service::Service as _;

fn adder() -> Methods {
    Methods::new().method("add", async |a: i32, b: i32| Ok::<_, ServiceFault>(a + b))
}

fn with(methods: Methods, change: impl FnOnce(&mut Options)) -> Service<Methods> {
    let mut options = Options::new();
    change(&mut options);
    Service::with(methods, options)
}

/// A body of no length that is told: pieces, each after a while.
fn in_pieces(
    pieces: Vec<Vec<u8>>,
    every: Duration,
) -> Request<StreamBody<impl futures_util::Stream<Item = Result<Frame<Bytes>, Infallible>>>> {
    let frames = stream::iter(pieces).then(move |piece| async move {
        sleep(every).await;
        Ok(Frame::data(Bytes::from(piece)))
    });
    Request::post("/").body(StreamBody::new(frames)).unwrap()
}

fn bytes_of(call: &[u8]) -> Vec<Vec<u8>> {
    call.iter().map(|&byte| vec![byte]).collect()
}

#[tokio::test(start_paused = true)]
async fn a_body_may_come_in_pieces() {
    let service = Service::new(adder());
    let call = call_of(Form::Two, "add", &(1, 2));
    let request = in_pieces(bytes_of(&call), Duration::from_secs(1));
    assert_eq!(send(&service, request).await.reply::<i32>().unwrap(), 3);
    let halves = vec![call[..5].to_vec(), vec![], call[5..].to_vec()];
    assert_eq!(send(&service, in_pieces(halves, Duration::ZERO)).await.reply::<i32>().unwrap(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_body_has_its_time() {
    let service = Service::new(adder());
    let start = Instant::now();
    let call = bytes_of(&call_of(Form::Two, "add", &(1, 2)));
    let answered = send(&service, in_pieces(call.clone(), Duration::from_secs(10))).await;
    assert_eq!(answered.status, StatusCode::REQUEST_TIMEOUT);
    assert!(answered.text().contains("body_timeout"), "{}", answered.text());
    assert_eq!(start.elapsed(), Duration::from_secs(30));
    let stats = service.stats();
    assert_eq!((stats.body_timeouts, stats.calls, stats.body_bytes), (1, 0, 0));

    let patient = with(adder(), |options| options.body_timeout = None);
    let answered = send(&patient, in_pieces(call, Duration::from_secs(10_000))).await;
    assert_eq!(answered.reply::<i32>().unwrap(), 3);
}

#[tokio::test]
async fn a_body_has_its_size() {
    let call = call_of(Form::Two, "add", &(1, 2));
    for (max, status) in [(call.len() as u64, 200), (call.len() as u64 - 1, 413)] {
        let service = with(adder(), |options| options.max_body = max);
        // Told beforehand, and not.
        let answers = [
            send(&service, post(call.clone())).await,
            send(&service, in_pieces(bytes_of(&call), Duration::ZERO)).await,
        ];
        for answered in answers {
            assert_eq!(answered.status, status);
            let told = format!("max_body = {max} bytes");
            assert!(status == 200 || answered.text().contains(&told), "{}", answered.text());
        }
        let stats = service.stats();
        assert_eq!(
            (stats.too_large, stats.calls, stats.body_bytes),
            (if status == 413 { 2 } else { 0 }, 0, 0)
        );
    }
}

/// A length that is told is not believed: nothing is waited for or made room for.
#[tokio::test]
async fn a_body_that_is_told_too_large_is_not_read() {
    struct Endless;
    impl http_body::Body for Endless {
        type Data = Bytes;
        type Error = Infallible;
        fn poll_frame(
            self: std::pin::Pin<&mut Self>,
            _: &mut std::task::Context<'_>,
        ) -> std::task::Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            panic!("it is read")
        }
        fn size_hint(&self) -> http_body::SizeHint {
            http_body::SizeHint::with_exact(1 << 40)
        }
    }
    let answered = send(&Service::new(adder()), Request::post("/").body(Endless).unwrap()).await;
    assert_eq!(answered.status, StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn a_body_that_breaks_off() {
    let service = Service::new(adder());
    let frames = [Ok(Frame::data(Bytes::from_static(b"H\x02"))), Err(io::Error::other("gone"))];
    let request = Request::post("/").body(StreamBody::new(stream::iter(frames))).unwrap();
    let answered = send(&service, request).await;
    assert_eq!((answered.status, answered.text()), (StatusCode::BAD_REQUEST, "the body broke off: gone\n"));
    let stats = service.stats();
    assert_eq!((stats.aborted, stats.calls, stats.body_bytes), (1, 0, 0));
}

/// A service with a method that waits until it is told to go on.
fn waiting(change: impl FnOnce(&mut Options)) -> (Service<Methods>, Arc<Notify>) {
    let go = Arc::new(Notify::new());
    let waits = Arc::clone(&go);
    let methods = adder().method("wait", move |_: Vec<u8>| {
        let waits = Arc::clone(&waits);
        async move {
            waits.notified().await;
            Ok::<_, ServiceFault>(true)
        }
    });
    (with(methods, change), go)
}

fn wait_call(bytes: usize) -> Vec<u8> {
    call_of(Form::Two, "wait", &(serde_bytes::ByteBuf::from(vec![0; bytes]),))
}

#[tokio::test]
async fn calls_at_once_are_counted() {
    let (service, go) = waiting(|options| {
        options.max_calls = 2;
        options.retry_after = Duration::from_secs(7);
    });
    let two: Vec<_> = (0..2).map(|_| tokio::spawn(service.clone().call(post(wait_call(1))))).collect();
    tokio::task::yield_now().await;
    assert_eq!(service.stats().calls, 2);
    let answered = send(&service, post(call_of(Form::Two, "add", &(1, 2)))).await;
    assert_eq!(
        (answered.status, answered.header("retry-after")),
        (StatusCode::SERVICE_UNAVAILABLE, Some("7"))
    );
    assert!(answered.text().contains("max_calls = 2"), "{}", answered.text());
    go.notify_waiters();
    for one in two {
        let Ok(response) = one.await.unwrap();
        assert_eq!(Answered::of(response).await.reply::<bool>(), Ok(true));
    }
    assert_eq!(send(&service, post(call_of(Form::Two, "add", &(1, 2)))).await.reply::<i32>(), Ok(3));
    let stats = service.stats();
    assert_eq!((stats.busy, stats.answered, stats.calls, stats.body_bytes), (1, 3, 0, 0));
}

#[tokio::test]
async fn what_all_bodies_hold_is_counted() {
    let (service, go) = waiting(|options| options.max_bodies = 2500);
    let two: Vec<_> = (0..2).map(|_| tokio::spawn(service.clone().call(post(wait_call(1000))))).collect();
    tokio::task::yield_now().await;
    let stats = service.stats();
    assert_eq!((stats.calls, stats.body_bytes), (2, 2 * wait_call(1000).len() as u64));
    let answered = send(&service, post(wait_call(1000))).await;
    assert_eq!(
        (answered.status, answered.header("retry-after")),
        (StatusCode::SERVICE_UNAVAILABLE, Some("1"))
    );
    assert!(answered.text().contains("max_bodies = 2500"), "{}", answered.text());
    // A small one has room.
    assert_eq!(send(&service, post(call_of(Form::Two, "add", &(1, 2)))).await.reply::<i32>(), Ok(3));
    go.notify_waiters();
    for one in two {
        one.await.unwrap().unwrap();
    }
    let stats = service.stats();
    assert_eq!((stats.busy, stats.calls, stats.body_bytes), (1, 0, 0));
}

/// Callers that ask for much and read nothing.
#[tokio::test]
async fn what_waits_for_slow_callers_is_counted() {
    let methods = Methods::new()
        .method("many", async |bytes: usize| Ok::<_, ServiceFault>(hessian::Binary::from(vec![7; bytes])));
    let service = with(methods, |options| options.max_replies = 1 << 20);
    let call = call_of(Form::Two, "many", &(700_000,));
    let mut slow = Vec::new();
    for _ in 0..2 {
        let Ok(response) = service.clone().call(post(call.clone())).await;
        assert_eq!(response.status(), StatusCode::OK);
        slow.push(response.into_body());
    }
    assert!(service.stats().reply_bytes > 1_400_000, "{:?}", service.stats());
    let refused = send(&service, post(call.clone())).await;
    assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(refused.text().contains("max_replies = 1048576"), "{}", refused.text());
    assert!(refused.header("retry-after").is_some());
    assert_eq!((service.stats().busy, service.stats().answered), (1, 2));

    // One goes away, and one is read in the end, of the length that was told.
    slow.pop();
    let body = slow.pop().unwrap();
    let told = http_body::Body::size_hint(&body).exact();
    let read = http_body_util::BodyExt::collect(body).await.unwrap().to_bytes();
    assert_eq!(told, Some(read.len() as u64));
    assert_eq!(service.stats().reply_bytes, 0);
    assert_eq!(send(&service, post(call)).await.reply::<hessian::Binary>().unwrap().len(), 700_000);
    assert_eq!((service.stats().reply_bytes, service.stats().calls), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_method_has_its_time() {
    let methods = adder().method("never", async || {
        pending::<()>().await;
        Ok::<_, ServiceFault>(())
    });
    let service = Service::new(methods);
    let start = Instant::now();
    let answered = send(&service, post(call_of(Form::Two, "never", &()))).await;
    assert_eq!(
        (answered.status, answered.header("retry-after")),
        (StatusCode::SERVICE_UNAVAILABLE, Some("1"))
    );
    assert!(answered.text().contains("method_timeout"), "{}", answered.text());
    assert_eq!(start.elapsed(), Duration::from_secs(60));
    let stats = service.stats();
    assert_eq!((stats.method_timeouts, stats.calls, stats.body_bytes), (1, 0, 0));
}

/// Whoever no longer waits stops the method, and leaves nothing behind.
#[tokio::test]
async fn a_caller_that_goes_away() {
    let (service, _go) = waiting(|_| ());
    let call = tokio::spawn(service.clone().call(post(wait_call(1000))));
    tokio::task::yield_now().await;
    assert_eq!(service.stats().calls, 1);
    call.abort();
    assert!(call.await.unwrap_err().is_cancelled());
    let stats = service.stats();
    assert_eq!((stats.aborted, stats.calls, stats.body_bytes), (1, 0, 0));
}

#[tokio::test]
async fn many_at_once() {
    let seen = Arc::new(AtomicUsize::new(0));
    let most = Arc::clone(&seen);
    let methods = Methods::new().method("add", move |a: i64, b: i64| {
        let most = Arc::clone(&most);
        async move {
            most.fetch_add(1, Ordering::Relaxed);
            tokio::task::yield_now().await;
            match a % 7 {
                0 => panic!("on purpose"),
                1 => Err(ServiceFault::new("Unlucky", "one")),
                _ => Ok(a + b),
            }
        }
    });
    let service = Service::new(methods);
    let calls: Vec<_> = (0..1000_i64)
        .map(|a| {
            let form = if a % 2 == 0 { Form::One } else { Form::Two };
            (a, tokio::spawn(service.clone().call(post(call_of(form, "add", &(a, 1_i64))))))
        })
        .collect();
    for (a, call) in calls {
        let Ok(response) = call.await.unwrap();
        let outcome = Answered::of(response).await.reply::<i64>();
        match a % 7 {
            0 => assert!(outcome.unwrap_err().exception.is_some()),
            1 => assert_eq!(&*outcome.unwrap_err().code, "Unlucky"),
            _ => assert_eq!(outcome, Ok(a + 1)),
        }
    }
    let stats = service.stats();
    assert_eq!((seen.load(Ordering::Relaxed), stats.panics, stats.faults), (1000, 143, 286));
    assert_eq!((stats.answered, stats.calls), (714, 0));
}
