#!/usr/bin/python3
"""What records cost: a 70x46 job's queue_us and jobs per second with the results stream, beside the same bw with
BW_RESULTS=off, and beside another bw if one is named. See README.md.

    bench/records.py [--bw BINARY] [--before BINARY] [--server NATS-SERVER] [--rounds N] [--jobs N]

Prints Markdown. Needs a build, and about a minute.
"""

import tempfile
from pathlib import Path

from common import (MEMORY, NOT_COUNTED, SMALL, Queue, Server, done_jobs, median, parse_arguments, rate, ratio, spread, stop,
                    written)


def one_run(queue, worker, settings, jobs):
    """Microseconds of each job in advisory, record and ack: their median; and jobs per second."""
    with tempfile.TemporaryDirectory(prefix="bw-bench-", dir=MEMORY) as folder:
        queue.publish((f"job-{number}" for number in range(jobs)), [SMALL])
        process = queue.start(worker, Path(folder), **settings)
        queue.wait([process])
        stop([process])
        done = done_jobs(folder, worker)[jobs // NOT_COUNTED:]
        return median(line["queue_us"] for line in done), rate(written(Path(folder)))


def main():
    arguments = parse_arguments(__doc__, rounds=7, jobs=(3000, "in each round"),
                                texts={"before": "another bw, such as an older one", "server": "the nats-server"})
    with tempfile.TemporaryDirectory(prefix="bw-bench-", dir=arguments.disk) as folder:
        server = Server(Path(folder) / "server", arguments.server).start()
        try:
            queue = Queue(server, arguments.bw)
            variants = {"with records": ("bw", {}), "BW_RESULTS=off": ("bw", {"BW_RESULTS": "off"})}
            if arguments.before:
                queue.commands["before"] = [arguments.before]
                variants["before"] = ("before", {})
            rounds = [{name: one_run(queue, *variant, arguments.jobs) for name, variant in variants.items()}
                      for _ in range(arguments.rounds)]
        finally:
            server.stop()
    base = list(variants)[-1]
    print(f"| 70x46, OUTDIR in memory | queue, µs | jobs/s | queue: ratio to {base} |\n| --- | --- | --- | --- |")
    for name in variants:
        times, rates = zip(*(each[name] for each in rounds))
        print(f"| {name} | {spread(times, 0)} | {spread(rates, 0)} | {ratio(times, [each[base][0] for each in rounds]):.2f} |")


if __name__ == "__main__":
    main()
