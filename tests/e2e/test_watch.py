"""`bw status --watch` and `--until-empty` on real servers: on a terminal, in a pipe, and how they end."""

import json
import re
import signal
import subprocess
import threading
from datetime import datetime, timezone

import pytest

from harness.checks import one_error, wait_until
from harness.jetstream import RESULTS, JetStream
from harness.screen import OnTerminal
from harness.worker import DEADLINE, bw_command, environment, run_bw

CTRL_C = "\x03"
PLAIN = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ waiting (\d+), in work (\d+), dead (\d+), "
                   r"(\d+\.\d) came and (\d+\.\d) done per second(?:, ([\d:]+) left)?")


class Watch:
    """`bw status` with these flags, whose lines are read while it runs. Use as a context manager."""

    def __init__(self, server, *args):
        self.process = subprocess.Popen([*bw_command(), "status", *args], env=environment({"NATS_URL": server.url}), text=True,
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self._deadline = threading.Timer(DEADLINE, self.process.kill)
        self._deadline.start()

    def wait_line(self, what):
        """Reads lines up to the first for which what(line) is true; its value."""
        for line in self.process.stdout:
            if value := what(line.rstrip("\n")):
                return value
        raise AssertionError(f"it has ended with {self.process.wait()}: {self.process.stderr.read()}")

    def wait_json(self, what):
        def found(line):
            said = json.loads(line)
            return said if what(said) else None
        return self.wait_line(found)

    def end(self, how=None):
        """The exit code, and what it has written since."""
        if how:
            self.process.send_signal(how)
        output, errors = self.process.communicate(timeout=DEADLINE)
        return self.process.returncode, output, errors

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._deadline.cancel()
        self.process.kill()
        self.process.wait(DEADLINE)


def do_jobs(js, count):
    for _ in range(count):
        js.ack(js.next())


def test_a_line_a_second_until_a_signal(each_server, connect):
    js = JetStream(connect(each_server)).create()
    for _ in range(5):
        js.publish(b"{}")
    for how in (signal.SIGINT, signal.SIGTERM):
        with Watch(each_server, "--watch") as watch:
            for _ in range(2):
                assert watch.wait_line(PLAIN.fullmatch).groups() == ("5", "0", "0", "0.0", "0.0", None)
            code, output, errors = watch.end(how)
            assert code == 0 and " error " not in errors
            assert all(map(PLAIN.fullmatch, output.splitlines()))


def test_rates_and_time_left(server, js):
    """Over some seconds, so that five jobs done at once are seen for longer than in one line."""
    with Watch(server, "--watch", "--json") as watch:
        watch.wait_json(lambda said: said["waiting"] == 0)
        for _ in range(50):
            js.publish(b"{}")
        do_jobs(js, 5)
        said = watch.wait_json(lambda said: said["done_per_second"] > 0)
        assert said["waiting"] == 45 and said["came_per_second"] == pytest.approx(10 * said["done_per_second"], 0.2)
        again = watch.wait_json(lambda said: True)
        assert 0 < again["done_per_second"] < said["done_per_second"]
        assert again["left_seconds"] == round(45 / again["done_per_second"])
        assert again["time"] > said["time"]
    with Watch(server, "--watch") as watch:
        do_jobs(js, 5)
        watch.wait_line(PLAIN.fullmatch)
        do_jobs(js, 5)
        assert watch.wait_line(lambda line: "left" in line and PLAIN.fullmatch(line))


def numbers_on(text):
    return {name: int(count) for name, count in re.findall(r"^(waiting|in work|dead)\D*: (\d+)", text, re.M)}


def test_a_screen_is_redrawn_in_place(each_server, connect):
    js = JetStream(connect(each_server)).create()
    for _ in range(100):
        js.publish(b"{}")
    with OnTerminal("status", "--watch", NATS_URL=each_server.url) as terminal:
        terminal.wait(lambda text: "waiting: 100" in text)
        screen = terminal.screen
        assert screen.is_second and not screen.cursor_shown
        assert numbers_on(screen.text()) == {"waiting": 100, "in work": 0, "dead": 0}
        do_jobs(js, 95)
        text = terminal.wait(lambda text: "waiting: 5\n" in text and "time left" in text and text)
        assert text.count("waiting") == 2 and "waiting: 5\n" in text, text  # nothing is left of the longer number
        assert re.search(r"^time left: \d+:\d\d, ", text, re.M)
        terminal.types(CTRL_C)
        assert terminal.wait_exit() == 0
        assert not screen.is_second and screen.cursor_shown and screen.wraps and screen.scrolled == 0
        assert "waiting: 5\n" in screen.text()  # the last of it stays to be read
    assert "\x1b[2J" not in terminal.written  # which would flicker


def say_failed(js, sequence, kind, what):
    """The record that a worker writes of a delivery that failed."""
    record = {"outcome": "failed", "id": "job", "seq": sequence, "delivery": 2, "max_deliver": 5, "last": False, "kind": kind,
              "class": "permanent", "where": "file:///a.jpg", "what": what, "queued": "2026-11-28T12:00:00Z",
              "worker": "host:1", "version": "0", "time": datetime.now(timezone.utc).isoformat().replace("+00:00", "Z")}
    answer = js.connection.request(f"RESULTS.IMAGES.BW.failed.{sequence}", record).json()
    assert "error" not in answer, answer


def test_the_last_failures_by_kind(each_server, connect):
    """Those from before the watch, and those that come."""
    js = JetStream(connect(each_server)).create()
    results = JetStream(connect(each_server), "IMAGES_RESULTS")
    with OnTerminal("status", "--watch", NATS_URL=each_server.url) as terminal:
        terminal.wait(lambda text: "waiting: 0" in text)
        assert "failed deliveries" not in terminal.screen.text()
        results.create_stream(**RESULTS)
        terminal.wait(lambda text: "failed deliveries lately: none" in text)
        js.connection.request("RESULTS.IMAGES.BW.done.1", b"not a record")
        for sequence, kind in enumerate(["image", "input", "image"], 1):
            say_failed(js, sequence, kind, "bad\x1b[2Jpicture")
        terminal.wait(lambda text: "failed deliveries lately: image 2, input 1\n" in text)
        line = terminal.screen.text().splitlines()[-1]
        assert re.fullmatch(r"  the last, 0:0\d ago: seq 3, delivery 2, file:///a.jpg: bad\\u001b\[2Jpicture", line), line
    with Watch(each_server, "--watch", "--json") as json_lines, Watch(each_server, "--watch") as plain:
        assert json_lines.wait_json(lambda said: True)["failures"] == {"image": 2, "input": 1}
        say_failed(js, 4, "output", "full")
        json_lines.wait_json(lambda said: said["failures"] == {"image": 2, "input": 1, "output": 1})
        plain.wait_line(lambda line: line.endswith(", failed lately: image 2, input 1, output 1"))
        results.delete_stream()
        json_lines.wait_json(lambda said: "failures" not in said)
        results.create_stream(**RESULTS)
        say_failed(js, 5, "job", "no")
        json_lines.wait_json(lambda said: said.get("failures", {}).get("job") == 1)


def test_a_small_screen_shows_what_fits(server, js):
    with OnTerminal("status", "--watch", NATS_URL=server.url, rows=6, columns=20) as terminal:
        terminal.wait(lambda text: "waiting: 0" in text)
        assert terminal.screen.text().splitlines()[2:4] == ["stream IMAGES: as i", "consumer IMAGES > B"]
        terminal.resize(30, 100)
        terminal.wait(lambda text: "per second: 0.0 came, 0.0 done" in text)
        assert terminal.screen.scrolled == 0


def test_a_terminal_that_moves_no_cursor_gets_lines(server, js):
    with OnTerminal("status", "--watch", NATS_URL=server.url, TERM="dumb") as terminal:
        terminal.wait(lambda text: text.count(" waiting 0, ") == 2)
        terminal.types(CTRL_C)
        assert terminal.wait_exit() == 0
        assert "\x1b" not in terminal.written


def test_until_empty(each_server, connect):
    js = JetStream(connect(each_server)).create()
    js.publish(b"{}")
    js.publish(b"{}")
    with Watch(each_server, "--until-empty", "--watch", "--json") as shown, Watch(each_server, "--until-empty") as quiet:
        do_jobs(js, 1)
        last = js.next()
        shown.wait_json(lambda said: (said["waiting"], said["in_work"]) == (0, 1))
        assert (shown.process.poll(), quiet.process.poll()) == (None, None)
        js.ack(last)
        code, output, errors = shown.end()
        assert code == 0, errors
        assert json.loads(output.splitlines()[-1])["in_work"] == 0
        code, output, errors = quiet.end()
        assert code == 0 and " error " not in errors
        assert "waiting: 0\n" in output and output.count("stream IMAGES:") == 1


def test_until_empty_with_dead_jobs(server, js):
    """Also with one that dies as the last."""
    js.publish(b"{}")
    for _ in range(5):
        js.nak(js.next())
    with Watch(server, "--until-empty") as watch:
        wait_until(lambda: js.next() is None and js.consumer_info()["num_ack_pending"] == 0)
        code, output, errors = watch.end()
    assert code == 11 and "dead: 1\n" in output
    assert one_error(errors).message.startswith("1 job is dead")


@pytest.mark.parametrize("args", [(), ("--watch",), ("--json",)], ids=str)
def test_until_empty_does_not_wait_for_what_differs(args, server, empty_js):
    run = run_bw("status", "--until-empty", *args, NATS_URL=server.url)
    assert run.returncode == 9 and "missing" in run.stdout and "bw setup" in one_error(run.stderr).message
    empty_js.create(consumer={"max_deliver": 3})
    empty_js.publish(b"{}")
    run = run_bw("status", "--until-empty", *args, NATS_URL=server.url)
    assert run.returncode == 9 and "differs" in run.stdout


@pytest.mark.parametrize("args", [(), ("--watch",)], ids=str)
def test_until_empty_that_is_stopped(args, server, js):
    js.publish(b"{}")
    with Watch(server, "--until-empty", *args) as watch:
        while "connected" not in watch.process.stderr.readline():
            pass
        code, _, errors = watch.end(signal.SIGINT)
    assert code == 8
    assert one_error(errors).fields["kind"] == "stopped"


def test_a_lost_connection_is_waited_out(each_server, connect):
    JetStream(connect(each_server)).create().publish(b"{}")
    with Watch(each_server, "--watch") as plain, Watch(each_server, "--watch", "--json") as json_lines:
        plain.wait_line(lambda line: "waiting 1" in line)
        json_lines.wait_json(lambda said: said.get("waiting") == 1)
        each_server.stop(signal.SIGKILL)
        plain.wait_line(lambda line: line.endswith("Z connection lost"))
        assert json_lines.wait_json(lambda said: "waiting" not in said)["lost"] == "connection lost"
        each_server.start()
        plain.wait_line(lambda line: "waiting 1" in line)
        json_lines.wait_json(lambda said: said.get("waiting") == 1)
        for watch in (plain, json_lines):
            code, _, errors = watch.end(signal.SIGTERM)
            assert code == 0 and "connection back" in errors


def test_a_lost_connection_on_a_screen(server, js):
    js.publish(b"{}")
    with OnTerminal("status", "--watch", NATS_URL=server.url) as terminal:
        terminal.wait(lambda text: "waiting: 1" in text)
        server.stop()
        terminal.wait(lambda text: "\nconnection lost; what follows" in text and "waiting: 1" in text)
        server.start()
        terminal.wait(lambda text: "lost" not in text and "waiting: 1" in text)
        assert " warn " not in terminal.screen.text() and terminal.screen.scrolled == 0
        terminal.types(CTRL_C)
        assert terminal.wait_exit() == 0


def test_a_stream_that_goes_and_comes(server, js):
    with Watch(server, "--watch") as watch:
        watch.wait_line(PLAIN.match)
        js.delete_stream()
        watch.wait_line(lambda line: line.endswith("Z stream IMAGES: missing, consumer IMAGES > BW: missing"))
        js.create()
        watch.wait_line(PLAIN.match)
        assert watch.end(signal.SIGINT)[0] == 0


def test_no_server(server, js):
    server.stop()
    run = run_bw("status", "--watch", NATS_URL=server.url, BW_CONNECT_TIMEOUT="500ms")
    assert (run.returncode, run.stdout) == (3, "")


def test_a_reader_that_goes(server, js):
    with Watch(server, "--watch") as watch:
        watch.wait_line(PLAIN.match)
        watch.process.stdout.close()
        assert watch.process.wait(DEADLINE) == 6
