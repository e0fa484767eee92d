"""How activities reach the fault proxy, the lab and the load: HTTP, from the plain functions that Chaos Toolkit calls.

An experiment's `configuration` holds the addresses: `url` (the service), `proxy_url`, `control_url` (the lab),
`load_url`. `steadyrag chaos run` fills them in.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import aiohttp

from chaos.errors import BadRequest
from chaos.load.traffic import FAULT_OFF, FAULT_ON

#: A process that is started again has taken in its indexes by then.
TIMEOUT_S = 60.0

P = ParamSpec("P")
T = TypeVar("T")
Configuration = Mapping[str, Any]


def activity(function: Callable[P, Coroutine[Any, Any, T]]) -> Callable[P, T]:
    """The coroutine function as Chaos Toolkit calls it: from a thread, which it holds until it is done."""

    @wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        return asyncio.run(function(*args, **kwargs))

    return run


async def call(method: str, url: str, body: Mapping[str, Any] | None = None, *, known: tuple[int, ...] = ()) -> Any:
    """The JSON of the reply; None without any.

    Args:
        method: of HTTP.
        url: whom to ask.
        body: sent as JSON.
        known: statuses beyond those of success that are none of an error.

    Raises:
        BadRequest: it is refused, or nothing answers; the message says by whom and why.
    """
    timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.request(method, url, json=body) as response,
        ):
            if response.status >= 400 and response.status not in known:
                raise BadRequest(f"{method} {url}: {response.status} {await response.text()}")
            return await response.json(content_type=None) if response.status < 300 else None
    except (aiohttp.ClientError, TimeoutError) as error:
        raise BadRequest(f"{method} {url}: {error or 'no reply'}") from error


def address(configuration: Configuration, key: str, path: str) -> str:
    """The path below an address of the configuration.

    Raises:
        BadRequest: there is no such address, as when a deployment has no lab.
    """
    if not configuration.get(key):
        raise BadRequest(f"the configuration has no {key}; the experiment needs it")
    return f"{str(configuration[key]).rstrip('/')}{path}"


async def note(configuration: Configuration, kind: str, name: str, detail: str = "") -> None:
    """Write into the diary of the load."""
    await call("POST", address(configuration, "load_url", "/notes"), {"kind": kind, "name": name, "detail": detail})


async def begun(configuration: Configuration, name: str, detail: str = "") -> None:
    """Note that a fault is in place: call it once it is, so that whoever asks from then on meets it."""
    await note(configuration, FAULT_ON, name, detail)


async def ending(configuration: Configuration, name: str) -> None:
    """Note that a fault ends: call it before it does, so that whoever was answered until then met it."""
    await note(configuration, FAULT_OFF, name)
