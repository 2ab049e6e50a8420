"""The sandbox around a real worker: what is in force, and that all it needs still works from inside."""

import json
import os
import re
import resource
import signal
import socket
import struct
import subprocess
import time
from pathlib import Path

import pytest

from harness import bombs, pictures
from harness.checks import assert_failed, names, one_error, wait_until
from harness.cli import NatsCli
from harness.jetstream import SECOND, JetStream
from harness.nkeys import Account, Key
from harness.proxy import Proxy
from harness.server import SOURCE_DIR
from harness.worker import bw_command, run_bw

FAULTY_DECODER = os.environ.get("BW_FAULTY_DECODER", SOURCE_DIR / "build/tests/libbw_faulty_decoder.so")
SANITIZED = re.search(rb"lib[at]san", subprocess.run(["ldd", bw_command()[-1]], capture_output=True).stdout)


@pytest.fixture(autouse=True)
def inputs(tmp_path):
    """A root, where a test confines its worker to one."""
    (tmp_path / "in").mkdir()


def statuses(worker):
    """/proc/PID/status of every thread."""
    tasks = Path(f"/proc/{worker.process.pid}/task").iterdir()
    return [dict(line.split(":\t", 1) for line in (task / "status").read_text().splitlines() if ":\t" in line)
            for task in tasks]


def limits(worker):
    """Soft limits by name."""
    lines = Path(f"/proc/{worker.process.pid}/limits").read_text().splitlines()[1:]
    return {line[:26].strip(): line[26:].split()[0] for line in lines}


def test_what_is_in_force(js, start_worker):
    worker = start_worker()
    said = worker.wait_record(" sandbox ").fields
    worker.wait_line("ready")
    threads = statuses(worker)
    assert len(threads) > 2  # libnats has some
    assert {(thread["Seccomp"], thread["NoNewPrivs"]) for thread in threads} == {("2", "1")}
    assert said["seccomp"] == "on"
    assert said["landlock"] == "unavailable" or int(said["landlock"]) >= 1
    in_force = limits(worker)
    assert in_force["Max file size"] == said["file_size_limit"]
    if not SANITIZED:
        assert in_force["Max data size"] == said["memory_limit"]
        assert 3 << 29 < int(said["memory_limit"]) < 5 << 29  # the defaults: 1 GiB, twice 256 MiB, and what is needed
    assert worker.stop() == 0


def test_off(js, start_worker, tmp_path):
    worker = start_worker(BW_SANDBOX="off")
    worker.wait_line("sandbox off")
    worker.wait_line("ready")
    assert {(thread["Seccomp"], thread["NoNewPrivs"]) for thread in statuses(worker)} == {("0", "0")}
    assert limits(worker)["Max data size"] == "unlimited"
    js.publish_job("job", pictures.small(tmp_path))
    worker.wait_line("job done")
    assert worker.stop() == 0
    assert start_worker(BW_SANDBOX="maybe").wait_exit() == 2


def test_log_that_is_a_file_has_no_end(js, start_worker, tmp_path):
    log = tmp_path / "bw.log"
    worker = start_worker(command=["sh", "-c", f'exec "$@" 2>>"{log}"', "sh", *bw_command()])
    wait_until(lambda: log.exists() and "ready" in log.read_text())
    assert 'file_size_limit="off: the log is a file"' in log.read_text()
    assert limits(worker)["Max file size"] == "unlimited"
    assert worker.stop() == 0


def test_signal_before_the_first_thread(js, start_worker):
    """It stays pending while the coders are loaded and the sandbox closes."""
    worker = start_worker(command=["sh", "-c", 'exec "$@"', "sh", *bw_command()])
    wait_until(lambda: blocks_sigterm(worker))
    worker.signal()
    assert worker.wait_exit() == 0
    assert worker.has_line("stopped")


def blocks_sigterm(worker):
    return int(statuses(worker)[0]["SigBlk"], 16) & 1 << 14


def test_directory_that_was_made_again(js, start_worker, outdir, tmp_path):
    """The sandbox knows the old one: the worker ends, and the next one goes on."""
    worker = start_worker()
    if worker.wait_record(" sandbox ").fields["landlock"] == "unavailable":
        pytest.skip("no Landlock")
    worker.wait_line("ready")
    outdir.rmdir()
    outdir.mkdir()
    assert "id" not in assert_failed(worker, 6, "output", where=outdir).fields  # before the next fetch
    js.publish_job("job", pictures.small(tmp_path))
    assert names(outdir) == []
    worker = start_worker()
    assert worker.wait_record("job done").fields["delivery"] == "1/5"
    assert worker.stop() == 0


def test_input_root_that_was_made_again(js, start_worker, outdir, tmp_path):
    """So it is with an input root, be it replaced or mounted anew."""
    root = tmp_path / "in"
    worker = start_worker(BW_INPUT_ROOTS=root)
    if worker.wait_record(" sandbox ").fields["landlock"] == "unavailable":
        pytest.skip("no Landlock")
    worker.wait_line("ready")
    root.rename(tmp_path / "away")
    root.mkdir()
    assert "id" not in assert_failed(worker, 10, "input", where=root).fields  # before the next fetch
    js.publish_job("job", pictures.small(root))
    worker = start_worker(BW_INPUT_ROOTS=root)
    assert worker.wait_record("job done").fields["delivery"] == "1/5"
    assert worker.stop() == 0


def check_reconnect(server, worker, tmp_path, publish, meanwhile=lambda: None):
    """A job is done after the server was away; `meanwhile` runs while it is."""
    worker.wait_line("ready")
    server.stop()
    worker.wait_line("connection lost")
    meanwhile()
    server.start()
    worker.wait_line("connection back")
    publish({"id": "job", "image": pictures.small(tmp_path / "in").as_uri()})
    worker.wait_line("job done")
    assert worker.stop() == 0


def test_reconnect_by_host_name(js, server, connect, start_worker, tmp_path):
    worker = start_worker(NATS_URL=f"nats://localhost:{server.port}", BW_INPUT_ROOTS=tmp_path / "in")
    check_reconnect(server, worker, tmp_path, publish=lambda job: JetStream(connect(server)).publish(job))


def replace(file, text):
    """As a rename does it: the name then stands for another file."""
    new = file.with_suffix(".new")
    new.write_text(text)
    new.rename(file)


def secret_file(folder, text):
    """In a directory of its own, which nothing else makes readable."""
    (folder / "secrets").mkdir()
    file = folder / "secrets" / "worker"
    file.write_text(text)
    return file


def test_reconnect_with_an_nkey(make_server, connect, start_worker, tmp_path):
    key = Key("user", tmp_path)
    server = make_server(config=f'authorization {{ users: [ {{ nkey: {key.public} }}, '
                                f'{{ user: "sender", password: "pw" }} ] }}')
    JetStream(connect(server, userinfo="sender:pw@")).create()
    file = secret_file(tmp_path, key.seed + "\n")
    worker = start_worker(NATS_URL=f"nats://localhost:{server.port}", BW_NKEY=file,
                          BW_INPUT_ROOTS=tmp_path / "in")
    check_reconnect(server, worker, tmp_path, meanwhile=lambda: replace(file, key.seed + "\n"),
                    publish=lambda job: JetStream(connect(server, userinfo="sender:pw@")).publish(job))


def test_reconnect_with_other_credentials(make_server, start_worker, tmp_path):
    """While the server is away, the first user is turned away and the file gets the second one's credentials."""
    account = Account(tmp_path)
    (first, first_file), (_, second_file) = account.user("first"), account.user("second")
    server = make_server(config=account.config())
    file = secret_file(tmp_path, first_file.read_text())
    assert run_bw("setup", NATS_URL=server.url, BW_CREDS=second_file).returncode == 0
    worker = start_worker(NATS_URL=f"nats://localhost:{server.port}", BW_CREDS=file,
                          BW_INPUT_ROOTS=tmp_path / "in")

    def change():
        server.config = account.config(revocations={first.public: int(time.time()) + 3600})
        replace(file, second_file.read_text())

    check_reconnect(server, worker, tmp_path, meanwhile=change, publish=lambda job: NatsCli(server.url, tmp_path)(
        "--creds", second_file, "pub", "IMAGES.blackandwhite", json.dumps(job)))


IN_A_NAMESPACE = 'mount --bind "$1" /etc/hosts && shift && exec "$@"'


def can_mount():
    return subprocess.run(["unshare", "-m", "mount", "--bind", "/etc/hosts", "/etc/hosts"],
                          capture_output=True).returncode == 0


@pytest.mark.skipif(not can_mount(), reason="no mount namespaces")
def test_reconnect_by_a_name_that_moved(js, server, start_worker, tmp_path):
    """/etc/hosts gives another address than at the start: first a proxy's, then the server's own."""
    proxy = Proxy(server.port, listen=("127.0.0.2", server.port))
    hosts = tmp_path / "hosts"
    hosts.write_text("127.0.0.2 queue.example\n")
    worker = start_worker(NATS_URL=f"nats://queue.example:{server.port}", BW_INPUT_ROOTS=tmp_path / "in",
                          command=["unshare", "-m", "sh", "-ec", IN_A_NAMESPACE, "sh", str(hosts), *bw_command()])
    worker.wait_line("ready")
    hosts.write_text("127.0.0.1 queue.example\n")  # the same file: it is mounted
    assert proxy.cut() == 1
    worker.wait_line("connection back")
    js.publish_job("job", pictures.small(tmp_path / "in"))
    worker.wait_line("job done")
    assert worker.stop() == 0
    assert proxy.cut() == 0
    proxy.close()


@pytest.mark.skipif(bool(SANITIZED), reason="sanitizers need more")
def test_memory_ends_where_imagemagick_cannot_go_on(js, start_worker, tmp_path):
    """The file and libpng's copy of its texts fit, ImageMagick's own do not: for a string it ends the process."""
    size = 40 << 20
    file = tmp_path / "texts.png"
    file.write_bytes(bombs.png_with_plain_text(400, size // 400))
    worker = start_worker(BW_RETRY_DELAY="10ms")
    worker.wait_line("ready")
    limit = (int(statuses(worker)[0]["VmData"].split()[0]) << 10) + size * 5 // 2
    resource.prlimit(worker.process.pid, resource.RLIMIT_DATA, (limit, limit))
    js.publish_job("texts", file)
    record = assert_failed(worker, 5, "image", where=file.as_uri(), id="texts", delivery="1/5")
    assert record.message == "the image does not fit into BW_MAX_MEMORY (1073741824 bytes): unable to allocate string"
    worker = start_worker()  # long before ack wait is over
    assert worker.wait_record("job done").fields["delivery"] == "2/5"
    assert worker.stop() == 0


FAULTS = {  # what the decoder does: how each of the deliveries ends
    "crash": (-signal.SIGSEGV, None),
    "hang": (7, "BW_JOB_TIMEOUT"),
    "eat memory": (5, "the image does not fit into BW_MAX_MEMORY (134217728 bytes)"),
}


def picture_with_a_comment(file, text):
    """What the faulty decoder looks for."""
    good = (pictures.TESTDATA / "images/small.jpg").read_bytes()
    file.write_bytes(good[:2] + b"\xff\xfe" + struct.pack(">H", len(text) + 2) + text.encode() + good[2:])
    return file


LANDLOCK = ("read", "write", "unlink")  # what seccomp leaves to Landlock


@pytest.mark.skipif(bool(SANITIZED), reason="the preloaded library comes before the sanitizer's")
def test_decoder_under_somebody_elses_control(js, start_worker, tmp_path):
    """It reaches nothing outside its process, but learns that a file is there; the worker and its parent go on."""
    (tmp_path / "private").mkdir()
    file = tmp_path / "private/file"
    file.write_text("secret")
    file.chmod(0o600)
    before = file.stat()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "socket"))
        listener.listen()
        parent = start_worker(LD_PRELOAD=FAULTY_DECODER, BW_WORKERS=1, BW_INPUT_ROOTS=tmp_path / "in",
                              TEST_FILE=file, TEST_SOCKET=tmp_path / "socket")
        has_landlock = parent.wait_record(" sandbox ").fields["landlock"] != "unavailable"
        in_force, priority = limits(parent), os.getpriority(os.PRIO_PROCESS, parent.process.pid)
        js.publish_job("job", picture_with_a_comment(tmp_path / "in/a.jpg", "test: reach out"))
        parent.wait_line("job done")
    attempts = dict(re.findall(r"^attempt (.+): (.+)$", parent.log(), re.MULTILINE))
    assert len(attempts) == 20
    expected = {name: "Operation not permitted" for name in attempts} | {"stat": "done"}
    for name in LANDLOCK:
        expected[name] = "Permission denied"
        if not has_landlock:
            del expected[name], attempts[name]
    assert attempts == expected
    after = file.stat()
    assert (after.st_mode, after.st_uid, after.st_mtime_ns) == (before.st_mode, before.st_uid, before.st_mtime_ns)
    assert (limits(parent), os.getpriority(os.PRIO_PROCESS, parent.process.pid)) == (in_force, priority)
    assert parent.stop() == 0


@pytest.mark.skipif(bool(SANITIZED), reason="sanitizers have an end of their own for each of them")
@pytest.mark.parametrize("fault", FAULTS)
def test_decoder_with_a_defect(fault, empty_js, keeper, outdir, tmp_path):
    """It costs a picture its deliveries, and none of the others theirs."""
    js = empty_js.create(consumer={"ack_wait": 2 * SECOND})  # who crashes gives nothing back
    bad = picture_with_a_comment(tmp_path / "bad.jpg", f"test: {fault}")
    for number in range(3):
        js.publish_job(f"before-{number}", pictures.TESTDATA / "images/small.jpg")
    sequence = js.publish_job("bad", bad)
    for number in range(3):
        js.publish_job(f"after-{number}", pictures.TESTDATA / "images/small.jpg")
    kept = keeper(LD_PRELOAD=FAULTY_DECODER, BW_MAX_MEMORY="128MiB", BW_MAX_FILE_SIZE="16MiB", BW_JOB_TIMEOUT="1s",
                  BW_RETRY_DELAY="10ms", BW_LOG_LEVEL="debug")
    code, reason = FAULTS[fault]
    for worker in kept.wait_runs(5):
        assert worker.process.returncode == code, worker.log()
        assert worker.has_line("id=bad")
        if reason:
            assert reason in one_error(worker.lines).message + one_error(worker.lines).fields["where"]
    wait_until(lambda: js.messages() == 1 and js.consumer_info()["num_ack_pending"] == 0)
    assert json.loads(js.message(sequence))["id"] == "bad"
    assert names(outdir) == [f"{when}-{number}.jpg" for when in ("after", "before") for number in range(3)]
