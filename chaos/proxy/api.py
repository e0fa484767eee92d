"""Toxiproxy's HTTP API."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import orjson
from aiohttp import web

from chaos.errors import BadRequest
from chaos.proxy.metrics import Metrics
from chaos.proxy.proxies import Proxies
from rag.version import __version__

#: The API's, with ours behind it as build metadata (semver.org, item 10).
VERSION = f"2.12.0+steadyrag.{__version__}"
#: Go's `http.Error` says the same.
ERROR_HEADERS = {"Content-Type": "text/plain; charset=utf-8", "X-Content-Type-Options": "nosniff"}

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def create_api(proxies: Proxies, metrics: Metrics) -> web.Application:
    """The application that drives these proxies."""
    app = web.Application(middlewares=[_refuse_browsers, _answer_errors])
    app.add_routes(_Routes(proxies, metrics).table())
    return app


@web.middleware
async def _refuse_browsers(request: web.Request, handler: Handler) -> web.StreamResponse:
    """A page in a browser must not be able to drive a proxy of the machine that shows it."""
    if request.headers.get("User-Agent", "").startswith("Mozilla/"):
        return web.Response(text="User agent not allowed\n", status=403, headers=ERROR_HEADERS)
    return await handler(request)


@web.middleware
async def _answer_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except BadRequest as error:
        body = orjson.dumps(_error(error)) + b"\n"
        return web.Response(body=body, status=error.status, headers=ERROR_HEADERS)


def _error(error: BadRequest) -> dict[str, Any]:
    return {"error": str(error), "status": error.status}


def _json(value: Any, status: int = 200) -> web.Response:
    return web.Response(body=orjson.dumps(value), status=status, content_type="application/json")


async def _text(request: web.Request) -> str:
    """JSON is UTF-8 (RFC 8259), whatever the content type says."""
    return (await request.read()).decode("utf-8", "replace")


class _Routes:
    """The handlers; `p` and `t` in a path are the names of a proxy and of a toxic."""

    def __init__(self, proxies: Proxies, metrics: Metrics) -> None:
        self._proxies = proxies
        self._metrics = metrics

    def table(self) -> list[web.RouteDef]:
        """Toxiproxy's routes; POST to what exists is the older way to say PATCH."""
        proxy, toxic = "/proxies/{p}", "/proxies/{p}/toxics/{t}"
        get = {
            "/proxies": self._index,
            proxy: self._show,
            f"{proxy}/toxics": self._toxics,
            toxic: self._show_toxic,
            "/version": self._version,
            "/metrics": self._tell_metrics,
        }
        post = {
            "/proxies": self._create,
            "/populate": self._populate,
            "/reset": self._reset,
            proxy: self._update,
            f"{proxy}/toxics": self._add_toxic,
            toxic: self._change_toxic,
        }
        return [
            *(web.get(path, handler, allow_head=False) for path, handler in get.items()),
            *(web.post(path, handler) for path, handler in post.items()),
            web.patch(proxy, self._update),
            web.patch(toxic, self._change_toxic),
            web.delete(proxy, self._delete),
            web.delete(toxic, self._remove_toxic),
        ]

    async def _index(self, request: web.Request) -> web.Response:
        return _json(self._proxies.index())

    async def _show(self, request: web.Request) -> web.Response:
        return _json(self._proxies.find(request.match_info["p"]).as_json())

    async def _create(self, request: web.Request) -> web.Response:
        return _json(await self._proxies.create(await _text(request)), 201)

    async def _populate(self, request: web.Request) -> web.Response:
        """An error comes as JSON here, with the proxies that were done."""
        applied: list[dict[str, Any]] = []
        try:
            await self._proxies.populate(await _text(request), applied)
        except BadRequest as error:
            return _json(_error(error) | {"proxies": applied}, error.status)
        return _json({"proxies": applied}, 201)

    async def _update(self, request: web.Request) -> web.Response:
        return _json(await self._proxies.update(request.match_info["p"], await _text(request)))

    async def _delete(self, request: web.Request) -> web.Response:
        await self._proxies.delete(request.match_info["p"])
        return web.Response(status=204)

    async def _reset(self, request: web.Request) -> web.Response:
        await self._proxies.reset()
        return web.Response(status=204)

    async def _toxics(self, request: web.Request) -> web.Response:
        return _json(self._proxies.find(request.match_info["p"]).toxics())

    async def _show_toxic(self, request: web.Request) -> web.Response:
        return _json(self._proxies.find(request.match_info["p"]).find(request.match_info["t"]).as_json())

    async def _add_toxic(self, request: web.Request) -> web.Response:
        return _json(self._proxies.add_toxic(request.match_info["p"], await _text(request)))

    async def _change_toxic(self, request: web.Request) -> web.Response:
        names = request.match_info
        return _json(self._proxies.change_toxic(names["p"], names["t"], await _text(request)))

    async def _remove_toxic(self, request: web.Request) -> web.Response:
        self._proxies.find(request.match_info["p"]).remove(request.match_info["t"])
        return web.Response(status=204)

    async def _version(self, request: web.Request) -> web.Response:
        return _json({"version": VERSION})

    async def _tell_metrics(self, request: web.Request) -> web.Response:
        return web.Response(body=self._metrics.text(), headers={"Content-Type": "text/plain; version=0.0.4"})
