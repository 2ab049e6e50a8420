"""The official nats CLI, where there is one."""

import os
import shutil
import subprocess

import pytest

from .server import SOURCE_DIR


def find_nats_cli():
    built = SOURCE_DIR / "build/tools/nats"
    return os.environ.get("NATS_CLI") or shutil.which("nats") or (str(built) if built.exists() else None)


class NatsCli:
    def __init__(self, url, home):
        self.binary = find_nats_cli()
        if not self.binary:
            pytest.skip("no nats CLI (NATS_CLI, PATH, build/tools/nats)")
        # A home of its own: the user's contexts must not count.
        self.environment = os.environ | {"NATS_URL": url, "HOME": str(home), "XDG_CONFIG_HOME": str(home)}

    def __call__(self, *args, timeout=90):
        """Runs one command, which must succeed; its standard output."""
        run = subprocess.run([self.binary, *map(str, args)], env=self.environment, text=True,
                             stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout)
        assert run.returncode == 0, run.stdout + run.stderr
        return run.stdout
