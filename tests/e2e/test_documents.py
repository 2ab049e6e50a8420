"""What our documents point at is there, and the README's figures are those that were measured."""

import re

import pytest

from harness.server import SOURCE_DIR

DOCUMENTS = sorted(path.relative_to(SOURCE_DIR) for pattern in ("*.md", "docs/*.md", "deploy/*.md", "bench/*.md", "testdata/*.md")
                   for path in SOURCE_DIR.glob(pattern))


def anchors(document):
    """The names that a document's headings have as targets of links."""
    headings = re.findall(r"^#+ (.*)$", document.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def links(document):
    text = re.sub(r"^    .*$|`[^`]*`", "", document.read_text(), flags=re.MULTILINE)
    return [link for link in re.findall(r"\]\(([^)\s]+)\)", text) if not link.startswith("http")]


@pytest.mark.parametrize("name", DOCUMENTS, ids=str)
def test_links_lead_somewhere(name):
    document = SOURCE_DIR / name
    wrong = []
    for link in links(document):
        path, _, anchor = link.partition("#")
        target = document.parent / path if path else document
        if not target.exists() or (anchor and anchor not in anchors(target)):
            wrong.append(link)
    assert wrong == []


def row(document, first_cells):
    """The cells of the row of a table that begins with these."""
    [line] = [line for line in (SOURCE_DIR / document).read_text().splitlines() if line.startswith(first_cells)]
    return [cell.strip(" *") for cell in line.strip("|").split("|")]


def test_the_figures_in_the_readme_are_those_that_were_measured():
    readme = " ".join((SOURCE_DIR / "README.md").read_text().split())
    _, _, _, rate, ratio, _ = row("bench/README.md", "| jobs per second, 1920x1200 JPEG, on disk |")
    assert f"{rate} JPEGs of 1920x1200 a second on one core, {ratio} times as many" in readme
    _, _, theirs, ours, _, _ = row("bench/README.md", "| peak memory, 24 megapixel JPEG |")
    assert f"one of 24 megapixels takes {ours}, not {theirs.removesuffix(' MB')}" in readme
    _, _, faults, *_ = row("docs/reliability.md", "| three of 2.15.2 | 20001 |")
    assert f"20,000 jobs among {faults} faults" in readme
