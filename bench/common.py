"""What the measuring scripts share: where things are, pictures, a queue with workers, and the machine's description."""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

sys.dont_write_bytecode = True
SOURCE_DIR = Path(__file__).resolve().parents[1]
os.environ["BW_SOURCE_DIR"] = str(SOURCE_DIR)
sys.path.insert(0, str(SOURCE_DIR / "tests/e2e"))

from harness.checks import wait_until  # noqa: E402
from harness.jetstream import JetStream  # noqa: E402  (after the path)
from harness.pictures import CONVERT  # noqa: E402
from harness.server import Server, server_version  # noqa: E402
from harness.worker import PYTHON_WORKER  # noqa: E402

SMALL = SOURCE_DIR / "testdata/images/small.jpg"
QUALITY = 90  # of the larger pictures
MEMORY = Path("/dev/shm")  # a file system where fsync costs nothing
NOT_COUNTED = 5  # the first fifth of a run's jobs: workers start, caches fill


def photograph(folder, columns, rows):
    """The landscape scaled up, with grain: as much to decode as in a photograph."""
    file = Path(folder) / f"{columns}x{rows}.jpg"
    size = f"{columns}x{rows}"
    subprocess.run([CONVERT, SOURCE_DIR / "testdata/images/landscape.jpg", "-resize", size + "^", "-gravity", "center",
                    "-extent", size, "-seed", "1", "-attenuate", "0.2", "+noise", "Gaussian", "-quality", str(QUALITY), file],
                   check=True, stderr=subprocess.DEVNULL)
    return file


class Queue:
    """Jobs in a stream of the server, and workers that do them."""

    def __init__(self, server, bw, stream="IMAGES"):
        self.commands = {"bw": [bw], "convert": PYTHON_WORKER, "loop": [Path(bw).parent / "bench/bw_loop"]}
        self.connection = server.connect()
        self.js = JetStream(self.connection, stream)
        self.settings = {"NATS_URL": server.url, "BW_STREAM": stream, "BW_LOG_FORMAT": "json"}
        subprocess.run([bw, "setup"], env=os.environ | self.settings, check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)

    def publish(self, ids, images):
        """One job for each id, with the images in turn. Each thousandth waits for the server, which thus keeps up."""
        for number, name in enumerate(ids):
            job = '{"id":"%s","image":"%s","advisory":"advisory.%s"}' % (name, images[number % len(images)].as_uri(), name)
            if number % 1000 == 999:
                self.js.publish(job)
            else:
                self.connection.publish(self.js.stream + ".blackandwhite", job)
        self.connection.flush()

    def start(self, worker, outdir, **settings):
        """The worker's process; its log goes to a file, so that no other program runs for each job."""
        settings |= self.settings | {"OUTDIR": str(outdir)}
        command = ["setpriv", "--pdeathsig", "KILL", *self.commands[worker]]
        with open(outdir / f"{worker}.log", "ab") as log:
            return subprocess.Popen(command, env=os.environ | settings, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                    stderr=log)

    def wait(self, processes, left=0):
        """Until so many jobs are left. Asks seldom: the server has its work with it."""
        while self.js.messages() > left:
            assert all(process.poll() is None for process in processes), "a worker has ended"
            time.sleep(0.05)

    def run(self, worker, image, jobs, outdir, workers=1, left=0):
        """Has workers do jobs that wait already (`jobs` are published) until so many are left: when each result was
        written. Nobody listens to the advisories: that would take time from the workers."""
        with tempfile.TemporaryDirectory(prefix="bw-bench-", dir=outdir) as folder:
            folder = Path(folder)
            self.publish((f"job-{number}" for number in range(jobs)), [image])
            processes = [self.start(worker, folder) for _ in range(workers)]
            self.wait(processes, left)
            stop(processes)
            return written(folder)

    def jobs_for(self, seconds, worker, image, outdir):
        """How many jobs a worker does in about that time."""
        jobs = 8
        while True:
            times = self.run(worker, image, jobs, outdir)
            if times[-1] - times[0] > 0.25:
                return max(8, int(seconds * rate(times)))
            jobs *= 4


def stop(processes):
    for process in processes:
        process.terminate()
    for process in processes:
        process.wait(30)


def written(folder, pattern="*.jpg"):
    return sorted(entry.stat().st_mtime for entry in folder.glob(pattern))


def done_jobs(folder, worker):
    """The worker's log lines of jobs that are done, in their order."""
    with open(Path(folder) / f"{worker}.log") as log:
        return [line for line in map(json.loads, log) if line["msg"] == "job done"]


def rate(times):
    """Jobs per second, of the times at which results were written."""
    first = len(times) // NOT_COUNTED
    return (len(times) - 1 - first) / (times[-1] - times[first])


def spread(values, digits=1):
    return f"{median(values):.{digits}f} ({min(values):.{digits}f} to {max(values):.{digits}f})"


def ratio(above, below):
    """Median of the ratios within the rounds."""
    return median(one / other for one, other in zip(above, below))


def machine(bw, server="nats-server"):
    cpu = next(line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name"))
    version = ".".join(map(str, server_version(server)))
    magick = subprocess.run([CONVERT, "-version"], capture_output=True, text=True).stdout.split()[2]
    own = subprocess.run([bw, "--version"], capture_output=True, text=True).stdout.strip()
    return f"{cpu}, {os.cpu_count()} cores, Linux {platform.release()}; {own}, nats-server {version}, ImageMagick {magick}"


def parse_arguments(description, rounds=0, texts=None, **more):
    """--bw, --disk, and --rounds where there are any; `texts`: {name: help}; `more`: name=(default, help) of numbers."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bw", default=str(SOURCE_DIR / "build/bw"), help="the binary, in its build folder")
    parser.add_argument("--disk", default=str(SOURCE_DIR / "build"), help="a folder on a real disk")
    if rounds:
        parser.add_argument("--rounds", type=int, default=rounds)
    for name, text in (texts or {}).items():
        parser.add_argument("--" + name, help=text)
    for name, (default, text) in more.items():
        parser.add_argument("--" + name, type=int, default=default, help=text)
    arguments = parser.parse_args()
    server = vars(arguments).get("server") or "nats-server"
    print(machine(arguments.bw, server) + f". Load average before: {os.getloadavg()[0]:.1f}.\n", flush=True)
    return arguments
