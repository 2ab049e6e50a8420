"""The table of things that are nearly right: what bw is given, and what bw says to it.

A value that is nearly right is accepted, or the one line at level error says what would be right. A value that bw
does not use gets a line at level warn. A new row goes into the table whose test can show it:

COMMAND_LINES  flags, commands and settings that bw judges before it connects; they need no server.
SETTINGS       settings that a worker judges, or that it accepts; a real worker starts with them.
JOBS           bodies of jobs; a real worker gets each as the only job of its queue.
SITUATIONS     servers, streams and directories that are nearly as they should be; a function prepares each.
"""

import json
from dataclasses import dataclass, field
from typing import Callable

import pytest

from harness import pictures
from harness.checks import one_error
from harness.jetstream import JetStream
from harness.server import Server
from harness.worker import Worker, parse_line, run_bw


@dataclass
class Row:
    """`code`: the exit code, where 0 means that bw accepts what it is given. `says`: each of these stands in the one
    error line, or, where bw accepts the thing, in one warning; without any of them bw must not warn at all. In
    `settings` and `job`, {folder} becomes the test's own folder, {picture} the path of a picture in it, {address} the server's
    host:port."""
    code: int
    says: list = field(default_factory=list)
    args: list = field(default_factory=list)
    settings: dict = field(default_factory=dict)
    job: str = ""
    prepare: Callable = None


COMMAND_LINES = {
    "duration-that-is-none": Row(2, ['invalid BW_JOB_TIMEOUT "abc"', "30s"], settings={"BW_JOB_TIMEOUT": "abc"}),
    "size-in-words": Row(2, ['invalid BW_MAX_MEMORY "lots"', "1GiB"], settings={"BW_MAX_MEMORY": "lots"}),
    "duration-without-unit": Row(2, ['invalid BW_JOB_TIMEOUT "30": did you mean 30s?', "(format: a duration such as"],
                                 settings={"BW_JOB_TIMEOUT": "30"}),
    "duration-in-days": Row(2, ["did you mean 24h?"], args=["--job-timeout", "1d"]),
    "size-in-powers-of-ten": Row(2, ['invalid BW_MAX_MEMORY "1GB": did you mean 1GiB?'], settings={"BW_MAX_MEMORY": "1GB"}),
    "size-with-another-unit": Row(2, ["did you mean 10MiB?"], settings={"BW_MAX_FILE_SIZE": "10MB"}),
    "word-that-is-near": Row(2, ["BW_DITHER", "did you mean riemersma?"], settings={"BW_DITHER": "riemersa"}),
    "outdir-with-tilde": Row(2, ['invalid OUTDIR "~/out"', "the shell did not replace ~"], settings={"OUTDIR": "~/out"}),
    "outdir-with-trailing-blank": Row(2, ["invalid OUTDIR", "a blank stands before or after the path"],
                                      settings={"OUTDIR": "{folder} "}),
    "comma-between-roots": Row(2, ["BW_INPUT_ROOTS", "a colon stands between two directories, not a comma"],
                               settings={"BW_INPUT_ROOTS": "/a,/b"}),
    "names-with-blanks-between": Row(2, ["BW_FORMATS", "a comma stands between two names"],
                                     settings={"BW_FORMATS": "jpeg png"}),
    "url-of-another-scheme": Row(2, ["NATS_URL", "the schemes are nats:// and tls://"], settings={"NATS_URL": "ws://a"}),
    "port-without-colon": Row(2, ["BW_METRICS", "did you mean :9464?"], settings={"BW_METRICS": "9464"}),
    "host-that-does-not-exist": Row(3, ["the host no-such-host.invalid does not resolve"], args=["status"],
                                    settings={"NATS_URL": "no-such-host.invalid", "BW_CONNECT_TIMEOUT": "500ms"}),
    "unknown-flag": Row(2, ["--no-such-flag", "bw --help"], args=["--no-such-flag"]),
    "unknown-flag-that-is-near": Row(2, ["--max-pixel is no flag of bw work", "did you mean --max-pixels?"],
                                     args=["--max-pixel", "5M"]),
    "flag-of-another-command": Row(2, ["--json is no flag of bw setup"], args=["setup", "--json"]),
    "switch-that-is-near": Row(2, ["--jsn is no flag of bw status", "did you mean --json?"], args=["status", "--jsn"]),
    "flag-without-its-value": Row(2, ["--outdir wants one value"], args=["--outdir"]),
    "flag-twice": Row(2, ["--stream wants one value"], args=["--stream", "A", "--stream", "B"]),
    "unknown-command": Row(2, ["dance is no command", "bw --help"], args=["dance"]),
    "command-with-letters-swapped": Row(2, ["stauts is no command", "did you mean status?"], args=["stauts"]),
    "two-commands": Row(2, ["setup is one word too many for bw work"], args=["work", "setup"]),
    "help-of-no-command": Row(2, ["sttus is none of work, setup, status", "did you mean status?"],
                              args=["help", "sttus"]),
    "no-outdir": Row(2, ["OUTDIR is not set", "--outdir"], settings={"OUTDIR": ""}),
}

SETTINGS = {
    "formats-with-blanks": Row(0, settings={"BW_FORMATS": "pnm, png"}),
    "words-in-another-case": Row(0, settings={"BW_FORMATS": "PNM,Png", "BW_DITHER": "RIEMERSMA", "BW_LOG_LEVEL": "Debug",
                                              "BW_SANDBOX": "ON"}),
    "extensions-for-formats": Row(0, settings={"BW_FORMATS": "JPG,tif,pgm"}),
    "yes-for-on": Row(0, settings={"BW_SANDBOX": "yes"}),
    "url-in-another-case": Row(0, settings={"NATS_URL": "NATS://{address}"}),
    "url-with-trailing-comma": Row(0, settings={"NATS_URL": "nats://{address},"}),
    "url-with-new-line": Row(0, settings={"NATS_URL": " nats://{address}\n"}),
    "unknown-variable-that-is-near": Row(0, ["BW_MAXPIXELS is no setting", "did you mean BW_MAX_PIXELS?"],
                                         settings={"BW_MAXPIXELS": "5M"}),
    "unknown-variable": Row(0, ["BW_COLOUR is no setting"], settings={"BW_COLOUR": "green"}),
    "unknown-format": Row(2, ["BW_FORMATS", "nosuch"], settings={"BW_FORMATS": "pnm,nosuch"}),
}

JOBS = {
    "no-id": Row(4, ["the job has no id"], job='{"image": "file://{picture}"}'),
    "unknown-member": Row(0, job='{"id": "a", "image": "file://{picture}", "priority": 3}'),
    "member-that-is-near": Row(0, ["does not know a member of the job", "advisery", "advisory"],
                               job='{"id": "a", "image": "file://{picture}", "advisery": "x"}'),
    "member-in-another-case": Row(0, ["does not know a member of the job", "Id"],
                                  job='{"id": "a", "Id": "b", "image": "file://{picture}"}'),
    "id-in-another-case": Row(4, ["no id, but Id", "did you mean id?"], job='{"Id": "a", "image": "file://{picture}"}'),
    "image-in-another-case": Row(4, ["no image, but Image", "did you mean image?"],
                                 job='{"id": "a", "Image": "file://{picture}"}'),
    "id-with-slash": Row(4, ["id holds a slash", "the name of a file in OUTDIR is right"],
                         job='{"id": "a/b", "image": "file://{picture}"}'),
    "id-that-is-a-number": Row(4, ['the job\'s id is not a string ("17", in double quotes, is right)'],
                               job='{"id": 17, "image": "file://{picture}"}'),
    "image-that-is-a-path": Row(4, ["a path, not a URI (file:///", "small.pgm is right)"],
                                job='{"id": "a", "image": "{picture}"}'),
    "image-with-one-slash": Row(0, job='{"id": "a", "image": "file:{picture}"}'),
    "image-with-two-slashes": Row(4, ["names another host, data", "file:///path is right, with three slashes"],
                                  job='{"id": "a", "image": "file://data/a.jpg"}'),
    "image-by-http": Row(4, ["bw reads no http: URIs (file:///path is right)"],
                         job='{"id": "a", "image": "http://host/a.jpg"}'),
    "image-by-https": Row(4, ["bw reads no https: URIs (file:///path is right)"],
                          job='{"id": "a", "image": "https://host/a.jpg"}'),
    "image-by-s3": Row(4, ["bw reads no s3: URIs (file:///path is right)"],
                       job='{"id": "a", "image": "s3://bucket/a.jpg"}'),
    "image-in-the-job": Row(4, ["bw reads no data: URIs (file:///path is right)"],
                            job='{"id": "a", "image": "data:image/png;base64,AAAA"}'),
    "scheme-that-is-near": Row(4, ["bw reads no fiel: URIs", "did you mean file?"],
                               job='{"id": "a", "image": "fiel://{picture}"}'),
    "single-quotes": Row(4, ["at byte 2, '", "names and texts stand in double quotes", '{"id": "5e91425f", "image":'],
                         job="{'id': 'a', 'image': 'file://{picture}'}"),
    "comma-at-the-end": Row(4, ["no comma stands before it"], job='{"id": "a", "image": "file://{picture}",}'),
    "no-brace-at-the-end": Row(4, ["it ends too early"], job='{"id": "a", "image": "file://{picture}"'),
    "advisory-that-is-empty": Row(4, ["advisory is empty (leave it out"],
                                  job='{"id": "a", "image": "file://{picture}", "advisory": ""}'),
    "image-that-is-the-output": Row(4, ["replace the very image", "BW_OVERWRITE_SOURCE set to yes"],
                                    settings={"OUTDIR": "{folder}"},
                                    job='{"id": "small", "image": "file://{picture}"}'),
}


def without_stream(js):
    js.delete_stream()


def with_an_overlapping_stream(js):
    js.delete_stream()
    js.api("STREAM.CREATE.PICTURES", json.dumps({"name": "PICTURES", "subjects": ["IMAGES.blackandwhite"]}).encode())


def with_an_overlapping_consumer(js):
    js.api("CONSUMER.DELETE.IMAGES.BW")
    config = {"durable_name": "OTHER", "ack_policy": "explicit", "filter_subject": "IMAGES.blackandwhite"}
    js.api("CONSUMER.DURABLE.CREATE.IMAGES.OTHER", json.dumps({"stream_name": "IMAGES", "config": config}).encode())


SITUATIONS = {
    "overlapping-stream": Row(3, ["stream IMAGES", "taken by the stream PICTURES"], args=["setup"],
                              prepare=with_an_overlapping_stream),
    "overlapping-consumer": Row(3, ["consumer IMAGES > BW", "taken by the consumer OTHER"], args=["setup"],
                                prepare=with_an_overlapping_consumer),
    "no-stream": Row(9, ["IMAGES", "bw setup"], args=["status"], prepare=without_stream),
}


def rows(table):
    return pytest.mark.parametrize("row", list(table.values()), ids=list(table))


def check_line(row, lines):
    """The line that the row asks for stands in the log, and no other of that level."""
    if row.code:
        said = one_error(lines)
        text = " ".join([said.message, *said.fields.values()])
    else:
        warnings = [record for line in lines if (record := parse_line(line)) and record.level == "warn"]
        assert len(warnings) == (1 if row.says else 0), "\n".join(lines)
        text = " ".join([warnings[0].message, *warnings[0].fields.values()]) if warnings else ""
    for words in row.says:
        assert words in text, text


@pytest.fixture(scope="module")
def shared_server(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("server")).start()
    yield server
    server.stop()


@pytest.fixture
def js(shared_server):
    """A new stream and consumer for each row."""
    connection = shared_server.connect()
    js = JetStream(connection)
    for name in js.api("STREAM.NAMES")["streams"] or []:
        js.api(f"STREAM.DELETE.{name}")
    yield js.create()
    connection.close()


@pytest.fixture
def settings(shared_server, tmp_path):
    """What a worker needs to start without a warning; {folder} and {picture} filled in."""
    (tmp_path / "out").mkdir()
    fill = filler(tmp_path)

    def of(row):
        usual = {"NATS_URL": shared_server.url, "OUTDIR": tmp_path / "out", "BW_INPUT_ROOTS": tmp_path}
        address = shared_server.url.removeprefix("nats://")
        return usual | {name: fill(value).replace("{address}", address) for name, value in row.settings.items()}
    return of


def filler(folder):
    picture = pictures.small(folder)
    return lambda text: str(text).replace("{folder}", str(folder)).replace("{picture}", str(picture))


@rows(COMMAND_LINES)
def test_command_line(row, tmp_path):
    fill = filler(tmp_path)
    settings = {"OUTDIR": tmp_path} | {name: fill(value) for name, value in row.settings.items()}
    run = run_bw(*row.args, **settings)
    assert run.returncode == row.code, run.stderr
    check_line(row, run.stderr.splitlines())


def check_worker(row, last_line, settings):
    """A worker ends as the row says; one that accepts the thing is stopped when it has written the line."""
    with Worker(args=row.args, **settings) as worker:
        if row.code == 0:
            worker.wait_line(last_line)
            worker.signal()
        assert worker.wait_exit() == row.code, worker.log()
        check_line(row, worker.lines)


@rows(SETTINGS)
def test_setting(row, js, settings):
    check_worker(row, "ready", settings(row))


@rows(JOBS)
def test_job(row, js, settings, tmp_path):
    js.publish(filler(tmp_path)(row.job))
    check_worker(row, "job done", settings(row))


@rows(SITUATIONS)
def test_situation(row, js, settings):
    row.prepare(js)
    run = run_bw(*row.args, **settings(row))
    assert run.returncode == row.code, run.stdout + run.stderr
    check_line(row, run.stderr.splitlines())
