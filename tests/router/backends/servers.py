"""Servers of a model that do what a test tells them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable

from router.backends.health import ServerLoad
from router.types import Chunk, Prompt


class Scripted:
    """A server: it answers with its name, after the gate is open, or raises what it is told to.

    Attributes:
        answers: what it says; an error is raised where it stands.
        load: what it says of itself; None for no answer.
        gate: closed, it says nothing.
        work: what happens before it says anything.
        asked: set by a request.
        prompts: what it was asked.
        limits_s: seconds that it was given for each.
        under_way: streams that are open.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.answers: list[Chunk | Exception] = [Chunk(name), Chunk("", "stop")]
        self.load: ServerLoad | None = ServerLoad()
        self.gate = asyncio.Event()
        self.gate.set()
        self.work: Callable[[], object] = lambda: None
        self.asked = asyncio.Event()
        self.prompts: list[Prompt] = []
        self.limits_s: list[float] = []
        self.under_way = 0
        self.closed = False

    async def stream(self, prompt: Prompt, *, timeout_s: float) -> AsyncGenerator[Chunk, None]:
        self.prompts.append(prompt)
        self.limits_s.append(timeout_s)
        self.under_way += 1
        self.asked.set()
        try:
            await self.gate.wait()
            self.work()
            for answer in self.answers:
                if isinstance(answer, Exception):
                    raise answer
                yield answer
        finally:
            self.under_way -= 1

    async def look(self, *, timeout_s: float) -> ServerLoad | None:
        return self.load

    async def aclose(self) -> None:
        self.closed = True
