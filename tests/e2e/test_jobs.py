"""Which jobs are refused before anything is read, and which odd ones are done."""

from urllib.parse import quote

import pytest

from harness import pictures
from harness.checks import assert_failed, names, wait_until

BAD_IDS = {
    "empty": "",
    "201-bytes": "x" * 201,
    "201-bytes-utf8": "é" * 100 + "x",
    "slash": "a/b",
    "backslash": "a\\b",
    "leading-dot": ".hidden",
    "dot-dot": "..",
    "control": "a\u0001b",
    "newline": "a\nb",
    "delete": "a\u007fb",
    "nul": "a\u0000b",
    "number": 17,
    "null": None,
}

BAD_IMAGES = {
    "empty": "",
    "http": "http://localhost/picture.png",
    "other-host": "file://elsewhere/picture.png",
    "relative": "picture.png",
    "plain-path": "/tmp/picture.png",
    "relative-uri": "file:picture.png",
    "bad-escape": "file:///tmp/%zz.png",
    "cut-escape": "file:///tmp/a%2",
    "nul": "file:///tmp/a%00.png",
    "number": 17,
}

BAD_ADVISORIES = {
    "empty": "",
    "blank": "advisory a",
    "tab": "advisory\ta",
    "star": "advisory.*",
    "greater": "advisory.>",
    "empty-token": "advisory..a",
    "leading-dot": ".advisory",
    "trailing-dot": "advisory.",
    "control": "advisory.\u0001",
    "number": 17,
}


@pytest.fixture
def picture(tmp_path):
    return pictures.small(tmp_path)


def check_refused(js, start_worker, outdir, body):
    sequence = js.publish(body)
    record = assert_failed(start_worker(), 4, "job", seq=sequence, delivery="1/5")
    assert names(outdir) == []
    assert js.messages() == 1
    return record


@pytest.mark.parametrize("case", BAD_IDS)
def test_bad_id(case, js, start_worker, outdir, picture):
    check_refused(js, start_worker, outdir, {"id": BAD_IDS[case], "image": picture.as_uri()})


def test_id_missing(js, start_worker, outdir, picture):
    check_refused(js, start_worker, outdir, {"image": picture.as_uri()})


def test_id_is_not_utf8(js, start_worker, outdir, picture):
    check_refused(js, start_worker, outdir, b'{"id": "a\xff", "image": "%s"}' % picture.as_uri().encode())


def test_id_is_half_a_surrogate(js, start_worker, outdir, picture):
    check_refused(js, start_worker, outdir, '{"id": "a\\ud800", "image": "%s"}' % picture.as_uri())


@pytest.mark.parametrize("case", BAD_IMAGES)
def test_bad_image(case, js, start_worker, outdir):
    record = check_refused(js, start_worker, outdir, {"id": "job-1", "image": BAD_IMAGES[case]})
    assert record.fields["id"] == "job-1"


def test_image_missing(js, start_worker, outdir):
    check_refused(js, start_worker, outdir, {"id": "job-1"})


@pytest.mark.parametrize("case", BAD_ADVISORIES)
def test_bad_advisory(case, js, start_worker, outdir, picture):
    job = {"id": "job-1", "image": picture.as_uri(), "advisory": BAD_ADVISORIES[case]}
    record = check_refused(js, start_worker, outdir, job)
    assert record.fields["id"] == "job-1"


def test_log_line_of_a_bad_id_is_one_line(js, start_worker, outdir, picture):
    """Control characters cannot forge a second line."""
    record = check_refused(js, start_worker, outdir, {"id": "a\n2026 error x", "image": picture.as_uri()})
    assert record.fields["id"] == "a\n2026 error x"


def good_jobs(picture):
    odd = picture.with_name("odd %41 [0] ü.pgm")
    odd.write_bytes(picture.read_bytes())
    upper = picture.with_name("upper.PGM")
    upper.write_bytes(picture.read_bytes())
    uri = picture.as_uri()
    return {
        "id-of-200-bytes.pgm": ({"id": "x" * 200, "image": uri}, "x" * 200 + ".pgm"),
        "utf8-id": ({"id": "Bücher 図書", "image": uri}, "Bücher 図書.pgm"),
        "id-with-dots": ({"id": "a..b", "image": uri}, "a..b.pgm"),
        "localhost": ({"id": "localhost", "image": f"file://localhost{picture}"}, "localhost.pgm"),
        "encoded": ({"id": "encoded", "image": "file://" + quote(str(odd))}, "encoded.pgm"),
        "needlessly-encoded": ({"id": "needless", "image": uri.replace("small", "%73mal%6c")}, "needless.pgm"),
        "upper-case": ({"id": "upper", "image": upper.as_uri()}, "upper.PGM"),
        "unknown-members": ({"id": "more", "image": uri, "x": {"y": [1]}, "priority": 3}, "more.pgm"),
        "no-advisory": ({"id": "silent", "image": uri}, "silent.pgm"),
        "advisory": ({"id": "loud", "image": uri, "advisory": "advisory.loud"}, "loud.pgm"),
    }


def test_odd_jobs_that_are_done(js, start_worker, outdir, picture):
    advisories = js.connection.subscribe(">")
    jobs = good_jobs(picture)
    worker = start_worker()
    for job, _ in jobs.values():
        js.publish(job)
    wait_until(lambda: js.messages() == 0 or worker.process.poll() is not None)
    assert worker.stop() == 0, worker.log()
    assert names(outdir) == sorted(output for _, output in jobs.values())
    expected = pictures.pixels(outdir / "silent.pgm")
    assert all(pictures.pixels(outdir / output) == expected for _, output in jobs.values())
    heard = [message.subject for message in advisories.pending() if message.subject.startswith("advisory")]
    assert heard == ["advisory.loud"]
