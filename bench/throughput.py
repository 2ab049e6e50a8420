#!/usr/bin/python3
"""Jobs per second of one bw beside a worker that starts `convert -monochrome` per job, and what a job costs outside the
conversion. See README.md.

    bench/throughput.py [--bw BINARY] [--disk FOLDER] [--rounds N]

Prints Markdown. Needs a build and the packages of `scripts/packages.sh test`, and about three minutes.
"""

import tempfile
import time
from pathlib import Path
from statistics import mean, median

from common import (MEMORY, SMALL, Queue, Server, done_jobs, parse_arguments, photograph, rate, ratio, spread, stop,
                    wait_until)

ROUND = 1.5  # seconds; how many jobs that is, a first run tells
WARM_UP = 2  # jobs that are not counted of a run whose every job is looked at


def compare(queue, image, outdir, rounds):
    """The rate of each worker in each round."""
    workers = ("bw", "convert")
    jobs = {worker: queue.jobs_for(ROUND, worker, image, outdir) for worker in workers}
    rates = {worker: [] for worker in workers}
    for _ in range(rounds):
        for worker in workers:
            rates[worker].append(rate(queue.run(worker, image, jobs[worker], outdir)))
    return rates


def outside(queue, worker, jobs, outdir):
    """Microseconds of a small job per stage: commit, queue, rest, all three together; medians, and the mean of the last."""
    advisories = queue.connection.subscribe("advisory.>")
    with tempfile.TemporaryDirectory(prefix="bw-bench-", dir=outdir) as folder:
        queue.publish((f"job-{number}" for number in range(WARM_UP + jobs)), [SMALL])
        process = queue.start(worker, Path(folder))
        times = []
        for _ in range(WARM_UP + jobs):
            advisories.next(60)
            times.append(time.monotonic())
        wait_until(lambda: queue.js.messages() == 0)
        stop([process])
        done = done_jobs(folder, worker)
    advisories.unsubscribe()
    stages = []
    # From one advisory to the next is a whole turn of the loop. The log's own times are milliseconds.
    for before, after, line in list(zip(times, times[1:], done[1:]))[WARM_UP - 1:]:
        inside = ("read_us", "decode_us", "monochrome_us", "encode_us")
        microseconds = (after - before) * 1e6 - sum(line[stage] for stage in inside)
        rest = microseconds - line["commit_us"] - line["queue_us"]
        stages.append((line["commit_us"], line["queue_us"], rest, microseconds))
    return [median(stage) for stage in zip(*stages)] + [mean(stage[-1] for stage in stages)]


def report(queue, disk, rounds):
    places = (("in memory", MEMORY), ("on disk", disk))
    print("| picture | bw, jobs/s | convert per job, jobs/s | ratio |\n| --- | --- | --- | --- |")
    for size, image in (("70x46", SMALL), ("1920x1200", photograph(disk, 1920, 1200))):
        for name, outdir in places:
            own, other = compare(queue, image, outdir, rounds).values()
            print(f"| {size}, OUTDIR {name} | {spread(own)} | {spread(other)} | {ratio(own, other):.1f} |", flush=True)
    print("\n| µs per job outside the conversion | commit | queue | rest | together | mean |"
          "\n| --- | --- | --- | --- | --- | --- |")
    for what, worker in (("the loop alone", "loop"), ("between conversions", "bw")):
        for name, outdir in places:
            values = outside(queue, worker, 2000, outdir)
            print(f"| {what}, OUTDIR {name} | " + " | ".join(f"{value:.0f}" for value in values) + " |", flush=True)


def main():
    arguments = parse_arguments(__doc__, rounds=3)
    with tempfile.TemporaryDirectory(prefix="bw-bench-", dir=arguments.disk) as folder:
        folder = Path(folder)
        server = Server(folder / "server").start()
        try:
            report(Queue(server, arguments.bw), folder, arguments.rounds)
        finally:
            server.stop()


if __name__ == "__main__":
    main()
