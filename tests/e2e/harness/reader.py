"""Somebody who reads a document of ours and types the commands that it shows."""

import os
import re
import shlex
import signal
import subprocess

from .checks import wait_until
from .cli import NatsCli
from .server import SOURCE_DIR, free_port, server_binary
from .worker import bw_command, environment


def shown_commands(document, section):
    """The indented blocks that a section of the document shows."""
    text = (SOURCE_DIR / document).read_text().split(f"\n## {section}\n")[1].split("\n## ")[0]
    return re.findall(r"(?:^    .*\n)+", text, re.MULTILINE)


class Reader:
    """A shell with a home, a /tmp and a port of its own. `picture`: what file:///home/you/picture.jpg stands for."""

    def __init__(self, folder, picture):
        self.folder = folder
        self.tmp = folder / "tmp"
        self.home = folder / "home"
        self.url = f"nats://127.0.0.1:{free_port()}"
        self._picture = picture
        self._output = folder / "output"
        self._blocks = 0
        for name in ("tmp", "home", "bin", "build"):
            (folder / name).mkdir()
        self._program("build/bw", bw_command())
        self._program("bin/nats", [NatsCli(self.url, folder).binary])
        settings = {"NATS_URL": self.url, "BW_RETRY_DELAY": "50ms", "HOME": self.home, "TMPDIR": self.tmp,
                    "XDG_CONFIG_HOME": self.home, "PATH": f"{folder}/bin:{os.environ['PATH']}"}
        with open(self._output, "w", encoding="utf-8") as output:
            self._shell = subprocess.Popen(["bash"], cwd=folder, env=environment(settings), text=True, start_new_session=True,
                                           stdin=subprocess.PIPE, stdout=output, stderr=subprocess.STDOUT)

    def _program(self, name, command):
        file = self.folder / name
        file.write_text(f'#!/bin/sh\nexec {shlex.join(command)} "$@"\n')
        file.chmod(0o755)

    def printed(self):
        return self._output.read_text(encoding="utf-8", errors="replace")

    def types(self, text):
        """Runs the text to its end; returns what was printed meanwhile."""
        port = self.url.rpartition(":")[2]
        for shown, here in (("/tmp", str(self.tmp)), ("/usr/sbin/nats-server", server_binary()), ("-p 4222", f"-p {port}"),
                            ("file:///home/you/picture.jpg", self._picture.as_uri())):
            text = text.replace(shown, here)
        self._blocks += 1
        block = self.folder / f"block-{self._blocks}"
        block.write_text(re.sub(r"^    ", "", text, flags=re.MULTILINE))
        before = len(self.printed())
        end = f"end of block {self._blocks}"
        self._shell.stdin.write(f". {shlex.quote(str(block))} </dev/null; echo {end}\n")
        self._shell.stdin.flush()
        wait_until(lambda: end in self.printed())
        return self.printed()[before:]

    def leaves(self):
        """Ends what the shell has started: all of it is one group of processes."""
        os.killpg(self._shell.pid, signal.SIGKILL)
        self._shell.wait()
