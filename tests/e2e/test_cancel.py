"""A conversion that can be cancelled ends by itself at the deadline or the hard stop; the process need not be ended."""

import os
import struct
from datetime import datetime

import pytest

from harness import bombs
from harness.checks import assert_failed, names

GRACE = 0.25  # seconds: after it, the process is ended from outside of the conversion
MOMENTS = (400, 600, 800, 1200, 1600)  # milliseconds into the job, as many as it has deliveries


def slow_animation(folder, frames=999, side=220):
    """A picture near the limits that takes seconds, in steps of a frame: noise, as a valid GIF that is not compressed."""
    noise = os.urandom(side * side).translate(bytes(k % 128 for k in range(256)))
    # Codes of eight bits: 128 empties the table before it can grow to nine.
    codes = b"".join(b"\x80" + noise[at:at + 100] for at in range(0, len(noise), 100)) + b"\x81"
    blocks = b"".join(bytes([len(codes[at:at + 255])]) + codes[at:at + 255] for at in range(0, len(codes), 255))
    frame = b"," + struct.pack("<4HB", 0, 0, side, side, 0) + b"\7" + blocks + b"\0"
    palette = bytes(level * 2 for level in range(128) for _ in range(3))
    file = folder / "animation.gif"
    file.write_bytes(b"GIF89a" + struct.pack("<2H3B", side, side, 0x86, 0, 0) + palette + frame * frames + b";")
    return file


def seconds(worker, text):
    """When the line with this text was logged."""
    return datetime.fromisoformat(worker.wait_line(text).split()[0].replace("Z", "+00:00")).timestamp()


@pytest.fixture
def start(start_worker, tmp_path):
    """Starts workers that leave a trace of how they ended, for ended_by_itself()."""
    def start(**settings):
        worker = start_worker(BW_LOG_LEVEL="debug", LD_DEBUG="statistics", LD_DEBUG_OUTPUT=tmp_path / "linker",
                              **settings)
        worker.linker_report = tmp_path / f"linker.{worker.process.pid}"
        return worker

    return start


def ended_by_itself(worker):
    """Whether main() returned: the dynamic linker then writes its final figures, which _Exit() leaves out."""
    return "final number of relocations" in worker.linker_report.read_text()


def assert_ended_by_themselves(workers):
    """All but one, which on a busy machine may be too late."""
    by_itself = [ended_by_itself(worker) for worker in workers]
    assert sum(by_itself) >= len(workers) - 1, dict(zip(MOMENTS, by_itself))


def test_deadline(js, start, outdir, tmp_path):
    sequence = js.publish_job("job", slow_animation(tmp_path))
    workers = []
    for delivery, moment in enumerate(MOMENTS, 1):
        worker = start(BW_JOB_TIMEOUT=f"{moment}ms", BW_RETRY_DELAY="1ms")
        assert_failed(worker, 7, "timeout", id="job", seq=sequence, delivery=f"{delivery}/5", where="BW_JOB_TIMEOUT")
        assert names(outdir) == []
        workers.append(worker)
    assert_ended_by_themselves(workers)


def test_hard_stop(js, start, outdir, tmp_path):
    js.publish_job("job", slow_animation(tmp_path))
    workers = []
    for delivery, moment in enumerate(MOMENTS, 1):
        worker = start(BW_STOP_GRACE=f"{moment}ms")
        worker.wait_line("job begun")
        worker.signal()
        assert_failed(worker, 8, "stopped", id="job", delivery=f"{delivery}/5")
        assert names(outdir) == []
        workers.append(worker)
    assert_ended_by_themselves(workers)


def test_what_cannot_be_cancelled_ends_with_the_process(js, start, outdir, tmp_path):
    """ImageMagick, which makes the PNG, hears nothing of a progressive JPEG before its last scan."""
    (tmp_path / "scans.png").write_bytes(bombs.progressive_jpeg(7000, 100))
    js.publish_job("job", tmp_path / "scans.png")
    worker = start(BW_JOB_TIMEOUT="200ms")
    assert_failed(worker, 7, "timeout", id="job", delivery="1/5", where="BW_JOB_TIMEOUT")
    assert not ended_by_itself(worker)
    late = seconds(worker, " error ") - seconds(worker, "job begun") - 0.2
    assert GRACE * 0.9 < late < GRACE + 2  # the whole takes seconds
    assert names(outdir) == []
