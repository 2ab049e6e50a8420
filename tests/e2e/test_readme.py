"""The commands that README.md and docs/jobs.md show do what the text around them says."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from harness import pictures
from harness.checks import names, wait_until
from harness.jetstream import JetStream
from harness.nats import Connection
from harness.reader import Reader, shown_commands
from harness.server import SOURCE_DIR
from harness.worker import bw_command, run_bw

IMAGES = pictures.TESTDATA / "images"
EXPECTED = pictures.TESTDATA / "expected"
ODD_NAMES = ('it\'s "mine".jpg', "-dash.jpg", "$HOME `id` & more;.jpg", "#?.jpg")


@pytest.fixture
def reader(tmp_path):
    """A reader who has typed the commands of "A picture of your own"."""
    picture = tmp_path / "a picture of mine.jpg"
    shutil.copy(IMAGES / "landscape.jpg", picture)
    reader = Reader(tmp_path, picture)
    try:
        [commands] = shown_commands("README.md", "A picture of your own")
        answer = reader.types(commands)
        assert '"seq":1' in answer.replace(" ", ""), answer
        yield reader
    finally:
        print(reader.printed())
        reader.leaves()


def same_pixels(result, expected):
    return pictures.pixels(result) == pictures.pixels(expected)


def test_a_picture_of_your_own(reader):
    result = reader.tmp / "mine.jpg"
    wait_until(result.exists)
    assert same_pixels(result, EXPECTED / "landscape.jpg")
    assert reader.types("    jobs -r\n").count("Running") == 2
    assert "`kill %1 %2` ends both" in (SOURCE_DIR / "README.md").read_text()
    assert "Running" not in reader.types("    kill %1 %2; wait; jobs -r\n")


def test_convert_a_folder(reader):
    folder = reader.home / "Pictures"
    shutil.copytree(IMAGES, folder)
    for name in ODD_NAMES:
        shutil.copy(IMAGES / "small.jpg", folder / name)
    [commands] = shown_commands("README.md", "Convert a folder")
    printed = reader.types(commands)
    with Connection(reader.url) as connection:
        wait_until(lambda: JetStream(connection).messages() == 0)
    sent = {picture.name: picture.name for picture in IMAGES.iterdir()} | dict.fromkeys(ODD_NAMES, "small.jpg")
    assert sorted(name for name in sent if not (reader.tmp / name).exists()) == []
    assert [name for name, source in sent.items() if not same_pixels(reader.tmp / name, EXPECTED / source)] == []
    assert "waiting" in printed and "dead" in printed


def test_what_failed_and_again(reader):
    shutil.copy(IMAGES / "landscape.jpg", reader.home / "picture.jpg")
    with Connection(reader.url) as connection:
        js = JetStream(connection)
        job = js.publish_job("two", reader.tmp / "missing.jpg")
        assert job == 2  # as in the README
        wait_until(lambda: "seq=2 delivery=5/5" in (reader.tmp / "bw.log").read_text())
        wait_until(lambda: run_bw("status", NATS_URL=reader.url).returncode == 11)
        [commands] = shown_commands("README.md", "What failed, and again")
        printed = reader.types(commands)
        assert re.search(r"2 +two +input ", printed) and "1 dead: 1 input" in printed
        assert "retried 1, skipped 0, failed 0" in printed
        wait_until(lambda: js.messages() == 0)
    assert same_pixels(reader.tmp / "two.jpg", EXPECTED / "landscape.jpg")


def test_install(tmp_path):
    assert "sudo cmake --install build " in (SOURCE_DIR / "README.md").read_text()
    build = Path(bw_command()[-1]).parent
    subprocess.run(["cmake", "--install", build, "--prefix", tmp_path], check=True, capture_output=True, timeout=60)
    version = subprocess.run([tmp_path / "bin/bw", "--version"], check=True, capture_output=True, text=True).stdout
    assert version.startswith("bw ")


def test_the_demo_builds_all_that_is_installed():
    """README.md has the reader run the demo and then `cmake --install`, which wants what the targets of ALL make."""
    lists = [(SOURCE_DIR / folder / "CMakeLists.txt").read_text() for folder in ("src", "packaging")]
    made = re.findall(r"add_custom_target\((\w+) ALL", "".join(lists))
    [targets] = re.findall(r"--target ((?:\w+ )+)", (SOURCE_DIR / "scripts/demo.sh").read_text())
    assert set(made) == set(targets.split())


def test_the_commands_of_jobs_md_make_what_bw_setup_makes(reader):
    wait_until(lambda: (reader.tmp / "mine.jpg").exists())
    reader.types("    nats stream rm -f IMAGES\n    nats stream rm -f IMAGES_RESULTS\n")
    [commands] = shown_commands("docs/jobs.md", "What a job says")
    reader.types(commands)
    setup = run_bw("setup", NATS_URL=reader.url)
    assert (setup.returncode, setup.stdout.count(": as it should be\n")) == (0, 3), setup.stdout + setup.stderr


def test_the_readme_is_one_screen_wide_and_short():
    lines = (SOURCE_DIR / "README.md").read_text().splitlines()
    assert len(lines) <= 120
    assert [line for line in lines if len(line) > 100] == []
