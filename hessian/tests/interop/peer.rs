//! Java's end of a round trip, over pipes. The protocol stands in README.md beside this file.

use std::io::{BufReader, BufWriter, ErrorKind, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdout, Stdio};
use std::sync::OnceLock;
use std::thread::{self, JoinHandle};

use crate::java::Java;

/// Tag of an answer that is a value.
pub(crate) const OK: u8 = 0;
/// Flag: the value has a binary that Java may have cut into chunks anywhere.
pub(crate) const CUT_BINARY: u8 = 1;
/// Flag: some string may have a surrogate without its partner.
pub(crate) const LONE_SURROGATE: u8 = 2;
/// Tag of a packet of a stream; one more is the tag of an empty one.
pub(crate) const PACKET: u8 = 0x10;

/// One frame of the protocol.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) tag: u8,
    pub(crate) bytes: Vec<u8>,
}

impl Frame {
    /// As it stands on the pipe.
    pub(crate) fn write(tag: u8, bytes: &[u8], out: &mut dyn Write) -> std::io::Result<()> {
        out.write_all(&[tag])?;
        out.write_all(
            &u32::try_from(bytes.len()).expect("a test's value is shorter than 4 GiB").to_be_bytes(),
        )?;
        out.write_all(bytes)
    }
}

/// A running `RoundTrip`: an iterator over the frames it writes. Panics when what it writes is no frame or it ends badly.
#[derive(Debug)]
pub(crate) struct Peer {
    process: Child,
    output: BufReader<ChildStdout>,
    writer: Option<JoinHandle<std::io::Result<()>>>,
}

impl Peer {
    /// Starts it in a mode that reads nothing.
    pub(crate) fn start(arguments: &[&str]) -> Self {
        Self::start_with(arguments, |_| Ok(()))
    }

    /// Starts it and lets `write` feed it from a thread of its own, so that neither side waits for the other.
    pub(crate) fn start_with(
        arguments: &[&str],
        write: impl FnOnce(&mut dyn Write) -> std::io::Result<()> + Send + 'static,
    ) -> Self {
        let mut process = java()
            .command("interop.RoundTrip")
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("no java: apt-get install default-jdk-headless");
        let mut input = BufWriter::with_capacity(1 << 16, process.stdin.take().expect("stdin is a pipe"));
        let output = BufReader::with_capacity(1 << 16, process.stdout.take().expect("stdout is a pipe"));
        let writer = thread::spawn(move || {
            write(&mut input)?;
            input.flush()
        });
        Self { process, output, writer: Some(writer) }
    }
}

impl Iterator for Peer {
    type Item = Frame;

    fn next(&mut self) -> Option<Frame> {
        let mut head = [0; 5];
        match self.output.read_exact(&mut head[..1]) {
            Ok(()) => {}
            Err(end) if end.kind() == ErrorKind::UnexpectedEof => {
                let status = self.process.wait().expect("a child of ours");
                assert!(status.success(), "RoundTrip: {status}");
                if let Some(writer) = self.writer.take() {
                    writer
                        .join()
                        .expect("the writer does not panic")
                        .expect("RoundTrip read all that it was sent");
                }
                return None;
            }
            Err(error) => panic!("RoundTrip's output: {error}"),
        }
        self.output.read_exact(&mut head[1..]).expect("a frame's length");
        let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]);
        let mut bytes = vec![0; length as usize];
        self.output.read_exact(&mut bytes).expect("a whole frame");
        Some(Frame { tag: head[0], bytes })
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Where Java's bytes and ours part, with what stands around there.
pub(crate) fn difference(java: &[u8], ours: &[u8]) -> String {
    let at = java.iter().zip(ours).take_while(|(a, b)| a == b).count();
    let around = |bytes: &[u8]| {
        let end = bytes.len().min(at + 24);
        format!("…{} ({} bytes)", bytes[at.saturating_sub(24).min(end)..end].escape_ascii(), bytes.len())
    };
    format!("they part at offset {at}\nJava: {}\nours: {}", around(java), around(ours))
}

/// All of Java's ends, compiled.
pub(crate) fn java() -> &'static Java {
    static JAVA: OnceLock<Java> = OnceLock::new();
    JAVA.get_or_init(|| {
        let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
        let generator = tests.join("vectors/generator");
        // The values of Caucho's test service, and their classes.
        let values = [generator.join("T2.java"), generator.join("com/caucho/hessian/test")];
        // The generator's META-INF restores what Debian's jar has lost: how BigDecimal, Locale and File are written.
        Java::compile(&tests.join("interop/java"), &values.each_ref().map(|path| &**path), &[&generator])
    })
}
