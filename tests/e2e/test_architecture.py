"""docs/architecture.md has a table of the rooms. It is held against what CMake links and what the sources include."""

import re
import shutil
import subprocess
from collections import namedtuple

import pytest

from harness.server import SOURCE_DIR

Room = namedtuple("Room", "name knows headers")

# What libc, the kernel and the compiler bring; C++'s own headers have no dot.
SYSTEM_HEADERS = re.compile(
    r"[^./]+|(sys|linux|arpa|net|netinet)/.*"
    r"|(dirent|dlfcn|emmintrin|errno|fcntl|grp|ifaddrs|limits|malloc|netdb|poll|pthread|pwd|sched|signal|spawn"
    r"|stdint|stdio|stdlib|string|termios|time|unistd)\.h")


def words(cell):
    """The words that a cell of the table has between backquotes."""
    return set(re.findall(r"`([^`]+)`", cell))


def documented_rooms():
    text = (SOURCE_DIR / "docs/architecture.md").read_text()
    table = text.split("| room | ")[1].split("\n\n")[0].splitlines()[2:]
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in table]
    return [Room(name.strip("`"), words(knows), words(headers)) for name, _, knows, headers in cells]


ROOMS = documented_rooms()


@pytest.fixture(scope="module")
def links(tmp_path_factory):
    """CMake's own graph of what is linked: {target: the targets that it names}."""
    cmake = shutil.which("cmake")
    assert cmake, "no cmake in PATH"
    build = tmp_path_factory.mktemp("build")
    subprocess.run([cmake, "-S", SOURCE_DIR, "-B", build, "-DBUILD_TESTING=OFF", f"--graphviz={build}/graph.dot"],
                   check=True, capture_output=True, timeout=120)
    found = {}
    for line in (build / "graph.dot").read_text().splitlines():
        if arrow := re.search(r"// (\S+) -> (\S+)$", line):
            found.setdefault(arrow[1], set()).add(arrow[2])
    return found


def rooms_among(targets):
    """The names of those targets that are rooms: bw_queue is the library of src/queue."""
    names = {target.removeprefix("bw_") for target in targets if target.startswith("bw_")}
    return {name for name in names if (SOURCE_DIR / "src" / name).is_dir()}


def included_headers(room):
    """The third-party headers that the room's folder and its door include."""
    doors = SOURCE_DIR / "include/bw"
    files = [*(SOURCE_DIR / "src" / room).rglob("*.?pp"), *doors.glob(f"{room}.hpp"), *doors.glob(f"{room}/*.hpp")]
    headers = {header for file in files
               for header in re.findall(r"^\s*#\s*include\s*<([^>]+)>", file.read_text(), re.MULTILINE)}
    return {header for header in headers if not SYSTEM_HEADERS.fullmatch(header)}


def test_every_room_has_a_row(links):
    folders = {folder.name for folder in (SOURCE_DIR / "src").iterdir() if folder.is_dir()}
    assert {room.name for room in ROOMS} == folders == rooms_among(links)


def test_every_door_belongs_to_a_room():
    doors = {door.stem for door in (SOURCE_DIR / "include/bw").iterdir()}
    assert doors == {room.name for room in ROOMS}


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: room.name)
def test_a_room_knows_what_the_table_says(room, links):
    assert rooms_among(links[f"bw_{room.name}"]) == room.knows


def test_a_room_knows_only_rooms_below_it():
    seen = set()
    for room in reversed(ROOMS):
        assert room.knows <= seen, f"{room.name} knows a room that the table has above it"
        seen.add(room.name)


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: room.name)
def test_a_room_includes_the_headers_that_the_table_says(room):
    def stands_for(entry, header):
        return header.startswith(entry) if entry.endswith("/") else header == entry

    included = included_headers(room.name)
    missing = {header for header in included if not any(stands_for(entry, header) for entry in room.headers)}
    assert missing == set(), f"the table does not say that {room.name} includes these"
    unused = {entry for entry in room.headers if not any(stands_for(entry, header) for header in included)}
    assert unused == set(), f"the table says that {room.name} includes these"


def bodies_of_threads():
    """{"file: how it starts": text} of what runs in threads of ours, and of what libnats and civetweb call in theirs."""
    found = {}
    for file in (SOURCE_DIR / "src").rglob("*.cpp"):
        text = file.read_text()
        callbacks = re.findall(r"(?:CB|Subscribe|ErrorHandler)\([^;]*?\b(on_\w+)", text)
        starts = [rf"::{name}\(" for name in callbacks]
        starts += [r"\bthread_\(\[", r"\bstd::j?thread \w+\(\[", r"\blog_message = \[", r"\bbool handleGet\("]
        for start in starts:
            for match in re.finditer(start, text):
                body = text[text.index("{", match.end()):]
                found[f"{file.name}: {match[0]}"] = body[:re.search(r"^ {0,12}\}", body, re.MULTILINE).end()]
    return found


def test_an_exception_that_leaves_a_thread_becomes_a_line_and_an_exit_code():
    bodies = bodies_of_threads()
    assert len(bodies) >= 10, bodies.keys()
    bare = [where for where, body in bodies.items() if "run_or_exit(" not in body and not body.startswith("{}")]
    assert bare == []


def test_paths_in_the_text_are_there():
    text = (SOURCE_DIR / "docs/architecture.md").read_text()
    paths = {path for path in words(re.sub(r"```.*?```", "", text, flags=re.S))
             if re.match(r"(src|include|tests|docs|scripts|deploy|bench|testdata|\.ci)/", path) and "<" not in path}
    assert len(paths) > 10
    assert [path for path in sorted(paths) if not (SOURCE_DIR / path).exists()] == []
