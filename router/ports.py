"""What the router needs from a model."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Protocol

from router.types import Chunk, Prompt


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
