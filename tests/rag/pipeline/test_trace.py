from __future__ import annotations

import asyncio

import pytest

from rag.errors import DependencyFailed
from rag.pipeline.trace import NO_SPAN, NoSpan, Timed, Trace
from tests.support.clock import FakeClock
from tests.support.spans import CONTEXT, KeptSpan


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


def test_each_stage_is_a_span_of_the_request_over_the_time_that_the_answer_tells(clock: FakeClock) -> None:
    request = KeptSpan()
    trace = Trace(clock, request)
    with trace.stage("retrieve"):
        clock.advance(0.25)
    (stage,) = request.children
    assert stage.ended_at is not None
    assert (stage.name, stage.client) == ("retrieve", False)
    assert (stage.ended_at - stage.started_at) * 1e3 == trace.timings_ms()["retrieve"] == 250


@pytest.mark.parametrize(
    ("error", "told"), [(DependencyFailed("no"), "DependencyFailed"), (asyncio.CancelledError(), None)]
)
def test_what_failed_says_so_and_what_was_cancelled_has_not_failed(
    clock: FakeClock, error: BaseException, told: str | None
) -> None:
    request = KeptSpan()
    with pytest.raises(type(error)), Timed(request, "embed", clock):
        raise error
    (stage,) = request.children
    assert stage.attributes.get("error.type") == told
    assert stage.ended_at == clock.monotonic()


def test_a_request_that_is_not_traced_hands_on_the_trace_of_its_caller() -> None:
    assert NO_SPAN.child("generate", 0.0).context == {}
    assert NoSpan(CONTEXT).child("generate", 0.0).child("chat m", 0.0, client=True).context == CONTEXT
