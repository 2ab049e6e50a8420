"""Streams and consumers that are changed, paused or made again, before a worker starts or while it works."""

import contextlib
import json
import time

import pytest

from harness import pictures
from harness.checks import assert_failed, names, wait_until
from harness.jetstream import SECOND, JetStream
from harness.server import server_binary
from harness.worker import run_bw


@pytest.fixture
def make_js(make_server, connect):
    """JetStream without a stream, on a server of at least that version; its URL is in `url`."""
    def make(*version):
        binary = server_binary((*version, 0))
        if not binary:
            pytest.skip(f"no nats-server from {version} on")
        server = make_server(binary=binary)
        js = JetStream(connect(server))
        js.url = server.url
        return js

    return make


@pytest.fixture(params=[(2, 9), (2, 11)], ids=["oldest", "newest"])
def each_js(request, make_js):
    """On Debian's nats-server, and on a newer one."""
    return make_js(*request.param)


@pytest.fixture
def new_js(make_js):
    """On a server that knows pauses and priority groups."""
    return make_js(2, 11)


# What a worker refuses to work from: the changes, and what it names.
REFUSED = {
    "limits-stream": ({"retention": "limits"}, {}, ["retention is limits", "workqueue is right"]),
    "interest-stream": ({"retention": "interest"}, {}, ["retention is interest", "workqueue is right"]),
    "push-consumer": ({}, {"deliver_subject": "somewhere"}, ["push consumer"]),
    "headers-only": ({}, {"headers_only": True}, ["headers_only"]),
    "max-expires": ({}, {"max_expires": SECOND // 2}, ["max_expires of 500000000ns", "1s"]),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_worker_refuses_to_start(case, empty_js, start_worker):
    stream, consumer, words = REFUSED[case]
    empty_js.create(stream=stream, consumer=consumer)
    sequence = empty_js.publish(b"{}") if "retention" not in stream else None
    record = assert_failed(start_worker(), 9, "difference")
    assert record.fields["class"] == "permanent" and "bw setup" in record.message
    for word in words:
        assert word in record.message
    if sequence:
        assert empty_js.message(sequence) == b"{}"
    assert empty_js.consumer_info()["delivered"]["consumer_seq"] == 0


def test_priority_groups_are_refused(new_js, start_worker):
    new_js.create(consumer={"priority_groups": ["a"], "priority_policy": "overflow"})
    record = assert_failed(start_worker(NATS_URL=new_js.url), 9, "difference")
    assert "priority groups" in record.message


def test_a_change_that_stops_workers_costs_no_job_its_deliveries(js, start_worker, tmp_path):
    """Five workers wait when the consumer becomes useless and a job comes: the first that gets the job ends, and
    leaves it to ack wait."""
    workers = [start_worker() for _ in range(5)]
    for worker in workers:
        worker.wait_line("ready")
    wait_until(lambda: js.consumer_info()["num_waiting"] == 5)
    time.sleep(2.5)  # what the workers know of the consumer is older than they trust
    js.api("CONSUMER.DURABLE.CREATE.IMAGES.BW", json.dumps(
        {"stream_name": "IMAGES", "config": js.consumer_info()["config"] | {"headers_only": True}}).encode())
    js.publish_job("good", pictures.small(tmp_path))
    wait_until(lambda: js.consumer_info()["delivered"]["consumer_seq"] >= 1)
    wait_until(lambda: any(worker.process.poll() == 9 for worker in workers))
    time.sleep(1)  # a NAK would bring the job to the others in milliseconds
    assert js.consumer_info()["delivered"]["consumer_seq"] == 1
    assert js.messages() == 1


def test_more_idle_workers_than_max_waiting(each_js, start_worker, outdir, tmp_path):
    """The consumer holds two pulls, and five workers wait: none ends, and all jobs are done."""
    each_js.create(consumer={"max_waiting": 2})
    parent = start_worker(NATS_URL=each_js.url, BW_WORKERS=5)
    parent.wait_line("more idle workers than the consumer's max_waiting allows", count=3)
    time.sleep(15)  # longer than ten refused pulls take
    picture = pictures.small(tmp_path)
    for number in range(50):
        each_js.publish_job(f"job-{number}", picture, advisory=False)
    wait_until(lambda: each_js.messages() == 0)
    assert len(names(outdir)) == 50
    assert not parent.has_line(" error ")
    assert parent.stop() == 0


def test_refusals_count_in_a_row_only(js, start_worker):
    """One pull in two is refused by somebody who answers faster than the server."""
    pulls = js.connection.subscribe("$JS.API.CONSUMER.MSG.NEXT.IMAGES.BW")
    worker = start_worker()
    for number in range(24):
        pull = pulls.next(30)
        if number % 2:
            js.connection.publish(pull.reply, status="409 Leadership Change")
    assert worker.process.poll() is None, worker.log()
    assert worker.stop() == 0


def test_ack_wait_is_shortened_while_a_worker_is_busy(js, start_worker, gate):
    """The heartbeats follow: the job is not delivered to somebody else."""
    worker = start_worker()
    js.publish_job("held", gate.file)
    gate.wait_reached()
    js.create_consumer(ack_wait=4 * SECOND)
    assert js.next(expires=10) is None  # without heartbeats the job would come here
    gate.open()
    worker.wait_line("job done")
    wait_until(lambda: js.messages() == 0)
    assert js.consumer_info()["delivered"]["consumer_seq"] == 1
    assert worker.stop() == 0


def make_again(js, consumer=None):
    """Another stream of the same name, whose first message has the number that the old one's had."""
    js.delete_stream()
    js.create(consumer=consumer)


def test_an_old_ack_leaves_the_new_streams_message(each_js, start_worker, gate):
    each_js.create()
    worker = start_worker(NATS_URL=each_js.url)
    old = each_js.publish_job("old", gate.file)
    gate.wait_reached()
    time.sleep(0.3)  # a job that has just come is acknowledged without a question
    make_again(each_js)
    new = each_js.publish(b"new")
    assert new == old
    message = each_js.next()  # so that the old ack would count on every server
    assert message.data == b"new"
    gate.open()
    worker.wait_line("the stream was made again while the job was in hand")
    assert each_js.messages() == 1
    each_js.ack(message)
    assert each_js.messages() == 0
    assert worker.stop() == 0


def test_old_heartbeats_end_with_the_stream(each_js, start_worker, gate):
    """A heartbeat would restart the ack wait of the new stream's message of that number, which may be dead or lost."""
    consumer = {"ack_wait": 2 * SECOND}
    each_js.create(consumer=consumer)
    acknowledgements = each_js.connection.subscribe("$JS.ACK.IMAGES.BW.>")
    worker = start_worker(NATS_URL=each_js.url)
    each_js.publish_job("old", gate.file)
    gate.wait_reached()
    assert acknowledgements.next().data == b"+WPI"
    make_again(each_js, consumer)
    each_js.publish(b"new")
    acknowledgements.pending()  # one heartbeat may have been on its way when the stream went
    with contextlib.suppress(TimeoutError):
        acknowledgements.next(1)
    with pytest.raises(TimeoutError):
        acknowledgements.next(3)
    gate.open()
    worker.wait_line("the stream was made again while the job was in hand")


def test_an_old_nak_leaves_the_new_streams_message(each_js, start_worker, gate):
    """The new message is in somebody's hand, and a NAK would have it delivered to another one at once."""
    each_js.create()
    worker = start_worker(NATS_URL=each_js.url)
    each_js.publish_job("old", gate.file)
    gate.wait_reached()
    time.sleep(0.3)  # as above
    make_again(each_js)
    each_js.publish(b"new")
    message = each_js.next()
    assert message.data == b"new"
    worker.signal()
    worker.wait_line("stopping")
    worker.signal()  # the job is given back at once
    assert worker.wait_exit() == 8
    assert each_js.next(expires=2) is None
    each_js.ack(message)
    assert each_js.messages() == 0


def test_a_pause_is_said_and_its_end_too(new_js, start_worker):
    new_js.create()
    worker = start_worker(NATS_URL=new_js.url)
    worker.wait_line("ready")
    new_js.api("CONSUMER.PAUSE.IMAGES.BW", b'{"pause_until": "2099-01-01T00:00:00Z"}')
    record = worker.wait_record("the consumer is paused")
    assert (record.level, record.fields["until"]) == ("warn", "2099-01-01T00:00:00Z")
    text = run_bw("status", NATS_URL=new_js.url).stdout
    assert "paused: no jobs are delivered until 2099-01-01T00:00:00Z" in text
    assert json.loads(run_bw("status", "--json", NATS_URL=new_js.url).stdout)["paused_until"] == "2099-01-01T00:00:00Z"
    new_js.api("CONSUMER.PAUSE.IMAGES.BW", b"{}")
    worker.wait_line("the consumer is not paused any more")
    assert worker.stop() == 0
