"""A long job stays with its worker however short ack wait is, and ends at the job timeout."""

import time

from harness.checks import assert_all_done, assert_failed, names, wait_until
from harness.jetstream import SECOND
from harness.slow import slow_picture


def test_job_longer_than_ack_wait_is_delivered_once(empty_js, start_worker, outdir, tmp_path):
    js = empty_js.create(consumer={"ack_wait": 2 * SECOND})
    workers = [start_worker(BW_JOB_TIMEOUT="5m") for _ in range(2)]  # the second would get a redelivery
    for jobs, seconds in enumerate((7, 14, 28), start=1):  # a busy machine may have misled the first measurement
        slow = slow_picture(tmp_path, js, _Either(workers), seconds, probe=f"probe-{jobs}")
        js.publish_job(f"slow-{jobs}", slow)
        record = _Either(workers).wait_record(f"id=slow-{jobs}")
        assert record.message == "job done"
        if int(record.fields["convert_us"]) > 4_000_000:
            break
    else:
        raise AssertionError("no job was longer than twice the ack wait")
    wait_until(lambda: js.messages() == 0)
    assert_all_done(js, 2 * jobs)
    assert [worker.stop() for worker in workers] == [0, 0]


def test_job_timeout(js, start_worker, outdir, tmp_path):
    patient = start_worker(BW_JOB_TIMEOUT="5m")
    slow = slow_picture(tmp_path, js, patient, 7)
    assert patient.stop() == 0
    sequence = js.publish_job("slow", slow)
    worker = start_worker(BW_JOB_TIMEOUT="300ms", BW_RETRY_DELAY="100ms")
    worker.wait_line("ready")
    begin = time.monotonic()
    assert_failed(worker, 7, "timeout", id="slow", seq=sequence, delivery="1/5")
    assert time.monotonic() - begin < 4  # far less than the job
    assert names(outdir) == ["probe.pgm"]
    # It was given back: the next try comes long before the ack wait of 30 s is over.
    begin = time.monotonic()
    again = start_worker(BW_JOB_TIMEOUT="300ms")
    assert_failed(again, 7, "timeout", id="slow", seq=sequence, delivery="2/5")
    assert time.monotonic() - begin < 15
    assert js.messages() == 1


class _Either:
    """Waits for a line of whichever worker gets the job."""

    def __init__(self, workers):
        self._workers = workers

    def wait_record(self, text):
        worker = wait_until(lambda: next((each for each in self._workers if each.has_line(text)), None))
        return worker.wait_record(text)
