#!/usr/bin/env bash
# run-ctest.sh BUILD_DIR [CTEST OPTION...]: runs the tests of a build, shows the output of those that fail, and ends with
# the line "N passed, N failed, N skipped".
set -euo pipefail
build=$1
shift
junit=$(mktemp)
trap 'rm -f "$junit"' EXIT

status=0
# Twice as many tests as there are cores run at the same time, since a test mostly waits for a server or a timer.
{ ctest --test-dir "$build" -j"$(($(nproc) * 2))" --output-on-failure --timeout 300 --no-tests=error \
    --output-junit "$junit" "$@" | sed -u '/^ *Start *[0-9]*: /d'; } || status=$?

# The tests are counted here, since the sums in the report's head count a test whose program is missing as skipped.
count() { grep -c "$1" "$junit" || true; }
total=$(count '<testcase ')
passed=$(count '<testcase .* status="run"')
skipped=$(count '<skipped message="SKIP_\|<testcase .* status="disabled"')
echo "$passed passed, $((total - passed - skipped)) failed, $skipped skipped"
exit "$status"
