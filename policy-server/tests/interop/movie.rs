//! The movie of `examples/flash/policy`: built from its source, and the one that is committed for those without Haxe.

use std::path::{Path, PathBuf};

use crate::haxe;

const MOVIE: &str = "policy.swf";

/// The source, the page around it, and the committed movie.
pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/flash/policy")
}

pub(crate) fn build() -> Vec<u8> {
    haxe::build(&folder(), MOVIE)
}

#[test]
#[ignore = "needs haxe: bash .ci/interop.sh policy"]
fn the_committed_movie_is_what_its_source_says() {
    haxe::committed_is_what_its_source_gives(&folder(), MOVIE);
}
