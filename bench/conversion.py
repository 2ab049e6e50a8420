#!/usr/bin/python3
"""A whole conversion of a JPEG, file to file: bw beside Pillow and beside libjpeg-turbo's programs. See README.md.

    bench/conversion.py [--bw BINARY] [--rounds N]

Prints Markdown. Needs a build and the packages of `scripts/packages.sh test`, and about a minute.
"""

import os
import subprocess
import tempfile
import time
from pathlib import Path

from PIL import Image

from common import MEMORY, QUALITY, median, parse_arguments, photograph, ratio

WARM_UP = 2  # rounds


class Program:
    """One that answers each line of its input with the microseconds that it took."""

    def __init__(self, command, **settings):
        self.process = subprocess.Popen([command], env=os.environ | settings, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def milliseconds(self, *words):
        self.process.stdin.write(" ".join(map(str, words)) + "\n")
        self.process.stdin.flush()
        return float(self.process.stdout.readline()) / 1e3


def timed(function, *arguments):
    start = time.monotonic()
    function(*arguments)
    return (time.monotonic() - start) * 1e3


def pillow(source, target):
    Image.open(source).convert("1").save(target, quality=QUALITY)


def run(*command):
    subprocess.run(command, check=True)


class Contest:
    def __init__(self, folder, build):
        self.folder = folder
        self.bw = Program(build / "bench/bw_convert", OUTDIR=str(folder))
        self.codec = Program(build / "bench/bw_codec")

    def one_round(self, source, dithered):
        """Milliseconds of each."""
        out = self.folder
        return {"bw": self.bw.milliseconds(source.as_uri(), "bw.jpg"),
                "Pillow": timed(pillow, source, out / "pillow.jpg"),
                "djpeg + cjpeg": timed(run, "djpeg", "-outfile", out / "source.ppm", source)
                + timed(run, "cjpeg", "-grayscale", "-quality", str(QUALITY), "-outfile", out / "cjpeg.jpg", dithered),
                "their work in process": self.codec.milliseconds(source, dithered, out / "codec.jpg", QUALITY)}

    def rounds(self, source, count):
        self.bw.milliseconds(source.as_uri(), "dithered.png")
        dithered = self.folder / "dithered.pgm"
        Image.open(self.folder / "dithered.png").convert("L").save(dithered)
        return [self.one_round(source, dithered) for _ in range(WARM_UP + count)][WARM_UP:]


def main():
    arguments = parse_arguments(__doc__, rounds=25)
    print("| picture | bw, ms | beside | ms | bw takes, times theirs | they take, times bw's |"
          "\n| --- | --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory(prefix="bw-bench-", dir=MEMORY) as folder:
        folder = Path(folder)
        contest = Contest(folder, Path(arguments.bw).parent)
        for columns, rows in ((1920, 1200), (4000, 3000)):
            rounds = contest.rounds(photograph(folder, columns, rows), arguments.rounds)
            times = {name: [one[name] for one in rounds] for name in rounds[0]}
            own = times.pop("bw")
            for name, theirs in times.items():
                print(f"| {columns}x{rows} | {median(own):.1f} | {name} | {median(theirs):.1f} | {ratio(own, theirs):.2f} "
                      f"| {ratio(theirs, own):.2f} |", flush=True)


if __name__ == "__main__":
    main()
