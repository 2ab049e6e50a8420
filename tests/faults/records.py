"""What the results stream says became of each job, held against what is there."""

from collections import Counter, defaultdict

from harness import pictures
from harness.jetstream import MAX_DELIVERIES, nanoseconds


class Records:
    """`stored`: all messages of the results stream."""

    def __init__(self, stored):
        self.done = []
        self.failed = []
        self.max_deliveries = Counter()  # by sequence of the job
        self.odd = []
        for message in stored:
            if message.subject.endswith(".probe"):
                continue  # of a worker that started
            body = message.json()
            if message.subject == MAX_DELIVERIES:
                self.max_deliveries[body["stream_seq"]] += 1
                continue
            outcome = body.get("outcome")
            if message.subject != f"RESULTS.IMAGES.BW.{outcome}.{body.get('seq')}" or outcome not in ("done", "failed"):
                self.odd.append(f"{message.subject}: {message.data[:200]}")
            else:
                (self.done if outcome == "done" else self.failed).append(body)
        self.done_of = defaultdict(list)  # by id
        for record in self.done:
            self.done_of[record.get("id")].append(record)

    def says_done(self, stored):
        """Whether the job of that message is done: its number alone would not tell, if the stream was made anew."""
        return any(record["seq"] == stored.sequence and nanoseconds(record["queued"]) == stored.time for record in self.done)


def one_done_each(it, verdict):
    records = it.records
    doubled = Counter((record["seq"], record["queued"]) for record in records.done)
    wrong = [f"seq {sequence}: {count} records" for (sequence, _), count in doubled.items() if count > 1]
    dead = {job.id for _, job in it.dead}
    twice = 0
    for job in it.good:
        own = records.done_of[job.id]
        sequences = {record["seq"] for record in own}
        if job.id not in dead and not own:
            wrong.append(f"{job.id} has none, sequences {job.sequences}")
        elif len(sequences) > 1:
            twice += 1
            if not it.may_be_twice(job):
                wrong.append(f"{job.id} was done as {sorted(sequences)}, sent as {job.sequences}")
        elif job.id not in it.retried_ids and not sequences <= set(job.sequences):
            wrong.append(f"{job.id} was done as {sorted(sequences)}, sent as {job.sequences}")
    good = {job.id for job in it.good}
    wrong += [f"{job_id} cannot be done, and is" for job_id in records.done_of.keys() - good if records.done_of[job_id]]
    verdict.check("every output has exactly one record that says done", f"{len(records.done)} for {len(good - dead)}", wrong)
    if twice:
        verdict.note(f"jobs that were in the stream twice, since a server died between storing one and saying so: {twice}")


def every_dead_job_is_stored(it, verdict):
    advised = it.records.max_deliveries
    last = {record["seq"] for record in it.records.failed if record["last"]}
    verdict.check("every dead job has its MAX_DELIVERIES in the results stream",
                  f"{len(it.died)} dead, {sum(count > 1 for count in advised.values())} advised more than once, "
                  f"{len(it.died & last)} with a record of the last failure",
                  [f"seq {sequence}" + ("" if sequence in last else ", nor a record of its last failure")
                   for sequence in sorted(it.died - advised.keys())])


def records_agree(it, verdict):
    frames = {}
    pids = {worker.process.pid for workers in it.runs for worker in workers}
    job_of = {job.id: job for job in it.good}
    wrong = [*it.records.odd]
    for record in it.records.done:
        job = job_of.get(record.get("id"))
        if job is None:
            continue  # counted elsewhere
        if job.picture not in frames:
            frames[job.picture] = pictures.sizes(it.known.expected[job.picture])
        columns, rows = frames[job.picture][0]
        expected = {"image": job.image, "output": str(it.outdir.path / job.output), "max_deliver": 5,
                    "input_bytes": job.picture.stat().st_size, "output_bytes": it.outdir.size(job.output),
                    "columns": columns, "rows": rows, "frames": len(frames[job.picture])}
        different = {name: record.get(name) for name, value in expected.items() if record.get(name) != value}
        begun = [each for each in it.history.of[record["seq"]] if each.number == record["delivery"]]
        if not begun or int(record["worker"].rpartition(":")[2]) not in pids:
            different["delivery"] = f"{record['delivery']} by {record['worker']}, of which no log speaks"
        if record["seq"] == job.sequences[0] and not job.sent[0] - 1 <= nanoseconds(record["queued"]) / 1e9 <= job.sent[1] + 1:
            different["queued"] = record["queued"]
        if different:
            wrong.append(f"{job.id}: {different}")
    verdict.check("records of jobs that are done say what is there", f"{len(it.records.done)} records", wrong)


def failures_recorded(it, verdict):
    logged = {(sequence, each.number): each.kind
              for sequence, deliveries in it.history.of.items() for each in deliveries if each.kind}
    recorded = {(record["seq"], record["delivery"]): record["kind"] for record in it.records.failed}
    verdict.check("a record of a failure says the kind that the log says", f"{len(it.records.failed)} records",
                  [f"seq {key[0]}, delivery {key[1]}: {kind}, and not {logged[key]}"
                   for key, kind in recorded.items() if logged.get(key, kind) != kind])
    verdict.note(f"failures in the logs: {len(logged)}; without a record: {len(logged.keys() - recorded.keys())}; "
                 f"records without a line: {len(recorded.keys() - logged.keys())}")
