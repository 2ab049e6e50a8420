"""A private nats-server with JetStream: 127.0.0.1, its own store, and a port that it keeps over restarts."""

import os
import random
import re
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

from .nats import Connection

SOURCE_DIR = Path(os.environ.get("BW_SOURCE_DIR", Path(__file__).parents[3])).resolve()


def free_port():
    """A port below the ephemeral range, so that no outgoing connection takes it while a server is down."""
    while True:
        port = random.SystemRandom().randrange(12000, 32000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue


def server_version(binary):
    text = subprocess.run([binary, "--version"], capture_output=True, text=True, timeout=30).stdout
    return tuple(int(number) for number in re.search(r"v(\d+)\.(\d+)\.(\d+)", text).groups())


def server_binary(at_least=(0, 0, 0)):
    """The first nats-server of at least that version, or None."""
    candidates = [os.environ.get("NATS_SERVER"), shutil.which("nats-server"), "/usr/sbin/nats-server",
                  os.environ.get("NATS_SERVER_NEW"), SOURCE_DIR / "build/tools/nats-server"]
    for candidate in candidates:
        if candidate and os.access(candidate, os.X_OK) and server_version(candidate) >= at_least:
            return str(candidate)
    return None


class Server:
    def __init__(self, folder, binary=None, config="", jetstream=True, tls=None):
        """`config`: more lines for the configuration file. `tls`: an ssl.SSLContext for connect()."""
        self.folder = Path(folder)
        self.binary = binary or server_binary()
        assert self.binary, "no nats-server found"
        self.config = config
        self.jetstream = jetstream
        self.port = None
        self.tls = tls
        self.process = None

    @property
    def url(self):
        return f"nats://127.0.0.1:{self.port}"

    @property
    def consumer_state(self):
        """The file in which it keeps what the consumer BW has delivered."""
        return self.folder / "store/jetstream/$G/streams/IMAGES/obs/BW/o.dat"

    def connect(self, userinfo="", **options):
        return Connection(f"nats://{userinfo}127.0.0.1:{self.port}", **{"tls": self.tls} | options)

    def start(self):
        self.folder.mkdir(parents=True, exist_ok=True)
        for _ in range(5):  # another program can take a free port first
            if self._start(self.port or free_port()):
                return self
        raise AssertionError(f"nats-server does not start:\n{self.log()}")

    def _write_config(self, port):
        file = self.folder / "server.conf"
        store = f'jetstream {{ store_dir: "{self.folder}/store" }}' if self.jetstream else ""
        file.write_text(f'listen: "127.0.0.1:{port}"\n{store}\n{self.config}\n')
        return file

    def _start(self, port):
        file = self._write_config(port)
        # setpriv: the server ends with the test, however that ends.
        command = ["setpriv", "--pdeathsig", "KILL", self.binary, "-c", file, "-l", self.folder / "server.log"]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 30
        while self.process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
            except OSError:
                assert time.monotonic() < deadline, f"nats-server does not listen:\n{self.log()}"
                time.sleep(0.01)
                continue
            self.port = port
            return self.process.poll() is None
        return False

    def stop(self, how=signal.SIGTERM):
        if self.process and self.process.poll() is None:
            self.process.send_signal(how)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(30)

    def reload(self):
        """With another `config`, while it runs."""
        self._write_config(self.port)
        self.process.send_signal(signal.SIGHUP)

    def restart(self, how=signal.SIGTERM):
        self.stop(how)
        self.start()

    def log(self):
        file = self.folder / "server.log"
        return file.read_text() if file.exists() else ""
