"""OUTDIR: filled up, moved away, and watched."""

import ctypes
import errno
import hashlib
import os
import re
import struct
import subprocess
import threading
from pathlib import Path

TEMPORARY = re.compile(r"\.bw-[0-9a-f]{16}\.tmp")
IN_MODIFY, IN_CREATE, IN_Q_OVERFLOW = 0x2, 0x100, 0x4000


class Outdir:
    """A folder in `folder`, on a tmpfs of its own if we may mount one."""

    def __init__(self, folder, megabytes, mount):
        base = Path(folder) / "volume"
        base.mkdir()
        self._mounted_at = base if mount else None
        if mount:
            subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", base], check=True)
        self._filler = base / "filler"
        self._away = base / "away"
        self.path = base / "out"
        self.path.mkdir()
        # Finds the files wherever the folder is at the moment.
        self.descriptor = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY)
        self.touched = Touched(self.path)

    def unmount(self):
        if self._mounted_at:
            subprocess.run(["umount", "--lazy", self._mounted_at], check=True)

    def fill(self):
        descriptor = os.open(self._filler, os.O_WRONLY | os.O_CREAT, 0o600)
        size = 0
        for step in (1 << 24, 1 << 16, 1 << 12):
            try:
                while True:
                    os.posix_fallocate(descriptor, size, step)
                    size += step
            except OSError as full:
                if full.errno != errno.ENOSPC:
                    raise
        os.close(descriptor)

    def empty(self):
        self._filler.unlink()

    def move_away(self):
        self.path.rename(self._away)

    def move_back(self):
        self._away.rename(self.path)

    def names(self):
        return sorted(os.listdir(self.descriptor))

    def size(self, name):
        return os.stat(name, dir_fd=self.descriptor).st_size

    def digest(self, name):
        """Of a file's bytes; None if it is not there."""
        try:
            descriptor = os.open(name, os.O_RDONLY, dir_fd=self.descriptor)
        except FileNotFoundError:
            return None
        with open(descriptor, "rb") as file:
            return hashlib.sha256(file.read()).hexdigest()


class Touched:
    """The names in a folder that were made or written to other than by a rename, temporary files left out."""

    def __init__(self, folder):
        libc = ctypes.CDLL(None, use_errno=True)
        self._descriptor = libc.inotify_init1(os.O_CLOEXEC)
        watch = libc.inotify_add_watch(self._descriptor, os.fsencode(folder), IN_MODIFY | IN_CREATE)
        assert self._descriptor >= 0 and watch >= 0, os.strerror(ctypes.get_errno())
        self.names = set()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        while True:
            events = os.read(self._descriptor, 1 << 16)
            at = 0
            while at < len(events):
                _, mask, _, size = struct.unpack_from("iIII", events, at)
                name = os.fsdecode(events[at + 16:at + 16 + size].rstrip(b"\0"))
                if mask & IN_Q_OVERFLOW:
                    name = "(events were lost)"
                if not TEMPORARY.fullmatch(name):
                    self.names.add(name)
                at += 16 + size
