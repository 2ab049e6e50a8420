"""OUTDIR full, or an input root missing, while jobs wait and two workers are started again at once whenever they
end: no job uses up its deliveries. BW_TEST_OUTAGE: for how many seconds."""

import os
import time

import pytest

from harness import pictures
from harness.checks import assert_failed, names, one_error, wait_until
from harness.disks import fill, tmpfs
from harness.jetstream import MAX_DELIVERIES

OUTAGE = float(os.environ.get("BW_TEST_OUTAGE", "10"))
JOBS = 500


@pytest.fixture
def small_disk(tmp_path):
    with tmpfs(tmp_path / "small-disk", "size=16m") as folder:
        yield folder


@pytest.fixture
def dead(js):
    return js.connection.subscribe(MAX_DELIVERIES)


def publish_jobs(js, picture):
    for number in range(JOBS):
        js.publish_job(f"job-{number}", picture, advisory=False)


def check_failures(runs, code, kind):
    assert runs, "no worker has ended"
    for run in runs:
        assert run.process.returncode == code, run.log()
        fields = one_error(run.lines).fields
        assert (fields["kind"], fields["class"]) == (kind, "transient")


def check_all_done(js, dead, outputs, deliveries):
    wait_until(lambda: js.messages() == 0, pause=0.1)
    assert len([name for name in names(outputs) if name.startswith("job-")]) == JOBS
    assert not [name for name in names(outputs) if name.startswith(".")]
    assert dead.pending() == []
    assert JOBS <= js.consumer_info()["delivered"]["consumer_seq"] <= deliveries


def check_outage(js, keepers, code, kind):
    """Workers end and are started again, and nothing is delivered."""
    end = time.monotonic() + OUTAGE
    for keeper in keepers:
        keeper.wait_runs(3)
    time.sleep(max(0, end - time.monotonic()))  # the outage itself
    assert js.consumer_info()["delivered"]["consumer_seq"] == 0
    assert js.messages() == JOBS
    for keeper in keepers:
        check_failures(list(keeper.runs), code, kind)


def test_outdir_is_full(js, dead, keeper, small_disk, tmp_path):
    fill(small_disk / "filler")
    publish_jobs(js, pictures.small(tmp_path))
    keepers = [keeper(OUTDIR=small_disk, BW_MIN_FREE="1MiB") for _ in range(2)]
    check_outage(js, keepers, 6, "output")
    (small_disk / "filler").unlink()
    check_all_done(js, dead, small_disk, JOBS)


def test_input_root_is_missing(js, dead, keeper, outdir, tmp_path):
    (tmp_path / "in").mkdir()
    publish_jobs(js, pictures.small(tmp_path / "in"))
    (tmp_path / "in").rename(tmp_path / "away")
    keepers = [keeper(BW_INPUT_ROOTS=f"{tmp_path}/in") for _ in range(2)]
    check_outage(js, keepers, 10, "input")
    (tmp_path / "away").rename(tmp_path / "in")
    check_all_done(js, dead, outdir, JOBS)


def test_input_root_is_made_again(js, start_worker, tmp_path):
    """The sandbox would let nothing be read there."""
    root = tmp_path / "in"
    root.mkdir()
    worker = start_worker(BW_INPUT_ROOTS=root)
    worker.wait_line("ready")
    root.rename(tmp_path / "away")
    root.mkdir()
    assert_failed(worker, 10, "input", where=root)


def test_outdir_fills_up_while_they_work(js, dead, keeper, small_disk, tmp_path):
    """Each worker loses at most the delivery of the job in hand, and nothing to a pull: an outage is seen before the
    next one."""
    publish_jobs(js, pictures.pgm(tmp_path / "picture.pgm", 100, 100))
    keepers = [keeper(OUTDIR=small_disk, BW_MIN_FREE="1MiB") for _ in range(2)]
    wait_until(lambda: len(names(small_disk)) > 5)
    fill(small_disk / "filler")
    for each in keepers:
        each.wait_runs(2)
    assert js.messages() > 0
    time.sleep(OUTAGE / 2)
    (small_disk / "filler").unlink()
    for each in keepers:
        check_failures(list(each.runs), 6, "output")
    check_all_done(js, dead, small_disk, JOBS + len(keepers))
