"""Everything is broken at random while jobs run; tests/faults/run.py says what, and what must hold all the same."""

import subprocess
import sys

import pytest

from harness.server import SOURCE_DIR, server_binary

RUN = SOURCE_DIR / "tests/faults/run.py"


def check(*options):
    # -u: all that it printed before it came to an end, however it did.
    run = subprocess.run([sys.executable, "-B", "-u", RUN, *map(str, options)], text=True,
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=540)
    print(run.stdout)
    assert run.returncode == 0


def test_faults():
    check("--jobs", 2000, "--every", 300)


def test_faults_with_a_short_ack_wait():
    """Jobs outlive ack wait: by heartbeats where all is well, by redeliveries where a worker hangs."""
    check("--jobs", 600, "--every", 300, "--ack-wait", 1)


def test_faults_in_a_cluster():
    binary = server_binary(at_least=(2, 10, 0))
    if not binary:
        pytest.skip("no nats-server 2.10 or later (NATS_SERVER_NEW, build/tools/nats-server, PATH)")
    check("--jobs", 600, "--every", 300, "--cluster", "--server", binary)
