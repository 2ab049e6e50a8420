"""Several workers on one consumer share the work: every job done, none twice."""

import pytest

from harness import pictures
from harness.checks import assert_all_done, names, wait_until
from harness.worker import PYTHON_WORKER


@pytest.fixture
def picture(tmp_path):
    return pictures.small(tmp_path)


def check_all_advised_once(advisories, ids):
    heard = [message.json()["id"] for message in advisories.pending()]
    assert sorted(heard) == sorted(ids)


def test_four_workers_and_500_jobs(js, start_worker, outdir, picture):
    ids = [f"job-{number:03}" for number in range(500)]
    advisories = js.connection.subscribe("advisory.>")
    workers = [start_worker() for _ in range(4)]
    for job_id in ids:
        js.publish_job(job_id, picture)
    wait_until(lambda: js.messages() == 0, deadline=280, pause=0.1)
    assert [worker.stop() for worker in workers] == [0] * 4
    assert names(outdir) == [f"{job_id}.pgm" for job_id in ids]
    check_all_advised_once(advisories, ids)
    assert_all_done(js, len(ids))
    assert all(worker.has_line("job done") for worker in workers)


def test_beside_a_worker_in_another_language(js, start_worker, outdir, picture):
    ids = [f"job-{number:03}" for number in range(60)]
    advisories = js.connection.subscribe("advisory.>")
    bw, other = start_worker(), start_worker(command=PYTHON_WORKER)
    bw.wait_line("ready")
    other.wait_line("ready")
    for job_id in ids:
        js.publish_job(job_id, picture)
    wait_until(lambda: js.messages() == 0, pause=0.1)
    assert (bw.stop(), other.stop()) == (0, 0)
    assert names(outdir) == [f"{job_id}.pgm" for job_id in ids]
    check_all_advised_once(advisories, ids)
    assert_all_done(js, len(ids))
    done_by_bw = sum("job done" in line for line in bw.lines)
    assert 0 < done_by_bw < len(ids), "both are to do some"


def test_both_make_the_same_picture(js, start_worker, outdir, picture):
    dither = {6: "riemersma", 7: "none"}[pictures.magick_version()]  # what the convert of the other worker does
    for job_id, command in (("bw", None), ("python", PYTHON_WORKER)):
        worker = start_worker(command=command, BW_DITHER=dither)
        worker.wait_line("ready")
        js.publish_job(job_id, picture)
        wait_until(lambda: js.messages() == 0)
        assert worker.stop() == 0
    assert pictures.pixels(outdir / "bw.pgm") == pictures.pixels(outdir / "python.pgm")
