"""Disks of a test's own, and full ones."""

import os
import subprocess
from contextlib import contextmanager

import pytest


@contextmanager
def tmpfs(folder, options):
    """A file system of its own; skips where this process may not mount."""
    folder.mkdir(exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", options, "none", str(folder)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True).returncode != 0:
        pytest.skip("mounting a tmpfs is not permitted")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(file):
    """Writes to the file until the disk is full."""
    with pytest.raises(OSError), open(file, "wb", buffering=0) as filler:
        while True:
            filler.write(bytes(4096))
