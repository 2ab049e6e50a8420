#!/usr/bin/env bash
# Builds the pinned nats CLI and the pinned nats-server in build/tools, with Go and its module proxy. The go.sum beside each
# go.mod has the hash of every dependency. A program that is there already is kept, unless its pin is newer.
set -euo pipefail
cd "$(dirname "$0")/.."
tools=$PWD/build/tools
mkdir -p "$tools"

# build NAME PIN PACKAGE
build() {
    local log=$tools/$1.log
    if [[ -x $tools/$1 && ! scripts/$2/go.sum -nt $tools/$1 ]]; then
        return 0
    fi
    if ! command -v go >/dev/null; then
        echo "$1: not built, there is no Go here" >&2
        return 1
    fi
    echo "building $1 (pinned in scripts/$2)"
    # GOTOOLCHAIN=local: a Go that is too old says so instead of downloading another Go.
    if ! (cd "scripts/$2" &&
        GOTOOLCHAIN=local GOFLAGS=-mod=readonly CGO_ENABLED=0 GOBIN=$tools timeout 900 go install "$3") >"$log" 2>&1; then
        echo "$1: not built, go says: $(tail -n 1 "$log")" >&2
        return 1
    fi
    touch "$tools/$1"
}

failed=0
build nats nats-cli github.com/nats-io/natscli/nats || failed=1
build nats-server nats-server github.com/nats-io/nats-server/v2 || failed=1
exit "$failed"
