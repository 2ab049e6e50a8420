#!/usr/bin/env bash
# Checks that the files in deploy/ do what they are for, by giving them to the programs that read them: Prometheus, kustomize,
# systemd, nats-server and bw. It runs after scripts/test.sh (it needs build/bw, and build/tools of
# scripts/build-nats-tools.sh), as root, with Go and what `scripts/packages.sh ci` lists.
# The last line is "N passed, N failed, 0 skipped".
set -uo pipefail
cd "$(dirname "$0")/.." || exit
readonly work=$PWD/build/deploy tools=$PWD/build/tools
readonly bw=${BW_BINARY:-$PWD/build/bw}
mkdir -p "$work"

kustomize() {
    local folder=deploy/check/kustomize
    [[ $tools/kustomize -nt $folder/go.sum ]] || (
        cd "$folder" && GOTOOLCHAIN=local GOFLAGS=-mod=readonly CGO_ENABLED=0 GOBIN=$tools timeout 300 \
            go install sigs.k8s.io/kustomize/kustomize/v5 && touch "$tools/kustomize"
    )
}

schemas() { kustomize && /usr/bin/python3 -B deploy/check/schemas.py "$work" "$tools/kustomize"; }

rules() {
    promtool check config deploy/prometheus/prometheus.yml && promtool test rules deploy/prometheus/rules_test.yml
}

texts() { /usr/bin/python3 -B deploy/check/texts.py; }

# `systemd-analyze verify` looks for the program too. `security` gives 0 to 100 points of exposure: it calls a unit "OK" up to
# 20, and 100 is a unit that gives up nothing.
units() {
    local root=$work/root unit
    rm -rf "$root"
    install -D "$bw" "$root/usr/bin/bw"
    install -m 644 -D -t "$root/etc/systemd/system" deploy/systemd/*.service /lib/systemd/system/*.target
    for unit in bw.service bw@1.service; do
        [[ -z $(systemd-analyze verify --root "$root" --man=no --recursive-errors=one "$unit" 2>&1 | tee /dev/stderr) ]] || return 1
        systemd-analyze security --offline=true --root "$root" --threshold=20 "$unit" >"$work/security" ||
            { cat "$work/security" && return 1; }
        grep -a 'Overall' "$work/security"
    done
}

systemd() { deploy/check/systemd.sh "$work" "$bw" "$tools/nats-server"; }

one_machine() { deploy/check/room.sh "$work" /usr/bin/python3 -B deploy/check/one_machine.py "$tools" "$bw"; }

cluster() { deploy/check/room.sh "$work" /usr/bin/python3 -B deploy/check/cluster.py "$tools" "$bw"; }

# The checks run at the same time, since most of their time is waiting for Prometheus to read the page twice.
readonly checks=(rules texts schemas units systemd one_machine cluster)
declare -A pids
for check in "${checks[@]}"; do
    "$check" </dev/null >"$work/$check.log" 2>&1 &
    pids[$check]=$!
done
failed=0
for check in "${checks[@]}"; do
    if wait "${pids[$check]}"; then
        printf 'ok      %s: %s\n' "$check" "$(grep -a . "$work/$check.log" | tail -n 1)"
    else
        printf 'FAILED  %s\n' "$check"
        tail -n 60 "$work/$check.log"
        failed=$((failed + 1))
    fi
done
echo "$((${#checks[@]} - failed)) passed, $failed failed, 0 skipped"
((failed == 0))
