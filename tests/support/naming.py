"""A model that is only looked at."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from router.types import Chunk, Prompt


class Named:
    """A back end with a name, which must not be called."""

    def __init__(self, name: str) -> None:
        self.name = name

    async def stream(self, prompt: Prompt, *, timeout_s: float) -> AsyncGenerator[Chunk, None]:
        raise AssertionError("choosing must not call a model")
        yield Chunk()

    async def aclose(self) -> None:
        raise AssertionError("choosing must not close a model")
