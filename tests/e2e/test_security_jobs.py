"""Jobs of a stranger: what they try through the advisory, the payload's size and shape, and the log."""

import json

import pytest

from harness import pictures
from harness.checks import assert_failed, names, one_error, wait_until
from harness.jetstream import MAX_DELIVERIES, JetStream
from harness.proxy import Proxy
from harness.worker import parse_line

SUBJECTS = ["IMAGES.>", "other.*.queue"]  # the stream takes more than its own name's

ADVISORIES = {
    "the-queue-itself": "IMAGES.blackandwhite",
    "the-stream": "IMAGES.x",
    "the-streams-other-subject": "other.x.queue",
    "the-api": "$JS.API.STREAM.DELETE.IMAGES",
    "an-acknowledgement": "$JS.ACK.IMAGES.BW.1.2.2.1.0",
    "the-system": "$SYS.REQ.SERVER.PING",
    "all": ">",
    "all-of-the-stream": "IMAGES.>",
    "wildcard": "*.blackandwhite",
    "our-inbox": "_INBOX.bw.x.1",
    "protocol": "advisory.x 0\r\n\r\nPUB IMAGES.blackandwhite 2\r\n{}\r\nPUB y",
    "longer-than-a-line-of-the-protocol": "x" * 5000,
}


@pytest.fixture
def picture(tmp_path):
    return pictures.small(tmp_path)


@pytest.fixture
def big_js(make_server, connect):
    """A stream whose operator has lifted the limit of a message's size, on a server of its own."""
    server = make_server(config="max_payload: 16MB")
    js = JetStream(connect(server)).create(stream={"max_msg_size": -1})
    js.url = server.url
    return js


@pytest.mark.parametrize("case", ADVISORIES)
def test_advisory_costs_five_deliveries_and_nothing_else(case, server, connect, empty_js, keeper, outdir, picture):
    """Not even the picture is read."""
    js = empty_js.create(stream={"subjects": SUBJECTS, "max_msg_size": -1})
    dead = js.connection.subscribe(MAX_DELIVERIES)
    heard = connect(server).subscribe(">")
    sequence = js.publish({"id": "job-1", "image": picture.as_uri(), "advisory": ADVISORIES[case]})
    for number, run in enumerate(keeper(BW_RETRY_DELAY="50ms").wait_runs(5), 1):
        record = assert_failed(run, 4, "job", id="job-1", seq=sequence, delivery=f"{number}/5")
        assert record.fields["where"] in ("advisory", ADVISORIES[case])
        assert not run.has_line("connection lost")
    assert dead.next(90).json()["stream_seq"] == sequence
    assert js.messages() == 1
    assert names(outdir) == []
    assert [message for message in heard.pending() if b'"job-1"}' == message.data[-8:]] == []


def test_refusal_names_subject_and_stream(empty_js, start_worker, picture):
    js = empty_js.create(stream={"subjects": SUBJECTS})
    js.publish({"id": "job-1", "image": picture.as_uri(), "advisory": "other.x.queue"})
    record = assert_failed(start_worker(), 4, "job", where="other.x.queue")
    assert "IMAGES" in record.message and "other.*.queue" in record.message


def test_advisory_as_an_answer(empty_js, start_worker, picture):
    """A requester's own inbox, and what only looks like the stream's, are subjects as others are."""
    js = empty_js.create(stream={"subjects": SUBJECTS})
    worker = start_worker()
    for number, subject in enumerate(("_INBOX.requester", "IMAGES", "images.x", "other.queue", "other.x.queue.y"), 1):
        answers = js.connection.subscribe(subject)
        js.publish({"id": f"job-{number}", "image": picture.as_uri(), "advisory": subject})
        assert answers.next(90).json() == {"id": f"job-{number}"}
    assert worker.stop() == 0


def test_what_the_stream_takes_is_learned_again(server, js, start_worker, picture):
    proxy = Proxy(server.port)
    worker = start_worker(NATS_URL=proxy.url)
    worker.wait_line("ready")
    js.api("STREAM.UPDATE.IMAGES", js.stream_info()["config"] | {"subjects": ["IMAGES.>", "late.*"]})
    proxy.cut()
    worker.wait_line("connection back")
    js.publish({"id": "job-1", "image": picture.as_uri(), "advisory": "late.x"})
    assert_failed(worker, 4, "job", id="job-1", where="late.x")
    proxy.close()


PAYLOADS = {
    "8-MB-deep": (b"[" * (8 << 20), "at most 65536"),
    "8-MB-of-blanks": (b" " * (8 << 20) + b"{}", "at most 65536"),
    "deep": (b'{"id":' + b"[" * 60_000, "nested"),
    "deep-and-valid": (b'{"id":"a","x":' + b'{"x":' * 10_000 + b"1" + b"}" * 10_001, "nested"),
    "number": (b'{"id":"a","image":"file:///a","x":1e999}', "too large"),
    "twice": (b'{"id":"a","image":"file:///a","id":"b"}', "more than one id"),
    "nul": (b'{"id":"a\0b","image":"file:///a"}', "not valid JSON"),
    "not-utf8": (b'{"id":"a","image":"file:///a","x":"\xff"}', "not valid JSON"),
    "overlong": (b'{"id":"a","image":"file:///\xc0\xaf"}', "not valid JSON"),
    "mark": (b'\xef\xbb\xbf{"id":', "not valid JSON"),
}


@pytest.mark.parametrize("case", PAYLOADS)
def test_payload(case, big_js, start_worker, outdir):
    payload, words = PAYLOADS[case]
    sequence = big_js.publish(payload)
    worker = start_worker(NATS_URL=big_js.url)
    assert words in assert_failed(worker, 4, "job", seq=sequence, delivery="1/5").message
    assert len(worker.log()) < 2000
    assert big_js.messages() == 1


@pytest.mark.parametrize("member", ["id", "image", "advisory"])
def test_long_member_makes_no_long_line(member, big_js, start_worker, picture):
    job = {"id": "job-1", "image": picture.as_uri()} | {member: "\u0001" * 10_000}
    big_js.publish(job)
    worker = start_worker(NATS_URL=big_js.url)
    assert worker.wait_exit() == 4
    one_error(worker.lines)
    assert max(map(len, worker.lines)) < 60_000  # six bytes for one, in two fields


HOSTILE = {
    "line": "\n2026-01-01T00:00:00.000Z error x kind=image",
    "return": "\rforged",
    "terminal": "\x1b[2J\x1b]0;title\x07",
    "c1": "\u009b31m\u0085",
    "delete": "\x7f",
    "separators": "\u2028\u2029",
    "bidi": "\u202e\u202d\u2066\u2067\u2069\u200f",
    "zero-width": "\u200b\ufeff",
    "field": '" kind=image where="y" delivery=5/5',
    "json": '","level":"info","x":"',
    "backslash": "\\n\\",
}


@pytest.mark.parametrize(("case", "log_format"), [*((case, "text") for case in HOSTILE), ("json", "json"), ("c1", "json")])
@pytest.mark.parametrize("member", ["id", "image", "advisory"])
def test_log_shows_no_more_than_text(member, case, log_format, js, start_worker, picture):
    """The job fails, or is done: each of its lines is one to see whole, and every field is ours."""
    hostile = HOSTILE[case]
    image = "file:///nothing/" + hostile if member == "image" else picture.as_uri()
    job = {"id": hostile if member == "id" else "job-1", "image": image}
    if member == "advisory":
        job["advisory"] = "advisory." + hostile
    js.publish(job)
    worker = start_worker(BW_LOG_FORMAT=log_format)
    wait_until(lambda: js.messages() == 0 or worker.process.poll() is not None)
    if worker.process.poll() is None:
        worker.signal()
    worker.wait_exit()
    assert all(line.isprintable() for line in worker.lines), worker.log()
    last = [line for line in worker.lines if "seq" in line][-1]
    assert last == worker.lines[-1] or "stopped" in worker.lines[-1]
    if log_format == "json":
        fields = [json.loads(line) for line in worker.lines][worker.lines.index(last)]
    else:
        assert last.count("delivery=") == 1 and last.count("kind=") <= 1
        fields = parse_line(last).fields
    assert fields["id"] == job["id"] and fields["delivery"] == "1/5"
