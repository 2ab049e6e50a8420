"""One parent, many worker processes: who is started again and when, stops, and what becomes of the jobs."""

import os
import random
import signal
import time
from pathlib import Path

import pytest

from harness import pictures
from harness.checks import assert_all_done, assert_failed, names, one_error, wait_until
from harness.load import Load
from harness.server import free_port
from harness.worker import bw_command, parse_line, run_bw

GROUP = ["setsid", *bw_command()]  # as a service manager or a terminal starts it: a group of its own
ROUNDS = 50
AT_ONCE = 4


ENDS = ("worker ended", "worker failed")


def records(parent, *messages):
    found = [parse_line(line) for line in list(parent.lines)]
    return [record for record in found if record and record.message in messages]


def wait_records(parent, message, count):
    return wait_until(lambda: len(found := records(parent, message)) >= count and found)


def pids(parent):
    """Returns the process ids of the living workers, by their numbers."""
    living = {record.fields["worker"]: int(record.fields["pid"]) for record in records(parent, "worker")}
    for record in records(parent, *ENDS):
        if living.get(record.fields["worker"]) == int(record.fields["pid"]):
            del living[record.fields["worker"]]
    return living


def start_ready(start_worker, workers=2, **settings):
    """At level debug a worker that was started again says its start too."""
    parent = start_worker(BW_WORKERS=workers, BW_LOG_LEVEL="debug", **settings)
    wait_records(parent, "ready", workers)
    return parent


def exists(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def test_poison_holds_up_no_good_job(js, start_worker, outdir, tmp_path):
    picture = pictures.small(tmp_path)
    poison = []
    for number in range(1000):
        js.publish_job(f"good-{number}", picture)
        if number % 20 == 0:
            poison.append(js.publish("{}"))
    parent = start_ready(start_worker, BW_RETRY_DELAY="100ms")
    ended = wait_records(parent, "worker failed", 250)
    assert {(record.fields["code"], record.fields["again_in_ms"]) for record in ended} == {("4", "0")}
    wait_until(lambda: js.messages() == 50)
    assert [each.sequence for each in js.stored()] == poison
    assert len(names(outdir)) == 1000
    assert parent.stop() == 0
    assert (len(records(parent, "worker failed")), len(records(parent, "worker ended"))) == (250, 2)


def test_parent_holds_no_connection_and_its_workers_are_numbered(js, start_worker):
    parent = start_ready(start_worker, 3)
    links = [os.readlink(link) for link in Path(f"/proc/{parent.process.pid}/fd").iterdir()]
    assert not any(link.startswith("socket:") for link in links)
    assert parent.wait_record(" parent ").fields["workers"] == "3"
    assert set(pids(parent)) == {"1", "2", "3"}
    assert {Path(f"/proc/{pid}/comm").read_text() for pid in pids(parent).values()} == {"bw\n"}
    assert parent.stop() == 0
    of_workers = [line for line in parent.lines if "ready" in line]
    assert sorted(line.rsplit(" ", 1)[1] for line in of_workers) == ["worker=1", "worker=2", "worker=3"]
    assert "worker=" not in parent.lines[-1]


def test_killed_worker_is_replaced(js, start_worker, tmp_path):
    parent = start_ready(start_worker)
    victim = pids(parent)["2"]
    os.kill(victim, signal.SIGKILL)
    record = parent.wait_record("worker failed")
    assert record.fields == {"worker": "2", "pid": str(victim), "signal": "SIGKILL", "again_in_ms": "1000"}
    wait_records(parent, "ready", 3)
    js.publish_job("done", pictures.small(tmp_path))
    parent.wait_line("job done")
    assert parent.stop() == 0


def test_worker_that_is_killed_in_a_job_is_replaced_at_once(js, start_worker, gate):
    parent = start_ready(start_worker, 1)
    js.publish_job("held", gate.file)
    gate.wait_reached()
    os.kill(pids(parent)["1"], signal.SIGKILL)
    assert parent.wait_record("worker failed").fields["again_in_ms"] == "0"
    wait_records(parent, "ready", 2)
    assert parent.stop() == 0


def test_children_count_though_the_launcher_ignores_theirs(js, start_worker):
    parent = start_ready(start_worker, 1, command=["env", "--ignore-signal=CHLD", *bw_command()])
    os.kill(pids(parent)["1"], signal.SIGKILL)
    wait_records(parent, "ready", 2)
    assert parent.stop() == 0


def test_worker_that_stands_still_is_killed_and_replaced(js, start_worker):
    parent = start_ready(start_worker, 1)
    victim = pids(parent)["1"]
    os.kill(victim, signal.SIGSTOP)
    begin = time.monotonic()
    assert parent.wait_record("worker hangs").fields["pid"] == str(victim)
    assert 25 < time.monotonic() - begin < 45
    assert parent.wait_record("worker failed").fields["signal"] == "SIGKILL"
    wait_records(parent, "ready", 2)
    assert parent.stop() == 0


def test_workers_stop_when_the_parent_is_killed(js, start_worker, outdir, gate):
    parent = start_ready(start_worker)
    js.publish_job("held", gate.file)
    gate.wait_reached()
    workers = pids(parent).values()
    begin = time.monotonic()
    parent.kill()
    wait_records(parent, "stopping", 2)
    gate.open()
    wait_until(lambda: not any(exists(pid) for pid in workers))
    assert time.monotonic() - begin < 8
    assert names(outdir) == ["held.pgm"]
    assert_all_done(js, 1)


def start_held(js, start_worker, gate, **how):
    parent = start_ready(start_worker, BW_STOP_GRACE="120s", BW_JOB_TIMEOUT="5m", **how)
    js.publish_job("held", gate.file)
    gate.wait_reached()
    return parent


def check_finished(parent, js, gate):
    wait_records(parent, "stopping", 3)  # two workers and the parent
    gate.open()
    assert parent.wait_exit() == 0, parent.log()
    assert len(records(parent, "stopped")) == 3
    assert_all_done(js, 1)


def test_stop_finishes_the_job_in_hand(js, start_worker, gate):
    parent = start_held(js, start_worker, gate)
    parent.signal()
    check_finished(parent, js, gate)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["terminal", "service-manager"])
def test_stop_of_the_whole_group_is_one_stop(js, start_worker, gate, number):
    parent = start_held(js, start_worker, gate, command=GROUP)
    os.killpg(parent.process.pid, number)
    check_finished(parent, js, gate)


def check_second_stop(parent, js, stop):
    stop()
    wait_records(parent, "stopped", 1)  # the other worker, whose last pull would take the job again
    stop()
    assert parent.wait_exit() == 8, parent.log()
    errors = [record for record in map(parse_line, parent.lines) if record and record.level == "error"]
    assert [record.fields["kind"] for record in errors] == ["stopped", "stopped"]
    assert errors[0].fields["id"] == "held"
    assert errors[1].message == "1 of 2 workers did not end well"
    assert js.next().delivery == 2


def test_second_signal_gives_the_job_back(js, start_worker, gate):
    parent = start_held(js, start_worker, gate)
    check_second_stop(parent, js, parent.signal)


def test_second_interrupt_of_a_terminal_gives_the_job_back(js, start_worker, gate):
    parent = start_held(js, start_worker, gate, command=GROUP)
    check_second_stop(parent, js, lambda: os.killpg(parent.process.pid, signal.SIGINT))


def test_pause_grows_while_the_server_is_away(start_worker):
    parent = start_worker(BW_WORKERS=1, BW_CONNECT_TIMEOUT="100ms", NATS_URL=f"127.0.0.1:{free_port()}")
    ended = wait_records(parent, "worker failed", 3)
    assert [record.fields["again_in_ms"] for record in ended] == ["1000", "2000", "4000"]
    assert {record.fields["code"] for record in ended} == {"3"}
    assert parent.stop() == 3
    assert "1 of 1 workers did not end well" in parent.lines[-1]


def test_worker_that_was_killed_before_the_stop_did_not_end_well(js, start_worker):
    parent = start_ready(start_worker)
    os.kill(pids(parent)["1"], signal.SIGKILL)
    parent.wait_line("worker failed")
    parent.signal()
    assert_failed(parent, 1, "internal", where="workers")


@pytest.mark.parametrize("wrong", [{"BW_WORKERS": "0"}, {"BW_WORKERS": "2", "OUTDIR": ""}], ids=["number", "outdir"])
def test_wrong_settings_start_no_worker(wrong):
    result = run_bw(**wrong)
    assert result.returncode == 2
    assert one_error(result.stderr).fields["kind"] == "configuration"


def test_flag_is_passed_on_as_it_was_given(js, start_worker, outdir):
    parent = start_worker("--workers", 1, "work", f"--outdir={outdir}", OUTDIR="/nowhere")
    assert parent.wait_record("ready").fields["outdir"] == str(outdir)
    assert parent.stop() == 0


def test_auto_is_one_for_each_core_of_the_affinity(js, start_worker):
    core = str(min(os.sched_getaffinity(0)))
    parent = start_worker(command=["taskset", "-c", core, *bw_command()], BW_WORKERS="auto")
    assert parent.wait_record(" parent ").fields["workers"] == "1"
    assert parent.stop() == 0


def cgroup_with_cpu_limits():
    """Returns where we may make a group with a limit on its CPU time and how the limit is written, or None."""
    top = Path("/sys/fs/cgroup")
    if (top / "cpu").exists():
        return (top / "cpu", "cpu.cfs_quota_us", "150000") if os.access(top / "cpu", os.W_OK) else None
    controllers = top / "cgroup.subtree_control"
    limits = os.access(top, os.W_OK) and controllers.exists() and "cpu" in controllers.read_text().split()
    return (top, "cpu.max", "150000 100000") if limits else None


# Elsewhere only the unit tests of usable_cores() hold it.
if len(os.sched_getaffinity(0)) > 1 and cgroup_with_cpu_limits():
    def test_auto_is_what_the_cgroup_allows(js, start_worker):
        top, name, core_and_a_half = cgroup_with_cpu_limits()
        group = top / f"bw-test-{os.getpid()}"
        group.mkdir()
        try:
            (group / name).write_text(core_and_a_half)
            into = f'echo $$ > {group}/cgroup.procs && exec "$@"'
            parent = start_worker(command=["sh", "-c", into, "sh", *bw_command()], BW_WORKERS="auto")
            assert parent.wait_record(" parent ").fields["workers"] == "1"
            assert parent.stop() == 0
            wait_until(lambda: not (group / "cgroup.procs").read_text())
        finally:
            group.rmdir()


def test_workers_retire(js, start_worker, outdir, tmp_path):
    for number in range(7):
        js.publish_job(f"job-{number}", pictures.small(tmp_path))
    parent = start_ready(start_worker, 1, BW_RETIRE_JOBS="3")
    assert [record.fields["jobs"] for record in wait_records(parent, "retired", 2)] == ["3", "3"]
    wait_records(parent, "job done", 7)
    assert parent.stop() == 0
    assert [record.fields.get("again_in_ms") for record in records(parent, "worker ended")] == ["0", "0", None]
    assert_all_done(js, 7)


def test_worker_retires_by_its_memory_within_the_sandbox(js, start_worker, tmp_path):
    for number in range(2):
        js.publish_job(f"job-{number}", pictures.small(tmp_path))
    worker = start_worker(BW_RETIRE_MEMORY="1MiB", BW_INPUT_ROOTS=tmp_path)
    assert worker.wait_exit() == 0
    record = records(worker, "retired")[0]
    assert record.fields["jobs"] == "1" and int(record.fields["resident_bytes"]) > 2**20
    assert js.messages() == 1


def test_no_job_is_stranded_by_200_stops_under_load(server, js, connect, start_worker, outdir, tmp_path):
    advisories = connect(server).subscribe("advisory.>")
    seed = random.randrange(10**6)
    print("seed", seed)
    chance = random.Random(seed)
    load = Load(connect(server), pictures.small(tmp_path))
    load.start()
    for number in range(ROUNDS):
        load.waiting = (20, 2)[number % 2]
        parent = start_worker(BW_WORKERS=AT_ONCE)
        parent.wait_line("job done")
        time.sleep(chance.uniform(0, 0.1))  # the random moment: some workers are there, some not yet
        assert parent.stop() == 0, parent.log()
        info = js.consumer_info()
        assert (info["num_ack_pending"], info["num_redelivered"]) == (0, 0), f"round {number}: {info}"
        advisories.pending()
    load.end()
    parent = start_worker(BW_WORKERS=1)
    wait_until(lambda: js.messages() == 0, deadline=25, pause=0.1)  # less than the ack wait of 30 s
    assert parent.stop() == 0
    assert js.consumer_info()["delivered"]["consumer_seq"] == load.sent, "each job delivered once"
    assert len(names(outdir)) == load.sent
