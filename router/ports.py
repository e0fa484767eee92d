"""What the router needs from a model."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Protocol, runtime_checkable

from router.types import Chunk, Load, Prompt


class ChatBackend(Protocol):
    """A model that answers a prompt, piece by piece."""

    @property
    def name(self) -> str:
        """The model's name, as answers state it."""

    def stream(self, prompt: Prompt, *, timeout_s: float) -> AsyncGenerator[Chunk, None]:
        """Answer the prompt. Closing the generator cancels the generation at the server.

        Args:
            prompt: the question with its evidence.
            timeout_s: bound of the whole generation, seconds.

        Raises:
            ModelError: see the tree in `router.errors`.
        """

    async def aclose(self) -> None:
        """Give back connections."""


@runtime_checkable
class Reporting(Protocol):
    """A back end that knows how its servers fare, whoever else asks them."""

    def load(self) -> Load:
        """As last heard; must not wait."""
