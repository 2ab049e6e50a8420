#!/usr/bin/python3
"""Two workers beside one, a long queue beside a short one, and a worker's last thousand jobs beside its first. See
README.md.

    bench/scaling.py [--bw BINARY] [--disk FOLDER] [--rounds N] [--backlog N] [--jobs N]

Prints Markdown. Needs a build and the packages of `scripts/packages.sh test`, and about five minutes. The results go to
memory, so that the disk is not what is measured.
"""

import tempfile
from pathlib import Path

from common import MEMORY, SMALL, Queue, Server, parse_arguments, photograph, rate, ratio, spread, stop, written

ROUND = 2  # seconds for one worker
SHORT = 100  # jobs that wait
BATCHES = 10


def two_workers(queue, image, rounds):
    jobs = queue.jobs_for(ROUND, "bw", image, MEMORY)
    rates = {1: [], 2: []}
    for _ in range(rounds):
        for workers, values in rates.items():
            values.append(rate(queue.run("bw", image, jobs * workers, MEMORY, workers)))
    return rates[1], rates[2]


def short_queue(queue):
    """Microseconds per job where at most SHORT wait, for one worker."""
    spent = 0
    with tempfile.TemporaryDirectory(prefix="bw-bench-", dir=MEMORY) as folder:
        folder = Path(folder)
        process = queue.start("bw", folder)
        for batch in range(BATCHES + 1):
            queue.publish((f"job-{batch}-{number}" for number in range(SHORT)), [SMALL])
            queue.wait([process])
            times = written(folder, f"job-{batch}-*")
            spent += times[-1] - times[0] if batch else 0  # the first starts the worker
        stop([process])
    return spent / BATCHES / (SHORT - 1) * 1e6


def backlog(short, long, waiting, rounds):
    """Microseconds per job with a short queue and with a long one."""
    long.publish((f"waits-{number}" for number in range(waiting)), [SMALL])
    long.wait([], left=waiting)
    times = [], []
    for _ in range(rounds):
        times[0].append(short_queue(short))
        left = long.js.messages() - BATCHES * SHORT
        times[1].append(1e6 / rate(long.run("bw", SMALL, 0, MEMORY, left=left)))
    long.js.delete_stream()
    return times


def endurance(queue, jobs):
    """Microseconds per job of one worker's first and last thousand jobs; the jobs between them share one name."""
    def names():
        for number in range(jobs):
            yield f"first-{number}" if number < 1000 else f"last-{number}" if number >= jobs - 1000 else "between"

    with tempfile.TemporaryDirectory(prefix="bw-bench-", dir=MEMORY) as folder:
        folder = Path(folder)
        queue.publish(names(), [SMALL])
        process = queue.start("bw", folder)
        queue.wait([process])
        stop([process])
        return [1e6 / rate(written(folder, pattern)) for pattern in ("first-*", "last-*")]


def report(server, arguments, folder):
    queue = Queue(server, arguments.bw)
    print("| picture | one worker, jobs/s | two, jobs/s | ratio |\n| --- | --- | --- | --- |")
    for size, image in (("70x46", SMALL), ("1920x1200", photograph(folder, 1920, 1200))):
        one, two = two_workers(queue, image, arguments.rounds)
        print(f"| {size} | {spread(one)} | {spread(two)} | {ratio(two, one):.2f} |", flush=True)
    print("\n| 70x46, µs per job | | | ratio |\n| --- | --- | --- | --- |")
    short, long = backlog(queue, Queue(server, arguments.bw, "LONG"), arguments.backlog, arguments.rounds)
    print(f"| {SHORT} waiting, {arguments.backlog} waiting | {spread(short, 0)} | {spread(long, 0)} "
          f"| {ratio(long, short):.2f} |", flush=True)
    first, last = endurance(queue, arguments.jobs)
    print(f"| first 1000, last 1000 of {arguments.jobs} in one process | {first:.0f} | {last:.0f} | {last / first:.2f} |")


def main():
    arguments = parse_arguments(__doc__, rounds=3, backlog=(1_000_000, "jobs in the long queue"),
                                jobs=(100_000, "jobs for one process"))
    with tempfile.TemporaryDirectory(prefix="bw-bench-", dir=arguments.disk) as folder:
        server = Server(Path(folder) / "server").start()
        try:
            report(server, arguments, folder)
        finally:
            server.stop()


if __name__ == "__main__":
    main()
