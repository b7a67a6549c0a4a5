#!/usr/bin/env bash
# The checks against programs that are not ours: bash .ci/interop.sh vectors | codec | rpc | stream | policy | examples
# They are Rust tests that plain `cargo test` leaves out (`#[ignore]`), because they need what packages.sh installs.
set -euo pipefail

# A thousand connections at once need a thousand descriptors on either side.
[[ $(ulimit -Hn) == unlimited || $(ulimit -Hn) -ge 8192 ]] && ulimit -Sn 8192

# One at a time and uncaptured: they measure when things arrive, and print it.
# ignored_tests PACKAGE [TEST-TARGET [WHICH-TESTS...]]
ignored_tests() {
    cargo test --package "$1" --all-features --test "${2:-interop}" -- --ignored --nocapture --test-threads=1 "${@:3}"
}

case ${1:-} in
vectors) cargo run --release --package hessian --features cli -- vectors hessian/tests/vectors/*.jsonl ;;
codec) ignored_tests hessian interop --skip rpc:: ;;
rpc) ignored_tests hessian interop rpc:: ;;
stream)
    ignored_tests push-server
    ignored_tests push-server controller_memory
    ;;
policy) ignored_tests policy-server ;;
examples)
    # With them, as cargo does not build examples for one test target alone.
    cargo test --package examples --all-features --no-run
    ignored_tests examples
    ;;
*) echo "usage: $0 vectors | codec | rpc | stream | policy | examples" >&2 && exit 2 ;;
esac
