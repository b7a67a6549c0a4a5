#!/usr/bin/env bash
# A short run of every fuzz target: bash .ci/fuzz.sh [SECONDS-EACH]. Needs a nightly toolchain; the corpus is replayed by plain
# `cargo test` on stable in any case. What the run finds goes to a folder of its own, so the committed corpus stays as it is.
set -euo pipefail
seconds=${1:-20}

folders=()
for folder in hessian/fuzz policy-server/fuzz push-server/fuzz; do [[ -f $folder/Cargo.toml ]] && folders+=("$folder"); done
((${#folders[@]})) || { echo "no fuzz targets yet" && exit 0; }

nightly=$(rustup toolchain list 2>/dev/null | grep -oE -m 1 '^nightly[^ ]*') || true
[[ -n $nightly ]] || { echo "!!! NO NIGHTLY TOOLCHAIN: fuzz targets were NOT run, only their corpus was replayed" && exit 0; }
cargo fuzz --version 2>/dev/null || cargo install --quiet --locked cargo-fuzz

found=$(mktemp -d)
echo "new inputs go to $found"
status=0
for folder in "${folders[@]}"; do
    targets=$(cargo "+$nightly" fuzz list --fuzz-dir "$folder")
    [[ -n $targets ]] || { echo "$folder names no target" >&2 && exit 1; }
    for target in $targets; do
        echo "--- $folder $target, $seconds s"
        mkdir -p "$found/$target"
        corpus=("$found/$target")
        [[ -d $folder/corpus/$target ]] && corpus+=("$folder/corpus/$target")
        # libFuzzer tells each find; only its beginning, its end and a crash matter here.
        if cargo "+$nightly" fuzz run --fuzz-dir "$folder" "$target" "${corpus[@]}" -- \
            -max_total_time="$seconds" -rss_limit_mb=2048 -timeout=10 -print_final_stats=1 >"$found/$target.log" 2>&1; then
            grep -E 'INITED|DONE|stat::number_of_executed_units|stat::peak_rss_mb' "$found/$target.log" || true
        else
            tail -n 60 "$found/$target.log"
            status=1
        fi
    done
done
((status == 0)) && rm -rf "$found"
exit "$status"
