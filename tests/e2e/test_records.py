"""The results stream: a record of every delivery that ended (docs/records.md), and jobs with a trace."""

import json
import signal
import socket
import time

import pytest

from harness import pictures
from harness.checks import assert_failed, names, wait_until
from harness.jetstream import MAX_DELIVERIES, RESULTS, SECOND, ApiError, JetStream
from harness.permissions import Password, documented, without
from harness.worker import run_bw

TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"
TRACE = {"traceparent": f"00-{TRACE_ID}-00f067aa0ba902b7-01", "tracestate": "congo=t61rcWkgMzE"}


@pytest.fixture
def server(each_server):
    return each_server


@pytest.fixture
def picture(tmp_path):
    return pictures.pgm(tmp_path / "picture.pgm", 3, 2)


def records(results, outcome=""):
    """The records that the stream holds: [(subject, object), …]."""
    prefix = f"RESULTS.IMAGES.BW.{outcome}"
    return [(message.subject, json.loads(message.data)) for message in results.stored()
            if message.subject.startswith(prefix) and not message.subject.endswith(".probe")]


def run_job(js, start_worker, job_id, picture, **settings):
    """Has one worker do one job; the worker, which has ended."""
    js.publish_job(job_id, picture)
    worker = start_worker(**settings)
    worker.wait_line(f"job done id={job_id}")
    assert worker.stop() == 0
    assert js.messages() == 0
    return worker


def test_done(js, results, start_worker, outdir, picture):
    advisories = js.connection.subscribe("advisory.>")
    worker = run_job(js, start_worker, "job-1", picture)
    assert not worker.has_line("no records")
    [(subject, record)] = records(results)
    assert subject == "RESULTS.IMAGES.BW.done.1"
    output = outdir / "job-1.pgm"
    line = worker.wait_record("job done").fields
    assert record.pop("time") > record.pop("queued") > record.pop("stream_created")
    assert record == {"outcome": "done", "id": "job-1", "seq": 1, "delivery": 1, "max_deliver": 5,
                      "image": picture.as_uri(), "output": str(output), "input_bytes": picture.stat().st_size,
                      "output_bytes": output.stat().st_size, "columns": 3, "rows": 2, "frames": 1,
                      "worker": f"{socket.gethostname()}:{worker.process.pid}",
                      "version": run_bw("version").stdout.split()[-1],
                      **{name: int(value) for name, value in line.items()
                         if name.endswith("_us") and name != "queue_us"}}
    assert advisories.next().json() == {"id": "job-1"}


def test_every_failed_delivery(js, results, keeper, picture):
    js.publish({"id": "job-1", "image": "file:///not/there.pgm"})
    js.publish(b"no JSON")
    for run in keeper(BW_RETRY_DELAY="10ms").wait_runs(10):
        run.wait_exit()
    wait_until(lambda: sum(message.subject == MAX_DELIVERIES for message in results.stored()) == 2)
    found = records(results)
    assert [subject for subject, _ in found].count("RESULTS.IMAGES.BW.failed.1") == 5
    first = [record for _, record in found if record["seq"] == 1]
    assert [(record["delivery"], record["last"]) for record in first] == \
        [(number, number == 5) for number in range(1, 6)]
    for record in first:
        assert (record["outcome"], record["id"], record["kind"], record["class"]) == \
            ("failed", "job-1", "input", "transient")
        assert record["image"] == "file:///not/there.pgm" and "No such file" in record["what"]
    second = [record for _, record in found if record["seq"] == 2]
    assert len(second) == 5
    assert all("id" not in record and "image" not in record and record["kind"] == "job" for record in second)


def test_delivery_that_is_left_to_ack_wait(empty_js, results, start_worker):
    js = empty_js.create(consumer={"ack_wait": SECOND})
    js.publish(b"{}")
    assert_failed(start_worker(BW_RETRY_DELAY="0"), 4, "job")
    assert [subject for subject, _ in records(results)] == ["RESULTS.IMAGES.BW.failed.1"]


def test_stopped_delivery(js, results, start_worker, gate):
    worker = start_worker(BW_STOP_GRACE="100ms")
    js.publish_job("held", gate.file)
    gate.wait_reached()
    worker.signal()
    assert worker.wait_exit() == 8
    [(_, record)] = records(results)
    assert (record["outcome"], record["kind"], record["last"]) == ("failed", "stopped", False)


def test_job_that_two_workers_do(empty_js, results, start_worker, gate):
    """The first of them stands still for longer than ack wait, and goes on when the second has done the job."""
    js = empty_js.create(consumer={"ack_wait": SECOND})
    advisories = js.connection.subscribe("advisory.>")
    first = start_worker()
    js.publish_job("held", gate.file)
    gate.wait_reached()
    first.signal(signal.SIGSTOP)
    second = start_worker()
    wait_until(lambda: js.consumer_info()["num_redelivered"] == 1)
    gate.open()
    second.wait_line("job done")
    assert advisories.next().json() == {"id": "held"}
    first.signal(signal.SIGCONT)
    assert advisories.next().json() == {"id": "held"}
    first.wait_line("id=held")
    [(_, record)] = records(results)
    assert (record["outcome"], record["delivery"]) == ("done", 2)


def test_stream_that_was_made_anew(js, results, start_worker, picture):
    """Its numbers begin again."""
    run_job(js, start_worker, "old", picture)
    js.delete_stream()
    js.create()
    run_job(js, start_worker, "new", picture)
    assert [(subject, record["id"]) for subject, record in records(results)] == \
        [("RESULTS.IMAGES.BW.done.1", "old"), ("RESULTS.IMAGES.BW.done.1", "new")]


def test_without_a_results_stream(js, start_worker, picture):
    worker = run_job(js, start_worker, "job-1", picture)
    assert sum("no records are kept" in line for line in worker.lines) == 1
    assert worker.wait_record("no records are kept").fields == {"results": "IMAGES_RESULTS"}


def test_switched_off(js, results, start_worker, picture):
    worker = run_job(js, start_worker, "job-1", picture, BW_RESULTS="off")
    assert not worker.has_line("no records")
    assert records(results) == []


def test_other_name(js, results, start_worker, picture):
    results.delete_stream()
    results.stream = "ELSEWHERE"
    results.create_stream(**RESULTS)
    run_job(js, start_worker, "job-1", picture, BW_RESULTS="ELSEWHERE")
    assert len(records(results)) == 1


def test_stream_that_goes_while_workers_run(js, results, start_worker, outdir, picture):
    worker = start_worker()
    worker.wait_line("ready")
    results.delete_stream()
    js.publish_job("job-1", picture)
    record = assert_failed(worker, 3, "queue", where="IMAGES_RESULTS", id="job-1")
    assert "no stream takes RESULTS.IMAGES.BW.done.1" in record.message
    assert names(outdir) == ["job-1.pgm"]
    assert js.messages() == 1
    worker = start_worker()
    worker.wait_line("job done id=job-1")
    assert worker.stop() == 0
    assert js.messages() == 0


def test_stream_that_refuses_while_workers_run(js, results, start_worker, picture):
    """No job is acknowledged before its record is stored."""
    worker = start_worker()
    worker.wait_line("ready")
    results.update_stream(**RESULTS | {"max_msg_size": 16})
    js.publish_job("job-1", picture)
    record = assert_failed(worker, 3, "queue", where="IMAGES_RESULTS", delivery="1/5")
    assert "message size exceeds maximum allowed" in record.message
    assert js.messages() == 1
    results.update_stream(**RESULTS)
    worker = start_worker()
    worker.wait_line("job done")
    assert worker.stop() == 0
    assert [record["delivery"] for _, record in records(results, "done")] == [2]


@pytest.mark.parametrize(("changes", "words"), [({"discard": "new"}, "discard: new"),
                                                ({"subjects": ["RESULTS.OTHER.>"]}, "RESULTS.IMAGES.BW.>"),
                                                ({"max_msg_size": 1024}, "max_msg_size of 1024"),
                                                ({"no_ack": True}, "no_ack")])
def test_stream_that_keeps_no_records(changes, words, js, connect, server, start_worker, picture):
    """Each job would lose all of its deliveries."""
    JetStream(connect(server), "IMAGES_RESULTS").create_stream(**RESULTS | changes)
    js.publish_job("job-1", picture)
    record = assert_failed(start_worker(), 9, "difference", where="IMAGES_RESULTS")
    assert words in record.message and "BW_RESULTS off" in record.message
    assert js.consumer_info()["delivered"]["consumer_seq"] == 0


def test_advisory_that_would_pass_for_a_record(js, results, start_worker, picture):
    job = {"id": "job-1", "image": picture.as_uri(), "advisory": "RESULTS.IMAGES.BW.done.7"}
    js.publish(job)
    record = assert_failed(start_worker(), 4, "job")
    assert "pass for a record" in record.message
    assert [subject for subject, _ in records(results)] == ["RESULTS.IMAGES.BW.failed.1"]


def test_results_stream_that_is_down_with_the_server(server, js, results, start_worker, connect, gate):
    """A job in hand waits, and has its record when the server is back."""
    worker = start_worker()
    js.publish_job("held", gate.file)
    gate.wait_reached()
    server.stop()
    gate.open()
    worker.wait_line("connection lost")
    server.start()
    worker.wait_line("id=held")
    results.connection = connect(server)
    assert [record["id"] for _, record in records(results, "done")] == ["held"]


def test_storage_that_is_full(make_server, connect, start_worker, picture, tmp_path):
    """Acknowledgements take no storage and records do: each worker's start would cost a job a delivery."""
    server = make_server(jetstream=False, config=f'jetstream {{ store_dir: "{tmp_path}/store", max_file_store: 2MB }}')
    js = JetStream(connect(server)).create()
    results = JetStream(js.connection, "IMAGES_RESULTS")
    results.create_stream(**RESULTS | {"max_bytes": -1})
    js.publish_job("job-1", picture)
    others = JetStream(js.connection, "OTHERS")
    others.create_stream(subjects=["OTHERS.>"])
    while "error" not in js.connection.request("OTHERS.a", b"x" * 500).json():
        pass
    worker = start_worker(NATS_URL=server.url, BW_CONNECT_TIMEOUT="2s")
    record = assert_failed(worker, 3, "queue", where="IMAGES_RESULTS")
    assert "resource" in record.message
    assert worker.has_line("the results stream takes no records, so no job is fetched")
    assert js.consumer_info()["delivered"]["consumer_seq"] == 0

    worker = start_worker(NATS_URL=server.url, BW_CONNECT_TIMEOUT="10m")
    worker.wait_line("no job is fetched")
    others.delete_stream()
    worker.wait_line("job done id=job-1")
    assert worker.stop() == 0


@pytest.mark.parametrize("subject", ["RESULTS.OTHER.BW.done.5", "RESULTS.OTHER.BW.failed.5"])
def test_advisory_that_would_pass_for_a_record_of_another_queue(subject, js, results, start_worker, picture):
    js.publish({"id": "job-1", "image": picture.as_uri(), "advisory": subject})
    assert_failed(start_worker(), 4, "job", where=subject)


@pytest.mark.parametrize("missing", ["$JS.API.STREAM.INFO.IMAGES_RESULTS", "RESULTS.IMAGES.BW.>"])
def test_permissions_from_before_there_were_records(missing, make_server, tmp_path, start_worker, outdir, picture):
    credentials = Password(tmp_path)
    server = make_server(config=credentials.config(without("worker", missing)))
    operator = JetStream(credentials.connect("setup", server))
    assert run_bw("setup", **credentials.settings("setup", server)).returncode == 0
    sender = JetStream(credentials.connect("sender", server))
    sender.publish_job("job-1", picture)
    sender.publish({"id": "job-2", "image": "file:///not/there.pgm"})
    begin = time.monotonic()
    worker = start_worker(BW_RETRY_DELAY="1m", **credentials.settings("worker", server))
    assert_failed(worker, 10, "input", id="job-2")
    assert worker.has_line("no records are kept") and worker.has_line("job done id=job-1")
    assert time.monotonic() - begin < 30  # without a wait for an answer that cannot come
    assert operator.stream_info()["state"]["messages"] == 1


def test_trace(js, results, start_worker, picture):
    advisories = js.connection.subscribe("advisory.>")
    live = js.connection.subscribe("RESULTS.IMAGES.BW.*.*")
    job = {"id": "job-1", "image": picture.as_uri(), "advisory": "advisory.job-1"}
    js.publish(job, headers=TRACE)
    worker = start_worker()
    assert worker.wait_record("job done").fields["trace"] == TRACE_ID
    advisory, record = advisories.next(), live.next()
    assert advisory.headers == TRACE
    assert TRACE.items() <= record.headers.items() and "Nats-Msg-Id" in record.headers
    assert record.json()["trace"] == TRACE_ID
    # As Go's header type spells them; a delivery that fails has it too.
    js.publish(b"{}", headers={"Traceparent": TRACE["traceparent"]})
    assert_failed(worker, 4, "job", trace=TRACE_ID)
    record = live.next()
    assert record.headers["traceparent"] == TRACE["traceparent"] and record.json()["outcome"] == "failed"


def test_what_is_no_trace(js, results, start_worker, picture):
    advisories = js.connection.subscribe("advisory.>")
    job = {"id": "job-1", "image": picture.as_uri(), "advisory": "advisory.job-1"}
    js.publish(job, headers={"traceparent": "mine", "tracestate": "x=y"})
    worker = start_worker()
    assert "trace" not in worker.wait_record("job done").fields
    assert advisories.next().headers == {}
