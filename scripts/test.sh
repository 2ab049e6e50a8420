#!/usr/bin/env bash
# test.sh [CTEST OPTION...]: from a bare Debian to all tests run: installs what is missing, builds, tests. BUILD_DIR says where
# to build (build).
# The last line is "N passed, N failed, N skipped"; the exit status is not 0 when anything failed.
set -euo pipefail
cd "$(dirname "$0")/.."
build=${BUILD_DIR:-build}

scripts/install-packages.sh test
# Without them the tests that need them are skipped.
scripts/build-nats-tools.sh || true

mkdir -p "$build"
echo "building in $build"
# Warnings are errors in CI only: elsewhere a compiler that we have not seen must not stop anyone.
scripts/with-progress.sh "$build/configure.log" "configuring" cmake -S . -B "$build" ${CI:+-DBW_WERROR=ON}
scripts/with-progress.sh "$build/build.log" "building" cmake --build "$build" -j"$(nproc)"

scripts/run-ctest.sh "$build" "$@"
