#!/usr/bin/env bash
# package_test.sh BUILD_DIR: the .deb that cpack makes of a finished build, unpacked, and `cmake --install` into a staging
# folder: bw is in both and runs, and the package names the libraries that it needs. lintian finds no error in the package.
# package_boot_test.sh installs it and runs what is in it.
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

# As root lintian warns about itself.
lintian --allow-root --fail-on error "$deb" || fail "lintian has found errors"

dpkg-deb --extract "$deb" "$work/unpacked"
DESTDIR=$work/staged cmake --install "$build" --prefix /usr
for root in "$work/unpacked" "$work/staged"; do
    "$root/usr/bin/bw" --version
    for file in share/doc/bw/{copyright,changelog.gz,changelog.Debian.gz,docs/settings.md} \
        share/man/man1/{bw,bw-setup,bw-status}.1.gz share/bash-completion/completions/bw \
        share/zsh/vendor-completions/_bw share/fish/vendor_completions.d/bw.fish \
        lib/systemd/system/{bw,bw@}.service lib/sysusers.d/bw.conf; do
        [[ -f $root/usr/$file ]] || fail "no $file in $root/usr"
    done
done
[[ $(stat -c %a "$work/unpacked/etc/bw/bw.env") == 600 ]] || fail "others can read the settings, which may hold a password"
[[ ! -e $work/staged/etc ]] || fail "cmake --install --prefix /usr writes to /etc"
