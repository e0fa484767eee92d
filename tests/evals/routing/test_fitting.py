from dataclasses import replace

import pytest

from evals.errors import CannotMeasure
from evals.routing.fitting import fit


def test_the_record_tells_how_it_came_about(table):
    record = fit(table, embedder="tiny", data=["made"], date="2026-01-01", licence="MIT", seed=3).record
    assert (record["n"], record["seed"], record["data"]) == (400, 3, ["made"])
    assert (record["date"], record["licence"]) == ("2026-01-01", "MIT")
    assert record["sources"] == {"a": 133, "b": 267}
    assert set(record["held_out"]) == {"a", "b"}


def test_what_teaches_nothing_is_refused(table):
    quality = table.quality.copy()
    quality[:] = 1.0
    with pytest.raises(CannotMeasure, match="nothing to learn"):
        fit(replace(table, quality=quality), embedder="tiny", data=[], date="")
