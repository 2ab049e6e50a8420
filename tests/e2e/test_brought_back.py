"""Jobs that were done and lie in the stream again, since their server was killed: they count as dead nowhere."""

import json
import signal

import pytest

from harness import pictures
from harness.checks import wait_until
from harness.jetstream import RESULTS, JetStream
from harness.metrics import Page
from harness.permissions import Password, documented, entries, without
from harness.worker import run_bw

DEAD_METRIC = 'bw_queue_dead_jobs{stream="IMAGES",consumer="BW"}'


@pytest.fixture
def server(each_server):
    return each_server


def make_dead(js, count=1):
    """Jobs that have had all their deliveries; the messages."""
    for _ in range(count):
        js.publish(b"{}")
        for _ in range(5):
            js.nak(js.next())
    assert js.next() is None
    wait_until(lambda: js.consumer_info()["num_ack_pending"] == 0)
    return js.stored()


def say_done(js, sequence, queued):
    """The record that a worker writes of a job that is done; a killed server has then forgotten the acknowledgement."""
    record = {"outcome": "done", "id": "job", "seq": sequence, "delivery": 1, "max_deliver": 5, "output": "/out/job.jpg",
              "queued": queued, "worker": "host:1", "version": "0", "time": queued}
    answer = js.connection.request(f"RESULTS.IMAGES.BW.done.{sequence}", record).json()
    assert "error" not in answer, answer


def time_of(js, sequence):
    return js.api("STREAM.MSG.GET.IMAGES", {"seq": sequence})["message"]["time"]


def ask(server, code, *args, **settings):
    """What `bw status --json` says."""
    run = run_bw("status", "--json", *args, **(settings or {"NATS_URL": server.url}))
    assert run.returncode == code, run.stdout + run.stderr
    said = json.loads(run.stdout)
    return said["dead"], said.get("brought_back")


def test_they_are_told_apart(server, js, results):
    make_dead(js, 3)
    assert ask(server, 11) == (3, None)
    say_done(js, 2, time_of(js, 2))
    assert ask(server, 11) == (2, 1)
    # Records of other jobs: one that is not there, one of a stream that was made anew since.
    say_done(js, 4, time_of(js, 3))
    say_done(js, 3, "2026-01-01T00:00:00Z")
    assert ask(server, 11) == (2, 1)
    run = run_bw("status", NATS_URL=server.url)
    assert "dead: 2\ndone, but brought back by the server: 1; `bw dead drop --kind done` removes them\n" in run.stdout
    for sequence in (1, 3):
        js.api("STREAM.MSG.DELETE.IMAGES", {"seq": sequence})
    assert ask(server, 0) == (0, 1)
    assert ask(server, 0, "--until-empty") == (0, 1)
    # Who looks for no records counts as before.
    assert ask(server, 11, NATS_URL=server.url, BW_RESULTS="off") == (1, None)
    results.delete_stream()
    assert ask(server, 11) == (1, None)


def test_the_metric_does_not_count_them(server, js, results, start_worker, tmp_path):
    make_dead(js, 3)
    for sequence in (2, 3):
        say_done(js, sequence, time_of(js, sequence))
    parent = start_worker("--workers", 1, BW_METRICS="127.0.0.1:0", BW_RETRY_DELAY="1ms")
    page = Page(parent)
    assert wait_until(lambda: page.values().get(DEAD_METRIC), pause=0.1) == 1
    # One more dies, so that all are looked at again.
    say_done(js, 1, time_of(js, 1))
    js.publish(b"{}")
    wait_until(lambda: js.messages() == 4 and js.consumer_info()["num_ack_pending"] == 0, pause=0.1)
    assert ask(server, 11) == (1, 3)
    assert page[DEAD_METRIC] == 1
    assert parent.stop() == 0


def test_a_worker_that_may_read_no_messages_works_on(make_server, tmp_path, start_worker, outdir):
    """Those of docs/security.md are not allowed to."""
    assert "MSG.GET" not in documented().split("WORKER {")[1].split("\n}")[0]
    credentials = Password(tmp_path)
    server = make_server(config=credentials.config(documented()))
    assert run_bw("setup", **credentials.settings("setup", server)).returncode == 0
    js = JetStream(credentials.connect("sender", server))
    parent = start_worker("--workers", 1, BW_METRICS="127.0.0.1:0", BW_RETRY_DELAY="1ms",
                          **credentials.settings("worker", server))
    page = Page(parent)
    js.publish(b"{}")
    wait_until(lambda: page.values().get(DEAD_METRIC) == 1, pause=0.1)
    js.publish_job("good", pictures.small(tmp_path))
    parent.wait_line("job done id=good")
    assert page.jobs()["failed"] == 5 and page.values()['bw_worker_restarts_total{reason="failed"}'] == 5
    assert parent.stop() == 0


READING = [subject for _, _, subject in entries("status") if "MSG.GET" in subject]


@pytest.mark.parametrize("missing", [None, *READING])
def test_bw_status_may_read_messages_or_does_without(missing, make_server, tmp_path, start_worker):
    assert len(READING) == 2
    credentials = Password(tmp_path)
    server = make_server(config=credentials.config(without("status", missing) if missing else documented()))
    assert run_bw("setup", **credentials.settings("setup", server)).returncode == 0
    parent = start_worker("--workers", 1, BW_RETRY_DELAY="1ms", **credentials.settings("worker", server))
    JetStream(credentials.connect("sender", server)).publish(b"{}")
    js = JetStream(credentials.connect("setup", server))
    wait_until(lambda: js.consumer_info()["num_redelivered"] and not js.consumer_info()["num_ack_pending"], pause=0.1)
    say_done(JetStream(credentials.connect("worker", server)), 1, time_of(js, 1))
    expected = (11, (1, None)) if missing else (0, (0, 1))
    assert ask(server, expected[0], **credentials.settings("status", server)) == expected[1]
    assert parent.stop() == 0


def test_a_server_that_is_killed_while_jobs_are_done(server, connect, start_worker, tmp_path):
    """nats-server 2.9 brings some of them back; whichever it does, none is called dead."""
    js = JetStream(connect(server)).create()
    JetStream(connect(server), "IMAGES_RESULTS").create_stream(**RESULTS)
    picture = pictures.small(tmp_path)
    for number in range(400):
        js.publish_job(f"job-{number}", picture, advisory=False)
    parent = start_worker("--workers", 2)
    for kills in range(4):
        parent.wait_line("job done", count=60 + 90 * kills)
        server.restart(signal.SIGKILL)
    js, results = JetStream(connect(server)), JetStream(connect(server), "IMAGES_RESULTS")
    wait_until(lambda: sum(".done." in message.subject for message in results.stored()) == 400, pause=0.5)
    wait_until(lambda: js.consumer_info()["num_pending"] == 0)
    back, in_work = js.messages(), js.consumer_info()["num_ack_pending"]
    print(f"{back} messages were brought back; {in_work} that are gone count as in work, which such a server may never mend")
    dead, brought_back = ask(server, 0)
    assert dead == 0
    assert in_work > 0 or brought_back == (back or None)
    assert parent.stop() == 0
