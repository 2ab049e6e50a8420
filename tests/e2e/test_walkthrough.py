"""Every picture of testdata goes through the queue and comes out as Debian 12's `convert -monochrome` makes it, on every
system; and with BW_DITHER=none as Debian 13's `magick -monochrome` does."""

import json
import shutil
from hashlib import sha256

import pytest

from harness import pictures
from harness.checks import assert_all_done, names, wait_until
from harness.server import SOURCE_DIR

IMAGES = pictures.TESTDATA / "images"
EXPECTED = pictures.TESTDATA / "expected"
STORED = SOURCE_DIR / "tests/oracle"  # hashes of all frames as PBM, by dither


def jobs():
    """{id: picture}; the ids say nothing of the pictures' names, which are odd on purpose."""
    files = sorted(file for file in IMAGES.iterdir() if file.is_file())
    assert len(files) >= 10, "testdata/images is not complete"
    return {f"walk-{number}": file for number, file in enumerate(files)}


def check_outputs(outdir, sent):
    assert names(outdir) == sorted(job_id + picture.suffix for job_id, picture in sent.items())
    wrong = [picture.name for job_id, picture in sent.items()
             if pictures.pixels(outdir / (job_id + picture.suffix)) != pictures.pixels(EXPECTED / picture.name)]
    assert wrong == []


def test_all_pictures(js, outdir, start_worker):
    advisories = js.connection.subscribe("advisory.>")
    start_worker()
    sent = jobs()
    for job_id, picture in sent.items():
        js.publish_job(job_id, picture)
    for job_id in sent:  # one worker: in the order of the queue
        advisory = advisories.next(90)
        assert advisory.subject == f"advisory.{job_id}"
        assert advisory.json() == {"id": job_id}
    wait_until(lambda: js.messages() == 0)
    assert_all_done(js, len(sent))
    check_outputs(outdir, sent)


@pytest.mark.parametrize("dither", ["riemersma", "none"])
def test_dithers(js, outdir, start_worker, tmp_path, dither):
    start_worker(BW_DITHER=dither)
    sent = jobs()
    for job_id, picture in sent.items():
        js.publish_job(job_id, shutil.copy(picture, tmp_path / f"{job_id}.pbm"))
    wait_until(lambda: js.messages() == 0, 90)
    stored = json.loads((STORED / f"{dither}.json").read_text())["testdata"]
    wrong = [picture.name for job_id, picture in sent.items()
             if sha256((outdir / f"{job_id}.pbm").read_bytes()).hexdigest() != stored[picture.name]]
    assert wrong == []


def test_expected_results_are_complete():
    expected = {file.name for file in EXPECTED.iterdir()}
    assert expected == {picture.name for picture in jobs().values()}


def test_walkthrough_by_the_nats_cli(nats_cli, empty_js, outdir, start_worker):
    nats_cli("stream", "add", "IMAGES", "--subjects", "IMAGES.>", "--ack", "--max-msgs=-1", "--max-bytes=-1",
             "--max-age=-1", "--storage", "file", "--retention", "work", "--max-msg-size=512",
             "--discard", "old", "--dupe-window", "1h", "--replicas", "1", "--defaults")
    nats_cli("consumer", "add", "IMAGES", "BW", "--pull", "--filter", "IMAGES.blackandwhite",
             "--ack", "explicit", "--wait", "30s", "--deliver", "all", "--replay", "instant",
             "--max-deliver", "5", "--defaults")
    advisories = empty_js.connection.subscribe("advisory.>")
    start_worker()
    sent = jobs()
    for number, (job_id, picture) in enumerate(sent.items(), 1):
        job = {"id": job_id, "image": picture.as_uri(), "advisory": f"advisory.{job_id}"}
        answer = nats_cli("req", "IMAGES.blackandwhite", json.dumps(job))
        assert f'"seq":{number}' in answer.replace(" ", ""), answer
        assert advisories.next(90).json() == {"id": job_id}
    wait_until(lambda: empty_js.messages() == 0)
    assert_all_done(empty_js, len(sent))
    check_outputs(outdir, sent)
    state = json.loads(nats_cli("stream", "info", "IMAGES", "--json"))["state"]
    assert state["messages"] == 0
