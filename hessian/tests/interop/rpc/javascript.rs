//! `hessian.js` 2.11.0 as a client of our test service.

use hessian::service::Service;
use std::process::Command;

use super::process::{self, Checks, Running};
use super::server::Server;
use super::test_service;
use crate::peer;

/// What it cannot do itself, in both forms: keys of maps become strings (`0` as `"0"`, a list as its text), and of a `Map` with a type it writes
/// nothing.
const CANNOT: [&str; 6] = [
    "replyUntypedMap_2",
    "replyUntypedMap_3",
    "replyTypedMap_2",
    "argTypedMap_2",
    "replyTypedMap_3",
    "argTypedMap_3",
];

fn client(url: &str, form: &str) -> Command {
    let mut command = Command::new("node");
    command.arg(process::folder().join("npm/calls.js")).arg(url).arg(process::vectors()).arg(form);
    command
}

/// Every method, but what it fails at with Java's own service as well.
#[tokio::test]
#[ignore = "needs hessian.js: bash .ci/interop.sh rpc"]
async fn hessian_js_calls_every_method_that_it_can() {
    let ours = Server::start(Service::new(test_service::methods())).await;
    let javas = Running::start(peer::java().command("calls.Server"));
    for form in ["2", "1"] {
        let (with_us, with_java) = (client(&ours.url(), form), client(&javas.url("/test"), form));
        let with_us = tokio::task::spawn_blocking(|| Checks::run(with_us)).await.expect("no panic");
        let with_java = Checks::run(with_java);
        assert_eq!(with_java.failures(), CANNOT, "with Java's service: {:#?}", with_java.failed);
        assert_eq!(with_us.failures(), CANNOT, "with ours: {:#?}", with_us.failed);
        assert_eq!(with_us.passed, 183 - CANNOT.len());
        println!(
            "hessian.js, Hessian {form}; what it cannot do itself: {CANNOT:?}:\n{} passed, 0 failed",
            with_us.passed
        );
    }
}
