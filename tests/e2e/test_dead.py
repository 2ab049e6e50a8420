"""`bw dead` on real servers: which jobs are dead, why, and which are not."""

import fcntl
import json
import os
import pty
import re
import struct
import subprocess
import termios

import pytest

from harness.checks import one_error
from harness.dead import Dead, run_dead
from harness.jetstream import JetStream
from harness.server import server_binary
from harness.worker import DEADLINE, bw_command, environment


def test_nothing_is_dead(dead):
    dead.publish("waits")
    assert dead.run().stdout == "0 dead\n"
    assert dead.run("--json").stdout == ""


def test_list(dead):
    first, second, third = dead.kill("one", "two", "three")
    dead.record(first)
    dead.record(second, kind="image", what="is damaged", time="2099-01-01T00:00:00Z", **{"class": "permanent"})
    lines = dead.run("list").stdout.splitlines()
    assert lines[0].split() == ["seq", "id", "kind", "what", "attempts", "age", "image"]
    rows = [re.split(r"  +", line) for line in lines[1:-1]]
    newest, *others = [[*row[:5], row[6]] for row in rows]
    assert newest == [str(second), "two", "image", "is damaged", "1", "file:///data/two.jpg"]
    assert sorted(others) == [[str(first), "one", "input", "is not there", "1", "file:///data/one.jpg"],
                              [str(third), "three", "unknown", "killed, or no record", "1", "file:///data/three.jpg"]]
    assert lines[-1] == "3 dead: 1 image, 1 input, 1 unknown (killed, or no record)"
    assert dead.run().stdout.splitlines()[-1] == lines[-1]
    listed = dead.listed()
    assert next(iter(listed)) == second
    assert listed[first] | {"since": "", "queued": ""} == {
        "seq": first, "id": "one", "kind": "input", "class": "transient", "where": "/data/x.jpg", "what": "is not there",
        "attempts": 1, "image": "file:///data/one.jpg", "worker": "host:1", "since": "", "queued": ""}


def test_a_line_has_room_on_a_terminal(dead):
    [number] = dead.kill("one" * 10)
    dead.record(number, what="is damaged " * 30)
    assert "is damaged " * 29 in dead.run().stdout
    terminal, inside = pty.openpty()
    fcntl.ioctl(inside, termios.TIOCSWINSZ, struct.pack("4H", 24, 80, 0, 0))
    subprocess.run([*bw_command(), "dead"], stdout=inside, stderr=subprocess.DEVNULL, check=True, timeout=DEADLINE,
                   env=environment({"NATS_URL": dead.server.url}))
    os.close(inside)
    head, line, counts = os.read(terminal, 65536).decode().splitlines()
    os.close(terminal)
    assert len(line) == 80 and line.count("…") == 3 and len(head) < 80 and counts == "1 dead: 1 input"


def test_filters(dead):
    one, two, three = dead.kill("one", "two", "three")
    dead.record(one, time="2020-01-01T00:00:00Z")
    dead.record(two, kind="image", what="DAMAGED at byte 7", **{"class": "permanent"})
    for args, wanted in ((["--id", "one"], [one]), (["--id", "on"], []), (["--kind", "input"], [one]), (["--kind", "IMAGE"], [two]),
                         (["--kind", "unknown"], [three]), (["--class", "permanent"], [two]), (["--class", "transient"], [one]),
                         (["--match", "damaged AT"], [two]), (["--match", "data/three"], [three]), (["--match", "x.jpg"], [one, two]),
                         (["--older", "2h"], [one]), (["--older", "1d"], [one]), (["--older", "1w"], [one]), (["--older", "0"], [one, two, three]), ([str(two), str(three)], [two, three]),
                         (["--match", "x.jpg", "--kind", "input"], [one]), ([str(one), "--kind", "image"], [])):
        assert sorted(dead.listed(*args)) == wanted, args
    assert dead.run("list", "--id", "four").stdout == "none of 3 dead is meant\n"


def test_show(make_dead):
    dead = make_dead(max_deliver=2)
    job = dead.publish("one")
    dead.give_up(2)
    dead.record(job, max_deliver=2, last=False, what="was not there", worker="pod-1:7")
    dead.record(job, delivery=2, max_deliver=2, time="2099-01-01T00:00:00Z", worker="pod-2:8")
    [shown] = dead.json("show", job)
    assert (shown["kind"], shown["attempts"], json.loads(shown["payload"])["id"]) == ("input", 2, "one")
    assert [(one["delivery"], one["worker"], one["what"]) for one in shown["records"]] == [
        (1, "pod-1:7", "was not there"), (2, "pod-2:8", "is not there")]
    text = dead.run("show", job).stdout
    assert '{"id": "one", "image": "file:///data/one.jpg"}' in text
    assert text.index("1/2  pod-1:7  input (transient): was not there") < text.index("2099-01-01T00:00:00.000000000Z  2/2  pod-2:8")


def test_killed_at_the_last_try(make_dead):
    dead = make_dead(max_deliver=2)
    job = dead.publish("one")
    dead.give_up(2)
    dead.record(job, max_deliver=2, last=False, what="was slow", kind="timeout")
    [listed] = dead.listed().values()
    assert (listed["kind"], listed["attempts"]) == ("unknown", 2)
    assert listed["what"] == "killed, or no record; try 1: timeout: was slow"


def test_what_real_workers_leave(each_server, make_dead, start_worker, tmp_path):
    dead = make_dead(max_deliver=2)
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"\xff\xd8\xff nothing")
    jobs = {dead.js.publish_job("broken", broken): "image", dead.js.publish(b"{}"): "job"}
    for _ in range(4):
        worker = start_worker(NATS_URL=each_server.url, BW_RETRY_DELAY="1ms")
        assert worker.wait_exit() in (4, 5), worker.log()
    assert dead.js.next(expires=0.1) is None
    listed = dead.listed()
    assert {number: job["kind"] for number, job in listed.items()} == jobs
    assert [job["attempts"] for job in listed.values()] == [2, 2]
    [shown] = dead.json("show", min(jobs))
    assert [record["delivery"] for record in shown["records"]] == [1, 2]


def check_untouchable(dead, numbers, *words):
    """They are not listed, and neither retry nor drop touches them."""
    before = dead.payloads()
    assert not dead.listed().keys() & set(numbers)
    for action in ("retry", "drop"):
        dead.run(action, "--all", "--yes")
        run = dead.run(action, *numbers, code=2)
        record = one_error(run.stderr)
        assert record.fields["kind"] == "configuration"
        for word in words:
            assert word in record.message, record
    assert dead.payloads() == before


def test_what_is_in_work_or_waits_is_not_dead(dead):
    in_work, waiting = dead.publish("held"), dead.publish("waits")
    dead.deliver()
    check_untouchable(dead, [in_work, waiting, 99], f"{in_work} is in work", f"{waiting} waits for a worker", "99 is not in the stream")
    assert "jobs are in work, or dead without proof jobs=1" in dead.run("list").stderr


def test_what_others_leave_in_the_stream_is_not_dead(dead):
    dead.js.connection.request("IMAGES.other", b"note")
    number = dead.publish("waits")
    [message] = dead.deliver()
    check_untouchable(dead, [number - 1], "on a subject that the consumer does not take")
    dead.js.ack(message)


def test_proofs(dead):
    """While one job is in work, the others are dead only where something says so."""
    held = dead.publish("held")
    dead.deliver()
    by_record, by_advisory, by_floor = dead.kill("record", "advisory", "nothing")
    assert dead.results.stored()  # the server's own advisories
    dead.results.purge()
    assert dead.listed() == {}
    dead.record(by_record)
    assert list(dead.listed()) == [by_record]
    dead.advise(by_advisory)
    assert sorted(dead.listed()) == [by_record, by_advisory]
    # A record of a delivery that was not the last proves nothing.
    dead.record(by_floor, max_deliver=2)
    assert sorted(dead.listed()) == [by_record, by_advisory]
    assert held not in dead.listed()


def test_below_the_ack_floor(dead):
    dead.kill("dead")
    dead.results.purge()
    dead.publish("done")
    [message] = dead.deliver()
    dead.js.ack(message)
    dead.publish("held")
    dead.deliver()
    assert [job["id"] for job in dead.listed().values()] == ["dead"]


def test_the_servers_own_advisories(dead):
    dead.publish("held")
    dead.deliver()
    [number] = dead.kill("dead")
    assert list(dead.listed()) == [number]


def test_a_consumer_that_was_made_anew_delivers_its_dead_again(dead):
    number, other = dead.kill("one", "two")
    dead.record(number)
    assert sorted(dead.listed()) == [number, other]
    dead.js.delete_consumer()
    dead.js.create_consumer(max_deliver=1)
    assert dead.listed() == {}
    dead.deliver(2)
    check_untouchable(dead, [number, other], f"{number} is in work")


@pytest.mark.parametrize("proof", ["record", "advise"])
def test_a_consumer_that_allows_more_deliveries_now(proof, dead):
    """The last one of before is not the last any more."""
    dead.publish("held")
    dead.deliver()
    [number] = dead.kill("one")
    dead.results.purge()
    getattr(dead, proof)(number)
    assert list(dead.listed()) == [number]
    dead.js.create_consumer(max_deliver=2)
    assert dead.listed() == {}
    dead.js.create_consumer(max_deliver=1)
    assert list(dead.listed()) == [number]


def test_a_consumer_that_was_reset_delivers_its_dead_again(make_server, connect):
    binary = server_binary((2, 14, 0))
    if not binary:
        pytest.skip("no nats-server that resets consumers")
    server = make_server(binary=binary)
    dead = Dead(server, connect(server))
    one, two, three = dead.kill("one", "two", "three")
    for number in (one, two, three):
        dead.record(number)
    dead.js.api("CONSUMER.RESET.IMAGES.BW", {"seq": 1})
    dead.deliver(2)
    check_untouchable(dead, [one, two, three], f"{one} is in work", f"{two} is in work")
    dead.deliver(1)
    assert dead.listed() == {}


def test_records_of_an_old_stream_say_nothing(dead):
    [number] = dead.kill("old")
    dead.record(number)
    dead.js.delete_stream()
    dead.js.create(consumer={"max_deliver": 1})
    assert dead.kill("new") == [number]
    [listed] = dead.listed().values()
    assert (listed["id"], listed["kind"]) == ("new", "unknown")
    dead.record(number, outcome="done", queued="2020-01-01T00:00:00Z")
    assert dead.listed()[number]["kind"] == "unknown"


def test_done_and_brought_back(dead):
    done, failed = dead.kill("done", "failed")
    dead.record(done, outcome="done")
    assert dead.listed()[done]["kind"] == "done"
    text = dead.run().stdout
    assert "is done, and its message is still there" in text
    assert text.endswith("1 dead: 1 unknown (killed, or no record); and 1 that is done\n")
    run = dead.run("retry", "--all", "--yes")
    assert run.stdout.endswith("retried 1, skipped 1, failed 0\n") and "bw dead drop removes it" in run.stdout
    assert list(dead.listed()) == [done]
    assert dead.run("drop", "--kind", "done").stdout.endswith("dropped 1, skipped 0, failed 0\n")
    assert dead.listed() == {} and len(dead.payloads()) == 1


def test_what_failed_after_it_was_done_is_dead(dead):
    """Its advisory was not stored, say: the output is there, and nobody was told."""
    failed, done = dead.kill("failed", "done")
    dead.record(failed, outcome="done")
    dead.record(failed, what="the advisory was not stored", kind="queue")
    dead.record(done)
    dead.record(done, outcome="done")
    listed = dead.listed()
    assert (listed[failed]["kind"], listed[failed]["what"]) == ("queue", "the advisory was not stored")
    assert listed[done]["kind"] == "done"


@pytest.mark.parametrize("how", ["off", "missing", "not named"])
def test_without_a_results_stream(how, make_dead):
    dead = make_dead(results=how == "off")
    dead.kill("one")
    settings = {"BW_RESULTS": {"off": "off", "not named": "OTHER"}.get(how, "")}
    [listed] = dead.listed(**settings).values()
    assert (listed["kind"], listed["what"]) == ("unknown", "killed, or no record")
    assert "nobody knows why jobs died: there are no records" in dead.run(**settings).stderr
    dead.run("show", listed["seq"], **settings)
    assert dead.run("retry", "--all", **settings).stdout.startswith("1 one: sent again as 2")


def test_without_stream_or_consumer(each_server, connect):
    js = JetStream(connect(each_server))
    for make in (lambda: None, js.create_stream):
        make()
        run = run_dead(each_server, code=9)
        assert "`bw setup` creates" in one_error(run.stderr).message


def test_a_job_moves_no_cursor(dead):
    """Whatever stands in a job or a record is shown, and nothing else happens to a terminal."""
    bad = "\x1b[2J\x07\r\n\x9b1A\u202e"
    number = dead.js.publish(b'\x1b[2J\x9b \xff{"id"')
    dead.js.publish({"id": "x\u202ey", "image": "\x1b[1A"})
    dead.give_up(2)
    dead.record(number, what=bad, where=bad, worker=bad, kind="job", id=bad)
    for args in (["list"], ["show", number, number + 1], ["export"], ["retry", "--all", "--dry-run"]):
        for json_flag in ([], ["--json"]):
            printed = dead.run(*args, *json_flag).stdout
            assert all(line.isprintable() for line in printed.split("\n")), printed
    assert dead.listed()[number]["what"] == bad


def test_many_are_listed_completely(dead):
    count = 5000
    for number in range(count):
        dead.js.connection.publish("IMAGES.blackandwhite", {"id": f"job-{number}", "image": "file:///x"})
    dead.js.connection.flush()
    dead.give_up(count)
    listed = dead.listed()
    assert sorted(job["id"] for job in listed.values()) == sorted(f"job-{number}" for number in range(count))


@pytest.mark.parametrize("args, words", [
    (["lst"], ["did you mean list"]), (["17"], ["17 is none of list, show", "did you mean show 17?"]), (["list", "0"], ["0 is no SEQ"]),
    (["list", "x"], ["x is no SEQ"]), (["list", "--yes"], ["--yes has no meaning for bw dead list"]),
    (["export", "--yes"], ["--yes has no meaning"]), (["drop", "--from", "x"], ["--from has no meaning for bw dead drop"]),
    (["show"], ["wants SEQs"]), (["retry"], ["SEQs, a filter, or --all"]), (["drop"], ["SEQs, a filter, or --all"]),
    (["retry", "1", "--all"], ["cannot both"]), (["list", "--kind", "imag"], ["did you mean image"]),
    (["list", "--class", "x"], ["none of transient, permanent"]), (["list", "--older", "2"], ["--older", "format"]),
    (["retry", "--all", "--yes", "--rate", "0"], ["--rate 0 is wrong"]), (["import"], ["wants one FILE"]),
    (["import", "/nowhere/x"], ["cannot be read: No such file"]), (["import", "/tmp"], ["cannot be read: Is a directory"]),
], ids=lambda value: "-".join(value) if isinstance(value, list) else None)
def test_mistakes(args, words, js, server):
    run = run_dead(server, *args, code=2)
    record = one_error(run.stderr)
    assert record.fields["kind"] == "configuration" and run.stdout == ""
    for word in words:
        assert word in record.message, record
