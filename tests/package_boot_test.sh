#!/usr/bin/env bash
# package_boot_test.sh bookworm|trixie: a bare Debian of this suite boots with a real systemd, in namespaces of its own; there
# `apt-get install ./bw_….deb`, `bw setup` and `systemctl start bw` are all that it takes until a job that the nats CLI sends is
# done. Then the package is installed over itself, removed and purged. The package is that of the build in build/, or is made by
# scripts/debian13.sh. Needs root, debootstrap, and build/tools of scripts/build-nats-tools.sh.
# shellcheck disable=SC2016  # what until_true is given is evaluated each time
set -euo pipefail
cd "$(dirname "$0")/.."
readonly suite=$1 part=${2-outside}
readonly tools=$PWD/build/tools
# It holds the package, and what the booted system says.
folder=${3-$(mktemp -d)}

# shellcheck source=deploy/check/booted.sh
source deploy/check/booted.sh

# is WHAT EXPECTED COMMAND...: what the command prints.
is() {
    local what=$1 expected=$2 got
    shift 2
    got=$("$@" 2>&1) || true
    [[ $got == "$expected" ]] || fail "$what is $got, not $expected"
}

make_package() {
    # shellcheck disable=SC1091  # the system's own
    if [[ $(. /etc/os-release && echo "$VERSION_CODENAME") == "$suite" ]]; then
        cpack --config build/CPackConfig.cmake -G DEB -B "$folder/cpack"
        mv "$folder"/cpack/*.deb "$folder/bw.deb"
    else
        scripts/debian13.sh bash -euc '{
            cmake -S . -B build -DBUILD_TESTING=OFF
            cmake --build build -j"$(nproc)"
            cpack --config build/CPackConfig.cmake -G DEB -B build/deb
        } >&2
        cat build/deb/*.deb' >"$folder/bw.deb"
    fi 2>"$folder/package.log" || { tail -n 20 "$folder/package.log" && return 1; }
}

# The network is needed for packages only, and the booted system has none of its own: the packages are fetched before it boots.
outside() {
    local base status=0
    trap 'rm -rf "$folder"' EXIT
    make_package
    base=$(scripts/debian13.sh --base "$suite")
    mkdir "$folder/room"
    unshare --mount bash -euc '
        base=$1 folder=$2 suite=$3 room=$2/room
        mount -t tmpfs tmpfs "$room"
        mkdir "$room/upper" "$room/work" "$room/root"
        mount -t overlay -o "lowerdir=$base,upperdir=$room/upper,workdir=$room/work" overlay "$room/root"
        mount -t proc proc "$room/root/proc"
        mount --rbind /dev "$room/root/dev"
        cp /etc/resolv.conf /etc/hosts "$room/root/etc/"
        cp "$folder/bw.deb" "$room/root/root/"
        chroot "$room/root" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive bash -euc "
            apt-get update
            apt-get install -y --no-install-recommends systemd
            apt-get install -y --download-only /root/bw.deb" >"$folder/packages.log" 2>&1 </dev/null || {
            tail -n 20 "$folder/packages.log"
            exit 1
        }
        umount -l "$room/root/proc" "$room/root/dev"
        umount "$room/root"
        BW_ROOM_BASE=$room/upper:$base deploy/check/room.sh "$folder" bash "$PWD/tests/package_boot_test.sh" "$suite" boot "$folder"
    ' room "$base" "$folder" "$suite" || status=$?
    cat "$folder/result" 2>/dev/null || echo "systemd did not come up"
    return "$status"
}

boot() {
    # Debian 13 mounts a new /tmp when it boots, which would hide our folder.
    ln -s /dev/null /etc/systemd/system/tmp.mount
    cat >/etc/systemd/system/check.service <<END
[Unit]
SuccessAction=exit
FailureAction=exit
FailureActionExitStatus=1
[Service]
Type=oneshot
Environment=DEBIAN_FRONTEND=noninteractive
ExecStart=/bin/bash $PWD/tests/package_boot_test.sh $suite inside $folder
StandardOutput=append:$folder/result
StandardError=append:$folder/result
TimeoutStartSec=250
END
    cat >/etc/systemd/system/queue.service <<END
[Service]
ExecStart=$tools/nats-server --jetstream --addr 127.0.0.1 --store_dir /run/queue
END
    exec /lib/systemd/systemd --unit=check.service
}

main_pid() { systemctl show -P MainPID bw; }

done_by_nats() {
    "$tools/nats" --server 127.0.0.1 pub IMAGES.blackandwhite "{\"id\": \"$1\", \"image\": \"file:///var/lib/bw/in/picture.jpg\"}"
    until_true "job $1 is not done" test -s "/var/lib/bw/out/$1.jpg"
}

inside() {
    apt-get install -y "$folder/bw.deb" >"$folder/install.log" 2>&1 || fail "apt-get install: $(tail -n 20 "$folder/install.log")"
    is "bw after its installation" inactive systemctl is-active bw
    is "bw at the next boot" disabled systemctl is-enabled bw
    is "the mode of bw.env" "600 root" stat -c '%a %U' /etc/bw/bw.env
    [[ $(id -u bw) -lt 1000 ]] || fail "bw is no system user"

    systemctl start queue
    until_true "there is no nats-server" eval ': >/dev/tcp/127.0.0.1/4222'
    bw setup
    systemctl start bw
    until_true "bw is not ready" eval 'journalctl -q -o cat -u bw | grep " ready "'
    journalctl -q -o cat -u bw | grep -E ' sandbox seccomp=on landlock=[0-9]+ ' || fail "the sandbox is not whole"
    cp testdata/images/landscape.jpg /var/lib/bw/in/picture.jpg
    done_by_nats first
    is "the owner of the result" bw stat -c %U /var/lib/bw/out/first.jpg

    echo BW_LOG_LEVEL=debug >>/etc/bw/bw.env
    local before
    before=$(main_pid)
    apt-get install -y --reinstall "$folder/bw.deb" >"$folder/again.log" 2>&1 || fail "installed again: $(tail -n 20 "$folder/again.log")"
    [[ $(main_pid) != "$before" ]] || fail "the new program does not run after it was installed again"
    is "bw after it was installed again" active systemctl is-active bw
    grep -q BW_LOG_LEVEL=debug /etc/bw/bw.env || fail "bw.env is not kept"
    done_by_nats second
    journalctl -q -o cat -u bw | grep -q 'job begun id=second' || fail "bw.env is not read"

    systemctl stop bw
    is "the end of bw" $'success\n0' systemctl show -P Result -P ExecMainStatus bw
    systemctl start bw
    apt-get remove -y bw >"$folder/remove.log" 2>&1 || fail "apt-get remove: $(tail -n 20 "$folder/remove.log")"
    is "bw after its removal" inactive systemctl is-active bw
    apt-get purge -y bw >"$folder/purge.log" 2>&1 || fail "apt-get purge: $(tail -n 20 "$folder/purge.log")"
    [[ ! -e /etc/bw && -s /var/lib/bw/out/second.jpg ]] || fail "a purge leaves bw.env, or takes results"
    # shellcheck disable=SC1091  # the room's own
    echo "$(. /etc/os-release && echo "$PRETTY_NAME"): installed, started, two jobs done, installed again, stopped, removed, purged"
}

"$part"
