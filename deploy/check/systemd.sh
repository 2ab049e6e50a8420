#!/usr/bin/env bash
# systemd.sh FOLDER BW NATS_SERVER: a real systemd, in a throw-away system (room.sh), runs the real units. The worker's sandbox is
# whole, jobs are done, a worker that is killed is started again, and a stop lets the job in hand finish.
# shellcheck disable=SC2016  # what until_true is given is evaluated each time
set -euo pipefail
cd "$(dirname "$0")/../.."
readonly folder=$1 bw=$2 nats=$3 part=${4-outside}

# shellcheck source=deploy/check/booted.sh
source deploy/check/booted.sh

# send ID IMAGE, over descriptor 3
send() {
    local job="{\"id\": \"$1\", \"image\": \"file:///var/lib/bw/in/$2\"}"
    printf 'PUB IMAGES.blackandwhite %d\r\n%s\r\n' "${#job}" "$job" >&3
}

# said UNIT PATTERN: whether the unit's log has a line with the pattern.
said() { journalctl -q -o cat -u "$1" | grep -E -- "$2"; }

page() { curl -sf --max-time 5 "http://127.0.0.1:9464/$1"; }

in_hand() { page metrics | grep -q '^bw_jobs_in_hand 1'; }

sandbox_is_whole() {
    said "$1" ' sandbox seccomp=on landlock=[0-9]+ memory_limit=[0-9]+ file_size_limit=[0-9]+' || fail "$1: no whole sandbox"
}

tests() {
    systemctl start bw
    until_true "bw is not ready" page readyz
    systemctl start bw@1
    until_true "bw@1 is not ready" said bw@1 ' ready '
    sandbox_is_whole bw
    sandbox_is_whole bw@1
    exec 3<>/dev/tcp/127.0.0.1/4222
    printf 'CONNECT {}\r\n' >&3
    cp testdata/images/landscape.jpg /var/lib/bw/in
    for number in {1..20}; do send "job-$number" landscape.jpg; done
    until_true "jobs are not done" eval '[[ $(ls /var/lib/bw/out | wc -l) == 20 ]]'
    local parent worker
    parent=$(systemctl show -P MainPID bw)
    [[ $(stat -c %U /var/lib/bw/out/job-20.jpg) == bw ]] || fail "the result belongs to another user"
    [[ $(awk '/^(CapEff|NoNewPrivs|Seccomp):/ {print $2}' "/proc/$parent/status" | tr '\n' ' ') == "0000000000000000 1 2 " ]] ||
        fail "the parent has more than it needs"

    worker=$(cut -d ' ' -f 1 "/proc/$parent/task/$parent/children")
    kill -KILL "$worker"
    until_true "a worker that was killed does not come back" said bw ' signal=SIGKILL '
    until_true "nobody counts it" eval 'page metrics | grep -q "^bw_worker_restarts_total{reason=\"crashed\"} 1"'

    # bw@ ends first, so that bw has the job.
    systemctl stop bw@1
    [[ $(systemctl show -P Result -P ExecMainStatus bw@1 | tr '\n' ' ') == "success 0 " ]] || fail "bw@1 does not stop well"
    # The stop comes in the middle of a long job: a worker that got the signal twice would give the job back, with an error.
    { printf 'P5 5000 5000 255\n' && head -c 25000000 /dev/urandom; } >/var/lib/bw/in/large.pgm
    send large large.pgm
    until_true "the large picture is not begun" in_hand
    systemctl stop bw
    [[ $(systemctl show -P Result -P ExecMainStatus bw | tr '\n' ' ') == "success 0 " ]] || fail "bw does not stop well"
    [[ -s /var/lib/bw/out/large.pgm ]] || fail "the stop was not soft"

    # A main process that is killed is started again.
    systemctl start bw
    until_true "bw is not ready" page readyz
    kill -KILL "$(systemctl show -P MainPID bw)"
    until_true "systemd does not start it again" eval '[[ $(systemctl show -P NRestarts bw) == 1 ]] && page readyz'
    echo "real units: jobs done, sandbox whole, killed worker back, soft stop, started again"
}

case $part in
    outside)
        rm -f "$folder/result"
        status=0
        deploy/check/room.sh "$folder" bash "$PWD/deploy/check/systemd.sh" "$folder" "$bw" "$nats" boot || status=$?
        cat "$folder/result" 2>/dev/null || echo "systemd did not come up"
        exit "$status"
        ;;
    boot)
        install "$bw" /usr/bin/bw
        cp deploy/systemd/*.service /etc/systemd/system
        install -D deploy/systemd/bw.sysusers /usr/lib/sysusers.d/bw.conf
        for unit in bw bw@; do
            mkdir -p "/etc/systemd/system/$unit.service.d"
            # On a busy machine the large picture takes longer than the 8 s that BW_STOP_GRACE has by default.
            printf '[Unit]\nDefaultDependencies=no\n[Service]\nRestartSec=100ms\nEnvironment=BW_STOP_GRACE=50s\nTimeoutStopSec=60\n' >"/etc/systemd/system/$unit.service.d/check.conf"
        done
        cat >/etc/systemd/system/check.service <<END
[Unit]
DefaultDependencies=no
Requires=queue.service systemd-journald.service
After=queue.service systemd-journald.service
SuccessAction=exit
FailureAction=exit
FailureActionExitStatus=1
[Service]
Type=oneshot
ExecStart=/bin/bash $PWD/deploy/check/systemd.sh $folder $bw $nats inside
StandardOutput=append:$folder/result
StandardError=append:$folder/result
TimeoutStartSec=150
END
        cat >/etc/systemd/system/queue.service <<END
[Unit]
DefaultDependencies=no
[Service]
ExecStart=$nats --jetstream --addr 127.0.0.1 --store_dir /run/queue
END
        exec /lib/systemd/systemd --unit=check.service
        ;;
    inside)
        systemd-sysusers
        until_true "no nats-server" eval ': >/dev/tcp/127.0.0.1/4222'
        /usr/bin/bw setup
        tests
        ;;
esac
