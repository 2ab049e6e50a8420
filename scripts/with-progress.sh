#!/bin/sh
# with-progress.sh LOG WHAT COMMAND...: runs the command with its output in the file LOG, and shows that it goes on: on a
# terminal by one line that is written again each second, elsewhere by a line every ten seconds. If the command fails, the
# end of LOG goes to standard error, and its exit status is this one's.
# It needs no other file and only what a bare Debian has.
set -u
log=$1 what=$2
shift 2

# clock SECONDS: 75 is 1:15.
clock() { printf '%d:%02d' $(($1 / 60)) $(($1 % 60)); }

# The last line that the command wrote, without what would move the cursor, in one line of the terminal.
last_line() { tail -c 2000 "$log" 2>/dev/null | tr '\r' '\n' | grep . | tail -n 1 | tr -cd '[:print:]' | cut -c "1-$1"; }

show_progress() {
    seconds=0
    while sleep 1 && kill -0 "$1" 2>/dev/null; do
        seconds=$((seconds + 1))
        if [ -t 1 ]; then
            printf '\r\033[K   %s %s  %s' "$what" "$(clock $seconds)" "$(last_line 50)"
        elif [ $((seconds % 10)) = 0 ]; then
            echo "   $what $(clock $seconds)  $(last_line 80)"
        fi
    done
}

: >"$log" || exit 1
# The command stays in the foreground, where Ctrl-C reaches it.
show_progress $$ &
progress=$!
trap 'kill "$progress" 2>/dev/null' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
status=0
"$@" </dev/null >"$log" 2>&1 || status=$?
kill "$progress" 2>/dev/null
wait "$progress" 2>/dev/null
trap - EXIT
[ ! -t 1 ] || printf '\r\033[K'
[ "$status" = 0 ] || tail -n 40 "$log" >&2
exit "$status"
