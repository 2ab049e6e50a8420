#!/usr/bin/env bash
# debian13.sh [COMMAND...]: runs a command (scripts/test.sh) on this source tree in a throw-away Debian 13. Needs root.
# debian13.sh --base [SUITE]: prints the folder of a bare Debian 13 or of another suite, which must not be written to.
# The system lies on a tmpfs in namespaces of its own: nothing stays mounted, running or written when it ends. What takes
# long, the bare system and the one with the tests' packages, is kept in the user's cache and made anew each week.
# shellcheck disable=SC2016  # the quoted scripts are for the bash in the new namespace
set -euo pipefail
cd "$(dirname "$0")/.."
cache=${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/bw-debian13

if [[ $(id -u) != 0 ]]; then
    echo "debian13.sh: needs root" >&2
    exit 1
fi
mkdir -p "$cache"
exec 9>"$cache/lock"
flock 9

work=$(mktemp -d "$cache/new.XXXXXX")
trap 'rm -rf --one-file-system "$work"' EXIT

# make_tree NAME COMMAND...: $cache/NAME, made by the command in the folder that it gets as last argument; a half-made one never
# gets that name.
make_tree() {
    local name=$1
    shift
    if [[ -n $(find "$cache/$name" -maxdepth 0 -mtime -7 2>/dev/null) ]]; then
        return 0
    fi
    echo "making $cache/$name" >&2
    if ! "$@" "$work/$name" >"$work/log" 2>&1; then
        tail -n 20 "$work/log" >&2
        return 1
    fi
    rm -rf "${cache:?}/$name"
    mv "$work/$name" "$cache/$name"
    touch "$cache/$name"
}

base() { debootstrap --variant=minbase "$1" "$2"; }

# The packages are installed in namespaces of their own, since their scripts may want /proc and /dev, or start something.
with_packages() {
    cp -a "$cache/base" "$1"
    cp scripts/*.sh "$1/tmp/"
    in_tree "$1" /tmp/install-packages.sh test
}

# in_tree ROOT COMMAND...
in_tree() {
    unshare --mount --pid --fork --kill-child bash -euc '
        root=$1
        shift
        mount -t proc proc "$root/proc"
        mount --rbind /dev "$root/dev"
        cp /etc/resolv.conf /etc/hosts "$root/etc/"
        exec chroot "$root" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 \
            ${CI:+CI="$CI"} "$@"
    ' in_tree "$@" </dev/null
}

if [[ ${1-} == --base && ${2-trixie} != trixie ]]; then
    make_tree "base-$2" base "$2"
    echo "$cache/base-$2"
    exit 0
fi
make_tree base base trixie
if [[ ${1-} == --base ]]; then
    echo "$cache/base"
    exit 0
fi
packages=packages-$(scripts/packages.sh test | cksum | cut -d ' ' -f 1)
make_tree "$packages" with_packages
find "$cache" -maxdepth 1 -name 'packages-*' ! -name "$packages" -exec rm -rf {} +
flock -u 9

export -f in_tree
unshare --mount bash -euc '
    tree=$1 work=$2
    shift 2
    mount -t tmpfs tmpfs "$work"
    mkdir "$work/upper" "$work/work" "$work/root"
    mount -t overlay -o "lowerdir=$tree,upperdir=$work/upper,workdir=$work/work" overlay "$work/root"
    mkdir "$work/root/src"
    git ls-files -z --cached --others --exclude-standard | tar -c --null -T - | tar -x -C "$work/root/src"
    for tool in build/tools/nats build/tools/nats-server; do
        [[ ! -x $tool ]] || install -D "$tool" "$work/root/src/$tool"
    done
    in_tree "$work/root" "$@"
' overlay "$cache/$packages" "$work" /usr/bin/env -C /src "${@:-scripts/test.sh}"
