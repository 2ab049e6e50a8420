#!/usr/bin/python3
"""A worker in another language: the same protocol, with one `convert -monochrome` process per job.

NATS_URL and OUTDIR come from the environment. Any error ends it, as it ends bw; SIGTERM stops it after the job.
"""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote, urlsplit

from harness.jetstream import JetStream
from harness.nats import Connection

HEARTBEAT = 10  # seconds; the consumer's ack wait is 30


def convert(data, extension, heartbeat):
    command = ["/usr/bin/convert", "-", "-monochrome", extension.lstrip(".") + ":-"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        while True:
            try:
                output, _ = process.communicate(data, HEARTBEAT)
                break
            except subprocess.TimeoutExpired:
                heartbeat()
    if process.returncode != 0:
        raise ValueError("convert failed")
    return output


def commit(data, target):
    temporary = target.with_name(".python-" + target.name)
    with open(temporary, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    temporary.rename(target)
    folder = os.open(target.parent, os.O_RDONLY)
    os.fsync(folder)
    os.close(folder)


def work(js, message, outdir):
    job = message.json()
    source = Path(unquote(urlsplit(job["image"]).path))
    output = convert(source.read_bytes(), source.suffix, lambda: js.in_progress(message))
    commit(output, outdir / (job["id"] + source.suffix))
    if "advisory" in job:
        js.connection.publish(job["advisory"], json.dumps({"id": job["id"]}))
        js.connection.flush()
    js.ack(message)


def main():
    stopping = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.append(True))
    outdir = Path(os.environ["OUTDIR"])
    with Connection(os.environ.get("NATS_URL", "nats://127.0.0.1:4222")) as connection:
        js = JetStream(connection)
        print("ready", file=sys.stderr, flush=True)
        while not stopping:
            message = js.next()
            if message:
                try:
                    work(js, message, outdir)
                except Exception:
                    js.nak(message, delay=1)
                    raise


if __name__ == "__main__":
    main()
