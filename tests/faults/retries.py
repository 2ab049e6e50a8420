"""Retries what is dead with `bw dead`, as an operator does, while everything breaks; some of it is mended first."""

import json
import random
import subprocess
import threading
import time

from harness.proxy import SlowProxy
from harness.worker import bw_command, environment

from .jobs import Link

ROUNDS = (0.45, 0.6, 0.75)  # of the time in which things break
KILLS = 8  # of `bw dead retry` in each round, before it may come to its end
LATENCY = 0.005  # seconds, each way: so that most of its time lies between its requests, where a kill does most harm
LONGEST_LIFE = 0.4  # seconds until a kill: about as long as a round takes
PATIENCE = 90
NAMED_WHAT_IS_NOT_DEAD = 2  # any more, since a run that was killed had come to it


class Retrier:
    def __init__(self, servers, jobs, duration, seed):
        self._ways = [SlowProxy(server.port) for server in servers]
        for way in self._ways:
            way.latency = LATENCY
        self._settings = {"NATS_URL": ",".join(way.url for way in self._ways)}
        self._link = Link([server.url for server in servers])
        self._of = {job.body: job for job in jobs}
        self._duration = duration
        self._chance = random.Random(f"{seed} retries")
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._failure = None
        self.retried = {}  # {sequence: its job}, of what `bw dead retry` was told and is not in the stream any more
        self.runs = self.killed = self.failed = 0

    def start(self):
        self._thread.start()

    def _run(self):
        begin = time.monotonic()
        try:
            for share in ROUNDS:
                time.sleep(max(0, begin + share * self._duration - time.monotonic()))
                self._retry(mended=lambda job: self._chance.random() < 0.5,
                            others=lambda job: self._chance.random() < 0.5)
        except Exception as failure:  # shown by join()
            self._failure = failure

    def join(self, deadline):
        self._thread.join(deadline)
        assert not self._thread.is_alive(), "the retries have not come to an end"
        if self._failure:
            raise self._failure

    def finish(self):
        """When nothing breaks any more: mends all that can be mended, and retries it. What is wrong then."""
        self._retry(mended=lambda job: True, others=lambda job: False)
        return [f"seq {each.sequence} {job.id}" for each, job in self._in_stream() if job.mended]

    def listed(self):
        """What `bw dead list` lists: {sequence: kind}."""
        lines = [json.loads(line) for line in self._bw_dead("list", "--json").splitlines()]
        return {line["seq"]: line["kind"] for line in lines}

    def _retry(self, mended, others):
        dead = self.listed()
        chosen = {}
        for stored, job in self._in_stream():
            if dead.get(stored.sequence, "done") != "done":
                if job.file and not job.mended and mended(job):
                    job.mend()
                if job.mended or others(job):
                    chosen[stored.sequence] = job
        if chosen:
            self._bw_dead("retry", "--yes", *chosen, lives=[self._chance.uniform(0, LONGEST_LIFE) for _ in range(KILLS)])
            self._note(chosen)

    def _note(self, chosen):
        """What became of them: a job that nobody can do is in the stream again, one that was mended may be gone."""
        there = self._in_stream()
        left = {stored.sequence for stored, _ in there}
        self.retried |= {sequence: job for sequence, job in chosen.items() if sequence not in left}
        asked = {job.id for job in chosen.values()}
        for stored, job in there:
            if job.id in asked and stored.sequence not in job.sequences:
                job.sequences.append(stored.sequence)

    def _in_stream(self):
        stored = self._link.insist(lambda js: js.stored())
        return [(each, self._of[each.data]) for each in stored if each.data in self._of]

    def _bw_dead(self, *arguments, lives=()):
        """Its output, once it comes to a good end; before that it is killed after each of `lives` seconds."""
        for life in lives:
            process = self._start(arguments)
            try:
                process.communicate(timeout=life)
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()
                self.killed += 1
        end = time.monotonic() + PATIENCE
        while True:
            process = self._start(arguments)
            output, errors = process.communicate(timeout=PATIENCE)
            if process.returncode in (0, NAMED_WHAT_IS_NOT_DEAD):
                return output
            self.failed += 1
            assert time.monotonic() < end, f"bw dead {arguments[0]} fails: {errors}"
            time.sleep(0.2)

    def _start(self, arguments):
        self.runs += 1
        return subprocess.Popen([*bw_command(), "dead", *map(str, arguments)], env=environment(self._settings), text=True,
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def close(self):
        self._link.close()
        for way in self._ways:
            way.close()
