#!/bin/sh
# install-packages.sh build|test|ci: installs those packages of the role that are missing, and asks for root only then.
set -eu
here=$(dirname "$0")
names=$("$here/packages.sh" "${1-}")

if ! command -v dpkg-query >/dev/null; then
    echo "install-packages.sh: this is no Debian; install what stands for: $(echo "$names" | tr '\n' ' ')" >&2
    exit 1
fi

missing=
for name in $names; do
    status=$(dpkg-query -W -f='${db:Status-Status}' "$name" 2>/dev/null) || status=
    [ "$status" = installed ] || missing="$missing $name"
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" = 0 ]; then
    root=
elif command -v sudo >/dev/null; then
    root=sudo
else
    echo "install-packages.sh: not root and no sudo; as root: apt-get install --no-install-recommends$missing" >&2
    exit 1
fi

echo "installing:$missing"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# shellcheck disable=SC2086
if ! {
    $root apt-get update &&
        $root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $missing
} </dev/null >"$log" 2>&1; then
    tail -n 20 "$log" >&2
    echo "install-packages.sh: apt-get failed" >&2
    exit 1
fi
