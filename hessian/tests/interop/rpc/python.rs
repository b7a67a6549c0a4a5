//! `python-hessian` 1.2.0 as a client of our test service.

use hessian::service::Service;
use std::process::Command;

use super::process::{self, Checks, Running};
use super::server::Server;
use super::test_service;
use crate::peer;

/// What it cannot do itself: Python's lists and maps have no types to send.
const CANNOT: [&str; 8] = [
    "argTypedFixedList_0",
    "argTypedFixedList_1",
    "argTypedFixedList_7",
    "argTypedFixedList_8",
    "argTypedMap_0",
    "argTypedMap_1",
    "argTypedMap_2",
    "argTypedMap_3",
];

/// In replies of Hessian 1 it makes an object of any map that has a type.
const CANNOT_IN_ONE: [&str; 4] = ["replyTypedMap_0", "replyTypedMap_1", "replyTypedMap_2", "replyTypedMap_3"];

fn client(url: &str, form: &str) -> Command {
    let folder = process::folder().join("python");
    let mut command = Command::new("python3");
    command.env("PYTHONPATH", folder.join("site-packages")).env("PYTHONDONTWRITEBYTECODE", "1");
    command.arg(folder.join("calls.py")).arg(url).arg(process::vectors()).arg(form);
    command
}

/// Every method, but what it fails at with Java's own service as well. It writes Hessian 1 alone; with 2 it asks for replies in Hessian 2.
#[tokio::test]
#[ignore = "needs python-hessian: bash .ci/interop.sh rpc"]
async fn python_hessian_calls_every_method_that_it_can() {
    let ours = Server::start(Service::new(test_service::methods())).await;
    let javas = Running::start(peer::java().command("calls.Server"));
    for (form, more) in [("2", &[][..]), ("1", &CANNOT_IN_ONE)] {
        let mut cannot: Vec<_> = CANNOT.iter().chain(more).copied().collect();
        cannot.sort_unstable();
        let (with_us, with_java) = (client(&ours.url(), form), client(&javas.url("/test"), form));
        let with_us = tokio::task::spawn_blocking(|| Checks::run(with_us)).await.expect("no panic");
        let with_java = Checks::run(with_java);
        for (who, checks) in [("Java's", &with_java), ("our", &with_us)] {
            let mut failures = checks.failures();
            failures.sort_unstable();
            assert_eq!(failures, cannot, "with {who} service: {:#?}", checks.failed);
        }
        assert_eq!(with_us.passed, 183 - cannot.len());
        println!(
            "python-hessian, replies in {form}; what it cannot do itself: {cannot:?}:\n{} passed, 0 failed",
            with_us.passed
        );
    }
}
