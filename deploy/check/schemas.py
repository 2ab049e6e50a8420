#!/usr/bin/python3
"""schemas.py FOLDER KUSTOMIZE: checks what kustomize makes of kubernetes/ against the schemas of Kubernetes, the Prometheus
operator and KEDA, and compose.yaml against the schema of Compose. Unknown fields are errors. The schemas are downloaded to FOLDER;
each has a pinned version and checksum."""

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import jsonschema
import yaml

FOLDER, KUSTOMIZE = Path(sys.argv[1]), sys.argv[2]
CHECK = Path(__file__).resolve().parent
DEPLOY = CHECK.parent
KUBERNETES = "v1.34.0-local-strict"
# The Go modules that ship the schemas, and their checksums as go.sum has them.
OPERATOR = ("github.com/prometheus-operator/prometheus-operator@v0.85.0", "h1:M5xLCLEoaW2IJfnuCwFzzpL+jSVQu3KGT84Pye+fW8s=")
KEDA = ("github.com/kedacore/keda/v2@v2.20.2", "h1:SR60v8uIcelbveS8n/1jcl8tLdBBIbHMxmdOHw8tKqA=")
COMPOSE = ("github.com/compose-spec/compose-go/v2@v2.16.2", "h1:pTp1DqQwJzFd85GzlWsSszKA1ABrV/ySqsClujIcWA8=")
RESOURCES = {
    "ServiceMonitor": (OPERATOR, "example/prometheus-operator-crd/monitoring.coreos.com_servicemonitors.yaml"),
    "PrometheusRule": (OPERATOR, "example/prometheus-operator-crd/monitoring.coreos.com_prometheusrules.yaml"),
    "ScaledObject": (KEDA, "config/crd/bases/keda.sh_scaledobjects.yaml"),
}


def module_file(module, path):
    name, checksum = module
    answer = subprocess.run(["go", "mod", "download", "-json", name], cwd=FOLDER, capture_output=True, text=True, timeout=90)
    found = json.loads(answer.stdout)
    if found.get("Sum") != checksum:
        sys.exit(f"FAILED: {name}: checksum {found.get('Sum')}, should be {checksum} {found.get('Error', '')}{answer.stderr}")
    return (Path(found["Dir"]) / path).read_text()


def kubernetes_schemas():
    subprocess.run([sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes", "--dest", FOLDER,
                    "--requirement", CHECK / "requirements.txt"], check=True, timeout=90, stdin=subprocess.DEVNULL)
    return zipfile.ZipFile(next(FOLDER.glob("kubernetes_validate-*.whl")))


def strict(schema):
    """A resource's schema with no members but those that it names."""
    if isinstance(schema, list):
        return [strict(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    schema = {key: strict(value) for key, value in schema.items()}
    if isinstance(schema.get("properties"), dict) and schema.get("type") == "object" \
            and "x-kubernetes-preserve-unknown-fields" not in schema:
        schema.setdefault("additionalProperties", False)
    return schema


def resource_schema(document):
    definition = yaml.safe_load(module_file(*RESOURCES[document["kind"]]))["spec"]
    version = document["apiVersion"].split("/")[1]
    schema = strict(next(one for one in definition["versions"] if one["name"] == version)["schema"]["openAPIV3Schema"])
    schema["properties"]["metadata"] = {"type": "object"}  # Kubernetes' own, and empty here
    return schema


def complaints(document, schema, definitions=None):
    store = {"https://kubernetes.io/api/_definitions.json": definitions} if definitions else {}
    resolver = jsonschema.RefResolver("", schema, store=store)
    validator = jsonschema.validators.validator_for(schema, default=jsonschema.Draft7Validator)
    errors = validator(schema, resolver=resolver).iter_errors(document)
    name = f"{document.get('kind', 'compose.yaml')} {document.get('metadata', {}).get('name', '')}"
    return [f"{name}: {'.'.join(map(str, error.absolute_path))}: {error.message[:300]}" for error in errors]


def kubernetes_complaints(schemas):
    definitions = json.loads(schemas.read(f"kubernetes_validate/kubernetes-json-schema/{KUBERNETES}/_definitions.json"))
    for folder in ("kubernetes", "kubernetes/monitoring", "kubernetes/keda"):
        made = subprocess.run([KUSTOMIZE, "build", DEPLOY / folder], check=True, stdout=subprocess.PIPE, text=True,
                              timeout=60)
        for document in yaml.safe_load_all(made.stdout):
            kind, (*group, version) = document["kind"], document["apiVersion"].split("/")
            if kind in RESOURCES:
                yield complaints(document, resource_schema(document))
                continue
            file = "-".join([kind.lower(), *(part.split(".")[0] for part in group), version])
            schema = json.loads(schemas.read(f"kubernetes_validate/kubernetes-json-schema/{KUBERNETES}/{file}.json"))
            yield complaints(document, schema, definitions)


def main():
    found = list(kubernetes_complaints(kubernetes_schemas()))
    compose_schema = json.loads(module_file(COMPOSE, "schema/compose-spec.json"))
    found.append(complaints(yaml.safe_load((DEPLOY / "compose.yaml").read_text()), compose_schema))
    lines = [line for one in found for line in one]
    print("\n".join(lines) or f"schemas: {len(found)} documents")
    sys.exit(1 if lines else 0)


main()
