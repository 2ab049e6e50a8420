"""A job that no worker can do: five tries, then it stays in the stream, readable, and JetStream says so."""

from datetime import datetime

import pytest

from harness import pictures
from harness.checks import names, one_error
from harness.jetstream import MAX_DELIVERIES
from harness.worker import parse_line

POISON = {"empty-object": b"{}", "broken-json": b'{"id": "broken', "array": b"[1, 2]", "no-bytes": b""}


def check_five_tries(js, keeper, sequence):
    """Five failed runs; the sixth sees that nothing is left to do."""
    dead = js.connection.subscribe(MAX_DELIVERIES)
    runs = keeper(BW_RETRY_DELAY="100ms")
    for number, run in enumerate(runs.wait_runs(5), 1):
        assert run.process.returncode == 4, run.log()
        record = one_error(run.lines)
        assert record.fields["kind"] == "job"
        assert record.fields["seq"] == str(sequence)
        assert record.fields["delivery"] == f"{number}/5"
    advisory = dead.next(90).json()
    assert (advisory["stream_seq"], advisory["deliveries"]) == (sequence, 5)
    assert js.messages() == 1
    assert len(runs.runs) == 5


@pytest.mark.parametrize("poison", POISON)
def test_five_failures(poison, js, keeper, outdir):
    sequence = js.publish(POISON[poison])
    check_five_tries(js, keeper, sequence)
    assert js.message(sequence) == POISON[poison]
    assert names(outdir) == []


@pytest.mark.parametrize("status", ["100 Idle Heartbeat", "404 No Messages", "408 Request Timeout",
                                    "409 Consumer Deleted", "503", "999 x"], ids=lambda status: status[:3])
def test_job_that_looks_like_an_answer_of_the_server(status, js, keeper):
    js.connection.publish("IMAGES.blackandwhite", status=status)
    js.connection.flush()
    check_five_tries(js, keeper, 1)


def test_dead_job_is_read_by_the_nats_cli(nats_cli, js, keeper):
    sequence = js.publish("{}")
    check_five_tries(js, keeper, sequence)
    assert "{}" in nats_cli("stream", "get", "IMAGES", sequence).splitlines()


def test_poison_holds_up_no_good_job(js, keeper, outdir, tmp_path):
    js.publish("{}")
    for number in range(5):
        js.publish_job(f"good-{number}", pictures.small(tmp_path))
    advisories = js.connection.subscribe("advisory.>")
    keeper(BW_RETRY_DELAY="100ms")
    assert {advisories.next(90).json()["id"] for _ in range(5)} == {f"good-{number}" for number in range(5)}
    assert len(names(outdir)) == 5


def test_next_try_waits_for_the_delay(js, keeper):
    """The pauses between tries double; they are not left to the ack wait of 30 s."""
    js.publish("{}")
    runs = keeper(BW_RETRY_DELAY="400ms").wait_runs(4)
    times = [_time_of_failure(run) for run in runs]
    pauses = [after - before for before, after in zip(times, times[1:])]
    for pause, least in zip(pauses, (0.4, 0.8, 1.6)):
        assert least * 0.9 <= pause <= least + 10, pauses


def _time_of_failure(run):
    line = next(line for line in run.lines if parse_line(line) and parse_line(line).level == "error")
    return datetime.fromisoformat(line.split()[0].replace("Z", "+00:00")).timestamp()
