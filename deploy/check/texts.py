#!/usr/bin/python3
"""Checks that what stands in two places says the same in both: the alerts and docs/operations.md, the rules and PrometheusRule,
the two systemd units, versions, the dashboard and its provisioning, and the settings that deploy/ and the documents name."""

import re
import sys

import queries
import yaml

DEPLOY = queries.DEPLOY
TREE = DEPLOY.parent
OPERATIONS = (TREE / "docs/operations.md").read_text()


def read(name):
    return (DEPLOY / name).read_text()


def alerts():
    rules = [rule for group in yaml.safe_load(read("prometheus/rules.yml"))["groups"] for rule in group["rules"]]
    headings = re.findall(r"^### (Bw\w+)$", OPERATIONS, re.MULTILINE)
    yield "a heading in docs/operations.md for each alert, in their order", headings == [rule["alert"] for rule in rules]
    for rule in rules:
        yield f"{rule['alert']}: its runbook", \
            rule["annotations"]["runbook"] == f"docs/operations.md#{rule['alert'].lower()}"


def copies():
    rule = yaml.safe_load(read("kubernetes/monitoring/prometheusrule.yaml"))["spec"]
    yield "PrometheusRule is prometheus/rules.yml", rule == yaml.safe_load(read("prometheus/rules.yml"))
    hardening = [read(f"systemd/{unit}.service").split("from here on.")[1] for unit in ("bw", "bw@")]
    yield "both units are hardened alike", hardening[0].split("\n", 1)[1] == hardening[1].split("\n", 1)[1]


def versions():
    images = {one["name"]: one for one in yaml.safe_load(read("kubernetes/kustomization.yaml"))["images"]}
    services = yaml.safe_load(read("compose.yaml"))["services"]
    for service in services.values():
        tag = service["image"].rpartition(":")[2]
        yield f"{service['image']}: a version", re.match(r"v?\d+\.\d+\.\d+", tag)
    yield "one nats-server", services["nats"]["image"] == f"nats:{images['nats']['newTag']}"
    server = re.search(r"nats-server/v2 v([\d.]+)", (TREE / "scripts/nats-server/go.mod").read_text())[1]
    yield "it is the one that is tested", images["nats"]["newTag"].startswith(f"{server}-")
    product = re.search(r"project\(bw VERSION ([\d.]+)", (TREE / "CMakeLists.txt").read_text())[1]
    yield "one bw", {services["bw"]["image"], f"bw:{images['bw']['newTag']}"} == {f"bw:{product}"}


def dashboard():
    provisioning = DEPLOY / "grafana/provisioning"
    source = yaml.safe_load((provisioning / "datasources/prometheus.yml").read_text())["datasources"][0]
    prometheus = yaml.safe_load(read("prometheus/prometheus.yml"))
    yield "Grafana's interval is Prometheus'", source["jsonData"]["timeInterval"] == prometheus["global"]["scrape_interval"]
    path = yaml.safe_load((provisioning / "dashboards/bw.yml").read_text())["providers"][0]["options"]["path"]
    grafana = yaml.safe_load(read("compose.yaml"))["services"]["grafana"]
    yield "the dashboard lies where Grafana looks", f"./grafana/dashboards:{path}:ro" in grafana["volumes"]
    yield "it starts with it", grafana["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"] == f"{path}/bw.json"
    ids = [panel["id"] for panel in queries.dashboard()["panels"]]
    yield "no two panels have one id", len(set(ids)) == len(ids)
    cells = [(x, y) for panel in queries.dashboard()["panels"] for place in [panel["gridPos"]]
             for x in range(place["x"], place["x"] + place["w"]) for y in range(place["y"], place["y"] + place["h"])]
    yield "no two panels overlap, and none sticks out", len(set(cells)) == len(cells) and max(cells)[0] < 24


def settings():
    known = set(re.findall(r"^\| `(\w+)` \| `--", (TREE / "docs/settings.md").read_text(), re.MULTILINE))
    known |= {"BW_USER", "BW_IN", "BW_OUT"}  # compose.yaml's own
    for file in [TREE / "docs/operations.md", *DEPLOY.rglob("*.y*ml"), *DEPLOY.rglob("*.service"), DEPLOY / "README.md"]:
        unknown = set(re.findall(r"\bBW_[A-Z_]+", file.read_text())) - known
        yield f"{file.name}: settings that there are (not {unknown})", not unknown


checks = [check for part in (alerts, copies, versions, dashboard, settings) for check in part()]
for what, holds in checks:
    if not holds:
        print(f"FAILED: {what}")
print(f"texts: {len(checks)} agreements")
sys.exit(0 if all(holds for _, holds in checks) else 1)
