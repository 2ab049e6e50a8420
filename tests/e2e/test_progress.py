"""scripts/with-progress.sh shows that a command goes on, and ends as the command does."""

import os
import pty
import signal
import subprocess

import pytest

from harness.checks import wait_until
from harness.server import SOURCE_DIR

SCRIPT = SOURCE_DIR / "scripts/with-progress.sh"


@pytest.fixture
def start(tmp_path):
    """Starts the script with a command that says something and then waits for a line in the file "go"."""
    os.mkfifo(tmp_path / "go")
    runs = []

    def start(stdout, last_words="true"):
        command = f"echo half way; touch begun; read line <go; {last_words}"
        runs.append(subprocess.Popen([SCRIPT, "log", "working", "sh", "-c", command], cwd=tmp_path, stdin=subprocess.DEVNULL,
                                     stdout=stdout, stderr=subprocess.PIPE, text=True, start_new_session=True))
        wait_until((tmp_path / "begun").exists)
        return runs[-1]

    yield start
    for run in runs:
        if run.poll() is None:
            os.killpg(run.pid, signal.SIGKILL)
            run.wait()


def read_until(descriptor, word):
    """What comes from the terminal up to the word."""
    text = ""
    while word not in text:
        text += os.read(descriptor, 1000).decode()
    return text


def test_a_terminal_shows_the_last_line_that_the_command_wrote(start, tmp_path):
    terminal, its_end = pty.openpty()
    run = start(its_end)
    os.close(its_end)
    assert "working" in read_until(terminal, "half way")
    (tmp_path / "go").write_text("\n")
    assert run.wait(30) == 0


def test_elsewhere_a_line_comes_after_ten_seconds(start, tmp_path):
    run = start(subprocess.PIPE)
    assert run.stdout.readline().split() == ["working", "0:10", "half", "way"]
    (tmp_path / "go").write_text("\n")
    assert run.wait(30) == 0


def test_a_command_that_fails_has_its_output_shown_and_its_status_kept(start, tmp_path):
    run = start(subprocess.PIPE, last_words="echo no such thing; exit 7")
    (tmp_path / "go").write_text("\n")
    output, errors = run.communicate(timeout=30)
    assert (run.returncode, output, errors) == (7, "", "half way\nno such thing\n")


def test_ctrl_c_ends_the_command_too(start):
    run = start(subprocess.PIPE)
    os.killpg(run.pid, signal.SIGINT)
    run.communicate(timeout=30)  # until nobody holds its output open
    assert run.returncode == 130
