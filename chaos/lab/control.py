"""The lab's HTTP interface on the loopback, for who runs experiments from another process.

| request | what it does |
|---|---|
| `GET /` | addresses, and the state of each child |
| `POST /faults` | `{"seam", "kind", ...}`, see `chaos.faults.request`, and a `name` if you like; on every replica |
| `DELETE /faults`, `DELETE /faults/{name}` | takes all, or this one, away |
| `POST /processes/{name}/{stop,cont,kill,restart}` | SIGSTOP, SIGCONT, SIGKILL; restart returns when it serves again |
| `GET /events?since=0` | what happened, see `chaos.lab.journal`; `since` in seconds since the epoch |

A replica that is started again has no faults. Requests that are wrong get 400, what cannot be done 503.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from itertools import count
from pathlib import Path
from typing import Any

import aiohttp
import orjson
from aiohttp import web

from chaos.errors import BadRequest, CannotRun
from chaos.faults.process import Child
from chaos.faults.request import parse
from chaos.lab import journal
from chaos.lab.addresses import HOST

#: A replica that is paused does not answer.
REPLICA_TIMEOUT_S = 2.0


class Control:
    """Serves the interface.

    Args:
        children: by name.
        replicas: name -> port of those that have seams.
        folder: holds the journals.
        addresses: what `GET /` tells.
    """

    def __init__(
        self,
        children: Mapping[str, Child],
        replicas: Mapping[str, int],
        folder: Path,
        addresses: Callable[[], Mapping[str, object]],
    ) -> None:
        self._children = children
        self._replicas = replicas
        self._folder = folder
        self._addresses = addresses
        self._numbers = count(1)
        self._runner = web.AppRunner(self._app(), access_log=None, shutdown_timeout=1.0)

    async def start(self, port: int) -> None:
        """Serve until `aclose`."""
        timeout = aiohttp.ClientTimeout(total=REPLICA_TIMEOUT_S)
        self._session = aiohttp.ClientSession(timeout=timeout)
        await self._runner.setup()
        await web.TCPSite(self._runner, HOST, port).start()

    async def aclose(self) -> None:
        """Stop serving."""
        await self._runner.cleanup()
        await self._session.close()

    def _app(self) -> web.Application:
        app = web.Application(middlewares=[_errors])
        app.router.add_get("/", self._state)
        app.router.add_post("/faults", self._add)
        app.router.add_delete("/faults", self._clear)
        app.router.add_delete("/faults/{name}", self._clear)
        app.router.add_post("/processes/{name}/{action}", self._process)
        app.router.add_get("/events", self._events)
        return app

    async def _state(self, _: web.Request) -> web.Response:
        states = {name: {"pid": child.pid, "state": child.state} for name, child in self._children.items()}
        return web.json_response({**self._addresses(), "children": states})

    async def _add(self, request: web.Request) -> web.Response:
        body = await request.read()
        fields = _fields(body)
        name = str(fields.pop("name", None) or f"fault-{next(self._numbers)}")
        parse(orjson.dumps(fields))
        reached = await self._on_replicas("POST", f"/{name}", fields)
        if "ok" not in reached.values():
            raise CannotRun(f"the fault reached no replica: {reached}")
        return web.json_response({"name": name, "replicas": reached})

    async def _clear(self, request: web.Request) -> web.Response:
        name = request.match_info.get("name")
        reached = await self._on_replicas("DELETE", f"/{name}" if name else "")
        if set(reached.values()) - {"ok", "ended"}:
            raise CannotRun(f"the fault may stand on: {reached}")
        return web.json_response({"replicas": reached})

    async def _process(self, request: web.Request) -> web.Response:
        name, action = request.match_info["name"], request.match_info["action"]
        child = self._children.get(name)
        if child is None:
            raise BadRequest(f"no child is called {name!r}; there are {', '.join(self._children)}")
        match action:
            case "stop":
                child.pause()
            case "cont":
                child.resume()
            case "kill":
                await child.kill()
            case "restart":
                await child.restart()
            case _:
                raise BadRequest(f"a process cannot {action!r}; it can stop, cont, kill and restart")
        return web.json_response({"name": name, "pid": child.pid, "state": child.state})

    async def _events(self, request: web.Request) -> web.Response:
        try:
            since = float(request.query.get("since", "0"))
        except ValueError:
            raise BadRequest("since is no number") from None
        return web.json_response(journal.read(self._folder, since))

    async def _on_replicas(self, method: str, path: str, body: object = None) -> dict[str, str]:
        """Ask every replica that runs; replica -> "ok", or its state or the error where it was not reached.

        One that is paused is not asked: it would do what it was told when nobody expects it any more.

        Raises:
            BadRequest: a replica refuses.
        """
        states: dict[str, str] = {name: self._children[name].state for name in self._replicas}
        running = [name for name, state in states.items() if state == "running"]
        told = await asyncio.gather(*(self._on_replica(name, method, path, body) for name in running))
        return states | dict(zip(running, told, strict=True))

    async def _on_replica(self, name: str, method: str, path: str, body: object) -> str:
        url = f"http://{HOST}:{self._replicas[name]}/lab/faults{path}"
        try:
            async with self._session.request(method, url, json=body) as response:
                if response.status == 400:
                    raise BadRequest((await response.json())["error"])
                return "ok" if response.status == 200 else f"status {response.status}"
        except (aiohttp.ClientError, TimeoutError) as error:
            return type(error).__name__


def _fields(body: bytes) -> dict[str, Any]:
    try:
        fields = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise BadRequest(f"the body is no JSON: {error}") from None
    if not isinstance(fields, dict):
        raise BadRequest("the body is no JSON object")
    return fields


@web.middleware
async def _errors(request: web.Request, handler: Callable[[web.Request], Any]) -> web.StreamResponse:
    """Our errors as JSON: 400 for what was asked wrongly, 503 for what cannot be done."""
    try:
        response: web.StreamResponse = await handler(request)
    except BadRequest as error:
        return web.json_response({"error": str(error)}, status=400)
    except CannotRun as error:
        return web.json_response({"error": str(error)}, status=503)
    return response
