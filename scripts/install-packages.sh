#!/bin/sh
# install-packages.sh build|test|ci: installs those packages of the role that are missing, and asks for root only then. No
# server that comes with them is started (apt-install.sh).
set -eu
here=$(dirname "$0")
names=$("$here/packages.sh" "${1-}")

if ! command -v dpkg-query >/dev/null; then
    echo "install-packages.sh: this is no Debian; install what stands for: $(echo "$names" | tr '\n' ' ')" >&2
    exit 1
fi

missing=
count=0
for name in $names; do
    status=$(dpkg-query -W -f='${db:Status-Status}' "$name" 2>/dev/null) || status=
    if [ "$status" != installed ]; then
        missing="$missing $name"
        count=$((count + 1))
    fi
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" = 0 ]; then
    root=
elif command -v sudo >/dev/null; then
    root=sudo
    # Here it may ask for the password; later the progress would be written over its question.
    sudo true
else
    echo "install-packages.sh: not root and no sudo; run as root: $here/apt-install.sh$missing" >&2
    exit 1
fi

echo "   $count packages are missing:$missing"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# shellcheck disable=SC2086
if ! "$here/with-progress.sh" "$log" "installing" $root "$here/apt-install.sh" $missing; then
    echo "install-packages.sh: apt-get failed" >&2
    exit 1
fi
