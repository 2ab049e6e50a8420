#!/usr/bin/env bash
# run.sh SECONDS [TARGET...]: builds the fuzz targets and runs each (job, uri, headers, jpeg, image) for so long, two at a time.
# What they learn stays in build/fuzz/corpus/TARGET, and the next run goes on from there. What breaks a promise ends its
# target: the input is kept in build/fuzz/found, its path is printed, and the exit status is 1.
set -euo pipefail
cd "$(dirname "$0")/../.."
if [[ ! ${1-} =~ ^[1-9][0-9]*$ ]]; then
    echo "usage: run.sh SECONDS [job|uri|headers|jpeg|image]..." >&2
    exit 2
fi
seconds=$1
shift
(($# > 0)) || set -- job uri headers jpeg image

build=build/fuzz
mkdir -p "$build/found"
cmake --preset fuzz ${CI:+-DBW_WERROR=ON} >"$build/configure.log" || { cat "$build/configure.log" >&2; exit 1; }
cmake --build --preset fuzz -j"$(nproc)" >"$build/build.log" || { cat "$build/build.log" >&2; exit 1; }

# In CI always the same way, so that what fails is what was changed; a slow machine only goes less far.
seed=${CI:+1}

# fuzz TARGET: a job has at most 512 bytes (the stream's limit); a picture needs no more than some kilobytes to be any
# picture, and small ones take less time.
fuzz() {
    local name=$1 longest=1024 dictionary=tests/fuzz/$1.dict seeds=("tests/fuzz/seeds/$1")
    if [[ $name != job && $name != uri ]]; then
        longest=16384 dictionary=tests/fuzz/image.dict
        seeds=(tests/fuzz/seeds/image testdata/images testdata/odd testdata/damaged)
    fi
    mkdir -p "$build/corpus/$name"
    ASAN_OPTIONS=allocator_may_return_null=1:max_allocation_size_mb=1024 \
    LSAN_OPTIONS=suppressions=$PWD/tests/fuzz/leaks.txt:print_suppressions=0 exec "$build/tests/fuzz/bw_fuzz_$name" \
        "$build/corpus/$name" "${seeds[@]}" -dict="$dictionary" -max_len="$longest" -max_total_time="$seconds" \
        -seed="${seed:-0}" -timeout=20 -rss_limit_mb=2048 -print_final_stats=1 \
        -artifact_prefix="$build/found/$name-" >"$build/$name.log" 2>&1
}

trap 'kill $(jobs -rp) 2>/dev/null || true' EXIT
declare -A process
for name in "$@"; do
    while (($(jobs -rp | wc -l) >= 2)); do sleep 0.5; done
    fuzz "$name" &
    process[$name]=$!
done

failed=0
for name in "$@"; do
    log=$build/$name.log
    if wait "${process[$name]}"; then
        echo "$name: $(sed -n 's/^stat::number_of_executed_units: *//p' "$log") inputs," \
            "$(sed -n 's/^#.*\(cov: [0-9]*\) .*corp: \([0-9]*\).*/\1, corpus: \2/p' "$log" | tail -n 1)"
    else
        failed=1
        grep -vE '^#[0-9]+' "$log" | tail -n 60
        echo "$name: failed by $(sed -n 's/.*Test unit written to //p' "$log"); its report is in $log"
    fi
done
exit "$failed"
