#!/bin/sh
# apt-install.sh PACKAGE...: as root, apt-get installs these packages, and the servers that come with some of them do not run
# afterwards, now or at the next boot: Debian starts and enables them, and the port that a user's own nats-server wants would
# be taken. Only servers that were not installed before are kept from running.
set -eu
servers=
for server in nats-server prometheus; do
    case " $* " in *" $server "*) servers="$servers $server" ;; esac
done

# The packages' scripts ask this file, where it is there, whether they may start a service. One that is there already is the
# operator's, and stays as it is: then what starts is stopped afterwards. The file is written whole before it has that name,
# and it says no only while this process lives, so that one that a SIGKILL leaves behind does no harm.
policy=/usr/sbin/policy-rc.d
ours=
remove_policy() {
    [ -z "$ours" ] || rm -f "$policy" "$ours"
}
trap remove_policy EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
ours=$(mktemp "$policy.XXXXXX")
cat >"$ours" <<END
#!/bin/sh
# Written by bw's scripts/apt-install.sh, process $$, which removes it when it ends. 101: the service is not to be started.
case "\$1" in --*) shift ;; esac
for server in$servers; do
    case "\$1" in "\$server" | "\$server.service") kill -0 $$ 2>/dev/null && exit 101 ;; esac
done
exit 0
END
chmod 755 "$ours"
if ! ln "$ours" "$policy" 2>/dev/null; then
    rm -f "$ours"
    ours=
fi

export DEBIAN_FRONTEND=noninteractive
apt-get update
apt-get install -y --no-install-recommends "$@"

for server in $servers; do
    # It disables the script in /etc/init.d too.
    if command -v systemctl >/dev/null; then
        systemctl disable "$server.service"
    elif [ -e "/etc/init.d/$server" ]; then
        update-rc.d "$server" disable
    fi
    if [ -z "$ours" ] && command -v service >/dev/null; then
        service "$server" stop || true # it does not know a server that it cannot start
    fi
done
