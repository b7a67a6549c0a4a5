//! Binary results that are sent as they are read.

use super::support::{call_of, post, send};
use bytes::Bytes;
use futures_util::stream;
use hessian::Binary;
use hessian::rpc::{Form, ServiceFault};
use hessian::service::{Download, Methods, Service};
use http_body::Frame;
use http_body_util::{BodyExt, Full, StreamBody};
use std::io;
use tokio::io::AsyncReadExt;
use tower_service::Service as _;

const FORMS: [Form; 2] = [Form::One, Form::Two];

fn pieces(sizes: &[usize]) -> Vec<Bytes> {
    sizes.iter().enumerate().map(|(index, &size)| Bytes::from(vec![index as u8; size])).collect()
}

fn service() -> Service<Methods> {
    Service::new(
        Methods::new()
            .method("read", async |len: u64| {
                Ok::<_, ServiceFault>(Download::new(tokio::io::repeat(7).take(len)))
            })
            .method("pieces", async |sizes: Vec<usize>| {
                let frames = pieces(&sizes).into_iter().map(|piece| Ok::<_, io::Error>(Frame::data(piece)));
                Ok::<_, ServiceFault>(Download::from_body(StreamBody::new(stream::iter(frames))))
            })
            .method("whole", async |text: String| {
                Ok::<_, ServiceFault>(Download::from_body(Full::new(Bytes::from(text))))
            })
            .method("breaks", async || {
                let frames =
                    [Ok(Frame::data(Bytes::from_static(b"some"))), Err(io::Error::other("the tape tore"))];
                Ok::<_, ServiceFault>(Download::from_body(StreamBody::new(stream::iter(frames))))
            })
            .method("stalls", async || Ok::<_, ServiceFault>(Download::new(stalled()))),
    )
}

/// A reader that never gives anything.
fn stalled() -> tokio::io::DuplexStream {
    let (near, far) = tokio::io::duplex(1);
    std::mem::forget(far);
    near
}

#[tokio::test]
async fn what_is_read_arrives_whole() {
    let service = service();
    for form in FORMS {
        for len in [0, 1, 100, 32 << 10, (32 << 10) + 1, 300_000] {
            let answered = send(&service, post(call_of(form, "read", &(len,)))).await;
            let binary: Binary = answered.reply().unwrap();
            assert_eq!(binary.to_vec(), vec![7; len as usize], "{form:?}");
        }
        for sizes in [
            vec![],
            vec![0, 0],
            vec![1],
            vec![3, 0, 5],
            vec![0xffff],
            vec![0x1_0000],
            vec![200_000, 1, 70_000],
        ] {
            let expected: Vec<u8> = pieces(&sizes).concat();
            let answered = send(&service, post(call_of(form, "pieces", &(sizes,)))).await;
            assert_eq!(answered.reply::<Binary>().unwrap().to_vec(), expected);
        }
        let answered = send(&service, post(call_of(form, "whole", &("text",)))).await;
        assert_eq!(answered.reply::<Binary>().unwrap().to_vec(), b"text");
    }
    let stats = service.stats();
    assert_eq!((stats.calls, stats.aborted), (0, 0));
}

#[tokio::test]
async fn pieces_are_not_copied() {
    let text = Bytes::from(vec![b'x'; 50_000]);
    let shared = text.clone();
    let method = move || {
        let text = shared.clone();
        async move { Ok::<_, ServiceFault>(Download::from_body(Full::new(text))) }
    };
    let mut service = Service::new(Methods::new().method("get", method));
    let Ok(response) = service.call(post(call_of(Form::Two, "get", &()))).await;
    let mut body = response.into_body();
    let mut found = false;
    while let Some(frame) = body.frame().await {
        let data = frame.unwrap().into_data().unwrap();
        found |= data.as_ptr() == text.as_ptr() && data.len() == text.len();
    }
    assert!(found);
}

#[tokio::test]
async fn a_source_that_breaks_breaks_the_reply() {
    let mut service = service();
    for form in FORMS {
        let Ok(response) = service.call(post(call_of(form, "breaks", &()))).await;
        let error = response.into_body().collect().await.unwrap_err();
        assert_eq!(error.to_string(), "the tape tore");
    }
    assert_eq!(service.stats().calls, 0);
}

#[tokio::test]
async fn a_download_is_a_call_until_its_end() {
    let mut service = service();
    let Ok(response) = service.call(post(call_of(Form::Two, "stalls", &()))).await;
    let mut body = response.into_body();
    let head = body.frame().await.unwrap().unwrap().into_data().unwrap();
    assert_eq!(&*head, b"H\x02\0R");
    let stats = service.stats();
    assert_eq!((stats.calls, stats.answered, stats.body_bytes), (1, 1, 0));
    drop(body);
    let stats = service.stats();
    assert_eq!((stats.calls, stats.answered, stats.aborted), (0, 1, 1));
}

/// 64 MiB in less than one.
#[test]
fn memory_is_constant() {
    const LEN: u64 = 64 << 20;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let mut service = service();
    let mut sent = 0;
    let used = allocation_counter::measure(|| {
        runtime.block_on(async {
            let Ok(response) = service.call(post(call_of(Form::Two, "read", &(LEN,)))).await;
            let mut body = response.into_body();
            while let Some(frame) = body.frame().await {
                sent += frame.unwrap().into_data().unwrap().len() as u64;
            }
        });
    });
    assert!(sent > LEN && used.bytes_max < 1 << 20, "{sent} bytes with {} at once", used.bytes_max);
}
