#!/usr/bin/python3
"""Jobs per second of one bw beside a worker that starts `convert -monochrome` per job, and what a job costs outside the
conversion. See README.md.

    bench/throughput.py [--bw BINARY] [--disk FOLDER] [--rounds N]

Prints Markdown. Needs a build and the packages of `scripts/packages.sh test`, and about two minutes.
"""

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import mean, median

sys.dont_write_bytecode = True
SOURCE_DIR = Path(__file__).resolve().parents[1]
os.environ["BW_SOURCE_DIR"] = str(SOURCE_DIR)
sys.path.insert(0, str(SOURCE_DIR / "tests/e2e"))

from harness.checks import wait_until  # noqa: E402
from harness.jetstream import JetStream  # noqa: E402  (after the path)
from harness.pictures import CONVERT  # noqa: E402
from harness.server import Server, server_version  # noqa: E402
from harness.worker import PYTHON_WORKER, Worker  # noqa: E402

SMALL = SOURCE_DIR / "testdata/images/small.jpg"
MEMORY = Path("/dev/shm")  # a file system where fsync costs nothing
ROUND = 1.5  # seconds; how many jobs that is, a first run tells
WARM_UP = 2  # jobs of each run that are not counted


def make_large(file):
    """The landscape scaled up, with grain: as much to decode as in a photograph."""
    source = SOURCE_DIR / "testdata/images/landscape.jpg"
    subprocess.run([CONVERT, source, "-resize", "1920x1200^", "-gravity", "center", "-extent", "1920x1200",
                    "-seed", "1", "-attenuate", "0.2", "+noise", "Gaussian", "-quality", "90", file],
                   check=True, stderr=subprocess.DEVNULL)
    return file


class Bench:
    def __init__(self, server, bw):
        self.server = server
        self.commands = {"bw": [bw], "convert": PYTHON_WORKER, "loop": [Path(bw).parent / "bench/bw_loop"]}
        self.connection = server.connect()
        self.js = JetStream(self.connection)
        settings = os.environ | {"NATS_URL": server.url}
        subprocess.run([bw, "setup"], env=settings, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.advisories = self.connection.subscribe("advisory.>")

    def run(self, worker, image, jobs, outdir):
        """Has one worker do `jobs` jobs that wait already. When each advisory came, and the worker's log."""
        outdir = Path(tempfile.mkdtemp(prefix="bw-bench-", dir=outdir))
        try:
            for number in range(jobs):
                self.js.publish_job(f"job-{number}", image)
            settings = {"NATS_URL": self.server.url, "OUTDIR": outdir, "BW_LOG_FORMAT": "json"}
            with Worker(self.commands[worker], **settings) as process:
                times = []
                for _ in range(jobs):
                    self.advisories.next(60)
                    times.append(time.monotonic())
                if worker == "loop":
                    wait_until(lambda: self.js.messages() == 0)
                else:
                    process.stop()
            assert self.js.messages() == 0, process.log()
            return times, [json.loads(line) for line in process.lines if line.startswith("{")]
        finally:
            shutil.rmtree(outdir)

    def rate(self, worker, image, jobs, outdir):
        times, _ = self.run(worker, image, WARM_UP + jobs, outdir)
        return jobs / (times[-1] - times[WARM_UP - 1])

    def compare(self, image, outdir, rounds):
        """The rate of each worker, medians over interleaved rounds."""
        workers = ("bw", "convert")
        jobs = {worker: max(3, int(ROUND * self.rate(worker, image, 3, outdir))) for worker in workers}
        rates = {worker: [] for worker in workers}
        for _ in range(rounds):
            for worker in workers:
                rates[worker].append(self.rate(worker, image, jobs[worker], outdir))
        return rates

    def outside(self, worker, jobs, outdir):
        """Microseconds of a small job per stage: commit, settle, rest, all three together; medians, and the mean of the last."""
        times, log = self.run(worker, SMALL, WARM_UP + jobs, outdir)
        done = [line for line in log if line["msg"] == "job done"]
        stages = []
        # From one advisory to the next is a whole turn of the loop. The log's own times are milliseconds.
        for before, after, line in list(zip(times, times[1:], done[1:]))[WARM_UP - 1:]:
            outside = (after - before) * 1e6 - line["read_us"] - line["convert_us"]
            rest = outside - line["commit_us"] - line["settle_us"]
            stages.append((line["commit_us"], line["settle_us"], rest, outside))
        return [median(stage) for stage in zip(*stages)] + [mean(stage[-1] for stage in stages)]


def machine(bw):
    cpu = next(line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name"))
    version = ".".join(map(str, server_version("nats-server")))
    magick = subprocess.run([CONVERT, "-version"], capture_output=True, text=True).stdout.split()[2]
    own = subprocess.run([bw, "--version"], capture_output=True, text=True).stdout.strip()
    return f"{cpu}, {os.cpu_count()} cores, Linux {platform.release()}; {own}, nats-server {version}, ImageMagick {magick}"


def report(bench, large, disk, rounds):
    print(f"{rounds} rounds, medians; lowest and highest in brackets.\n")
    print("| picture | bw, jobs/s | convert per job, jobs/s | ratio |\n| --- | --- | --- | --- |")
    for size, image in (("70x46", SMALL), ("1920x1200", large)):
        rates = bench.compare(image, disk, rounds)
        cells = [f"{median(r):.1f} ({min(r):.1f} to {max(r):.1f})" for r in rates.values()]
        ratio = median(own / other for own, other in zip(*rates.values()))
        print(f"| {size} | {cells[0]} | {cells[1]} | {ratio:.2f} |", flush=True)
    print("\n| µs per job outside the conversion | commit | settle | rest | together | mean |"
          "\n| --- | --- | --- | --- | --- | --- |")
    for what, worker, jobs in (("the loop alone", "loop", 2000), ("between conversions", "bw", 100)):
        for name, outdir in (("in memory", MEMORY), ("on disk", disk)):
            values = bench.outside(worker, jobs, outdir)
            print(f"| {what}, OUTDIR {name} | " + " | ".join(f"{value:.0f}" for value in values) + " |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bw", default=str(SOURCE_DIR / "build/bw"))
    parser.add_argument("--disk", default=str(SOURCE_DIR / "build"), help="a folder on a real disk")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bw-bench-", dir=arguments.disk) as folder:
        folder = Path(folder)
        print(machine(arguments.bw) + ".")
        print(f"Load average before: {os.getloadavg()[0]:.1f}.")
        large = make_large(folder / "large.jpg")
        server = Server(folder / "server").start()
        try:
            report(Bench(server, arguments.bw), large, folder, arguments.rounds)
        finally:
            server.stop()


if __name__ == "__main__":
    main()
