"""Small files that ask for huge pictures: refused at once, with a line that says which limit and which setting."""

import subprocess
import sys
import time

import pytest

from harness import bombs, pictures
from harness.checks import assert_failed, names, one_error
from harness.worker import bw_command

SANITIZED = b"libasan" in subprocess.run(["ldd", bw_command()[-1]], capture_output=True).stdout
SECONDS = 20 if SANITIZED else 1
PEAK_MIB = 2000 if SANITIZED else 200

PIXELS = "more than 50000000 pixels, which is BW_MAX_PIXELS"
FRAMES = "more than 1000 frames, which is BW_MAX_FRAMES"
BOMBS = {
    "30000x30000.png": (lambda: bombs.png(30000, 30000), PIXELS),
    "15000x15000.png": (lambda: bombs.png(15000, 15000), PIXELS),
    "10000x10000.png": (lambda: bombs.png(10000, 10000), PIXELS),
    "10000-frames.gif": (lambda: bombs.gif(10**4, 1), FRAMES),
    "100000-frames.gif": (lambda: bombs.gif(10**5, 1), FRAMES),
    "20-frames-of-4000x4000.gif": (lambda: bombs.gif(20, 4000), PIXELS),
    "20-frames-of-4000x4000.webp": (lambda: bombs.webp(20, 4000), PIXELS),
    "2000-frames.webp": (lambda: bombs.webp(2000, 16), FRAMES),
    "900-pages-of-1000x1000.tif": (lambda: bombs.tiff(900, 1000), PIXELS),
    "100000-pages.tif": (lambda: bombs.tiff(10**5), FRAMES),
    "8000x8000.jpg": (lambda: bombs.progressive_jpeg(8000, 10), PIXELS),
    "880-scans-of-8000x8000.jpg": (lambda: bombs.progressive_jpeg(8000, 880), "more than 100 scans"),
    "880-scans-of-7000x7000.jpg": (lambda: bombs.progressive_jpeg(7000, 880), "more than 100 scans"),
    "header-only.ppm": (lambda: bombs.pnm(4_000_000_000, 4_000_000_000), "cannot be decoded"),
    "tile-of-65536x65536.tif": (lambda: bombs.large_tile_tiff(65536), "a tile of more than 50000000 pixels"),
    "tile-of-65536x65536.big.tif": (lambda: bombs.large_tile_tiff(65536, big=True), "a tile of more than 50000000"),
    "300000-application-blocks.gif": (lambda: bombs.gif_with_blocks(300_000), "more than 1000 application blocks"),
    "100-mib-of-comment.gif": (lambda: bombs.gif_with_comment(100 << 20), "more than 1048576 bytes of comments"),
    "10-texts-of-200-mib.png": (lambda: bombs.png_with_text(10, 200 << 20), "more than 262144 bytes of compressed"),
    "10-utf8-texts-of-200-mib.png": (lambda: bombs.png_with_text(10, 200 << 20, b"iTXt"), "bytes of compressed texts"),
    "9-mib-of-comments.pgm": (lambda: bombs.pnm_with_comments(9 << 20), "more than 65536 bytes of comments"),
    "header-only.bmp": (lambda: bombs.bmp(60000, 60000), "cannot be decoded"),
}


# Its own memory is small; what a process has had before it became another one counts for that too.
MEASURE = """
import os, sys
child = os.spawnvp(os.P_NOWAIT, sys.argv[2], sys.argv[2:])
_, status, usage = os.wait4(child, 0)
with open(sys.argv[1], "w") as file:
    file.write(str(usage.ru_maxrss))
sys.exit(os.waitstatus_to_exitcode(status))
"""


def measured(file):
    """The command for a worker that leaves in this file how many KiB it had at most."""
    return [sys.executable, "-S", "-c", MEASURE, str(file), "setpriv", "--pdeathsig", "KILL", *bw_command()]


@pytest.mark.parametrize("name", BOMBS)
def test_bomb(name, js, start_worker, outdir, tmp_path):
    make, message = BOMBS[name]
    file = tmp_path / name
    file.write_bytes(make())
    peak = tmp_path / "peak"
    fastest = SECONDS
    for _ in range(3):  # the machine may be busy with something else for a second
        js.purge()
        worker = start_worker(command=measured(peak))
        worker.wait_line("ready")
        begin = time.monotonic()
        js.publish_job("bomb", file)
        worker.wait_line(" error ")
        fastest = min(fastest, time.monotonic() - begin)
        assert message in assert_failed(worker, 5, "image", id="bomb").message
        assert int(peak.read_text()) / 1024 < PEAK_MIB
        assert names(outdir) == []
        if fastest < SECONDS:
            return
    raise AssertionError(f"it takes more than {SECONDS} s to refuse")


def test_a_narrow_picture_is_none(js, start_worker, outdir, tmp_path):
    """Much larger than wide, but small."""
    (tmp_path / "narrow.png").write_bytes(bombs.png(1, 15999))
    js.publish_job("narrow", tmp_path / "narrow.png")
    worker = start_worker()
    assert worker.wait_record("id=narrow").message == "job done"
    assert worker.stop() == 0
    assert names(outdir) == ["narrow.png"]


def test_large_file(js, start_worker, outdir, tmp_path):
    file = tmp_path / "large.png"
    with file.open("wb") as out:
        out.truncate(257 << 20)  # sparse
    js.publish_job("large", file)
    record = assert_failed(start_worker(), 5, "image", id="large", where=file)
    assert record.message == ("the image file has 269484032 bytes, more than BW_MAX_FILE_SIZE (268435456 bytes)")
    assert names(outdir) == []


def test_memory_is_limited_and_no_file_stands_in_for_it(js, start_worker, outdir, tmp_path):
    """ImageMagick would move pixels to files in these folders, where its memory ends."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    js.publish_job("job", pictures.pgm(tmp_path / "noise.pgm", 3000, 3000))
    worker = start_worker(BW_MAX_MEMORY="20MiB", TMPDIR=folder, MAGICK_TMPDIR=folder, MAGICK_TEMPORARY_PATH=folder)
    record = assert_failed(worker, 5, "image", id="job")
    assert "does not fit into BW_MAX_MEMORY (20971520 bytes)" in record.message
    assert names(folder) == [] and names(outdir) == []


POLICY = """<policymap>
  <policy domain="coder" rights="read|write" pattern="*"/>
  <policy domain="resource" name="width" value="8"/>
  <policy domain="resource" name="memory" value="1KiB"/>
</policymap>"""


def test_policies_of_others_have_no_say(js, start_worker, outdir, tmp_path):
    """Neither the user's folders nor ImageMagick's own variables make a limit lower or higher."""
    for folder in ("path", "xdg/ImageMagick", "home/.config/ImageMagick", "home/.magick"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "policy.xml").write_text(POLICY)
    js.publish_job("job", pictures.small(tmp_path))
    worker = start_worker(MAGICK_CONFIGURE_PATH=tmp_path / "path", XDG_CONFIG_HOME=tmp_path / "xdg",
                          HOME=tmp_path / "home", MAGICK_WIDTH_LIMIT=8, MAGICK_MEMORY_LIMIT=8, MAGICK_TIME_LIMIT=1)
    worker.wait_line("job done")
    assert worker.stop() == 0


def test_formats_narrowed_and_widened(js, start_worker, outdir, tmp_path):
    js.publish_job("job", pictures.TESTDATA / "images/small.jpg")
    record = assert_failed(start_worker(BW_FORMATS="png, gif"), 5, "image", id="job")
    assert record.message == "the image is a jpeg, none of BW_FORMATS (png, gif)"
    js.purge()
    (tmp_path / "wide.jp2").write_bytes(
        pictures.convert((pictures.TESTDATA / "images/small.jpg").read_bytes(), to="jp2"))
    js.publish_job("wide", tmp_path / "wide.jp2")
    assert_failed(start_worker(), 5, "image", id="wide")
    worker = start_worker(BW_FORMATS="jpeg,jp2")
    worker.wait_line("job done")
    assert worker.stop() == 0
    assert pictures.pixels(outdir / "wide.jp2")[0] == [(70, 46)]
    worker = start_worker(BW_FORMATS="png,pdf")
    assert worker.wait_exit() == 2
    assert 'invalid BW_FORMATS "png, pdf"' in one_error(worker.lines).message
