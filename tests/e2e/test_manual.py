"""Man pages and completions: whole, right for the programs that read them, and installed."""

import gzip
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from harness.server import SOURCE_DIR
from harness.worker import bw_command, run_bw

BUILD = Path(bw_command()[-1]).resolve().parent
SETTINGS = re.findall(r"^\| `(\w+)` \| `(--[\w-]+)`", (SOURCE_DIR / "docs/settings.md").read_text(), re.MULTILINE)


def commands():
    text = run_bw("--help").stdout.split("Commands:")[1].split("Flags")[0]
    return re.findall(r"^  (\w+) ", text, re.MULTILINE)


def page(*command):
    run = run_bw("help", "--man", *command)
    assert run.returncode == 0, run.stderr
    return run.stdout


def plain(roff):
    return roff.replace("\\-", "-")


def script(shell):
    run = run_bw("completion", shell)
    assert run.returncode == 0, run.stderr
    return run.stdout


def test_the_page_has_every_command_setting_and_exit_code():
    text = plain(page())
    for name in commands():
        assert f"\\fB{name}\\fR" in text and f".BR bw-{name} (1)" in text, name
    assert len(SETTINGS) > 20
    for variable, flag in SETTINGS:
        assert f"\\fB{flag}\\fR \\fIVALUE\\fR, \\fB{variable}\\fR" in text, variable
    for code in range(12):
        assert f".TP\n\\fB{code}\\fR\n" in text, code


def test_each_command_has_a_page_with_its_flags():
    for name in commands():
        text = plain(page(name))
        assert f"\nbw-{name} - " in text and f"\\fBbw {name}\\fR" in text
    assert "\\fB--json\\fR" in plain(page("status")) and "\\fB--outdir\\fR" not in plain(page("status"))
    assert "\\fB--json\\fR" not in plain(page("setup"))


@pytest.mark.skipif(not shutil.which("man"), reason="there is no man")
def test_man_has_no_warning(tmp_path):
    for name in ["", *commands()]:
        file = tmp_path / f"bw-{name}.1"
        file.write_text(page(*filter(None, [name])))
        run = subprocess.run(["man", "--warnings", "-l", file], capture_output=True, text=True, timeout=60,
                             env=os.environ | {"LC_ALL": "C.UTF-8", "MANWIDTH": "100"})
        assert (run.returncode, run.stderr) == (0, ""), name
        assert "SEE ALSO" in run.stdout


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completions_have_every_command_and_setting(shell):
    text = script(shell)
    for name in commands():
        assert re.search(rf"\b{name}\b", text), name
    for _, flag in SETTINGS:
        assert (f"-l {flag[2:]} " if shell == "fish" else flag) in text, flag


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_shell_can_read_the_script(shell, tmp_path):
    if not shutil.which(shell):
        pytest.skip(f"there is no {shell}")
    file = tmp_path / "completion"
    file.write_text(script(shell))
    run = subprocess.run([shell, "-n", file], capture_output=True, text=True, timeout=60)
    assert (run.returncode, run.stderr) == (0, "")


COMPLETE = r"""
source "$1"; shift
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMP_LINE="$*" COMP_POINT=${#COMP_LINE}
_bw 2>/dev/null
printf '%s\n' "${COMPREPLY[@]}"
"""


@pytest.mark.parametrize("words, offered", [
    (["st"], ["status"]),
    (["status", "--js"], ["--json"]),
    (["setup", "--js"], []),
    (["status", "--outd"], []),
    (["--outd"], ["--outdir"]),
    (["work", "--dither", ""], ["riemersma", "none", "floyd-steinberg"]),
    (["--dither", "=", "ri"], ["riemersma"]),
    (["--log-level", "wa"], ["warn"]),
    (["help", "vers"], ["version"]),
    (["completion", ""], ["bash", "zsh", "fish", "--help"]),
    (["--outdir", "{folder}/ou"], ["{folder}/out"]),
    (["--creds", "{folder}/user.c"], ["{folder}/user.creds"]),
], ids=lambda value: "-".join(value).replace("{folder}/", "") if value and isinstance(value[0], str) else None)
def test_bash_completes(words, offered, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "user.creds").touch()
    file = tmp_path / "completion"
    file.write_text(script("bash"))
    words = [word.replace("{folder}", str(tmp_path)) for word in words]
    run = subprocess.run(["bash", "-c", COMPLETE, "bash", file, "bw", *words], capture_output=True, text=True, timeout=60)
    assert run.stdout.split() == [word.replace("{folder}", str(tmp_path)) for word in offered], run.stderr


@pytest.mark.skipif(not (BUILD / "share").exists(), reason="bw was not built beside its man pages")
def test_the_build_makes_what_is_installed():
    pages = {f"bw-{name}.1.gz" for name in commands()} | {"bw.1.gz"}
    assert {file.name for file in (BUILD / "share/man/man1").iterdir()} == pages
    assert gzip.decompress((BUILD / "share/man/man1/bw.1.gz").read_bytes()).decode() == page()
    for file, shell in {"bash-completion/completions/bw": "bash", "zsh/vendor-completions/_bw": "zsh",
                        "fish/vendor_completions.d/bw.fish": "fish"}.items():
        assert (BUILD / "share" / file).read_text() == script(shell)
