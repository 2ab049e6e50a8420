"""`bw status` on real servers: what it says of a queue, and its exit code."""

import json
import threading
import time

import pytest

from harness.checks import assert_failed, one_error, wait_until
from harness.jetstream import JetStream
from harness.permissions import Password, documented, entries, without
from harness.worker import run_bw

AS_IT_SHOULD_BE = ["stream IMAGES: as it should be", "consumer IMAGES > BW: as it should be"]
NO_RECORDS = "stream IMAGES_RESULTS: missing (no records are kept)"
EMPTY = {"waiting": 0, "in_work": 0, "redelivered": 0, "dead": 0, "idle_workers": 0, "came_per_second": 0,
         "done_per_second": 0}
NUMBERS = EMPTY.keys()
NO_ANSWER = 3  # seconds that bw waits for an answer of JetStream; its look at the rates takes one


def run_status(server, *args, **settings):
    return run_bw("status", *args, **(settings or {"NATS_URL": server.url}))


def ask(server, code=0, **settings):
    """What `bw status --json` says."""
    run = run_status(server, "--json", **settings)
    assert run.returncode == code, run.stdout + run.stderr
    assert run.stdout.count("\n") == 1
    return json.loads(run.stdout)


def numbers(said):
    return {name: said[name] for name in NUMBERS}


def kill_jobs(js, server, start_worker, count):
    """Jobs that nobody can do, delivered five times each, by real workers."""
    for _ in range(count):
        sequence = js.publish(b"{}")
        for delivery in range(1, 6):
            worker = start_worker(NATS_URL=server.url, BW_RETRY_DELAY="1ms")
            assert_failed(worker, 4, "job", seq=sequence, delivery=f"{delivery}/5")
    # The fifth has failed; it is dead when somebody pulls after its ack wait or its NAK.
    assert js.next() is None
    wait_until(lambda: js.consumer_info()["num_ack_pending"] == 0)


def test_all_well(server, js, start_worker):
    run = run_status(server)
    assert run.returncode == 0, run.stderr
    assert run.stdout.splitlines() == [
        *AS_IT_SHOULD_BE, NO_RECORDS, "waiting: 0", "in work, or waiting to be delivered again: 0 (0 delivered more than once)",
        "dead: 0", "workers without a job: 0", "per second: 0.0 came, 0.0 done"]
    assert " error " not in run.stderr
    assert ask(server) == {"stream": {"name": "IMAGES", "state": "ok", "differences": []},
                           "consumer": {"name": "BW", "state": "ok", "differences": []},
                           "results": {"name": "IMAGES_RESULTS", "state": "missing", "differences": []}} | EMPTY


def test_jobs_on_their_way(each_server, connect, start_worker):
    """Waiting, in work for the first and for the second time, and workers without a job."""
    js = JetStream(connect(each_server)).create()
    for _ in range(5):
        js.publish(b"{}")
    assert numbers(ask(each_server)) == EMPTY | {"waiting": 5}
    first = js.next()
    js.next()
    js.nak(first)
    assert js.next().delivery == 2
    assert numbers(ask(each_server)) == EMPTY | {"waiting": 3, "in_work": 2, "redelivered": 1}


def test_idle_workers(server, js, start_worker):
    for _ in range(2):
        start_worker().wait_line("ready")
    wait_until(lambda: js.consumer_info()["num_waiting"] == 2)
    # A worker pulls anew each second: between two pulls it has none.
    wait_until(lambda: ask(server)["idle_workers"] == 2)


class Traffic:
    """Jobs that come and are done one after the other, as fast as they can; `count` of them so far."""

    def __init__(self, js):
        self.count = 0
        self._js = js
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self):
        while not self._stopping.is_set():
            self._js.publish(b"{}")
            self._js.ack(self._js.next())
            self.count += 1

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stopping.set()
        self._thread.join(90)


def test_a_busy_queue(each_server, connect):
    """Its rates; and no job on its way is taken for dead."""
    with Traffic(JetStream(connect(each_server)).create()) as traffic:
        wait_until(lambda: traffic.count > 10)
        before = traffic.count
        said = ask(each_server)
        most = traffic.count - before + 1
    assert 0 < said["done_per_second"] <= most, said
    assert abs(said["came_per_second"] - said["done_per_second"]) <= 1.1, said  # a job in hand; and tenths
    assert said["dead"] == 0


def test_dead_jobs(each_server, connect, start_worker):
    js = JetStream(connect(each_server)).create()
    kill_jobs(js, each_server, start_worker, 2)
    js.publish(b"{}")
    assert js.next().delivery == 1
    assert numbers(ask(each_server, 11)) == EMPTY | {"in_work": 1, "dead": 2}
    run = run_status(each_server)
    assert "dead: 2" in run.stdout.splitlines()
    record = one_error(run.stderr)
    assert (record.fields["kind"], record.fields["class"]) == ("dead", "permanent")
    assert record.message.startswith("2 jobs are dead") and record.fields["where"] == "IMAGES > BW"
    # Once somebody has read them.
    for sequence in (1, 2):
        js.api("STREAM.MSG.DELETE.IMAGES", {"seq": sequence})
    said = ask(each_server)
    assert (said["in_work"], said["dead"]) == (1, 0)


def test_messages_on_subjects_that_nobody_takes(server, js):
    for number in range(7):
        js.connection.request(f"IMAGES.colour{number}", b"{}", 10)
    js.connection.request("IMAGES.colour0", b"{}", 10)
    run = run_status(server)
    assert run.returncode == 11
    assert "dead: 8\n  of those, on IMAGES.colour0, which the consumer does not take: 2\n" in run.stdout
    assert "  and more on 2 other such subjects\n" in run.stdout
    assert ask(server, code=11)["untaken"] == {"IMAGES.colour0": 2} | {f"IMAGES.colour{number}": 1 for number in range(1, 7)}


def test_differs(server, empty_js):
    empty_js.create(stream={"max_msg_size": 256}, consumer={"max_deliver": 3})
    before = empty_js.stream_info()["config"], empty_js.consumer_info()["config"]
    said = ask(server, 9)
    assert said["stream"] == {"name": "IMAGES", "state": "differs", "differences": ["max_msg_size: is 256, should be 512"]}
    assert said["consumer"]["differences"] == ["max_deliver: is 3, should be 5"]
    assert numbers(said) == EMPTY
    run = run_status(server)
    assert run.stdout.splitlines()[:4] == [
        "stream IMAGES: differs", "  max_msg_size: is 256, should be 512",
        "consumer IMAGES > BW: differs", "  max_deliver: is 3, should be 5"]
    assert one_error(run.stderr).fields["kind"] == "difference"
    assert (empty_js.stream_info()["config"], empty_js.consumer_info()["config"]) == before


def test_differs_comes_before_dead(empty_js, server, start_worker):
    empty_js.create(stream={"max_msg_size": 256})
    kill_jobs(empty_js, server, start_worker, 1)
    assert ask(server, 9)["dead"] == 1


def results_state(server, code, **settings):
    said = ask(server, code, NATS_URL=server.url, **settings)
    assert numbers(said) == EMPTY
    return said["results"]


def test_the_results_stream(each_server, connect):
    js = JetStream(connect(each_server)).create()
    assert results_state(each_server, 0)["state"] == "missing"
    assert results_state(each_server, 0, BW_RESULTS="off") == {"name": "", "state": "off", "differences": []}
    assert "results stream: off" in run_status(each_server, NATS_URL=each_server.url, BW_RESULTS="off").stdout.splitlines()
    assert run_bw("setup", NATS_URL=each_server.url).returncode == 0
    assert results_state(each_server, 0) == {"name": "IMAGES_RESULTS", "state": "ok", "differences": []}
    assert results_state(each_server, 0, BW_RESULTS="OTHER") == {"name": "OTHER", "state": "missing", "differences": []}
    config = JetStream(js.connection, "IMAGES_RESULTS").stream_info()["config"]
    js.api("STREAM.UPDATE.IMAGES_RESULTS", config | {"discard": "new"})
    assert results_state(each_server, 9) == {
        "name": "IMAGES_RESULTS", "state": "differs", "differences": ["discard: is new, should be old"]}
    run = run_status(each_server)
    assert "stream IMAGES_RESULTS: differs\n  discard: is new, should be old\n" in run.stdout
    record = one_error(run.stderr)
    assert (record.fields["kind"], record.fields["where"]) == ("difference", "IMAGES_RESULTS")


def check_missing(run, *lines):
    assert run.returncode == 9, run.stdout + run.stderr
    assert run.stdout.splitlines() == list(lines)
    record = one_error(run.stderr)
    assert record.fields["kind"] == "difference" and "bw setup" in record.message


def test_missing_stream(server, empty_js):
    check_missing(run_status(server), "stream IMAGES: missing", "consumer IMAGES > BW: missing", NO_RECORDS)
    said = ask(server, 9)
    assert (said["stream"]["state"], said["consumer"]["state"]) == ("missing", "missing")
    assert not NUMBERS & said.keys()


def test_missing_consumer(server, empty_js):
    empty_js.create_stream()
    check_missing(run_status(server), AS_IT_SHOULD_BE[0], "consumer IMAGES > BW: missing", NO_RECORDS)
    assert empty_js.stream_info()["state"]["consumer_count"] == 0


def test_missing_comes_before_different(server, empty_js):
    empty_js.create_stream(max_msg_size=256)
    assert "bw setup" in one_error(run_status(server).stderr).message
    said = ask(server, 9)
    assert (said["stream"]["state"], said["consumer"]["state"]) == ("differs", "missing")


def test_other_names(server, connect):
    js = JetStream(connect(server), "PHOTOS", "GREY")
    js.create(stream={"subjects": ["PHOTOS.>"]}, consumer={"filter_subject": "PHOTOS.blackandwhite"})
    js.publish(b"{}")
    said = ask(server, NATS_URL=server.url, BW_STREAM="PHOTOS", BW_CONSUMER="GREY")
    assert (said["stream"]["name"], said["consumer"]["name"], said["waiting"]) == ("PHOTOS", "GREY", 1)


@pytest.mark.parametrize("args", [[], ["--json"]], ids=["text", "json"])
def test_no_server(server, args):
    server.stop()
    run = run_status(server, *args, NATS_URL=server.url, BW_CONNECT_TIMEOUT="500ms")
    assert (run.returncode, run.stdout) == (3, "")
    assert one_error(run.stderr).fields["kind"] == "queue"


def test_server_without_jetstream(make_server):
    run = run_status(make_server(jetstream=False))
    assert (run.returncode, run.stdout) == (3, "")
    assert "JetStream" in one_error(run.stderr).message


def with_permissions(make_server, tmp_path, block):
    """A queue behind these permissions, and the settings of `bw status` by role."""
    credentials = Password(tmp_path)
    server = make_server(config=credentials.config(block))
    assert run_bw("setup", **credentials.settings("setup", server)).returncode == 0
    return lambda role: credentials.settings(role, server)


@pytest.mark.parametrize("role", ["status", "setup", "worker"])
def test_permissions_are_enough(role, make_server, tmp_path):
    settings = with_permissions(make_server, tmp_path, documented())
    said = ask(None, **settings(role))
    assert numbers(said) == EMPTY and said["results"]["state"] == "ok"


# test_brought_back.py has what reading messages is for.
@pytest.mark.parametrize("subject", [subject for _, _, subject in entries("status") if "MSG.GET" not in subject])
def test_status_needs(subject, make_server, tmp_path):
    settings = with_permissions(make_server, tmp_path, without("status", subject))
    begin = time.monotonic()
    run = run_bw("status", **settings("status"))
    if subject == "$JS.API.STREAM.INFO.IMAGES_RESULTS":
        assert run.returncode == 0, run.stdout + run.stderr
        assert run.stdout.splitlines()[:4] == [*AS_IT_SHOULD_BE, "stream IMAGES_RESULTS: not known", "waiting: 0"]
        assert ask(None, **settings("status"))["results"]["state"] == "unknown"
        assert time.monotonic() - begin < 2 * NO_ANSWER  # the server's refusal is heard, no answer is waited for
        return
    assert run.returncode == 3, run.stdout + run.stderr
    record = one_error(run.stderr)
    assert "ermissions" in record.message and subject.rstrip(">") in record.message


def test_json_is_of_status_only():
    run = run_bw("setup", "--json")
    assert run.returncode == 2
