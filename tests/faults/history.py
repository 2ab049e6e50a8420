"""What the workers' logs say happened to each job."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime

from harness.worker import parse_line


@dataclass
class Delivery:
    number: int
    keeper: int
    worker: object
    begin: float
    end: float | None = None  # None: its worker says nothing more of it
    outcome: str = ""  # "job done", the text of an error …
    kind: str = ""  # of the error
    settle: float = 0  # seconds at its end in which it was advised and acknowledged

    def __str__(self):
        return f"delivery {self.number} by worker {self.keeper}: {self.outcome or 'cut short'}"


def _time(line):
    return datetime.strptime(line[:24], "%Y-%m-%dT%H:%M:%S.%f%z").timestamp()


class History:
    """`runs`: every worker process, by keeper. `of`: {sequence: [Delivery]}, in the order of time."""

    def __init__(self, runs):
        self.of = defaultdict(list)
        self.odd_lines = []
        for keeper, workers in enumerate(runs):
            for worker in workers:
                open_jobs = {}
                for line in worker.lines:
                    self._read(line, keeper, worker, open_jobs)
        for deliveries in self.of.values():
            deliveries.sort(key=lambda delivery: delivery.begin)

    def _read(self, line, keeper, worker, open_jobs):
        record = parse_line(line)
        if record is None:
            self.odd_lines.append(line)
            return
        if "seq" not in record.fields:
            return
        sequence = int(record.fields["seq"])
        number = int(record.fields["delivery"].split("/")[0])
        at = _time(line)
        if record.message == "job begun" or (sequence, number) not in open_jobs:
            delivery = Delivery(number, keeper, worker, at)
            open_jobs[sequence, number] = delivery
            self.of[sequence].append(delivery)
        if record.message != "job begun":
            delivery = open_jobs[sequence, number]
            delivery.end = at
            delivery.outcome = record.message
            delivery.kind = record.fields.get("kind", "")
            delivery.settle = int(record.fields.get("queue_us", 0)) / 1e6

    def done(self, sequence):
        return [delivery for delivery in self.of[sequence] if delivery.outcome == "job done"]


# Which faults can end a delivery with an error of that kind.
ENDED_BY = {"output": {"outdir"}, "queue": {"server", "link"}, "timeout": {"worker", "link", "server"},
            "stopped": {"worker"}}
AFTERMATH = 12  # seconds in which a fault that is over can still be felt: five tries of an acknowledgement


class Explanations:
    """Which fault ended a delivery. `struck`: (fault, begin, end) in the clock's time, as it really was."""

    def __init__(self, struck):
        self._struck = struck

    def of(self, delivery, next_begin):
        """`next_begin`: when the same job was delivered again."""
        end = delivery.end or delivery.worker.ended or next_begin
        targets = ENDED_BY.get(delivery.kind, set()) if delivery.kind else {"worker", "link", "server"}
        for fault, begin, over in sorted(self._struck, key=lambda struck: -struck[1]):
            mine = fault.target not in ("worker", "link") or fault.victim == delivery.keeper
            if fault.target in targets and mine and begin <= end + 1 and over + AFTERMATH >= delivery.begin:
                return fault
        return None

    def of_none(self, begin, end):
        """Of a delivery between those times that no worker speaks of: lost on its way, or with its worker."""
        return next((fault for fault, at, over in self._struck
                     if fault.target in ("worker", "link", "server") and at <= end and over + AFTERMATH >= begin), None)
