"""Fixtures: a server of its own for each test, and workers that end with it.

Run by themselves with `python3 -m pytest tests/e2e`; BW_BINARY names the bw to test (build/bw).
"""


import pytest

from harness import pictures
from harness.cli import NatsCli
from harness.dead import Dead
from harness.gate import Gate
from harness.jetstream import RESULTS, JetStream
from harness.server import Server, server_binary
from harness.worker import Keeper, Worker


@pytest.fixture
def make_server(tmp_path):
    """Starts servers; each has a folder of its own."""
    servers = []

    def make(**options):
        servers.append(Server(tmp_path / f"server{len(servers)}", **options))
        return servers[-1].start()

    yield make
    for server in servers:
        server.stop()


@pytest.fixture
def server(make_server):
    return make_server()


@pytest.fixture(params=[(2, 9), (2, 14)], ids=["nats-2.9", "nats-2.14"])
def each_server(request, make_server):
    """The oldest and the newest that are there."""
    binary = server_binary((*request.param, 0))
    if not binary:
        pytest.skip(f"no nats-server from {request.param} on")
    return make_server(binary=binary)


@pytest.fixture
def connect():
    """Connections to a server, closed with the test."""
    connections = []

    def make(server, **options):
        connections.append(server.connect(**options))
        return connections[-1]

    yield make
    for connection in connections:
        connection.close()


@pytest.fixture
def empty_js(server, connect):
    """JetStream without the stream."""
    return JetStream(connect(server))


@pytest.fixture
def js(empty_js):
    """JetStream with the stream and the consumer."""
    return empty_js.create()


@pytest.fixture
def make_dead(each_server, connect):
    """Makes a queue for dead jobs."""
    return lambda **how: Dead(each_server, connect(each_server), **how)


@pytest.fixture
def dead(make_dead):
    return make_dead()


@pytest.fixture
def results(server, connect):
    """The results stream."""
    stream = JetStream(connect(server), "IMAGES_RESULTS")
    stream.create_stream(**RESULTS)
    return stream


@pytest.fixture
def outdir(tmp_path):
    folder = tmp_path / "out"
    folder.mkdir()
    return folder


@pytest.fixture
def gate(tmp_path):
    """gate.file: a picture that no worker gets before gate.open()."""
    with Gate(pictures.small(tmp_path)) as gate:
        yield gate


@pytest.fixture
def start_worker(server, outdir):
    """Starts workers on the server; settings are given by their environment names."""
    workers = []

    def start(*args, command=None, **settings):
        settings = {"NATS_URL": server.url, "OUTDIR": outdir} | settings
        settings = {name: value for name, value in settings.items() if value is not None}
        workers.append(Worker(command, args, **settings))
        return workers[-1]

    yield start
    for worker in workers:
        worker.close()
        print(f"--- log of worker {worker.process.pid}\n{worker.log()}")  # pytest shows it when the test fails


@pytest.fixture
def keeper(start_worker):
    """Starts a Keeper of a worker with these settings."""
    keepers = []

    def keep(**settings):
        keepers.append(Keeper(lambda: start_worker(**settings)))
        return keepers[-1]

    yield keep
    for each in keepers:
        each.close()


@pytest.fixture
def nats_cli(server, tmp_path):
    return NatsCli(server.url, tmp_path)
