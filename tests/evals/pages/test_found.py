import json

import pytest

from evals.errors import CannotMeasure
from evals.pages.found import find, kind_of


def test_runs_are_found_below_a_folder_and_a_sweep_tells_of_its_rates(stored, made, tmp_path):
    stored("all/sweep", "sweep", made["sweep"])
    stored("all/sweep/rate-10", "latency", made["latency"])
    stored("all/one", "latency", made["latency"])
    found = find([tmp_path / "all"])
    assert [(each.name, each.kind) for each in found] == [("one", "latency"), ("sweep", "sweep")]
    assert [len(each.rows) for each in found] == [91, 4]
    assert [each.name for each in find([tmp_path / "all/one"])] == ["one"]


def test_what_a_suite_printed_counts_where_no_folder_holds_it(stored, made, tmp_path):
    stored("all/kept", "latency", made["latency"])
    steps = [{"name": kind, "figures": made[kind][0]} for kind in ("cache", "latency")] + [{"name": "other"}]
    (tmp_path / "all/suite.json").write_text(json.dumps({"steps": steps}))
    assert [(each.name, each.kind) for each in find([tmp_path / "all"])] == [
        ("kept", "latency"),
        ("all", "suite"),
        ("all: cache", "cache"),
    ]


PRINTED = (
    "cache",
    "routing",
    "retrieval",
    "answers",
    "sweep",
    "soak",
    "latency",
    "suite",
    "waterfall",
    "profile",
    "plan",
)


@pytest.mark.parametrize("kind", PRINTED)
def test_printed_figures_are_told_by_their_keys(made, kind):
    assert kind_of(made[kind][0]) == kind
    assert kind_of({"other": 1}) is None


def test_the_last_line_of_what_was_printed_counts(made, tmp_path):
    path = tmp_path / "cache.json"
    path.write_text(f"first\n{json.dumps(made['cache'][0])}\n")
    assert [(each.name, each.kind, each.run) for each in find([path])] == [("cache", "cache", None)]


@pytest.mark.parametrize("content", ["", "[]", "{", '{"other": 1}'])
def test_what_holds_no_run_is_refused(tmp_path, content):
    (tmp_path / "x.json").write_text(content)
    with pytest.raises(CannotMeasure, match=r"x\.json"):
        find([tmp_path / "x.json"])


def test_an_empty_folder_and_a_broken_suite_are_refused(tmp_path):
    with pytest.raises(CannotMeasure, match="holds no run"):
        find([tmp_path])
    (tmp_path / "suite.json").write_text('{"steps": [1]}')
    with pytest.raises(CannotMeasure, match=r"suite\.json"):
        find([tmp_path])
