import io

from rich.console import Console

from chaos.catalogue import named
from chaos.tables import listed, shown, swept

FIGURES = {
    "experiment": "redis-down",
    "verdict": "fail",
    "reasons": ["availability is 0.9, below 1"],
    "availability": 0.9,
    "p95_ratio": 1.23456,
    "unlabelled_degraded": 0,
    "time_to_open_s": None,
    "recovery_s": 3.0,
}


def drawn(table):
    console = Console(file=io.StringIO(), width=200)
    console.print(table)
    return console.file.getvalue()


def test_experiments_are_listed_with_their_claims():
    text = drawn(listed(named("core")))
    assert "redis-stall (core)" in text
    assert "A cache store that hangs holds nobody up" in text


def test_figures_are_shown_with_the_reasons_of_a_failure():
    text = drawn(shown([FIGURES]))
    assert "redis-down: availability is 0.9, below 1" in text
    assert "1.235" in text


def test_a_sweep_shows_where_it_breaks():
    row = {**FIGURES, "value": 500, "p95_ms": 12.0}
    found = {"experiment": "x", "parameter": "latency_ms", "holds_up_to": 250, "breaks_at": 500, "table": [row]}
    assert "holds up to 250, breaks at 500" in drawn(swept(found))
    assert "holds up to -, never broke" in drawn(swept({**found, "holds_up_to": None, "breaks_at": None}))
