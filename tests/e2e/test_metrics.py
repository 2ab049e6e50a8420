"""BW_METRICS: every number against jobs whose fate is known, read as Prometheus reads it, and by a real one."""

import os
import signal
import time

import pytest

from harness import metrics, pictures
from harness.checks import assert_failed, wait_until
from harness.jetstream import SECOND
from harness.metrics import Page, Prometheus
from harness.worker import parse_line, run_bw

STAGES = ("read", "decode", "monochrome", "encode", "commit", "queue")


@pytest.fixture
def start_parent(start_worker):
    def start(workers=1, **settings):
        defaults = {"BW_WORKERS": workers, "BW_METRICS": "127.0.0.1:0", "BW_RETRY_DELAY": "100ms", "BW_LOG_LEVEL": "debug"}
        settings = defaults | settings
        parent = start_worker(**settings)
        page = Page(parent)
        page.wait(workers_connected=workers)
        return parent, page
    return start


def pid_of_worker(parent):
    """The page of the parent that was started last."""
    lines = [parse_line(line) for line in list(parent.lines)]
    return int([line for line in lines if line and line.message == "worker"][-1].fields["pid"])


def test_every_number(js, start_parent, outdir, tmp_path):
    small, animation, damaged = (pictures.small(tmp_path), pictures.TESTDATA / "images/animation.gif",
                                 pictures.TESTDATA / "damaged/noise.png")
    parent, page = start_parent(workers=2)
    for number in range(3):
        js.publish_job(f"small-{number}", small)
    js.publish_job("animation", animation)
    for poison in (damaged, tmp_path / "not-there.jpg"):
        js.publish_job("poison", poison)
    js.publish("{}")
    wait_until(lambda: js.messages() == 3 and page.jobs()["failed"] == 15, pause=0.1)
    page.wait(workers_connected=2, jobs_in_hand=0)
    wait_until(lambda: page['bw_queue_dead_jobs{stream="IMAGES",consumer="BW"}'] == 3, pause=0.1)

    text, values = page.text(), page.values()
    assert page.jobs() == {"done": 4, "failed": 15, "given_back": 0, "crashed": 0, "forgotten": 0}
    errors = {name: value for name, value in values.items() if name.startswith("bw_errors_total") and value}
    assert errors == {'bw_errors_total{kind="job",class="permanent"}': 5,
                      'bw_errors_total{kind="image",class="permanent"}': 5,
                      'bw_errors_total{kind="input",class="transient"}': 5}
    assert values["bw_deliveries_total"] == 19
    assert values["bw_redeliveries_total"] == 12
    assert values['bw_worker_restarts_total{reason="failed"}'] == 15
    assert values["bw_input_bytes_total"] == 3 * small.stat().st_size + animation.stat().st_size
    assert values["bw_output_bytes_total"] == sum(file.stat().st_size for file in outdir.iterdir())
    # What identify says of the frames of the animation, together.
    assert values["bw_input_pixels_total"] == values["bw_output_pixels_total"] == 3 * 16 * 16 + 10507
    done = [parse_line(line).fields for line in parent.lines if " job done " in line]
    for stage in STAGES:
        of_stage = f'bw_stage_duration_seconds_{{}}{{{{stage="{stage}"{{}}}}}}'
        times = [int(fields[f"{stage}_us"]) for fields in done]
        assert values[of_stage.format("count", "")] == 4
        assert values[of_stage.format("sum", "")] == pytest.approx(sum(times) / 1e6)
        for bound in ("0.001", "0.01", "0.1", "1", "+Inf"):
            below = sum(time <= float(bound) * 1e6 for time in times)
            assert values[of_stage.format("bucket", f',le="{bound}"')] == below
    for number in ("pending", "ack_pending", "redelivered"):
        assert values[f'bw_queue_{number}_jobs{{stream="IMAGES",consumer="BW"}}'] == 0
    assert values["bw_workers"] == 2
    version = run_bw("--version").stdout.split()[1]
    assert values[f'bw_build_info{{version="{version}"}}'] == 1
    checked = metrics.check(text)
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")
    assert parent.stop() == 0


def test_all_numbers_are_there_from_the_start(js, start_parent):
    _, page = start_parent()
    wait_until(lambda: "bw_queue_dead_jobs" in page.text(), pause=0.1)
    values = page.values()
    assert metrics.check(page.text()).returncode == 0
    gauges = {'bw_workers': 1, 'bw_workers_connected': 1}
    for name, value in values.items():
        assert value == gauges.get(name, 1 if name.startswith("bw_build_info") else 0), name
    assert len(values) == 5 + 10 + len(STAGES) * (14 + 2) + 6 + 4 + 3 + 1 + 4


def test_killed_worker_loses_no_count(empty_js, start_parent, gate):
    js = empty_js.create(consumer={"ack_wait": 2 * SECOND})
    picture = pictures.TESTDATA / "images/small.jpg"
    parent, page = start_parent(BW_JOB_TIMEOUT="5m")
    for number in range(5):
        js.publish_job(f"before-{number}", picture)
    wait_until(lambda: page.jobs()["done"] == 5, pause=0.1)
    js.publish_job("held", gate.file)
    gate.wait_reached()
    page.wait(jobs_in_hand=1)
    js.publish_job("waiting", picture)
    wait_until(lambda: page['bw_queue_pending_jobs{stream="IMAGES",consumer="BW"}'] == 1, pause=0.1)
    assert page['bw_queue_ack_pending_jobs{stream="IMAGES",consumer="BW"}'] == 1
    os.kill(pid_of_worker(parent), signal.SIGKILL)
    wait_until(lambda: page.jobs()["crashed"] == 1, pause=0.1)
    gate.open()
    wait_until(lambda: page.jobs()["done"] == 7, pause=0.1)
    page.wait(jobs_in_hand=0, workers_connected=1, deliveries_total=8, redeliveries_total=1)
    after = page.values()
    assert page.jobs() == {"done": 7, "failed": 0, "given_back": 0, "crashed": 1, "forgotten": 0}
    assert after['bw_worker_restarts_total{reason="crashed"}'] == 1
    assert after["bw_input_bytes_total"] == 6 * picture.stat().st_size + gate.file.stat().st_size
    assert after['bw_stage_duration_seconds_count{stage="encode"}'] == 7


def test_given_back_and_retired(js, start_parent, gate):
    parent, page = start_parent(BW_JOB_TIMEOUT="5m", BW_RETIRE_JOBS=1)
    js.publish_job("held", gate.file)
    gate.wait_reached()
    os.kill(pid_of_worker(parent), signal.SIGTERM)
    parent.wait_line("stopping")
    os.kill(pid_of_worker(parent), signal.SIGUSR2)  # the parent's hard stop
    wait_until(lambda: page.jobs()["given_back"] == 1, pause=0.1)
    gate.open()
    wait_until(lambda: page['bw_worker_restarts_total{reason="retired"}'] == 1, pause=0.1)
    assert page['bw_worker_restarts_total{reason="failed"}'] == 1
    assert page['bw_errors_total{kind="stopped",class="transient"}'] == 1
    assert page.jobs()["done"] == 1


def test_ready_while_the_server_is_there(js, server, start_parent):
    _, page = start_parent(workers=2)
    wait_until(lambda: "bw_queue_pending_jobs" in page.text(), pause=0.1)
    assert (page.healthz(), page.readyz()) == (200, 200)
    server.stop()
    page.wait(workers_connected=0)
    assert (page.healthz(), page.readyz()) == (200, 503)
    wait_until(lambda: "bw_queue" not in page.text(), pause=0.1)  # once it is 10 s old
    server.start()
    page.wait(workers_connected=2)
    assert page.readyz() == 200
    wait_until(lambda: "bw_queue_pending_jobs" in page.text(), pause=0.1)


def test_not_ready_without_the_consumer(empty_js, start_worker):
    empty_js.create_stream()
    page = Page(start_worker(BW_WORKERS=1, BW_METRICS="127.0.0.1:0"))
    wait_until(lambda: page['bw_errors_total{kind="difference",class="permanent"}'] == 1, pause=0.1)
    assert page.readyz() == 503
    empty_js.create_consumer()
    wait_until(lambda: page.readyz() == 200, pause=0.1)


def test_never_ready_without_outdir(js, start_worker, outdir):
    outdir.rmdir()
    page = Page(start_worker(BW_WORKERS=4, BW_METRICS="127.0.0.1:0"))
    seen = set()

    def failed_often():
        seen.add(page.readyz())
        return page['bw_errors_total{kind="output",class="transient"}'] >= 12

    wait_until(failed_often, pause=0)
    assert seen == {503}
    outdir.mkdir()
    page.wait(workers_connected=4)
    assert page.readyz() == 200


def test_one_worker_asks_for_all(js, start_parent):
    parent, page = start_parent(workers=3)
    asked = js.connection.subscribe("$JS.API.STREAM.INFO.IMAGES")
    times = []
    for _ in range(3):
        asked.next(30)
        times.append(time.monotonic())
    assert min(times[1] - times[0], times[2] - times[1]) > 1, times
    assert parent.stop() == 0


def test_a_real_prometheus_reads_it(js, start_parent, tmp_path):
    parent, page = start_parent(workers=2)
    with Prometheus(tmp_path / "prometheus", page.address) as prometheus:
        for number in range(20):
            js.publish_job(f"good-{number}", pictures.TESTDATA / "images/small.jpg")
        js.publish("{}")
        wait_until(lambda: list(prometheus.query("sum(bw_jobs_total)").values()) == [25], pause=0.2)
        assert prometheus.query("sum by (outcome) (bw_jobs_total) > 0") == {
            (("outcome", "done"),): 20, (("outcome", "failed"),): 5}
        dead = 'bw_queue_dead_jobs{consumer="BW",stream="IMAGES"}'
        wait_until(lambda: list(prometheus.query(dead).values()) == [1], pause=0.2)
        slowest = prometheus.query("histogram_quantile(1, sum by (le) (bw_stage_duration_seconds_bucket))")
        assert 0 < slowest[()] <= 10
        target, = prometheus.api("targets")["activeTargets"]
        assert (target["health"], target["lastError"]) == ("up", "")
        assert list(prometheus.query("scrape_samples_scraped").values()) == [len(page.values())]
    assert parent.stop() == 0


def test_address_that_is_taken(js, start_parent, start_worker):
    _, page = start_parent()
    second = start_worker(BW_WORKERS=1, BW_METRICS=page.address)
    record = assert_failed(second, 2, "configuration", where="BW_METRICS")
    assert "Address already in use" in record.message
