#!/usr/bin/python3
"""What a worker holds in memory: at the peak of a 24 megapixel JPEG beside `convert -monochrome`, at rest, and over many
jobs. See README.md.

    bench/memory.py [--bw BINARY] [--disk FOLDER] [--jobs N]

Prints Markdown. Needs a build and the packages of `scripts/packages.sh test`, and about a minute.
"""

import os
import subprocess
import tempfile
import time
from pathlib import Path
from statistics import median

from common import CONVERT, MEMORY, SMALL, SOURCE_DIR, Queue, Server, parse_arguments, photograph, stop, wait_until

# Of each format one, and small ones in between, as they come.
MIXED = [SOURCE_DIR / "testdata/images" / name
         for name in ("landscape.jpg", "small.jpg", "alpha.png", "animation.gif", "pages.tif", "photo.webp", "cmyk.jpg")]


def megabytes(process, file, field):
    for line in open(f"/proc/{process.pid}/{file}"):
        if line.startswith(field + ":"):
            return int(line.split()[1]) / 1024
    raise KeyError(field)


class Jobs:
    """One worker, and jobs for it."""

    def __init__(self, queue, outdir):
        self.queue = queue
        self.process = queue.start("bw", outdir)
        wait_until(lambda: '"ready"' in (outdir / "bw.log").read_text())

    def do(self, images, count=1):
        self.queue.publish((f"job-{number % 100}" for number in range(count)), images)
        self.queue.wait([self.process])

    def resident(self):
        return f"{megabytes(self.process, 'smaps_rollup', 'Rss'):.1f} | {megabytes(self.process, 'smaps_rollup', 'Pss'):.1f}"


def peak_of_convert(image, folder):
    process = subprocess.Popen([CONVERT, image, "-monochrome", folder / "convert.jpg"])
    _, status, usage = os.wait4(process.pid, 0)
    assert status == 0
    return usage.ru_maxrss / 1024


def samples(jobs, count):
    """Megabytes after about every tenth of a second, beside how many jobs were done."""
    jobs.queue.publish((f"job-{number % 100}" for number in range(count)), MIXED)
    left = count
    while left > 0:
        left = jobs.queue.js.messages()
        yield count - left, megabytes(jobs.process, "status", "VmRSS")
        time.sleep(0.1)


def report(queue, arguments, folder):
    large = photograph(folder, 6000, 4000)
    jobs = Jobs(queue, folder)
    print("| one worker, MB | RSS | PSS |\n| --- | --- | --- |")
    print(f"| at rest, before its first job | {jobs.resident()} |")
    jobs.do([SMALL])
    print(f"| at rest, after a 70x46 JPEG | {jobs.resident()} |")
    jobs.do([large])
    print(f"| at rest, after a 24 megapixel JPEG | {jobs.resident()} |")
    own, other = megabytes(jobs.process, "status", "VmHWM"), peak_of_convert(large, folder)
    stop([jobs.process])

    jobs = Jobs(queue, folder)
    values = list(samples(jobs, arguments.jobs))
    first = median(size for done, size in values if 0 < done <= arguments.jobs / 10)
    last = median(size for done, size in values if done > arguments.jobs * 9 / 10)
    stop([jobs.process])
    print("\n| MB | | | ratio |\n| --- | --- | --- | --- |")
    print(f"| peak for a 24 megapixel JPEG: convert -monochrome, bw | {other:.0f} | {own:.0f} | {own / other:.2f} |")
    print(f"| {arguments.jobs} jobs of seven kinds: first tenth, last | {first:.1f} | {last:.1f} | {last / first:.2f} |")


def main():
    arguments = parse_arguments(__doc__, jobs=(5000, "jobs for one process"))
    with tempfile.TemporaryDirectory(prefix="bw-bench-", dir=arguments.disk) as store, \
            tempfile.TemporaryDirectory(prefix="bw-bench-", dir=MEMORY) as folder:
        server = Server(Path(store) / "server").start()
        try:
            report(Queue(server, arguments.bw), arguments, Path(folder))
        finally:
            server.stop()


if __name__ == "__main__":
    main()
