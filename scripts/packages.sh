#!/bin/sh
# The one list of Debian packages (12 and 13 have them all): packages.sh build|test|ci prints the names of a role.
# build: to compile and package; test: build, and what the tests and the demo run; ci: test, and what .ci/run checks with.
# Plain sh, and no other file needed: the Dockerfile runs it first, on a bare base image.
set -eu

# file: cpack works out the package's dependencies with it.
build='
    g++ cmake make pkgconf file dpkg-dev
    libnats-dev libmagick++-dev libjpeg-dev libseccomp-dev libssl-dev nlohmann-json3-dev libcli11-dev libspdlog-dev
    prometheus-cpp-dev
'
test='
    libgtest-dev libgmock-dev libbenchmark-dev
    nats-server imagemagick webp libjpeg-turbo-progs libpng-tools libtiff-tools
    python3 python3-pil python3-pytest openssl prometheus
'
# libclang-rt-dev: libFuzzer. llvm: what its reports name functions with.
# The line after that: deploy/check.sh.
# git: the tree that is checked is what git lists. ccache is used where it helps, and is not relied on.
ci='
    clang clang-format clang-tidy libclang-rt-dev llvm valgrind shellcheck
    debootstrap buildah git ccache
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
