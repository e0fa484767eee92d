"""Every expression of rules, dashboard and scalers names a metric, with labels, that somebody exports."""

import re

import promql_parser as promql
import pytest

from rag.access.limiter import UNAVAILABLE
from rag.telemetry.metrics import SECONDS, Metrics
from tests.support.manifests import K8S

#: What Prometheus puts on every series of a target, and its operator on those of pods.
OF_PROMETHEUS = {"job", "instance", "namespace", "pod", "service", "container", "endpoint"}
SUFFIXES = {"counter": ("_total",), "gauge": ("",), "histogram": ("_bucket", "_count", "_sum")}
PARTS = {"expr", "lhs", "rhs", "args", "vector_selector", "param"}


def selectors(node):
    """The vector selectors of an expression."""
    if isinstance(node, promql.VectorSelector):
        return [node]
    parts = [getattr(node, name) for name in PARTS if hasattr(node, name)]
    flat = [each for part in parts for each in (part if isinstance(part, list) else [part])]
    return [found for each in flat if not isinstance(each, str | float) for found in selectors(each)]


def parse(expression):
    """As Prometheus reads it; of Grafana's variables, any value will do."""
    return promql.parse(expression.replace("$__rate_interval", "5m").replace("$namespace", "steadyrag"))


def exported_by_others():
    """Series of vLLM, Qdrant, the Redis exporter and DCGM, from the lists that are checked in."""
    (prefix,) = re.findall(r"METRICS_PREFIX\n\s+value: (\w+)", (K8S / "base/qdrant.yaml").read_text(encoding="utf-8"))
    names = set()
    for path in sorted((K8S / "monitoring/exported").glob("*.txt")):
        source, *lines = path.read_text(encoding="utf-8").splitlines()
        assert source.startswith("# ")
        for name, kind in map(str.split, lines):
            full = f"{prefix}{name}" if path.stem == "qdrant" else name
            as_it_is = kind == "counter" and (name.endswith("_total") or path.stem == "dcgm")
            names |= {full} if as_it_is else {full + suffix for suffix in SUFFIXES[kind]}
    return names


@pytest.fixture(scope="module")
def ours(watched):
    """Series that the service exports -> the labels that they have."""
    labels = {}
    metrics = Metrics()
    for collector in set(metrics._registry._collector_to_names):
        for name in metrics._registry._collector_to_names[collector]:
            labels[name] = {*collector._labelnames, *({"le"} if name.endswith("_bucket") else ())}
    return labels | {name: set() for name in watched}


@pytest.fixture(scope="module")
def watched():
    """Gauges that the app asks for at each scrape: their names stand where it is put together."""
    source = (K8S.parent / "rag/api/app.py").read_text(encoding="utf-8")
    names = set(re.findall(r'metrics\.watch\("(\w+)"', source))
    assert "steadyrag_log_position" in names
    return names


@pytest.fixture(scope="module")
def recorded(rule_groups):
    return {rule["record"] for group in rule_groups for rule in group["rules"] if "record" in rule}


@pytest.fixture(scope="module")
def expressions(rule_groups, dashboard):
    """Where it stands -> expression."""
    found = {f"rule {name(rule)}": rule["expr"] for group in rule_groups for rule in group["rules"]}
    for panel in dashboard["panels"]:
        for target in panel.get("targets", []):
            found[f"panel {panel['title']} {panel['id']}{target['refId']}"] = target["expr"]
    scaling = (K8S / "overlays/gpu/scaling.yaml").read_text(encoding="utf-8")
    return found | {f"scaler {n}": query for n, query in enumerate(re.findall(r"^ +query: (.*)$", scaling, re.M))}


def name(rule):
    """A rule's name with what tells it from others of that name."""
    return " ".join([rule.get("record") or rule["alert"], *rule.get("labels", {}).values()])


def test_there_is_something_to_check(expressions, rule_groups):
    rules = sum(len(group["rules"]) for group in rule_groups)
    assert sum(each.startswith("rule") for each in expressions) == rules
    assert sum(each.startswith("panel") for each in expressions) > 40
    assert sum(each.startswith("scaler") for each in expressions) == 2


def test_every_expression_names_exported_metrics(expressions, ours, recorded):
    known = {*ours, *recorded, *exported_by_others()}
    used = {where: {each.name for each in selectors(parse(text))} for where, text in expressions.items()}
    assert all(used.values())
    assert not {where: names - known for where, names in used.items() if names - known}


def test_labels_of_our_metrics_are_those_that_they_have(expressions, ours):
    for where, text in expressions.items():
        for selector in selectors(parse(text)):
            if selector.name in ours:
                asked = {matcher.name for matcher in selector.matchers.matchers}
                assert asked <= ours[selector.name] | OF_PROMETHEUS, where


def test_no_label_of_ours_is_one_of_prometheus(ours):
    """It would be renamed to `exported_...` where the operator puts its own."""
    assert not {metric for metric, labels in ours.items() if labels & OF_PROMETHEUS}


def test_labels_that_sums_keep_are_there(expressions, ours):
    kept = re.compile(r"(?:sum|max|min) by \(([^)]*)\) \((?:rate\()?(steadyrag_\w+)")
    for where, text in expressions.items():
        for names, metric in kept.findall(text):
            assert set(names.replace(" ", "").split(",")) <= ours[metric] | OF_PROMETHEUS, where


def test_bounds_of_buckets_are_bounds_that_there_are(expressions):
    asked = {float(bound) for text in expressions.values() for bound in re.findall(r'le="([\d.]+)"', text)}
    assert asked
    assert asked <= set(map(float, SECONDS))


def test_the_route_is_one_that_the_api_has(expressions):
    from rag.api.chat import CHAT_ROUTE

    assert {route for text in expressions.values() for route in re.findall(r'route="([^"]*)"', text)} == {CHAT_ROUTE}


def test_reasons_of_refusals_are_those_that_there_are(expressions):
    asked = {why for text in expressions.values() for why in re.findall(r'limit_refusals_total{reason="([^"]*)"', text)}
    assert asked == {UNAVAILABLE}


def test_selectors_are_found_wherever_they_stand():
    text = 'sum by (a) (rate(m_total{x="1"}[5m])) / on (a) group_left () (n > 0) and absent(o offset 5m) or -q * 2'
    assert {each.name for each in selectors(promql.parse(text))} == {"m_total", "n", "o", "q"}
    quantile = "histogram_quantile(0.9, sum by (le) (rate(b_bucket[5m])))"
    assert [each.name for each in selectors(promql.parse(quantile))] == ["b_bucket"]
