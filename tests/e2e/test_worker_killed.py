"""A worker that is killed leaves its job to another one, and no half-written picture."""

import random
import time

from harness import pictures
from harness.checks import names, wait_until
from harness.jetstream import SECOND


def test_job_of_a_killed_worker_is_done_by_another(empty_js, start_worker, outdir, gate):
    js = empty_js.create(consumer={"ack_wait": 2 * SECOND})
    worker = start_worker(BW_JOB_TIMEOUT="5m")
    js.publish_job("held", gate.file)
    gate.wait_reached()
    worker.kill()
    assert names(outdir) == []
    gate.open()
    second = start_worker()
    record = second.wait_record("id=held")
    assert (record.message, record.fields["delivery"]) == ("job done", "2/5")
    assert second.stop() == 0
    assert js.messages() == 0
    assert pictures.pixels(outdir / "held.pgm")[0] == pictures.pixels(gate.file)[0]


def test_final_names_hold_whole_pictures_whenever_workers_are_killed(empty_js, start_worker, outdir, tmp_path):
    js = empty_js.create(consumer={"ack_wait": SECOND, "max_deliver": -1})
    picture = pictures.pgm(tmp_path / "picture.pgm", 1500, 1500)  # some 30 ms, so that the moment falls into a job
    for number in range(50):
        js.publish_job(f"job-{number:02}", picture)
    seed = random.randrange(10**6)
    print("seed", seed)
    chance = random.Random(seed)
    for _ in range(15):
        worker = start_worker()
        worker.wait_line("ready")
        wait_until(lambda: worker.has_line("job done") or js.messages() == 0)
        time.sleep(chance.uniform(0, 0.02))  # the random moment
        worker.kill()
    worker = start_worker()
    worker.wait_line("ready")  # before that a signal finds nobody who handles it
    wait_until(lambda: js.messages() == 0, pause=0.1)
    assert worker.stop() == 0
    done = [name for name in names(outdir) if not name.startswith(".")]
    assert done == [f"job-{number:02}.pgm" for number in range(50)]
    contents = {(outdir / name).read_bytes() for name in done}
    assert len(contents) == 1, "one picture, one result"
