"""The manifests as `kubectl apply -k` would send them."""

import shutil
import subprocess
from functools import cache
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
K8S = ROOT / "k8s"
OVERLAYS = ("dev", "gpu", "chaos")
COMPONENT = "app.kubernetes.io/component"


@cache
def rendered(overlay):
    """All objects of an overlay, by kustomize."""
    if shutil.which("kubectl") is None:
        pytest.skip("there is no kubectl, which has kustomize")
    done = subprocess.run(
        ["kubectl", "kustomize", str(K8S / "overlays" / overlay)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return list(yaml.safe_load_all(done.stdout))


@cache
def read_experiments():
    """Name -> objects of each file."""
    files = sorted((K8S / "overlays/chaos/experiments").glob("*.yaml"))
    return {path.stem: list(yaml.safe_load_all(path.read_text(encoding="utf-8"))) for path in files}


class Manifests:
    """The objects of one overlay."""

    def __init__(self, objects):
        self.objects = objects

    def of(self, *kinds):
        return [each for each in self.objects if each["kind"] in kinds]

    def named(self, kind, name):
        (found,) = (each for each in self.of(kind) if each["metadata"]["name"] == name)
        return found

    def pods(self):
        """Owner as kind/name -> pod template."""
        return {f"{each['kind']}/{each['metadata']['name']}": pod for each in self.objects if (pod := template(each))}

    def containers(self):
        """Owner/container -> container, those that run before it included."""
        return {
            f"{owner}/{container['name']}": container
            for owner, pod in self.pods().items()
            for container in [*pod["spec"].get("initContainers", []), *pod["spec"]["containers"]]
        }

    def environment(self, container):
        """Name -> value; of a secret, a word of its own."""
        values = {}
        for source in container.get("envFrom", []):
            values |= self.named("ConfigMap", source["configMapRef"]["name"])["data"]
        for entry in container.get("env", []):
            value = entry.get("value", "a-secret")
            for name, known in values.items():
                value = value.replace(f"$({name})", known)
            values[entry["name"]] = value
        return values


def template(each):
    """The pod template of an object, or None."""
    spec = each.get("spec", {})
    if each["kind"] == "CronJob":
        spec = spec["jobTemplate"]["spec"]
    return spec.get("template") if each["kind"] in {"Deployment", "StatefulSet", "Job", "CronJob"} else None


def selects(selector, labels):
    """Whether a label selector takes the labels, as Kubernetes reads it."""
    chosen = all(labels.get(key) == value for key, value in selector.get("matchLabels", {}).items())
    for rule in selector.get("matchExpressions", []):
        assert rule["operator"] == "In"
        chosen &= labels.get(rule["key"]) in rule["values"]
    return chosen
