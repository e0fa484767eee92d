"""A client for the fault proxy, or for Toxiproxy itself."""

from __future__ import annotations

from typing import Any, Self
from urllib.parse import quote

import aiohttp

from chaos.errors import BadRequest

TIMEOUT_S = 10.0


class ProxyClient:
    """`async with ProxyClient("http://127.0.0.1:8474") as client` drives it.

    All methods raise `BadRequest` when the server refuses, with its status, and `aiohttp.ClientError` or
    `TimeoutError` when it does not answer.
    """

    def __init__(self, url: str, *, timeout_s: float = TIMEOUT_S) -> None:
        self._url = url.rstrip("/")
        self._timeout = aiohttp.ClientTimeout(timeout_s)
        self._session: aiohttp.ClientSession

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(timeout=self._timeout)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    async def proxies(self) -> dict[str, dict[str, Any]]:
        """All proxies, with their toxics, by name."""
        return dict(await self._send("GET", "/proxies"))

    async def create(self, name: str, listen: str, upstream: str) -> dict[str, Any]:
        """Add a proxy; with port 0, `listen` of what comes back is where it is."""
        return dict(await self._send("POST", "/proxies", {"name": name, "listen": listen, "upstream": upstream}))

    async def update(self, name: str, **fields: Any) -> dict[str, Any]:
        """Change `listen`, `upstream` or `enabled` of a proxy."""
        return dict(await self._send("PATCH", f"/proxies/{quote(name, '')}", fields))

    async def delete(self, name: str) -> None:
        """Close a proxy and forget it."""
        await self._send("DELETE", f"/proxies/{quote(name, '')}")

    async def add(self, proxy: str, toxic: dict[str, Any]) -> dict[str, Any]:
        """Put a toxic on a proxy: `{"type": "latency", "attributes": {"latency": 100}, "duration": 5000}`."""
        return dict(await self._send("POST", f"/proxies/{quote(proxy, '')}/toxics", toxic))

    async def change(self, proxy: str, name: str, **fields: Any) -> dict[str, Any]:
        """Change `attributes`, `toxicity` or `duration` of a toxic."""
        return dict(await self._send("PATCH", f"/proxies/{quote(proxy, '')}/toxics/{quote(name, '')}", fields))

    async def remove(self, proxy: str, name: str) -> None:
        """Take a toxic away."""
        await self._send("DELETE", f"/proxies/{quote(proxy, '')}/toxics/{quote(name, '')}")

    async def reset(self) -> None:
        """Have all proxies listen, without toxics."""
        await self._send("POST", "/reset")

    async def _send(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        async with self._session.request(method, self._url + path, json=body) as response:
            if response.ok:
                return await response.json(content_type=None)
            raise BadRequest(f"{method} {path}: {(await response.text()).strip()}", response.status)
