#!/usr/bin/python3
"""cluster.py TOOLS BW: runs in room.sh, without Kubernetes, what deploy/kubernetes says of the queue. Three servers with nats.conf
and the pods' names answer the probes; setup.yaml's commands make a stream of three replicas; bw does jobs with bw.yaml's settings
while one server is away; and the endpoint in scaledobject.yaml leads KEDA to the consumer's numbers. The servers have the addresses
127.0.1.1 to 127.0.1.3."""

import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import yaml

TOOLS, BW = Path(sys.argv[1]), sys.argv[2]
HERE = Path(__file__).resolve().parents[1] / "kubernetes"
PODS = {f"nats-{number}": f"127.0.1.{number + 1}" for number in range(3)}
PROGRAMS = {"bw": [BW], "nats-box": []}  # instead of the image's entry point


def document(file, kind):
    return next(one for one in yaml.safe_load_all((HERE / file).read_text()) if one["kind"] == kind)


def until(what, condition):
    deadline = time.monotonic() + 60
    while not condition():
        if time.monotonic() > deadline:
            sys.exit(f"FAILED: not in 60 s: {what}")
        time.sleep(0.2)


def fetch(url):
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.read()
    except urllib.error.URLError:
        return None


def make_names():
    """Gives each server the short and the whole name that the headless Service would give it."""
    namespace = yaml.safe_load((HERE / "kustomization.yaml").read_text())["namespace"]
    domains = ["nats", f"nats.{namespace}.svc.cluster.local"]
    lines = ["127.0.0.1 localhost"]
    lines += [f"{address} " + " ".join(f"{pod}.{domain}" for domain in domains) for pod, address in PODS.items()]
    lines += [f"{PODS['nats-0']} " + " ".join(domains)]
    Path("/etc/hosts").write_text("\n".join(lines) + "\n")


def start_server(pod):
    """Starts the server as the pod's container would, but with an address and a folder of its own."""
    config = (HERE / "nats.conf").read_text()
    for port in (4222, 8222, 6222):
        assert f"0.0.0.0:{port}" in config
        config = config.replace(f"0.0.0.0:{port}", f"{PODS[pod]}:{port}")
    for folder in ("/data", "/var/run/nats"):
        assert folder in config
        config = config.replace(folder, f"/run/{pod}{folder}")
        Path(f"/run/{pod}{folder}").mkdir(parents=True, exist_ok=True)
    file = Path(f"/run/{pod}/nats.conf")
    file.write_text(config)
    with open(f"/run/{pod}/log", "a") as log:
        return subprocess.Popen([TOOLS / "nats-server", "--config", file], env={"POD_NAME": pod}, stdout=log, stderr=log)


def probes_answer():
    container = document("nats.yaml", "StatefulSet")["spec"]["template"]["spec"]["containers"][0]
    paths = [container[f"{probe}Probe"]["httpGet"]["path"] for probe in ("startup", "readiness", "liveness")]
    return all(fetch(f"http://{address}:8222{path}") for address in PODS.values() for path in paths)


def run_container(container):
    environment = {one["name"]: one["value"] for one in container["env"]}
    line = PROGRAMS[container["image"]] + container.get("command", []) + container.get("args", [])
    environment["PATH"] = f"{TOOLS}:/usr/bin:/bin"
    return lambda **more: subprocess.Popen(line, env=environment | more)


def set_up():
    pod = document("setup.yaml", "Job")["spec"]["template"]["spec"]
    for container in pod["initContainers"] + pod["containers"]:
        if run_container(container)().wait(60) != 0:
            sys.exit(f"FAILED: {container['name']}")


def nats(*arguments):
    return subprocess.run([TOOLS / "nats", "--server", "nats://nats-1.nats,nats://nats-2.nats", *arguments], check=True,
                          capture_output=True, text=True, timeout=30).stdout


def others(*question):
    """For each replica but the leader, whether it is current."""
    cluster = json.loads(nats(*question, "--json"))["cluster"]
    return [one["current"] for one in cluster.get("replicas", [])] if cluster.get("leader") else []


def consumer_as_keda_sees_it():
    """Does what KEDA does: asks any server for the names of all, then asks those until the consumer's leader answers."""
    trigger = document("keda/scaledobject.yaml", "ScaledObject")["spec"]["triggers"][0]["metadata"]
    endpoint, question = trigger["natsServerMonitoringEndpoint"], f"/jsz?acc={trigger['account']}&consumers=true&config=true"
    server = json.loads(fetch(f"http://{endpoint}/varz"))
    assert not server.get("connect_urls"), "addresses are advertised"
    for pod in (url.split(".")[0] for url in server["cluster"]["urls"]):
        accounts = json.loads(fetch(f"http://{pod}.{endpoint}{question}") or "{}").get("account_details", [])
        for stream in (stream for account in accounts for stream in account["stream_detail"]):
            for consumer in stream.get("consumer_detail", []):
                if (stream["name"], consumer["name"], consumer["cluster"].get("leader")) == \
                        (trigger["stream"], trigger["consumer"], pod):
                    return consumer
    return None


def send(name):
    picture = HERE.parents[1] / "testdata/images/landscape.jpg"
    nats("req", "IMAGES.blackandwhite", f'{{"id": "{name}", "image": "file://{picture}"}}')


def do_jobs(names):
    for name in names:
        send(name)
    until(f"jobs are done: {names}", lambda: all(Path(f"/run/out/{name}.jpg").exists() for name in names))


def main():
    make_names()
    servers = {pod: start_server(pod) for pod in PODS}
    until("the probes answer", probes_answer)
    set_up()
    set_up()  # a second time, when nothing is left to do
    until("three replicas of the streams and the consumer are current",
          lambda: all(others(*question) == [True, True] for question in (
              ("stream", "info", "IMAGES"), ("stream", "info", "IMAGES_RESULTS"), ("consumer", "info", "IMAGES", "BW"))))
    send("waiting")
    until("KEDA finds the job", lambda: (consumer_as_keda_sees_it() or {"num_pending": 0})["num_pending"] == 1)

    Path("/run/out").mkdir()
    container = document("bw.yaml", "Deployment")["spec"]["template"]["spec"]["containers"][0]
    bw = run_container(container)(OUTDIR="/run/out", BW_INPUT_ROOTS=str(HERE.parents[1]))
    until("bw is ready", lambda: fetch("http://127.0.0.1:9464/readyz"))
    until("bw is alive", lambda: fetch("http://127.0.0.1:9464/healthz"))
    do_jobs(["one"])
    # The first server goes as Kubernetes would end it: first the command of preStop, which ends it here.
    subprocess.run([TOOLS / "nats-server", "-sl=ldm=/run/nats-0/var/run/nats/nats.pid"], check=True, timeout=30)
    servers["nats-0"].wait(60)
    do_jobs(["two", "three"])
    bw.terminate()
    if bw.wait(30) != 0:
        sys.exit("FAILED: bw does not stop well")
    print("kubernetes: three servers, three replicas, jobs done without the first, KEDA finds its numbers")


main()
