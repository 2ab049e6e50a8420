"""Pictures that cannot be read: a code that says why, nothing in OUTDIR, the job kept."""

import os
from pathlib import Path

import pytest

from harness import pictures
from harness.checks import assert_failed, names

DAMAGED = pictures.TESTDATA / "damaged"


def check_unreadable(js, start_worker, outdir, path, code=5, kind="image", **settings):
    sequence = js.publish_job("job-1", path)
    record = assert_failed(start_worker(**settings), code, kind, id="job-1", seq=sequence, delivery="1/5")
    assert str(path) in record.fields["where"] or path.as_uri() in record.fields["where"], record
    assert names(outdir) == []
    assert js.messages() == 1


def test_damaged_pictures(js, start_worker, outdir):
    files = sorted(DAMAGED.iterdir())
    assert len(files) >= 3, "testdata/damaged is not complete"
    for file in files:
        js.purge()
        check_unreadable(js, start_worker, outdir, file)


def test_missing_file(js, start_worker, outdir, tmp_path):
    check_unreadable(js, start_worker, outdir, tmp_path / "nothing.png", 10, "input")


def test_empty_file(js, start_worker, outdir, tmp_path):
    (tmp_path / "empty.png").touch()
    check_unreadable(js, start_worker, outdir, tmp_path / "empty.png")


def test_directory(js, start_worker, outdir, tmp_path):
    (tmp_path / "folder.png").mkdir()
    check_unreadable(js, start_worker, outdir, tmp_path / "folder.png", 4, "job")


def test_fifo(js, start_worker, outdir, tmp_path):
    """Opening it must not wait for a writer."""
    os.mkfifo(tmp_path / "pipe.png")
    check_unreadable(js, start_worker, outdir, tmp_path / "pipe.png", 4, "job")


KERNEL = ["/dev/zero", "/dev/tty", "/proc/self/environ", "/proc/kmsg", "/sys/kernel/uevent_seqnum"]


@pytest.mark.parametrize("file", [file for file in KERNEL if Path(file).exists()])  # not each is everywhere
def test_devices_and_files_of_the_kernel(file, js, start_worker, outdir):
    check_unreadable(js, start_worker, outdir, Path(file), 4, "job")


@pytest.mark.parametrize("where", ["other/a.pgm", "in/../other/a.pgm", "in/link.pgm", "in/absolute.pgm",
                                   "in/folder/a.pgm", "input/a.pgm"])
def test_outside_the_input_roots(where, js, start_worker, outdir, tmp_path):
    for folder in ("in", "in2", "input", "other"):
        (tmp_path / folder).mkdir()
        pictures.small(tmp_path / folder).rename(tmp_path / folder / "a.pgm")
    (tmp_path / "in/link.pgm").symlink_to("../other/a.pgm")
    (tmp_path / "in/absolute.pgm").symlink_to(tmp_path / "in/a.pgm")
    (tmp_path / "in/folder").symlink_to("../other")
    roots = f"{tmp_path}/in:{tmp_path}/in2"
    check_unreadable(js, start_worker, outdir, tmp_path / where, 4, "job", BW_INPUT_ROOTS=roots)
    js.purge()
    js.publish_job("good", tmp_path / "in2/a.pgm")
    worker = start_worker(BW_INPUT_ROOTS=roots)
    worker.wait_line("job done")
    assert not worker.has_line("BW_INPUT_ROOTS is not set")


@pytest.mark.parametrize("start", [b"%PDF-1.4\n", b"%!PS-Adobe-3.0\n", b"<svg xmlns='http://www.w3.org/2000/svg'/>",
                                   b"push graphic-context\nviewbox 0 0 9 9\n"], ids=["pdf", "ps", "svg", "mvg"])
def test_other_formats_under_a_pictures_name(start, js, start_worker, outdir, tmp_path):
    """What is not on the list of formats is refused, whatever its name says."""
    file = tmp_path / "picture.png"
    file.write_bytes(start)
    check_unreadable(js, start_worker, outdir, file)
