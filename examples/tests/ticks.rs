//! The client `ticks` with the server `ticker`, as a user starts them.

mod support;

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;

use support::{Example, PATIENCE, program};

/// The client, ended when dropped.
struct Ticks(Child);

impl Drop for Ticks {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn reads_every_company_and_outlives_the_server() {
    let example = Example::start("ticker", &[]);
    let mut command = Command::new(program("ticks"));
    let command = command.arg(example.url("/streams/ticks")).stdout(Stdio::piped());
    let mut ticks = Ticks(command.spawn().unwrap());
    let (say, said) = mpsc::channel();
    let lines = BufReader::new(ticks.0.stdout.take().unwrap()).lines().map_while(Result::ok);
    thread::spawn(move || lines.for_each(|line| drop(say.send(line))));
    let until = |what: &str| loop {
        let line = said.recv_timeout(PATIENCE).unwrap_or_else(|why| panic!("no line with {what:?}: {why}"));
        if line.contains(what) {
            return line;
        }
    };
    assert_eq!(until("connected"), "connected: fresh");
    let line = until(" ticks of 40 companies ");
    let price = line.split("ACME ").nth(1).and_then(|rest| rest.split(' ').next()).unwrap();
    assert!(price.parse::<f64>().unwrap() > 1.0, "{line}");
    let address = example.kill();
    until("; the next one in ");
    let example = Example::start_at("ticker", address, &[]);
    until("connected: ");
    until(" ticks of 40 companies ");
    example.stop();
}
