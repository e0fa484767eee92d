from dataclasses import replace

import pytest

from evals.pages.latency import hits, section


def test_hits_are_shares_of_the_answers(made):
    figures, _ = made["latency"]
    assert hits(figures) == pytest.approx(30 / 90)
    assert hits(figures | {"errors": figures["requests"]}) is None


def test_a_run_shows_goodput_hits_and_savings(found, texts):
    shown = section([found("latency", "run")])
    values = dict(zip(texts(shown, ".//dt"), texts(shown, ".//dd[@class='value']"), strict=True))
    assert values["From the cache"] == "33.3 %"
    assert values["Saved by the cache"] == "50 %"
    assert values["Errors"] == "1"
    assert "Where the answers came from, share" in texts(shown, ".//figcaption")


def test_runs_stand_beside_each_other_as_distributions(found, texts):
    shown = section([found("latency", "fast"), found("latency", "slow", like="slower")])
    assert {"fast", "slow"} <= set(texts(shown, ".//li"))
    assert texts(shown, ".//h3") == ["fast", "slow"]


def test_figures_alone_are_enough(found, texts):
    shown = section([replace(found("latency", "printed"), rows=())])
    assert not texts(shown, ".//figure")


def test_a_run_that_is_not_valid_says_why(found, texts):
    run = found("latency", "run")
    figures = dict(run.figures) | {"valid": False, "invalid_reasons": ["stopped before its end"]}
    assert "Not valid: stopped before its end." in texts(section([replace(run, figures=figures)]), ".//p")
