"""Pictures that take bw a wanted time, on whatever machine and with whatever sanitizer."""

from pathlib import Path

from .pictures import pgm

# Noise of this many pixels is converted first, to see how fast bw is here.
PROBE_SIDE = 1500
# 24 megapixels stay well below ImageMagick's limit for memory (Debian's policy, 256 MiB at 8 bytes a pixel): beyond it
# a picture goes to a file, and a job of seconds takes minutes. On a very fast machine a job then takes less time than was
# wanted.
MAX_SIDE = 4900


def slow_picture(folder, js, worker, seconds, probe="probe"):
    """Writes a picture that this idle worker needs about so many seconds for, if any does."""
    js.publish_job(probe, pgm(Path(folder) / "probe.pgm", PROBE_SIDE, PROBE_SIDE))
    record = worker.wait_record(f"id={probe}")
    assert record.message == "job done", record
    measured = int(record.fields["convert_us"]) / 1e6
    side = min(int(PROBE_SIDE * (seconds / measured) ** 0.5), MAX_SIDE)
    return pgm(Path(folder) / "slow.pgm", side, side)
