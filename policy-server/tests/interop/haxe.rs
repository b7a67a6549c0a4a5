//! Movies, built from their source by Haxe.

use std::fs;
use std::path::Path;
use std::process::Command;

/// What Haxe made when the committed movies were built. Another version may make other code of the same source.
const HAXE: &str = "4.2.5";

/// Builds the movie of this name in a folder of its own, by the very file that a user is told to build it with.
pub(crate) fn build(source: &Path, movie: &str) -> Vec<u8> {
    let work = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{movie}-{}", std::process::id()));
    copy_source(source, &work);
    let haxe = Command::new("haxe").arg("build.hxml").current_dir(&work).output();
    let haxe = haxe.expect("no haxe: apt-get install haxe");
    assert!(haxe.status.success(), "haxe: {}{}", haxe.status, String::from_utf8_lossy(&haxe.stderr));
    let built = fs::read(work.join(movie)).expect("haxe has written the movie");
    fs::remove_dir_all(&work).expect("our own folder");
    built
}

fn copy_source(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("cargo's folder for test files is writable");
    for file in fs::read_dir(from).expect("the movie's source") {
        let file = file.expect("a file").path();
        let copy = to.join(file.file_name().expect("a name"));
        if file.is_dir() {
            copy_source(&file, &copy);
        } else if file.extension().is_some_and(|kind| kind == "hx" || kind == "hxml") {
            fs::copy(&file, copy).expect("a copy of the source");
        }
    }
}

/// The movie without what differs from build to build: Haxe gives its start class a random name, `boot_` and four digits.
fn without_random_name(mut movie: Vec<u8>) -> Vec<u8> {
    const NAME: &[u8] = b"boot_";
    let mut found = 0;
    for start in 0..movie.len() - NAME.len() - 4 {
        let (name, digits) = movie[start..start + NAME.len() + 4].split_at_mut(NAME.len());
        if name == NAME && digits.iter().all(u8::is_ascii_hexdigit) {
            digits.fill(b'0');
            found += 1;
        }
    }
    assert!(found > 0, "the movie has no start class: was it compressed?");
    movie
}

/// The committed movie, which stands beside its source, is what that gives.
pub(crate) fn committed_is_what_its_source_gives(source: &Path, movie: &str) {
    let version =
        Command::new("haxe").arg("--version").output().expect("no haxe: apt-get install haxe").stdout;
    let version = String::from_utf8(version).expect("a version").trim().to_owned();
    let (built, committed) =
        (build(source, movie), fs::read(source.join(movie)).expect("the committed movie"));
    if version != HAXE {
        println!("Haxe {version} is here, the committed movie is by {HAXE}: not compared, only built");
        return;
    }
    let (built, committed) = (without_random_name(built), without_random_name(committed));
    let differs = built.iter().zip(&committed).position(|(a, b)| a != b);
    assert!(
        differs.is_none() && built.len() == committed.len(),
        "the committed {movie} ({} bytes) is not what its source gives ({} bytes), from byte {differs:?} on: haxe build.hxml",
        committed.len(),
        built.len(),
    );
    println!("{movie}: {} bytes, by Haxe {version}, as its source says", committed.len());
}
