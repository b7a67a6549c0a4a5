//! The Flash policies: of sockets, and of URLs, which goes with it.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::Path;

use policy_server::PolicyFile;
use policy_server::policy::{MAX_FILE_SIZE, lint};

use crate::cli::Grant;
use crate::config::Policy;

/// Reads the policy that the settings name, or makes the one that they grant, for these ports.
///
/// # Errors
///
/// One line: what is wrong, where, and what to do.
pub(crate) fn load(policy: &Policy, served_on: &[u16]) -> Result<PolicyFile, String> {
    if policy.file.is_empty() {
        return grant(&policy.allow, served_on);
    }
    let path = Path::new(&policy.file);
    let named = |what: String| format!("policy.file: {}: {what}", path.display());
    let text = read(path).map_err(|error| named(format!("cannot be read: {error}")))?;
    let policy = PolicyFile::from_bytes(&text).map_err(|error| {
        let remedy = lint(&text, &[]).first().map_or("", |finding| finding.problem().remedy());
        named(format!("{error}; {remedy}"))
    })?;
    for finding in lint(&text, served_on) {
        let (line, problem) = (finding.line(), finding.problem());
        tracing::warn!(file = %path.display(), line, %problem, remedy = problem.remedy(), "policy");
    }
    Ok(policy)
}

fn grant(grants: &[String], served_on: &[u16]) -> Result<PolicyFile, String> {
    let ports: Vec<_> = served_on.iter().map(u16::to_string).collect();
    // Where none is known, as when settings are only checked, any will do.
    let ports = if ports.is_empty() { "1".to_owned() } else { ports.join(",") };
    let mut builder = PolicyFile::builder();
    for text in grants {
        let grant: Grant = text.parse().map_err(|error| format!("policy.allow: {text:?}: {error}"))?;
        builder = grant.add_to(builder, &ports);
    }
    builder.build().map_err(|error| format!("policy.allow: {error}"))
}

/// One byte more than a policy may have, which is then told.
fn read(path: &Path) -> io::Result<Vec<u8>> {
    // Opening a pipe would wait for its writer.
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::other("not an ordinary file"));
    }
    let mut text = Vec::new();
    File::open(path)?.take(MAX_FILE_SIZE as u64 + 1).read_to_end(&mut text)?;
    Ok(text)
}
