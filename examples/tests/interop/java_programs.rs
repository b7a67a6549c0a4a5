//! The Java programs of the examples say in a line what is wrong, and end.

use std::io::Write as _;
use std::path::Path;
use std::process::Stdio;

use crate::java_library::Java;
use crate::support::Example;

/// The program, with these arguments and a line to read, ends by itself with a line that says what is wrong.
fn says(java: &Java, program: &str, arguments: &[&str], what: &str) {
    let mut command = java.command(program);
    let command = command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut process = command.spawn().expect("a JDK");
    // It may end without reading.
    let _ = process.stdin.take().expect("a pipe").write_all(b"a line\n");
    let ended = process.wait_with_output().expect("it ends");
    let told = String::from_utf8(ended.stderr).expect("text");
    print!("{told}");
    assert_eq!(ended.status.code(), Some(1), "{program} {arguments:?}: {told}");
    assert!(told.starts_with(&format!("{program}: ")) && told.contains(what), "{told}");
    assert_eq!(told.lines().count(), 1, "{told}");
}

#[test]
#[ignore = "needs a JDK and libhessian-java: bash .ci/interop.sh examples"]
fn whatever_is_wrong_is_said_in_a_line() {
    let example = Example::start("publish_from_java", &[]);
    let java = Java::compile(Path::new("java"), &[], &[]);
    let nowhere = example.url("/nowhere");
    says(&java, "ReadComet", &[&nowhere, "1"], "status 404");
    says(&java, "ReadTicks", &[&nowhere, "1"], "status 404");
    says(&java, "PublishLines", &[&nowhere], "404");
    says(&java, "PublishNews", &[&nowhere, "A headline"], "nowhere");
    for (program, more) in [("ReadComet", "1"), ("ReadTicks", "1"), ("PublishNews", "A headline")] {
        says(&java, program, &["example.com", more], "");
    }
    says(&java, "PublishLines", &["example.com"], "");
    says(&java, "ServeComet", &["many", "0"], "many");
    let address = example.kill();
    says(&java, "ReadComet", &[&format!("http://{address}/"), "1"], "Connection refused");
    says(&java, "ReadTicks", &[&format!("http://{address}/"), "1"], "Connection refused");
    says(&java, "PublishLines", &[&format!("http://{address}/")], "Connection refused");
}
