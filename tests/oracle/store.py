#!/usr/bin/python3
"""store.py BW_RESULTS: asks the installed ImageMagick's own program what -monochrome makes of the pictures that the tool
bw_results makes up and of testdata/images, and stores the hashes in this folder: as riemersma.json by ImageMagick 6
(Debian 12), as none.json by 7 (Debian 13: scripts/debian13.sh; the file is printed with --print).
store.py --check BW_RESULTS: holds what our kernel makes of the same pictures against both stored files, on any system."""

import hashlib
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
TESTDATA = HERE.parent.parent / "testdata" / "images"
IMAGES, SEED = 400, 2012


def sha256(content):
    return hashlib.sha256(content).hexdigest()


def made_up(tool, folder):
    """The pictures' paths, in order; the kernel's results lie beside them."""
    subprocess.run([tool, folder, str(IMAGES), str(SEED), TESTDATA], check=True)
    pictures = [*folder.glob("*.pgm"), *folder.glob("*.ppm")]
    return sorted(pictures, key=lambda path: int(path.stem))


def program():
    path = shutil.which("magick", path="/usr/bin") or "/usr/bin/convert"
    version = subprocess.run([path, "-version"], check=True, capture_output=True, text=True).stdout
    return path, version.split("Version: ")[1].split(" http")[0]


def monochrome(path, content):
    """All frames as a row of PBM files."""
    return subprocess.run([path, "-", "-monochrome", "pbm:-"], input=content, check=True, capture_output=True).stdout


def store(tool, folder, file):
    path, version = program()
    stored = {
        "made_by": version,
        "pictures": [
            [sha256(picture.read_bytes()), sha256(monochrome(path, picture.read_bytes()))]
            for picture in made_up(tool, folder)
        ],
        "testdata": {
            picture.name: sha256(monochrome(path, picture.read_bytes())) for picture in sorted(TESTDATA.iterdir())
        },
    }
    json.dump(stored, file, indent=0, ensure_ascii=False)
    file.write("\n")


def check(tool, folder):
    pictures = made_up(tool, folder)
    wrong = 0
    for dither in ("riemersma", "none"):
        stored = json.loads((HERE / f"{dither}.json").read_text(encoding="utf-8"))
        if len(stored["pictures"]) != len(pictures):
            sys.exit(f"{dither}.json has {len(stored['pictures'])} pictures, bw_results made {len(pictures)}")
        for picture, (source, result) in zip(pictures, stored["pictures"]):
            if sha256(picture.read_bytes()) != source:
                sys.exit(f"picture {picture.stem} is not the one that {dither}.json was made of")
            if sha256(picture.with_suffix(f".{dither}.pbm").read_bytes()) != result:
                print(f"seed {SEED}, number {picture.stem}: {dither} is not what {stored['made_by']} makes of it")
                wrong += 1
        if set(stored["testdata"]) != {file.name for file in TESTDATA.iterdir()}:
            sys.exit(f"{dither}.json does not have the files of testdata/images")
        for name, result in stored["testdata"].items():
            if sha256((folder / "testdata" / f"{name}.{dither}.pbm").read_bytes()) != result:
                print(f"testdata/images/{name}: {dither} is not what {stored['made_by']} makes of it")
                wrong += 1
        print(f"{dither}: {len(pictures)} pictures and testdata against {stored['made_by']}")
    return wrong


def main(arguments):
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        if len(arguments) == 2 and arguments[0] == "--check":
            sys.exit(1 if check(arguments[1], folder) else 0)
        elif len(arguments) == 2 and arguments[0] == "--print":
            store(arguments[1], folder, sys.stdout)
        elif len(arguments) == 1:
            dither = "none" if program()[0].endswith("magick") else "riemersma"
            with open(HERE / f"{dither}.json", "w", encoding="utf-8") as file:
                store(arguments[0], folder, file)
        else:
            sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
