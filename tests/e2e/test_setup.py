"""`bw setup` and scripts/nats-setup.sh: the same streams and consumer, the same words, the same exit codes."""

import json
import subprocess

import pytest

from harness.checks import one_error, wait_until
from harness.cli import find_nats_cli
from harness.jetstream import CONSUMER, MAX_DELIVERIES, RESULTS, SECOND, STREAM, ApiError, JetStream
from harness.permissions import Password, without
from harness.server import SOURCE_DIR, free_port
from harness.worker import environment, run_bw

CREATED = ["stream IMAGES: created", "consumer IMAGES > BW: created", "stream IMAGES_RESULTS: created"]
AS_IT_SHOULD_BE = [line.replace("created", "as it should be") for line in CREATED]

# Not held against each other, since they change nothing: the CLI names a durable consumer twice, by `name` too, and
# sends the zero time for a pause that is none (later servers give it back).
SPELLED_BY_THE_CLI = {"name", "pause_until"}


def bw_setup(server, *args, **settings):
    return run_bw("setup", *args, **{"NATS_URL": server.url} | settings)


def script_setup(server, *args, **settings):
    cli = find_nats_cli()
    if not cli:
        pytest.skip("no nats CLI (NATS_CLI, PATH, build/tools/nats)")
    return subprocess.run([SOURCE_DIR / "scripts/nats-setup.sh", *args], capture_output=True, text=True, timeout=120,
                          env=environment({"NATS_URL": server.url, "NATS_CLI": cli} | settings))


@pytest.fixture(params=[bw_setup, script_setup], ids=["bw", "script"])
def setup(request):
    return request.param


@pytest.fixture
def server(each_server):
    return each_server


@pytest.fixture
def results(empty_js):
    """The results stream."""
    return JetStream(empty_js.connection, "IMAGES_RESULTS")


def configurations(js):
    return js.stream_info()["config"], js.consumer_info()["config"]


def check_run(run, code, lines):
    assert (run.returncode, run.stdout.splitlines()) == (code, lines), run.stdout + run.stderr


def test_twice(setup, server, empty_js, results):
    check_run(setup(server), 0, CREATED)
    before = configurations(empty_js), results.stream_info()["config"]
    check_run(setup(server), 0, AS_IT_SHOULD_BE)
    assert (configurations(empty_js), results.stream_info()["config"]) == before


def check_values(config, wanted):
    """A field that is 0 is left out by some servers."""
    subjects = sorted(config["subjects"])
    assert {name: config.get(name, 0) for name in wanted} | {"subjects": subjects} == wanted | {"subjects": sorted(wanted["subjects"])}


def test_values(setup, server, empty_js, results):
    """What design and README say, read back from the server."""
    assert setup(server).returncode == 0
    stream, consumer = configurations(empty_js)
    check_values(stream, STREAM)
    check_values(results.stream_info()["config"], STREAM | RESULTS)
    assert {name: consumer.get(name) for name in CONSUMER} == CONSUMER
    assert "deliver_subject" not in consumer


def test_only_the_consumer_is_missing(setup, server, empty_js):
    empty_js.create_stream()
    check_run(setup(server), 0, [AS_IT_SHOULD_BE[0], *CREATED[1:]])


@pytest.mark.parametrize("size", [4096, -1])
def test_what_the_operator_changed_is_left(size, setup, server, empty_js, results):
    """Fields that bw does not depend on; the order of subjects; how much is kept; and larger jobs."""
    empty_js.create(stream={"allow_direct": True, "description": "ours", "max_msg_size": size}, consumer={"description": "ours"})
    changes = {"max_age": 60 * SECOND, "duplicate_window": 60 * SECOND, "max_bytes": -1, "max_msgs": 1000,
               "max_msgs_per_subject": 10, "max_msg_size": 4096, "allow_direct": True, "description": "ours"}
    results.create_stream(**RESULTS | changes)
    before = configurations(empty_js), results.stream_info()["config"]
    check_run(setup(server), 0, AS_IT_SHOULD_BE)
    assert (configurations(empty_js), results.stream_info()["config"]) == before


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

RESULTS_DIFFERENCES = {
    "subjects": ({"subjects": ["RESULTS.IMAGES.>"]},
                 '  subjects: is ["RESULTS.IMAGES.>"], should be '
                 '["$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.IMAGES.*","RESULTS.IMAGES.>"]'),
    "retention": ({"retention": "interest"}, "  retention: is interest, should be limits"),
    "storage": ({"storage": "memory"}, "  storage: is memory, should be file"),
    "discard": ({"discard": "new"}, "  discard: is new, should be old"),
    "no_ack": ({"no_ack": True}, "  no_ack: is true, should be false"),
    "duplicate_window": ({"duplicate_window": 120 * SECOND}, "  duplicate_window: is 120s, should be 3600s"),
    "window-and-age": ({"duplicate_window": 60 * SECOND, "max_age": 90 * SECOND}, "  duplicate_window: is 60s, should be 90s"),
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


@pytest.mark.parametrize("field", RESULTS_DIFFERENCES)
def test_results_stream_differs(field, setup, server, empty_js, results):
    changes, line = RESULTS_DIFFERENCES[field]
    results.create_stream(**RESULTS | changes)
    before = results.stream_info()["config"]
    check_run(setup(server), 9, [*CREATED[:2], "stream IMAGES_RESULTS: differs", line])
    assert results.stream_info()["config"] == before


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
    """Nothing is changed: no consumer is made either. The results stream is another matter."""
    empty_js.create_stream(max_msg_size=256)
    check_run(setup(server), 9, ["stream IMAGES: differs", "  max_msg_size: is 256, should be 512", CREATED[2]])
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
              ["stream PHOTOS: created", "consumer PHOTOS > GREY: created", "stream PHOTOS_RESULTS: created"])
    stream, consumer = configurations(js)
    assert stream["subjects"] == ["PHOTOS.>"]
    assert consumer["filter_subject"] == "PHOTOS.blackandwhite"


def test_results_of_another_name(setup, server, connect):
    check_run(setup(server, BW_RESULTS="KEPT"), 0, [*CREATED[:2], "stream KEPT: created"])
    assert JetStream(connect(server), "KEPT").stream_info()["config"]["subjects"][-1].startswith(("RESULTS.IMAGES.>", "$JS.EVENT"))


@pytest.mark.parametrize("off", ["off", "OFF"])
def test_without_the_results_stream(off, setup, server, results):
    check_run(setup(server, BW_RESULTS=off), 0, [*CREATED[:2], "results stream: off"])
    with pytest.raises(ApiError, match="not found"):
        results.stream_info()


@pytest.mark.parametrize("taken", ["RESULTS.>", "$JS.EVENT.>"])
def test_another_stream_has_the_results(taken, setup, server, results):
    """What was found and done before is said all the same."""
    JetStream(results.connection, "OTHER").create_stream(**RESULTS | {"subjects": [taken]})
    run = setup(server)
    check_run(run, 3, CREATED[:2])
    assert "set BW_RESULTS to off" in run.stderr
    if setup is bw_setup:
        assert "are taken by the stream OTHER" in one_error(run.stderr).message


@pytest.mark.parametrize("size", [("4KiB", 4096), ("600", 600)])
def test_larger_jobs(size, setup, server, empty_js):
    written, number = size
    check_run(setup(server, "--max-msg-size", written), 0, CREATED)
    assert empty_js.stream_info()["config"]["max_msg_size"] == number
    check_run(setup(server, "--max-msg-size", written), 0, AS_IT_SHOULD_BE)
    check_run(setup(server), 0, AS_IT_SHOULD_BE)
    check_run(setup(server, "--max-msg-size", "512"), 9,
              ["stream IMAGES: differs", f"  max_msg_size: is {number}, should be 512", *AS_IT_SHOULD_BE[1:]])


@pytest.mark.parametrize("size", ["511", "65KiB", "1 K", "-1", ""])
def test_a_size_that_is_none(size, setup, server, empty_js):
    run = setup(server, "--max-msg-size", size)
    assert (run.returncode, run.stdout) == (2, ""), run.stdout + run.stderr
    assert "from 512 to 65536 bytes" in run.stderr


@pytest.mark.parametrize("refused", ["INFO", "CREATE"])
def test_permissions_of_before_the_results_stream(refused, setup, make_server, tmp_path):
    """Stream and consumer are as they were, and the user hears what is missing."""
    credentials = Password(tmp_path)
    subject = f"$JS.API.STREAM.{refused}.IMAGES_RESULTS"
    server = make_server(config=credentials.config(without("setup", subject)))
    settings = credentials.settings("setup", server)
    check_run(bw_setup(server, BW_RESULTS="off", **settings), 0, [*CREATED[:2], "results stream: off"])
    run = setup(server, **settings)
    check_run(run, 3, AS_IT_SHOULD_BE[:2])
    assert f'Permissions Violation for Publish to "{subject}"; set BW_RESULTS to off' in run.stderr
    check_run(setup(server, BW_RESULTS="off", **settings), 0, [*AS_IT_SHOULD_BE[:2], "results stream: off"])


def kill_jobs(js, count):
    """Delivered once, as often as the consumer allows, and not acknowledged."""
    for _ in range(count):
        js.publish(b"{}")
    while js.next():
        pass
    js.wait_ack_waits(1)
    assert js.next() is None  # nats-server 2.9 looks for the dead when somebody pulls


@pytest.mark.parametrize(("limit", "kept"), [(None, 12), (10, 10)])
def test_every_dead_job_stays_in_the_results_stream(limit, kept, server, empty_js, results):
    """Why there is no limit for each subject: all dead jobs of a consumer have one."""
    assert bw_setup(server).returncode == 0
    if limit:
        results.api("STREAM.UPDATE.IMAGES_RESULTS", results.stream_info()["config"] | {"max_msgs_per_subject": limit})
    empty_js.create_consumer(ack_wait=SECOND, max_deliver=1)
    kill_jobs(empty_js, 12)
    wait_until(lambda: results.stream_info()["state"]["last_seq"] == 12)
    stored = results.stored()
    assert {message.subject for message in stored} == {MAX_DELIVERIES}
    assert len({json.loads(message.data)["stream_seq"] for message in stored}) == len(stored) == kept


@pytest.fixture
def cluster(make_server):
    """The url of one of two servers that know each other: enough for two replicas, while both are there."""
    ports = [free_port(), free_port()]
    routes = ", ".join(f"nats://127.0.0.1:{port}" for port in ports)
    servers = [make_server(config=f'server_name: "server{number}"\ncluster {{ name: "setup", listen: "127.0.0.1:{port}", '
                                  f'no_advertise: true, routes: [{routes}] }}') for number, port in enumerate(ports)]
    return servers[0]


def test_as_many_replicas_as_the_job_stream(setup, cluster, connect):
    """A server that goes would otherwise take the records with it, and stop the queue."""
    js = JetStream(connect(cluster), timeout=2)
    wait_until(lambda: made(js, num_replicas=2))
    check_run(setup(cluster), 0, [AS_IT_SHOULD_BE[0], *CREATED[1:]])
    assert JetStream(js.connection, "IMAGES_RESULTS").stream_info()["config"]["num_replicas"] == 2


def made(js, **changes):
    """Whether the stream could be made, for which servers must have found each other and chosen a leader."""
    try:
        js.create_stream(**changes)
    except (ApiError, TimeoutError):
        return False
    return True


def test_no_server(setup, server):
    server.stop()
    run = setup(server, BW_CONNECT_TIMEOUT="1s")
    assert run.returncode == 3, run.stdout + run.stderr


def test_differences_are_one_line_in_the_log(server, empty_js):
    empty_js.create(stream={"max_msg_size": 256})
    assert one_error(bw_setup(server).stderr).fields["kind"] == "difference"


def test_both_make_the_same(server, make_server, connect):
    infos = []
    for each, its_server in ((bw_setup, server), (script_setup, make_server(binary=server.binary))):
        connection = connect(its_server)
        assert each(its_server).returncode == 0
        infos.append((*configurations(JetStream(connection)), JetStream(connection, "IMAGES_RESULTS").stream_info()["config"]))
    for by_bw, by_script in zip(*infos):
        fields = (by_bw.keys() | by_script.keys()) - SPELLED_BY_THE_CLI
        assert {name: by_bw.get(name) for name in fields} == {name: by_script.get(name) for name in fields}


def test_made_by_one_is_right_for_the_other(server):
    check_run(bw_setup(server), 0, CREATED)
    check_run(script_setup(server), 0, AS_IT_SHOULD_BE)
