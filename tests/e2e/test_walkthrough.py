"""Every picture of testdata goes through the queue and comes out as `convert -monochrome` makes it."""

import json

from harness import pictures
from harness.checks import assert_all_done, names, wait_until

IMAGES = pictures.TESTDATA / "images"


def jobs():
    """{id: picture}; the ids say nothing of the pictures' names, which are odd on purpose."""
    files = sorted(file for file in IMAGES.iterdir() if file.is_file())
    assert len(files) >= 10, "testdata/images is not complete"
    return {f"walk-{number}": file for number, file in enumerate(files)}


def expected_pixels(picture, tmp_path):
    """From the repository where ImageMagick is the one they were made with, else from the local one."""
    if pictures.magick_version() == 6:
        return pictures.pixels(pictures.TESTDATA / "expected" / picture.name)
    oracle = tmp_path / "oracle"
    oracle.write_bytes(pictures.oracle(picture))
    return pictures.pixels(oracle)


def check_outputs(outdir, sent, tmp_path):
    assert names(outdir) == sorted(job_id + picture.suffix for job_id, picture in sent.items())
    wrong = [picture.name for job_id, picture in sent.items()
             if pictures.pixels(outdir / (job_id + picture.suffix)) != expected_pixels(picture, tmp_path)]
    assert wrong == []


def test_all_pictures(js, outdir, start_worker, tmp_path):
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
    check_outputs(outdir, sent, tmp_path)


def test_expected_results_are_complete():
    expected = {file.name for file in (pictures.TESTDATA / "expected").iterdir()}
    assert expected == {picture.name for picture in jobs().values()}


def test_walkthrough_by_the_nats_cli(nats_cli, empty_js, outdir, start_worker, tmp_path):
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
    check_outputs(outdir, sent, tmp_path)
    state = json.loads(nats_cli("stream", "info", "IMAGES", "--json"))["state"]
    assert state["messages"] == 0
