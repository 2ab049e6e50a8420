"""The log: docs/logs.md against the sources and against real lines, and colour on terminals only."""

import json
import fcntl
import os
import pty
import re
import subprocess
from pathlib import Path

import pytest

from harness import pictures
from harness.checks import wait_until
from harness.jetstream import JetStream
from harness.server import SOURCE_DIR, free_port
from harness.worker import DEADLINE, bw_command, environment, parse_line

LITERAL = r'"((?:[^"\\]|\\.)*)"'
NO_RECORDS = "no records are kept, since there is no results stream"
TYPES = {"text": (str,), "number": (int,), "number or null": (int, type(None))}


def rows(heading):
    """The cells of the table in docs/logs.md that begins with this row."""
    lines = (SOURCE_DIR / "docs/logs.md").read_text().splitlines()
    for line in lines[lines.index(heading) + 2:]:
        if not line.startswith("|"):
            return
        yield [cell.strip() for cell in line.strip("|").split("|")]


def documented_messages():
    """{message: (level, fields)}. Error lines, and what all lines have, stand under their level."""
    return {message or level: (level, set(re.findall("`([a-z_]+)`", fields)))
            for level, message, fields, _ in rows("| level | message | fields | when |")}


def documented_types():
    return {name.strip("`"): kind for name, kind, _ in rows("| field | type | is |")}


def sources():
    """{path: text without comments}"""
    files = [file for folder in ("src", "include") for file in sorted((SOURCE_DIR / folder).rglob("*.[ch]pp"))]
    comment = re.compile(rf"{LITERAL}|//[^\n]*")
    return {str(file.relative_to(SOURCE_DIR)):
            comment.sub(lambda match: "" if match[0].startswith("//") else match[0], file.read_text())
            for file in files}


def messages_of_sources():
    """{message: (level, path)}"""
    found = {}
    for path, text in sources().items():
        for call in re.finditer(rf"\blog::(debug|info|warn|startup)\(\s*((?:{LITERAL}\s*)*)", text):
            message = "".join(re.findall(LITERAL, call[2]))
            assert message, f"{path}: the message of log::{call[1]} is no literal, so docs/logs.md cannot list it"
            found[message] = ("info or debug" if call[1] == "startup" else call[1], path)
    return found


def fields_of_sources():
    """{field: path}. Only functions and classes that have to do with log lines are looked at."""
    found = {"time": "src/base/log.cpp", "level": "src/base/log.cpp", "msg": "src/base/log.cpp"}
    for path, text in sources().items():
        for part in re.split(r"^}", text, flags=re.M):
            if re.search(r"\blog::(debug|info|warn|error|startup)\(|\bFields\b", part):
                for name in re.findall(r'(?:\{|emplace_back\()"([a-z_]+)",', part):
                    found[name] = path
    return found


def test_every_message_is_documented():
    documented, found = documented_messages(), messages_of_sources()
    for message, (level, path) in found.items():
        assert message in documented, f'docs/logs.md lacks the message of {path}: | {level} | {message} | fields | when |'
        assert documented[message][0] == level, f"docs/logs.md: {message!r} of {path} has the level {level}"
    gone = documented.keys() - found.keys() - {"any", "error"}
    assert not gone, f"docs/logs.md lists messages that no source has: {sorted(gone)}"


def test_every_field_is_documented():
    documented, found = documented_types(), fields_of_sources()
    lacking = {name: path for name, path in found.items() if name not in documented}
    assert not lacking, "docs/logs.md lacks fields; a row each: " + ", ".join(
        f"| `{name}` | type | is | ({path})" for name, path in lacking.items())
    gone = documented.keys() - found.keys()
    assert not gone, f"docs/logs.md lists fields that no source has: {sorted(gone)}"
    assert set(documented.values()) <= TYPES.keys(), f"the types in docs/logs.md are {list(TYPES)}"
    used = set.union(*(fields for _, fields in documented_messages().values()))
    assert used == documented.keys(), f"in one table of docs/logs.md only: {sorted(used ^ documented.keys())}"


def check_line(line):
    """Checks the line against docs/logs.md, and returns its message."""
    messages, types, record = documented_messages(), documented_types(), json.loads(line)
    row = "error" if record["level"] == "error" else record["msg"]
    assert row in messages, f"docs/logs.md does not know: {line}"
    levels, fields = messages[row]
    assert record["level"] in levels.split(" or "), line
    everywhere = messages["any"][1]
    assert {"time", "level", "msg"} <= record.keys(), line
    assert record.keys() <= fields | everywhere, f"docs/logs.md lists {sorted(fields)} for {row!r}, not: {line}"
    for name, value in record.items():
        assert type(value) in TYPES[types[name]], f"docs/logs.md: {name} is {types[name]}, not: {line}"
    if row == "job done":
        assert fields - {"trace"} <= record.keys(), f"docs/logs.md lists {sorted(fields)}, not: {line}"
    return row


def test_json_lines(server, js, connect, start_worker, gate, tmp_path):
    """One worker lives through much, and another one fails."""
    server.stop()
    worker = start_worker(BW_LOG_FORMAT="json", BW_LOG_LEVEL="debug")
    worker.wait_line("not connected yet")
    server.start()
    worker.wait_line('"ready"')
    js = JetStream(connect(server))
    js.publish_job("held", gate.file)
    gate.wait_reached()
    server.restart()
    gate.open()
    worker.wait_line("connection back")
    js = JetStream(connect(server))
    js.publish_job("job-1", pictures.small(tmp_path))
    worker.wait_line('"id":"job-1","seq":2,"delivery":"1/5","output"')
    assert worker.stop() == 0
    said = {check_line(line) for line in worker.lines}
    assert said >= {"sandbox", "not connected yet, trying on", "connected", "ready", "job begun", "job done", "stopping",
                    "connection lost", "connection back", "stopped"}

    js.publish_job("bad", "nowhere")
    worker = start_worker(BW_LOG_FORMAT="json", BW_SANDBOX="off", BW_INPUT_ROOTS=tmp_path)
    assert worker.wait_exit() == 4
    assert [check_line(line) for line in worker.lines] == ["worker", "sandbox off", "connected",
                                                          NO_RECORDS, "ready", "error"]


def test_json_lines_of_parent_and_workers(js, start_worker, tmp_path):
    js.publish_job("bad", "nowhere")
    parent = start_worker(BW_LOG_FORMAT="json", BW_LOG_LEVEL="debug", BW_WORKERS=1, BW_INPUT_ROOTS=tmp_path, BW_RETIRE_JOBS=1,
                          BW_RETRY_DELAY="10m")
    parent.wait_line('"worker failed"')
    js.publish_job("good", pictures.small(tmp_path))
    parent.wait_line('"worker ended"')
    parent.wait_line('"ready"', count=3)
    assert parent.stop() == 0
    said = {check_line(line) for line in parent.lines}
    assert said >= {"parent", "worker", "worker failed", "retired", "worker ended", "stopping", "stopped"}
    for line in map(json.loads, parent.lines):
        of_parent = line["msg"] in ("parent", "stopping", "stopped") and "worker" not in line
        assert of_parent or line["worker"] == 1, line


def run_without_server(stderr, outdir, **settings):
    """Starts a run that says something at each level from info on, and ends with 3."""
    settings = {"OUTDIR": outdir, "NATS_URL": f"127.0.0.1:{free_port()}", "BW_CONNECT_TIMEOUT": "600ms"} | settings
    return subprocess.Popen(bw_command(), env=environment(settings), stdin=subprocess.DEVNULL, stderr=stderr)


def test_where_a_number_is_none(outdir, tmp_path):
    """A log that is a file is not limited in its size."""
    with open(tmp_path / "log", "w") as log:
        assert run_without_server(log, outdir, BW_LOG_FORMAT="json").wait(DEADLINE) == 3
    lines = (tmp_path / "log").read_text().splitlines()
    assert {check_line(line) for line in lines} >= {"sandbox", "error"}
    sandbox = next(line for line in map(json.loads, lines) if line["msg"] == "sandbox")
    assert sandbox["file_size_limit"] is None


def test_a_log_whose_reader_is_gone_from_the_beginning():
    """The first lines come before there are any workers."""
    reader, writer = os.pipe()
    os.close(reader)
    with subprocess.Popen(bw_command(), env=environment({"BW_NOSETTING": "1"}), stderr=writer) as process:
        os.close(writer)
    assert process.returncode == 2  # there is no OUTDIR


def on_terminal(outdir, **settings):
    """Returns what such a run writes to a terminal."""
    terminal, inside = pty.openpty()
    with run_without_server(inside, outdir, **settings) as process:
        os.close(inside)
        written = b""
        try:
            while part := os.read(terminal, 65536):
                written += part
        except OSError:  # Linux says so when nobody has the other side open any more
            pass
    os.close(terminal)
    assert process.returncode == 3, written
    return written.decode().splitlines()


COLOURED = {"TERM": "xterm", "NO_COLOR": ""}


def test_levels_are_coloured_on_a_terminal(outdir):
    colours = {}
    for line in on_terminal(outdir, **COLOURED):
        before, colour, level, after = re.fullmatch(r"(\S+ )(\x1b\[\d+m)([a-z]+)\x1b\[0m( .*)", line).groups()
        assert parse_line(before + level + after).level == level
        colours.setdefault(level, set()).add(colour)
    assert sorted(colours) == ["error", "info", "warn"]
    assert all(len(each) == 1 for each in colours.values()) and len(set.union(*colours.values())) == 3


@pytest.mark.parametrize("settings", [{"NO_COLOR": "1"}, {"TERM": "dumb"}, {"TERM": ""}, {"BW_LOG_FORMAT": "json"}],
                         ids=str)
def test_no_colour_where_it_is_not_wanted(outdir, settings):
    lines = on_terminal(outdir, **(COLOURED | settings))
    assert len(lines) > 2 and all(line.isprintable() for line in lines), lines


def test_no_colour_where_there_is_no_terminal(outdir):
    with run_without_server(subprocess.PIPE, outdir, **COLOURED) as process:
        lines = process.stderr.read().decode().splitlines()
    assert len(lines) > 2 and all(line.isprintable() for line in lines), lines


def test_lines_of_one_job_that_always_fails(js, start_worker):
    """On a terminal: the start once, then two lines for each of five deliveries, one of the worker and one of its parent."""
    js.publish("{}")
    parent = start_worker("--workers", 1, BW_RETRY_DELAY="10ms")
    parent.wait_line("worker failed", count=5)
    lines = [parse_line(line) for line in list(parent.lines)]
    start = [line.message for line in lines[:7]]
    assert start[:1] + start[2:] == ["parent", "worker", "sandbox", "connected", NO_RECORDS, "ready"]
    assert start[1].startswith("BW_INPUT_ROOTS is not set")
    assert [line.level for line in lines[7:]] == ["error", "warn"] * 5, parent.log()
    assert parent.stop() == 0


def children_of(process):
    return Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()


def check_works_and_stops(js, process, tmp_path):
    """It does a job although its log goes nowhere, then obeys a stop and leaves no process behind."""
    js.publish_job("done", pictures.small(tmp_path))
    wait_until(lambda: js.messages() == 0 or process.poll() is not None)
    assert process.poll() is None, process.returncode
    workers = children_of(process)
    process.terminate()
    assert process.wait(DEADLINE) == 0
    assert not any(Path("/proc", worker).exists() for worker in workers)


def start_with_log(stderr, nats_url, outdir, *args):
    settings = {"OUTDIR": outdir, "NATS_URL": nats_url, "BW_LOG_LEVEL": "debug"}
    return subprocess.Popen([*bw_command(), *args], env=environment(settings), stdin=subprocess.DEVNULL, stderr=stderr)


PARENT_AND_WORKER = pytest.mark.parametrize("args", [("--workers", "2"), ()], ids=["parent", "worker"])


@PARENT_AND_WORKER
def test_whoever_reads_the_log_may_end(args, js, server, outdir, tmp_path):
    """`bw 2>&1 | head -1` does this."""
    with start_with_log(subprocess.PIPE, server.url, outdir, *args) as process:
        process.stderr.readline()
        process.stderr.close()
        check_works_and_stops(js, process, tmp_path)


@PARENT_AND_WORKER
def test_log_may_stand_on_a_full_disk(args, js, server, outdir, tmp_path):
    with open("/dev/full", "w") as full, start_with_log(full, server.url, outdir, *args) as process:
        check_works_and_stops(js, process, tmp_path)


@PARENT_AND_WORKER
def test_log_may_be_a_full_pipe_that_does_not_wait(args, js, server, outdir, tmp_path):
    """Not a byte of bw comes after what already stood in it."""
    reader, writer = os.pipe()
    fcntl.fcntl(writer, fcntl.F_SETFL, os.O_NONBLOCK)
    filled = 0
    with pytest.raises(BlockingIOError):
        while True:
            filled += os.write(writer, b"x" * 4096)
    with start_with_log(writer, server.url, outdir, *args) as process:
        check_works_and_stops(js, process, tmp_path)
    os.close(writer)
    with open(reader, "rb") as pipe:
        assert pipe.read() == b"x" * filled
