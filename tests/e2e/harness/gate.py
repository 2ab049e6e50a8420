"""Holds a worker in the middle of a job for as long as a test wants, whatever the job is."""

import fcntl
import os
import signal
import time
from pathlib import Path

from .checks import wait_until

# The kernel says so when somebody comes. wait_reached() asks for it instead, but SIGIO would end us.
signal.signal(signal.SIGIO, lambda *_: None)

# After so many seconds the kernel ends the wait of whoever opens the file.
LONGEST = int(Path("/proc/sys/fs/lease-break-time").read_text())


class Gate:
    """A lease on a file: who opens it after this stands in open(2) until open(), or the end of the `with`.

    Nobody may have the file open at the beginning, and it must be ours, unless we are root.
    """

    def __init__(self, file):
        self.file = file
        self._descriptor = os.open(file, os.O_RDONLY)
        self._ends = None

    def __enter__(self):
        fcntl.fcntl(self._descriptor, fcntl.F_SETLEASE, fcntl.F_WRLCK)
        return self

    def __exit__(self, *_):
        os.close(self._descriptor)  # and the lease with it

    def wait_reached(self):
        """Returns when somebody stands at the gate."""
        wait_until(lambda: fcntl.fcntl(self._descriptor, fcntl.F_GETLEASE) != fcntl.F_WRLCK)
        self._ends = time.monotonic() + LONGEST

    def open(self):
        assert time.monotonic() < self._ends, "the kernel has opened the gate before"
        fcntl.fcntl(self._descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)
