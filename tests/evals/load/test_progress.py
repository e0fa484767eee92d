import asyncio
import io

import pytest
from rich.console import Console

from evals.load.generator import Generator, LoadRun
from evals.load.plan import Plan
from evals.load.progress import table, watch
from evals.load.records import Record, Shot
from evals.load.report import summary
from evals.load.slo import Slo


def drawn(renderable):
    console = Console(file=io.StringIO(), width=100)
    console.print(renderable)
    return console.file.getvalue()


def test_the_table_holds_the_main_figures():
    records = [Record("a", 0.0, 0.001, 0.2, ttft_s=0.1, degraded=["x"]), Record("b", 0.5, 0.001, 0.2, error="timeout")]
    text = drawn(table(summary(LoadRun(records, 1.0, 0.1, interrupted=False), Slo())))
    for part in ("2.0 requests/s offered, 1.0 answered", "100.0", "200.0", "1 errors", "1 degraded", "lag p99 1.0 ms"):
        assert part in text


def test_the_table_of_an_empty_run_has_dashes():
    assert drawn(table(summary(LoadRun([], 1.0, 0.1, interrupted=False), Slo()))).count(" - ") == 12


@pytest.mark.parametrize("terminal", [True, False])
def test_progress_follows_the_run(in_virtual_time, terminal):
    console = Console(file=io.StringIO(), width=100, force_terminal=terminal)

    async def main(clock):
        async def ask(_shot, reply):
            reply.fail("timeout", clock())

        load = Generator(ask, clock=clock, cpu_clock=clock)
        planned = Plan([Shot(0.25 * n, "q") for n in range(20)], window_s=5.0)
        async with asyncio.TaskGroup() as group:
            watching = group.create_task(watch(load, planned=planned, url="http://here", console=console))
            await load.run(planned.shots, planned.window_s)
            watching.cancel()

    in_virtual_time(main)
    text = console.file.getvalue()
    assert "sending 20 requests over 5 s to http://here" in text
    assert "20/20 ended" in text
    assert ("0 in flight, 8 errors" in text) == terminal
