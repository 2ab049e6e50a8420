#!/usr/bin/env bash
# demo.sh [PICTURE...]: from a bare Debian to pictures that went through a real queue: installs what is missing, builds, and
# shows each step. Without arguments it takes the pictures of testdata/images, and shows a job that nobody can do as well.
# The queue is a private nats-server that ends with the demo. BUILD_DIR: where to build (build).
# Exit status 0: every picture was done, and the job that nobody can do stayed readable.
set -euo pipefail
own=()
for picture in "$@"; do
    if [[ ! -f $picture || ! -r $picture ]]; then
        echo "demo.sh: $picture is no file that can be read" >&2
        exit 2
    fi
    own+=("$(realpath "$picture")")
done
cd "$(dirname "$0")/.."
build=${BUILD_DIR:-build}
pictures=testdata/images
results=demo-results

step_number=0
step() {
    step_number=$((step_number + 1))
    printf '\n%d. %s\n' "$step_number" "$1"
}

temp=$(mktemp -d)
started=()
# shellcheck disable=SC2317  # called by the trap
clean_up() {
    trap '' INT TERM HUP
    # The workers end before the server, since they would say that they have lost it.
    local index
    for ((index = ${#started[@]} - 1; index >= 0; index--)); do
        kill "${started[index]}" 2>/dev/null || true
        wait "${started[index]}" 2>/dev/null || true
    done
    rm -rf "$temp"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# The caller's settings are for the caller's own queue, not for the demo's.
for variable in "${!BW_@}"; do unset "$variable"; done

step "Installing what is missing, and building"
scripts/install-packages.sh test
mkdir -p "$build"
scripts/with-progress.sh "$build/demo-configure.log" "configuring" cmake -S . -B "$build"
if [[ ! -e $build/bw ]]; then echo "   the first build takes a minute or two"; fi
# The program, and what `cmake --install` puts beside it: man pages and completions, which bw prints, and the changelogs.
scripts/with-progress.sh "$build/demo-build.log" "building" cmake --build "$build" --target bw_pages bw_changelogs -j"$(nproc)"
bw=$(realpath "$build/bw")
echo "   $("$bw" --version), in $build/bw"

step "A private nats-server with JetStream, on a free port"
server=$(command -v nats-server || echo /usr/sbin/nats-server)
"$server" -js -a 127.0.0.1 -p -1 -sd "$temp/store" --ports_file_dir "$temp" >"$temp/server.log" 2>&1 &
started+=($!)
for ((tries = 0; tries < 100; tries++)); do
    NATS_URL=$(sed -n 's/.*"nats":\["\([^"]*\)".*/\1/p' "$temp"/*.ports 2>/dev/null | head -n 1) || true
    if [[ -n $NATS_URL ]]; then break; fi
    sleep 0.1
done
if [[ -z $NATS_URL ]]; then
    cat "$temp/server.log" >&2
    exit 1
fi
export NATS_URL
echo "   NATS_URL=$NATS_URL"

step "\`bw setup\` creates the work queue"
"$bw" setup 2>"$temp/setup.log" | sed 's/^/   /' || { cat "$temp/setup.log" >&2; exit 1; }

step "Two workers, started again whenever they end"
# What an earlier demo made of the reader's own pictures stays.
if ((${#own[@]} == 0)); then rm -rf "$results"; fi
mkdir -p "$results"
# A short pause after a failure keeps the demo brief: with the default of 1 s the five tries take 15 s.
export OUTDIR=$PWD/$results BW_RETRY_DELAY=200ms
# keep_running LOG: runs a worker, and starts it again whenever it ends, as systemd, Docker or Kubernetes would.
keep_running() {
    local worker=
    trap '' INT HUP # clean_up sends TERM
    trap 'kill "$worker" 2>/dev/null; wait; exit' TERM
    while true; do
        "$bw" 2>>"$1" &
        worker=$!
        wait "$worker" || true
        sleep 0.1
    done
}
for name in 1 2; do
    touch "$temp/worker-$name.log"
    keep_running "$temp/worker-$name.log" &
    started+=($!)
done
echo "   OUTDIR=$results BW_RETRY_DELAY=$BW_RETRY_DELAY $build/bw   (twice)"

demo() { /usr/bin/python3 -B scripts/demo/demo.py "$@"; }

if ((${#own[@]} > 0)); then
    step "A job for each of your pictures, and what the workers say when it is done"
    demo pictures "$results" "$temp"/worker-{1,2}.log "${own[@]}"
    step "Your pictures in black and white are in $results/"
else
    step "A job for each picture in $pictures, and what the workers say when it is done"
    demo pictures "$results" "$temp"/worker-{1,2}.log "$pictures"/*

    step "A job that nobody can do: {}"
    demo poison "$temp"/worker-{1,2}.log

    step "The results"
    scripts/demo/contact-sheet.sh "$pictures" "$results" "$results/contact-sheet.png"
    echo "   black and white pictures: $results/"
    echo "   before and after:         $results/contact-sheet.png"
fi

cat <<END

The demo's workers and its server end now. For pictures of your own:
   scripts/demo.sh PICTURE...
or, as README.md tells in full, with a queue that stays:
   $server -js -a 127.0.0.1 -p 4222 -sd /tmp/bw-queue &
   $build/bw setup
   OUTDIR=/tmp $build/bw --workers auto &
   nats req IMAGES.blackandwhite '{"id": "mine", "image": "file:///home/you/picture.jpg"}'
   ls -l /tmp/mine.jpg
   $build/bw dead    # what failed, and why
scripts/build-nats-tools.sh builds the nats CLI with Go; https://github.com/nats-io/natscli/releases has it built.
END
