#!/usr/bin/env bash
# Builds the Dockerfile for real and runs a job in it: size, user, output, end by SIGTERM. Without a Docker daemon and
# without a registry: buildah builds it, over a base made by debootstrap. Exit status 77: skipped (not root, no buildah).
# shellcheck disable=SC2016  # the quoted script is for the bash in the new namespace
set -euo pipefail
cd "$(dirname "$0")/.."
readonly limit_mb=250

for tool in buildah debootstrap nats-server; do
    if ! command -v "$tool" >/dev/null; then
        echo "skipped: no $tool"
        exit 77
    fi
done
if [[ $(id -u) != 0 ]]; then
    echo "skipped: not root"
    exit 77
fi

work=$(mktemp -d)
server=
namespace=
cleanup() {
    [[ -z $namespace ]] || kill "$namespace" 2>/dev/null || true
    [[ -z $server ]] || { kill "$server" && wait "$server"; } 2>/dev/null || true
    # buildah's own removal first: it knows what it has mounted.
    bud rm --all >/dev/null 2>&1 || true
    rm -rf --one-file-system "$work"
}
trap cleanup EXIT

# A storage of its own; vfs and chroot work inside containers too.
bud() { buildah --root "$work/storage" --runroot "$work/run" --storage-driver vfs "$@"; }

fail() {
    echo "FAILED: $*" >&2
    exit 1
}

# megabytes IMAGE: what a container of that image holds.
megabytes() {
    local container
    container=$(bud from --pull-never "$1")
    du -sxm "$(bud mount "$container")" | cut -f 1
    bud rm "$container" >/dev/null
}

base=docker.io/library/debian:trixie-slim
container=$(bud from scratch)
bud add "$container" "$(scripts/debian13.sh --base)" / >/dev/null
bud commit -q --rm "$container" "$base" >/dev/null

bud build-using-dockerfile --isolation chroot --network host --pull-never -t bw . >"$work/build.log" 2>&1 ||
    { tail -n 40 "$work/build.log" >&2; fail "the image does not build"; }

size=$(($(megabytes bw) - $(megabytes "$base")))
echo "image: $size MB beyond its base"
((size < limit_mb)) || fail "more than $limit_mb MB"
config() { bud inspect --format "{{.OCIv1.Config.$1}}" bw; }
user=$(config User)
[[ $user == 10001:10001 ]] || fail "the user is $user"
[[ $(config Entrypoint) == "[bw]" ]] || fail "the entry point is $(config Entrypoint)"

mkdir "$work/js" "$work/out" "$work/jobs"
cp -r testdata/images/. "$work/jobs"
chmod -R a+rX "$work/jobs"
chown "$user" "$work/out"
nats-server -js -a 127.0.0.1 -p -1 -sd "$work/js" --ports_file_dir "$work/js" -l "$work/js/log" &
server=$!
url=
for _ in {1..100}; do
    url=$(sed -n 's/.*"nats":\["\([^"]*\)".*/\1/p' "$work/js/"*.ports 2>/dev/null) || true
    [[ -z $url ]] || break
    sleep 0.1
done
[[ -n $url ]] || fail "nats-server does not start: $(cat "$work/js/log")"

container=$(bud from --pull-never bw)
in_container() { bud run --isolation chroot --network host --env NATS_URL="$url" "$container" -- bw "$@"; }
in_container --version
in_container setup

# The worker as a container runtime starts it: the first process of a process namespace, with the image's user. (The one
# that buildah run starts gets no signals from us.)
root=$(bud mount "$container")
mkdir -p "$root/jobs" "$root/out"
unshare --mount --pid --fork --kill-child bash -euc '
    root=$1 work=$2 user=$3 url=$4
    mount --bind -o ro "$work/jobs" "$root/jobs"
    mount --bind "$work/out" "$root/out"
    mount -t proc proc "$root/proc"
    exec chroot --userspec="$user" "$root" /usr/bin/env -i PATH=/usr/bin:/bin NATS_URL="$url" OUTDIR=/out bw
' worker "$root" "$work" "$user" "$url" 2>"$work/worker.log" &
namespace=$!

# One job for each kind of file: a library that the package did not ask for shows here.
exec 3<>"/dev/tcp/127.0.0.1/${url##*:}"
kinds=(small.jpg alpha.png animation.gif pages.tif photo.webp photo.bmp photo.pgm)
printf 'CONNECT {}\r\n' >&3
for kind in "${kinds[@]}"; do
    job="{\"id\": \"job-${kind%.*}\", \"image\": \"file:///jobs/$kind\"}"
    printf 'PUB IMAGES.blackandwhite %d\r\n%s\r\n' "${#job}" "$job" >&3
done

for kind in "${kinds[@]}"; do
    for _ in {1..300}; do
        [[ ! -s $work/out/job-$kind ]] || continue 2
        kill -0 "$namespace" 2>/dev/null || break
        sleep 0.1
    done
    fail "no result for $kind: $(cat "$work/worker.log")"
done
[[ $(stat -c %u "$work/out/job-small.jpg") == "${user%:*}" ]] || fail "the result belongs to another user"

worker=$(tr -d " " <"/proc/$namespace/task/$namespace/children")
kill -TERM "$worker"
status=0
wait "$namespace" || status=$?
[[ $status == 0 ]] || fail "SIGTERM: exit status $status: $(cat "$work/worker.log")"
echo "${#kinds[@]} jobs done, stopped by SIGTERM"
