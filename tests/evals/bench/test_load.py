import asyncio

import pytest

from evals.bench import load
from evals.load.queue_model import Service
from evals.load.stub_model import StubModel

GOOD = {"valid": True, "errors": 0, "events_per_answer": 8.0, "ttft_p50_ms": {"reported": 21.0, "true": 20.0}}
STALLS = {"open_p95_ms": 1500.0, "closed_p95_ms": 6.0}


@pytest.mark.parametrize(
    ("change", "failed"),
    [
        ({}, set()),
        ({"valid": False}, {"holds_1000_streams"}),
        ({"errors": 1}, {"holds_1000_streams"}),
        ({"events_per_answer": 7.9}, {"holds_1000_streams"}),
        ({"ttft_p50_ms": {"reported": 22.1, "true": 20.0}}, {"ttft_within_2_ms"}),
        ({"open_p95_ms": 999.0}, {"stall_exposed"}),
        ({"closed_p95_ms": 21.0}, {"stall_hidden_by_closed_loop"}),
    ],
)
def test_each_question_has_its_answer(change, failed):
    run = {name: change.get(name, value) for name, value in GOOD.items()}
    stalls = {name: change.get(name, value) for name, value in STALLS.items()}
    assert {name for name, holds in load.verdicts(run, stalls).items() if not holds} == failed


async def test_streams_are_held_against_the_stubs_truth(monkeypatch):
    monkeypatch.setattr(load, "RATE_RPS", 50.0)
    async with StubModel(Service(service_time_s=0.02, itl_s=0.001)) as stub:
        figures = await load.streams(stub.url, 0.3, seed=1)
    assert (figures["errors"], figures["events_per_answer"]) == (0, 8.0)
    assert 20.0 <= figures["ttft_p50_ms"]["true"] <= figures["ttft_p50_ms"]["reported"]


async def test_a_closed_loop_waits_for_each_reply(monkeypatch):
    monkeypatch.setattr(load, "CLOSED_LOOP_USERS", 2)
    async with StubModel(Service(service_time_s=0.01, events=1)) as stub:
        e2e_s = await load.closed_loop(stub.url, 0.1)
    assert len(e2e_s) == len(stub.served) <= 2 * (0.1 / 0.01 + 1)
    assert min(e2e_s) >= 0.01


async def test_the_stall_reaches_the_stub_while_the_body_runs(monkeypatch):
    monkeypatch.setattr(load, "STALL_AT_S", 0.0)
    async with StubModel() as stub:
        stalls = asyncio.Queue()
        stub.queue.stall = stalls.put_nowait
        async with load.stalled(stub.url):
            assert await stalls.get() == load.STALL_S
