#!/usr/bin/python3
"""Good jobs per second of a parent's workers, among jobs that nobody can do and without them; and what a worker's start
costs. See README.md.

    bench/poison.py [--bw BINARY] [--disk FOLDER] [--rounds N] [--jobs N] [--poison N] [--workers N]

Prints Markdown. Needs a build and the packages of `scripts/packages.sh test`, and about three minutes.
"""

import os
import resource
import subprocess
import tempfile
import time
from pathlib import Path

from common import Queue, Server, parse_arguments, photograph, ratio, spread, stop, written

STARTS = 40  # that are timed
POISON = "{}"


def publish(queue, image, jobs, poison):
    """The poison among the first quarter of the good jobs, so that its last tries, 15 s later, still meet good ones."""
    every = max(1, jobs // 4 // max(1, poison))
    for number in range(jobs):
        queue.publish([f"job-{number}"], [image])
        if number % every == 0 and number // every < poison:
            queue.connection.publish(queue.js.stream + ".blackandwhite", POISON)
    queue.connection.flush()


def run(queue, image, jobs, poison, disk):
    """Good jobs per second from the start of the parent to the last result; the processor seconds of parent and workers
    for all jobs; how many workers failed before the last result."""
    with tempfile.TemporaryDirectory(prefix="bw-bench-", dir=disk) as folder:
        folder = Path(folder)
        publish(queue, image, jobs, poison)
        begin, used = time.time(), processor_seconds()
        process = queue.start("parent", folder)
        queue.wait([process], left=poison)
        ended = (folder / "parent.log").read_text().count('"worker failed"')
        stop([process])
        queue.js.purge()
        times = written(folder)
        assert len(times) == jobs
        return jobs / (times[-1] - begin), processor_seconds() - used, ended


def start_costs(queue, sandbox, folder):
    """Milliseconds of wall and of processor time of workers that start, fetch a job, fail and end."""
    for _ in range(STARTS):
        queue.connection.publish(queue.js.stream + ".blackandwhite", POISON)
    queue.connection.flush()
    settings = queue.settings | {"OUTDIR": str(folder), "BW_RETRY_DELAY": "1h", "BW_SANDBOX": sandbox}
    walls, processor = [], []
    for _ in range(STARTS):
        wall, used = time.monotonic(), processor_seconds()
        assert subprocess.run(queue.commands["bw"], env=os.environ | settings, stderr=subprocess.DEVNULL).returncode == 4
        walls.append((time.monotonic() - wall) * 1000)
        processor.append((processor_seconds() - used) * 1000)
    queue.js.purge()
    return walls, processor


def processor_seconds():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def report(queue, arguments, folder):
    image = photograph(folder, 1920, 1200)
    runs = {0: [], arguments.poison: []}
    for _ in range(arguments.rounds):
        for poison, values in runs.items():
            values.append(run(queue, image, arguments.jobs, poison, folder))
    (calm, calm_seconds, _), (among, among_seconds, failed) = (zip(*values) for values in runs.values())
    print(f"| {arguments.jobs} good jobs, 1920x1200, {arguments.workers} workers | calm | among {arguments.poison} poison | ratio |"
          "\n| --- | --- | --- | --- |")
    print(f"| jobs/s | {spread(calm)} | {spread(among)} | {ratio(among, calm):.2f} |")
    print(f"| processor seconds | {spread(calm_seconds)} | {spread(among_seconds)} | {ratio(calm_seconds, among_seconds):.2f} |")
    print(f"| workers that failed | 0 | {spread(failed, 0)} | |", flush=True)
    print("\n| a worker's start, one job that fails, and its end | ms | ms of processor |\n| --- | --- | --- |")
    for sandbox in ("on", "off"):
        walls, processor = start_costs(queue, sandbox, folder)
        print(f"| BW_SANDBOX={sandbox} | {spread(walls)} | {spread(processor)} |", flush=True)


def main():
    arguments = parse_arguments(__doc__, rounds=3, jobs=(1000, "good jobs"), poison=(50, "jobs that nobody can do"),
                                workers=(len(os.sched_getaffinity(0)), "worker processes"))
    with tempfile.TemporaryDirectory(prefix="bw-bench-", dir=arguments.disk) as folder:
        server = Server(Path(folder) / "server").start()
        try:
            queue = Queue(server, arguments.bw)
            queue.commands["parent"] = [arguments.bw, "--workers", str(arguments.workers)]
            report(queue, arguments, Path(folder))
        finally:
            server.stop()


if __name__ == "__main__":
    main()
