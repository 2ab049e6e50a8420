"""`bw setup` and scripts/nats-setup.sh: the same stream and consumer, the same words, the same exit codes."""

import subprocess

import pytest

from harness.checks import one_error
from harness.cli import find_nats_cli
from harness.jetstream import CONSUMER, SECOND, STREAM, JetStream
from harness.server import SOURCE_DIR
from harness.worker import environment, run_bw

CREATED = ["stream IMAGES: created", "consumer IMAGES > BW: created", "stream IMAGES_RESULTS: created"]
AS_IT_SHOULD_BE = [line.replace("created", "as it should be") for line in CREATED]

# Not held against each other, since they change nothing: the CLI names a durable consumer twice, by `name` too, and
# sends the zero time for a pause that is none (later servers give it back).
SPELLED_BY_THE_CLI = {"name", "pause_until"}


def bw_setup(server, **settings):
    return run_bw("setup", NATS_URL=server.url, **settings)


def script_setup(server, **settings):
    cli = find_nats_cli()
    if not cli:
        pytest.skip("no nats CLI (NATS_CLI, PATH, build/tools/nats)")
    return subprocess.run([SOURCE_DIR / "scripts/nats-setup.sh"], capture_output=True, text=True, timeout=120,
                          env=environment({"NATS_URL": server.url, "NATS_CLI": cli} | settings))


@pytest.fixture(params=[bw_setup, script_setup], ids=["bw", "script"])
def setup(request):
    return request.param


def configurations(js):
    return js.stream_info()["config"], js.consumer_info()["config"]


def check_run(run, code, lines):
    assert (run.returncode, run.stdout.splitlines()) == (code, lines), run.stdout + run.stderr


def test_twice(setup, server, empty_js):
    check_run(setup(server), 0, CREATED)
    before = configurations(empty_js)
    check_run(setup(server), 0, AS_IT_SHOULD_BE)
    assert configurations(empty_js) == before


def test_values(setup, server, empty_js):
    """What design and README say, read back from the server."""
    assert setup(server).returncode == 0
    stream, consumer = configurations(empty_js)
    wanted = {name: value for name, value in STREAM.items() if name != "max_age" or value}
    assert {name: stream.get(name) for name in wanted} == wanted
    assert stream.get("max_age", 0) == 0
    assert {name: consumer.get(name) for name in CONSUMER} == CONSUMER
    assert "deliver_subject" not in consumer


def test_only_the_consumer_is_missing(setup, server, empty_js):
    empty_js.create_stream()
    check_run(setup(server), 0, [AS_IT_SHOULD_BE[0], CREATED[1]])


def test_what_the_operator_changed_is_left(setup, server, empty_js):
    """Fields that bw does not depend on."""
    empty_js.create(stream={"allow_direct": True, "description": "ours"}, consumer={"description": "ours"})
    before = configurations(empty_js)
    check_run(setup(server), 0, AS_IT_SHOULD_BE)
    assert configurations(empty_js) == before


STREAM_DIFFERENCES = {
    "subjects": (["IMAGES.blackandwhite"], None),
    "retention": ("limits", "  retention: is limits, should be workqueue"),
    "storage": ("memory", "  storage: is memory, should be file"),
    "discard": ("new", "  discard: is new, should be old"),
    "max_msgs": (1000, "  max_msgs: is 1000, should be -1"),
    "max_bytes": (100000, "  max_bytes: is 100000, should be -1"),
    "max_age": (90 * SECOND, None),
    "max_msg_size": (256, "  max_msg_size: is 256, should be 512"),
    "duplicate_window": (120 * SECOND, "  duplicate_window: is 120s, should be 3600s"),
}

CONSUMER_DIFFERENCES = {
    "deliver_policy": ("last", None),  # refused by a work queue: then the stream differs too
    "ack_wait": (10 * SECOND, "  ack_wait: is 10s, should be 30s"),
    "max_deliver": (3, "  max_deliver: is 3, should be 5"),
    "filter_subject": ("IMAGES.other", "  filter_subject: is IMAGES.other, should be IMAGES.blackandwhite"),
    "replay_policy": ("original", "  replay_policy: is original, should be instant"),
}


@pytest.mark.parametrize("field", STREAM_DIFFERENCES)
def test_stream_differs(field, setup, server, empty_js):
    value, line = STREAM_DIFFERENCES[field]
    changes = {field: value}
    if field == "max_age":  # JetStream wants the window within the age
        changes["duplicate_window"] = 60 * SECOND
    empty_js.create(stream=changes)
    check_differs(setup, server, empty_js, field, line, "stream IMAGES: differs", AS_IT_SHOULD_BE[1])


@pytest.mark.parametrize("field", CONSUMER_DIFFERENCES)
def test_consumer_differs(field, setup, server, empty_js):
    value, line = CONSUMER_DIFFERENCES[field]
    stream = {"retention": "limits"} if field == "deliver_policy" else {}
    empty_js.create(stream=stream, consumer={field: value})
    first = "stream IMAGES: differs" if stream else AS_IT_SHOULD_BE[0]
    check_differs(setup, server, empty_js, field, line, "consumer IMAGES > BW: differs", first)


def check_differs(setup, server, js, field, line, *headings):
    before = configurations(js)
    run = setup(server)
    lines = run.stdout.splitlines()
    assert run.returncode == 9, run.stdout + run.stderr
    assert configurations(js) == before
    for heading in headings:
        assert heading in lines, run.stdout
    if line:
        assert line in lines, run.stdout
    assert any(each.startswith(f"  {field}: is ") for each in lines), run.stdout


def test_only_the_stream_differs_and_the_consumer_is_missing(setup, server, empty_js):
    """Nothing is changed: no consumer is made either."""
    empty_js.create_stream(max_msg_size=256)
    run = setup(server)
    assert run.returncode == 9
    assert empty_js.stream_info()["state"]["consumer_count"] == 0


def test_push_consumer_differs(setup, server, empty_js):
    empty_js.create_stream()
    empty_js.create_consumer(deliver_subject="somewhere")
    run = setup(server)
    assert run.returncode == 9, run.stdout + run.stderr
    assert any(line.startswith("  deliver_subject: is somewhere") for line in run.stdout.splitlines())


def test_other_names(setup, server, connect):
    js = JetStream(connect(server), "PHOTOS", "GREY")
    check_run(setup(server, BW_STREAM="PHOTOS", BW_CONSUMER="GREY"), 0,
              ["stream PHOTOS: created", "consumer PHOTOS > GREY: created"])
    stream, consumer = configurations(js)
    assert stream["subjects"] == ["PHOTOS.>"]
    assert consumer["filter_subject"] == "PHOTOS.blackandwhite"


def test_no_server(setup, server):
    server.stop()
    run = setup(server, BW_CONNECT_TIMEOUT="1s")
    assert run.returncode == 3, run.stdout + run.stderr


def test_differences_are_one_line_in_the_log(server, empty_js):
    empty_js.create(stream={"max_msg_size": 256})
    assert one_error(bw_setup(server).stderr).fields["kind"] == "difference"


def test_both_make_the_same(make_server, connect):
    infos = []
    for each in (bw_setup, script_setup):
        server = make_server()
        assert each(server).returncode == 0
        infos.append(configurations(JetStream(connect(server))))
    for by_bw, by_script in zip(*infos):
        fields = (by_bw.keys() | by_script.keys()) - SPELLED_BY_THE_CLI
        assert {name: by_bw.get(name) for name in fields} == {name: by_script.get(name) for name in fields}


def test_made_by_one_is_right_for_the_other(server):
    check_run(bw_setup(server), 0, CREATED)
    check_run(script_setup(server), 0, AS_IT_SHOULD_BE)
