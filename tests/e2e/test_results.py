"""The result as a file: what the libraries' own programs say of it, and what it keeps of its source."""

import re
import struct
import subprocess
import time

import pytest

from harness import pictures
from harness.checks import wait_until

IMAGES = pictures.TESTDATA / "images"

# Each reads the whole file, says something if it is not right, and ends with an error.
CHECKERS = {
    ".jpg": ["djpeg", "-strict", "-outfile", "/dev/null"],
    ".png": ["pngfix"],
    ".tif": ["tiffinfo", "-d"],
    ".webp": ["webpinfo", "-quiet"],
}

EXIF = (b"Exif\0\0MM\0*\0\0\0\x08" + struct.pack(">H", 1)
               + struct.pack(">HHIHH", 0x0112, 3, 1, 6, 0) + bytes(4))  # Orientation: 6, to be turned right


def with_segment(jpeg, marker, content):
    return jpeg[:2] + bytes([0xFF, marker]) + struct.pack(">H", len(content) + 2) + content + jpeg[2:]


@pytest.fixture
def convert(js, outdir, start_worker):
    """The result of a picture, given as its file's name and bytes, or as a file."""
    start_worker()
    count = 0

    def run(source):
        nonlocal count
        count += 1
        js.publish_job(f"job-{count}", source)
        wait_until(lambda: js.messages() == 0)
        return outdir / f"job-{count}{source.suffix}"

    return run


def identify(file, what):
    """Of every frame; the bytes alone reach ImageMagick."""
    return subprocess.run([pictures.CONVERT, "-", "-format", what + "|", "info:-"], input=file.read_bytes(),
                          capture_output=True, timeout=60, check=True).stdout.decode()


def test_the_libraries_own_programs_find_nothing(convert):
    seen = set()
    for source in sorted(IMAGES.iterdir()):
        checker = CHECKERS.get(source.suffix.lower())
        if checker is None:
            continue
        result = convert(source)
        run = subprocess.run([*checker, result], capture_output=True, text=True, timeout=60)
        assert run.returncode == 0 and run.stderr == "", (source.name, run)
        assert checker[0] != "pngfix" or run.stdout.startswith("IDAT OK"), (source.name, run)
        seen.add(source.suffix.lower())
    assert seen == set(CHECKERS)


def test_pngs_have_one_bit(convert):
    for source in sorted(IMAGES.glob("*.png")):
        header = convert(source).read_bytes()[16:26]
        assert header[8:] == b"\x01\x00", (source.name, header)  # one bit, grey


def tiff_says(file):
    text = subprocess.run(["tiffinfo", file], capture_output=True, text=True, timeout=60, check=True).stdout
    return set(re.findall(r"Bits/Sample: (\d+)|Compression Scheme: (.+)", text))


@pytest.mark.parametrize("compression, kept", [
    ("None", "None"), ("LZW", "LZW"), ("Zip", "AdobeDeflate"), ("RLE", "PackBits"), ("JPEG", "CCITT Group 4"),
    ("Group4", "CCITT Group 4")])
def test_tiffs_have_one_bit_and_the_sources_compression(convert, tmp_path, compression, kept):
    source = tmp_path / "source.tif"
    source.write_bytes(pictures.convert((IMAGES / "landscape.jpg").read_bytes(), "-compress", compression, to="tiff"))
    assert tiff_says(convert(source)) == {("1", ""), ("", kept)}


def test_pictures_of_other_formats_become_tiffs_of_group_4(convert, tmp_path):
    source = tmp_path / "jpeg-inside.tif"
    source.write_bytes((IMAGES / "landscape.jpg").read_bytes())
    assert tiff_says(convert(source)) == {("1", ""), ("", "CCITT Group 4")}


@pytest.mark.parametrize("name", ["animation.gif", "overlay.gif"])
def test_animations_keep_their_timing(convert, name):
    what = "%T %D %g"  # delay, disposal, size and place
    assert identify(convert(IMAGES / name), what) == identify(IMAGES / name, what)


@pytest.mark.parametrize("extension", [".jpg", ".png", ".tif", ".webp"])
def test_exif_is_kept_and_pixels_are_not_turned(convert, tmp_path, extension):
    """JPEG to JPEG takes another way than the rest; and TIFF keeps EXIF as tags of its own."""
    source = tmp_path / f"source{extension}"
    source.write_bytes(with_segment((IMAGES / "landscape.jpg").read_bytes(), 0xE1, EXIF))
    result = convert(source)
    if extension == ".tif":
        assert identify(result, "%[orientation]") == "RightTop|"
    else:
        assert EXIF[6:] in result.read_bytes()  # ImageMagick 6 writes it into PNG and WebP, and cannot read it there
    assert identify(result, "%wx%h") == identify(IMAGES / "landscape.jpg", "%wx%h")


@pytest.mark.parametrize("name", ["half-a-profile.jpg", "rgb-profile-on-grey.jpg", "rgb-profile-on-grey.png",
                                  "profile-and-srgb.png"])
def test_profiles_for_colours_are_dropped(convert, name):
    result = convert(pictures.TESTDATA / "odd" / name).read_bytes()
    assert b"ICC_PROFILE" not in result and b"iCCP" not in result and b"sRGB" not in result


def test_a_job_done_twice_gives_the_same_bytes(convert):
    sources = sorted(IMAGES.iterdir())
    first = [convert(source).read_bytes() for source in sources]
    second = int(time.time())
    wait_until(lambda: int(time.time()) > second + 1)  # in which a time of writing would differ
    again = [convert(source).read_bytes() for source in sources]
    assert [source.name for source, a, b in zip(sources, first, again) if a != b] == []


def test_results_hold_nothing_of_the_heap(js, outdir, start_worker):
    """glibc fills memory that it gives out with what MALLOC_PERTURB_ says: no byte of it is in a result."""
    sources = sorted(IMAGES.iterdir())
    for fill in (1, 165):
        worker = start_worker(MALLOC_PERTURB_=fill)
        worker.wait_line("ready")
        for number, source in enumerate(sources):
            js.publish_job(f"{fill}-{number}", source)
        wait_until(lambda: js.messages() == 0)
        assert worker.stop() == 0
    different = [source.name for number, source in enumerate(sources)
                 if len({(outdir / f"{fill}-{number}{source.suffix}").read_bytes() for fill in (1, 165)}) > 1]
    assert different == []
