"""Dead jobs, made quickly: each is delivered once and given back. And `bw dead`, run to its end."""

import json
from datetime import datetime, timezone

from .jetstream import MAX_DELIVERIES, RESULTS, SECOND, JetStream
from .worker import run_bw

IMAGE = "file:///data/{}.jpg"


def rfc3339(nanoseconds):
    seconds, fraction = divmod(nanoseconds, SECOND)
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S") + f".{fraction:09d}Z"


def run_dead(server, *args, code=0, **settings):
    run = run_bw("dead", *args, **({"NATS_URL": server.url} | settings))
    assert run.returncode == code, run.stdout + run.stderr
    return run


class Dead:
    """A queue whose consumer delivers each job once, unless told otherwise; `results`: with its results stream."""

    def __init__(self, server, connection, results=True, **consumer):
        self.server = server
        self.js = JetStream(connection).create(consumer={"max_deliver": 1} | consumer)
        self.results = JetStream(connection, "IMAGES_RESULTS")
        if results:
            self.results.create_stream(**RESULTS)

    def publish(self, name, **more):
        return self.js.publish({"id": name, "image": IMAGE.format(name)} | more)

    def deliver(self, count=1):
        """Takes jobs and keeps them in work."""
        taken = [self.js.next() for _ in range(count)]
        assert None not in taken
        return taken

    def kill(self, *names):
        """Jobs of these ids, dead; their numbers."""
        numbers = [self.publish(name) for name in names]
        self.give_up(len(names))
        return numbers

    def give_up(self, count):
        """The next so many deliveries fail, and are the last of their jobs."""
        for _ in range(count):
            [message] = self.deliver()
            self.js.connection.publish(message.reply, "-NAK")
        assert self.js.next(expires=0.1) is None  # 2.9 finds them dead when somebody pulls

    def stored(self, sequence):
        [message] = [message for message in self.js.stored() if message.sequence == sequence]
        return message

    def record(self, sequence, outcome="failed", **changes):
        """What a worker would have said of the job."""
        record = {"outcome": outcome, "seq": sequence, "delivery": 1, "max_deliver": 1, "queued": rfc3339(self.stored(sequence).time),
                  "worker": "host:1", "version": "0", "time": rfc3339(self.stored(sequence).time)}
        if outcome == "failed":
            record |= {"last": True, "kind": "input", "class": "transient", "where": "/data/x.jpg", "what": "is not there"}
        else:
            record |= {"output": "file:///out/x.jpg"}
        answer = self.results.connection.request(f"RESULTS.IMAGES.BW.{outcome}.{sequence}", record | changes).json()
        assert answer["stream"] == "IMAGES_RESULTS", answer

    def advise(self, sequence):
        """What the server says of a job that has had all its deliveries."""
        self.results.connection.request(MAX_DELIVERIES, {"stream": "IMAGES", "consumer": "BW", "stream_seq": sequence,
                                                         "deliveries": 1})

    def run(self, *args, **how):
        return run_dead(self.server, *args, **how)

    def json(self, *args, **how):
        """The objects that it prints."""
        return [json.loads(line) for line in self.run(*args, "--json", **how).stdout.splitlines()]

    def listed(self, *args, **how):
        """{number: object}"""
        return {job["seq"]: job for job in self.json("list", *args, **how)}

    def payloads(self):
        """Of all messages of the job stream, in their order."""
        return [message.data for message in self.js.stored()]
