"""All proxies of a server, by their names: what its API does."""

from __future__ import annotations

import asyncio
from typing import Any

from chaos.errors import BadRequest
from chaos.proxy.body import BAD_BODY, ProxyBody, ToxicBody, ToxicChange, decode, fill
from chaos.proxy.injection import Injection
from chaos.proxy.proxy import CONFLICT, NOT_FOUND, Context, Proxy
from chaos.proxy.toxics import TOXICS
from chaos.proxy.toxics.toxic import Stream


class Proxies:
    """The collection. Bodies come in as they were sent; proxies and toxics come out as Toxiproxy shows them.

    All methods raise `BadRequest` with the status that Toxiproxy answers.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self._proxies: dict[str, Proxy] = {}
        self._changing = asyncio.Lock()

    def find(self, name: str) -> Proxy:
        """The proxy of this name."""
        if name not in self._proxies:
            raise BadRequest("proxy not found", NOT_FOUND)
        return self._proxies[name]

    def index(self) -> dict[str, Any]:
        """All proxies, by name."""
        return {name: proxy.as_json() for name, proxy in sorted(self._proxies.items())}

    async def create(self, text: str) -> dict[str, Any]:
        """Add a proxy."""
        body = fill(ProxyBody, decode(text))
        body.require()
        async with self._changing:
            if body.name in self._proxies:
                raise BadRequest("proxy already exists", CONFLICT)
            return (await self._put(body)).as_json()

    async def populate(self, text: str, applied: list[dict[str, Any]]) -> None:
        """Have these proxies, among others: one that is there with the same addresses stays as it is.

        Args:
            text: List of proxies; all are checked before any is touched.
            applied: Takes the proxies one by one, so that it has those before one that fails.
        """
        value = decode(text)
        if not isinstance(value, list | None):
            raise BadRequest(f"{BAD_BODY}: not a JSON array")
        bodies = [fill(ProxyBody, each) for each in value or ()]
        for number, body in enumerate(bodies, 1):
            body.require(f" at proxy {number}")
        async with self._changing:
            for body in bodies:
                existing = self._proxies.get(body.name)
                if existing and existing.upstream == body.upstream and await existing.listens_on(body.listen):
                    applied.append(existing.as_json())
                    continue
                if existing:
                    existing.close()
                applied.append((await self._put(body)).as_json())

    async def update(self, name: str, text: str) -> dict[str, Any]:
        """Change a proxy's addresses, or whether it listens."""
        async with self._changing:
            proxy = self.find(name)
            unchanged = {"listen": proxy.listen, "upstream": proxy.upstream, "enabled": proxy.enabled}
            body = fill(ProxyBody, decode(text), unchanged)
            await proxy.update(listen=body.listen, upstream=body.upstream, enabled=body.enabled)
            return proxy.as_json()

    async def delete(self, name: str) -> None:
        """Close a proxy and forget it."""
        async with self._changing:
            self.find(name).close()
            del self._proxies[name]

    async def reset(self) -> None:
        """Have all proxies listen, without toxics."""
        async with self._changing:
            for proxy in self._proxies.values():
                await proxy.start()
                proxy.clear()

    def close(self) -> None:
        """Close all proxies, for good."""
        for proxy in self._proxies.values():
            proxy.close()

    def add_toxic(self, name: str, text: str) -> dict[str, Any]:
        """Put a toxic on a proxy."""
        proxy = self.find(name)
        body = fill(ToxicBody, decode(text))
        if body.stream.lower() not in tuple(Stream):
            raise BadRequest("stream was invalid, can be either upstream or downstream")
        stream = Stream(body.stream.lower())
        if body.type not in TOXICS:
            raise BadRequest("invalid toxic type")
        toxic_name = body.name or f"{body.type}_{body.stream}"
        proxy.require_free(toxic_name)
        toxic = fill(TOXICS[body.type], body.attributes)
        injection = Injection(toxic_name, stream, body.toxicity, toxic, body.duration)
        proxy.add(injection)
        return injection.as_json()

    def change_toxic(self, name: str, toxic_name: str, text: str) -> dict[str, Any]:
        """Change a toxic's attributes, toxicity or duration; what is not given stays."""
        proxy = self.find(name)
        injection = proxy.find(toxic_name)
        unchanged = {"toxicity": injection.toxicity, "duration": injection.duration_ms}
        body = fill(ToxicChange, decode(text), unchanged)
        injection.toxic = fill(type(injection.toxic), body.attributes, injection.toxic.model_dump())
        injection.toxicity, injection.duration_ms = body.toxicity, body.duration
        proxy.changed(injection)
        return injection.as_json()

    async def _put(self, body: ProxyBody) -> Proxy:
        """Put a proxy in its place, once it listens."""
        proxy = Proxy(self._context, body.name, body.listen, body.upstream)
        if body.enabled:
            await proxy.start()
        self._proxies[body.name] = proxy
        return proxy
