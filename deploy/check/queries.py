"""Whether a Prometheus that reads a real bw has the series that the alert rules and the dashboard ask for."""

import json
import re
import urllib.parse
import urllib.request
from pathlib import Path

import yaml

DEPLOY = Path(__file__).resolve().parents[1]
DASHBOARD = DEPLOY / "grafana/dashboards/bw.json"
SELECTOR = re.compile(r"\b((?:bw_\w+|up))\b(\{[^}]*\})?")
# A query that compares finds nothing while all is well, and that is right.
QUIET = re.compile(r" (>|==) ")


def rules():
    """{alert: expression}"""
    groups = yaml.safe_load((DEPLOY / "prometheus/rules.yml").read_text())["groups"]
    return {rule["alert"]: rule["expr"] for group in groups for rule in group["rules"]}


def dashboard():
    return json.loads(DASHBOARD.read_text())


def panels():
    """{"title A": query}, as Grafana sends them."""
    def filled_in(query):
        return query.replace("$__rate_interval", "1m").replace("$job", ".*")
    return {f"{panel['title']} {target['refId']}": filled_in(target["expr"])
            for panel in dashboard()["panels"] for target in panel["targets"]}


class Prometheus:
    def __init__(self, address):
        self.address = address

    def api(self, path, **parameters):
        url = f"http://{self.address}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        with urllib.request.urlopen(url, timeout=10) as answer:
            return json.load(answer)["data"]

    def query(self, expression):
        return self.api("query", query=expression)["result"]


def missing(prometheus):
    """A line for each query that asks for something that is not there."""
    lines = []
    for title, query in {**rules(), **panels()}.items():
        labels = set()
        for name, matchers in SELECTOR.findall(query):
            series = prometheus.query(name + matchers)
            if not series:
                lines.append(f"{title}: no series {name}{matchers}")
            labels.update(*(one["metric"] for one in series))
        wanted = {label.strip() for group in re.findall(r"\b(?:by|on) \(([^)]*)\)", query) for label in group.split(",")}
        lines += [f"{title}: no label {label}" for label in wanted - labels]
        if not prometheus.query(query) and not QUIET.search(query) and "absent(" not in query and title not in rules():
            lines.append(f"{title}: finds nothing: {query}")
    return lines
