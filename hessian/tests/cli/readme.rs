//! What the README shows is what the command prints.

use crate::support::{Connection, STREAM, Server, file, http};
use hessian::rpc::{Call, Form, write_fault, write_reply};
use hessian::{Limits, java::Throwable};
use std::process::Command;

/// Each `$` line of the section's console blocks, with the lines that follow it.
fn examples(readme: &str) -> Vec<(String, String)> {
    let section = readme.split_once("\n## The command\n").unwrap().1;
    let section = section.split_once("\n## ").map_or(section, |(section, _)| section);
    let mut examples: Vec<(String, String)> = Vec::new();
    for block in section.split("```console\n").skip(1) {
        for line in block.split_once("```").unwrap().0.lines() {
            match line.strip_prefix("$ ") {
                Some(command) => examples.push((command.to_owned(), String::new())),
                None => {
                    let output = &mut examples.last_mut().expect("a command first").1;
                    *output += line;
                    output.push('\n');
                }
            }
        }
    }
    examples
}

/// A service that adds and fails, and a stream.
fn serve(times: usize) -> Server {
    let serve = |mut connection: Connection| {
        let request = connection.request();
        if request.head.starts_with("GET ") {
            connection.send(STREAM);
            connection.send(&std::fs::read(file("recorded/comet.bin")).unwrap());
            return connection.wait_for_end();
        }
        let (call, _) = Call::parse(&request.body, &Limits::DEFAULT).unwrap();
        let mut reply = Vec::new();
        match call.method() {
            "add" => {
                let sum: i64 = call.arguments().filter_map(|argument| argument.as_i64()).sum();
                write_reply(Form::Two, &sum, &mut reply).unwrap();
            }
            _ => {
                let mut thrown = Throwable::new("java.lang.ArithmeticException", "/ by zero");
                let frame = r#"{"declaringClass":"example.Calculator","methodName":"divide","fileName":"Calculator.java","lineNumber":12}"#;
                thrown.stack_trace.push(serde_json::from_str(frame).unwrap());
                let detail = Some(thrown.to_graph());
                write_fault(Form::Two, "ServiceException", "/ by zero", detail.as_ref(), &mut reply).unwrap();
            }
        }
        connection.send(&http("200 OK", "x-application/hessian", &reply));
    };
    Server::start((0..times).map(|_| Box::new(serve) as Box<dyn FnOnce(Connection) + Send>).collect())
}

/// `UPDATE_README=1` prints what there should be.
#[test]
fn the_examples_print_what_the_readme_says() {
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    let examples = examples(&readme);
    let binary = std::path::Path::new(env!("CARGO_BIN_EXE_hessian"));
    let path = format!("{}:{}", binary.parent().unwrap().display(), std::env::var("PATH").unwrap());
    let served = examples.iter().filter(|(command, _)| command.contains("localhost:8080")).count();
    let server = serve(served);
    let address = server.address.to_string();
    for subcommand in ["dump", "json", "encode", "listen", "call"] {
        let is_shown =
            examples.iter().any(|(command, _)| command.contains(&format!("hessian {subcommand} ")));
        assert!(is_shown, "no example of {subcommand}");
    }
    for (command, expected) in examples {
        let ended = Command::new("sh")
            .args(["-c", &format!("{{ {}; }} 2>&1", command.replace("localhost:8080", &address))])
            .env("PATH", &path)
            .env_remove("CLICOLOR_FORCE")
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .output()
            .unwrap();
        let printed = String::from_utf8(ended.stdout).unwrap().replace(&address, "localhost:8080");
        if std::env::var_os("UPDATE_README").is_some() {
            println!("$ {command}\n{printed}");
            continue;
        }
        assert_eq!(printed, expected, "$ {command}\n{printed}");
    }
    server.join();
}
