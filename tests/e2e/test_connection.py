"""Connections that are cut while the server stays: the worker goes on, no job is lost or left unannounced."""

import time

import pytest

from harness import pictures
from harness.checks import assert_all_done, names, wait_until
from harness.jetstream import SECOND
from harness.proxy import Proxy, SlowProxy


@pytest.fixture
def js(empty_js):
    """A job that was on its way over a connection when that was cut comes again after ack wait: soon, here."""
    return empty_js.create(consumer={"ack_wait": 5 * SECOND})


@pytest.fixture
def proxy(server):
    proxy = Proxy(server.port)
    yield proxy
    proxy.close()


@pytest.fixture
def advisories(js):
    return js.connection.subscribe("advisory.>")


@pytest.fixture
def worker(start_worker, proxy):
    worker = start_worker(NATS_URL=proxy.url, BW_JOB_TIMEOUT="5m")
    worker.wait_line("ready")
    return worker


def wait_all_done(js, jobs):
    wait_until(lambda: js.messages() == 0)
    assert_all_done(js, jobs)


def test_cut_while_idle(js, proxy, advisories, worker, tmp_path):
    for number in (1, 2, 3):
        assert proxy.cut() == 1
        worker.wait_line("connection back", count=number)
        js.publish_job(f"job-{number}", pictures.small(tmp_path))
        assert advisories.next(90).json() == {"id": f"job-{number}"}
        wait_all_done(js, number)
        worker.wait_line("job done", count=number)  # it has its answer too: now it is idle
    assert worker.stop() == 0


def test_cut_in_the_middle_of_a_job(js, proxy, advisories, worker, outdir, gate):
    js.publish_job("held", gate.file)
    gate.wait_reached()
    assert proxy.cut() == 1
    worker.wait_line("connection back")
    gate.open()
    assert advisories.next(90).json() == {"id": "held"}
    wait_all_done(js, 1)
    assert names(outdir) == ["held.pgm"]
    assert worker.stop() == 0


@pytest.mark.parametrize("forward", [False, True], ids=["ack-lost", "answer-lost"])
def test_cut_between_the_advisory_and_the_acks_answer(forward, js, proxy, advisories, worker, tmp_path):
    """Whether the advisory came through cannot be known, so it is published again before the ack is."""
    proxy.cut_at(b"+ACK", forward)
    js.publish_job("job-1", pictures.small(tmp_path))
    assert proxy.sprung.wait(90)
    assert [advisories.next(90).json() for _ in range(2)] == [{"id": "job-1"}] * 2
    wait_all_done(js, 1)
    js.publish_job("job-2", tmp_path / "small.pgm")
    assert advisories.next(90).json() == {"id": "job-2"}
    wait_all_done(js, 2)
    assert worker.stop() == 0


def test_cut_at_the_advisory(js, proxy, advisories, worker, tmp_path):
    """It was not flushed: it is published after the connection is back."""
    proxy.cut_at(b"PUB advisory.job-1", forward=False)
    js.publish_job("job-1", pictures.small(tmp_path))
    assert proxy.sprung.wait(90)
    assert advisories.next(90).json() == {"id": "job-1"}
    wait_all_done(js, 1)
    assert worker.stop() == 0


def test_cut_under_load(js, proxy, advisories, worker, outdir, tmp_path):
    picture = pictures.small(tmp_path)
    ids = [f"job-{number:02}" for number in range(60)]
    for job_id in ids:
        js.publish_job(job_id, picture)
    for count in (10, 25, 40):
        worker.wait_line("job done", count=count)
        proxy.cut()
    wait_until(lambda: js.messages() == 0)
    assert worker.stop() == 0
    assert {message.json()["id"] for message in advisories.pending()} == set(ids)
    assert names(outdir) == [f"{job_id}.pgm" for job_id in ids]


def test_stall_makes_no_worker_hoard_jobs(js, proxy, worker):
    """Pulls that a network held back all come at once; each that is still good takes a job from the others."""
    proxy.stall()
    time.sleep(6)  # the fault itself: several pulls long
    proxy.resume()
    wait_until(lambda: js.consumer_info()["num_waiting"] > 0)
    assert js.consumer_info()["num_waiting"] <= 2
    assert worker.stop() == 0
    assert js.consumer_info()["num_ack_pending"] == 0


def test_a_slow_link_keeps_the_job(empty_js, server, start_worker, gate):
    """An answer of the server takes longer than the pause between two heartbeats, which wait for one."""
    js = empty_js.create(consumer={"ack_wait": 6 * SECOND})
    proxy = SlowProxy(server.port)
    worker = start_worker(NATS_URL=proxy.url)
    js.publish_job("held", gate.file)
    gate.wait_reached()
    proxy.latency = 1.05
    assert js.next(expires=15) is None  # without heartbeats the job would come here
    proxy.latency = 0
    gate.open()
    worker.wait_line("job done")
    assert js.consumer_info()["delivered"]["consumer_seq"] == 1
    assert worker.stop() == 0
    proxy.close()
