//! What processes and sockets cost, as Linux tells.

use std::fs;
use std::net::SocketAddr;
use std::process::Command;

use anyhow::Context as _;

/// Processor seconds that these processes have used, user and system. In nanoseconds from the scheduler's
/// own account, where `/proc/PID/stat` counts hundredths of a second.
pub(crate) fn cpu_seconds(pids: &[u32]) -> anyhow::Result<f64> {
    let mut nanoseconds = 0;
    for pid in pids {
        let threads = format!("/proc/{pid}/task");
        for thread in fs::read_dir(&threads).context(threads)? {
            // A thread may end while we look.
            let Ok(text) = fs::read_to_string(thread?.path().join("schedstat")) else { continue };
            let used = text.split_whitespace().next().and_then(|used| used.parse::<u64>().ok());
            nanoseconds += used.context("no time in schedstat")?;
        }
    }
    Ok(nanoseconds as f64 / 1e9)
}

/// Bytes of resident memory of these processes together.
pub(crate) fn resident(pids: &[u32]) -> anyhow::Result<u64> {
    pids.iter().map(|pid| status(*pid, "VmRSS:").map(|kilobytes| kilobytes << 10)).sum()
}

fn status(pid: u32, field: &str) -> anyhow::Result<u64> {
    let path = format!("/proc/{pid}/status");
    let text = fs::read_to_string(&path).with_context(|| path.clone())?;
    let value = text.lines().find_map(|line| line.strip_prefix(field)).context("a field is missing")?;
    Ok(value.trim().trim_end_matches(" kB").parse()?)
}

/// The process and everything it has started, unless named otherwise than `except`.
pub(crate) fn family(root: u32, except: &str) -> anyhow::Result<Vec<u32>> {
    let mut all = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let Some(pid) = entry?.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else {
            continue;
        };
        let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else { continue };
        let Some((name, rest)) = stat.rsplit_once(')') else { continue };
        let parent = rest.split_whitespace().nth(1).and_then(|parent| parent.parse::<u32>().ok());
        let name = name.split_once('(').map_or("", |(_, name)| name).to_owned();
        all.push((pid, parent.unwrap_or(0), name));
    }
    let mut family = vec![root];
    let mut next = 0;
    while let Some(&parent) = family.get(next) {
        next += 1;
        family
            .extend(all.iter().filter(|(_, of, name)| *of == parent && name != except).map(|(pid, ..)| *pid));
    }
    Ok(family)
}

/// Kernel memory of the server's side of its connections, from `ss`: the most of one, and the sum, in bytes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct SocketMemory {
    pub(crate) most: u64,
    pub(crate) sum: u64,
}

/// What the kernel holds for the connections of the server at `address`.
pub(crate) fn socket_memory(address: SocketAddr) -> anyhow::Result<SocketMemory> {
    let filter = format!("( sport = :{} )", address.port());
    let output = Command::new("ss").args(["-tmnH", "state", "connected", &filter]).output();
    let output = output.context("cannot run ss (Debian: apt-get install iproute2)")?;
    let text = String::from_utf8(output.stdout)?;
    let mut memory = SocketMemory::default();
    for part in text.split("skmem:(").skip(1) {
        let fields = part.split(')').next().unwrap_or_default().split(',');
        // Receive memory, queued for sending (with the overhead of packets), reserved ahead, backlog.
        let held = fields.filter_map(|field| {
            let digits = field.find(|c: char| c.is_ascii_digit())?;
            matches!(&field[..digits], "r" | "w" | "f" | "bl").then(|| field[digits..].parse::<u64>().ok())?
        });
        let held = held.sum();
        memory.most = memory.most.max(held);
        memory.sum += held;
    }
    Ok(memory)
}
