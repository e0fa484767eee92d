from dataclasses import replace

from evals.pages.sweep import section, sentence


def test_the_picture_has_knee_objective_and_operating_point(found, texts):
    shown = section([found("sweep", "s")])
    assert {"knee", "sustained"} <= set(texts(shown, ".//text"))
    assert "run here: 32 a second, p99 98.4 ms" in texts(shown, ".//title")
    assert "objective 500 ms" in texts(shown, ".//li")
    assert texts(shown, ".//strong") == [
        "Sustains 40 requests a second within e2e=0.5 for 99 % of them; the knee lies at 40; run at 32."
    ]


def test_a_sweep_that_found_no_rate(found, texts):
    figures = dict(found("sweep").figures) | {"max_sustainable_rps": None, "operating_point": None, "valid": False}
    assert sentence(figures) == "No rate that was tried keeps the objective (e2e=0.5)."
    shown = section([replace(found("sweep"), figures=figures)])
    assert "run here" not in shown
    assert "Not valid: at some rate the load generator lagged." in texts(shown, ".//p")


def test_several_are_compared(found, texts):
    shown = section([found("sweep", "one"), found("sweep", "two")])
    assert texts(shown, ".//table")[0].startswith("objectivesustainedkneerun atone")
    assert texts(shown, ".//h3") == ["one", "two"]
