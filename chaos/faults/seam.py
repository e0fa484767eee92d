"""A seam with faults before it: a wrapper that has whatever methods the adapter has."""

from __future__ import annotations

import inspect
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from functools import wraps
from typing import Any

Meet = Callable[[], Awaitable[None]]


class Faulty:
    """An adapter whose calls meet the faults at its seam; a wrapper of the same type.

    A call is an async method, or a stream, that takes `timeout_s`, as every call of a port does (`rag.ports`).
    Properties, counts and `aclose` are no calls: a fault must not keep a process from ending.

    Args:
        adapter: does the work.
        meet: awaited before each call.
    """

    def __init__(self, adapter: Any, meet: Meet) -> None:
        self._adapter = adapter
        self._meet = meet

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._adapter, name)
        if not is_call(found):
            return found
        call = _stream(found, self._meet) if inspect.isasyncgenfunction(found) else _call(found, self._meet)
        setattr(self, name, call)  # found without this method from here on
        return call


def is_call(member: Any) -> bool:
    """Whether it is a call of a port."""
    runs = inspect.iscoroutinefunction(member) or inspect.isasyncgenfunction(member)
    return runs and "timeout_s" in inspect.signature(member).parameters


def _call(method: Callable[..., Awaitable[Any]], meet: Meet) -> Callable[..., Awaitable[Any]]:
    @wraps(method)
    async def call(*args: Any, **kwargs: Any) -> Any:
        await meet()
        return await method(*args, **kwargs)

    return call


def _stream(method: Callable[..., AsyncGenerator[Any, None]], meet: Meet) -> Callable[..., AsyncGenerator[Any, None]]:
    @wraps(method)
    async def stream(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, None]:
        await meet()
        async with aclosing(method(*args, **kwargs)) as items:
            async for item in items:
                yield item

    return stream
