#!/usr/bin/env bash
# arm64.sh: compiles the kernel and its oracle for arm64 and runs both under qemu-user. 400 made-up pictures must become what
# ImageMagick's own programs made of them on amd64, in both dithers, and what the plain kernel of the tests makes of them.
# Not covered: the decoders and encoders of an arm64 system (ImageMagick, libjpeg), the worker, the sandbox, and speed.
# Needs Debian's g++-aarch64-linux-gnu and qemu-user.
set -euo pipefail
cd "$(dirname "$0")/../.."
build=build/arm64
mkdir -p "$build"
# The flags of a Release build and of src/CMakeLists.txt. Static: qemu-user finds no arm64 libraries here.
aarch64-linux-gnu-g++ -std=c++20 -O3 -DNDEBUG -ffp-contract=off -static -Iinclude -Isrc -Itests \
    src/dither/*.cpp tests/reference/monochrome.cpp tests/oracle/pictures.cpp tests/oracle/kernel_results.cpp \
    -o "$build/bw_kernel_results"
tests/oracle/store.py --check-kernel qemu-aarch64 "$build/bw_kernel_results"
