"""Prometheus' own tool reads the rules and tries them on series: each alert fires on its trouble, and only then."""

import subprocess

import pytest
import yaml

from tests.support.debian import program
from tests.support.manifests import K8S

TESTS = sorted((K8S / "monitoring/tests").glob("*.yaml"))


@pytest.fixture(scope="module")
def promtool():
    return program("promtool", "prometheus")


@pytest.fixture(scope="module")
def folder(tmp_path_factory, rule_groups):
    """The rules as Prometheus reads them, beside their tests."""
    place = tmp_path_factory.mktemp("rules")
    (place / "rules.yaml").write_text(yaml.safe_dump({"groups": rule_groups}), encoding="utf-8")
    for path in TESTS:
        (place / path.name).write_bytes(path.read_bytes())
    return place


def run(folder, *command):
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_prometheus_reads_the_rules(promtool, folder, rule_groups):
    count = sum(len(group["rules"]) for group in rule_groups)
    assert f"{count} rules found" in run(folder, promtool, "check", "rules", "rules.yaml")


@pytest.mark.slow
@pytest.mark.parametrize("tests", TESTS, ids=lambda path: path.stem)
def test_alerts_fire_when_they_should(promtool, folder, tests):
    assert "SUCCESS" in run(folder, promtool, "test", "rules", tests.name)


def alerts(groups):
    """Name and window of each alert."""
    rules = [rule for group in groups for rule in group["rules"] if "alert" in rule]
    return {(rule["alert"], rule.get("labels", {}).get("window", "")) for rule in rules}


def expected(path):
    """What the tests of a file expect to fire."""
    checks = [check for test in yaml.safe_load(path.read_text())["tests"] for check in test["promql_expr_test"]]
    samples = [
        sample["labels"] for check in checks for sample in check["exp_samples"] if "alertname" in sample["labels"]
    ]
    named = [dict(part.split("=") for part in labels.strip("{}").replace('"', "").split(",")) for labels in samples]
    return {(each["alertname"], each.get("window", "")) for each in named}


def test_each_alert_is_seen_to_fire(rule_groups):
    assert set().union(*map(expected, TESTS)) == alerts(rule_groups)


def test_groups_are_evaluated_in_their_order(rule_groups):
    for path in TESTS:
        assert yaml.safe_load(path.read_text())["group_eval_order"] == ordered(rule_groups)


def ordered(groups):
    """Their names, those of objectives first; what records stands before what reads it."""
    names = [group["name"] for group in groups]
    return [
        each for part in ("slo", "service", "dependencies") for each in names if each.startswith(f"steadyrag-{part}")
    ]


def test_alerts_say_how_urgent_they_are_and_what_is_wrong(rule_groups):
    for group in rule_groups:
        for rule in (each for each in group["rules"] if "alert" in each):
            assert rule["labels"]["severity"] in {"page", "ticket"}
            assert rule["annotations"]["summary"]
