"""The permissions of docs/security.md on a real server: enough for the whole life of a job, and none too many."""

import json
import signal
import time

import pytest

from harness import pictures
from harness.checks import assert_failed, names, one_error, wait_until
from harness.cli import NatsCli
from harness.jetstream import MAX_DELIVERIES, SECOND, JetStream
from harness.nats import NatsError
from harness.permissions import KINDS, CredentialsFile, Password, documented, entries, without
from harness.worker import run_bw

SOON = 25  # seconds; far less than BW_CONNECT_TIMEOUT in these tests


class Place:
    """A server with the permissions, and the connections of sender and setup."""

    def __init__(self, kind, make_server, tmp_path, block):
        self.credentials = kind(tmp_path)
        self.server = make_server(config=self.credentials.config(block))

    def settings(self, role="worker"):
        return self.credentials.settings(role, self.server) | {"BW_CONNECT_TIMEOUT": "10m"}

    def jetstream(self, role):
        return JetStream(self.credentials.connect(role, self.server))

    def set_up(self):
        return run_bw("setup", **self.settings("setup"))


@pytest.fixture
def make_place(make_server, tmp_path):
    def make(kind=Password, block=None):
        return Place(kind, make_server, tmp_path, block or documented())

    return make


def check_exits_soon(worker, *words, code=3, kind="queue"):
    begin = time.monotonic()
    record = assert_failed(worker, code, kind)
    assert time.monotonic() - begin < SOON
    for word in words:
        assert word in record.message, record
    return record


@pytest.mark.parametrize("kind", KINDS)
def test_the_whole_life_of_a_job(kind, make_place, start_worker, keeper, outdir, gate, tmp_path):
    place = make_place(kind)
    run = place.set_up()
    assert run.returncode == 0, run.stdout + run.stderr
    operator, sender = place.jetstream("setup"), place.jetstream("sender")
    operator.create_consumer(ack_wait=SECOND)
    advisories = sender.connection.subscribe("advisory.>")

    # Longer than ack wait: its worker keeps it, though another waits for it.
    workers = [start_worker(**place.settings()) for _ in range(2)]
    sender.publish_job("held", gate.file)
    gate.wait_reached()
    time.sleep(3)  # the job's own length
    gate.open()
    assert advisories.next(90).json() == {"id": "held"}
    wait_until(lambda: operator.consumer_info()["num_ack_pending"] == 0)
    assert operator.consumer_info()["num_redelivered"] == 0
    assert workers[1].stop() == 0

    # Over a restart of the server.
    place.server.restart(signal.SIGKILL)
    workers[0].wait_line("connection back")
    operator, sender = place.jetstream("setup"), place.jetstream("sender")
    advisories, dead = sender.connection.subscribe("advisory.>"), operator.connection.subscribe(MAX_DELIVERIES)
    sender.publish_job("after", pictures.small(tmp_path))
    assert advisories.next(90).json() == {"id": "after"}
    assert workers[0].stop() == 0
    assert names(outdir) == ["after.pgm", "held.pgm"]

    # Given back five times: long before five ack waits, if these were what brought it back.
    sequence = sender.publish(b"{}")
    for number, run in enumerate(keeper(BW_RETRY_DELAY="10ms", **place.settings()).wait_runs(5), 1):
        assert_failed(run, 4, "job", delivery=f"{number}/5")
    assert dead.next(90).json()["stream_seq"] == sequence
    assert operator.message(sequence) == b"{}"


# What it needs for records is in test_records.py: a worker does without.
@pytest.mark.parametrize("subject", [subject for _, _, subject in entries("worker") if "RESULTS" not in subject])
def test_worker_needs(subject, make_place, start_worker, tmp_path):
    place = make_place(block=without("worker", subject))
    assert place.set_up().returncode == 0
    place.jetstream("sender").publish_job("job-1", pictures.small(tmp_path))
    why = {"code": 4, "kind": "job"} if subject == "advisory.>" else {}
    record = check_exits_soon(start_worker(**place.settings()), "ermissions", subject.rstrip(">"), **why)
    assert record.message.count("ermissions") == 1


@pytest.mark.parametrize("subject", [subject for _, _, subject in entries("setup")])
def test_setup_needs(subject, make_place):
    place = make_place(block=without("setup", subject))
    run = place.set_up()
    if run.returncode == 3:
        record = one_error(run.stderr)
        assert "ermissions" in record.message and subject.rstrip(">") in record.message
        return
    assert run.returncode == 0, run.stderr
    operator = place.jetstream("setup")
    with pytest.raises(NatsError, match="ermissions"):
        if subject == MAX_DELIVERIES:
            operator.connection.subscribe(subject)
        else:
            assert subject == "$JS.API.STREAM.MSG.GET.IMAGES"
            operator.message(1)


@pytest.mark.parametrize("subject", [subject for _, what, subject in entries("sender") if what == "allow"])
def test_sender_needs(subject, make_place):
    place = make_place(block=without("sender", subject))
    assert place.set_up().returncode == 0
    sender = place.jetstream("sender")
    with pytest.raises(NatsError, match="ermissions"):
        sender.connection.subscribe("advisory.>")
        sender.publish(b"{}")


RECORD = "RESULTS.IMAGES.BW.done.17"


def read_record(place, tmp_path):
    """What a reader hears of a record, and what the nats CLI shows it of the one that is kept, by its number and as the next."""
    assert place.set_up().returncode == 0
    results = JetStream(place.jetstream("recorder").connection, "IMAGES_RESULTS", "READER")
    results.create_consumer(filter_subject="RESULTS.>")
    following = place.jetstream("reader").connection.subscribe("RESULTS.IMAGES.>")
    results.connection.request(RECORD, b'{"id": "job-1"}')
    nats = NatsCli(place.settings("reader")["NATS_URL"], tmp_path)
    options = ("--no-context", "--inbox-prefix", "_INBOX.reader", "--timeout", "2s")
    kept = nats(*options, "stream", "get", "IMAGES_RESULTS", "--last-for", "RESULTS.IMAGES.BW.*.17")
    consumed = nats(*options, "consumer", "next", "IMAGES_RESULTS", "READER")
    wait_until(lambda: results.consumer_info()["num_ack_pending"] == 0, deadline=5)
    return following.next().json(), kept, consumed


def with_recorder(block):
    return block.replace("  users: [", '  users: [{ user: "recorder", password: "change me" }')


def test_reader(make_place, tmp_path):
    place = make_place(block=with_recorder(documented()))
    heard, *shown = read_record(place, tmp_path)
    assert heard == {"id": "job-1"} and all('{"id": "job-1"}' in text for text in shown)
    with pytest.raises(NatsError, match="ermissions"):
        place.jetstream("reader").connection.request(RECORD, b"{}")


@pytest.mark.parametrize("subject", [subject for _, _, subject in entries("reader")])
def test_reader_needs(subject, make_place, tmp_path):
    place = make_place(block=with_recorder(without("reader", subject)))
    with pytest.raises((NatsError, AssertionError), match="ermissions|did not come about"):
        read_record(place, tmp_path)


class Operator:
    """Runs `bw dead` where a worker's jobs die at once."""

    def __init__(self, place, outdir):
        assert place.set_up().returncode == 0
        self.place = place
        self.outdir = outdir
        self.js = place.jetstream("setup")
        self.js.create_consumer(max_deliver=1)

    def kill(self, job_id):
        number = self.place.jetstream("sender").publish_job(job_id, "nowhere")
        assert run_bw(OUTDIR=self.outdir, **self.place.settings()).returncode == 4
        return number

    def run(self, *args):
        return run_bw("dead", *args, **self.place.settings("operations"))


@pytest.mark.parametrize("kind", KINDS)
def test_operator(kind, make_place, outdir):
    operator = Operator(make_place(kind), outdir)
    sent, dropped = operator.kill("sent"), operator.kill("dropped")
    for args in (["list"], ["show", sent], ["retry", sent], ["drop", dropped]):
        run = operator.run(*args)
        assert run.returncode == 0 and "no records" not in run.stderr, run.stdout + run.stderr
    assert [json.loads(message.data)["id"] for message in operator.js.stored()] == ["sent"]


@pytest.mark.parametrize("subject", [subject for _, _, subject in entries("operations")])
def test_operator_needs(subject, make_place, outdir):
    operator = Operator(make_place(block=without("operations", subject)), outdir)
    number = operator.kill("dead")
    listed = operator.run("list")
    if subject.endswith("_RESULTS"):
        assert listed.returncode == 0 and "nobody knows why jobs died" in listed.stderr and subject in listed.stderr
        return
    run = operator.run("retry", number)
    assert run.returncode == 3, run.stdout + run.stderr
    record = one_error(run.stderr)
    assert "ermissions" in record.message and subject.rstrip(">") in record.message
    assert number in [message.sequence for message in operator.js.stored()]
    for_retries = ("$JS.API.STREAM.INFO.IMAGES", "$JS.API.STREAM.MSG.DELETE.IMAGES", "IMAGES.blackandwhite")
    assert listed.returncode == (0 if subject in for_retries else 3), listed.stderr


def test_sender_hears_no_worker(make_place, start_worker):
    """Jobs of others would pass by."""
    for block, others_are_heard in ((documented(), False), (without("sender", "_INBOX.bw.>"), True)):
        place = make_place(block=block)
        assert place.set_up().returncode == 0
        answers = place.jetstream("sender").connection.subscribe("_INBOX.>")
        worker = start_worker(**place.settings())
        worker.wait_line("ready")
        assert worker.stop() == 0
        assert any(message.subject.startswith("_INBOX.bw.") for message in answers.pending()) == others_are_heard


@pytest.mark.parametrize("kind", KINDS)
def test_wrong_credentials(kind, make_place, make_server, start_worker):
    place = make_place(kind)
    place.server = make_server(config=place.credentials.others(documented()))
    check_exits_soon(start_worker(**place.settings()), "let us in")
    run = place.set_up()
    assert run.returncode == 3
    assert one_error(run.stderr).fields["kind"] == "queue"


@pytest.mark.parametrize("job", ["idle", "in-a-job"])
@pytest.mark.parametrize(("kind", "how"), [(kind, how) for kind in KINDS for how in ("restart", "reload")
                                           if (kind, how) != (CredentialsFile, "reload")])  # an operator needs a restart
def test_credentials_withdrawn(kind, how, job, make_place, start_worker, gate, outdir):
    place = make_place(kind)
    assert place.set_up().returncode == 0
    worker = start_worker(**place.settings())
    worker.wait_line("ready")
    if job == "in-a-job":
        place.jetstream("sender").publish_job("held", gate.file)
        gate.wait_reached()
    place.server.config = place.credentials.others(documented())
    getattr(place.server, how)()
    worker.wait_line("connection lost")
    if job == "in-a-job":
        gate.open()
    check_exits_soon(worker, "closed the connection")
    assert names(outdir) == ([] if job == "idle" else ["held.pgm"])


@pytest.mark.parametrize("subject", ["$JS.API.CONSUMER.MSG.NEXT.IMAGES.BW", "_INBOX.bw.>"])
def test_permission_withdrawn(subject, make_place, start_worker):
    place = make_place()
    assert place.set_up().returncode == 0
    worker = start_worker(**place.settings())
    worker.wait_line("ready")
    place.server.config = without("worker", subject)
    place.server.reload()
    check_exits_soon(worker, "ermissions", subject.rstrip(">"))


def test_what_the_server_says_is_only_text(make_place, start_worker, tmp_path):
    """It repeats what a job brought."""
    place = make_place()
    assert place.set_up().returncode == 0
    job = {"id": "job-1", "image": pictures.small(tmp_path).as_uri(), "advisory": "no.kind=image.\u202e\u2028\"x"}
    place.jetstream("sender").publish(job)
    worker = start_worker(**place.settings())
    record = check_exits_soon(worker, code=4, kind="job")
    assert record.fields["where"] == job["advisory"]
    assert all(line.isprintable() and line.count("kind=") <= 1 for line in worker.lines)
