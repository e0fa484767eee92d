"""A replica of the service whose seams are within reach of faults: `python -m chaos.lab.service PORT --name api-0 ...`.

It is composed from the settings as `steadyrag serve` is. `POST /lab/faults/{name}` puts a fault in place,
`DELETE /lab/faults` and `DELETE /lab/faults/{name}` take them away, `GET /lab/faults` lists them.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path

import uvicorn
import uvloop
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from chaos.errors import BadRequest
from chaos.faults.registry import Faults
from chaos.faults.request import parse
from chaos.lab.addresses import HOST
from chaos.lab.journal import Journal
from rag.api.app import create_app
from rag.api.json_response import json_response
from rag.api.server import Server
from rag.compose import Service, compose
from rag.errors import Unavailable
from rag.resilience.events import ResilienceEvent
from rag.settings import Settings, load_settings
from rag.telemetry.metrics import Metrics

log = logging.getLogger(__name__)

#: Between two tries to reach what the service needs.
RETRY_S = 0.1


async def serve(settings: Settings, port: int, journal: Journal, *, seed: int | str) -> None:
    """Serve until SIGTERM."""
    metrics, faults = Metrics(), Faults(seed, journal.fault)

    def on_event(event: ResilienceEvent) -> None:
        metrics.event(event)
        journal.breaker(event)

    service = await _patiently(
        lambda: compose(settings, wrap=faults.wrap, observe=metrics.answer, on_event=on_event, background=True)
    )
    try:
        app = create_app(service, metrics)
        add_fault_routes(app, faults)
        graceful_s = max(1, round(settings.shutdown_s))
        server = Server(
            uvicorn.Config(app, HOST, port, log_level="warning", access_log=False, timeout_graceful_shutdown=graceful_s)
        )

        def end() -> None:
            faults.clear()  # what waits at one would hold up the end
            server.drain()

        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, end)
        await server.serve()
    finally:
        await service.aclose()


async def _patiently(make: Callable[[], Awaitable[Service]]) -> Service:
    """The service, as soon as what it needs answers: all parts of a lab start at once, as they do after an outage."""
    while True:
        try:
            return await make()
        except Unavailable as error:
            log.warning("not yet: %s", error.message)
            await asyncio.sleep(RETRY_S)


def add_fault_routes(app: FastAPI, faults: Faults) -> None:
    """Let the faults be put in place over HTTP."""

    async def add(request: Request) -> Response:
        try:
            faults.add(request.path_params["name"], parse(await request.body()))
        except BadRequest as error:
            return json_response({"error": str(error)}, status=400)
        return _standing(faults)

    async def remove(request: Request) -> Response:
        faults.remove(request.path_params["name"])
        return _standing(faults)

    async def clear(_: Request) -> Response:
        faults.clear()
        return _standing(faults)

    async def standing(_: Request) -> Response:
        return _standing(faults)

    app.router.add_route("/lab/faults", standing, methods=["GET"])
    app.router.add_route("/lab/faults", clear, methods=["DELETE"])
    app.router.add_route("/lab/faults/{name}", add, methods=["POST"])
    app.router.add_route("/lab/faults/{name}", remove, methods=["DELETE"])


def _standing(faults: Faults) -> Response:
    return json_response({name: fault.model_dump() for name, fault in faults.standing.items()})


def main() -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser("chaos.lab.service", description="A replica with faults at its seams.")
    parser.add_argument("port", type=int)
    parser.add_argument("--name", default="api-0", help="its name in the journal")
    parser.add_argument("--journal", type=Path, required=True, help="folder that takes its journal")
    parser.add_argument("--seed", default="0")
    options = parser.parse_args()
    with contextlib.closing(Journal(options.journal, options.name)) as journal:
        seed = f"{options.seed}/{options.name}"
        uvloop.run(serve(load_settings(), options.port, journal, seed=seed))


if __name__ == "__main__":
    main()
