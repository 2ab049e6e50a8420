"""Hears the advisories, and looks at each job's output the moment its advisory comes."""

import threading
import time
from dataclasses import dataclass

from harness.jetstream import MAX_DELIVERIES
from harness.nats import Connection, NatsError

# What was on its way when a connection broke is lost, too.
IN_FLIGHT = 0.5


@dataclass
class Advisory:
    job_id: str
    at: float
    digest: str | None  # of the output as it was then


class Subscriber:
    """`output_of`: {id: name of its output}. Connects again for ever; `gaps` are the times without a connection."""

    def __init__(self, urls, outdir, output_of):
        self._urls = list(urls)
        self._outdir = outdir
        self._output_of = output_of
        self._ending = False
        self._ready = threading.Event()
        self._connection = None
        self.advisories = []
        self.unknown = []
        self.dead = set()  # sequences, by JetStream's own advisory
        self.gaps = []
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        assert self._ready.wait(30), "the subscriber does not get through"

    def _run(self):
        lost = time.time()
        while not self._ending:
            try:
                self._listen(lost)
            except (OSError, NatsError):
                if self._ready.is_set() and self._connection:
                    lost = time.time() - IN_FLIGHT
                self._connection = None
                self._urls.append(self._urls.pop(0))
                time.sleep(0.01)
        self.gaps.append((lost, time.time()))

    def _listen(self, lost):
        with Connection(self._urls[0], timeout=3) as connection:
            done = connection.subscribe("advisory.>")
            dead = connection.subscribe(MAX_DELIVERIES)
            self._connection = connection
            self.gaps.append((lost, time.time()))
            self._ready.set()
            while True:
                while done.queue:
                    self._heard(done.queue.popleft())
                while dead.queue:
                    self.dead.add(dead.queue.popleft().json()["stream_seq"])
                connection.pump(time.monotonic() + 3600)

    def _heard(self, message):
        job_id = message.json()["id"]
        if message.subject != f"advisory.{job_id}" or job_id not in self._output_of:
            self.unknown.append((message.subject, message.data))
            return
        self.advisories.append(Advisory(job_id, time.time(), self._outdir.digest(self._output_of[job_id])))

    def end(self, cut):
        """`cut` ends its connection."""
        self._ending = True
        while self._thread.is_alive():
            cut()
            self._thread.join(0.1)
