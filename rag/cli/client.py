"""HTTP to a running service. A module of its own, for aiohttp takes a tenth of a second to import."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from rag.errors import (
    ConfigError,
    Forbidden,
    InvalidRequest,
    NotFound,
    Overloaded,
    SteadyragError,
    Unauthorized,
    Unavailable,
)

#: Longer than the longest time limit that a request may ask for.
TIMEOUT_S = 660.0


class Remote:
    """A running service."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session = session
        self._url = url

    async def call(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        """Send a request; give back its JSON.

        Raises:
            SteadyragError: nobody answers, or the service says no.
        """
        try:
            async with self._session.request(method, self._url + path, json=body) as response:
                content = await response.json(content_type=None)
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise ConfigError(f"no steadyrag answers at {self._url} ({type(error).__name__}); is it running?") from None
        if not isinstance(content, dict):
            raise ConfigError(f"{self._url} does not speak steadyrag's language")
        if response.status >= 400:
            raise _error(response.status, content)
        return content

    @asynccontextmanager
    async def download(self, path: str) -> AsyncIterator[tuple[int | None, AsyncIterator[bytes]]]:
        """The length in bytes, where it is told, and the pieces of what lies at `path`.

        Raises:
            SteadyragError: nobody answers, the service says no, or the connection breaks.
        """
        try:
            async with self._session.get(self._url + path) as response:
                if response.status >= 400:
                    raise _error(response.status, await response.json(content_type=None))
                yield response.content_length, response.content.iter_chunked(1 << 20)
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise ConfigError(f"{self._url} did not give {path} ({type(error).__name__}); is it running?") from None


@asynccontextmanager
async def connected(url: str, key: str | None = None) -> AsyncIterator[Remote]:
    """A connection to the service at `url`, for whoever holds the key."""
    timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
    async with aiohttp.ClientSession(timeout=timeout, headers=_bearer(key)) as session:
        yield Remote(session, url)


def _bearer(key: str | None) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"} if key else {}


def _error(status: int, content: dict[str, Any]) -> SteadyragError:
    nested = content.get("error")
    message = nested.get("message") if isinstance(nested, dict) else content.get("detail")
    if status in {Unauthorized.status, Forbidden.status}:
        return ConfigError(
            f"{message}. Commands send STEADYRAG_API_KEY, else STEADYRAG_ADMIN_KEY; "
            "while the service is stopped, `steadyrag keys` needs none"
        )
    kind = {404: NotFound}.get(status, Unavailable if status >= 500 or status == 429 else InvalidRequest)
    if content.get("code") == Overloaded.code:
        kind = Overloaded
    return kind(str(message or f"the service answered {status}"))
