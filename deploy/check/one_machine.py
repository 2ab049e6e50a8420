#!/usr/bin/python3
"""one_machine.py TOOLS BW: runs in room.sh, without containers, the services of compose.yaml by their own commands, environments
and files: the queue, its setup, bw as its user on a read-only system, Prometheus. It sends jobs, one of which nobody can do. Then
every query of the rules and of the dashboard finds what it asks for, and Prometheus has an alert for the dead job."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import queries
import yaml

TOOLS, BW = Path(sys.argv[1]), Path("/usr/bin/bw")
COMPOSE = yaml.safe_load((queries.DEPLOY / "compose.yaml").read_text())["services"]
PROGRAMS = {"nats": [TOOLS / "nats-server"], "setup": [BW], "bw": [BW], "prometheus": ["/usr/bin/prometheus"]}
JOBS = 30
SECONDS = 60


def until(what, condition, why=lambda: ""):
    deadline = time.monotonic() + SECONDS
    while not condition():
        if time.monotonic() > deadline:
            subprocess.run("tail -n 20 /run/*.log", shell=True)
            sys.exit(f"FAILED: not in {SECONDS} s: {what}\n{why()}")
        time.sleep(0.2)


def mount_volumes(service):
    for volume in service.get("volumes", []):
        # A volume reads "${NAME:-./source}:/target:ro". A source in deploy/ is copied; every other one begins empty.
        source, target = volume.removesuffix(":ro").rsplit(":", 1)
        shutil.rmtree(target, ignore_errors=True)
        if source.startswith("./"):
            shutil.copytree(queries.DEPLOY / source, target)
        else:
            Path(target).mkdir(parents=True, exist_ok=True)


def command(name):
    service = COMPOSE[name]
    line = [*PROGRAMS[name], *service.get("command", [])]
    if service.get("cap_drop") == ["ALL"]:
        uid, gid = service["user"].removeprefix("${BW_USER:-").rstrip("}").split(":")
        for target in ("/in", "/out"):
            os.chown(target, int(uid), int(gid))
        # The service's read_only leaves the volume for results and the tmpfs writable.
        mounts = ["mount --bind /out /out"]
        mounts += [f"mount -t tmpfs -o {options} tmpfs {target}"
                   for target, options in (entry.split(":") for entry in service["tmpfs"])]
        confined = " && ".join([*mounts, "mount -o remount,bind,ro /", 'exec "$@"'])
        line = ["unshare", "--mount", "sh", "-c", confined, "sh", "setpriv", "--reuid", uid, "--regid", gid,
                "--clear-groups", "--no-new-privs", "--bounding-set=-all", "--inh-caps=-all", *line]
    return line, {"PATH": os.environ["PATH"]} | service.get("environment", {})


def start(name):
    mount_volumes(COMPOSE[name])
    line, environment = command(name)
    with open(f"/run/{name}.log", "w") as log:
        return subprocess.Popen(line, env=environment, stdout=log, stderr=log)


def run(*line, **options):
    return subprocess.run(line, check=True, capture_output=True, text=True, timeout=30, **options).stdout


def ready(address, path="/"):
    return subprocess.run(["curl", "-sf", "-o", "/dev/null", f"http://{address}{path}"], timeout=10).returncode == 0


def send_jobs():
    picture = queries.DEPLOY.parent / "testdata/images/landscape.jpg"
    shutil.copy(picture, "/in")
    nats = [TOOLS / "nats", "--server", "nats://nats:4222"]
    for number in range(JOBS):
        run(*nats, "req", "IMAGES.blackandwhite", f'{{"id": "job-{number}", "image": "file:///in/{picture.name}"}}')
    run(*nats, "req", "IMAGES.blackandwhite", "{}")
    until("jobs are done", lambda: len(list(Path("/out").glob("job-*.jpg"))) == JOBS)


def main():
    # bw is copied, since the place where it was built may lie under /tmp, and bw gets a new /tmp.
    shutil.copy(sys.argv[2], BW)
    Path("/etc/hosts").write_text("127.0.0.1 localhost " + " ".join(COMPOSE) + "\n")
    start("nats")
    check = COMPOSE["nats"]["healthcheck"]["test"][1:]
    until("nats is healthy", lambda: subprocess.run(check, stderr=subprocess.DEVNULL).returncode == 0)
    if start("setup").wait(30) != 0:
        sys.exit(f"FAILED: {Path('/run/setup.log').read_text()}")
    bw = start("bw")
    start("prometheus")
    until("bw is ready", lambda: ready("bw:9464", "/readyz"))
    until("Prometheus is ready", lambda: ready("prometheus:9090", "/-/ready"))
    send_jobs()
    prometheus = queries.Prometheus("prometheus:9090")
    until("all that is asked for is there", lambda: not queries.missing(prometheus),
          lambda: "\n".join(queries.missing(prometheus)))
    until("an alert for the dead job", lambda: any(alert["labels"]["alertname"] == "BwDeadJobs"
                                                   for alert in prometheus.api("alerts")["alerts"]))
    print(f"compose: {JOBS} jobs done, {len(queries.rules())} rules and {len(queries.panels())} queries of the dashboard")
    bw.terminate()
    if bw.wait(30) != 0:
        sys.exit("FAILED: bw does not stop well")


main()
