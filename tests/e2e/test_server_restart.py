"""The server goes away in the middle of a job and comes back: the worker stays, the job is done once."""

import signal

import pytest

from harness.checks import assert_all_done, names, wait_until
from harness.jetstream import JetStream
from harness.server import server_binary


def check_restart(server, how, js, connect, start_worker, outdir, gate):
    worker = start_worker(BW_JOB_TIMEOUT="5m")
    nothing_delivered = server.consumer_state.read_bytes()
    js.publish_job("held", gate.file)
    gate.wait_reached()
    # The server writes that it delivered the job a moment later; killed before, it forgets.
    wait_until(lambda: server.consumer_state.read_bytes() != nothing_delivered)
    server.restart(how)
    js = JetStream(connect(server))
    advisories = js.connection.subscribe("advisory.>")
    worker.wait_line("connection back")
    gate.open()
    assert advisories.next(120).json() == {"id": "held"}
    wait_until(lambda: js.messages() == 0)
    assert_all_done(js, 1)
    assert sum("connection lost" in line for line in worker.lines) == 1
    assert names(outdir) == ["held.pgm"]
    # And it goes on with the next job.
    js.publish_job("next", gate.file)
    assert advisories.next(120).json() == {"id": "next"}
    assert worker.stop() == 0
    assert not any(" error " in line for line in worker.lines), worker.log()


def test_server_is_stopped_in_the_middle_of_a_job(server, js, connect, start_worker, outdir, gate):
    check_restart(server, signal.SIGTERM, js, connect, start_worker, outdir, gate)


def test_idle_worker_survives_restarts(server, js, connect, start_worker, tmp_path):
    worker = start_worker()
    worker.wait_line("ready")
    for round_number in (1, 2, 3):
        server.restart()
        worker.wait_line("connection back", count=round_number)
    js = JetStream(connect(server))
    picture = tmp_path / "picture.pgm"
    picture.write_bytes(b"P5 1 1 255\n\x80")
    js.publish_job("after", picture)
    worker.wait_line("id=after")
    assert worker.stop() == 0


def test_waiting_for_the_server_is_no_busy_loop(server, js, start_worker):
    worker = start_worker()
    worker.wait_line("ready")
    server.stop()
    worker.wait_line("connection lost")
    before = _cpu_seconds(worker)
    with pytest.raises(AssertionError):
        wait_until(lambda: worker.process.poll() is not None, deadline=3)  # 3 s without a server
    assert _cpu_seconds(worker) - before < 1
    assert len(worker.lines) < 20, worker.log()
    assert worker.stop(15) == 0, "a worker without a server is to stop too"


def _cpu_seconds(worker):
    fields = open(f"/proc/{worker.process.pid}/stat").read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / 100


class TestKilledServer:
    """Before 2.10 a killed nats-server can bring acknowledged messages back."""

    @pytest.fixture
    def server(self, make_server):
        binary = server_binary(at_least=(2, 10, 0))
        if not binary:
            pytest.skip("no nats-server 2.10 or later (NATS_SERVER_NEW, build/tools/nats-server, PATH)")
        return make_server(binary=binary)

    def test_server_is_killed_in_the_middle_of_a_job(self, server, js, connect, start_worker, outdir, gate):
        check_restart(server, signal.SIGKILL, js, connect, start_worker, outdir, gate)

    def test_delivery_that_a_killed_server_forgot(self, server, js, connect, start_worker, outdir, gate):
        """Its ack is answered by nobody; the job comes again, and the worker that did it does it again."""
        worker = start_worker(BW_JOB_TIMEOUT="5m")
        nothing_delivered = server.consumer_state.read_bytes()
        js.publish_job("held", gate.file)
        gate.wait_reached()
        server.stop(signal.SIGKILL)
        server.consumer_state.write_bytes(nothing_delivered)
        server.start()
        worker.wait_line("connection back")
        gate.open()
        js = JetStream(connect(server))
        worker.wait_line("the server has forgotten the delivery")
        wait_until(lambda: js.messages() == 0)
        assert names(outdir) == ["held.pgm"]
        assert worker.process.poll() is None, worker.log()
