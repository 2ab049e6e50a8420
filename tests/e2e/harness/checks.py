"""What many tests look at."""

import re
import time
from pathlib import Path

from .worker import DEADLINE, parse_line


def wait_until(what, deadline=DEADLINE, pause=0.01):
    """Polls until what() is true; its value."""
    end = time.monotonic() + deadline
    while not (value := what()):
        assert time.monotonic() < end, "it did not come about in time"
        time.sleep(pause)
    return value


def one_error(lines):
    """The record of the only line at level error, which is also the only one with that word."""
    lines = lines.splitlines() if isinstance(lines, str) else list(lines)
    with_word = [line for line in lines if re.search("error", line, re.IGNORECASE)]
    assert len(with_word) == 1, "one line with the word error is expected in:\n" + "\n".join(lines)
    record = parse_line(with_word[0])
    assert record and record.level == "error", with_word[0]
    return record


def assert_failed(worker, code, kind, **fields):
    """The worker ends with that code and that one line; its record."""
    assert worker.wait_exit() == code, worker.log()
    record = one_error(worker.lines)
    assert record.fields.get("kind") == kind, record
    for name, value in fields.items():
        assert record.fields.get(name) == str(value), record
    return record


def names(folder):
    """All that lies in a folder, temporary files too."""
    return sorted(path.name for path in Path(folder).iterdir())


def assert_all_done(js, jobs):
    """Every job of the stream was delivered once and is gone."""
    info = js.consumer_info()
    assert js.messages() == 0, info
    assert info["num_ack_pending"] == 0, info
    assert info["num_redelivered"] == 0, info
    assert info["delivered"]["consumer_seq"] == jobs, info
