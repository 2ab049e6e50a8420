"""A long job stays with its worker however short ack wait is, and ends at the job timeout."""

import time

from harness.checks import assert_all_done, assert_failed, names, wait_until
from harness.jetstream import SECOND


def test_job_longer_than_ack_wait_is_delivered_once(empty_js, start_worker, outdir, gate):
    js = empty_js.create(consumer={"ack_wait": 2 * SECOND})
    workers = [start_worker(BW_JOB_TIMEOUT="5m") for _ in range(2)]  # the second would get a redelivery
    for worker in workers:
        worker.wait_line("ready")
    js.publish_job("held", gate.file)
    gate.wait_reached()
    js.wait_ack_waits(2)
    gate.open()
    wait_until(lambda: js.messages() == 0)
    assert_all_done(js, 1)
    assert names(outdir) == ["held.pgm"]
    assert [worker.stop() for worker in workers] == [0, 0]


def test_job_timeout(js, start_worker, outdir, gate):
    sequence = js.publish_job("held", gate.file)
    worker = start_worker(BW_JOB_TIMEOUT="300ms", BW_RETRY_DELAY="100ms")
    gate.wait_reached()
    begin = time.monotonic()
    assert_failed(worker, 7, "timeout", id="held", seq=sequence, delivery="1/5")
    assert time.monotonic() - begin < 4  # far less than the default
    assert names(outdir) == []
    # It was given back: the next try comes long before the ack wait of 30 s is over.
    begin = time.monotonic()
    again = start_worker(BW_JOB_TIMEOUT="300ms")
    assert_failed(again, 7, "timeout", id="held", seq=sequence, delivery="2/5")
    assert time.monotonic() - begin < 15
    assert js.messages() == 1
