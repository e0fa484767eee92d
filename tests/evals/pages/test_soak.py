from dataclasses import replace

from evals.pages.soak import section


def test_steady(found, texts):
    shown = section([found("soak", "s")])
    assert texts(shown, ".//h3") == ["s ✓ steady"]
    assert texts(shown, ".//figcaption/b") == ["memory (RSS)", "handles", "threads", "p50", "p99"]


def test_a_leak_is_named(found, texts):
    shown = section([found("soak", "s", like="leak")])
    assert texts(shown, ".//h3") == ["s ✗ grows: memory (RSS)"]
    assert [row[-5:] for row in texts(shown, ".//tbody/tr")][:2] == ["grows", "teady"]


def test_a_service_that_went_away_is_not_steady(found, texts):
    each = found("soak", "s")
    shown = section([replace(each, figures=dict(each.figures) | {"lost": "cannot measure process 7"})])
    assert texts(shown, ".//h3") == ["s ✗ too short to tell"]
    assert "Ended early: cannot measure process 7." in texts(shown, ".//p")


def test_without_trends_there_is_no_table(found, texts):
    each = found("soak", "s")
    shown = section([replace(each, figures=dict(each.figures) | {"trends": {}, "judged": False})])
    assert texts(shown, ".//h3") == ["s ✗ too short to tell"]
    assert not texts(shown, ".//table")
