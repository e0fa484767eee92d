"""Every experiment has its runbook, every runbook its experiment; what they tell to look at exists."""

import re
from pathlib import Path

import pytest

from rag.telemetry.metrics import Metrics

ROOT = Path(__file__).resolve().parents[2]
RUNBOOKS = sorted((ROOT / "docs" / "operations").glob("*.md"))
EXPERIMENTS = sorted((ROOT / "chaos" / "experiments").glob("*.yaml"))
PARTS = ["What you see", "What the system does", "What to do", "How long it takes"]
#: What Prometheus' format adds to the name of a histogram.
SERIES = re.compile(r"_(bucket|count|sum)$")


@pytest.fixture(scope="module")
def metrics():
    """Names of everything that the service counts."""
    declared = re.findall(r"^# TYPE (\w+) ", Metrics().render().decode(), re.M)
    return set(declared)


@pytest.fixture(params=RUNBOOKS, ids=lambda page: page.stem)
def runbook(request):
    return request.param.read_text(encoding="utf-8")


def test_an_experiment_has_a_runbook_and_a_runbook_an_experiment():
    assert [page.stem for page in RUNBOOKS] == [file.stem for file in EXPERIMENTS]


def test_every_runbook_is_reached_from_operations():
    text = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    assert set(re.findall(r"\(operations/([\w-]+)\.md\)", text)) == {page.stem for page in RUNBOOKS}


def test_a_runbook_answers_the_same_questions(runbook):
    assert re.findall(r"^## (.+)$", runbook, re.M) == PARTS


def test_a_runbook_is_short(runbook):
    assert len(runbook.splitlines()) <= 45


def test_metrics_that_a_runbook_names_exist(runbook, metrics):
    named = {SERIES.sub("", name) for name in re.findall(r"steadyrag_[a-z_]+", runbook)}
    assert named
    assert not named - metrics


def test_a_name_that_does_not_exist_is_seen(metrics):
    assert "steadyrag_breaker_state" in metrics
    assert "steadyrag_breakers_state" not in metrics
