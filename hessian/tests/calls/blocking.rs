//! The client without async.

use crate::server::{Server, ok};
use hessian::client::blocking::Client;
use hessian::client::{Error, Upload};
use hessian::rpc::{Call, Form, write_reply};
use hessian::{Binary, Limits};
use std::io::Read;
use std::sync::mpsc;
use std::time::Duration;

/// Runs a server on a thread of its own while `test` runs.
fn with_server<F: Future<Output = Server>>(
    server: impl FnOnce() -> F + Send + 'static,
    test: impl FnOnce(&str),
) {
    let (address, (end, ended)) = (mpsc::channel(), tokio::sync::oneshot::channel::<()>());
    let serving = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let server = server().await;
            address.0.send(server.address.clone()).unwrap();
            let _ = ended.await;
        });
    });
    test(&address.1.recv().unwrap());
    drop(end);
    serving.join().unwrap();
}

/// Answers with the sum of the lengths of all binaries.
fn lengths(call: &[u8]) -> Vec<u8> {
    let (call, _) = Call::parse(call, &Limits::new()).unwrap();
    let lengths: usize = call.arguments().filter_map(|argument| argument.as_bytes()).map(<[u8]>::len).sum();
    let mut out = Vec::new();
    write_reply(call.reply_form(), &(lengths as u64), &mut out).unwrap();
    out
}

#[test]
fn calls_block_until_their_reply_is_there() {
    with_server(
        || Server::replies(|call| lengths(&call)),
        |address| {
            let client = Client::new(address).unwrap();
            assert_eq!(client.call::<u64>("f", (Binary::from(vec![0; 5]),)).unwrap(), 5);
            let upload = Upload::blocking(std::io::repeat(7).take(100_000));
            assert_eq!(client.call::<u64>("f", (upload, Binary::from(vec![0; 5]))).unwrap(), 100_005);
            assert_eq!(client.call_graph("f", ()).unwrap().root().as_i64(), Some(0));
            assert_eq!(client.call_raw("f", ()).unwrap().read::<i32>().unwrap(), 0);
            assert!(matches!(client.call::<String>("f", ()), Err(Error::Codec(_))));
            let client = Client::builder(address).form(Form::One).build_blocking().unwrap();
            assert_eq!(client.call::<u64>("f", (Binary::from(vec![0; 5]),)).unwrap(), 5);
            // From several threads at once, by clones.
            std::thread::scope(|scope| {
                for _ in 0..4 {
                    let client = client.clone();
                    scope.spawn(move || {
                        (0..10).for_each(|_| assert_eq!(client.call::<u64>("f", ()).unwrap(), 0))
                    });
                }
            });
        },
    );
}

#[test]
fn a_binary_is_a_reader() {
    let mut reply = Vec::new();
    write_reply(Form::Two, &Binary::from(vec![7; 300_000]), &mut reply).unwrap();
    let whole = ok(&reply);
    let cut = whole[..whole.len() - 1].to_vec();
    with_server(
        move || Server::says(whole),
        |address| {
            let mut binary = Client::new(address).unwrap().call_binary("f", ()).unwrap();
            let mut bytes = Vec::new();
            assert_eq!(binary.read_to_end(&mut bytes).unwrap(), 300_000);
            assert!(bytes.iter().all(|&byte| byte == 7));
            assert_eq!(binary.read(&mut [0]).unwrap(), 0);
        },
    );
    with_server(
        move || Server::says(cut),
        |address| {
            let mut binary = Client::new(address).unwrap().call_binary("f", ()).unwrap();
            let error = binary.read_to_end(&mut Vec::new()).unwrap_err();
            assert!(error.get_ref().is_some_and(|error| error.is::<Error>()), "{error}");
        },
    );
}

/// A blocking call inside of a runtime blocks its thread, and that is all.
#[test]
fn nothing_panics_inside_of_a_runtime() {
    with_server(
        || Server::replies(|call| lengths(&call)),
        |address| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let client = Client::new(address).unwrap();
                assert_eq!(client.call::<u64>("f", ()).unwrap(), 0);
                let in_pool = client.clone();
                let call = tokio::task::spawn_blocking(move || in_pool.call::<u64>("f", ()));
                assert_eq!(call.await.unwrap().unwrap(), 0);
                drop(client);
            });
        },
    );
}

#[test]
fn what_panics_in_a_call_is_an_error() {
    struct Panics;

    impl Read for Panics {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            panic!("on purpose")
        }
    }

    with_server(
        || Server::replies(|call| lengths(&call)),
        |address| {
            let client = Client::builder(address).timeout(Duration::from_secs(5)).build_blocking().unwrap();
            let error = client.call::<u64>("f", (Upload::blocking(Panics),)).unwrap_err();
            assert!(matches!(error, Error::Upload(_)), "{error}");
            assert_eq!(client.call::<u64>("f", ()).unwrap(), 0);
        },
    );
}
