"""What must hold when everything has been broken and is whole again."""

import subprocess
from collections import Counter, defaultdict

from harness import pictures

from .history import Explanations, History
from .outdir import TEMPORARY
from .records import every_dead_job_is_stored, failures_recorded, one_done_each, records_agree

# The table of docs/exit-codes.md, and the signals that we end workers with.
EXIT_CODES = {0: "stopped as asked", 3: "queue", 4: "job", 5: "image", 6: "output", 7: "timeout", 8: "stopped",
              9: "difference", 10: "input", -9: "killed", -15: "terminated before it handled signals"}
SHOWN = 10


class Verdict:
    def __init__(self):
        self.broken = 0

    def check(self, what, count, wrong):
        """Prints one invariant; `wrong` holds what breaks it."""
        wrong = list(wrong)
        self.broken += bool(wrong)
        print(f"{'BROKEN' if wrong else 'holds ':6}  {what}: {count}" + (f"; {len(wrong)} wrong" if wrong else ""))
        for each in wrong[:SHOWN]:
            print(f"          {each}")

    @staticmethod
    def note(text):
        print(f"        {text}")


class Findings:
    """All that a run leaves behind to be judged. `left`: the messages that the stream still holds; `listed`:
    {sequence: kind}, what `bw dead list` lists; `records`: what the results stream holds."""

    def __init__(self, jobs, known, system, retrier, struck, left, records, listed, server_version):
        self.jobs = jobs
        self.good = [job for job in jobs if job.good]
        self.poison = [job for job in jobs if not job.good]
        self.known = known
        self.outdir = system.outdir
        self.subscriber = system.subscriber
        self.runs = system.runs()
        self.history = History(self.runs)
        self.struck = struck
        self.records = records
        self.listed = listed
        self.retried = retrier.retried
        self.retried_ids = {job.id for job in self.retried.values()}
        self.retrier = retrier
        self.server_version = server_version
        self.cluster = len(system.servers) > 1
        self.digests = {job.id: self.outdir.digest(job.output) for job in self.good}
        self.stored = left
        self.resurrected, self.dead, self.unknown = self._sort_out(left)
        # Every message that had all its deliveries: the dead that were retried, too.
        self.died = {stored.sequence for stored, _ in self.dead} | self.retried.keys()
        for job in self.good:
            if job.id in self.retried_ids:
                job.sequences += {record["seq"] for record in records.done_of[job.id]} - set(job.sequences)

    def _sort_out(self, left):
        """What the stream still holds: messages that a killed server brought back after they were done or retried;
        the dead, each with its job; and what nobody sent."""
        resurrected, dead, unknown = [], [], []
        job_of = {job.body: job for job in self.jobs}
        can_bring_back = self.server_version < (2, 10, 0) and self.killed_server()
        for stored in left:
            job = job_of.get(stored.data)
            if job is None or stored.sequence not in job.sequences and job.id not in self.retried_ids:
                unknown.append(stored.sequence)
            elif can_bring_back and (stored.sequence in self.retried or self.records.says_done(stored)):
                resurrected.append(stored.sequence)
            else:
                dead.append((stored, job))
        return resurrected, dead, unknown

    def killed_server(self):
        return any("killed" in fault.kind and fault.target == "server" for fault, _, _ in self.struck)

    def may_be_twice(self, job):
        """A server that dies between storing a message and saying so is sent it again; if it was done by then, the
        server has forgotten its message id too."""
        return self.killed_server() and job.id in self.retried_ids


def judge(findings, verdict):
    for invariant in (outputs, results, advisories_after_outputs, advisories_seen, stream, one_done_each,
                      every_dead_job_is_stored, records_agree, failures_recorded, dead_listed, workers):
        invariant(findings, verdict)


def outputs(it, verdict):
    wanted = {job.output for job in it.good}
    dead = {job.output for _, job in it.dead if job.good}
    there = {name for name in it.outdir.names() if not TEMPORARY.fullmatch(name)}
    verdict.check("one output for each good job, and nothing else", f"{len(there)} for {len(wanted)}",
                  sorted((wanted - dead) ^ (there - dead)))
    verdict.check("a final name appears by a rename only", f"{len(there)} names", sorted(it.outdir.touched.names))


def results(it, verdict):
    """One output of each picture is held against the oracle's, the others against that one."""
    by_picture = defaultdict(lambda: defaultdict(list))
    for job in it.good:
        if it.digests[job.id]:
            by_picture[job.picture][it.digests[job.id]].append(job)
    wrong = []
    for picture, versions in by_picture.items():
        if len(versions) > 1:
            wrong.append(f"{picture.name}: {len(versions)} different results, such as "
                         + ", ".join(jobs[0].output for jobs in versions.values()))
        expected = pictures.pixels(it.known.expected[picture])
        for jobs in versions.values():
            try:
                same = pictures.pixels(it.outdir.path / jobs[0].output) == expected
            except subprocess.CalledProcessError:
                same = False
            if not same:
                wrong.append(f"{jobs[0].output} ({picture.name}) is not what convert makes")
    verdict.check("outputs are pixel for pixel convert's", f"{len(by_picture)} pictures", wrong)


def advisories_after_outputs(it, verdict):
    heard = it.subscriber.advisories
    early = [f"{each.job_id}: {'incomplete' if each.digest else 'not there'}" for each in heard
             if each.digest is None or each.digest != it.digests[each.job_id]]
    verdict.check("an output is whole when its advisory comes", f"{len(heard)} advisories", early)
    verdict.check("advisories are of good jobs", f"{len(heard)} advisories", it.subscriber.unknown)


def advisories_seen(it, verdict):
    heard = Counter(each.job_id for each in it.subscriber.advisories)
    dead = {job.id for _, job in it.dead}
    missed = [job for job in it.good if not heard[job.id] and job.id not in dead]
    unexplained = [job.id for job in missed if not _missed_in_gap(it, job)]
    several = sum(count > 1 for count in heard.values())
    verdict.check("a missed advisory fell into a time when server or subscriber were cut off",
                  f"{len(missed)} missed, {len(it.good) - len(missed)} heard, {several} more than once", unexplained)


def _missed_in_gap(it, job):
    gaps = it.subscriber.gaps + [(begin - 0.5, over + 2) for fault, begin, over in it.struck
                                 if fault.target == "server" and fault.kind != "records refused"]
    for sequence in job.sequences:
        for delivery in it.history.of[sequence]:
            begin = delivery.end - delivery.settle if delivery.outcome == "job done" else delivery.begin
            end = delivery.end or delivery.worker.ended
            if any(lost <= end and begin <= back for lost, back in gaps):
                return True
    return False


def stream(it, verdict):
    there = Counter(job.id for _, job in it.dead)
    # Replicas of nats-server before 2.15 drop dead messages when they recover (docs/reliability.md).
    drops = it.cluster and it.server_version < (2, 15)
    heard = it.subscriber.dead | it.records.max_deliveries.keys()
    dropped = [job for job in it.poison if drops and not there[job.id] and heard & set(job.sequences)]
    verdict.check("jobs that nobody can do are in the stream, each once", f"{len(it.poison) - len(dropped)} of {len(it.poison)}",
                  [f"{job.id}: {there[job.id]}" for job in it.poison if there[job.id] != 1 and job not in dropped])
    verdict.note(f"dead jobs that nats-server dropped: {len(dropped)}")
    unheard = []
    reasons = Counter()
    for sequence in sorted(sequence for job in it.poison for sequence in job.sequences):
        failures = [each for each in it.history.of[sequence] if each.kind]
        reasons.update(each.kind for each in failures)
        if not failures:
            unheard.append(f"seq {sequence}")
    verdict.check("and the workers' logs say why", f"{dict(reasons)}", unheard)
    verdict.check("nothing is in the stream that nobody sent", f"{len(it.stored)} messages", it.unknown)
    explanations = Explanations(it.struck)
    died = {stored.sequence: job for stored, job in it.dead} | it.retried
    deaths = [_death(it, sequence, died[sequence], explanations) for sequence in sorted(died)
              if died[sequence].good and not died[sequence].file]
    verdict.check("a good job is dead only after five faults", f"{len(deaths)} dead",
                  [words for explained, words in deaths if not explained])
    for _, words in deaths:
        verdict.note(words)
    verdict.note(f"`bw dead`: {it.retrier.runs} runs, {it.retrier.killed} killed, {it.retrier.failed} run again; "
                 f"{len(it.retried)} retried, {sum(job.mended for job in it.retried.values())} of them mended")
    verdict.note(f"messages that a killed nats-server brought back: {len(it.resurrected)}")
    again = sum(len(each) > 1 for each in it.history.of.values())
    verdict.note(f"jobs delivered more than once: {again}; done more than once: "
                 f"{sum(len(it.history.done(sequence)) > 1 for sequence in list(it.history.of))}")
    verdict.note(f"JetStream's advisories of jobs delivered five times: {len(it.subscriber.dead)} heard, "
                 f"{len(it.records.max_deliveries)} stored")


def dead_listed(it, verdict):
    left = {stored.sequence: stored for stored in it.stored if stored.sequence not in it.unknown}
    done = {sequence for sequence, stored in left.items() if it.records.says_done(stored)}
    verdict.check("`bw dead list` lists the dead", f"{len(it.listed)}, {len(done)} of them done",
                  [*sorted(left.keys() ^ it.listed.keys()),
                   *(f"seq {sequence}: {kind}" for sequence, kind in sorted(it.listed.items())
                     if (kind == "done") != (sequence in done))])


def _death(it, sequence, job, explanations):
    """Whether each of the five deliveries was ended by a fault, and the story."""
    story = [f"seq {sequence} {job.id}"]
    explained = True
    deliveries = {each.number: each for each in it.history.of[sequence]}
    first = min((each.begin for each in deliveries.values()), default=0)
    last = max((each.end or each.begin for each in deliveries.values()), default=float("inf"))
    for number in range(1, 6):
        if delivery := deliveries.get(number):
            following = deliveries.get(number + 1)
            fault = explanations.of(delivery, following.begin if following else delivery.begin + 60)
            story.append(f"{delivery} ({fault.kind if fault else 'NO FAULT'})")
        else:
            fault = explanations.of_none(first - 60, last + 60)
            story.append(f"delivery {number}: nobody had it ({fault.kind if fault else 'NO FAULT'})")
        explained = explained and fault is not None
    return explained, "; ".join(story)


def workers(it, verdict):
    every = [worker for workers in it.runs for worker in workers]
    codes = Counter(worker.process.returncode for worker in every)
    wrong = [f"pid {worker.process.pid}: exit code {worker.process.returncode}: {worker.log()[-300:]}"
             for worker in every
             if worker.process.returncode not in EXIT_CODES
             or (worker.process.returncode == -15 and worker.lines)]
    told = ", ".join(f"{codes[code]} x {code} ({EXIT_CODES.get(code, '?')})" for code in sorted(codes, key=str))
    verdict.check("every exit code is a documented one", f"{len(every)} workers: {told}", wrong)
    verdict.check("every line of theirs is a log line", f"{sum(len(worker.lines) for worker in every)} lines",
                  it.history.odd_lines)
