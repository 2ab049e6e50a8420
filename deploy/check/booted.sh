# shellcheck shell=bash
# What the scripts say and wait for that run inside a booted system; they source it.

fail() {
    echo "FAILED: $*"
    systemctl --no-pager status 'bw*' queue || true
    journalctl -q --no-pager -n 60 || true
    return 1
}

# until_true WHAT COMMAND...: waits a minute at most for the command to succeed.
until_true() {
    local what=$1
    shift
    for _ in {1..600}; do
        ! "$@" >/dev/null 2>&1 || return 0
        sleep 0.1
    done
    fail "$what"
}
