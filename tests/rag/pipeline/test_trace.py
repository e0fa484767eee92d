from __future__ import annotations

import pytest

from rag.pipeline.trace import Trace
from tests.support.clock import FakeClock


def test_stages_are_told_in_milliseconds_with_the_total(clock: FakeClock) -> None:
    trace = Trace(clock)
    with trace.stage("retrieve"):
        clock.advance(0.0125)
    clock.advance(0.1)
    with trace.stage("generate"):
        clock.advance(1)
    clock.advance(0.5)
    assert trace.timings_ms() == pytest.approx({"retrieve": 12.5, "generate": 1_000, "total": 1_612.5})


def test_a_stage_that_runs_again_adds_up(clock: FakeClock) -> None:
    trace = Trace(clock)
    for _ in range(3):
        with trace.stage("embed"):
            clock.advance(0.002)
    trace.add("embed", 0.001)
    assert trace.timings_ms() == pytest.approx({"embed": 7, "total": 6})


def test_a_stage_that_fails_is_timed_too(clock: FakeClock) -> None:
    trace = Trace(clock)

    def fail() -> None:
        with trace.stage("retrieve"):
            clock.advance(0.25)
            raise ValueError

    with pytest.raises(ValueError):
        fail()
    assert trace.timings_ms()["retrieve"] == 250


def test_stages_may_overlap(clock: FakeClock) -> None:
    trace = Trace(clock)
    with trace.stage("retrieve"):
        clock.advance(0.001)
        with trace.stage("embed"):
            clock.advance(0.002)
    assert trace.timings_ms() == pytest.approx({"retrieve": 3, "embed": 2, "total": 3})


def test_a_trace_without_stages_has_a_total(clock: FakeClock) -> None:
    assert Trace(clock).timings_ms() == {"total": 0}
