#!/usr/bin/env bash
# package_test.sh BUILD_DIR: the .deb that cpack makes of a finished build, unpacked, and `cmake --install` into a staging
# folder: bw is in both and runs, and the package names the libraries that it needs.
set -euo pipefail
build=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fail() {
    echo "FAILED: $*" >&2
    exit 1
}

cpack --config "$build/CPackConfig.cmake" -G DEB -B "$work/cpack"
deb=$(echo "$work"/cpack/*.deb)
dpkg-deb --info "$deb"
depends=$(dpkg-deb --field "$deb" Depends)
for library in libc6 libnats libmagick++ libseccomp libprometheus-cpp-core libcivetweb; do
    [[ $depends == *"$library"* ]] || fail "the package does not depend on $library: $depends"
done

dpkg-deb --extract "$deb" "$work/unpacked"
DESTDIR=$work/staged cmake --install "$build" --prefix /usr
for root in "$work/unpacked" "$work/staged"; do
    "$root/usr/bin/bw" --version
    [[ -f $root/usr/share/doc/bw/copyright ]] || fail "no copyright in $root"
done
