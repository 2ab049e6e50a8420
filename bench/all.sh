#!/usr/bin/env bash
# all.sh [--bw BINARY]: every measurement of the README beside this, as Markdown, in about fifteen minutes.
set -euo pipefail
cd "$(dirname "$0")"
for name in step conversion throughput records scaling poison memory dead; do
    printf '\n## %s\n\n' "$name"
    "./$name.py" "$@"
done
