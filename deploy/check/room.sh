#!/usr/bin/env bash
# room.sh FOLDER COMMAND...: runs the command as the first process of a throw-away copy of this system. What the command writes
# is gone afterwards, except in FOLDER; its processes all end with it; it has a loopback network of its own, so that it can use
# the real ports, and /etc/passwd and /etc/hosts of its own. Needs root. FOLDER must exist, and its path must be absolute.
# BW_ROOM_BASE: another system to copy (a folder, or several as overlayfs takes them).
# shellcheck disable=SC2016  # the quoted script is for the bash in the new namespaces
set -euo pipefail
tree=$(cd "$(dirname "$0")/../.." && pwd)

# timeout sends KILL to the whole group of processes, since unshare does not pass on other signals.
exec timeout --signal=KILL 300 unshare --mount --pid --net --ipc --uts --cgroup --fork --kill-child bash -euc '
    tree=$1 folder=$2
    shift 2
    ip link set lo up
    room=$(mktemp -d)
    mount -t tmpfs tmpfs "$room"
    mkdir "$room/upper" "$room/work" "$room/root"
    root=$room/root
    mount -t overlay -o "lowerdir=${BW_ROOM_BASE:-/},upperdir=$room/upper,workdir=$room/work" overlay "$root"
    for kept in "$tree" "$folder"; do
        mkdir -p "$root$kept"
        mount --bind "$kept" "$root$kept"
    done
    mount -t proc proc "$root/proc"
    mount -t sysfs sysfs "$root/sys"
    mount -t tmpfs tmpfs "$root/sys/fs/cgroup"
    mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
    for fresh in run tmp dev; do
        # A fresh /tmp must not hide the source tree, which may lie in /tmp.
        [[ $fresh != tmp || "$tree$folder" != */tmp/* ]] || continue
        mount -t tmpfs tmpfs "$root/$fresh"
    done
    mkdir "$root/dev/pts" "$root/dev/shm"
    mount -t devpts -o newinstance,ptmxmode=666 devpts "$root/dev/pts"
    mount -t tmpfs tmpfs "$root/dev/shm"
    ln -s pts/ptmx "$root/dev/ptmx"
    ln -s /proc/self/fd "$root/dev/fd"
    for device in null zero full random urandom tty; do
        touch "$root/dev/$device"
        mount --bind "/dev/$device" "$root/dev/$device"
    done
    # This is pivot_root and not chroot, since a program that makes namespaces of its own needs a root that is a mount.
    mkdir -p "$root/run/old"
    cd "$root"
    pivot_root . run/old
    umount -l /run/old
    rmdir /run/old
    mount --make-rshared /
    cd "$tree"
    exec /usr/bin/env -i PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 container=room "$@"
' room "$tree" "$@"
