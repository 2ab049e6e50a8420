#!/usr/bin/python3
"""The step from a decoded frame to black and white: ours beside ImageMagick's. See README.md.

    bench/step.py [--bw BINARY] [--rounds N]

Prints Markdown. Needs a build and the packages of `scripts/packages.sh test`, and about a minute.
"""

import json
import subprocess
import tempfile
from pathlib import Path

from common import MEMORY, SMALL, median, parse_arguments, photograph, ratio, spread

STEP = ("library", "frame", "kernel riemersma", "kernel none", "kernel floyd-steinberg")
CONVERSION = ("decode", "kernel riemersma", "encode")


def one_round(program, files):
    """Milliseconds by (what, picture)."""
    command = [program, "--benchmark_format=json", "--benchmark_min_time=0.2", *files]
    output = subprocess.run(command, check=True, capture_output=True).stdout
    return {tuple(run["name"].removesuffix("/manual_time").split("/")): run["real_time"]
            for run in json.loads(output)["benchmarks"]}


def main():
    arguments = parse_arguments(__doc__, rounds=5)
    program = Path(arguments.bw).parent / "bench/bw_step"
    with tempfile.TemporaryDirectory(prefix="bw-bench-", dir=MEMORY) as folder:
        files = [SMALL, photograph(folder, 1920, 1200), photograph(folder, 4000, 3000)]
        rounds = [one_round(program, files) for _ in range(arguments.rounds)]
    pictures = list(zip(files, ("70x46", "1920x1200", "4000x3000")))
    print("| picture | ImageMagick, ms | a job's frame, ms | ratio | kernel alone, ms: riemersma | none | floyd-steinberg |"
          "\n| --- | --- | --- | --- | --- | --- | --- |")
    for file, name in pictures:
        library, frame, *kernels = ([one[what, file.stem] for one in rounds] for what in STEP)
        cells = [name, spread(library), spread(frame, 2), f"{ratio(library, frame):.0f}"]
        print("| " + " | ".join(cells + [f"{median(kernel):.2f}" for kernel in kernels]) + " |")
    print("\n| JPEG to JPEG, ms | decode to grey | black and white | encode |\n| --- | --- | --- | --- |")
    for file, name in pictures:
        times = [median(one[what, file.stem] for one in rounds) for what in CONVERSION]
        print(f"| {name} | " + " | ".join(f"{time:.2f} ({time / sum(times):.0%})" for time in times) + " |")


if __name__ == "__main__":
    main()
