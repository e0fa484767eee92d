"""What kustomize makes of the overlays, and what is monitored."""

import json

import pytest
import yaml

from tests.support.manifests import K8S, OVERLAYS, Manifests, read_experiments, rendered


@pytest.fixture(params=OVERLAYS)
def manifests(request):
    """Each overlay; that of chaos with its experiments."""
    extra = [each for found in read_experiments().values() for each in found] if request.param == "chaos" else []
    return Manifests(rendered(request.param) + extra)


@pytest.fixture
def production():
    return Manifests(rendered("gpu"))


@pytest.fixture(scope="session")
def experiments():
    return read_experiments()


@pytest.fixture(scope="session")
def k8s():
    return K8S


@pytest.fixture(scope="session")
def rule_groups():
    """The groups of all Prometheus rules."""
    files = sorted((K8S / "monitoring/rules").glob("*.yaml"))
    return [group for path in files for group in yaml.safe_load(path.read_text())["spec"]["groups"]]


@pytest.fixture(scope="session")
def dashboard():
    return json.loads((K8S / "monitoring/dashboards/steadyrag.json").read_text(encoding="utf-8"))
