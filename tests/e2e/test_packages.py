"""scripts/apt-install.sh installs servers without starting them, and leaves the machine's own policy for services alone.

The script runs in a mount namespace with a /usr/sbin of its own, and with an apt-get that only asks, as packages' scripts do,
whether a service may be started.
"""

import os
import signal
import subprocess
from pathlib import Path

import pytest

from harness.checks import wait_until
from harness.server import SOURCE_DIR

ALLOWED, FORBIDDEN = "0", "101"
POLICY = "/usr/sbin/policy-rc.d"

APT_GET = """#!/bin/sh
[ "$1" = install ] || exit 0
for service in nats-server nats-server.service prometheus ssh; do
    if [ -x /usr/sbin/policy-rc.d ]; then /usr/sbin/policy-rc.d "$service" start; echo "$service $?" >>asked; fi
done
cp /usr/sbin/policy-rc.d policy
[ ! -e wait ] || { touch waiting; read nothing <wait; }
exit "$(cat status 2>/dev/null || echo 0)"
"""

IN_NAMESPACE = """
mount -t tmpfs tmpfs sbin
mkdir sbin/upper sbin/work
mount -t overlay -o lowerdir=/usr/sbin,upperdir=$PWD/sbin/upper,workdir=$PWD/sbin/work overlay /usr/sbin
rm -f /usr/sbin/policy-rc.d
[ ! -e operators-policy ] || cp operators-policy /usr/sbin/policy-rc.d
"$@"
status=$?
ls /usr/sbin | grep policy-rc.d >left
[ ! -e /usr/sbin/policy-rc.d ] || cp /usr/sbin/policy-rc.d left-policy
exit $status
"""


class Machine:
    """What one run of the script finds and leaves: files in a folder."""

    def __init__(self, folder):
        self.folder = folder
        (folder / "bin").mkdir()
        (folder / "sbin").mkdir()
        self.program("bin/apt-get", APT_GET)
        for name in ("systemctl", "update-rc.d", "service"):
            self.program(f"bin/{name}", f'#!/bin/sh\necho "{name} $*" >>asked\n')

    def program(self, name, text):
        file = self.folder / name
        file.write_text(text)
        file.chmod(0o755)

    def start(self, *packages):
        command = ["unshare", "--mount", "sh", "-c", IN_NAMESPACE, "sh", "sh", SOURCE_DIR / "scripts/apt-install.sh", *packages]
        return subprocess.Popen(command, cwd=self.folder, env=os.environ | {"PATH": f"{self.folder}/bin:{os.environ['PATH']}"},
                                stdin=subprocess.DEVNULL, start_new_session=True)

    def install(self, *packages):
        return self.start(*packages).wait(60)

    def asked(self):
        return (self.folder / "asked").read_text().splitlines()

    def left(self):
        """The files in /usr/sbin afterwards whose names begin with that of the policy."""
        return (self.folder / "left").read_text().split()


@pytest.fixture
def machine(tmp_path):
    if os.geteuid() != 0 or subprocess.run(["unshare", "--mount", "true"], capture_output=True).returncode != 0:
        pytest.skip("a mount namespace is not permitted")
    return Machine(tmp_path)


def test_servers_are_not_started_and_nothing_is_left(machine):
    assert machine.install("cmake", "nats-server", "prometheus") == 0
    assert machine.asked() == [f"nats-server {FORBIDDEN}", f"nats-server.service {FORBIDDEN}", f"prometheus {FORBIDDEN}",
                               f"ssh {ALLOWED}", "systemctl disable nats-server.service",
                               "systemctl disable prometheus.service"]
    assert machine.left() == []


def test_a_server_that_was_there_before_is_left_alone(machine):
    assert machine.install("cmake", "prometheus") == 0
    assert machine.asked()[:2] == [f"nats-server {ALLOWED}", f"nats-server.service {ALLOWED}"]
    assert not any("nats-server" in line for line in machine.asked()[2:])


def test_nothing_is_left_when_apt_get_fails(machine):
    (machine.folder / "status").write_text("100")
    assert machine.install("nats-server") == 100
    assert machine.left() == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name)
def test_nothing_is_left_after_a_signal(machine, number):
    os.mkfifo(machine.folder / "wait")
    run = machine.start("nats-server")
    wait_until((machine.folder / "waiting").exists)
    [script] = Path(f"/proc/{run.pid}/task/{run.pid}/children").read_text().split()
    os.kill(int(script), number)
    (machine.folder / "wait").write_text("\n")
    assert run.wait(60) != 0
    assert machine.left() == []


def test_a_policy_that_is_left_by_a_kill_forbids_nothing(machine):
    assert machine.install("nats-server") == 0
    policy = machine.folder / "policy"
    assert subprocess.run([policy, "nats-server", "start"]).returncode == int(ALLOWED)


def test_the_operators_policy_stays_and_what_it_lets_start_is_stopped(machine):
    machine.program("operators-policy", "#!/bin/sh\nexit 0\n")
    assert machine.install("nats-server") == 0
    assert machine.asked()[0] == f"nats-server {ALLOWED}"
    assert machine.asked()[-1] == "service nats-server stop"
    assert machine.left() == ["policy-rc.d"]
    assert (machine.folder / "left-policy").read_text() == (machine.folder / "operators-policy").read_text()
