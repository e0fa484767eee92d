import sys

import pytest

from evals.errors import CannotMeasure
from evals.suite.plan import Step
from evals.suite.run import run_suite

PYTHON = (sys.executable, "-c")
PASS, FAIL = "print('noise'); print('{\"n\": 3}')", "raise SystemExit(1)"


@pytest.fixture
def battery(tmp_path):
    """Runs steps of Python; gives what came of them, and the names of those that were run."""

    def call(*steps):
        begun = []
        done = list(run_suite(steps, tmp_path / "out", started=lambda step: begun.append(step.name), command=PYTHON))
        return {each.name: each for each in done}, begun

    return call


def test_a_step_passes_with_its_figures_and_its_output_is_kept(battery, tmp_path):
    done, _ = battery(Step("a", (PASS,)))
    assert (done["a"].outcome, done["a"].status, done["a"].figures) == ("passed", 0, {"n": 3})
    assert (tmp_path / "out/a.out").read_text().startswith("noise")


def test_a_failure_ends_neither_the_battery_nor_spares_those_that_need_it(battery):
    done, begun = battery(
        Step("a", (FAIL,)), Step("b", (PASS,), ("a",)), Step("c", (PASS,), ("b",)), Step("d", (PASS,))
    )
    assert {name: each.outcome for name, each in done.items()} == {
        "a": "failed",
        "b": "skipped",
        "c": "skipped",
        "d": "passed",
    }
    assert (done["a"].status, done["b"].status, begun) == (1, None, ["a", "d"])


def test_what_passed_is_not_run_again_unless_its_words_change(battery):
    battery(Step("a", (PASS,)), Step("b", (FAIL,)))
    done, begun = battery(Step("a", (PASS,)), Step("b", (PASS + " ",)))
    assert (begun, done["a"].figures, done["b"].outcome) == (["b"], {"n": 3}, "passed")
    assert battery(Step("a", (PASS + "\n",)), Step("b", (PASS + " ",)))[1] == ["a"]


def test_after_a_stop_it_goes_on_with_the_step_that_was_stopped(battery, tmp_path):
    flag = tmp_path / "flag"
    once = (
        f"import pathlib; p = pathlib.Path({str(flag)!r}); e = p.exists(); p.touch(); raise SystemExit(0 if e else 130)"
    )
    steps = Step("a", (PASS,)), Step("b", (once,)), Step("c", (PASS,))
    done, _ = battery(*steps)
    assert [each.outcome for each in done.values()] == ["passed", "stopped"]
    assert battery(*steps)[1] == ["b", "c"]


@pytest.mark.parametrize("printed", ["print()", "print('[1]')", "print('words')", "pass"])
def test_a_step_that_prints_no_object_has_no_figures(battery, printed):
    assert battery(Step("a", (printed,)))[0]["a"].figures == {}


@pytest.mark.parametrize("content", ["{", "{}", '{"steps": [{"name": 1}]}'])
def test_a_folder_that_holds_something_else_is_refused(battery, tmp_path, content):
    (tmp_path / "out").mkdir()
    (tmp_path / "out/suite.json").write_text(content)
    with pytest.raises(CannotMeasure, match="cannot be used"):
        battery(Step("a", (PASS,)))
