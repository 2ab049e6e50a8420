#!/usr/bin/env bash
# nats-setup.sh [--max-msg-size SIZE]: what `bw setup` does, with the official nats CLI: creates the stream and the consumer
# that bw works from, and the results stream, and where they exist says whether they are as they should be; it never changes
# one that is there.
# Environment: NATS_URL, BW_STREAM, BW_CONSUMER, BW_RESULTS as for bw; NATS_CLI, the CLI to use.
# Exit status: 0 created or as they should be, 2 no CLI or a bad name or size, 3 the queue, 9 they exist and differ.
set -euo pipefail

export NATS_URL=${NATS_URL:-nats://127.0.0.1:4222}
stream=${BW_STREAM:-IMAGES}
consumer=${BW_CONSUMER:-BW}
results=${BW_RESULTS:-${stream}_RESULTS}
[[ ${results,,} != off ]] || results=

for setting in "BW_STREAM $stream" "BW_CONSUMER $consumer" "BW_RESULTS $results"; do
    name=${setting#* }
    if [[ $name == *[[:space:].*\>/\\]* ]]; then
        echo "nats-setup: error: invalid ${setting%% *} \"$name\" (format: a name without blanks, dots, *, > and slashes)" >&2
        exit 2
    fi
done

usage() {
    echo "nats-setup: error: $1 (usage: nats-setup.sh [--max-msg-size SIZE]; a size such as 4KiB, from 512 to 65536 bytes)" >&2
    exit 2
}

# asked_size: bytes; empty where the operator of an existing stream may have any size from 512 on.
asked_size=
case "$#-${1-}" in
    0-) ;;
    2---max-msg-size)
        [[ $2 =~ ^([0-9]{1,6})(KiB)?$ ]] || usage "invalid --max-msg-size \"$2\""
        asked_size=$((10#${BASH_REMATCH[1]} * (${#BASH_REMATCH[2]} ? 1024 : 1)))
        ((asked_size >= 512 && asked_size <= 65536)) || usage "invalid --max-msg-size \"$2\""
        ;;
    *) usage "these arguments are not known: $*" ;;
esac

here=$(cd "$(dirname "$0")" && pwd)
cli=${NATS_CLI:-$(command -v nats || echo "$here/../build/tools/nats")}
if ! command -v "$cli" >/dev/null; then
    echo "nats-setup: error: no nats CLI: put it into PATH, name it in NATS_CLI," \
        "or build the pinned one with scripts/build-nats-tools.sh (needs Go)" >&2
    exit 2
fi

# A context that the user has selected would send us to another server. The permissions of docs/security.md have that inbox.
nats() { "$cli" --no-context --inbox-prefix _INBOX.bw "$@" </dev/null; }

# hint: what an error of the results stream ends with.
hint=
queue_error() {
    local refusal
    refusal=$(grep -o 'Permissions Violation.*' <<<"$*" | tail -n 1) || true
    echo "nats-setup: error: ${refusal:-${*#nats: error: }}$hint" >&2
    exit 3
}

# exists KIND NAME...: asks JetStream itself, since the CLI prompts where a name is not there.
exists() {
    local kind=$1 subject answer IFS=.
    shift
    subject="\$JS.API.${kind^^}.INFO.$*"
    answer=$(nats request --raw "$subject" '' 2>&1) || queue_error "$answer"
    case "$answer" in
        *'"error":{"code":404,'*) return 1 ;;
        *'"error":{'*) queue_error "$kind $*: $(sed -n 's/.*"description":"\([^"]*\)".*/\1/p' <<<"$answer")" ;;
        *'"config":{'*) return 0 ;;
        *) queue_error "no JetStream at this server: $answer" ;;
    esac
}

# field NAME: one field of the config object on standard input, which the CLI prints indented: the four blanks keep
# members of nested objects out. A string comes without its quotes, a list on one line.
field() {
    awk -v name="$1" '
        $0 ~ "^    \"" name "\": " {
            sub(/^[^:]*: /, "")
            while (/^\[/ && !/\],?$/ && (getline line) > 0) $0 = $0 line
            gsub(/^"|"?,?$/, "")
            gsub(/ +/, "")
            print
            exit
        }
    ' | sed 's/\\u003e/>/g; s/\\u003c/</g; s/\\u0026/\&/g'
}

# duration NANOSECONDS: 30000000000 is 30s.
duration() {
    if (($1 % 1000000000 == 0)); then echo "$(($1 / 1000000000))s"; else echo "$1ns"; fi
}

differs=0
# compare TITLE: the existing config on standard input against the lines `field wanted` of descriptor 3.
compare() {
    local config name wanted is lines=()
    config=$(cat)
    while read -r name wanted; do
        is=$(field "$name" <<<"$config")
        case "$name" in
            # bw's pulls wait for one second: a limit that allows it is the operator's.
            max_expires) ((${is:-0} < 1000000000)) || is=0 ;;&
            max_msg_size) [[ -n $asked_size ]] || ((is > 0 && is < wanted)) || is=$wanted ;;
            subjects) is="[$(tr -d '[]' <<<"$is" | tr , '\n' | LC_ALL=C sort | paste -sd ,)]" ;;
            ack_wait | max_age | duplicate_window | max_expires | inactive_threshold) is=$(duration "${is:-0}") ;;
            headers_only | no_ack | sealed) is=${is:-false} ;;
        esac
        [[ $is == "$wanted" ]] || lines+=("  $name: is ${is:-empty}, should be ${wanted:-empty}")
    done <&3
    if ((${#lines[@]} == 0)); then
        echo "$1: as it should be"
    else
        echo "$1: differs"
        printf '%s\n' "${lines[@]}"
        differs=1
    fi
}

if exists stream "$stream"; then
    config=$(nats stream info "$stream" --json 2>&1) || queue_error "$config"
    compare "stream $stream" <<<"$config" 3<<END
discard old
duplicate_window 3600s
max_age 0s
max_bytes -1
max_msg_size ${asked_size:-512}
max_msgs -1
max_msgs_per_subject -1
no_ack false
retention workqueue
sealed false
storage file
subjects ["$stream.>"]
END
else
    # --defaults answers every other question; it would also set allow_direct, which bw setup leaves alone.
    answer=$(nats stream add "$stream" --subjects "$stream.>" --retention work --storage file --discard old \
        --max-msgs=-1 --max-bytes=-1 --max-age=-1 --max-msg-size="${asked_size:-512}" --dupe-window=1h --no-allow-direct --defaults 2>&1) ||
        queue_error "$answer"
    echo "stream $stream: created"
fi

if exists consumer "$stream" "$consumer"; then
    config=$(nats consumer info "$stream" "$consumer" --json 2>&1) || queue_error "$config"
    compare "consumer $stream > $consumer" <<<"$config" 3<<END
ack_policy explicit
ack_wait 30s
backoff
deliver_policy all
deliver_subject
filter_subject $stream.blackandwhite
headers_only false
inactive_threshold 0s
max_deliver 5
max_expires 0s
priority_groups
replay_policy instant
END
elif ((differs == 0)); then
    answer=$(nats consumer add "$stream" "$consumer" --pull --deliver all --ack explicit --wait 30s --max-deliver 5 \
        --filter "$stream.blackandwhite" --replay instant --defaults 2>&1) || queue_error "$answer"
    echo "consumer $stream > $consumer: created"
fi

if [[ -z $results ]]; then
    echo "results stream: off"
    ((differs == 0)) || exit 9
    exit 0
fi

hint="; set BW_RESULTS to off to do without the results stream"
dead="\$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.$stream.*"
if exists stream "$results"; then
    config=$(nats stream info "$results" --json 2>&1) || queue_error "$config"
    # A longer window is the operator's, and JetStream allows none that is longer than the age.
    age=$(field max_age <<<"$config")
    window=$(field duplicate_window <<<"$config")
    least=3600000000000
    ((age == 0 || age > least)) || least=$age
    ((window < least)) || least=$window
    compare "stream $results" <<<"$config" 3<<END
discard old
duplicate_window $(duration "$least")
no_ack false
retention limits
sealed false
storage file
subjects ["$dead","RESULTS.$stream.>"]
END
else
    # A job is acknowledged only when its record is stored: the loss of a server must not stop one without the other.
    replicas=$(nats stream info "$stream" --json 2>&1) || queue_error "$replicas"
    replicas=$(field num_replicas <<<"$replicas")
    # No limit for each subject: the advisories of all dead jobs of a consumer have one subject.
    answer=$(nats stream add "$results" --subjects "$dead,RESULTS.$stream.>" --retention limits --storage file --discard old \
        --max-msgs=-1 --max-msgs-per-subject=-1 --max-bytes=1GiB --max-age=30d --max-msg-size=-1 --dupe-window=1h \
        --replicas="$replicas" --no-allow-direct --defaults 2>&1) || queue_error "$answer"
    echo "stream $results: created"
fi

((differs == 0)) || exit 9
