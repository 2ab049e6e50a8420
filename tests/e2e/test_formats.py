"""docs/formats.md says what `convert` makes of damaged and odd pictures; the unit tests hold its column about bw."""

import re
import subprocess

from harness import pictures
from harness.server import SOURCE_DIR

ROW = re.compile(r"\| `((?:damaged|odd)/[^`]+)` \| .* \| (converts|refuses) \| ([^|]+) \| ([^|]+) \|$")


def verdict(file):
    """In the table's words: whether a picture came out, and whether convert called that a failure."""
    run = subprocess.run([pictures.CONVERT, file.suffix[1:] + ":-", "-monochrome", "-"], input=file.read_bytes(),
                         capture_output=True, timeout=300)
    if not run.stdout:
        return "refuses"
    return "converts" if run.returncode == 0 else "converts, exit 1"


def test_what_convert_makes_of_them():
    rows = [match.groups() for line in (SOURCE_DIR / "docs/formats.md").read_text().splitlines()
            if (match := ROW.match(line))]
    assert len(rows) > 50
    column = {6: 2, 7: 3}[pictures.magick_version()]
    said = {row[0]: row[column] for row in rows}
    assert said == {name: verdict(pictures.TESTDATA / name) for name in said}
