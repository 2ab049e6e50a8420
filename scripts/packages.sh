#!/bin/sh
# packages.sh build|test|ci: prints the names of the Debian packages that a role needs. Debian 12 and 13 have them all.
# build compiles and packages; test also runs the tests and the demo; ci also runs all checks of .ci/run.
# This is plain sh and needs no other file, since the Dockerfile runs it first, on a bare base image.
set -eu

# cpack works out the package's dependencies with `file`.
build='
    g++ cmake make pkgconf file dpkg-dev
    libnats-dev libmagick++-dev libjpeg-dev libseccomp-dev libssl-dev nlohmann-json3-dev libcli11-dev libspdlog-dev
    prometheus-cpp-dev
'
test='
    libgtest-dev libgmock-dev libbenchmark-dev
    nats-server imagemagick webp libjpeg-turbo-progs libpng-tools libtiff-tools
    zsh fish
    python3 python3-pil python3-pytest openssl prometheus
'
# libclang-rt-dev has libFuzzer, whose reports name functions by a program of llvm. Git lists the files that are checked. ccache
# is used if it is there. The last line is for deploy/check.sh.
ci='
    clang clang-format clang-tidy libclang-rt-dev llvm valgrind shellcheck
    debootstrap buildah git ccache lintian g++-aarch64-linux-gnu qemu-user
    systemd iproute2 curl wget python3-yaml python3-jsonschema python3-pip
'

case "${1-}" in
    build) names="$build" ;;
    test) names="$build $test" ;;
    ci) names="$build $test $ci" ;;
    *) echo "usage: packages.sh build|test|ci" >&2; exit 2 ;;
esac
# Unquoted on purpose: one name a line.
# shellcheck disable=SC2086
printf '%s\n' $names
