"""Pictures that cannot be read: exit code 5, nothing in OUTDIR, the job kept."""

import os

import pytest

from harness import pictures
from harness.checks import assert_failed, names

DAMAGED = pictures.TESTDATA / "damaged"


def check_unreadable(js, start_worker, outdir, path, **settings):
    sequence = js.publish_job("job-1", path)
    record = assert_failed(start_worker(**settings), 5, "image", id="job-1", seq=sequence, delivery="1/5")
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
    check_unreadable(js, start_worker, outdir, tmp_path / "nothing.png")


def test_empty_file(js, start_worker, outdir, tmp_path):
    (tmp_path / "empty.png").touch()
    check_unreadable(js, start_worker, outdir, tmp_path / "empty.png")


def test_directory(js, start_worker, outdir, tmp_path):
    (tmp_path / "folder.png").mkdir()
    check_unreadable(js, start_worker, outdir, tmp_path / "folder.png")


def test_fifo(js, start_worker, outdir, tmp_path):
    """Opening it must not wait for a writer."""
    os.mkfifo(tmp_path / "pipe.png")
    check_unreadable(js, start_worker, outdir, tmp_path / "pipe.png")


@pytest.mark.parametrize("start", [b"%PDF-1.4\n", b"%!PS-Adobe-3.0\n", b"<svg xmlns='http://www.w3.org/2000/svg'/>",
                                   b"push graphic-context\nviewbox 0 0 9 9\n"], ids=["pdf", "ps", "svg", "mvg"])
def test_other_formats_under_a_pictures_name(start, js, start_worker, outdir, tmp_path):
    """What is not on the list of formats is refused, whatever its name says."""
    file = tmp_path / "picture.png"
    file.write_bytes(start)
    check_unreadable(js, start_worker, outdir, file)
