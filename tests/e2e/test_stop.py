"""Stopping: SIGTERM ends a worker after its job, and no job is left stranded until ack wait."""

import random
import signal
import time

from harness import pictures
from harness.checks import assert_failed, names, wait_until
from harness.load import Load

ROUNDS = 200
AT_ONCE = 4


def test_no_job_is_stranded_by_200_stops_under_load(server, js, connect, start_worker, outdir, tmp_path):
    advisories = connect(server).subscribe("advisory.>")
    seed = random.randrange(10**6)
    print("seed", seed)
    chance = random.Random(seed)
    load = Load(connect(server), pictures.small(tmp_path))
    load.start()
    for batch in range(ROUNDS // AT_ONCE):
        load.waiting = (20, 2)[batch % 2]
        workers = [start_worker() for _ in range(AT_ONCE)]
        for worker in workers:
            worker.wait_line("job done")
        for worker in workers:
            time.sleep(chance.uniform(0, 0.1))  # the random moment
            worker.signal()
        codes = [worker.wait_exit() for worker in workers]
        assert codes == [0] * AT_ONCE, workers[0].log()
        info = js.consumer_info()
        assert (info["num_ack_pending"], info["num_redelivered"]) == (0, 0), f"batch {batch}: {info}"
        advisories.pending()
    load.end()
    worker = start_worker()
    wait_until(lambda: js.messages() == 0, deadline=25, pause=0.1)  # less than the ack wait of 30 s
    assert worker.stop() == 0
    assert js.consumer_info()["delivered"]["consumer_seq"] == load.sent, "each job delivered once"
    assert len(names(outdir)) == load.sent


def start_held_job(js, start_worker, gate, **settings):
    worker = start_worker(**{"BW_JOB_TIMEOUT": "5m"} | settings)
    js.publish_job("held", gate.file)
    gate.wait_reached()
    return worker


def test_stop_finishes_the_job_in_hand(js, start_worker, outdir, gate):
    worker = start_held_job(js, start_worker, gate, BW_STOP_GRACE="120s")
    js.publish_job("not-begun", gate.file)
    worker.signal()
    worker.wait_line("stopping")
    gate.open()
    assert worker.wait_exit() == 0
    assert worker.has_line("stopped")
    assert names(outdir) == ["held.pgm"]
    info = js.consumer_info()
    assert (js.messages(), info["num_ack_pending"], info["num_pending"]) == (1, 0, 1)


def test_interrupt_is_the_same(js, start_worker):
    worker = start_worker()
    worker.wait_line("ready")
    worker.signal(signal.SIGINT)
    assert worker.wait_exit() == 0


def test_idle_worker_stops_at_once(js, start_worker):
    worker = start_worker()
    worker.wait_line("ready")
    begin = time.monotonic()
    assert worker.stop() == 0
    assert time.monotonic() - begin < 10  # about 1 s where the machine has nothing else to do


def check_given_back(worker, start_worker, begin, outdir, gate):
    """Exit 8 in the middle of the job; the next worker gets the job before its ack wait of 30 s is over."""
    assert_failed(worker, 8, "stopped", id="held", delivery="1/5")
    assert time.monotonic() - begin < 4
    assert names(outdir) == []
    gate.open()
    second = start_worker()
    record = second.wait_record("id=held", deadline=15)
    assert (record.message, record.fields["delivery"]) == ("job done", "2/5")


def test_second_signal_gives_the_job_back(js, start_worker, outdir, gate):
    worker = start_held_job(js, start_worker, gate, BW_STOP_GRACE="10m")
    begin = time.monotonic()
    worker.signal()
    worker.wait_line("stopping")
    worker.signal()
    check_given_back(worker, start_worker, begin, outdir, gate)


def test_end_of_the_grace_gives_the_job_back(js, start_worker, outdir, gate):
    worker = start_held_job(js, start_worker, gate, BW_STOP_GRACE="300ms")
    begin = time.monotonic()
    worker.signal()
    check_given_back(worker, start_worker, begin, outdir, gate)


def test_other_signals_mean_nothing(js, start_worker):
    """Not even the signal that bw wakes its own thread with ends it."""
    worker = start_worker()
    worker.wait_line("ready")
    for _ in range(3):
        worker.signal(signal.SIGUSR1)
    assert worker.stop() == 0
