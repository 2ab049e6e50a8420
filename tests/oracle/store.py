#!/usr/bin/python3
"""What ImageMagick's own programs make of the pictures that bw_kernel_results makes up, and of testdata/images: hashes in this
folder, riemersma.json by ImageMagick 6 (Debian 12) and none.json by 7 (Debian 13: scripts/debian13.sh).

    store.py BW_KERNEL_RESULTS                       asks the installed program, and stores what it says
    store.py --print BW_KERNEL_RESULTS               the same, printed
    store.py --check BW_KERNEL_RESULTS BW_FILE_RESULTS
                                                     holds what our programs make against both stored files, on any system
    store.py --check-kernel COMMAND...               the same for the made-up pictures alone; COMMAND runs bw_kernel_results
"""

import hashlib
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
TESTDATA = HERE.parent.parent / "testdata" / "images"
DITHERS = "riemersma", "none"
IMAGES, SEED = 400, 2012


def sha256(content):
    return hashlib.sha256(content).hexdigest()


def made_up(command, folder):
    """The pictures' paths, in order; the kernel's results lie beside them."""
    subprocess.run([*command, folder, str(IMAGES), str(SEED)], check=True)
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
            for picture in made_up([tool], folder)
        ],
        "testdata": {
            picture.name: sha256(monochrome(path, picture.read_bytes())) for picture in sorted(TESTDATA.iterdir())
        },
    }
    json.dump(stored, file, indent=0, ensure_ascii=False)
    file.write("\n")


def stored_by(dither):
    return json.loads((HERE / f"{dither}.json").read_text(encoding="utf-8"))


def check_pictures(command, folder):
    """How many results were right, and how many were wrong."""
    pictures = made_up(command, folder)
    right = wrong = 0
    for dither in DITHERS:
        stored = stored_by(dither)
        if len(stored["pictures"]) != len(pictures):
            sys.exit(f"{dither}.json has {len(stored['pictures'])} pictures, bw_kernel_results made {len(pictures)}")
        for picture, (source, result) in zip(pictures, stored["pictures"]):
            if sha256(picture.read_bytes()) != source:
                sys.exit(f"picture {picture.stem} is not the one that {dither}.json was made of")
            if sha256(picture.with_suffix(f".{dither}.pbm").read_bytes()) == result:
                right += 1
            else:
                print(f"seed {SEED}, number {picture.stem}: {dither} is not what {stored['made_by']} makes of it")
                wrong += 1
    return right, wrong


def check_files(tool, folder):
    """The same for testdata/images."""
    subprocess.run([tool, folder, TESTDATA], check=True)
    right = wrong = 0
    for dither in DITHERS:
        stored = stored_by(dither)
        if set(stored["testdata"]) != {file.name for file in TESTDATA.iterdir()}:
            sys.exit(f"{dither}.json does not have the files of testdata/images")
        for name, result in stored["testdata"].items():
            if sha256((folder / f"{name}.{dither}.pbm").read_bytes()) == result:
                right += 1
            else:
                print(f"testdata/images/{name}: {dither} is not what {stored['made_by']} makes of it")
                wrong += 1
    return right, wrong


def report(*counts):
    right, wrong = (sum(each) for each in zip(*counts))
    print(f"{right} passed, {wrong} failed, 0 skipped")
    sys.exit(1 if wrong else 0)


def main(arguments):
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        if len(arguments) == 3 and arguments[0] == "--check":
            report(check_pictures(arguments[1:2], folder), check_files(arguments[2], folder))
        elif len(arguments) >= 2 and arguments[0] == "--check-kernel":
            report(check_pictures(arguments[1:], folder))
        elif len(arguments) == 2 and arguments[0] == "--print":
            store(arguments[1], folder, sys.stdout)
        elif len(arguments) == 1 and not arguments[0].startswith("-"):
            dither = "none" if program()[0].endswith("magick") else "riemersma"
            with open(HERE / f"{dither}.json", "w", encoding="utf-8") as file:
                store(arguments[0], folder, file)
        else:
            sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
