"""Runs the real bw as a child process, and reads its log while it runs."""

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from .server import SOURCE_DIR

DEADLINE = 90  # seconds: noisy machines, and sanitizers that make everything ten times slower

PYTHON_WORKER = [sys.executable, str(Path(__file__).parents[1] / "python_worker.py")]


def bw_command():
    binary = os.environ.get("BW_BINARY", str(SOURCE_DIR / "build/bw"))
    return shlex.split(os.environ.get("BW_WRAPPER", "")) + [binary]


def environment(settings):
    """The test's environment without any setting of bw, then the given ones."""
    clean = {name: value for name, value in os.environ.items()
             if not name.startswith("BW_") and name not in ("NATS_URL", "OUTDIR")}
    return clean | {name: str(value) for name, value in settings.items()}


def run_bw(*args, deadline=DEADLINE, **settings):
    """Runs bw to its end; a CompletedProcess with text."""
    return subprocess.run([*bw_command(), *map(str, args)], env=environment(settings), text=True,
                          capture_output=True, timeout=deadline)


@dataclass
class Record:
    level: str
    message: str
    fields: dict


FIELD = re.compile(r' ([a-z_]+)=("(?:[^"\\]|\\.)*"|[^\s"]*)(?=\s|$)')


def parse_line(line):
    """A line of bw's text log as a Record; None if it is none."""
    match = re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (debug|info|warn|error) +(.*)", line)
    if not match:
        return None
    level, rest = match.groups()
    first = FIELD.search(rest)
    fields = {name: json.loads(value) if value.startswith('"') else value
              for name, value in FIELD.findall(rest)}
    return Record(level, rest[:first.start()] if first else rest, fields)


class Worker:
    """A running worker. Use as a context manager, or call close()."""

    def __init__(self, command=None, args=(), **settings):
        command = ["setpriv", "--pdeathsig", "KILL", *(command or bw_command()), *map(str, args)]
        self.lines = []
        self._changed = threading.Condition()
        self._closed = False
        self.process = subprocess.Popen(command, env=environment(settings), text=True, errors="replace",
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.PIPE)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self.process.stderr:
            with self._changed:
                self.lines.append(line.rstrip("\n"))
                self._changed.notify_all()
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def wait_line(self, text, count=1, deadline=DEADLINE):
        """Waits until `count` lines hold the text; the last of them."""
        def found():
            with_text = [line for line in self.lines if text in line]
            return with_text[count - 1] if len(with_text) >= count else None

        with self._changed:
            self._changed.wait_for(lambda: found() or self._closed, deadline)
            assert found(), f"no line {text!r} (x{count}) in the log:\n{self.log()}"
            return found()

    def wait_record(self, text, **how):
        return parse_line(self.wait_line(text, **how))

    def has_line(self, text):
        return any(text in line for line in list(self.lines))

    def wait_exit(self, deadline=DEADLINE):
        """The exit code, when all of the log has been read."""
        try:
            code = self.process.wait(deadline)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"the worker does not end; its log:\n{self.log()}") from None
        self._reader.join(deadline)
        return code

    def signal(self, number=signal.SIGTERM):
        self.process.send_signal(number)

    def stop(self, deadline=DEADLINE):
        """SIGTERM; the exit code."""
        self.signal()
        return self.wait_exit(deadline)

    def kill(self):
        self.process.kill()
        self.process.wait(30)

    def log(self):
        return "\n".join(self.lines)

    def close(self):
        if self.process.poll() is None:
            self.kill()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Keeper:
    """Starts a worker again whenever it ends; `runs` holds the ended ones."""

    def __init__(self, start):
        self._start = start
        self._stopping = threading.Event()
        self._changed = threading.Condition()
        self.current = None
        self.runs = []
        self._thread = threading.Thread(target=self._keep, daemon=True)
        self._thread.start()

    def _keep(self):
        while not self._stopping.is_set():
            self.current = self._start()
            while self.current.process.poll() is None and not self._stopping.is_set():
                time.sleep(0.01)
            if self._stopping.is_set():
                self.current.stop()
                return
            self.current.wait_exit()
            with self._changed:
                self.runs.append(self.current)
                self._changed.notify_all()

    def wait_runs(self, count, deadline=DEADLINE):
        """Waits until so many runs have ended; those."""
        with self._changed:
            enough = self._changed.wait_for(lambda: len(self.runs) >= count, deadline)
            assert enough, f"only {len(self.runs)} of {count} runs have ended"
            return self.runs[:count]

    def close(self):
        self._stopping.set()
        self._thread.join(DEADLINE)
