"""A conversion that can be cancelled ends by itself at the deadline or the hard stop; the process need not be ended."""

import os
import struct
import time
from datetime import datetime

from harness import bombs
from harness.checks import assert_failed, names

# After it, the process is ended from outside of the conversion.
GRACE = 0.25
TRIES = 5  # on a busy machine any of them may be late


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


def test_deadline(js, start_worker, outdir, tmp_path):
    sequence = js.publish_job("job", slow_animation(tmp_path))
    late = []
    for delivery in range(1, TRIES + 1):
        worker = start_worker(BW_JOB_TIMEOUT="400ms", BW_RETRY_DELAY="1ms", BW_LOG_LEVEL="debug")
        assert_failed(worker, 7, "timeout", id="job", seq=sequence, delivery=f"{delivery}/5", where="BW_JOB_TIMEOUT")
        assert names(outdir) == []
        late.append(seconds(worker, " error ") - seconds(worker, "job begun") - 0.4)
        if late[-1] < GRACE:
            return
    raise AssertionError(f"it was ended from outside: {late}")


def test_hard_stop(js, start_worker, outdir, tmp_path):
    js.publish_job("job", slow_animation(tmp_path))
    late = []
    for delivery in range(1, TRIES + 1):
        worker = start_worker(BW_STOP_GRACE="1ms", BW_LOG_LEVEL="debug")
        worker.wait_line("job begun")
        time.sleep(0.4)  # into the work
        worker.signal()
        assert_failed(worker, 8, "stopped", id="job", delivery=f"{delivery}/5")
        assert names(outdir) == []
        late.append(seconds(worker, " error ") - seconds(worker, "stopping"))
        if late[-1] < GRACE:
            return
    raise AssertionError(f"it was ended from outside: {late}")


def test_what_cannot_be_cancelled_ends_with_the_process(js, start_worker, outdir, tmp_path):
    """ImageMagick, which makes the PNG, hears nothing of a progressive JPEG before its last scan."""
    (tmp_path / "scans.png").write_bytes(bombs.progressive_jpeg(7000, 100))
    js.publish_job("job", tmp_path / "scans.png")
    worker = start_worker(BW_JOB_TIMEOUT="200ms", BW_LOG_LEVEL="debug")
    assert_failed(worker, 7, "timeout", id="job", delivery="1/5", where="BW_JOB_TIMEOUT")
    late = seconds(worker, " error ") - seconds(worker, "job begun") - 0.2
    assert GRACE * 0.9 < late < GRACE + 2  # the whole takes seconds
    assert names(outdir) == []
