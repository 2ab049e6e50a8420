"""The client's side of scripts/demo.sh: sends jobs, and shows what comes of them.

    demo.py pictures RESULTS WORKER_LOG WORKER_LOG PICTURE...
    demo.py poison WORKER_LOG WORKER_LOG

NATS_URL is the server. Exit status 1: something did not come about in time.
"""

import json
import os
import re
import signal
import sys
import time
from pathlib import Path

SOURCE_DIR = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(SOURCE_DIR / "tests/e2e"))

from harness.jetstream import MAX_DELIVERIES, JetStream  # noqa: E402  (after the path)
from harness.nats import Connection  # noqa: E402

DEADLINE = 60  # seconds, for the pictures and again for the job that nobody can do; an idle machine needs five


def say(text):
    print(("   " + text).rstrip(), flush=True)


class Logs:
    """The error lines of the workers, as they come."""

    def __init__(self, files):
        self._files = [open(file, encoding="utf-8", errors="replace") for file in files]
        for file in self._files:
            file.seek(0, os.SEEK_END)
        self.shown = 0
        self.dead_jobs = 0

    def show(self):
        lines = [(line, number) for number, file in enumerate(self._files, 1) for line in file]
        for line, number in sorted(lines):
            if line.split()[1:2] == ["error"]:
                say(f"worker {number}: {line.rstrip()}")
                self.shown += 1
                self.dead_jobs += " delivery=5/5" in line


def wait_for(subscription, logs, hopeless):
    """The next message. Meanwhile it shows the errors that the workers log. TimeoutError as soon as hopeless() is true."""
    while True:
        logs.show()
        try:
            message = subscription.next(0.1)
        except TimeoutError:
            if hopeless():
                raise
            continue
        logs.show()
        return message


def job_ids(pictures):
    """An id for each picture: letters, digits and hyphens, so that it can stand in a subject too."""
    words = lambda name: re.sub(r"\W+", "-", name).strip("-")
    stems = [words(picture.stem) for picture in pictures]
    return [stem if stem and stems.count(stem) == 1 else words(f"{number}-{picture.name}")
            for number, (stem, picture) in enumerate(zip(stems, pictures), 1)]


def send_pictures(js, pictures, results, logs):
    waiting = dict(zip(job_ids(pictures), pictures))
    jobs = [json.dumps({"id": job_id, "image": picture.as_uri(), "advisory": f"advisory.{job_id}"}, ensure_ascii=False)
            for job_id, picture in waiting.items()]
    advisories = js.connection.subscribe("advisory.>")
    for job in jobs:
        js.publish(job)
    say(f"{len(jobs)} jobs sent to IMAGES.blackandwhite, such as" if len(jobs) > 1 else "A job sent to IMAGES.blackandwhite:")
    say(jobs[0])
    say("")
    deadline = time.monotonic() + DEADLINE
    while waiting:
        try:
            # A job that is dead is not the last word on the others.
            message = wait_for(advisories, logs, lambda: logs.dead_jobs == len(waiting) or time.monotonic() > deadline)
        except TimeoutError:
            sys.exit("   not done: " + ", ".join(waiting))
        job_id = message.json()["id"]
        picture = waiting.pop(job_id, None)
        if picture is None:
            continue  # a job may be done twice
        output = job_id + picture.suffix
        if not (Path(results) / output).is_file():
            sys.exit(f"   {results}/{output} is missing")
        say(f"{message.subject:22} {message.data.decode():24} {picture.name} -> {results}/{output}")
    wait_until(lambda: js.messages() == 0, "the stream does not become empty")
    say("")
    say("All done; the stream is empty.")


def wait_until(reached, complaint):
    """Waits for what comes a moment after the message just received: the acknowledgement, a line in a log."""
    deadline = time.monotonic() + 10
    while not reached():
        if time.monotonic() > deadline:
            sys.exit("   " + complaint)
        time.sleep(0.02)


def send_poison(js, logs):
    advisories = js.connection.subscribe(MAX_DELIVERIES)
    sequence = js.publish(b"{}")
    say("Each try ends a worker, which says why and is started again:")
    try:
        deadline = time.monotonic() + DEADLINE
        message = wait_for(advisories, logs, lambda: time.monotonic() > deadline)
    except TimeoutError:
        sys.exit("   JetStream's advisory did not come")
    advisory = message.json()

    def all_shown():
        logs.show()
        return logs.shown >= advisory["deliveries"]

    wait_until(all_shown, "the workers' logs do not tell of each delivery")
    say("")
    say(f"After {advisory['deliveries']} deliveries JetStream gives up, and says so:")
    say(message.subject)
    say(json.dumps({name: advisory[name] for name in ("stream", "consumer", "stream_seq", "deliveries")}))
    say("")
    body = js.message(sequence)
    if js.messages() != 1 or advisory["stream_seq"] != sequence or body != b"{}":
        sys.exit(f"   the stream holds {js.messages()} messages, and as {sequence} {body!r}")
    say(f"The job stays in the stream for you to read; `nats stream get IMAGES {sequence}` would show:")
    say(body.decode())


def main():
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # no traceback on Ctrl-C
    with Connection(os.environ["NATS_URL"]) as connection:
        js = JetStream(connection)
        if sys.argv[1] == "pictures":
            pictures = sorted(Path(picture).resolve() for picture in sys.argv[5:])
            send_pictures(js, pictures, sys.argv[2], Logs(sys.argv[3:5]))
        else:
            send_poison(js, Logs(sys.argv[2:]))


if __name__ == "__main__":
    main()
