"""OUTDIR that takes no file: a clear error, no job fetched or lost, nothing half-written."""

import os
import subprocess
from contextlib import contextmanager

import pytest

from harness import pictures
from harness.checks import assert_failed, names


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


@pytest.fixture
def waiting_job(js, tmp_path):
    """A job whose result takes more than the 8 MiB that are asked for at the start."""
    picture = pictures.pgm(tmp_path / "picture.pgm", 3600, 3000)
    return js.publish_job("job-1", picture)


def check_not_fetched(js, worker, folder):
    record = assert_failed(worker, 6, "output")
    assert str(folder) in record.fields["where"], record
    assert js.consumer_info()["delivered"]["consumer_seq"] == 0
    assert js.messages() == 1


def test_not_set(start_worker):
    record = assert_failed(start_worker(OUTDIR=None), 2, "configuration")
    assert "OUTDIR" in str(record)


def test_missing(js, waiting_job, start_worker, tmp_path):
    missing = tmp_path / "missing"
    check_not_fetched(js, start_worker(OUTDIR=missing), missing)
    assert not missing.exists()


def test_is_a_file(js, waiting_job, start_worker, tmp_path):
    file = tmp_path / "file"
    file.touch()
    check_not_fetched(js, start_worker(OUTDIR=file), file)


def test_read_only(js, waiting_job, start_worker, tmp_path):
    if os.geteuid() == 0:  # permissions do not hold root back
        with tmpfs(tmp_path / "read-only", "ro") as folder:
            check_not_fetched(js, start_worker(OUTDIR=folder), folder)
    else:
        folder = tmp_path / "read-only"
        folder.mkdir(mode=0o555)
        check_not_fetched(js, start_worker(OUTDIR=folder), folder)


def test_full_from_the_start(js, waiting_job, start_worker, tmp_path):
    with tmpfs(tmp_path / "full", "size=64k") as folder:
        with pytest.raises(OSError), open(folder / "filler", "wb", buffering=0) as file:
            while True:
                file.write(bytes(4096))
        check_not_fetched(js, start_worker(OUTDIR=folder), folder)
        assert names(folder) == ["filler"]


def test_full_in_the_middle(js, waiting_job, start_worker, tmp_path):
    """There is room for the check at the start, and none for the picture."""
    with tmpfs(tmp_path / "small", "size=9m") as folder:
        worker = start_worker(OUTDIR=folder)
        assert_failed(worker, 6, "output", id="job-1", seq=waiting_job, delivery="1/5")
        assert names(folder) == []
        assert js.messages() == 1


def test_disappears_in_the_middle(js, start_worker, outdir, tmp_path):
    worker = start_worker()
    worker.wait_line("ready")
    outdir.rmdir()
    sequence = js.publish_job("job-1", pictures.small(tmp_path))
    assert_failed(worker, 6, "output", id="job-1", seq=sequence, delivery="1/5")
    assert js.messages() == 1
    # Whoever restarts the worker does not use up the job's deliveries.
    assert_failed(start_worker(), 6, "output")
    assert js.consumer_info()["delivered"]["consumer_seq"] == 1
    outdir.mkdir()
    start_worker().wait_line("job done")


def test_existing_file_of_the_same_name_is_replaced(js, start_worker, outdir, tmp_path):
    (outdir / "job-1.pgm").write_bytes(b"from an earlier, unfinished try")
    js.publish_job("job-1", pictures.small(tmp_path))
    start_worker().wait_line("job done")
    assert pictures.pixels(outdir / "job-1.pgm")[0] == b"16x16 "


def test_name_that_is_a_folder(js, start_worker, outdir, tmp_path):
    (outdir / "job-1.pgm").mkdir()
    sequence = js.publish_job("job-1", pictures.small(tmp_path))
    assert_failed(start_worker(), 6, "output", id="job-1", seq=sequence)
    assert names(outdir) == ["job-1.pgm"]
