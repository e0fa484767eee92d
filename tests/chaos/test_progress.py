import asyncio
import io

import pytest
from rich.console import Console

from chaos.load.server import LoadServer
from chaos.load.traffic import PHASE, Traffic, TrafficOptions
from chaos.progress import table, watch
from evals.load.queue_model import Service
from evals.load.stub_model import StubModel

FIGURES = {
    "at_s": 12.0, "phase": "fault", "rate_rps": 25.0, "answered_rps": 24.6, "p95_ms": 81.0, "degraded_share": 1.0,
    "unlabelled_degraded": 2, "in_flight": 3, "errors": {"http_503": 4}, "doing": "delay Qdrant",
}  # fmt: skip


def drawn(renderable):
    console = Console(file=io.StringIO(), width=120)
    console.print(renderable)
    return console.file.getvalue()


def test_a_moment_in_figures():
    text = drawn(table("vector-db-latency", FIGURES))
    for word in ("vector-db-latency, 12 s", "fault", "24.6", "81", "100%", "4 http_503", "delay Qdrant"):
        assert word in text


@pytest.mark.parametrize(("missing", "shown"), [("p95_ms", "-"), ("degraded_share", "0%")])
def test_what_is_not_known_is_said(missing, shown):
    assert shown in drawn(table("x", {**FIGURES, missing: None, "errors": {}}))


async def test_each_phase_is_told_until_the_load_has_ended():
    console = Console(file=io.StringIO(), width=100)
    async with StubModel(Service(service_time_s=0.001)) as stub:
        traffic = Traffic(TrafficOptions(stub.url, 20.0, 1, 5.0), ["why?"])
        async with LoadServer(traffic) as load:
            watching = asyncio.create_task(watch("redis-down", load.url, console))
            async with asyncio.timeout(20):
                while "redis-down: warm-up" not in console.file.getvalue():  # noqa: ASYNC110
                    await asyncio.sleep(0.001)
                traffic.note(PHASE, "baseline")
                while "redis-down: baseline" not in console.file.getvalue():  # noqa: ASYNC110
                    await asyncio.sleep(0.001)
        async with asyncio.timeout(20):
            await watching
