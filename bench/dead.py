#!/usr/bin/python3
"""How long `bw dead list` and `bw dead retry` take. See README.md.

    bench/dead.py [--bw BINARY] [--server NATS-SERVER] [--rounds N] [--jobs N]

Prints Markdown. Needs a build, and about a minute.
"""

import subprocess
import tempfile
import time
from pathlib import Path

from common import Server, parse_arguments, spread

from harness.dead import Dead, rfc3339  # noqa: E402  (common knows where it is)

TRIES = 5  # of each job, with a record each
DONE = 4  # records of jobs that are done, for each dead one


def make(server, jobs):
    """Dead jobs with the records of all their tries, among records of jobs that are done."""
    dead = Dead(server, server.connect())
    connection = dead.js.connection
    for number in range(jobs):
        connection.publish("IMAGES.blackandwhite", {"id": f"job-{number}", "image": f"file:///data/{number}.jpg"})
    connection.flush()
    dead.give_up(jobs)
    for job in dead.js.stored():
        record = {"seq": job.sequence, "max_deliver": TRIES, "queued": rfc3339(job.time), "worker": "host:1", "version": "0"}
        for delivery in range(1, TRIES + 1):
            connection.publish(f"RESULTS.IMAGES.BW.failed.{job.sequence}", record | {
                "outcome": "failed", "delivery": delivery, "kind": "input", "class": "transient", "where": "/data/x.jpg",
                "what": "the image file is not there", "time": rfc3339(job.time + delivery)})
        for number in range(DONE):
            sequence = (number + 1) * 1_000_000 + job.sequence
            connection.publish(f"RESULTS.IMAGES.BW.done.{sequence}", record | {
                "outcome": "done", "seq": sequence, "delivery": 1, "time": rfc3339(job.time)})
        if job.sequence % 100 == 0:
            connection.flush()
    connection.flush()
    return dead


def seconds(arguments, server, *words):
    command = [arguments.bw, "dead", *words, "--nats-url", server.url]
    begin = time.monotonic()
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    return time.monotonic() - begin, run.stdout


def main():
    arguments = parse_arguments(__doc__, rounds=7, jobs=(5000, "that are dead"), texts={"server": "the nats-server"})
    with tempfile.TemporaryDirectory(prefix="bw-bench-", dir=arguments.disk) as folder:
        server = Server(Path(folder) / "server", arguments.server).start()
        try:
            make(server, arguments.jobs)
            listed = {"with their reasons": [], "BW_RESULTS=off": []}
            for _ in range(arguments.rounds):
                for name, more in (("with their reasons", []), ("BW_RESULTS=off", ["--results", "off"])):
                    took, output = seconds(arguments, server, "list", "--json", *more)
                    assert output.count("\n") == arguments.jobs
                    listed[name].append(took)
            retry, output = seconds(arguments, server, "retry", "--all", "--yes")
            assert output.startswith(f"retried {arguments.jobs}, "), output
        finally:
            server.stop()
    print(f"| {arguments.jobs} dead jobs | seconds |\n| --- | --- |")
    for name, times in listed.items():
        print(f"| `bw dead list --json`, {name} | {spread(times, 2)} |")
    print(f"| `bw dead retry --all --yes` | {retry:.1f} |")


if __name__ == "__main__":
    main()
