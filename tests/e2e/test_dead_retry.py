"""`bw dead retry`, `drop`, `export` and `import` on real servers: nothing is lost, and nothing is there twice."""

import hashlib
import json
import os
import pty
import random
import subprocess
import time
from collections import Counter

import pytest

from harness.checks import one_error, wait_until
from harness.dead import IMAGE, rfc3339
from harness.jetstream import JetStream
from harness.worker import DEADLINE, bw_command, environment


def ids(dead):
    return [json.loads(payload)["id"] for payload in dead.payloads()]


def headers_of(dead, sequence):
    """Of a message that was sent again: a worker sees them."""
    message = dead.js.next()
    assert message.sequence == sequence, message
    return message.headers


def test_retry(dead):
    one, two = dead.kill("one", "two")
    waits = dead.publish("waits")
    run = dead.run("retry", one)
    assert run.stdout == f"{one} one: sent again as {waits + 1}\nretried 1, skipped 0, failed 0\n"
    assert ids(dead) == ["two", "waits", "one"]
    assert list(dead.listed()) == [two]
    [said] = dead.json("retry", two)
    assert (said["seq"], said["id"], said["outcome"], said["new_seq"]) == (two, "two", "retried", waits + 2)
    assert ids(dead) == ["waits", "one", "two"]
    assert dead.run("retry", one, two, code=2).stdout == "0 dead\nretried 0, skipped 0, failed 0\n"


def test_retry_after_retry(dead):
    for _ in range(3):
        [number] = dead.listed() or dead.kill("one")
        dead.run("retry", number)
        dead.give_up(1)
    assert ids(dead) == ["one"] and len(dead.listed()) == 1


def test_only_what_is_chosen(dead):
    numbers = dead.kill("one", "two", "three")
    dead.record(numbers[0])
    dead.record(numbers[1])
    assert dead.run("retry", "--kind", "input", "--yes").stdout.endswith("retried 2, skipped 0, failed 0\n")
    assert list(dead.listed()) == [numbers[2]]
    for action in ("retry", "drop"):
        run = dead.run(action, "--kind", "image")
        assert run.stdout.startswith("none of 1 dead is meant\n") and run.stdout.endswith("ed 0, skipped 0, failed 0\n")
    assert dead.run("drop", "--kind", "image", "--dry-run").stdout == "none of 1 dead is meant\ndry run: nothing was done\n"
    assert dead.run("retry", "--kind", "image", "--json").stdout == ""


def test_headers_go_along(dead):
    headers = {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "Nats-Msg-Id": "senders",
               "Nats-Expected-Stream": "IMAGES", "X": "a: b"}
    dead.js.connection.request("IMAGES.blackandwhite", {"id": "one", "image": "file:///x"}, headers=headers)
    dead.give_up(1)
    dead.run("retry", 1)
    again = headers_of(dead, 2)
    number = again.pop("Nats-Msg-Id")
    assert number.startswith("bw-retry-1-") and len(number) == len("bw-retry-1-") + 16
    assert again == {"traceparent": headers["traceparent"], "X": "a: b"}


def test_odd_jobs_go_again_and_out_and_in(dead, tmp_path):
    """Bytes that are no text, a status where headers begin, no content at all."""
    odd = [b"\xff\x00\xfe", b"", "é\u2028".encode(), b'{"id": "\\u0000"}']
    for payload in odd:
        dead.js.connection.publish("IMAGES.blackandwhite", payload, headers={"X": "1"}, status="408 Gone")
    dead.js.connection.flush()
    pulls = dead.js.connection.subscribe("_INBOX.pulls")
    dead.js.connection.publish("$JS.API.CONSUMER.MSG.NEXT.IMAGES.BW", {"batch": len(odd)}, "_INBOX.pulls")
    for _ in odd:  # js.next() takes a job with a status for no job
        dead.js.connection.publish(pulls.next().reply, "-NAK")
    assert dead.js.next(expires=0.1) is None
    exported = tmp_path / "jobs.jsonl"
    exported.write_text(dead.run("export").stdout)
    assert dead.run("retry", "--all", "--yes").stdout.endswith("retried 4, skipped 0, failed 0\n")
    assert Counter(dead.payloads()) == Counter(odd)
    dead.js.delete_stream()
    dead.js.create()
    assert dead.run("import", exported).stdout.endswith("imported 4, skipped 0, failed 0\n")
    assert Counter(dead.payloads()) == Counter(odd)
    assert headers_of(dead, 1)["X"] == "1"


def test_an_edited_job_goes_in_its_place(dead, tmp_path):
    one, two = dead.kill("one", "two")
    edited = tmp_path / "job.json"
    edited.write_text('{"id": "mended", "image": "file:///y"}\n')
    dead.run("retry", one, two, "--yes", "--from", edited, code=2)
    assert ids(dead) == ["one", "two"]
    dead.run("retry", one, "--from", edited)
    assert dead.payloads()[1:] == [b'{"id": "mended", "image": "file:///y"}']
    # Cut short between the two steps, with another content: both are sent.
    dead.js.connection.request("IMAGES.blackandwhite", edited.read_text())
    edited.write_text('{"id": "", "image": "file:///y"}')
    assert one_error(dead.run("retry", two, "--from", edited, code=4).stderr).fields["where"] == "id"
    edited.write_text(json.dumps({"id": "large", "image": "file:///" + "x" * 512}))
    run = dead.run("retry", two, "--from", edited, code=4)
    assert "message size exceeds maximum" in one_error(run.stderr).message and "failed 1" in run.stdout
    dead.run("retry", two, "--from", tmp_path / "nowhere", code=2)
    assert "Is a directory" in one_error(dead.run("retry", two, "--from", tmp_path, code=2).stderr).message
    assert list(dead.listed()) == [two]


def padded(size):
    job = {"id": "x", "image": "file:///"}
    job["image"] += "x" * (size - len(json.dumps(job)))
    return json.dumps(job)


@pytest.mark.parametrize("headers", [None, {"traceparent": "00-1-2-3", "x": "y"}], ids=["bare", "headers"])
def test_a_job_without_room_for_an_id_goes_without(headers, dead):
    """To the byte: the largest that has room, and one that has one byte more."""
    head = len("NATS/1.0\r\n\r\n") + sum(len(f"{name}: {value}\r\n") for name, value in (headers or {}).items())
    room = 512 - head - len("Nats-Msg-Id: bw-retry-1-0123456789abcdef\r\n")
    for size in (room, room + 1):
        dead.js.connection.request("IMAGES.blackandwhite", padded(size), headers=headers)
    dead.give_up(2)
    fits, fits_not = dead.json("retry", "--all", "--yes")
    if fits["seq"] != 1:
        fits, fits_not = fits_not, fits
    assert "message id" not in fits["what"] and "without a message id" in fits_not["what"]
    assert sorted(map(len, dead.payloads())) == [room, room + 1] and dead.listed() == {}
    taken = [message.headers for message in dead.deliver(2)]
    assert sorted("Nats-Msg-Id" in one for one in taken) == [False, True]


def message_id(job):
    """What a retry of it has."""
    digest = hashlib.sha256(f"{rfc3339(job.time)}\n".encode() + job.data).hexdigest()
    return f"bw-retry-{job.sequence}-{digest[:16]}"


def cut_short(dead):
    """The numbers of a dead job, and of its copy that an earlier retry has sent."""
    [number] = dead.kill("one")
    job = dead.stored(number)
    again = dead.js.publish(job.data, message_id(job))
    return number, again


def test_cut_short_between_the_two_steps(dead):
    """The new one is stored, the dead one is still there: the next run removes it and sends nothing."""
    number, again = cut_short(dead)
    [said] = dead.json("retry", number)
    assert (said["outcome"], said["what"], said["new_seq"]) == ("retried", f"was sent before as {again}", again)
    assert ids(dead) == ["one"] and dead.listed() == {}


def test_cut_short_and_the_copy_was_dropped(dead):
    """The stream knows its id, and nobody has done it: it is sent under another one."""
    number, again = cut_short(dead)
    dead.js.api("STREAM.MSG.DELETE.IMAGES", {"seq": again})
    dead.run("retry", number)
    assert ids(dead) == ["one"] and dead.listed() == {}
    assert headers_of(dead, again + 1)["Nats-Msg-Id"].endswith("-2")


@pytest.mark.parametrize("settings", [{}, {"BW_RESULTS": "off"}], ids=["records", "none"])
def test_cut_short_and_the_copy_was_done(settings, dead):
    """Only a record tells that it was."""
    number, again = cut_short(dead)
    dead.record(again, outcome="done")
    [message] = dead.deliver()
    dead.js.ack(message)
    wait_until(lambda: len(dead.payloads()) == 1)
    dead.run("retry", number, **settings)
    assert dead.listed() == {} and ids(dead) == (["one"] if settings else [])


def test_import_after_the_copy_was_dropped(dead, tmp_path):
    """It is not skipped, however often that happens; and what is in the stream is, or what is done."""
    [number] = dead.kill("one")
    exported = tmp_path / "jobs.jsonl"
    exported.write_text(dead.run("export").stdout)
    dead.run("drop", number)
    for new in (2, 3, 4):
        [said] = dead.json("import", exported)
        assert (said["outcome"], said["id"], said["what"], said["new_seq"]) == ("imported", "one", f"imported as {new}", new)
        assert dead.run("import", exported).stdout == f"1 one: was sent before as {new}\nimported 0, skipped 1, failed 0\n"
        if new < 4:
            dead.give_up(1)
            dead.run("drop", new)
    dead.record(4, outcome="done")
    [message] = dead.deliver()
    dead.js.ack(message)
    wait_until(lambda: dead.payloads() == [])
    assert dead.run("import", exported).stdout.endswith("imported 0, skipped 1, failed 0\n")


@pytest.mark.parametrize("base64", ["eyJpZCI6ICJhIn0", "!!!!", "YQ=a", " YWE=", "YWE=\\n", "YQ==YQ=="])
def test_import_of_what_is_no_base64(base64, dead, tmp_path):
    line = {"seq": 1, "subject": "IMAGES.blackandwhite", "time": "2026-11-28T13:01:58Z", "headers": []}
    exported = tmp_path / "jobs.jsonl"
    exported.write_text("\n".join(json.dumps(line | {"payload_base64": text}) for text in ("YQ==", base64)))
    assert f"{exported}:2" in dead.run("import", exported, code=2).stderr
    assert dead.payloads() == []


def test_the_senders_own_id_is_not_in_the_way(dead):
    """Within the duplicate window the stream would take nothing under it."""
    number = dead.js.publish({"id": "one", "image": "file:///x"}, message_id="senders")
    dead.give_up(1)
    dead.run("retry", number)
    assert ids(dead) == ["one"] and dead.listed() == {}


def test_killed_at_any_moment(dead):
    """SIGKILL at 50 random moments over 500 dead jobs: each is in the stream once."""
    count, kills = 500, 50
    chance = random.Random(13)
    for number in range(count):
        dead.js.connection.publish("IMAGES.blackandwhite", {"id": f"job-{number}", "image": IMAGE.format(number)})
    dead.js.connection.flush()
    dead.give_up(count)
    before = Counter(dead.payloads())
    said = 0
    for _ in range(kills):
        command = [*bw_command(), "dead", "retry", "--all", "--yes", "--json"]
        with subprocess.Popen(command, env=environment({"NATS_URL": dead.server.url}), stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, text=True) as run:
            for _ in range(chance.randrange(12)):
                said += '"outcome":"retried"' in run.stdout.readline()
            time.sleep(chance.random() / 500)  # the moment: within the steps of one job
            run.kill()
        assert Counter(dead.payloads()).keys() == before.keys()
    assert 0 < said < count
    left = len(dead.listed())
    run = dead.run("retry", "--all", "--yes")
    assert run.stdout.endswith(f"retried {left}, skipped 0, failed 0\n"), run.stdout
    assert Counter(dead.payloads()) == before and dead.listed() == {}


def test_the_server_goes_in_the_middle(dead):
    names = [f"job-{number}" for number in range(200)]
    dead.kill(*names)
    command = [*bw_command(), "dead", "retry", "--all", "--yes", "--json"]
    with subprocess.Popen(command, env=environment({"NATS_URL": dead.server.url}), stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True) as run:
        run.stdout.readline()
        dead.server.restart()
        _, errors = run.communicate(timeout=DEADLINE)
    # A server that has forgotten deliveries has a consumer as after a reset.
    assert run.returncode in (0, 3, 9), errors
    dead.js = JetStream(dead.server.connect())
    dead.run("retry", "--all", "--yes")
    assert sorted(ids(dead)) == sorted(names) and dead.listed() == {}


def test_export_drop_import(dead, tmp_path):
    one, two = dead.kill("one", "two")
    before = Counter(dead.payloads())
    exported = tmp_path / "jobs.jsonl"
    exported.write_text(dead.run("export").stdout)
    assert {json.loads(line)["seq"] for line in exported.read_text().splitlines()} == {one, two}
    assert dead.run("drop", "--all", "--yes").stdout.endswith("dropped 2, skipped 0, failed 0\n")
    assert dead.payloads() == []
    exported.write_text(exported.read_text() + "\n")  # as an editor leaves it
    assert dead.run("import", exported).stdout.endswith("imported 2, skipped 0, failed 0\n")
    assert dead.run("import", exported).stdout.endswith("imported 0, skipped 2, failed 0\n")
    assert Counter(dead.payloads()) == before
    exported.write_text(exported.read_text() + '{"id": "a job is no exported job", "image": "file:///x"}\n')
    assert f"{exported}:4" in dead.run("import", exported, code=2).stderr
    assert Counter(dead.payloads()) == before


def test_import_from_standard_input_into_another_stream(dead, connect):
    dead.kill("one")
    exported = dead.run("export", 1).stdout
    other = JetStream(connect(dead.server), "OTHER").create(
        stream={"subjects": ["OTHER.>"]}, consumer={"filter_subject": "OTHER.blackandwhite"})
    run = subprocess.run([*bw_command(), "dead", "import", "-", "--stream", "OTHER"], input=exported, text=True, check=True,
                         capture_output=True, env=environment({"NATS_URL": dead.server.url}), timeout=DEADLINE)
    assert run.stdout.endswith("imported 1, skipped 0, failed 0\n")
    [stored] = other.stored()
    assert stored.subject == "OTHER.blackandwhite" and stored.data == dead.payloads()[0]


def test_dry_run(dead):
    dead.kill("one", "two")
    for action in ("retry", "drop"):
        assert dead.run(action, "--all", "--dry-run").stdout.endswith("2 dead: 2 unknown (killed, or no record)\ndry run: nothing was done\n")
        assert [job["id"] for job in dead.json(action, "--id", "one", "--dry-run")] == ["one"]
    assert ids(dead) == ["one", "two"]


def test_rate(dead):
    dead.kill("one", "two", "three")
    begin = time.monotonic()
    assert dead.run("retry", "--all", "--yes", "--rate", 2).stdout.endswith("retried 3, skipped 0, failed 0\n")
    assert time.monotonic() - begin > 1  # 0, 0.5 and 1 second after the start


@pytest.mark.parametrize("action", ["retry", "drop"])
def test_a_consumer_that_is_made_anew_meanwhile(action, dead):
    """Its dead jobs are delivered again: what is left is not touched."""
    names = ["one", "two", "three", "four"]
    dead.kill(*names)
    command = [*bw_command(), "dead", action, "--all", "--yes", "--rate", "1"]
    with subprocess.Popen(command, env=environment({"NATS_URL": dead.server.url}), stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True) as run:
        assert run.stdout.readline()
        dead.js.delete_consumer()
        dead.js.create_consumer(max_deliver=1)
        output, errors = run.communicate(timeout=DEADLINE)
    assert run.returncode == 9 and "made anew or reset meanwhile" in one_error(errors).message
    assert "failed 1, not tried 2" in output
    assert Counter(ids(dead)) == Counter(names if action == "retry" else names[:3])


@pytest.mark.parametrize("action", ["retry", "drop"])
def test_a_stream_that_is_made_anew_meanwhile(action, dead):
    """Its jobs have the numbers of the dead ones, and are not touched."""
    dead.kill("one", "two", "three", "four")
    command = [*bw_command(), "dead", action, "--all", "--yes", "--rate", "2"]
    with subprocess.Popen(command, env=environment({"NATS_URL": dead.server.url}), stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True) as run:
        assert run.stdout.readline()
        dead.js.delete_stream()
        dead.js.create(consumer={"max_deliver": 1})
        new = [f"new-{number}" for number in range(4)]
        for name in new:
            dead.publish(name)
        output, errors = run.communicate(timeout=DEADLINE)
    assert run.returncode == 9 and "made anew or reset meanwhile" in one_error(errors).message
    assert f"{action}ped 0" not in output and ids(dead) == new


class Terminal:
    """Somebody who runs `bw dead` at a terminal."""

    def __init__(self, dead, *args):
        self.printed = b""
        self._terminal, inside = pty.openpty()
        self.process = subprocess.Popen([*bw_command(), "dead", *map(str, args)], stdin=inside, stderr=inside,
                                        stdout=subprocess.PIPE, env=environment({"NATS_URL": dead.server.url}), text=True)
        os.close(inside)

    def wait_text(self, text):
        def reads():
            self.printed += os.read(self._terminal, 4096)
            return text in self.printed.decode()

        wait_until(reads)

    def types(self, text):
        os.write(self._terminal, text.encode())

    def ends(self):
        """What went to standard output; reads the rest of what was shown."""
        output, _ = self.process.communicate(timeout=DEADLINE)
        try:
            while more := os.read(self._terminal, 4096):
                self.printed += more
        except OSError:  # Linux says so at the end
            pass
        os.close(self._terminal)
        return output


def test_asks_at_a_terminal(dead):
    numbers = dead.kill("one", "two")
    dead.record(numbers[0])
    run = Terminal(dead, "drop", "--all")
    run.wait_text("2 dead: 1 input, 1 unknown (killed, or no record)\r\ndrop these 2 jobs? [y/N] ")
    run.types("n\n")
    assert run.ends() == "nothing was done\n" and run.process.returncode == 0
    assert ids(dead) == ["one", "two"]
    run = Terminal(dead, "drop", "--all")
    run.wait_text("[y/N] ")
    run.types("y\n")
    assert run.ends().endswith("dropped 2, skipped 0, failed 0\n")
    assert dead.payloads() == []


def test_the_dead_are_looked_up_again_after_the_answer(dead):
    """Meanwhile one was acknowledged late, and another one died."""
    [gone, kept] = [dead.publish(name) for name in ("gone", "kept")]
    messages = dead.deliver(2)
    for message in messages:
        dead.js.nak(message)
    assert dead.js.next(expires=0.1) is None
    run = Terminal(dead, "retry", "--all")
    run.wait_text("retry these 2 jobs? [y/N] ")
    dead.js.ack(messages[0])
    wait_until(lambda: gone not in dead.listed())
    [new] = dead.kill("new")
    run.types("y\n")
    assert run.ends().endswith("retried 1, skipped 0, failed 0\n")
    assert list(dead.listed()) == [new]
    assert Counter(ids(dead)) == {"kept": 1, "new": 1}
    assert kept not in dead.listed()


def test_shows_how_far_it_is(dead):
    dead.kill(*(f"job-{number}" for number in range(30)))
    run = Terminal(dead, "retry", "--all", "--yes")
    assert run.ends() == "retried 30, skipped 0, failed 0\n"
    assert "retried 1 of 30, skipped 0, failed 0" in run.printed.decode()
    assert run.printed.endswith(b"\r\x1b[K")


def test_where_more_than_one_is_meant_somebody_is_asked(dead):
    dead.kill("one", "two")
    for args in (["retry", "--all"], ["drop", 1, 2], ["retry", "--match", "o"]):
        assert "--yes" in one_error(dead.run(*args, code=2).stderr).message
    assert len(dead.listed()) == 2
