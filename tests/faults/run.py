#!/usr/bin/env python3
"""Breaks a queue with real workers and real servers at random, and holds what comes out against the promises of
docs/reliability.md. The same seed breaks the same things in the same order."""

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

if __package__ in (None, ""):
    sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[1] / "e2e")]

from faults.invariants import Findings, Verdict, judge
from faults.jobs import Pictures, Publisher, good_job, make_jobs
from faults.outdir import TEMPORARY, Outdir
from faults.plan import kinds, make_plan, timeline
from faults.records import Records
from faults.retries import Retrier
from faults.system import System, results_of
from harness.server import server_binary, server_version

JOBS_PER_SECOND = 25  # what two cores do at leisure while everything breaks
NAK_DELAYS = 15  # seconds: a job that fails five times is given back after 1, 2, 4 and 8
LONGEST_NAK_DELAY = 8
SLACK = 30
STOP_LIMIT = 8 + 4  # seconds: BW_STOP_GRACE, and what a busy machine adds
NAMESPACE = "BW_FAULTS_NAMESPACE"


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=2000)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--every", type=int, default=300, metavar="MS", help="a fault about so often")
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--cluster", action="store_true", help="three servers and a replicated stream")
    parser.add_argument("--server", default=server_binary(), metavar="PATH", help="the nats-server")
    parser.add_argument("--duration", type=float, metavar="SECONDS",
                        help=f"how long jobs are sent and things broken ({JOBS_PER_SECOND} jobs a second)")
    parser.add_argument("--ack-wait", type=float, default=30, metavar="SECONDS", help="the consumer's")
    return parser.parse_args()


def enter_namespace():
    """Starts this program again where it may mount, and where mounts end with it. False: not allowed here."""
    if NAMESPACE in os.environ:
        return True
    unshare = ["unshare", "--mount", *([] if os.getuid() == 0 else ["--user", "--map-root-user"])]
    probe = subprocess.run([*unshare, "mount", "-t", "tmpfs", "tmpfs", "/mnt"], stderr=subprocess.DEVNULL)
    if probe.returncode == 0:
        os.environ[NAMESPACE] = "1"
        os.execvp(unshare[0], [*unshare, sys.executable, *sys.argv])
    return False


class Run:
    def __init__(self, options, folder, mount):
        self.options = options
        self.servers = 3 if options.cluster else 1
        self.duration = options.duration or options.jobs / JOBS_PER_SECOND
        self.plan = make_plan(options.seed, self.duration, options.every / 1000, options.workers, self.servers,
                              kinds(options.ack_wait, options.cluster, mount))
        self.known = Pictures(folder)
        self.jobs = make_jobs(options.seed, options.jobs, self.known, folder)
        self.outdir = Outdir(folder, 256 + options.jobs // 20, mount)
        self.folder = folder
        self.verdict = Verdict()
        self.struck = []

    def go(self):
        output_of = {job.id: job.output for job in self.jobs if job.picture}
        output_of |= {f"last-{number}": f"last-{number}.png" for number in range(10000)}
        system = System(self.folder, self.options.server, self.servers, self.options.workers, self.options.ack_wait,
                        self.outdir, output_of)
        try:
            publisher = Publisher([server.url for server in system.servers], self.jobs, self.duration)
            publisher.start()
            retrier = Retrier(system.servers, list(self.jobs), self.duration, self.options.seed)
            retrier.start()
            self.break_things(system)
            publisher.join(self.duration + 120)
            retrier.join(120)
            print(f"{len(self.jobs)} jobs accepted, {publisher.retries} sent again; {len(self.struck)} faults")
            drained = self.wait_until_drained(system)
            mended = self.finish_retries(retrier)
            idle = self.wait_until_all_worked(system, publisher)
            slow = self.stop_workers(system)
            left = system.link.insist(lambda js: js.stored())
            records = Records(system.link.insist(lambda js: results_of(js).stored()))
            listed = retrier.listed()
            retrier.close()
            self.clean_up(system)
        finally:
            system.close()
            self.keep_logs(system)
        self.verdict.check("once nothing breaks any more the queue empties in time", *drained)
        self.verdict.check("every worker that lives does another job", *idle)
        self.verdict.check("and ends when asked", *slow)
        self.verdict.check("what was dead and is mended is done when it is retried", *mended)
        judge(Findings(self.jobs, self.known, system, retrier, self.struck, left, records, listed,
                       server_version(self.options.server)), self.verdict)
        temporary = [name for name in self.outdir.names() if TEMPORARY.fullmatch(name)]
        self.verdict.check("no temporary file is left", f"{len(temporary)}", temporary)
        return self.verdict.broken == 0

    def keep_logs(self, system):
        for keeper, workers in enumerate(system.runs()):
            text = [f"-- pid {worker.process.pid}, exit code {worker.process.returncode}\n{worker.log()}\n"
                    for worker in workers]
            (self.folder / f"worker{keeper}.log").write_text("".join(text))

    def break_things(self, system):
        start = time.monotonic()
        begun = {}
        for at, what, fault in timeline(self.plan):
            time.sleep(max(0, start + at - time.monotonic()))
            before = time.time()
            words = (system.begin if what == "begin" else system.end)(fault)
            over = "" if what == "begin" else " is over"
            print(f"{time.monotonic() - start:9.3f}  #{fault.number} {fault.kind} {fault.victim}{over}"
                  + (f" ({words})" if words else ""), flush=True)
            if what == "begin":
                begun[fault.number] = before
            if what == "end" or fault.end == fault.begin:
                self.struck.append((fault, begun[fault.number], time.time()))

    def wait_until_drained(self, system):
        """What is in hand is done, or comes again after ack wait, or fails five times.

        A killed nats-server can count messages as in hand that are long gone, so standing still counts too.
        """
        still = self.options.ack_wait + LONGEST_NAK_DELAY + 2
        begin = changed = time.monotonic()
        caught_up, last = None, None
        while True:
            now = time.monotonic()
            info = system.link.insist(lambda js: js.consumer_info())
            state = {key: info[key] for key in ("num_pending", "num_ack_pending", "num_redelivered")}
            if state["num_pending"] == 0:
                caught_up = caught_up or now
                if state["num_ack_pending"] == 0 or now > changed + still:
                    return f"{caught_up - begin:.1f} s and {now - caught_up:.1f} s, {state}", []
            elif now > changed + still:
                return f"for {still} s nothing was delivered", [state]
            if caught_up and now > caught_up + self.options.ack_wait + NAK_DELAYS + SLACK:
                return f"not {SLACK} s after the last must have come again", [state]
            if (progress := (state, info["delivered"]["consumer_seq"])) != last:
                last, changed = progress, now
            time.sleep(0.2)

    def finish_retries(self, retrier):
        begin = time.monotonic()
        while (wrong := retrier.finish()) and time.monotonic() < begin + SLACK:
            time.sleep(0.2)
        return f"{time.monotonic() - begin:.1f} s", wrong

    def wait_until_all_worked(self, system, publisher):
        """Sends jobs until each worker has done one."""
        marks = {keeper.current: len(keeper.current.lines) for keeper in system.keepers}
        end = time.monotonic() + SLACK
        sent = 0

        def idle():
            return [f"worker {number} pid {keeper.current.process.pid}: {keeper.current.log()[-500:]}"
                    for number, keeper in enumerate(system.keepers)
                    if not any("job done" in line for line in keeper.current.lines[marks.get(keeper.current, 0):])]

        while idle() and time.monotonic() < end:
            for _ in system.keepers:
                job_id = f"last-{sent}"
                sent += 1
                job = good_job(job_id, self.known.slow)
                publisher.publish(job)
                self.jobs.append(job)
            while not all(self.outdir.digest(job.output) for job in self.jobs[-sent:]) and time.monotonic() < end:
                time.sleep(0.05)
        return f"{len(system.keepers)} workers, {sent} jobs", idle()

    def stop_workers(self, system):
        took = []
        for keeper in system.keepers:
            begin = time.monotonic()
            keeper.close()
            took.append(time.monotonic() - begin)
        wrong = [f"worker {number}: {seconds:.1f} s, exit code {keeper.current.process.returncode}"
                 for number, (keeper, seconds) in enumerate(zip(system.keepers, took))
                 if seconds > STOP_LIMIT or keeper.current.process.returncode != 0]
        for workers in system.runs():
            for worker, following in zip(workers, [*workers[1:], None]):
                worker.ended = following.begin if following else time.time()
        return f"{max(took):.1f} s at most", wrong

    def clean_up(self, system):
        """One more worker: it removes what the dead have left."""
        with system.start_worker() as worker:
            worker.wait_line("ready")
            code = worker.stop()
            self.verdict.check("one more worker comes and goes", f"exit code {code}", [worker.log()] if code else [])


def main():
    options = arguments()
    if options.seed is None:
        options.seed = random.SystemRandom().randrange(10**6)
        sys.argv += ["--seed", str(options.seed)]
    mount = enter_namespace()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    print(f"seed {options.seed}; nats-server {'.'.join(map(str, server_version(options.server)))}"
          + ("" if mount else "; OUTDIR is not filled: mounting is not permitted here"), flush=True)
    folder = Path(tempfile.mkdtemp(prefix="bw-faults-"))
    run = Run(options, folder, mount)
    try:
        good = run.go()
    finally:
        run.outdir.unmount()
    if good:
        shutil.rmtree(folder)
        print("all promises kept")
        return 0
    print(f"BROKEN: {run.verdict.broken} promises; again with --seed {options.seed}; logs in {folder}")
    return 1


if __name__ == "__main__":
    sys.exit(main())
