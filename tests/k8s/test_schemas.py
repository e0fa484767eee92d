"""Every object is one that Kubernetes, or the operator of its kind, would take."""

import jsonschema
import pytest
import yaml

from tests.support.manifests import ROOT

SCHEMAS = yaml.safe_load((ROOT / "tests/k8s/custom_resources.yaml").read_text(encoding="utf-8"))
VERSIONS = {
    "keda.sh/v1alpha1": {"ScaledObject", "TriggerAuthentication"},
    "monitoring.coreos.com/v1": {"ServiceMonitor", "PodMonitor", "PrometheusRule"},
    "chaos-mesh.org/v1alpha1": {"NetworkChaos", "PodChaos", "HTTPChaos", "StressChaos", "Schedule"},
}
KUBERNETES = "1.32"


def test_custom_resources_fit_their_definitions(manifests):
    for each in manifests.objects:
        if each["apiVersion"] in VERSIONS:
            assert each["kind"] in VERSIONS[each["apiVersion"]]
            jsonschema.validate(each["spec"], SCHEMAS[each["kind"]] | {"$defs": SCHEMAS["$defs"]})


@pytest.mark.slow
def test_kubernetes_takes_the_rest(manifests):
    validate = pytest.importorskip("kubernetes_validate", reason="pip install kubernetes-validate: 100 MB of schemas")
    for each in manifests.objects:
        if each["apiVersion"] not in VERSIONS:
            validate.validate(each, KUBERNETES, strict=True)


def test_a_misspelt_field_does_not_pass():
    spec = {"scaleTargetRef": {"name": "x"}, "triggers": [{"type": "prometheus", "metadata": {}}], "minReplicas": 1}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(spec, SCHEMAS["ScaledObject"] | {"$defs": SCHEMAS["$defs"]})
