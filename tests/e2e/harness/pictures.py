"""Pictures for the tests, and what ImageMagick says about them. Names never reach ImageMagick: bytes do."""

import os
import subprocess
from pathlib import Path

from .server import SOURCE_DIR

CONVERT = "/usr/bin/convert"
TESTDATA = SOURCE_DIR / "testdata"


def magick_version():
    text = subprocess.run([CONVERT, "-version"], capture_output=True, text=True, timeout=60).stdout
    return int(text.split("ImageMagick ")[1].split(".")[0])


def convert(data, *operations, to=""):
    """`to`: the format; without one it is that of the data."""
    command = [CONVERT, "-", *operations, to + ":-" if to else "-"]
    return subprocess.run(command, input=data, capture_output=True, timeout=300, check=True).stdout


def sizes(file):
    """[(columns, rows)] of every frame."""
    text = subprocess.run([CONVERT, "-", "-format", "%w %h\n", "info:-"], input=Path(file).read_bytes(),
                          capture_output=True, timeout=300, check=True).stdout
    return [tuple(map(int, line.split())) for line in text.splitlines()]


def pixels(file):
    """Size and RGBA pixels of every frame."""
    return sizes(file), convert(Path(file).read_bytes(), "-depth", "8", to="rgba")


def pgm(file, width, height):
    """Writes noise, which no step of the conversion can take a short cut with."""
    block = os.urandom(4096)
    size = width * height
    noise = (block * (size // len(block) + 1))[:size]
    file = Path(file)
    file.write_bytes(b"P5\n%d %d\n255\n" % (width, height) + noise)
    return file


def small(folder):
    """A picture that takes next to no time."""
    return pgm(Path(folder) / "small.pgm", 16, 16)
