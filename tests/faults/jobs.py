"""The jobs of a run: good ones whose results are known, and poison, some of which is mended later; and who sends them."""

import json
import os
import random
import shutil
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from harness import pictures
from harness.jetstream import ApiError, JetStream
from harness.nats import Connection, NatsError

IMAGES = pictures.TESTDATA / "images"
EXPECTED = pictures.TESTDATA / "expected"
SLOW_SHARE = 0.3  # so that faults find workers at work: with testdata alone they would be idle
SLOWER_SHARE = 0.01
POISON_SHARE = 0.02
MENDABLE_SHARE = 0.4  # of poison


@dataclass
class Job:
    """`body` is no other job's, so that it tells the job of a message wherever it is found."""
    id: str
    picture: Path | None  # None: nobody can ever do it
    body: bytes
    file: Path | None = None  # a file of its own that is no picture until mend()
    mended: bool = False
    sequences: list = field(default_factory=list)  # one more with each retry
    sent: list = field(default_factory=list)  # when it was first tried to send it, and when it was accepted

    @property
    def good(self):
        return self.picture is not None and (self.file is None or self.mended)

    @property
    def output(self):
        return self.id + self.picture.suffix

    @property
    def image(self):
        return (self.file or self.picture).as_uri()

    def mend(self):
        whole = self.file.with_name(self.file.name + ".new")
        shutil.copyfile(self.picture, whole)
        os.rename(whole, self.file)
        self.mended = True


def good_job(job_id, picture, file=None):
    job = Job(job_id, picture, b"", file)
    job.body = json.dumps({"id": job_id, "image": job.image, "advisory": f"advisory.{job_id}"}).encode()
    return job


def blocks(file, side, seed):
    """A black and white picture, which takes long for its size and stays as it is: any dither leaves it alone."""
    chance = random.Random(seed)
    row_bytes = side // 8
    rows = [bytes(chance.choice((0, 255)) for _ in range(row_bytes)) for _ in range(side // 8)]
    bitmap = b"P4\n%d %d\n" % (side, side) + b"".join(row * 8 for row in rows)
    file.write_bytes(pictures.convert(bitmap, to="png"))
    return file


class Pictures:
    """{picture: its expected result}: those of testdata, and two slow ones, which are their own results."""

    def __init__(self, folder):
        self.testdata = sorted(IMAGES.iterdir())
        self.slow = blocks(Path(folder) / "slow.png", 1280, 1)
        self.slower = blocks(Path(folder) / "slower.png", 3200, 2)
        self.expected = {picture: EXPECTED / picture.name for picture in self.testdata}
        for picture in (self.slow, self.slower):
            expected = picture.with_suffix(".expected.png")
            expected.write_bytes(pictures.convert(picture.read_bytes(), "-monochrome"))
            self.expected[picture] = expected

    def choose(self, chance):
        share = chance.random()
        if share < SLOWER_SHARE:
            return self.slower
        return self.slow if share < SLOWER_SHARE + SLOW_SHARE else chance.choice(self.testdata)


def make_jobs(seed, count, known, folder):
    chance = random.Random(f"{seed} jobs")
    folder = Path(folder)
    return [_make_job(f"job-{number:05}", chance, known, folder) for number in range(count)]


def _make_job(job_id, chance, known, folder):
    if chance.random() >= POISON_SHARE:
        return good_job(job_id, known.choose(chance))
    broken = folder / f"{job_id}.png"
    broken.write_text("no image\n")
    if chance.random() < MENDABLE_SHARE:
        return good_job(job_id, known.slow, broken)
    bodies = [{"image": "file:///x.png"}, {"id": "../up", "image": known.slow.as_uri()},
              {"id": job_id, "image": broken.as_uri()},
              {"id": job_id, "image": (folder / "missing.png").as_uri()}]
    body = json.dumps(chance.choice(bodies) | {"number": job_id})
    return Job(job_id, None, (body if chance.random() < 0.8 else body[:-1]).encode())


class Link:
    """JetStream over whichever server answers, for as long as it takes."""

    def __init__(self, urls, patience=90):
        self._urls = list(urls)
        self._patience = patience
        self._js = None

    def insist(self, what):
        """The value of what(js), tried on new connections until it comes."""
        end = time.monotonic() + self._patience
        while True:
            try:
                if self._js is None:
                    self._js = JetStream(Connection(self._urls[0], timeout=3), timeout=3)
                return what(self._js)
            except (OSError, NatsError, ApiError) as trouble:
                self.close()
                self._urls.append(self._urls.pop(0))
                if time.monotonic() > end:
                    raise AssertionError("no server does what it is asked for") from trouble
                time.sleep(0.05)

    def close(self):
        if self._js:
            self._js.connection.close()
        self._js = None


class Publisher:
    """Sends the jobs over `duration` seconds from a thread of its own, each until the stream has acknowledged it."""

    def __init__(self, urls, jobs, duration):
        self._link = Link(urls)
        self._jobs = jobs
        self._duration = duration
        self.retries = 0
        self.failure = None
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self):
        self._thread.start()

    def _run(self):
        begin = time.monotonic()
        try:
            for number, job in enumerate(self._jobs):
                time.sleep(max(0, begin + number * self._duration / len(self._jobs) - time.monotonic()))
                self.publish(job)
        except Exception as failure:  # shown by join()
            self.failure = failure

    def publish(self, job):
        tries = []

        def send(js):
            tries.append(1)
            return js.publish(job.body, message_id=job.id)

        begin = time.time()
        # Where a retry was none, the stream says the sequence that it has.
        job.sequences.append(self._link.insist(send))
        job.sent = [begin, time.time()]
        self.retries += len(tries) - 1

    def join(self, deadline):
        self._thread.join(deadline)
        assert not self._thread.is_alive(), "the publisher has not come to an end"
        if self.failure:
            raise self.failure
