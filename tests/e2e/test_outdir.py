"""OUTDIR that takes no file: a clear error, no job fetched or lost, nothing half-written."""

import fcntl
import os
import signal
import socket
import stat
import subprocess
from pathlib import Path

import pytest

from harness import pictures
from harness.checks import assert_failed, names, wait_until
from harness.disks import fill, tmpfs
from harness.jetstream import SECOND


@pytest.fixture
def waiting_job(js, tmp_path):
    """A job whose result takes 10.8 MB."""
    picture = pictures.pgm(tmp_path / "picture.pgm", 3600, 3000)
    return js.publish_job("job-1", picture)


def check_not_fetched(js, worker, folder):
    record = assert_failed(worker, 6, "output")
    assert str(folder) in record.fields["where"], record
    assert js.consumer_info()["delivered"]["consumer_seq"] == 0
    assert js.messages() == 1


def test_not_set(start_worker):
    record = assert_failed(start_worker(OUTDIR=None), 2, "configuration")
    assert "OUTDIR" in str(record)


def test_missing(js, waiting_job, start_worker, tmp_path):
    missing = tmp_path / "missing"
    check_not_fetched(js, start_worker(OUTDIR=missing), missing)
    assert not missing.exists()


def test_is_a_file(js, waiting_job, start_worker, tmp_path):
    file = tmp_path / "file"
    file.touch()
    check_not_fetched(js, start_worker(OUTDIR=file), file)


def test_read_only(js, waiting_job, start_worker, tmp_path):
    if os.geteuid() == 0:  # permissions do not hold root back
        with tmpfs(tmp_path / "read-only", "ro") as folder:
            check_not_fetched(js, start_worker(OUTDIR=folder), folder)
    else:
        folder = tmp_path / "read-only"
        folder.mkdir(mode=0o555)
        check_not_fetched(js, start_worker(OUTDIR=folder), folder)


def test_full_from_the_start(js, waiting_job, start_worker, tmp_path):
    with tmpfs(tmp_path / "full", "size=64k") as folder:
        fill(folder / "filler")
        check_not_fetched(js, start_worker(OUTDIR=folder, BW_MIN_FREE=1), folder)
        assert names(folder) == ["filler"]


def test_too_little_room(js, waiting_job, start_worker, tmp_path):
    with tmpfs(tmp_path / "small", "size=32m") as folder:
        worker = start_worker(OUTDIR=folder)
        check_not_fetched(js, worker, folder)
        assert "BW_MIN_FREE asks for 67108864" in worker.log()
        assert names(folder) == []


def test_no_inodes(js, waiting_job, start_worker, tmp_path):
    with tmpfs(tmp_path / "inodes", "size=32m,nr_inodes=2") as folder:
        (folder / "the-last").touch()
        check_not_fetched(js, start_worker(OUTDIR=folder, BW_MIN_FREE=1), folder)


def test_full_in_the_middle(js, waiting_job, start_worker, tmp_path):
    """There is room for the check at the start, and none for the picture."""
    with tmpfs(tmp_path / "small", "size=9m") as folder:
        worker = start_worker(OUTDIR=folder, BW_MIN_FREE="8MiB")
        record = assert_failed(worker, 6, "output", id="job-1", seq=waiting_job, delivery="1/5")
        assert record.fields["class"] == "transient"
        assert names(folder) == []
        assert js.messages() == 1


def test_disappears_while_nothing_is_to_do(js, start_worker, outdir):
    """The worker finds it out before it fetches a job."""
    worker = start_worker()
    worker.wait_line("ready")
    outdir.rmdir()
    assert_failed(worker, 6, "output", where=outdir)


def test_becomes_read_only_while_nothing_is_to_do(js, start_worker, tmp_path):
    with tmpfs(tmp_path / "disk", "size=100m") as folder:
        worker = start_worker(OUTDIR=folder)
        worker.wait_line("ready")
        subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)
        assert_failed(worker, 6, "output", where=folder)


def test_disappears_in_the_middle(js, start_worker, outdir, gate):
    sequence = js.publish_job("job-1", gate.file)
    worker = start_worker()
    gate.wait_reached()
    outdir.rmdir()
    gate.open()
    assert_failed(worker, 6, "output", id="job-1", seq=sequence, delivery="1/5")
    assert js.messages() == 1
    # Whoever restarts the worker does not use up the job's deliveries.
    assert_failed(start_worker(), 6, "output")
    assert js.consumer_info()["delivered"]["consumer_seq"] == 1
    outdir.mkdir()
    start_worker().wait_line("job done")


def test_existing_file_of_the_same_name_is_replaced(js, start_worker, outdir, tmp_path):
    (outdir / "job-1.pgm").write_bytes(b"from an earlier, unfinished try")
    js.publish_job("job-1", pictures.small(tmp_path))
    start_worker().wait_line("job done")
    assert pictures.pixels(outdir / "job-1.pgm")[0] == [(16, 16)]


def taken_names():
    """What may have the output's name, and how to make it."""
    def by_socket(path):
        with socket.socket(socket.AF_UNIX) as each:
            each.bind(str(path))

    return {"folder": os.mkdir, "fifo": os.mkfifo, "socket": by_socket,
            "device": lambda path: os.mknod(path, 0o666 | stat.S_IFCHR, os.makedev(1, 3))}


@pytest.mark.parametrize("what", taken_names())
def test_name_that_is_taken(what, js, start_worker, outdir, tmp_path):
    try:
        taken_names()[what](outdir / "job-1.pgm")
    except PermissionError:
        pytest.skip("not permitted")
    before = (outdir / "job-1.pgm").lstat()
    sequence = js.publish_job("job-1", pictures.small(tmp_path))
    record = assert_failed(start_worker(), 4, "job", id="job-1", seq=sequence, where=outdir / "job-1.pgm")
    assert record.fields["class"] == "permanent"
    assert names(outdir) == ["job-1.pgm"]
    assert (outdir / "job-1.pgm").lstat()[:3] == before[:3]


def test_link_is_not_written_through(js, start_worker, outdir, tmp_path):
    precious = tmp_path / "precious"
    precious.write_bytes(b"precious")
    (outdir / "job-1.pgm").symlink_to(precious)
    js.publish_job("job-1", pictures.small(tmp_path))
    start_worker().wait_line("job done")
    assert precious.read_bytes() == b"precious"
    assert not (outdir / "job-1.pgm").is_symlink()


@pytest.mark.parametrize("job_id", ["../out-of-it", "sub/job", "..", "/tmp/bw-job"])
def test_cannot_be_left(job_id, js, start_worker, outdir, tmp_path):
    (outdir / "sub").mkdir()
    before = sorted(tmp_path.rglob("*.pgm"))
    picture = pictures.small(tmp_path)
    js.publish({"id": job_id, "image": picture.as_uri()})
    assert_failed(start_worker(), 4, "job")
    assert sorted(tmp_path.rglob("*.pgm")) == sorted({*before, picture})
    assert names(outdir) == ["sub"] and names(outdir / "sub") == []


def sizes(folder):
    try:
        return [path.stat().st_size for path in folder.iterdir()]
    except FileNotFoundError:  # renamed meanwhile
        return []


def hold_in_commit(worker, outdir):
    """Stops the worker while it has a locked temporary file; whether that came about."""
    wait_until(lambda: any(sizes(outdir)), pause=0)
    worker.signal(signal.SIGSTOP)
    status = Path(f"/proc/{worker.process.pid}/status")
    wait_until(lambda: "State:\tT" in status.read_text(), pause=0)  # it may rename until then
    name = names(outdir)[0]
    if not name.startswith(".bw-"):
        return False
    with open(outdir / name, "rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def test_temporary_file_of_the_living_stays_and_of_the_dead_goes(empty_js, start_worker, outdir, tmp_path):
    js = empty_js.create(consumer={"ack_wait": SECOND, "max_deliver": -1})
    picture = pictures.pgm(tmp_path / "picture.pgm", 5000, 5000)  # written and synced for some milliseconds
    held = None
    for number in range(50):
        held = start_worker()
        held.wait_line("ready")
        js.publish_job(f"job-{number}", picture)
        if hold_in_commit(held, outdir):
            break
        held.kill()
        for file in outdir.iterdir():
            file.unlink()
        js.purge()
    temporary = names(outdir)
    assert len(temporary) == 1 and temporary[0].startswith(".bw-"), temporary
    js.purge()
    second = start_worker()
    second.wait_line("ready")
    assert names(outdir) == temporary
    held.kill()
    third = start_worker()
    assert third.wait_record("workers that died").fields["files"] == "1"
    third.wait_line("ready")
    assert names(outdir) == []


def test_temporary_file_of_another_mount_namespace(js, start_worker, outdir, tmp_path):
    """Two containers that share a volume: other paths, other process ids, the same file."""
    temporary = outdir / ".bw-0123456789abcdef.tmp"
    hold = (f"mkdir {tmp_path}/volume && mount --bind {outdir} {tmp_path}/volume && "
            f"exec flock {tmp_path}/volume/{temporary.name} sh -c 'echo locked; read wait'")
    with subprocess.Popen(["unshare", "-m", "-p", "-f", "--kill-child", "sh", "-c", hold], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as holder:
        if holder.stdout.readline() != "locked\n":
            pytest.skip("namespaces of our own are not permitted")
        start_worker().wait_line("ready")
        assert names(outdir) == [temporary.name]
        holder.stdin.close()
    start_worker().wait_line("ready")
    assert names(outdir) == []


def in_place(js, folder, picture):
    """A job whose result has the very name of its image."""
    js.publish_job(picture.stem, picture)
    return {"OUTDIR": folder, "BW_INPUT_ROOTS": folder.parent}


@pytest.mark.parametrize("way", ["the image", "a hard link", "a link"])
def test_original_in_outdir_stays(js, start_worker, tmp_path, way):
    folder = tmp_path / "pictures"
    folder.mkdir()
    original = pictures.pgm((folder if way == "the image" else tmp_path) / "original.pgm", 16, 16)
    before = original.read_bytes()
    if way == "a hard link":
        os.link(original, folder / "original.pgm")
    elif way == "a link":
        (folder / "original.pgm").symlink_to("../original.pgm")
    settings = in_place(js, folder, folder / "original.pgm")
    record = assert_failed(start_worker(**settings), 4, "job")
    assert record.fields["where"] == str(folder / "original.pgm"), record
    assert "BW_OVERWRITE_SOURCE set to yes" in record.message, record
    assert original.read_bytes() == before
    assert names(folder) == ["original.pgm"]
    assert js.messages() == 1


def test_original_in_outdir_is_replaced_where_that_is_asked_for(js, start_worker, tmp_path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    original = pictures.pgm(folder / "original.pgm", 16, 16)
    before = original.read_bytes()
    settings = in_place(js, folder, original)
    worker = start_worker(BW_OVERWRITE_SOURCE="yes", **settings)
    worker.wait_line("job done")
    assert original.read_bytes() != before
    assert names(folder) == ["original.pgm"]
