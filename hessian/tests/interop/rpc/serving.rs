//! Our service, called by Java's own client.

use hessian::java::{StackTraceElement, Throwable};
use hessian::rpc::ServiceFault;
use hessian::service::{Download, Handler, Options, Service};
use hessian::typed::{IntArray, StringArray, Typed};
use hessian::{Binary, Date, Graph, Value};
use std::collections::BTreeMap;
use std::io;
use std::pin::Pin;
use std::process::Command;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, ReadBuf};

use super::interfaces::{
    Content, Files, FilesService, Item, Mixed, Overloads, OverloadsService, Troubles, TroublesService,
    pattern,
};
use super::process::Checks;
use super::server::Server;
use super::test_service;
use crate::peer;

/// Runs Java's client against a service.
async fn checked<H: Handler>(service: Service<H>, what: &str, more: &[&str]) -> Checks {
    let server = Server::start(service).await;
    let mut client: Command = peer::java().command("calls.Client");
    client.args([what, &server.url()]).args(more);
    tokio::task::spawn_blocking(move || Checks::run(client)).await.expect("checks that do not panic")
}

/// Every method of Caucho's test service, in the four ways in which Java calls. Each answer has to be what Java's own service answers to the same
/// client; where that client can read the replies, also what the service returns in process.
#[tokio::test]
#[ignore = "needs libhessian-java and a JDK: bash .ci/interop.sh rpc"]
async fn java_calls_every_method_of_the_test_service() {
    let service = Service::new(test_service::methods());
    let checks = checked(service.clone(), "test", &[]).await;
    checks.all_passed("Java's client, our test service", 183 * 7);
    assert_eq!(service.stats().answered, 183 * 4);
}

/// A proxy that was given no class asks the service for it.
#[tokio::test]
#[ignore = "needs libhessian-java and a JDK: bash .ci/interop.sh rpc"]
async fn java_asks_for_the_interface() {
    let checks = checked(Service::new(test_service::methods()), "introspect", &[]).await;
    checks.all_passed("Java's client without a class", 2);
}

/// Overloads by the types of their arguments, and by their number.
#[tokio::test]
#[ignore = "needs libhessian-java and a JDK: bash .ci/interop.sh rpc"]
async fn java_chooses_overloads() {
    let checks = checked(Service::new(OverloadsService(Told)), "overloads", &[]).await;
    checks.all_passed("Java's client, overloads", 31);
}

struct Told;

impl Overloads for Told {
    async fn tell(&self) -> Result<String, ServiceFault> {
        Ok("nothing".into())
    }
    async fn int(&self, value: i32) -> Result<String, ServiceFault> {
        Ok(format!("int {value}"))
    }
    async fn long(&self, value: i64) -> Result<String, ServiceFault> {
        Ok(format!("long {value}"))
    }
    async fn double(&self, value: f64) -> Result<String, ServiceFault> {
        Ok(format!("double {value}"))
    }
    async fn boolean(&self, value: bool) -> Result<String, ServiceFault> {
        Ok(format!("boolean {value}"))
    }
    async fn string(&self, value: String) -> Result<String, ServiceFault> {
        Ok(format!("string {value}"))
    }
    async fn date(&self, value: Date) -> Result<String, ServiceFault> {
        Ok(format!("date {}", value.millis))
    }
    async fn binary(&self, value: Binary) -> Result<String, ServiceFault> {
        Ok(format!("binary of {}", value.len()))
    }
    async fn ints(&self, value: Typed<IntArray, Vec<i32>>) -> Result<String, ServiceFault> {
        Ok(format!("ints of {}", value.len()))
    }
    async fn strings(&self, value: Typed<StringArray, Vec<String>>) -> Result<String, ServiceFault> {
        Ok(format!("strings of {}", value.len()))
    }
    async fn list(&self, value: Vec<Mixed>) -> Result<String, ServiceFault> {
        Ok(format!("list of {}", value.len()))
    }
    async fn map(&self, value: BTreeMap<String, i32>) -> Result<String, ServiceFault> {
        Ok(format!("map of {}", value.len()))
    }
    async fn item(&self, value: Item) -> Result<String, ServiceFault> {
        Ok(format!("item {} {}", value.id, value.name))
    }
    async fn int_string(&self, first: i32, second: String) -> Result<String, ServiceFault> {
        Ok(format!("int {first} string {second}"))
    }
    async fn string_int(&self, first: String, second: i32) -> Result<String, ServiceFault> {
        Ok(format!("string {first} int {second}"))
    }
}

/// What methods of ours throw arrives as the Java exception that it names, with its fields, causes and message as they are; what Java has no
/// class for as the library's own exception.
#[tokio::test]
#[ignore = "needs libhessian-java and a JDK: bash .ci/interop.sh rpc"]
async fn java_catches_what_we_throw() {
    let checks = checked(Service::new(TroublesService(Throwing)), "troubles", &[]).await;
    checks.all_passed("Java's client, exceptions", 34);
}

struct Throwing;

fn account(number: i64, lacking: f64, cause: Option<Throwable>) -> Throwable {
    let mut thrown =
        Throwable::new("calls.Troubles$AccountException", &format!("account {number} lacks {lacking}"));
    thrown.fields = vec![
        ("number".into(), Graph::scalar(Value::Long(number))),
        ("lacking".into(), Graph::scalar(Value::Double(lacking))),
    ];
    thrown.cause = cause.map(Box::new);
    thrown
}

impl Troubles for Throwing {
    async fn state(&self, message: String) -> Result<(), ServiceFault> {
        Err(Throwable::new("java.lang.IllegalStateException", &message).into())
    }
    async fn argument(&self, message: String) -> Result<(), ServiceFault> {
        Err(Throwable::new("java.lang.IllegalArgumentException", &message).into())
    }
    async fn file(&self, message: String) -> Result<(), ServiceFault> {
        Err(Throwable::new("java.io.FileNotFoundException", &message).into())
    }
    async fn account(&self, number: i64, lacking: f64) -> Result<(), ServiceFault> {
        Err(account(number, lacking, None).into())
    }
    async fn chain(&self, message: String) -> Result<(), ServiceFault> {
        let mut thrown = Throwable::new("java.lang.RuntimeException", &message);
        let ledger = Throwable::new("java.io.IOException", "the ledger is closed");
        thrown.cause = Some(Box::new(account(7, 0.5, Some(ledger))));
        // Rust has no stack trace to tell by itself.
        thrown.stack_trace =
            vec![StackTraceElement::new(module_path!(), "chain", Some("serving.rs"), line!() as i32)];
        Err(thrown.into())
    }
    async fn unknown(&self, message: String) -> Result<(), ServiceFault> {
        Err(Throwable::new("com.example.Unheard", &message).into())
    }
    async fn nothing(&self, value: i32) -> Result<i32, ServiceFault> {
        Ok(value)
    }
}

/// 8 MiB as an argument, as both, and as a result that is sent while it is read.
#[tokio::test]
#[ignore = "needs libhessian-java and a JDK: bash .ci/interop.sh rpc"]
async fn java_sends_and_takes_files() {
    let service = Service::with(FilesService(Kept), Options::new());
    let checks = checked(service, "files", &[&(8 << 20).to_string()]).await;
    checks.all_passed("Java's client, 8 MiB", 9);
}

struct Kept;

impl Files for Kept {
    async fn download(&self, length: i64) -> Result<Download, ServiceFault> {
        Ok(Download::new(Source::of(length as u64)))
    }
    async fn upload(&self, content: Binary) -> Result<String, ServiceFault> {
        let mut read = Content::new();
        for chunk in content.chunks() {
            read.take(chunk);
        }
        Ok(read.told())
    }
    async fn echo(&self, content: Binary) -> Result<Binary, ServiceFault> {
        Ok(content)
    }
}

/// The content of a file that is nowhere.
pub(super) struct Source {
    pattern: Vec<u8>,
    at: u64,
    length: u64,
}

impl Source {
    pub(super) fn of(length: u64) -> Self {
        Self { pattern: pattern(), at: 0, length }
    }
}

impl AsyncRead for Source {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let from = (self.at % self.pattern.len() as u64) as usize;
        let here = (self.length - self.at).min((self.pattern.len() - from) as u64) as usize;
        let here = here.min(out.remaining());
        out.put_slice(&self.pattern[from..from + here]);
        self.at += here as u64;
        Poll::Ready(Ok(()))
    }
}
