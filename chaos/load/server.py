"""The load of an experiment over HTTP on the loopback, where Chaos Toolkit's process and the terminal reach it.

GET /figures?window_s=5        the last seconds, see `rolling`
POST /notes {kind, name}       into the diary; a phase is a note of the kind "phase"
POST /rate {factor}            times the load
POST /slow-clients {number}    added to the load, until DELETE /slow-clients
POST /stop                     waits for the last reply; gives phases, diary, rows and whether the load is valid
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import orjson
from aiohttp import web

from chaos.errors import BadRequest
from chaos.load.doubts import doubts
from chaos.load.quality import QualityProbe
from chaos.load.slow_clients import SlowClients
from chaos.load.traffic import Traffic
from evals.load.generator import LoadRun

WINDOW_S = 5.0
MAX_BODY_BYTES = 1 << 20


class LoadServer:
    """Sends while it runs: `async with LoadServer(traffic) as server`.

    Args:
        traffic: the load.
        quality: asks judged questions beside it.
        port: 0 takes a free one.
    """

    def __init__(self, traffic: Traffic, quality: QualityProbe | None = None, *, port: int = 0) -> None:
        self.url = ""
        self._traffic = traffic
        self._quality = quality
        self._port = port
        self._slow = SlowClients(traffic.options.url)
        self._runner = web.AppRunner(self._app(), access_log=None, shutdown_timeout=0.1)

    async def __aenter__(self) -> LoadServer:
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._port).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        self._sending = asyncio.create_task(self._traffic.run(), name="load")
        self._judging = asyncio.create_task(self._quality.run(), name="quality") if self._quality else None
        return self

    async def __aexit__(self, *_: object) -> None:
        self._traffic.stop()
        self._traffic.stop()
        await self._end_beside()
        await asyncio.gather(self._sending, return_exceptions=True)
        await self._runner.cleanup()

    def _app(self) -> web.Application:
        app = web.Application(client_max_size=MAX_BODY_BYTES, middlewares=[_bad_requests])
        app.router.add_get("/figures", self._figures)
        app.router.add_post("/notes", self._note)
        app.router.add_post("/rate", self._rate)
        app.router.add_post("/slow-clients", self._start_slow)
        app.router.add_delete("/slow-clients", self._stop_slow)
        app.router.add_post("/stop", self._stop)
        return app

    async def _figures(self, request: web.Request) -> web.Response:
        return _json(self._traffic.figures(_positive(request.query, "window_s", WINDOW_S)))

    async def _note(self, request: web.Request) -> web.Response:
        note = await _body(request)
        if not note.keys() <= {"kind", "name", "detail"} or not {"kind", "name"} <= note.keys():
            raise BadRequest("a note has a kind and a name, and may have a detail")
        return _json(asdict(self._traffic.note(**{key: str(value) for key, value in note.items()})))

    async def _rate(self, request: web.Request) -> web.Response:
        self._traffic.factor = _positive(await _body(request), "factor")
        return _json({"rate_rps": self._traffic.options.rate_rps * self._traffic.factor})

    async def _start_slow(self, request: web.Request) -> web.Response:
        self._slow.start(int(_positive(await _body(request), "number")))
        return _json({})

    async def _stop_slow(self, _: web.Request) -> web.Response:
        await self._slow.stop()
        return _json({})

    async def _stop(self, _: web.Request) -> web.Response:
        phases = self._traffic.phases()
        self._traffic.stop()
        run = await asyncio.shield(self._sending)
        await self._end_beside()
        return _json(self._result(phases, run))

    def _result(self, phases: list[dict[str, Any]], run: LoadRun) -> dict[str, Any]:
        return {
            "started_at": self._traffic.started_at,
            "phases": phases,
            "events": [asdict(event) for event in self._traffic.events],
            "rows": self._traffic.rows(phases),
            "invalid_reasons": doubts(run.records),
            "quality": self._quality.figures() if self._quality else {},
        }

    async def _end_beside(self) -> None:
        await self._slow.stop()
        if self._judging is not None:
            self._judging.cancel()
            await asyncio.wait([self._judging])


@web.middleware
async def _bad_requests(request: web.Request, handler: Any) -> web.StreamResponse:
    try:
        response: web.StreamResponse = await handler(request)
    except BadRequest as error:
        return _json({"error": str(error)}, status=400)
    return response


async def _body(request: web.Request) -> dict[str, Any]:
    try:
        body = orjson.loads(await request.read())
    except orjson.JSONDecodeError as error:
        raise BadRequest(f"the body is not JSON: {error}") from error
    if not isinstance(body, dict):
        raise BadRequest("the body is not a JSON object")
    return body


def _positive(fields: Mapping[str, Any], name: str, default: float | None = None) -> float:
    try:
        value = float(fields.get(name, default))
    except (TypeError, ValueError):
        value = 0.0
    if not value > 0:
        raise BadRequest(f"{name} must be a number above 0")
    return value


def _json(content: object, status: int = 200) -> web.Response:
    body = orjson.dumps(content, option=orjson.OPT_SERIALIZE_NUMPY)
    return web.Response(body=body, status=status, content_type="application/json")
