//! Compiles a folder of Java sources against Debian's `libhessian-java` and starts classes of it.

use std::ffi::OsString;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where Debian puts Caucho's library, 4.0.38.
const LIBRARY: &str = "/usr/share/java/hessian.jar";

/// Compiled classes, with what it takes to run them.
#[derive(Debug)]
pub(crate) struct Java {
    options: OsString,
    class_path: OsString,
}

impl Java {
    /// Compiles every `.java` file under `sources`, and those of `more` (folders, or single files); `resources` are further folders of the class
    /// path.
    ///
    /// The classes go to a folder of cargo's for test files, named after what the sources say: they are compiled once per change, and test
    /// processes that run side by side do not disturb each other.
    pub(crate) fn compile(sources: &Path, more: &[&Path], resources: &[&Path]) -> Self {
        let mut files = java_files(sources);
        assert!(!files.is_empty(), "no .java file in {}", sources.display());
        for more in more {
            if more.is_dir() { files.extend(java_files(more)) } else { files.push(more.to_path_buf()) }
        }
        assert!(Path::new(LIBRARY).exists(), "no {LIBRARY}: apt-get install libhessian-java");
        let mut hasher = DefaultHasher::new();
        for file in &files {
            file.hash(&mut hasher);
            fs::read(file).expect("a source file is readable").hash(&mut hasher);
        }
        let classes = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("java-{:016x}", hasher.finish()));
        if !classes.exists() {
            let fresh = classes.with_extension(std::process::id().to_string());
            fs::create_dir_all(&fresh).expect("cargo's folder for test files is writable");
            let javac = Command::new("javac")
                .args(["-encoding", "UTF-8", "-nowarn", "-cp", LIBRARY, "-d"])
                .arg(&fresh)
                .args(&files)
                .output()
                .expect("no javac: apt-get install default-jdk-headless");
            assert!(javac.status.success(), "javac: {}", String::from_utf8_lossy(&javac.stderr));
            // Another process may have been faster with the same classes.
            if fs::rename(&fresh, &classes).is_err() {
                assert!(classes.exists(), "cannot rename {} to {}", fresh.display(), classes.display());
                let _ = fs::remove_dir_all(&fresh);
            }
        }
        let mut class_path = OsString::from(LIBRARY);
        for folder in std::iter::once(classes.as_path()).chain(resources.iter().copied()) {
            class_path.push(":");
            class_path.push(folder);
        }
        let mut options = OsString::from("@");
        options.push(sources.join("options"));
        Self { options, class_path }
    }

    /// `java … CLASS`, with the JDK's own classes opened to the library (`options` beside the sources); arguments and pipes are the caller's.
    pub(crate) fn command(&self, class: &str) -> Command {
        let mut command = Command::new("java");
        command.arg(&self.options).arg("-cp").arg(&self.class_path).arg(class);
        command
    }
}

fn java_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder of Java sources").flatten() {
        let path = entry.path();
        if path.is_dir() {
            files.extend(java_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "java") {
            files.push(path);
        }
    }
    files.sort();
    files
}
