"""The service with faults in its dense index, on the loopback: `python -m evals.bench.faulty_service PORT`.

It is composed from the settings as `steadyrag serve` is, but for the seams `index:N`. `POST /bench/fault` puts a fault
there at once and tells what the breakers have done since the one before.
"""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any

import orjson
import uvicorn
import uvloop
from starlette.requests import Request
from starlette.responses import Response

from rag.api.app import create_app
from rag.api.json_response import json_response
from rag.api.server import Server
from rag.compose import Wrap, compose
from rag.errors import DependencyFailed
from rag.resilience.events import BreakerChanged, ResilienceEvent
from rag.settings import Settings, load_settings
from rag.telemetry.metrics import Metrics


@dataclass(frozen=True, slots=True)
class Fault:
    """What reading the shards of these numbers meets: a delay in seconds, or, dead, an error at once."""

    shards: Collection[int] = ()
    delay_s: float = 0.0
    dead: bool = False


@dataclass(slots=True)
class Faults:
    """The fault at present, and since it began each change of a breaker as name, state, seconds."""

    clock: Callable[[], float] = time.perf_counter
    fault: Fault = Fault()
    changes: list[tuple[str, str, float]] = field(default_factory=list)
    _since: float = 0.0

    def begin(self, fault: Fault) -> list[tuple[str, str, float]]:
        """Put it in place; gives the changes under the one before."""
        seen, self.changes = self.changes, []
        self.fault, self._since = fault, self.clock()
        return seen

    def event(self, event: ResilienceEvent) -> None:
        """Take note of a breaker's change."""
        if isinstance(event, BreakerChanged):
            self.changes.append((event.name, event.new, self.clock() - self._since))

    def wrap(self, seam: str, adapter: Any) -> Any:
        """For `compose`: the shards of the dense index, each within reach of the faults."""
        kind, _, number = seam.partition(":")
        return FaultyShard(adapter, int(number), self) if kind == "index" else adapter

    async def meet(self, shard: int) -> None:
        """What a read of the shard meets."""
        if shard in self.fault.shards:
            await asyncio.sleep(self.fault.delay_s)
            if self.fault.dead:
                raise DependencyFailed(f"shard {shard} is dead")


class FaultyShard:
    """A shard whose reads meet the fault; everything else goes through."""

    def __init__(self, inner: Any, number: int, faults: Faults) -> None:
        self._inner = inner
        self._number = number
        self._faults = faults

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def search(self, *query: Any, **options: Any) -> Any:
        """See `rag.ports.PassageIndex`."""
        await self._faults.meet(self._number)
        return await self._inner.search(*query, **options)

    async def vectors(self, *query: Any, **options: Any) -> Any:
        """See `rag.ports.PassageVectors`."""
        await self._faults.meet(self._number)
        return await self._inner.vectors(*query, **options)


async def serve(settings: Settings, port: int, *, signals: Collection[signal.Signals] = (signal.SIGTERM,)) -> None:
    """Serve until a signal comes."""
    metrics, faults = Metrics(), Faults()
    wrap: Wrap = faults.wrap

    def observe(event: ResilienceEvent) -> None:
        metrics.event(event)
        faults.event(event)

    service = await compose(settings, wrap=wrap, observe=metrics.answer, on_event=observe)
    try:
        app = create_app(service, metrics)

        async def begin(request: Request) -> Response:
            return json_response(faults.begin(Fault(**orjson.loads(await request.body()))))

        app.router.add_route("/bench/fault", begin, methods=["POST"])
        server = Server(uvicorn.Config(app, port=port, log_level="warning", access_log=False))
        for number in signals:
            asyncio.get_running_loop().add_signal_handler(number, server.handle_exit, number, None)
        await server.serve()
    finally:
        await service.aclose()


if __name__ == "__main__":
    uvloop.run(serve(load_settings(), int(sys.argv[1])))
