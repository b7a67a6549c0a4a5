#!/usr/bin/env bash
# The checks of the Rust code: bash .ci/rust.sh format | clippy | test | docs
set -euo pipefail

# The test command stands once, in README.md: what is checked here is what a newcomer is told to run.
readme_test_command() {
    local command
    command=$(grep -oE '^(\$ )?cargo test( [^#`]*)?' README.md | head -n 1 | sed -E 's/^\$ //; s/ +$//') || true
    [[ -n $command ]] || { echo "README.md has no line that begins with 'cargo test'" >&2 && return 1; }
    [[ $command == *--workspace* ]] || { echo "README.md's test command leaves packages out: $command" >&2 && return 1; }
    printf '%s\n' "$command"
}

case ${1:-} in
format) cargo fmt --all --check ;;
clippy)
    cargo clippy --workspace --all-targets --all-features -- -D warnings
    # The codec without any feature, and with each alone: what all of them together compile may lack a piece by itself.
    for features in "" codec deflate dump json client service cli; do
        echo "hessian, no default features${features:+, $features}"
        cargo clippy --package hessian --all-targets --no-default-features --features "$features" -- -D warnings
    done
    ;;
test)
    command=$(readme_test_command)
    echo "README.md: $command"
    read -ra words <<<"$command"
    "${words[@]}"
    # What only a feature that nothing else here turns on has.
    cargo test --package policy-server --features axum --test axum --test interop
    cargo test --package hessian --features cli --bin hessian --test cli
    ;;
docs) RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --all-features ;;
*) echo "usage: $0 format | clippy | test | docs" >&2 && exit 2 ;;
esac
