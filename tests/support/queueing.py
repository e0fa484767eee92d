"""A server with a queue, and open-loop load on it: a discrete-event simulation when run on the virtual-time loop."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field

from rag.errors import Overloaded


class Server:
    """Serves `capacity` calls at once, the rest waits in line without bound.

    `service_s` is a number of seconds or a function that draws one.
    """

    def __init__(self, capacity, service_s):
        self.capacity = capacity
        self.service_s = service_s
        self.calls = 0
        self._places = asyncio.Semaphore(capacity)

    async def __call__(self):
        self.calls += 1
        async with self._places:
            await asyncio.sleep(self.service_s() if callable(self.service_s) else self.service_s)


@dataclass
class Report:
    """What became of the requests of a phase; times in seconds."""

    duration_s: float = 0.0
    latencies_s: list = field(default_factory=list)
    rejected_after_s: list = field(default_factory=list)
    retry_after_s: list = field(default_factory=list)
    offered: Counter = field(default_factory=Counter)
    admitted: Counter = field(default_factory=Counter)
    done_in_phase: int = 0

    @property
    def goodput_rps(self):
        return self.done_in_phase / self.duration_s

    def share_admitted(self, priority):
        return self.admitted[priority] / self.offered[priority]


def percentile(values, share):
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


async def offer(server, limiter, rng, *, rps, requests, interactive=1.0, timeout_s=30.0):
    """Poisson arrivals that wait for nobody; each goes through the limiter to the server."""
    loop, report, running = asyncio.get_running_loop(), Report(), []
    started = loop.time()

    async def request(priority):
        came = loop.time()
        report.offered[priority] += 1
        try:
            async with limiter.slot(priority=priority, timeout_s=timeout_s):
                await server()
        except Overloaded as refusal:
            report.rejected_after_s.append(loop.time() - came)
            report.retry_after_s.append(refusal.retry_after_s)
            return
        report.admitted[priority] += 1
        report.latencies_s.append(loop.time() - came)
        report.done_in_phase += not report.duration_s

    for _ in range(requests):
        await asyncio.sleep(rng.expovariate(rps))
        priority = "interactive" if rng.random() < interactive else "batch"
        running.append(asyncio.create_task(request(priority)))
    report.duration_s = loop.time() - started
    await asyncio.gather(*running)
    return report
