"""Settings, --help, and the log."""

import json
import re
import subprocess

import pytest

from harness import pictures
from harness.checks import names, one_error, wait_until
from harness.worker import DEADLINE, bw_command, environment, parse_line, run_bw

SETTINGS = {
    "NATS_URL": "--nats-url", "OUTDIR": "--outdir", "BW_INPUT_ROOTS": "--input-roots",
    "BW_MIN_FREE": "--min-free", "BW_STREAM": "--stream", "BW_CONSUMER": "--consumer",
    "BW_JOB_TIMEOUT": "--job-timeout", "BW_RETRY_DELAY": "--retry-delay",
    "BW_CONNECT_TIMEOUT": "--connect-timeout", "BW_STOP_GRACE": "--stop-grace",
    "BW_DITHER": "--dither", "BW_FORMATS": "--formats", "BW_MAX_PIXELS": "--max-pixels",
    "BW_MAX_FRAMES": "--max-frames", "BW_MAX_FILE_SIZE": "--max-file-size", "BW_MAX_MEMORY": "--max-memory",
    "BW_LOG_LEVEL": "--log-level", "BW_LOG_FORMAT": "--log-format", "BW_CREDS": "--creds",
    "BW_NKEY": "--nkey", "BW_TLS_CA": "--tls-ca", "BW_TLS_CERT": "--tls-cert", "BW_TLS_KEY": "--tls-key",
}


def test_all_wrong_values_at_once(tmp_path):
    wrong = {"BW_JOB_TIMEOUT": "abc", "BW_RETRY_DELAY": "-1s", "BW_CONNECT_TIMEOUT": "5", "BW_STOP_GRACE": "1x",
             "BW_LOG_LEVEL": "loud", "BW_LOG_FORMAT": "xml", "NATS_URL": "ht!tp://x"}
    run = run_bw(OUTDIR=tmp_path, **wrong)
    assert run.returncode == 2
    record = one_error(run.stderr)
    assert record.fields["kind"] == "configuration"
    for name, value in wrong.items():
        assert f'{name} "{value}"' in run.stderr, name
    assert 'invalid BW_JOB_TIMEOUT "abc" (format: a duration such as 500ms, 30s or 2m)' in run.stderr


def test_wrong_values_of_names(tmp_path):
    """Names that would become other subjects."""
    run = run_bw(OUTDIR=tmp_path, BW_STREAM="A.B", BW_CONSUMER="a b")
    assert run.returncode == 2
    assert "BW_STREAM" in one_error(run.stderr).message and "BW_CONSUMER" in run.stderr


def test_unknown_flag_and_command(tmp_path):
    for arguments in (["--no-such-flag"], ["dance"], ["work", "setup"]):
        run = run_bw(*arguments, OUTDIR=tmp_path)
        assert run.returncode == 2, arguments
        one_error(run.stderr)


def test_secrets_are_not_printed(server, js, start_worker):
    worker = start_worker(NATS_URL=server.url.replace("//", "//someone:s3cr3t-w0rd@"), BW_LOG_LEVEL="debug")
    worker.wait_line("ready")
    assert worker.stop() == 0
    assert "s3cr3t-w0rd" not in worker.log()
    worker = start_worker(NATS_URL=server.url.replace("//", "//s3cr3t-t0ken@"), BW_LOG_LEVEL="debug")
    worker.wait_line("ready")
    assert worker.stop() == 0
    assert "s3cr3t-t0ken" not in worker.log()
    run = run_bw(NATS_URL="ht!tp://someone:s3cr3t-w0rd@localhost")
    assert run.returncode == 2
    assert "s3cr3t-w0rd" not in run.stderr + run.stdout


def test_secret_in_the_wrong_place():
    for arguments in (["nats://someone:s3cr3t-w0rd@host"], ["--nats-urls=nats://someone:s3cr3t-w0rd@host"]):
        run = run_bw(*arguments)
        assert run.returncode == 2
        one_error(run.stderr)
        assert "s3cr3t" not in run.stderr


def test_wrong_values_in_the_format_that_was_asked_for(tmp_path):
    run = run_bw(OUTDIR=tmp_path, BW_LOG_FORMAT="json", BW_JOB_TIMEOUT="abc")
    assert run.returncode == 2
    assert json.loads(run.stderr)["kind"] == "configuration"


def test_flag_wins_over_environment(js, start_worker, outdir, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    js.publish_job("job-1", pictures.small(tmp_path))
    worker = start_worker("--outdir", other, "--log-level=info", BW_LOG_LEVEL="nonsense")
    worker.wait_line("job done")
    assert worker.stop() == 0
    assert names(other) == ["job-1.pgm"] and names(outdir) == []


def test_work_is_the_default_command(js, start_worker):
    worker = start_worker("work")
    worker.wait_line("ready")
    assert worker.stop() == 0


def test_help_and_version():
    text = run_bw("--help")
    assert text.returncode == 0
    for name, flag in SETTINGS.items():
        assert name in text.stdout and flag in text.stdout, name
    version = run_bw("--version")
    assert version.returncode == 0
    assert re.search(r"\d+\.\d+\.\d+", version.stdout)


def test_every_command_has_its_help():
    names = re.findall(r"^  (\w+) ", run_bw("help").stdout.split("Commands:")[1].split("Flags")[0], re.MULTILINE)
    assert {"work", "setup", "status", "help", "version"} <= set(names)
    for name in names:
        text = run_bw("help", name)
        assert text.returncode == 0 and f"Usage: bw {name}" in text.stdout, text
        assert run_bw(name, "--help").stdout == text.stdout
    assert "--json" in run_bw("status", "--help").stdout and "--json" not in run_bw("setup", "--help").stdout
    assert run_bw("version").stdout == run_bw("--version").stdout


def run_into(path, *args, **settings):
    """Runs bw with its standard output in a file."""
    with open(path, "w") as stdout:
        return subprocess.run([*bw_command(), *args], env=environment(settings), stdout=stdout,
                              stderr=subprocess.PIPE, text=True, timeout=DEADLINE)


@pytest.mark.parametrize("args", [("--help",), ("help", "work"), ("version",), ("--version",), ("setup",), ("status",),
                                  ("status", "--json")], ids=" ".join)
def test_answer_that_cannot_be_written(args, server, js):
    """A script that reads a cut answer must not take it for the whole."""
    run = run_into("/dev/full", *args, NATS_URL=server.url)
    assert run.returncode == 6, run.stderr
    record = one_error(run.stderr)
    assert "standard output" in record.message and "No space left" in record.message


def test_closed_standard_output_is_no_connection(server, js):
    """The answer must not go to whatever got the number of standard output: here the connection to the server."""
    run = subprocess.run(["sh", "-c", 'exec "$@" >&-', "sh", *bw_command(), "status"], env=environment({"NATS_URL": server.url}),
                         stderr=subprocess.PIPE, text=True, timeout=DEADLINE)
    assert run.returncode == 6, run.stderr
    assert "Bad file descriptor" in one_error(run.stderr).message


def test_closed_standard_error_is_no_image(js, start_worker, outdir, tmp_path):
    """Log lines must not go to whatever got the number of standard error: a result, or the connection."""
    picture = pictures.small(tmp_path)
    worker = start_worker(command=["sh", "-c", 'exec "$@" 2>&-', "sh", *bw_command()], BW_LOG_LEVEL="debug")
    for name in ("one", "two"):
        js.publish_job(name, picture, advisory=False)
    wait_until(lambda: js.messages() == 0)
    worker.signal()
    assert worker.wait_exit() == 0
    assert pictures.pixels(outdir / "one.pgm") == pictures.pixels(outdir / "two.pgm")
    assert names(outdir) == ["one.pgm", "two.pgm"] and b"job done" not in (outdir / "one.pgm").read_bytes()


def test_parent_alone_warns_of_a_variable_that_is_no_setting(js, start_worker):
    parent = start_worker("--workers=2", BW_COLOUR="green")
    parent.wait_line("ready", count=2)
    assert parent.stop() == 0
    assert parent.log().count("BW_COLOUR is no setting") == 1, parent.log()


def test_log_levels(js, start_worker):
    worker = start_worker(BW_LOG_LEVEL="error")
    js.publish("{}")
    assert worker.wait_exit() == 4
    assert len(worker.lines) == 1
    one_error(worker.lines)


def test_text_log(js, start_worker, outdir, tmp_path):
    js.publish_job("a job", pictures.small(tmp_path), advisory=False)
    worker = start_worker(BW_RESULTS="off")
    worker.wait_line("job done")
    assert worker.stop() == 0
    records = [parse_line(line) for line in worker.lines]
    assert all(records), worker.log()
    assert records[2].level == "warn" and records[2].message.startswith("BW_INPUT_ROOTS is not set")
    assert [record.message for record in records[:2] + records[3:]] == [
        "worker", "sandbox", "connected", "ready", "job done", "stopping", "stopped"]
    ready, done = records[4].fields, records[5].fields
    assert ready == {"stream": "IMAGES", "consumer": "BW", "outdir": str(outdir)}
    assert (done["id"], done["delivery"], done["output"]) == ("a job", "1/5", f"{outdir}/a job.pgm")
    stages = ("read_us", "decode_us", "monochrome_us", "encode_us", "commit_us", "queue_us")
    assert all(int(done[name]) >= 0 for name in (*stages, "seq"))


def test_json_log(js, start_worker, tmp_path):
    sequence = js.publish_job('a "job"', pictures.small(tmp_path), advisory=False)
    js.publish_job("bad", "nowhere")
    worker = start_worker(BW_LOG_FORMAT="json")
    assert worker.wait_exit() == 4
    lines = [json.loads(line) for line in worker.lines]
    assert all({"time", "level", "msg"} <= line.keys() for line in lines)
    done = next(line for line in lines if line["msg"] == "job done")
    assert (done["id"], done["seq"]) == ('a "job"', sequence)
    failed = [line for line in lines if line["level"] == "error"]
    assert len(failed) == 1
    assert (failed[0]["kind"], failed[0]["id"], failed[0]["delivery"]) == ("job", "bad", "1/5")
