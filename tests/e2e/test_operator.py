"""An operator's trial: 2,016 pictures, 30 of them broken. `bw dead list` says which and why; they are mended, and sent
again with one command."""

import json
import shutil

import pytest

from harness import pictures
from harness.checks import names, wait_until
from harness.jetstream import JetStream
from harness.server import server_binary
from harness.worker import parse_line, run_bw

GOOD = [pictures.TESTDATA / "images" / name for name in ("small.jpg", "alpha.png", "palette.png", "sixteen-bit.png", "linear.png")]


@pytest.fixture(params=[(2, 9), (2, 15)], ids=["nats-2.9", "nats-2.15"])
def server(request, make_server):
    binary = server_binary((*request.param, 0))
    if not binary:
        pytest.skip(f"no nats-server from {request.param} on")
    return make_server(binary=binary)


def bw(server, *args):
    run = run_bw(*args, NATS_URL=server.url)
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stdout


def dead(server):
    """What `bw dead list` says, by id."""
    lines = [json.loads(line) for line in bw(server, "dead", "list", "--json").splitlines()]
    return {line["id"]: line for line in lines}


def make_pictures(folder, count, broken):
    """{id: file}; and those of them that are cut short, no pictures at all, or not there, spread over all."""
    files = {}
    for number in range(count):
        source = GOOD[number % len(GOOD)]
        files[f"picture-{number:04}"] = file = folder / f"{number:04}{source.suffix}"
        shutil.copyfile(source, file)
    bad = list(files)[::count // broken][:broken]
    for number, job_id in enumerate(bad):
        if number % 3 == 0:
            files[job_id].write_bytes(files[job_id].read_bytes()[:100])
        elif number % 3 == 1:
            files[job_id].write_text("no picture\n")
        else:
            files[job_id].unlink()
    return files, bad


def reasons(worker):
    """{id: (kind, what)} of the last failure in the worker's log."""
    records = [parse_line(line) for line in list(worker.lines)]
    return {record.fields["id"]: (record.fields["kind"], record.message)
            for record in records if record and record.level == "error" and "id" in record.fields}


def test_thousands_of_pictures_some_of_them_broken(server, connect, start_worker, outdir, tmp_path):
    count, broken = 2016, 30
    folder = tmp_path / "in"
    folder.mkdir()
    files, bad = make_pictures(folder, count, broken)
    bw(server, "setup")
    js = JetStream(connect(server))
    parent = start_worker(BW_WORKERS=2, BW_RETRY_DELAY="20ms", NATS_URL=server.url)
    for job_id, file in files.items():
        js.publish_job(job_id, file)
    wait_until(lambda: js.messages() == broken and js.consumer_info()["num_ack_pending"] == 0)

    listed = dead(server)
    assert sorted(listed) == bad
    assert {job_id: (line["kind"], line["what"]) for job_id, line in listed.items()} == reasons(parent)
    assert {line["kind"] for line in listed.values()} == {"image", "input"}
    assert {line["attempts"] for line in listed.values()} == {5}
    text = bw(server, "dead", "list")
    assert all(job_id in text for job_id in bad), text

    for job_id in bad:
        shutil.copyfile(GOOD[list(files).index(job_id) % len(GOOD)], files[job_id])
    bw(server, "dead", "retry", "--all", "--yes")
    wait_until(lambda: js.messages() == 0)
    assert dead(server) == {}
    assert json.loads(bw(server, "status", "--json"))["dead"] == 0
    assert names(outdir) == sorted(job_id + file.suffix for job_id, file in files.items())
    done = [record.json() for record in JetStream(js.connection, "IMAGES_RESULTS").stored() if ".done." in record.subject]
    assert sorted(record["id"] for record in done) == sorted(files)
    assert parent.stop() == 0
