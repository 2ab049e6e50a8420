"""What a parent says of its workers over HTTP, and a real Prometheus that reads it."""

import http.client
import json
import re
import shutil
import subprocess
import urllib.parse
from pathlib import Path

from .checks import wait_until
from .server import free_port

PROMETHEUS = shutil.which("prometheus")
PROMTOOL = shutil.which("promtool")


def get(address, path):
    """Status and text that 127.0.0.1:port answers."""
    connection = http.client.HTTPConnection(address, timeout=30)
    connection.request("GET", path)
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, text


class Page:
    """`parent`: a Worker that was started with BW_METRICS=127.0.0.1:0."""

    def __init__(self, parent):
        url = parent.wait_record(" metrics ").fields["url"]
        self.address = urllib.parse.urlsplit(url).netloc

    def text(self):
        status, text = get(self.address, "/metrics")
        assert status == 200, text
        return text

    def values(self):
        """{'bw_jobs_total{outcome="done"}': 3.0, …}"""
        lines = [line for line in self.text().splitlines() if not line.startswith("#")]
        return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines)}

    def __getitem__(self, series):
        """Of series without labels, or with all of theirs."""
        return self.values()[series]

    def jobs(self):
        """{'done': 3, …}"""
        found = {re.fullmatch(r'bw_jobs_total{outcome="(.*)"}', name): value for name, value in self.values().items()}
        return {match[1]: value for match, value in found.items() if match}

    def wait(self, **series):
        """Until these series without labels, bw_ left out, have these values."""
        wait_until(lambda: series.items() <= {name.removeprefix("bw_"): value
                                              for name, value in self.values().items()}.items(), pause=0.1)

    def healthz(self):
        return get(self.address, "/healthz")[0]

    def readyz(self):
        return get(self.address, "/readyz")[0]


def check(text):
    """What promtool says against a page."""
    return subprocess.run([PROMTOOL, "check", "metrics"], input=text, capture_output=True, text=True, timeout=60)


class Prometheus:
    """Scrapes one page every second. Use as a context manager."""

    def __init__(self, folder, address):
        self.folder = Path(folder)
        self.folder.mkdir()
        config = {"scrape_configs": [{"job_name": "bw", "scrape_interval": "1s", "scrape_timeout": "1s",
                                      "static_configs": [{"targets": [address]}]}]}
        (self.folder / "prometheus.yml").write_text(json.dumps(config))  # JSON is YAML
        self.address = f"127.0.0.1:{free_port()}"

    def __enter__(self):
        command = ["setpriv", "--pdeathsig", "KILL", PROMETHEUS, f"--config.file={self.folder}/prometheus.yml",
                   f"--storage.tsdb.path={self.folder}/data", f"--web.listen-address={self.address}"]
        with open(self.folder / "log", "w") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        wait_until(self._is_ready, pause=0.1)
        return self

    def _is_ready(self):
        assert self.process.poll() is None, (self.folder / "log").read_text()
        try:
            return get(self.address, "/-/ready")[0] == 200
        except OSError:
            return False

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait(30)

    def api(self, path, **parameters):
        status, text = get(self.address, f"/api/v1/{path}?{urllib.parse.urlencode(parameters)}")
        assert status == 200, text
        return json.loads(text)["data"]

    def query(self, expression):
        """The values of the series that it finds, each by its labels."""
        found = self.api("query", query=expression)["result"]
        return {tuple(sorted(series["metric"].items())): float(series["value"][1]) for series in found}
