//! Where the policy comes from: a file or the command line.

use std::{
    fs::{self, File},
    io::{self, Read as _},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    str::FromStr,
    time::SystemTime,
};

use policy_server::{
    Error, ErrorKind, PolicyFile,
    policy::{Finding, MAX_FILE_SIZE, Severity, lint},
};

/// `DOMAIN:PORTS` of the command line.
#[derive(Clone, Debug)]
pub(crate) struct Grant {
    domain: String,
    ports: String,
}

impl FromStr for Grant {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (domain, ports) =
            text.rsplit_once(':').ok_or("no ports; write DOMAIN:PORTS, such as www.example.com:8080")?;
        let grant = Self { domain: domain.to_owned(), ports: ports.to_owned() };
        PolicyFile::builder().allow(domain, ports).build().map_err(|e| e.to_string())?;
        Ok(grant)
    }
}

/// Where the policy comes from.
#[derive(Clone, Debug)]
pub(crate) enum Source {
    File(PathBuf),
    Options(PolicyFile),
}

impl Source {
    /// From what the command line says. Nothing is granted by default.
    pub(crate) fn new(file: Option<&Path>, grants: &[Grant]) -> Result<Self, String> {
        match file {
            Some(path) => Ok(Self::File(path.to_owned())),
            None if grants.is_empty() => {
                Err("no policy to serve; give --policy FILE, or --allow DOMAIN:PORTS \
                 such as --allow 'www.example.com:8080'"
                    .to_owned())
            }
            None => grants
                .iter()
                .fold(PolicyFile::builder(), |builder, grant| builder.allow(&grant.domain, &grant.ports))
                .build()
                .map(Self::Options)
                .map_err(|e| format!("--allow: {e}")),
        }
    }

    /// The file that is to be watched.
    pub(crate) fn path(&self) -> Option<&Path> {
        match self {
            Self::File(path) => Some(path),
            Self::Options(_) => None,
        }
    }

    /// Reads it. The error is one line: what, where and what to do.
    pub(crate) fn load(&self, served_on: &[u16]) -> Result<Loaded, String> {
        match self {
            Self::File(path) => read(path, served_on).map_err(|e| format!("{}: {e}", path.display())),
            Self::Options(policy) => Ok(Loaded::new(policy.clone(), policy.lint(served_on), served_on)),
        }
    }
}

/// A policy that can be served, and what is to be said of it.
pub(crate) struct Loaded {
    pub(crate) policy: PolicyFile,
    findings: Vec<Finding>,
    /// Whether anybody may connect to anything.
    grants: bool,
}

impl Loaded {
    fn new(policy: PolicyFile, findings: Vec<Finding>, served_on: &[u16]) -> Self {
        // A range that grants something grants its first or its last port.
        let ports =
            policy.access().iter().filter_map(|entry| entry.to_ports()).flat_map(|ports| ports.ranges());
        let grants = ports
            .flat_map(|range| [*range.start(), *range.end()])
            .any(|port| policy.lint_port(served_on, port).is_none());
        Self { policy, findings, grants }
    }

    fn errors(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.severity() == Severity::Error)
    }

    pub(crate) fn error_count(&self) -> usize {
        self.errors().count()
    }

    /// The mistake for which nobody may connect to anything, if it is one: who means it writes no entries.
    pub(crate) fn grants_nothing_by_mistake(&self) -> Option<String> {
        let first = self.errors().next().filter(|_| !self.grants)?;
        let line = first.line().map(|line| format!("line {line}: ")).unwrap_or_default();
        let problem = first.problem();
        Some(format!("{line}nobody may connect to anything: {problem}; {}", problem.remedy()))
    }

    /// Tells whoever reads the logs what a player will make of it.
    pub(crate) fn log(&self, source: &Source) {
        let from = source.path().map_or_else(|| "--allow".into(), Path::to_string_lossy);
        for finding in &self.findings {
            let (line, problem) = (finding.line(), finding.problem());
            let remedy = problem.remedy();
            if finding.severity() == Severity::Error {
                tracing::error!(policy = %from, line, %problem, remedy, "policy does not do what it says");
            } else {
                tracing::warn!(policy = %from, line, %problem, remedy, "policy may not be what was meant");
            }
        }
    }
}

fn read(path: &Path, served_on: &[u16]) -> Result<Loaded, String> {
    let text = read_bounded(path).map_err(|e| format!("cannot be read: {e}"))?;
    let policy = PolicyFile::from_bytes(&text).map_err(|e| explain(&e, &text))?;
    Ok(Loaded::new(policy, lint(&text, served_on), served_on))
}

/// The error with its line, and the remedy that the linter knows for it.
fn explain(error: &Error, text: &[u8]) -> String {
    let remedy = lint(text, &[]).first().map_or("", |finding| finding.problem().remedy());
    format!("{error}; {remedy}")
}

/// One byte more than a policy file may have, which is then told.
fn read_bounded(path: &Path) -> io::Result<Vec<u8>> {
    // Opening a pipe would wait for its writer.
    let metadata = fs::metadata(path)?;
    if !metadata.is_file() {
        return Err(io::Error::other("not an ordinary file"));
    }
    if metadata.len() > MAX_FILE_SIZE as u64 {
        let size = usize::try_from(metadata.len()).unwrap_or(usize::MAX);
        return Err(io::Error::other(ErrorKind::TooLarge { size }.to_string()));
    }
    let mut text = Vec::new();
    File::open(path)?.take(MAX_FILE_SIZE as u64 + 1).read_to_end(&mut text)?;
    Ok(text)
}

/// What tells one state of a file from another without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    modified: Option<SystemTime>,
    /// Also moves when the file is renamed over, or its time of modification is set back.
    changed: (i64, i64),
}

impl Stamp {
    /// `None` if there is no such file. Follows links.
    pub(crate) fn of(path: &Path) -> Option<Self> {
        let metadata = fs::metadata(path).ok()?;
        Some(Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            modified: metadata.modified().ok(),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grants_are_checked_where_they_are_written() {
        for (text, problem) in [
            ("www.example.com", "no ports; write DOMAIN:PORTS"),
            ("www.example.com:", "to-ports: "),
            ("*foo.com:80", "domain: "),
            ("http://a.com:80", "domain: "),
        ] {
            let error = text.parse::<Grant>().unwrap_err();
            assert!(error.starts_with(problem), "{text}: {error}");
        }
        let grants = ["*.example.com:80,8080-8090", "a.com:*"].map(|text| text.parse().unwrap());
        let Ok(Source::Options(policy)) = Source::new(None, &grants) else { panic!("no policy") };
        let built = PolicyFile::builder().allow("*.example.com", "80,8080-8090").allow("a.com", "*");
        assert_eq!(policy, built.build().unwrap());
    }

    #[test]
    fn nothing_is_granted_by_default() {
        let error = Source::new(None, &[]).unwrap_err();
        assert!(error.contains("--policy FILE") && error.contains("--allow DOMAIN:PORTS"), "{error}");
    }
}
